package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
)

// tree is the log as its entries say it must be.
type tree struct {
	entries [][]byte
	levels  [][][]byte // levels[l][i]: the hash of the i-th full subtree of 256^l entries
}

// Verify reads every file of the log and says which of them are not what the
// signed checkpoint promises. It also returns the entries, for those who
// verify what they say. An error means that the log cannot be read at all.
//
// It recomputes the tree of RFC 6962, section 2.1, from the entries; compares
// its root with the checkpoint's; and compares every tile, every entry bundle
// (also those that a longer one has replaced) and the log's own state with it.
func (l *Log) Verify(ctx context.Context) (entries []Entry, faults []error, err error) {
	err = l.Entries(ctx, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	cp, _, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	t, root, err := grow(entries)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(root, cp.Hash) {
		faults = append(faults, fmt.Errorf("%s: the statements are not those that the checkpoint of %d entries signs", l.dir, cp.Size))
	}
	for _, name := range t.needed(cp.Size) {
		if _, err := os.Stat(filepath.Join(l.dir, name)); err != nil {
			faults = append(faults, fmt.Errorf("a file of the ledger: %w", err))
		}
	}
	err = l.walk(func(path, name string, data []byte) error {
		if fault := t.check(name, data, cp.Size, root); fault != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path, fault))
		}
		return nil
	})
	return entries, faults, err
}

// walk yields every file of the log with its name in the log's directory.
func (l *Log) walk(yield func(path, name string, data []byte) error) error {
	return filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(l.dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return yield(path, filepath.ToSlash(name), data)
	})
}

// grow builds the tree of the entries and its root.
func grow(entries []Entry) (*tree, []byte, error) {
	t := &tree{}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	whole := factory.NewEmptyRange(0)
	var leaves [][]byte
	for _, e := range entries {
		leaf := rfc6962.DefaultHasher.HashLeaf(e.Envelope)
		leaves = append(leaves, leaf)
		t.entries = append(t.entries, e.Envelope)
		if err := whole.Append(leaf, nil); err != nil {
			return nil, nil, err
		}
	}
	for level := leaves; len(level) > 0; {
		t.levels = append(t.levels, level)
		var next [][]byte
		for ; len(level) >= layout.TileWidth; level = level[layout.TileWidth:] {
			sub := factory.NewEmptyRange(0)
			for _, hash := range level[:layout.TileWidth] {
				if err := sub.Append(hash, nil); err != nil {
					return nil, nil, err
				}
			}
			hash, err := sub.GetRootHash(nil)
			if err != nil {
				return nil, nil, err
			}
			next = append(next, hash)
		}
		level = next
	}
	root, err := whole.GetRootHash(nil)
	return t, root, err
}

var (
	errForeign  = errors.New("this file does not belong to a ledger: remove it")
	errUnsigned = errors.New("no checkpoint signs it; an interrupted step has left it: remove it with rempart lake repair")
)

// check says why one file of the log, by its name in the log's directory, is
// not what it must be.
func (t *tree) check(name string, data []byte, size uint64, root []byte) error {
	if temporary.MatchString(name) {
		return errUnsigned
	}
	switch dir, rest, _ := strings.Cut(name, "/"); dir {
	case layout.CheckpointPath, "lock": // the checkpoint was verified by its signature
		if dir == "lock" && len(data) > 0 {
			return errForeign
		}
		return nil
	case attachments:
		if name != attachments+"/"+string(Sum(data))+".json" {
			return errors.New("the attachment was changed: its digest is not its name")
		}
		return nil
	case ".state":
		return checkState(rest, data, size, root)
	case "tile":
		return t.checkTile(rest, data)
	}
	return errForeign
}

// temporary names what an interrupted write of tessera's leaves: the name of a
// file of the log and a random number, of more digits than any part of a name has.
var temporary = regexp.MustCompile(`^(checkpoint|\.state/[a-zA-Z]+|tile/.+)[0-9]{4,}$`)

// checkState checks tessera's own notes.
func checkState(name string, data []byte, size uint64, root []byte) error {
	var want []byte
	switch {
	case name == "treeState":
		want, _ = json.Marshal(map[string]any{"size": size, "root": root})
		var got, expected any
		if json.Unmarshal(data, &got) != nil || json.Unmarshal(want, &expected) != nil || fmt.Sprint(got) != fmt.Sprint(expected) {
			return errors.New("the noted size or root of the tree is not the tree's")
		}
		return nil
	case name == "version":
		want = []byte("1")
	case strings.HasSuffix(name, ".lock"):
	default:
		return errForeign
	}
	if !bytes.Equal(data, want) {
		return fmt.Errorf("holds %.20q, want %q", data, want)
	}
	return nil
}

// checkTile checks tile/<level>/<N>[.p/<width>] and tile/entries/<N>[.p/<width>]
// (https://c2sp.org/tlog-tiles).
func (t *tree) checkTile(name string, data []byte) error {
	level, rest, _ := strings.Cut(name, "/")
	number, width, err := layout.ParseTileIndexPartial(rest)
	if err != nil {
		return errForeign
	}
	count := uint64(layout.TileWidth)
	if width > 0 {
		count = uint64(width)
	}
	from := number * layout.TileWidth
	var want []byte
	if level == "entries" {
		if from+count > uint64(len(t.entries)) {
			return errUnsigned
		}
		for _, entry := range t.entries[from : from+count] {
			want = append(want, byte(len(entry)>>8), byte(len(entry)))
			want = append(want, entry...)
		}
	} else {
		l, err := strconv.Atoi(level)
		if err != nil || l < 0 || l >= len(t.levels) || from+count > uint64(len(t.levels[l])) {
			return errUnsigned
		}
		want = bytes.Join(t.levels[l][from:from+count], nil)
	}
	if !bytes.Equal(data, want) {
		return errors.New("was changed: it is not what the checkpoint signs")
	}
	return nil
}

// needed names the files that a log of a size has, the superseded ones left out.
func (t *tree) needed(size uint64) (names []string) {
	names = []string{stateFile, ".state/version"}
	for l, hashes := range t.levels {
		for index := uint64(0); index*layout.TileWidth < uint64(len(hashes)); index++ {
			width := layout.PartialTileSize(uint64(l), index, size)
			names = append(names, layout.TilePath(uint64(l), index, width))
			if l == 0 {
				names = append(names, layout.EntriesPath(index, width))
			}
		}
	}
	return names
}
