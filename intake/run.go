package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// run has the blocks checked by several workers and kept in order.
func (c *Checker) run(ctx context.Context, p *plan, in *blocks, keep *keeper) error {
	read := func(b *block) (err error) {
		*b, err = in.next(*b)
		if err != nil && !errors.Is(err, io.EOF) {
			err = readError(p.file, in.line, err)
		}
		return err
	}
	err := pipeline(ctx, c.options.Workers, read, func() func(block, *checked) { return p.worker().block }, keep.block)
	if refused := (*FileError)(nil); err == nil || errors.As(err, &refused) {
		return err
	}
	return fmt.Errorf("check %s: %w", p.file, err)
}

// keeper hands verdicts on to the sinks, in order, and remembers keys.
type keeper struct {
	*plan
	sinks  Sinks
	keys   []*keys
	counts Counts
	first  *RowError // that was refused, and not by the feed's own exclude rule
}

func (k *keeper) block(c *checked) error {
	if c.err != nil {
		return c.err
	}
	from, start := 0, 0 // of health data not written yet, of the row's
	for i := range c.rows {
		v := &c.rows[i]
		if v.refused == nil {
			v.refused = k.remember(v, c.hashes[v.hashes:])
		}
		k.counts.Rows++
		if v.refused == nil {
			if err := k.accept(v); err != nil {
				return err
			}
		} else {
			if err := k.refuse(v.refused); err != nil {
				return err
			}
			if start < v.end { // a worker had accepted it
				if err := k.write(c.health[from:start]); err != nil {
					return err
				}
				from = v.end
			}
		}
		start = v.end
	}
	return k.write(c.health[from:])
}

// remember adds the row's keys to those seen, or says which was there already.
func (k *keeper) remember(v *verdict, hashes []uint64) *RowError {
	for i, set := range k.resource.watched {
		if h := hashes[i]; set.unique && h != 0 && k.keys[i].has(h) {
			return &RowError{File: k.file, Line: v.line, Field: set.fields[0], Rule: "unique: an earlier row has the same " + list(set.fields)}
		}
	}
	for i := range k.resource.watched {
		if h := hashes[i]; h != 0 {
			k.keys[i].add(h)
		}
	}
	return nil
}

func (k *keeper) accept(v *verdict) error {
	k.counts.Accepted++
	if v.who == nil || k.sinks.Identity == nil {
		return nil
	}
	if err := k.sinks.Identity(v.person, *v.who); err != nil {
		return fmt.Errorf("hand on an identity: %w", err)
	}
	return nil
}

func (k *keeper) refuse(e *RowError) error {
	k.counts.Refused++
	if e.excluded {
		k.counts.Excluded++
	} else if k.first == nil {
		k.first = e
	}
	if err := k.sinks.Refused(*e); err != nil {
		return fmt.Errorf("quarantine a row: %w", err)
	}
	return nil
}

func (k *keeper) write(health []byte) error {
	if len(health) == 0 {
		return nil
	}
	if _, err := k.sinks.Health.Write(health); err != nil {
		return fmt.Errorf("write health data: %w", err)
	}
	return nil
}

// encoding refuses a file that is not UTF-8.
func (w *worker) encoding(b block) error {
	if utf8.Valid(b.text) {
		return nil
	}
	line := b.line
	for rest := b.text; ; line++ {
		end := 0
		for end < len(rest) && rest[end] != '\n' {
			end++
		}
		if !utf8.Valid(rest[:end]) || end == len(rest) {
			break
		}
		rest = rest[end+1:]
	}
	return notUTF8(w.file, line)
}
