package assess

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
)

// meter is a store that counts its calls and remembers what it was given.
type meter struct {
	store host.Store
	calls atomic.Int64

	mu    sync.Mutex
	tried map[string]bool   // names that may be taken
	kept  map[string]stored // what was confirmed and not deleted
}

type stored struct {
	size   int64
	digest [sha256.Size]byte
}

func newMeter(store host.Store) *meter {
	return &meter{store: store, tried: map[string]bool{}, kept: map[string]stored{}}
}

func (m *meter) Put(ctx context.Context, name string, body io.Reader) error {
	m.calls.Add(1)
	m.mu.Lock()
	m.tried[name] = true
	m.mu.Unlock()
	sum := &summed{hash: sha256.New()}
	err := m.store.Put(ctx, name, io.TeeReader(body, sum))
	if err == nil {
		s := stored{size: sum.size}
		sum.hash.Sum(s.digest[:0])
		m.mu.Lock()
		m.kept[name] = s
		m.mu.Unlock()
	}
	return err
}

type summed struct {
	hash hash.Hash
	size int64
}

func (s *summed) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	return s.hash.Write(p)
}

func (m *meter) Open(ctx context.Context, name string) (host.Object, error) {
	m.calls.Add(1)
	o, err := m.store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &meteredObject{o, &m.calls}, nil
}

type meteredObject struct {
	host.Object
	calls *atomic.Int64
}

func (o *meteredObject) ReadAt(p []byte, at int64) (int, error) {
	o.calls.Add(1)
	return o.Object.ReadAt(p, at)
}

func (m *meter) List(ctx context.Context, yield func(string, int64) error) error {
	m.calls.Add(1)
	return m.store.List(ctx, yield)
}

func (m *meter) Delete(ctx context.Context, name string) error {
	m.calls.Add(1)
	err := m.store.Delete(ctx, name)
	if err == nil {
		m.mu.Lock()
		delete(m.kept, name)
		m.mu.Unlock()
	}
	return err
}

// clean deletes whatever may be there, even after an interruption, and returns
// the names that the store has not deleted within a time.
func (m *meter) clean(ctx context.Context, limit time.Duration) (left []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	m.mu.Lock()
	names := slices.Sorted(maps.Keys(m.tried))
	m.mu.Unlock()
	gone := make(chan string, len(names)) // so that a late answer finds room
	go func() {
		var group errgroup.Group
		group.SetLimit(16)
		for _, name := range names {
			group.Go(func() error {
				if ctx.Err() == nil && m.Delete(ctx, name) == nil {
					gone <- name
				}
				return nil
			})
		}
		_ = group.Wait() // no member returns an error
		close(gone)
	}()
	deleted := map[string]bool{}
	for waiting := true; waiting; {
		select {
		case name, more := <-gone:
			deleted[name] = true
			waiting = more
		case <-ctx.Done():
			waiting = false
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return deleted[name] })
}
