// Package hosttest says what every [host.Store] must do.
package hosttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"rempart.eu/rempart/host"
)

// Run tests an empty store.
func Run(t *testing.T, store host.Store) {
	body := bytes.Repeat([]byte("sealed"), 100_000)
	put := func(t *testing.T) string {
		t.Helper()
		name := host.NewName()
		if err := store.Put(t.Context(), name, bytes.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Run("what is put is opened", func(t *testing.T) {
		o, err := store.Open(t.Context(), put(t))
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, o)
		part := make([]byte, 600)
		if _, err := o.ReadAt(part, 6000); err != nil || !bytes.Equal(part, body[6000:6600]) {
			t.Errorf("read a part: %v", err)
		}
		all, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err != nil || !bytes.Equal(all, body) {
			t.Errorf("read the whole: %d bytes, %v", len(all), err)
		}
		if n, err := o.ReadAt(part, o.Size()-100); n != 100 || !errors.Is(err, io.EOF) {
			t.Errorf("read past the end: %d, %v", n, err)
		}
	})
	t.Run("a name is taken once", func(t *testing.T) {
		name := host.NewName()
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				err := store.Put(t.Context(), name, bytes.NewReader(body))
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 8 took the name", won.Load())
		}
	})
	t.Run("a broken upload leaves no object", func(t *testing.T) {
		name := host.NewName()
		boom := errors.New("the reader failed")
		err := store.Put(t.Context(), name, io.MultiReader(bytes.NewReader(body), failing{boom}))
		if !errors.Is(err, boom) {
			t.Errorf("got %v, want %v", err, boom)
		}
		if _, err := store.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want fs.ErrNotExist", err)
		}
	})
	t.Run("an interrupted upload leaves no object", func(t *testing.T) {
		name := host.NewName()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := store.Put(ctx, name, bytes.NewReader(body)); err == nil {
			t.Error("stored in spite of the interruption")
		}
		if _, err := store.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want fs.ErrNotExist", err)
		}
	})
	t.Run("what is there is listed with its size", func(t *testing.T) {
		name, found := put(t), false
		err := store.List(t.Context(), func(n string, size int64) error {
			found = found || n == name && size == int64(len(body))
			return nil
		})
		if err != nil || !found {
			t.Errorf("found %v, %v", found, err)
		}
	})
	t.Run("what is deleted is gone", func(t *testing.T) {
		name := put(t)
		for range 2 {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		if _, err := store.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want fs.ErrNotExist", err)
		}
	})
	t.Run("a name that is none is refused", func(t *testing.T) {
		for _, name := range []string{"", "..", "../x", "person.parquet", "ABCDEF00112233445566778899AABBCC"} {
			if err := store.Put(t.Context(), name, bytes.NewReader(body)); err == nil {
				t.Errorf("%q was stored", name)
			}
			if _, err := store.Open(t.Context(), name); err == nil {
				t.Errorf("%q was opened", name)
			}
			if err := store.Delete(t.Context(), name); err == nil {
				t.Errorf("%q was deleted", name)
			}
		}
	})
}

func closed(t *testing.T, c io.Closer) {
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
