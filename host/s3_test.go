package host_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// eachServer runs a test against every real server.
func eachServer(t *testing.T, test func(t *testing.T, server *hosttest.Server)) {
	for _, name := range hosttest.Servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, hosttest.Start(t, name))
		})
	}
}

func openS3(t testing.TB, c host.S3Config) *host.S3 {
	t.Helper()
	s, err := host.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *hosttest.Server) {
		store := openS3(t, server.Config)
		hosttest.Run(t, store)
		t.Run("a deleted name", func(t *testing.T) { again(t, store) })
		t.Run("in parts", func(t *testing.T) { inParts(t, store) })
		t.Run("interrupted in parts", func(t *testing.T) { interrupted(t, store) })
		t.Run("nothing is left", func(t *testing.T) {
			empty(t, store)
			if n := server.Versions(t); n != 0 {
				t.Errorf("%d versions can be brought back", n)
			}
		})
	})
}

// again puts an object under a name that was deleted. A host that refuses that has
// nothing there, and the error says what to do.
func again(t *testing.T, store host.Store) {
	name := host.NewName()
	if err := errors.Join(store.Put(t.Context(), name, random(5)), store.Delete(t.Context(), name)); err != nil {
		t.Fatal(err)
	}
	err := store.Put(t.Context(), name, random(5))
	if err != nil && (!errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "use a new bucket")) {
		t.Error(err)
	}
	if _, open := store.Open(t.Context(), name); (err == nil) != (open == nil) {
		t.Errorf("put: %v; open: %v", err, open)
	}
}

// random is a body of a length, the same for the same length.
func random(size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)}), size)
}

// inParts stores bodies about the length of a part, and one of many.
func inParts(t *testing.T, store host.Store) {
	const part = 8 << 20
	for _, size := range []int64{0, 1, part - 1, part, part + 1, 2 * part, 5*part + 3} {
		name := host.NewName()
		if err := store.Put(t.Context(), name, random(size)); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err := store.Put(t.Context(), name, random(size)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%d bytes again: %v", size, err)
		}
		want, got := sha256.New(), sha256.New()
		if _, err := io.Copy(want, random(size)); err != nil {
			t.Fatal(err)
		}
		o, err := store.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(got, io.NewSectionReader(o, 0, o.Size())); err != nil || o.Size() != size {
			t.Errorf("%d of %d bytes: %v", o.Size(), size, err)
		}
		if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
			t.Errorf("%d bytes came back otherwise", size)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// interrupted breaks uploads off when parts are sent already.
func interrupted(t *testing.T, store *host.S3) {
	boom := errors.New("the reader failed")
	name := host.NewName()
	if err := store.Put(t.Context(), name, io.MultiReader(random(20<<20), failing{boom})); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
	cut := io.MultiReader(random(20<<20), failing{io.ErrUnexpectedEOF})
	if err := store.Put(t.Context(), name, cut); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body cut short: %v", err)
	}
	if n, err := store.AbortIncomplete(t.Context()); n != 0 || err != nil {
		t.Errorf("%d half uploads were left, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := store.Put(ctx, name, io.MultiReader(random(20<<20), calling(cancel), random(20<<20))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := store.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	// A host that still works on a part when it is told to abort may keep it.
	if _, err := store.AbortIncomplete(t.Context()); err != nil {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// calling is an empty reader that does something when it is read.
type calling func()

func (c calling) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}

// empty deletes every object.
func empty(t *testing.T, store host.Store) {
	t.Helper()
	var names []string
	err := store.List(t.Context(), func(name string, _ int64) error {
		names = append(names, name)
		return nil
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("%d objects: %v", len(names), err)
	}
	for _, name := range names {
		if err := store.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

// Credentials that others can read, or that are none, are refused, and no
// message shows them.
func TestS3Configuration(t *testing.T) {
	write := func(text string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "credentials.toml")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, c := range map[string]host.S3Config{
		"want https://":                    {Endpoint: "s3.example.org"},
		"over a network, want https":       {Endpoint: "http://s3.example.org"},
		"holds no certificate in PEM":      {Endpoint: "https://s3.example.org", CAFile: write("hush", 0o600)},
		"the host's certificate authority": {Endpoint: "https://s3.example.org", CAFile: "/does/not/exist"},
	} {
		if _, err := host.OpenS3(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	const good = "access_key_id = 'me'\nsecret_access_key = 'hush'\n"
	for want, path := range map[string]string{
		"others can read": write(good, 0o644),
		"line 2: want":    write("access_key_id = 'me'\nsecret_access_key = hush\n", 0o600),
		"nothing else":    write(good+"token = 'hush'\n", 0o600),
		"no such file":    "/does/not/exist",
	} {
		store := openS3(t, host.S3Config{Endpoint: "http://127.0.0.1:1", Bucket: "b", CredentialsFile: path})
		_, err := store.Open(t.Context(), host.NewName())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
