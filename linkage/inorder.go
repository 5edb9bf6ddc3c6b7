package linkage

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// inOrder has values worked on by every core, and hands them on in the order in
// which read sent them. A bounded number is on its way at a time. Of values that
// fail it is the first one sent whose error ends all.
func inOrder[T any](ctx context.Context, read func(ctx context.Context, send func(T) error) error, work func(context.Context, T) error, write func(T) error) error {
	type job struct {
		value T
		done  chan error // takes one, when it is worked on
	}
	group, ctx := errgroup.WithContext(ctx)
	bound := 2*runtime.GOMAXPROCS(0) + 2
	waiting, sent := make(chan job, bound), make(chan job, bound)
	group.Go(func() error {
		defer close(waiting)
		defer close(sent)
		return read(ctx, func(value T) error {
			j := job{value, make(chan error, 1)}
			for _, to := range []chan job{sent, waiting} {
				select {
				case to <- j:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	})
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for j := range waiting {
				j.done <- work(ctx, j.value)
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range sent {
			select {
			case err := <-j.done:
				if err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := write(j.value); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}
