package ledger

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/sync/errgroup"
)

// Entry is a statement in the log.
type Entry struct {
	Index     uint64
	Envelope  []byte
	Statement Statement

	read *envelope // once it was
}

// parsed is the entry's envelope.
func (e Entry) parsed() (envelope, error) {
	if e.read != nil {
		return *e.read, nil
	}
	return parseEnvelope(e.Envelope)
}

// VerifyBy says whether the entry was signed by this very key.
func (e Entry) VerifyBy(key PublicKey) error {
	parsed, err := e.parsed()
	if err != nil {
		return err
	}
	return parsed.verifyBy(key)
}

// NewEntry reads an envelope that is to be, or is, an entry of the log.
func NewEntry(index uint64, text []byte) (e Entry, err error) {
	e.Index, e.Envelope = index, text
	parsed, err := parseEnvelope(text)
	if err != nil {
		return e, err
	}
	e.read = &parsed
	e.Statement, err = readStatement(parsed.Payload)
	return e, err
}

// bundle is a run of entries on their way from the disk.
type bundle struct {
	number  uint64
	data    []byte   // as it lies on the disk, as far as it is asked for
	raw     [][]byte // every envelope from the bundle's beginning
	leaves  [][]byte // their hashes
	entries []Entry  // those asked for, as far as they can be read
	err     error    // why one cannot
}

// spareBundles are the memory of bundles that nobody looks at any more.
var spareBundles sync.Pool // of *[]byte

// free says that nobody looks at the bundle's envelopes any more.
func (b *bundle) free() { spareBundles.Put(&b.data) }

// stream reads the bundles that hold the entries from one index to another,
// several at once, and yields them in order. It holds a few bundles at a time.
func (l *Log) stream(ctx context.Context, from, to uint64, yield func(*bundle) error) error {
	if from >= to {
		return nil
	}
	workers := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	queue := make(chan chan *bundle, 2*workers)
	group.Go(func() error {
		defer close(queue)
		readers := errgroup.Group{}
		readers.SetLimit(workers)
		defer func() { _ = readers.Wait() }()
		for number := from / layout.EntryBundleWidth; number*layout.EntryBundleWidth < to; number++ {
			next := make(chan *bundle, 1)
			select {
			case queue <- next:
			case <-ctx.Done():
				return ctx.Err()
			}
			readers.Go(func() error {
				next <- l.load(number, from, to)
				return nil
			})
		}
		return nil
	})
	group.Go(func() error {
		for next := range queue {
			if err := yield(<-next); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// load reads one bundle of a log of a size.
func (l *Log) load(number, from, size uint64) *bundle {
	b := &bundle{number: number}
	width := layout.PartialTileSize(0, number, size)
	path := l.place(layout.EntriesPath(number, width))
	into, _ := spareBundles.Get().(*[]byte)
	if into == nil {
		into = new([]byte)
	}
	data, err := l.bundle(number, width, *into)
	if err != nil {
		b.err = fmt.Errorf("%s: read the ledger from entry %d: %w", path, number*layout.EntryBundleWidth, err)
		return b
	}
	b.data, b.raw = data, unbundle(data)
	b.leaves = hashLeaves(b.raw)
	b.entries = make([]Entry, 0, len(b.raw))
	for i, envelope := range b.raw {
		index := number*layout.EntryBundleWidth + uint64(i)
		if index < from || b.err != nil {
			continue
		}
		entry, err := NewEntry(index, envelope)
		if err != nil {
			b.err = fmt.Errorf("%s: entry %d: %w", path, index, err)
			continue
		}
		b.entries = append(b.entries, entry)
	}
	return b
}
