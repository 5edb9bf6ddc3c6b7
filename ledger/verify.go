package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/api/layout"
)

// Verify reads every file of the log and says which of them are not what the
// signed checkpoint promises. It yields the entries, for those who verify what
// they say; yield must not keep an envelope, whose memory serves again. An error
// means that the log cannot be read at all, or is yield's.
//
// It recomputes the tree of RFC 6962, section 2.1, from the entries; compares
// its root with the checkpoint's; and compares every tile, every entry bundle
// (also those that a longer one has replaced) and the journal with it. It reads
// the log once, and holds a few bundles of it at a time.
func (l *Log) Verify(ctx context.Context, yield func(Entry) error) (faults []error, err error) {
	cp, _, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	e := &edge{tree: ranges.NewEmptyRange(0)}
	err = l.stream(ctx, 0, cp.Size, func(b *bundle) error {
		if b.err != nil {
			return b.err
		}
		files, err := e.addLeaves(b.raw, b.leaves, b.data)
		if err != nil {
			return err
		}
		if e.tree.End() < cp.Size { // what is not full goes on with the next bundle
			files = slices.DeleteFunc(files, func(f file) bool { return strings.Contains(f.name, ".p/") })
		}
		faults = append(faults, l.compare(ctx, b, files)...)
		for _, entry := range b.entries {
			if err := yield(entry); err != nil {
				return err
			}
		}
		b.free()
		return nil
	})
	if err != nil {
		return faults, err
	}
	root, err := rootOf(e.tree)
	if err != nil {
		return faults, err
	}
	if !bytes.Equal(root, cp.Hash) {
		faults = append(faults, fmt.Errorf("%s: the statements are not those that the checkpoint of %d entries signs", l.dir, cp.Size))
	}
	others, err := l.others(cp.Size)
	for _, f := range others {
		faults = append(faults, fmt.Errorf("%s: %w", f.path, f.reason))
	}
	return append(faults, l.verifyJournal(ctx, cp)...), err
}

// compare says which of the files that a bundle completes are not as they must be.
func (l *Log) compare(ctx context.Context, b *bundle, files []file) (faults []error) {
	for _, want := range files {
		got := want.data
		info, err := os.Stat(l.place(want.name))
		if isBundle := strings.HasPrefix(want.name, "tile/entries/"); err == nil && (!isBundle || info.Size() != int64(len(want.data))) { // a bundle was read already
			got, err = os.ReadFile(l.place(want.name))
		}
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("a file of the ledger: %w", err))
		case bytes.Equal(got, want.data):
		case strings.HasPrefix(want.name, "tile/0/") && l.fits(ctx, b.number, got):
			faults = append(faults, fmt.Errorf("%s: %w", l.place(layout.EntriesPath(b.number, uint8(len(b.raw)%layout.EntryBundleWidth))), errChanged))
		default:
			faults = append(faults, fmt.Errorf("%s: %w", l.place(want.name), errChanged))
		}
	}
	return faults
}

// fits says whether a full tile of leaves is what the tile above it says, so
// that it is the entries which were changed.
func (l *Log) fits(ctx context.Context, number uint64, tile []byte) bool {
	if len(tile) != layout.TileWidth*sha256.Size {
		return false
	}
	tree := ranges.NewEmptyRange(0)
	for leaf := range slices.Chunk(tile, sha256.Size) {
		if tree.Append(leaf, nil) != nil {
			return false
		}
	}
	root, err := rootOf(tree)
	at := number % layout.TileWidth
	above, missing := l.Tile(ctx, 1, number/layout.TileWidth, uint8((at+1)%layout.TileWidth))
	return err == nil && missing == nil && bytes.Equal(above[at*sha256.Size:(at+1)*sha256.Size], root)
}

var (
	errForeign  = errors.New("this file does not belong to a ledger: remove it")
	errUnsigned = errors.New("no checkpoint signs it; an interrupted step has left it: remove it with rempart lake repair")
	errChanged  = errors.New("was changed: it is not what the checkpoint signs")
	errReplaced = errors.New("a longer one has replaced it")
)

// other is a file of the log's directory that is not what it should be.
type other struct {
	path   string
	reason error
}

// files yields every file of the log, with its name in the log's directory.
func (l *Log) files(yield func(path, name string, d fs.DirEntry) error) error {
	return filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(l.dir, path)
		if err != nil {
			return err
		}
		return yield(path, filepath.ToSlash(name), d)
	})
}

// others looks for files that do not belong to a log of a size, and compares
// those that others have replaced with them.
func (l *Log) others(size uint64) (found []other, err error) {
	err = l.files(func(path, name string, d fs.DirEntry) error {
		if reason := l.judge(name, d, size); reason != nil && !errors.Is(reason, errReplaced) {
			found = append(found, other{path, reason})
		}
		return nil
	})
	return found, err
}

// judge says why a file, by its name in the log's directory, is not what it
// must be. Tiles and bundles that are not partial were compared before.
func (l *Log) judge(name string, d fs.DirEntry, size uint64) error {
	if isUnfinished(name) {
		return errUnsigned
	}
	switch dir, rest, _ := strings.Cut(name, "/"); dir {
	case checkpointFile, journalFile, cosignedFile:
		return nil
	case "lock":
		if info, err := d.Info(); err != nil || info.Size() > 0 {
			return errForeign
		}
		return nil
	case attachments:
		data, err := os.ReadFile(l.place(name))
		if err != nil {
			return err
		}
		if name != attachments+"/"+string(Sum(data))+".json" {
			return errors.New("the attachment was changed: its digest is not its name")
		}
		return nil
	case "tile":
		return l.judgeTile(name, rest, size)
	}
	return errForeign
}

// judgeTile judges tile/<level>/<N>[.p/<width>] and tile/entries/<N>[.p/<width>]
// (https://c2sp.org/tlog-tiles).
func (l *Log) judgeTile(name, rest string, size uint64) error {
	level, rest, _ := strings.Cut(rest, "/")
	number, width, err := layout.ParseTileIndexPartial(rest)
	if err != nil {
		return errForeign
	}
	at := uint64(0)
	path := layout.EntriesPath
	if level != "entries" {
		if at, err = layout.ParseTileLevel(level); err != nil {
			return errForeign
		}
		path = func(n uint64, w uint8) string { return layout.TilePath(at, n, w) }
	}
	count := size >> (layout.TileHeight * at)
	if at > 7 || number*layout.TileWidth+uint64(full(width)) > count {
		return errUnsigned
	}
	if width == 0 || number == count/layout.TileWidth && uint64(width) == count%layout.TileWidth {
		return nil // was compared
	}
	longest := uint8(0)
	if number == count/layout.TileWidth {
		longest = uint8(count % layout.TileWidth)
	}
	whole, err := os.ReadFile(l.place(path(number, longest)))
	if err != nil {
		return err
	}
	part, err := os.ReadFile(l.place(name))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(whole, part) || level != "entries" && len(part) != full(width)*sha256.Size || level == "entries" && countEntries(part) != full(width) {
		return errChanged
	}
	return errReplaced
}

// countEntries counts the entries of a bundle, -1 where one is not whole.
func countEntries(data []byte) (n int) {
	for ; len(data) > 0; n++ {
		if len(data) < 2 || len(data) < 2+entryLength(data) {
			return -1
		}
		data = data[2+entryLength(data):]
	}
	return n
}

// verifyJournal compares the journal with the log.
func (l *Log) verifyJournal(ctx context.Context, head *log.Checkpoint) (faults []error) {
	data, err := l.readJournal()
	if err != nil {
		return []error{err}
	}
	_, records, whole := decodeJournal(data)
	changed := fmt.Errorf("%s: it is not what the ledger says: if it was not changed, an interrupted step left it: end it with rempart lake repair", l.place(journalFile))
	if !isZero(data[whole:]) || len(data) > 0 && int64(len(data)) < journalLimit {
		return []error{changed}
	}
	for i, r := range records {
		cp, err := l.ParseCheckpoint(r.checkpoint)
		last := i == len(records)-1
		if err != nil || cp.Size != r.from+uint64(len(r.entries)) || last != (cp.Size == head.Size && bytes.Equal(cp.Hash, head.Hash)) || !last && records[i+1].from != cp.Size {
			return []error{changed}
		}
		next := r.from
		err = l.stream(ctx, r.from, cp.Size, func(b *bundle) error {
			for _, e := range b.entries {
				if !bytes.Equal(e.Envelope, r.entries[next-r.from]) {
					return changed
				}
				next++
			}
			return b.err
		})
		if err != nil {
			return []error{err}
		}
	}
	return nil
}

// Sweep removes files that interrupted steps have left, partial files that
// longer ones have replaced, and attachments that no statement names. Call it
// under the lock, after [Log.Recover].
func (l *Log) Sweep(ctx context.Context, named map[Digest]bool) (removed []string, err error) {
	if err := l.Recover(ctx); err != nil {
		return nil, err
	}
	size := l.writer.edge.tree.End()
	if err := l.settle(size); err != nil {
		return nil, err
	}
	err = l.files(func(path, name string, d fs.DirEntry) error {
		reason := l.judge(name, d, size)
		digest, isAttachment := strings.CutPrefix(name, attachments+"/")
		switch {
		case errors.Is(reason, errUnsigned):
			removed = append(removed, path)
		case isAttachment && reason == nil && !named[Digest(strings.TrimSuffix(digest, ".json"))]:
			removed = append(removed, path)
		case !errors.Is(reason, errReplaced): // nobody has to hear of these
			return nil
		}
		return os.Remove(path)
	})
	return removed, err
}
