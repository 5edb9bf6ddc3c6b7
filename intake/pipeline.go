package intake

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"
)

// work is a block on its way: read, checked by a worker, kept in order, and
// then used again for a later block.
type work[In, Out any] struct {
	in   In
	out  Out
	done chan struct{} // takes one: the worker is ready
}

// pipeline has blocks checked by several workers and kept in order. read fills
// a block, whose memory it may use again, and ends with io.EOF. It returns when
// every goroutine has ended; a read under way is waited for.
func pipeline[In, Out any](ctx context.Context, workers int, read func(*In) error, worker func() func(In, *Out), keep func(*Out) error) error {
	group, ctx := errgroup.WithContext(ctx)
	jobs := workers + 2 // one is read and one is kept while the workers work
	type job = work[In, Out]
	free, todo, inOrder := make(chan *job, jobs), make(chan *job, jobs), make(chan *job, jobs)
	for range jobs {
		free <- &job{done: make(chan struct{}, 1)}
	}
	group.Go(func() error {
		defer close(todo)
		defer close(inOrder)
		for {
			var j *job
			select {
			case j = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := read(&j.in); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			inOrder <- j // neither can block: each holds all jobs
			todo <- j
		}
	})
	for range workers {
		group.Go(func() error {
			check := worker()
			for j := range todo {
				check(j.in, &j.out)
				j.done <- struct{}{}
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range inOrder {
			<-j.done
			if err := keep(&j.out); err != nil {
				return err
			}
			free <- j
		}
		return nil
	})
	return group.Wait()
}
