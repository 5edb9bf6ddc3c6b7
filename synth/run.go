package synth

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// batchPersons is how many persons a batch holds: large enough to keep a core
// busy, small enough that all the batches at work fit in some megabytes.
const batchPersons = 256

// job is one batch to fill with the persons [first, last).
type job struct {
	first, last int
	batch       *batch
	filled      chan struct{}
}

// run fills batches on every core and writes them in the order of the persons.
// The batches are made once and used again: a writer that falls behind stops
// the generators, so that memory does not grow with the population.
func run(ctx context.Context, opts Options, out *files) (Truth, error) {
	workers := runtime.GOMAXPROCS(0)
	free := make(chan *batch, 2*workers)
	for range cap(free) {
		free <- newBatch()
	}
	toFill := make(chan job, cap(free))
	toWrite := make(chan job, cap(free))

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(toFill)
		defer close(toWrite)
		for first := 0; first < opts.Persons; first += batchPersons {
			select {
			case b := <-free: // there are no more jobs than batches: neither send blocks
				j := job{first, min(first+batchPersons, opts.Persons), b, make(chan struct{})}
				toFill <- j
				toWrite <- j
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			for j := range toFill {
				j.batch.fill(opts.Seed, j.first, j.last)
				close(j.filled)
			}
			return nil
		})
	}
	truth := Truth{Rows: map[string]int{}, Errors: map[string]int{}}
	group.Go(func() error {
		for j := range toWrite {
			<-j.filled
			if err := out.write(j.batch); err != nil {
				return err
			}
			truth.add(j.batch)
			j.batch.reset()
			free <- j.batch
			if opts.Progress != nil {
				opts.Progress(truth.Persons, opts.Persons)
			}
		}
		return nil
	})
	err := group.Wait()
	return truth, err
}

// fill writes the records of the persons [first, last).
func (b *batch) fill(seed uint64, first, last int) {
	for i := first; i < last; i++ {
		b.record(newLife(seed, i))
		b.truth.Persons++
	}
	b.flush()
}

// add counts a batch.
func (t *Truth) add(b *batch) {
	t.Persons += b.truth.Persons
	t.InHospital += b.truth.InHospital
	t.InSeveral += b.truth.InSeveral
	t.Insured += b.truth.Insured
	t.Linked += b.truth.Linked
	t.Unreadable += b.truth.Unreadable
	for i, n := range b.rows {
		t.Rows[layouts[i].path()] += n
	}
	for kind, n := range b.truth.Errors {
		t.Errors[kind] += n
	}
}
