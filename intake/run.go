package intake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/intake/parquet"
)

// job is a block on its way: read, checked by a worker, kept in order, and
// then used again for a later block.
type job struct {
	block
	checked []checked     // one for each resource
	err     error         // stops the file
	done    chan struct{} // takes one: the worker is ready
}

// run has the blocks checked by several workers and kept in order. It returns
// when every goroutine has ended; a Read under way is waited for.
func (c *Checker) run(ctx context.Context, file string, plans []*plan, in rows, keep func([]checked) error) error {
	group, ctx := errgroup.WithContext(ctx)
	jobs := 2*c.options.Workers + 4 // so that the workers go on while a row group is written
	free, work, inOrder := make(chan *job, jobs), make(chan *job, jobs), make(chan *job, jobs)
	for range jobs {
		free <- &job{checked: make([]checked, len(plans)), done: make(chan struct{}, 1)}
	}
	group.Go(func() error {
		defer close(work)
		defer close(inOrder)
		for {
			var j *job
			select {
			case j = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			var err error
			if j.block, err = in.next(j.block); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return readError(file, in.line(), err)
			}
			inOrder <- j // neither can block: each holds all jobs
			work <- j
		}
	})
	for range c.options.Workers {
		group.Go(func() error {
			var workers []*worker
			for _, p := range plans {
				workers = append(workers, p.worker())
			}
			split := in.splitter()
			for j := range work {
				for i, w := range workers {
					w.begin(&j.checked[i])
				}
				j.err = split.split(j.block, workers)
				j.done <- struct{}{}
			}
			return nil
		})
	}
	group.Go(func() error {
		for j := range inOrder {
			<-j.done
			if j.err != nil {
				return j.err
			}
			if err := keep(j.checked); err != nil {
				return err
			}
			free <- j
		}
		return nil
	})
	err := group.Wait()
	if refused := (*FileError)(nil); err == nil || errors.As(err, &refused) {
		return err
	}
	return fmt.Errorf("check %s: %w", file, err)
}

// keeper hands verdicts on to the sinks, in order, and remembers keys.
type keeper struct {
	*plan
	sinks   Sinks
	health  HealthSink
	dropped []int // places of rows that were refused after all
	keys    []*keys
	aliases []*aliases
	counts  Counts
	first   *RowError // that was refused, and not by the feed's own exclude rule
}

// keepers take what becomes of each resource's rows.
func (c *Checker) keepers(plans []*plan, sinks Sinks) []*keeper {
	var keepers []*keeper
	for i, p := range plans {
		k := &keeper{plan: p, sinks: sinks, health: sinks.Health[i]}
		k.keys, k.aliases = c.memory(p)
		keepers = append(keepers, k)
	}
	return keepers
}

// tables keeps the rows of each resource by themselves.
func tables(keepers []*keeper) func([]checked) error {
	return func(all []checked) error {
		for i, k := range keepers {
			if err := k.block(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func (k *keeper) block(c *checked) error {
	k.dropped = k.dropped[:0]
	for i := range c.verdicts {
		v := &c.verdicts[i]
		if v.refused == nil {
			v.refused = k.remember(v, c.hashes[v.hashes:])
		}
		k.counts.Rows++
		if v.names != nil { // of a refused row, too: other files may name that person
			v.names.addTo(k.people)
		}
		if v.refused == nil {
			if err := k.accept(v); err != nil {
				return err
			}
			continue
		}
		if err := k.refuse(v.refused); err != nil {
			return err
		}
		if v.at >= 0 { // a worker had accepted it
			k.dropped = append(k.dropped, v.at)
		}
	}
	return k.write(c.rows)
}

// write hands on the block's rows but for those that were dropped.
func (k *keeper) write(rows *parquet.Rows) error {
	rows.Drop(k.dropped)
	if rows.Len() == 0 {
		return nil
	}
	if err := k.health.WriteRows(rows); err != nil {
		return fmt.Errorf("write health data: %w", err)
	}
	return nil
}

// remember adds the row's keys to those seen, or says which was there already. A
// person whom an earlier row has told of is not told of again.
func (k *keeper) remember(v *verdict, hashes []uint64) *RowError {
	for i, set := range k.resource.watched {
		if h := hashes[i]; set.unique && h != 0 && k.keys[i].has(h) {
			return &RowError{File: k.file, Line: v.line, Field: set.fields[0], Rule: "unique: an earlier row has the same " + list(set.fields)}
		}
	}
	for i := range k.keys {
		h := hashes[i]
		if h == 0 {
			continue
		}
		if i == k.known && k.keys[i].has(h) {
			v.who = nil
		}
		k.keys[i].add(h)
	}
	for i := range k.aliases {
		if h := hashes[len(k.keys)+i]; h != 0 {
			k.aliases[i].add(h, v.person)
		}
	}
	return nil
}

func (k *keeper) accept(v *verdict) error {
	k.counts.Accepted++
	return k.tell(v)
}

// tell hands on the row's identity, and what it tells of a stay.
func (k *keeper) tell(v *verdict) error {
	if v.stay != nil && k.sinks.Stay != nil {
		if err := k.sinks.Stay(*v.stay); err != nil {
			return fmt.Errorf("hand on a stay: %w", err)
		}
	}
	if v.who == nil || k.sinks.Identity == nil {
		return nil
	}
	if err := k.sinks.Identity(v.person, *v.who); err != nil {
		return fmt.Errorf("hand on an identity: %w", err)
	}
	return nil
}

func (k *keeper) refuse(e *RowError) error { return k.count(e, true) }

// count counts a refused row, and quarantines it.
func (k *keeper) count(e *RowError, quarantine bool) error {
	k.counts.Refused++
	if e.excluded {
		k.counts.Excluded++
	} else if k.first == nil {
		k.first = e
	}
	if !quarantine {
		return nil
	}
	if err := k.sinks.Refused(*e); err != nil {
		return fmt.Errorf("quarantine a row: %w", err)
	}
	return nil
}
