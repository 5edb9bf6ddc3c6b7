package assess

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
)

func (b bench) list(ctx context.Context, _ *found) error {
	sizes := map[string]int64{}
	for _, n := range []int{1, 1000, 70_000} {
		name, body, err := b.put(ctx, n)
		if err != nil {
			return err
		}
		sizes[name] = int64(len(body))
	}
	if err := b.complete(ctx, sizes); err != nil {
		return err
	}
	enough, seen := errors.New("enough"), 0
	err := b.List(ctx, func(string, int64) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		return fmt.Errorf("a reader that had enough after the first name got %d, and %w", seen, err)
	}
	return nil
}

// complete says whether every name is listed once.
func (b bench) complete(ctx context.Context, sizes map[string]int64) error {
	times, err := b.listed(ctx, sizes)
	if err != nil {
		return err
	}
	missing, twice := 0, 0
	for name := range sizes {
		switch {
		case times[name] == 0:
			missing++
		case times[name] > 1:
			twice++
		}
	}
	if missing+twice > 0 {
		return fmt.Errorf("of %d objects the list lacks %d and repeats %d", len(sizes), missing, twice)
	}
	return nil
}

// pages writes many small objects, lists them, and deletes them.
func (b bench) pages(ctx context.Context, f *found) error {
	var mu sync.Mutex
	sizes := map[string]int64{}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range b.scale.Many {
		group.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			name, body, err := b.put(inner, 1+i%64)
			if err != nil {
				return err
			}
			mu.Lock()
			sizes[name] = int64(len(body))
			mu.Unlock()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := b.complete(ctx, sizes); err != nil {
		return err
	}
	f.note("%d objects", len(sizes))
	group, inner = errgroup.WithContext(ctx)
	group.SetLimit(16)
	for name := range sizes {
		group.Go(func() error { return b.Delete(inner, name) })
	}
	return group.Wait()
}

// readAfterWrite hands names from writers to readers as soon as they are
// confirmed.
func (b bench) readAfterWrite(ctx context.Context, f *found) error {
	type written struct {
		name string
		body []byte
	}
	confirmed := make(chan written)
	group, ctx := errgroup.WithContext(ctx)
	var writers sync.WaitGroup
	for range b.scale.Writers {
		writers.Add(1)
		group.Go(func() error {
			defer writers.Done()
			for i := range b.scale.Rounds {
				name, body, err := b.put(ctx, 1000+i*9000)
				if err != nil {
					return err
				}
				select {
				case confirmed <- written{name, body}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		group.Go(func() error {
			for w := range confirmed {
				if err := b.same(ctx, w.name, w.body); err != nil {
					return fmt.Errorf("right after it was confirmed: %w", err)
				}
			}
			return nil
		})
	}
	group.Go(func() error { writers.Wait(); close(confirmed); return nil })
	if err := group.Wait(); err != nil {
		return err
	}
	f.note("%d objects by %d writers, each read by another at once", b.scale.Writers*b.scale.Rounds, b.scale.Writers)
	return nil
}

func (b bench) listAfterWrite(ctx context.Context, f *found) error {
	return b.eachWriter(ctx, f, func(ctx context.Context, name string, body []byte) error {
		times, err := b.listed(ctx, map[string]int64{name: int64(len(body))})
		if err != nil {
			return err
		}
		if times[name] != 1 {
			return fmt.Errorf("an object is listed %d times right after it was confirmed", times[name])
		}
		return nil
	})
}

func (b bench) readAfterDelete(ctx context.Context, f *found) error {
	return b.eachWriter(ctx, f, func(ctx context.Context, name string, body []byte) error {
		if err := b.Delete(ctx, name); err != nil {
			return err
		}
		if err := b.gone(ctx, name); err != nil {
			return fmt.Errorf("right after it was deleted: %w", err)
		}
		times, err := b.listed(ctx, map[string]int64{name: int64(len(body))})
		if err != nil {
			return err
		}
		if times[name] != 0 {
			return errors.New("an object is listed right after it was deleted")
		}
		return nil
	})
}

// eachWriter lets writers put an object and then look, again and again, at the
// same time.
func (b bench) eachWriter(ctx context.Context, f *found, look func(ctx context.Context, name string, body []byte) error) error {
	group, ctx := errgroup.WithContext(ctx)
	rounds := (b.scale.Rounds + 1) / 2 // lists are dear
	for range b.scale.Writers {
		group.Go(func() error {
			for range rounds {
				name, body, err := b.put(ctx, 2000)
				if err != nil {
					return err
				}
				if err := look(ctx, name, body); err != nil {
					return err
				}
			}
			return nil
		})
	}
	f.note("%d times by %d writers", b.scale.Writers*rounds, b.scale.Writers)
	return group.Wait()
}

// lasting reads at the end what was confirmed before, up to a thousand objects.
func lasting(m *meter) probe {
	return probe{"store-lasting", "every object that is still there, at the end", func(ctx context.Context, f *found) error {
		m.mu.Lock()
		kept := map[string]stored{}
		for name, s := range m.kept {
			if len(kept) < 1000 {
				kept[name] = s
			}
		}
		m.mu.Unlock()
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(8)
		for name, s := range kept {
			group.Go(func() error { return m.unaltered(ctx, name, s) })
		}
		f.note("%d objects", len(kept))
		return group.Wait()
	}}
}

func (m *meter) unaltered(ctx context.Context, name string, s stored) (err error) {
	o, err := m.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("an object that was confirmed: %w", err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	sum := &summed{hash: sha256.New()}
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{io.NewSectionReader(o, 0, o.Size())}, make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("an object that was confirmed: %w", err)
	}
	if sum.size != s.size || !bytes.Equal(sum.hash.Sum(nil), s.digest[:]) {
		return fmt.Errorf("an object of %d bytes that was confirmed is altered (%d bytes)", s.size, sum.size)
	}
	return nil
}

var _ host.Store = (*meter)(nil)
