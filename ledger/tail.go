package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/tessera/client"
)

// Tail is how far somebody has read a log: a commitment to every entry so far.
type Tail struct {
	tree *compact.Range
	read []byte // the checkpoint that was read last
}

// NewTail is before the first entry.
func NewTail() *Tail { return &Tail{tree: ranges.NewEmptyRange(0)} }

// TailAt is the tail of the log's first entries, by its tiles.
func (l *Log) TailAt(ctx context.Context, size uint64) (*Tail, error) {
	nodes, err := client.FetchRangeNodes(ctx, size, l.Tile)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's tiles: %w", err)
	}
	tree, err := ranges.NewRange(0, size, nodes)
	return &Tail{tree: tree}, err
}

// Size is how many entries were read.
func (t *Tail) Size() uint64 { return t.tree.End() }

// Root is the root hash of their tree.
func (t *Tail) Root() ([]byte, error) { return rootOf(t.tree) }

// ForkError says that a log is not a continuation of what was read of it before.
type ForkError struct {
	Dir  string
	Size uint64 // what was read before
	Head uint64 // of the checkpoint now
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("%s: the ledger was rewritten: its checkpoint of %d entries does not continue the %d that were read before", e.Dir, e.Head, e.Size)
}

// Next yields what was added to the log since the tail, and moves the tail on.
// Whether the log's checkpoint commits to what was read before and now shows at
// the end: the error is then a *ForkError. After any error neither the tail nor
// what was yielded is of use. Where nothing was added it costs the reading of one
// small file.
func (l *Log) Next(ctx context.Context, t *Tail, yield func(Entry) error) error {
	raw, err := os.ReadFile(l.place(checkpointFile))
	if errors.Is(err, fs.ErrNotExist) && t.Size() == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	if bytes.Equal(raw, t.read) {
		return nil
	}
	cp, raw, err := l.Checkpoint(ctx)
	if err != nil {
		return err
	}
	before := t.Size()
	if cp.Size < before {
		return &ForkError{l.dir, before, cp.Size}
	}
	err = l.stream(ctx, before, cp.Size, func(b *bundle) error {
		if b.err != nil {
			return b.err
		}
		skip := len(b.raw) - len(b.entries)
		for i, e := range b.entries {
			if err := t.tree.Append(b.leaves[skip+i], nil); err != nil {
				return err
			}
			if err := yield(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root, err := t.Root(); err != nil || !bytes.Equal(root, cp.Hash) {
		return errors.Join(&ForkError{l.dir, before, cp.Size}, err)
	}
	t.read = raw
	return nil
}

// Appended moves a tail on by what its holder appended itself.
func (t *Tail) Appended(l *Log, envelopes [][]byte) error {
	for _, e := range envelopes {
		if err := t.tree.Append(hasher.HashLeaf(e), nil); err != nil {
			return err
		}
	}
	t.read = l.writer.checkpoint
	return nil
}

// Unchanged says whether the log's checkpoint is still the one that the tail was read to.
func (l *Log) Unchanged(t *Tail) bool {
	raw, err := os.ReadFile(l.place(checkpointFile))
	return err == nil && t.read != nil && bytes.Equal(raw, t.read)
}
