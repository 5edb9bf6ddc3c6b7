package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Recover ends what an interrupted [Log.Append] began: an entry that is in the
// tree, but under no checkpoint yet, is published. The writer that was killed
// had been admitted with it, so it counts. Call it under the lock, before the
// log is read to decide on a new entry.
func (l *Log) Recover(ctx context.Context, signer note.Signer) error {
	integrated, err := l.integrated()
	if err != nil {
		return err
	}
	cp, _, err := l.Checkpoint(ctx)
	if errors.Is(err, fs.ErrNotExist) && integrated == 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if cp != nil && cp.Size > integrated { // tessera would begin a second history there
		return fmt.Errorf("%s is missing or of another day: it knows %d of %d entries: put its copy back", filepath.Join(l.dir, stateFile), integrated, cp.Size)
	}
	if cp != nil && cp.Size == integrated {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, _, err := l.appender(ctx, signer); err != nil {
		return err
	}
	for { // tessera publishes by itself
		if cp, _, err := l.Checkpoint(ctx); err == nil && cp.Size >= integrated {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the checkpoint of an interrupted step could not be published: is the disk full?")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stateFile is tessera's own note of the tree. It grows before the checkpoint does.
const stateFile = ".state/treeState"

// integrated is the size of the tree, published or not.
func (l *Log) integrated() (uint64, error) {
	path := filepath.Join(l.dir, stateFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var state struct {
		Size uint64 `json:"size"`
	}
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return state.Size, nil
}

// Sweep removes files that interrupted steps have left, and attachments that
// no statement names. Call it under the lock, after [Log.Recover].
func (l *Log) Sweep(ctx context.Context, named map[Digest]bool) (removed []string, err error) {
	var entries []Entry
	err = l.Entries(ctx, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t, root, err := grow(entries)
	if err != nil {
		return nil, err
	}
	err = l.walk(func(path, name string, data []byte) error {
		orphan := filepath.Dir(name) == attachments && !named[Sum(data)]
		if !orphan && !errors.Is(t.check(name, data, uint64(len(entries)), root), errUnsigned) {
			return nil
		}
		removed = append(removed, path)
		return os.Remove(path)
	})
	return removed, err
}
