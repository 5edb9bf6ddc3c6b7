package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// sizes are those of objects that are migrated: empty, small, and in parts.
var sizes = []int64{0, 1, 600, 70_000, 1 << 20, 9 << 20, 17<<20 + 5}

// TestMigration moves objects between the two servers, forth and back, each time to
// one that is empty, while every request at both ends fails twice in one way or
// another, or is slow, or names wrong ETags.
func TestMigration(t *testing.T) {
	t.Parallel()
	one, other := hosttest.Start(t, "versitygw"), hosttest.Start(t, "minio")
	from, to := openS3(t, one.Config), openS3(t, other.Config)
	var items []host.Item
	for _, size := range sizes {
		items = append(items, put(t, from, size))
	}
	broken := func(server *hosttest.Server, fault hosttest.Fault) host.Store {
		return through(t, server, hosttest.Twice(fault))
	}
	fresh := func(bucket string, fault hosttest.Fault) host.Store {
		if err := one.MakeBucket(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		c := one.Config
		c.Bucket, c.Endpoint = bucket, hosttest.Through(t, c.Endpoint, hosttest.Twice(fault))
		return openS3(t, c)
	}
	for i, m := range []*host.Migration{
		{From: broken(one, hosttest.Truncated), To: broken(other, hosttest.Lost)},
		{From: broken(other, hosttest.Reset), To: fresh("second", hosttest.Fails)},
		{From: broken(one, hosttest.Busy), To: through(t, other, hosttest.Slow)},
		{From: through(t, other, hosttest.WrongETag), To: fresh("third", hosttest.Reset)},
		{From: through(t, one, hosttest.Slow), To: broken(other, hosttest.Truncated)},
	} {
		if i == 2 || i == 4 {
			empty(t, to)
		}
		moved, err := m.Run(t.Context(), items)
		if err != nil || len(moved.Failures) > 0 || moved.Copied != int64(len(items)) || moved.Objects != moved.Copied {
			t.Fatalf("migration %d: %+v, %v", i, moved, err)
		}
	}
	for _, item := range items {
		if err := same(t, to, item); err != nil {
			t.Errorf("%d bytes: %v", item.Size, err)
		}
	}
	again, err := (&host.Migration{From: from, To: to}).Run(t.Context(), items)
	if err != nil || again.Copied != 0 || again.Objects != int64(len(items)) {
		t.Errorf("a second migration: %+v, %v", again, err)
	}
	if err := host.Distinct(t.Context(), from, to); err != nil {
		t.Error(err)
	}

	// A host that brings an old version back, and one that calls parts otherwise than
	// it should: what cannot be proven is named, and nothing of it is stored.
	old := []byte("of last year")
	if _, err := one.Client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &one.Config.Bucket, Key: &items[3].Name, Body: bytes.NewReader(append(old, make([]byte, items[3].Size-int64(len(old)))...))}); err != nil {
		t.Fatal(err)
	}
	empty(t, to)
	lied, err := (&host.Migration{From: from, To: through(t, other, hosttest.WrongETag)}).Run(t.Context(), items)
	failed := map[string]string{}
	for _, f := range lied.Failures {
		failed[f.Object] = f.Reason
	}
	if err != nil || int(lied.Objects)+len(failed) != len(items) || !strings.Contains(failed[items[3].Name], "SHA-256") || failed[items[6].Name] == "" {
		t.Errorf("a lying host: %+v, %v", lied, err)
	}
	for _, item := range items {
		if err := same(t, to, item); (failed[item.Name] == "") != (err == nil) {
			t.Errorf("%d bytes, %q: %v", item.Size, failed[item.Name], err)
		}
	}
	if err := host.Distinct(t.Context(), from, broken(one, hosttest.Slow)); err == nil {
		t.Error("two ways to one bucket are taken for two hosts")
	}
}

// TestMigrationProvesWhatItMoved lets the hosts lie: nothing that is not what was
// asked for counts, and nothing of it stays.
func TestMigrationProvesWhatItMoved(t *testing.T) {
	old, next := host.Dir(t.TempDir()), host.Dir(t.TempDir())
	good, missing := put(t, old, 70_000), itemOf(t, 5)
	altered, short := put(t, old, 600), put(t, old, 1<<20)
	altered.SHA256 = good.SHA256
	short.Size++
	taken := put(t, old, 300)
	if err := next.Put(t.Context(), taken.Name, strings.NewReader("half of it, or somebody else's")); err != nil {
		t.Fatal(err)
	}
	items := []host.Item{good, missing, altered, short, taken}
	moved, err := (&host.Migration{From: old, To: next, Parallel: 2}).Run(t.Context(), items)
	if err != nil {
		t.Fatal(err)
	}
	if moved.Objects != 2 || moved.Copied != 2 || moved.Bytes != good.Size+taken.Size || len(moved.Failures) != 3 {
		t.Errorf("%+v", moved)
	}
	for _, item := range []host.Item{good, taken} {
		if err := same(t, next, item); err != nil {
			t.Error(err)
		}
	}
	count := 0
	if err := next.List(t.Context(), func(string, int64) error { count++; return nil }); err != nil || count != 2 {
		t.Errorf("%d objects at the new host, %v", count, err)
	}

	lying := liar{next, good.Name}
	moved, err = (&host.Migration{From: old, To: lying}).Run(t.Context(), []host.Item{good})
	if err != nil || len(moved.Failures) != 1 || !strings.Contains(moved.Failures[0].Reason, "read back from the new host") {
		t.Errorf("a new host that gives back something else: %+v, %v", moved, err)
	}
}

// liar stores what it is given and gives back something else of the same length.
type liar struct {
	host.Store
	name string
}

func (l liar) Open(ctx context.Context, name string) (host.Object, error) {
	o, err := l.Store.Open(ctx, name)
	if err != nil || name != l.name {
		return o, err
	}
	return zeros{o}, nil
}

type zeros struct{ host.Object }

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n, err := z.Object.ReadAt(p, off)
	clear(p[:n])
	return n, err
}

// TestMigrationResumes interrupts a migration after each object, until one is
// left that has nothing to copy.
func TestMigrationResumes(t *testing.T) {
	old, next := host.Dir(t.TempDir()), host.Dir(t.TempDir())
	var items []host.Item
	for range 6 {
		items = append(items, put(t, old, 70_000))
	}
	copied, runs := int64(0), 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		var seen atomic.Int64
		m := host.Migration{From: counting{old, &seen, cancel}, To: next, Parallel: 1}
		moved, err := m.Run(ctx, items)
		cancel()
		copied += moved.Copied
		if runs++; runs > len(items)+1 {
			t.Fatal("it does not end")
		}
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if runs < 2 || copied > int64(len(items)) {
		t.Errorf("%d runs copied %d of %d objects", runs, copied, len(items))
	}
	for _, item := range items {
		if err := same(t, next, item); err != nil {
			t.Error(err)
		}
	}
}

// counting interrupts when a second object is opened.
type counting struct {
	host.Store
	seen *atomic.Int64
	stop func()
}

func (c counting) Open(ctx context.Context, name string) (host.Object, error) {
	if c.seen.Add(1) > 1 {
		c.stop()
	}
	return c.Store.Open(ctx, name)
}

// The digest of a list does not depend on its order, and on nothing else but it.
func TestDigest(t *testing.T) {
	a, b := host.Item{Name: "aa", Size: 1, SHA256: "11"}, host.Item{Name: "bb", Size: 2, SHA256: "22"}
	const want = "eb7cc21a5c24c8326c54d57eb97a708b211124267d1b981a6e81b9502ff6b952"
	one, two := host.Digest([]host.Item{a, b}), host.Digest([]host.Item{b, a})
	if one != two || one == host.Digest([]host.Item{a}) {
		t.Errorf("%s, %s", one, two)
	}
	if one != want {
		t.Errorf("got %s, want %s, the SHA-256 of \"aa 1 11\\nbb 2 22\\n\"", one, want)
	}
}

// TestReadsInPlace reads an object in every order that its readers do.
func TestReadsInPlace(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *hosttest.Server) {
		store := openS3(t, server.Config)
		const size = 21<<20 + 7
		want, err := io.ReadAll(random(size))
		if err != nil {
			t.Fatal(err)
		}
		item := put(t, store, size)
		o, err := store.Open(t.Context(), item.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct{ off, n int64 }{
			{0, 100}, {100, 64 << 10}, {20 << 20, 1 << 20}, {21 << 20, 7}, {5, 9 << 20}, {9<<20 + 5, 100}, {0, size}, {size - 1, 1}, {4 << 20, 4 << 20}, {8 << 20, 4 << 20}, {12 << 20, 9 << 20},
		} {
			got := make([]byte, r.n)
			if _, err := o.ReadAt(got, r.off); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, want[r.off:r.off+r.n]) {
				t.Errorf("%d bytes at %d: %v", r.n, r.off, err)
			}
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReadingOnMakesFewRequests reads an object as a kernel does for several
// threads: small pieces of several sequences, in any order. Few requests answer
// them, and a header alone costs little.
func TestReadingOnMakesFewRequests(t *testing.T) {
	t.Parallel()
	server := hosttest.Start(t, "versitygw")
	const size = 33 << 20
	item := put(t, openS3(t, server.Config), size)
	want, err := io.ReadAll(random(size))
	if err != nil {
		t.Fatal(err)
	}
	var requests, asked atomic.Int64
	store := through(t, server, func(w http.ResponseWriter, r *http.Request, host http.Handler) {
		var from, to int64
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 2 {
			requests.Add(1)
			asked.Add(to - from + 1)
		}
		host.ServeHTTP(w, r)
	})
	open := func() host.Object {
		o, err := store.Open(t.Context(), item.Name)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	read := func(o host.Object, off, n int64) error {
		got := make([]byte, n)
		if m, err := o.ReadAt(got, off); m < len(got) || !bytes.Equal(got, want[off:off+n]) {
			return fmt.Errorf("%d of %d bytes at %d: %w", m, n, off, err)
		}
		return nil
	}

	header := open()
	if err := errors.Join(read(header, 0, 4096), header.Close()); err != nil {
		t.Error(err)
	}
	if requests.Load() != 1 || asked.Load() > 256<<10 {
		t.Errorf("a header takes %d requests for %d bytes", requests.Swap(0), asked.Load())
	}
	requests.Store(0)
	asked.Store(0)

	const threads, pair = 4, 256 << 10
	o := open()
	var group errgroup.Group
	for thread := range int64(threads) {
		group.Go(func() error {
			for off := thread * size / threads; off < (thread+1)*size/threads; off += pair { // the second half of each pair first
				if err := errors.Join(read(o, off+pair/2, pair/2), read(o, off, pair/2)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := errors.Join(group.Wait(), o.Close()); err != nil {
		t.Error(err)
	}
	if n := requests.Load(); n > 60 || asked.Load() > 2*size {
		t.Errorf("%d bytes in pieces of 128 KiB take %d requests for %d bytes", size, n, asked.Load())
	}
	if err := read(o, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("an object that is closed: %v", err)
	}
}
