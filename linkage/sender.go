package linkage

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// Maker makes the tokens of a batch of persons, in their order. Several batches
// are made at a time.
type Maker interface {
	Mode() pseudonym.Mode
	Tokens(ctx context.Context, batch []pseudonym.Inputs) ([]pseudonym.Tokens, error)
}

// batchSize is how many persons one batch has: their inputs of the oblivious
// function, at most three each, fit in one batch of it.
const batchSize = oblivious.MaxBatch / 8

// Sender makes tokens of identities on every core and writes them in the order
// in which they came. It holds a bounded number of batches.
type Sender struct {
	makers  []Maker
	filters *clk.Key // nil: none are made
	writer  *Writer
	group   *errgroup.Group
	ctx     context.Context // of the group: it ends where a batch fails
	pending chan *sending   // in order
	room    chan struct{}
	batch   *sending
	persons int64
	wrong   atomic.Int64

	filtered atomic.Int64
}

// Sent counts what a Sender was given.
type Sent struct {
	Persons   int64
	Malformed int64 // traits that are no such thing, such as a NIR whose key is wrong: left out
	Filters   int64 // of persons with names and date of birth, where filters are made
}

// sending is a batch under way.
type sending struct {
	persons    []int64
	identities []pseudonym.Identity
	filters    []*clk.CLK                // of each person; nil where she has none
	made       chan [][]pseudonym.Tokens // by maker; closed without a value where it failed
}

// NewSender starts a file of records. Close ends it, also after an error.
func NewSender(ctx context.Context, w io.Writer, makers ...Maker) (*Sender, error) {
	return NewFilterSender(ctx, w, nil, makers...)
}

// NewFilterSender is NewSender for records with filters under a key that the authority does
// not have. Without a key there are none.
func NewFilterSender(ctx context.Context, w io.Writer, key *clk.Key, makers ...Maker) (*Sender, error) {
	modes := make([]pseudonym.Mode, len(makers))
	for i, m := range makers {
		modes[i] = m.Mode()
	}
	start := NewWriter
	if key != nil {
		start = NewFilterWriter
	}
	writer, err := start(w, modes...)
	if err != nil {
		return nil, err
	}
	s := &Sender{makers: makers, filters: key, writer: writer, room: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	s.pending = make(chan *sending, cap(s.room))
	s.group, s.ctx = errgroup.WithContext(ctx)
	s.group.Go(s.write)
	s.batch = newSending()
	return s, nil
}

func newSending() *sending { return &sending{made: make(chan [][]pseudonym.Tokens, 1)} }

// Send takes one person. An error ends the sending; Close tells its cause.
func (s *Sender) Send(person int64, id pseudonym.Identity) error {
	s.persons++
	s.batch.persons = append(s.batch.persons, person)
	s.batch.identities = append(s.batch.identities, id)
	if len(s.batch.persons) < batchSize {
		return nil
	}
	return s.flush()
}

// flush hands the batch on.
func (s *Sender) flush() error {
	batch := s.batch
	s.batch = newSending()
	select {
	case s.room <- struct{}{}:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	s.pending <- batch // has as much room
	s.group.Go(func() error {
		defer close(batch.made)
		inputs := make([]pseudonym.Inputs, len(batch.identities))
		for i, id := range batch.identities {
			var malformed []error
			inputs[i], malformed = pseudonym.Read(id)
			s.wrong.Add(int64(len(malformed)))
		}
		if s.filters != nil {
			batch.filters = s.filter(batch.identities)
		}
		made := make([][]pseudonym.Tokens, len(s.makers))
		for i, m := range s.makers {
			var err error
			if made[i], err = m.Tokens(s.ctx, inputs); err != nil {
				return fmt.Errorf("make %s tokens: %w", m.Mode(), err)
			}
		}
		batch.made <- made
		return nil
	})
	return nil
}

// filter makes the filters of a batch.
func (s *Sender) filter(identities []pseudonym.Identity) []*clk.CLK {
	filters := make([]*clk.CLK, len(identities))
	key := s.filters.Clone()
	for i, who := range identities {
		if c, ok := key.OfPerson(who); ok {
			filters[i] = &c
			s.filtered.Add(1)
		}
	}
	return filters
}

// write writes what is made, in order.
func (s *Sender) write() error {
	row := Record{Tokens: make([]pseudonym.Tokens, len(s.makers))}
	for batch := range s.pending {
		made, ok := <-batch.made
		<-s.room
		if !ok {
			continue // it has said why
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
		for i, person := range batch.persons {
			row.Person, row.Filter = person, nil
			if batch.filters != nil {
				row.Filter = batch.filters[i]
			}
			for m := range made {
				row.Tokens[m] = made[m][i]
			}
			if err := s.writer.Write(row); err != nil {
				return err
			}
		}
	}
	return s.writer.Flush()
}

// Close makes and writes what is left, and waits for all of it.
func (s *Sender) Close() (Sent, error) {
	var err error
	if len(s.batch.persons) > 0 {
		err = s.flush()
	}
	close(s.pending)
	if failed := s.group.Wait(); failed != nil {
		err = failed
	}
	return Sent{s.persons, s.wrong.Load(), s.filtered.Load()}, err
}
