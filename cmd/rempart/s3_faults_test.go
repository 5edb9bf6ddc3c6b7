package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// badHost is an S3 host of a home that can do to it what a host can do.
type badHost struct {
	*hosttest.Server
	home  string
	fault atomic.Pointer[hosttest.Fault] // of every request; nil is none
}

// movedTo is a home at a stage that has moved to an S3 server.
func movedTo(t *testing.T, server string, s stage) *badHost {
	t.Helper()
	b := &badHost{Server: hosttest.Start(t, server), home: homeAt(t, s)}
	url := hosttest.Through(t, b.Config.Endpoint, func(w http.ResponseWriter, r *http.Request, host http.Handler) {
		if fault := b.fault.Load(); fault != nil {
			(*fault)(w, r, host)
			return
		}
		host.ServeHTTP(w, r)
	})
	must(t, b.home, "host", "add", "store", "--kind", "s3", "--url", url, "--bucket", b.Config.Bucket, "--credentials-file", b.Config.CredentialsFile, "--jurisdiction", "FR")
	must(t, b.home, "host", "migrate", "--to", "store")
	return b
}

// does lets the host do something else to every request, until it is nil.
func (b *badHost) does(fault hosttest.Fault) {
	if fault == nil {
		b.fault.Store(nil)
		return
	}
	b.fault.Store(&fault)
}

// body is what the host keeps under a name.
func (b *badHost) body(t *testing.T, name string) []byte {
	t.Helper()
	got, err := b.Client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.Config.Bucket, Key: &name})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// puts lets the host keep something under a name, whether or not it is taken.
func (b *badHost) puts(t *testing.T, name string, body []byte) {
	t.Helper()
	_, err := b.Client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &b.Config.Bucket, Key: &name, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func refusal(w http.ResponseWriter, code int, name string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>`+name+`</Code></Error>`) // the client may be gone
}

func readOnly(w http.ResponseWriter, r *http.Request, host http.Handler) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refusal(w, http.StatusForbidden, "AccessDenied")
		return
	}
	host.ServeHTTP(w, r)
}

// TestS3HostFaults does to an S3 host what was done to a directory: after each,
// verification says the truth, a repair removes what is left over, and no release
// is half visible.
func TestS3HostFaults(t *testing.T) {
	t.Parallel()
	for _, server := range hosttest.Servers() {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			b := movedTo(t, server, published)
			objects := objectsOf(t, b.home, func(key string) bool { return strings.HasPrefix(key, "release-") })
			one, other := b.body(t, objects[0]), b.body(t, objects[1])
			told := func(what string, names ...string) {
				t.Helper()
				o := command(t, b.home, "audit", "verify")
				for _, name := range names {
					if o.code != exitDamaged || !strings.Contains(o.stdout, name) {
						t.Errorf("%s: %s", what, o)
					}
				}
			}

			b.does(readOnly)
			refused(t, exitError, "see whether", b.home, "release", "publish")
			must(t, b.home, "release", "verify")
			sound(t, b.home)
			b.does(nil)

			b.puts(t, objects[0], other)
			b.puts(t, objects[1], one)
			told("two objects changed places", objects[0], objects[1])
			b.puts(t, objects[0], one[:len(one)-100])
			b.puts(t, objects[1], other)
			told("an object is shorter", objects[0])
			b.puts(t, objects[0], one)
			twin := host.NewName()
			b.puts(t, twin, one)
			told("an object is there twice", twin)
			if out := must(t, b.home, "lake", "repair"); !strings.Contains(out, "Removed 1 objects") {
				t.Errorf("rempart lake repair: %s", out)
			}
			sound(t, b.home)

			half := b.uploadsHalf(t)
			told("an upload ended half way", "1 upload in parts ended half way")
			if out := must(t, b.home, "lake", "repair"); !strings.Contains(out, "1 upload in parts") {
				t.Errorf("rempart lake repair: %s", out)
			}
			left, err := b.Client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.Config.Bucket, Prefix: &half})
			if err != nil || len(left.Uploads) > 0 {
				t.Errorf("%d half uploads are left, %v", len(left.Uploads), err)
			}
			sound(t, b.home)
			must(t, b.home, "release", "publish")
			sound(t, b.home)
		})
	}
}

// uploadsHalf leaves what a kill -9 within an upload leaves: a part, and no object.
func (b *badHost) uploadsHalf(t *testing.T) (name string) {
	t.Helper()
	name = host.NewName()
	begun, err := b.Client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.Config.Bucket, Key: &name})
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 5<<20)
	_, err = b.Client.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &b.Config.Bucket, Key: &name, UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(part),
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestForkedHost shows two readers different releases: one sees all, the other the
// state before the last release. Both have the same ledger, and the other is told
// that objects are missing; nobody is given the release before in its place.
func TestForkedHost(t *testing.T) {
	t.Parallel()
	b := movedTo(t, "versitygw", published)
	earlier := releasesOf(t, b.home)
	before := objectsOf(t, b.home, func(string) bool { return true })
	last := releaseIn(t, must(t, b.home, "release", "publish"))
	later := slices.DeleteFunc(objectsOf(t, b.home, func(string) bool { return true }), func(name string) bool { return slices.Contains(before, name) })
	if len(earlier) != 1 || len(later) < 20 {
		t.Fatalf("%d releases before, %d objects of the last one", len(earlier), len(later))
	}

	must(t, b.home, "release", "verify", last) // the one reader
	sound(t, b.home)
	b.does(func(w http.ResponseWriter, r *http.Request, host http.Handler) {
		if slices.Contains(later, filepath.Base(r.URL.Path)) {
			refusal(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		host.ServeHTTP(w, r)
	})
	must(t, b.home, "release", "verify", earlier[0]) // the other
	for _, args := range [][]string{{"release", "show"}, {"release", "verify"}, {"release", "verify", last}, {"audit", "verify"}} {
		o := command(t, b.home, args...)
		if o.code != exitDamaged || !strings.Contains(o.stdout+o.stderr, "is missing") || strings.Contains(o.stdout, "Release "+earlier[0]) {
			t.Errorf("rempart %s: %s", strings.Join(args, " "), o)
		}
	}
}

// TestReadOnlyHost makes the host's disk read-only: whatever writes there fails
// with one sentence and leaves nothing; whatever reads goes on.
func TestReadOnlyHost(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, extracted)
	dir := filepath.Join(home, "host")
	objects := map[string][]byte{}
	for _, path := range filesOf(t, dir) {
		objects[path] = read(t, path)
	}
	mountTmpfs(t, dir, 64<<20)
	for path, body := range objects {
		overwrite(t, path, body)
	}
	protect := func(flag uintptr) {
		t.Helper()
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flag, ""); err != nil {
			t.Fatal(err)
		}
	}
	protect(unix.MS_RDONLY)
	for _, args := range [][]string{
		{"release", "publish"}, {"linkage", "run"}, {"run", "--project", "flu", write(t, "sexes.sql", study)},
		{"deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(population(t), "hospital-1")},
	} {
		refused(t, exitError, "read-only file system", home, args...)
		must(t, home, "release", "verify")
	}
	protect(0)
	afterCrash(t, home)
	must(t, home, "release", "publish")
	sound(t, home)
	if left, err := os.ReadDir(dir); err != nil || len(left) < len(objects) {
		t.Errorf("%d objects, %v", len(left), err)
	}
}
