package synth

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// batchPersons is how many persons a batch holds: large enough to keep a core
// busy, small enough that all the batches at work fit in some megabytes.
const batchPersons = 256

// run fills batches on every core and writes them in the order of the persons.
func run(ctx context.Context, opts Options, out *files) (Truth, error) {
	w := opts.world()
	truth := newTruth()
	err := inOrder(ctx, opts.Persons, batchPersons, newBatch,
		func(b *batch, first, last int) { b.fill(w, first, last) },
		func(b *batch) error {
			if err := out.write(b); err != nil {
				return err
			}
			truth.add(b)
			b.reset()
			if opts.Progress != nil {
				opts.Progress(truth.Persons, opts.Persons)
			}
			return nil
		})
	return truth, err
}

// inOrder fills batches of persons on every core and hands them on in the order
// of the persons. The batches are made once and used again: a writer that falls
// behind stops the generators, so that memory does not grow with the population.
func inOrder[B any](ctx context.Context, persons, size int, build func() B, fill func(b B, first, last int), write func(B) error) error {
	type job struct {
		first, last int
		batch       B
		filled      chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	free := make(chan B, 2*workers)
	for range cap(free) {
		free <- build()
	}
	toFill := make(chan job, cap(free))
	toWrite := make(chan job, cap(free))

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(toFill)
		defer close(toWrite)
		for first := 0; first < persons; first += size {
			select {
			case b := <-free: // there are no more jobs than batches: neither send blocks
				j := job{first, min(first+size, persons), b, make(chan struct{})}
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
				fill(j.batch, j.first, j.last)
				close(j.filled)
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range toWrite {
			<-j.filled
			if err := write(j.batch); err != nil {
				return err
			}
			free <- j.batch
		}
		return nil
	})
	return group.Wait()
}

// fill writes the records of the persons [first, last).
func (b *batch) fill(w world, first, last int) {
	b.rates, b.holding = w.rates, w.holding
	for i := first; i < last; i++ {
		l := w.life(i)
		b.truth.Marginals.life(w, l)
		b.record(l)
		b.truth.Persons++
	}
	b.flush()
}

func newTruth() Truth {
	return Truth{Rows: map[string]int{}, Errors: map[string]int{}, Refused: map[string]int{}, Marginals: newMarginals()}
}

// add counts a batch.
func (t *Truth) add(b *batch) {
	t.addCounts(&b.truth)
	for i, n := range b.rows {
		t.Rows[layouts[i].path()] += n
	}
}

// addCounts counts what is true of a batch, but for its rows.
func (t *Truth) addCounts(of *Truth) {
	t.Persons += of.Persons
	t.InHospital += of.InHospital
	t.InSeveral += of.InSeveral
	t.Insured += of.Insured
	t.Linked += of.Linked
	t.Unreadable += of.Unreadable
	for kind, n := range of.Errors {
		t.Errors[kind] += n
	}
	for file, n := range of.Refused {
		t.Refused[file] += n
	}
	t.Marginals.add(&of.Marginals)
}
