package assess

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
)

// storeProbes are the probes of what every host.Store promises.
func storeProbes(s *meter, o Options) []probe {
	b := bench{s, o.Scale}
	sp := &speeds{bench: b, catalogue: o.Catalogue}
	return []probe{
		{"store-whole", "objects of 1 byte to 8 MiB around the sizes where implementations change their ways", b.whole},
		{"store-empty", "an object of no bytes", b.empty},
		{"store-large", fmt.Sprintf("a stream of %d bytes of unannounced length", o.Scale.Large), b.large},
		{"store-absent", "opening names that were never used", b.absent},
		{"store-once", "a second object under a taken name", b.once},
		{"store-once-concurrent", "many writers of one name at the same moment", b.onceConcurrent},
		{"store-atomic", "uploads that break off or are cancelled", b.atomic},
		{"store-range", "parts at every boundary, and in parallel", b.ranges},
		{"store-delete", "deleting, and deleting again", b.deletes},
		{"store-list", "sizes, names, and stopping early", b.list},
		{"store-pages", fmt.Sprintf("a list of %d objects", o.Scale.Many), b.pages},
		{"consistent-read", "readers that open what has just been written", b.readAfterWrite},
		{"consistent-list", "lists right after writing", b.listAfterWrite},
		{"consistent-delete", "reads and lists right after deleting", b.readAfterDelete},
		{"speed-latency", "reads of 1 KiB, one after another", sp.latency},
		{"speed-write", "writes of 1 KiB, one after another", sp.write},
		{"speed-throughput", "reads in parallel", sp.throughput},
		{"speed-upload", "writes in parallel", sp.upload},
	}
}

// bench is a store under test.
type bench struct {
	*meter
	scale Scale
}

// random is n bytes that neither compress nor repeat, the same for the same name.
func random(name string, n int) []byte {
	b := make([]byte, n)
	_, _ = stream(name).Read(b) // ChaCha8 does not fail
	return b
}

func stream(name string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(name))) }

// put stores n random bytes under a new name.
func (b bench) put(ctx context.Context, n int) (string, []byte, error) {
	name := host.NewName()
	body := random(name, n)
	if err := b.Put(ctx, name, bytes.NewReader(body)); err != nil {
		return "", nil, fmt.Errorf("storing %d bytes: %w", n, err)
	}
	return name, body, nil
}

// same says whether the store holds this very body under a name.
func (b bench) same(ctx context.Context, name string, body []byte) (err error) {
	o, err := b.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("opening %d bytes: %w", len(body), err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() != int64(len(body)) {
		return fmt.Errorf("an object of %d bytes has the size %d", len(body), o.Size())
	}
	got := make([]byte, len(body))
	n, err := o.ReadAt(got, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %d bytes: %w", len(body), err)
	}
	if !bytes.Equal(got[:n], body) {
		return fmt.Errorf("an object of %d bytes came back altered (%d bytes)", len(body), n)
	}
	return nil
}

// gone says whether the store says that there is no such object.
func (b bench) gone(ctx context.Context, name string) error {
	o, err := b.Open(ctx, name)
	if err == nil {
		return errors.Join(errors.New("an object is opened that should not be there"), o.Close())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("an absent object is not said to be absent: %w", err)
	}
	return nil
}

// listed counts how often each of some names is listed, and with which size.
func (b bench) listed(ctx context.Context, sizes map[string]int64) (times map[string]int, err error) {
	times = map[string]int{}
	err = b.List(ctx, func(name string, size int64) error {
		want, ours := sizes[name]
		if !ours {
			return nil
		}
		times[name]++
		if size != want {
			return fmt.Errorf("an object of %d bytes is listed with %d", want, size)
		}
		return nil
	})
	return times, err
}

func (b bench) whole(ctx context.Context, f *found) error {
	sizes := []int{1, 15, 16, 17, 4095, 4096, 4097, 65535, 65536, 65537, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 - 1, 5 << 20, 5<<20 + 1, 8 << 20}
	for _, n := range sizes {
		name, body, err := b.put(ctx, n)
		if err != nil {
			return err
		}
		if err := b.same(ctx, name, body); err != nil {
			return err
		}
	}
	f.note("%d sizes", len(sizes))
	return nil
}

func (b bench) empty(ctx context.Context, _ *found) error {
	name, body, err := b.put(ctx, 0)
	if err != nil {
		return err
	}
	times, err := b.listed(ctx, map[string]int64{name: 0})
	if err != nil {
		return err
	}
	if times[name] != 1 {
		return fmt.Errorf("the empty object is listed %d times", times[name])
	}
	return b.same(ctx, name, body)
}

func (b bench) large(ctx context.Context, f *found) (err error) {
	name, n := host.NewName(), b.scale.Large
	sent := sha256.New()
	if err := b.Put(ctx, name, io.TeeReader(io.LimitReader(stream(name), n), sent)); err != nil {
		return err
	}
	o, err := b.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	got := sha256.New()
	read, err := io.CopyBuffer(got, struct{ io.Reader }{io.NewSectionReader(o, 0, o.Size())}, make([]byte, 1<<20))
	if err != nil {
		return err
	}
	if o.Size() != n || read != n || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d bytes went in, %d of %d came back, or altered", n, read, o.Size())
	}
	f.note("%s", size(n))
	return nil
}

func (b bench) absent(ctx context.Context, _ *found) error {
	for range 4 {
		if err := b.gone(ctx, host.NewName()); err != nil {
			return err
		}
	}
	return nil
}

func (b bench) once(ctx context.Context, _ *found) error {
	name, body, err := b.put(ctx, 5000)
	if err != nil {
		return err
	}
	for _, second := range [][]byte{random("another", 5000), body, random("longer", 6<<20), {}} {
		err := b.Put(ctx, name, bytes.NewReader(second))
		if err == nil {
			return fmt.Errorf("a taken name was given to another object, of %d bytes", len(second))
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("a taken name is refused, but not as taken: %w", err)
		}
		if err := b.same(ctx, name, body); err != nil {
			return fmt.Errorf("after a refused upload: %w", err)
		}
	}
	return nil
}

func (b bench) onceConcurrent(ctx context.Context, f *found) error {
	for range b.scale.Rounds {
		name := host.NewName()
		var won atomic.Int32
		var winner atomic.Pointer[[]byte]
		group, inner := errgroup.WithContext(ctx)
		start := make(chan struct{})
		for i := range b.scale.Writers {
			body := random(fmt.Sprint(name, i), 20_000)
			group.Go(func() error {
				<-start
				switch err := b.Put(inner, name, bytes.NewReader(body)); {
				case err == nil:
					won.Add(1)
					winner.Store(&body)
				case !errors.Is(err, fs.ErrExist):
					return fmt.Errorf("a writer that lost is not told so: %w", err)
				}
				return nil
			})
		}
		close(start)
		if err := group.Wait(); err != nil {
			return err
		}
		if n := won.Load(); n != 1 {
			return fmt.Errorf("%d of %d writers took one name", n, b.scale.Writers)
		}
		if err := b.same(ctx, name, *winner.Load()); err != nil {
			return fmt.Errorf("the object is not the winner’s: %w", err)
		}
	}
	f.note("%d names, %d writers each", b.scale.Rounds, b.scale.Writers)
	return nil
}

func (b bench) atomic(ctx context.Context, _ *found) error {
	broken := errors.New("the reader broke off")
	for _, n := range []int{0, 1, 300_000, 6 << 20} {
		name := host.NewName()
		body := io.MultiReader(bytes.NewReader(random(name, n)), readerFunc(func([]byte) (int, error) { return 0, broken }))
		if err := b.Put(ctx, name, body); err == nil {
			return fmt.Errorf("an upload that broke off after %d bytes is confirmed", n)
		}
		if err := b.gone(ctx, name); err != nil {
			return fmt.Errorf("after an upload that broke off after %d bytes: %w", n, err)
		}
		name = host.NewName()
		cancelled, cancel := context.WithCancel(ctx)
		body = io.MultiReader(bytes.NewReader(random(name, n)), readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
		err := b.Put(cancelled, name, body)
		cancel()
		if err == nil {
			// The store was quicker than the cancellation: then the object is whole.
			if err := b.same(ctx, name, random(name, n)); err != nil {
				return fmt.Errorf("an upload that was cancelled at its end: %w", err)
			}
			continue
		}
		if err := b.gone(ctx, name); err != nil {
			return fmt.Errorf("after a cancelled upload: %w", err)
		}
	}
	return nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (b bench) ranges(ctx context.Context, f *found) (err error) {
	const n = 6<<20 + 12345
	name, body, err := b.put(ctx, n)
	if err != nil {
		return err
	}
	o, err := b.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	type part struct {
		at  int64
		len int
	}
	parts := []part{{0, 1}, {0, 16}, {n - 1, 1}, {n - 8, 8}, {0, n}, {1, n - 1}, {n - 10, 20}, {n - 1, 2}, {n, 1}, {n + 1000, 5}}
	for _, edge := range []int64{4096, 65536, 1 << 20, 5 << 20} {
		parts = append(parts, part{edge - 1, 1}, part{edge, 1}, part{edge - 1, 2}, part{edge - 100, 200})
	}
	read := func(p part) error {
		buffer := make([]byte, p.len)
		got, err := o.ReadAt(buffer, p.at)
		want := body[min(p.at, n):min(p.at+int64(p.len), n)]
		if got != len(want) || !bytes.Equal(buffer[:got], want) {
			return fmt.Errorf("%d bytes at %d: %d came back, or others: %w", p.len, p.at, got, err)
		}
		if got < p.len && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%d bytes at %d of %d: want the end of the file, got %w", p.len, p.at, n, err)
		}
		if got == p.len && err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%d bytes at %d: %w", p.len, p.at, err)
		}
		return nil
	}
	for _, p := range parts {
		if err := read(p); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range b.scale.Writers * 4 {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return read(part{int64(i) * 131_071, 70_000})
		})
	}
	f.note("%d parts, then %d in parallel", len(parts), b.scale.Writers*4)
	return group.Wait()
}

func (b bench) deletes(ctx context.Context, _ *found) error {
	name, body, err := b.put(ctx, 5000)
	if err != nil {
		return err
	}
	for range 2 {
		if err := b.Delete(ctx, name); err != nil {
			return fmt.Errorf("deleting: %w", err)
		}
		if err := b.gone(ctx, name); err != nil {
			return fmt.Errorf("after deleting: %w", err)
		}
	}
	times, err := b.listed(ctx, map[string]int64{name: int64(len(body))})
	if err != nil {
		return err
	}
	if times[name] != 0 {
		return errors.New("a deleted object is listed")
	}
	return nil
}
