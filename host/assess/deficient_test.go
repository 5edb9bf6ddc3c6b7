package assess

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rempart.eu/rempart/host"
)

// broken is a store with planted defects: each function, where it is set,
// stands in for a method.
type broken struct {
	host.Store
	put   func(context.Context, string, io.Reader) error
	open  func(context.Context, string) (host.Object, error)
	list  func(context.Context, func(string, int64) error) error
	erase func(context.Context, string) error
}

func (b *broken) Put(ctx context.Context, name string, body io.Reader) error {
	if b.put != nil {
		return b.put(ctx, name, body)
	}
	return b.Store.Put(ctx, name, body)
}

func (b *broken) Open(ctx context.Context, name string) (host.Object, error) {
	if b.open != nil {
		return b.open(ctx, name)
	}
	return b.Store.Open(ctx, name)
}

func (b *broken) List(ctx context.Context, yield func(string, int64) error) error {
	if b.list != nil {
		return b.list(ctx, yield)
	}
	return b.Store.List(ctx, yield)
}

func (b *broken) Delete(ctx context.Context, name string) error {
	if b.erase != nil {
		return b.erase(ctx, name)
	}
	return b.Store.Delete(ctx, name)
}

// lying is an object whose size or parts are not what was stored.
type lying struct {
	host.Object
	size   int64
	readAt func(p []byte, at int64) (int, error)
}

func (l lying) Size() int64 { return l.size }
func (l lying) ReadAt(p []byte, at int64) (int, error) {
	if l.readAt != nil {
		return l.readAt(p, at)
	}
	return l.Object.ReadAt(p, at)
}

// opened changes every object that is opened.
func opened(store host.Store, change func(host.Object) host.Object) *broken {
	return &broken{Store: store, open: func(ctx context.Context, name string) (host.Object, error) {
		o, err := store.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		return change(o), nil
	}}
}

// defects are what a store may do wrong, each with the requirements that must
// be found to fail. dir is where the store's objects lie.
var defects = map[string]struct {
	plant func(store host.Store, dir string) host.Store
	want  []string
}{
	"accepts a taken name": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, put: func(ctx context.Context, name string, body io.Reader) error {
			all, err := io.ReadAll(body)
			if err != nil {
				return err
			}
			for {
				err := store.Put(ctx, name, bytes.NewReader(all))
				if !isExist(err) {
					return err
				}
				if err := store.Delete(ctx, name); err != nil {
					return err
				}
			}
		}}
	}, []string{"store-once", "store-once-concurrent"}},
	"keeps the first of two and confirms both": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, put: func(ctx context.Context, name string, body io.Reader) error {
			if err := store.Put(ctx, name, body); !isExist(err) {
				return err
			}
			return nil
		}}
	}, []string{"store-once", "store-once-concurrent"}},
	"loses a write now and then": {func(store host.Store, _ string) host.Store {
		var mu sync.Mutex
		n := 0
		return &broken{Store: store, put: func(ctx context.Context, name string, body io.Reader) error {
			mu.Lock()
			n++
			lost := n%7 == 0
			mu.Unlock()
			if lost {
				_, err := io.Copy(io.Discard, body)
				return err
			}
			return store.Put(ctx, name, body)
		}}
	}, []string{"store-whole", "consistent-read", "consistent-list"}},
	"loses objects later": {func(store host.Store, dir string) host.Store {
		return &broken{Store: store, list: func(ctx context.Context, yield func(string, int64) error) error {
			// Whatever is older than the probe is swept away by the first list.
			files, err := os.ReadDir(dir)
			if err != nil {
				return err
			}
			for _, f := range files {
				if info, err := f.Info(); err == nil && info.Size() == 4097 {
					_ = os.Remove(filepath.Join(dir, f.Name()))
				}
			}
			return store.List(ctx, yield)
		}}
	}, []string{"store-lasting"}},
	"lists what was": {func(store host.Store, _ string) host.Store {
		var mu sync.Mutex
		last := map[string]int64{}
		return &broken{Store: store, list: func(ctx context.Context, yield func(string, int64) error) error {
			now := map[string]int64{}
			if err := store.List(ctx, func(name string, size int64) error { now[name] = size; return nil }); err != nil {
				return err
			}
			mu.Lock()
			stale := last
			last = now
			mu.Unlock()
			for name, size := range stale {
				if err := yield(name, size); err != nil {
					return err
				}
			}
			return nil
		}}
	}, []string{"store-list", "consistent-list", "store-pages"}},
	"lists the first page only": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, list: func(ctx context.Context, yield func(string, int64) error) error {
			sizes := map[string]int64{}
			if err := store.List(ctx, func(name string, size int64) error { sizes[name] = size; return nil }); err != nil {
				return err
			}
			for i, name := range slices.Sorted(maps.Keys(sizes)) {
				if i == 100 {
					return nil
				}
				if err := yield(name, sizes[name]); err != nil {
					return err
				}
			}
			return nil
		}}
	}, []string{"store-pages"}},
	"lists twice": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, list: func(ctx context.Context, yield func(string, int64) error) error {
			for range 2 {
				if err := store.List(ctx, yield); err != nil {
					return err
				}
			}
			return nil
		}}
	}, []string{"store-list", "store-pages"}},
	"lists wrong sizes": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, list: func(ctx context.Context, yield func(string, int64) error) error {
			return store.List(ctx, func(name string, size int64) error { return yield(name, size+1) })
		}}
	}, []string{"store-list"}},
	"serves parts from the wrong place": {func(store host.Store, _ string) host.Store {
		return opened(store, func(o host.Object) host.Object {
			return lying{o, o.Size(), func(p []byte, at int64) (int, error) {
				if at == 65535 {
					at++
				}
				return o.ReadAt(p, at)
			}}
		})
	}, []string{"store-range"}},
	"fills parts past the end": {func(store host.Store, _ string) host.Store {
		return opened(store, func(o host.Object) host.Object {
			return lying{o, o.Size(), func(p []byte, at int64) (int, error) {
				n, err := o.ReadAt(p, at)
				if n < len(p) && n > 0 {
					clear(p[n:])
					return len(p), nil
				}
				return n, err
			}}
		})
	}, []string{"store-range"}},
	"cuts bodies short": {func(store host.Store, _ string) host.Store {
		return opened(store, func(o host.Object) host.Object { return lying{o, o.Size() * 9 / 10, nil} })
	}, []string{"store-whole", "store-large"}},
	"does not delete": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, erase: func(context.Context, string) error { return nil }}
	}, []string{"store-delete", "consistent-delete"}},
	"finds fault with deleting twice": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, erase: func(ctx context.Context, name string) error {
			if o, err := store.Open(ctx, name); err != nil {
				return err
			} else if err := o.Close(); err != nil {
				return err
			}
			return store.Delete(ctx, name)
		}}
	}, []string{"store-delete"}},
	"keeps what broke off": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, put: func(ctx context.Context, name string, body io.Reader) error {
			all, err := io.ReadAll(body)
			return orFirst(store.Put(context.WithoutCancel(ctx), name, bytes.NewReader(all)), err)
		}}
	}, []string{"store-atomic"}},
	"makes absent objects empty": {func(store host.Store, dir string) host.Store {
		return &broken{Store: store, open: func(ctx context.Context, name string) (host.Object, error) {
			o, err := store.Open(ctx, name)
			if err == nil {
				return o, nil
			}
			empty, err := os.Open(os.DevNull)
			if err != nil {
				return nil, err
			}
			return fileObject{empty}, nil
		}}
	}, []string{"store-absent"}},
	"refuses empty objects": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, put: func(ctx context.Context, name string, body io.Reader) error {
			var first [1]byte
			n, err := io.ReadFull(body, first[:])
			if err == io.EOF {
				return fs.ErrInvalid
			}
			return store.Put(ctx, name, io.MultiReader(bytes.NewReader(first[:n]), readerFunc(func(p []byte) (int, error) {
				if err != nil {
					return 0, err
				}
				return body.Read(p)
			})))
		}}
	}, []string{"store-empty"}},
	"is slow": {func(store host.Store, _ string) host.Store {
		return &broken{Store: store, open: func(ctx context.Context, name string) (host.Object, error) {
			o, err := store.Open(ctx, name)
			if err != nil {
				return nil, err
			}
			if o.Size() == 1<<10 {
				time.Sleep(150 * time.Millisecond)
			}
			return o, nil
		}}
	}, []string{"speed-latency"}},
}

type fileObject struct{ *os.File }

func (fileObject) Size() int64 { return 0 }

func isExist(err error) bool {
	return err != nil && bytes.Contains([]byte(err.Error()), []byte("file exists"))
}

func orFirst(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// small is a scale that takes a second.
var small = Scale{Many: 110, Large: 9 << 20, Rounds: 3, Writers: 4, Speed: 8 << 10, Limit: time.Minute}

// TestPlantedDefects: each defect is found under its name.
func TestPlantedDefects(t *testing.T) {
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r, err := Run(t.Context(), d.plant(host.Dir(dir), dir), Options{Host: name, Scale: small})
			if err != nil {
				t.Fatal(err)
			}
			for _, control := range d.want {
				if f, _ := r.Finding(control); f.Status != Failed {
					t.Errorf("%s is %s: %s", control, f.Status, f.Reason)
				} else {
					t.Logf("%s: %s", control, f.Reason)
				}
			}
		})
	}
}
