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

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
)

// Tile reads a tile of hashes of the log (C2SP tlog-tiles); width is 0 for a
// full one. It is a [client.TileFetcherFunc].
func (l *Log) Tile(_ context.Context, level, index uint64, width uint8) ([]byte, error) {
	data, err := l.prefixed(func(w uint8) string { return layout.TilePath(level, index, w) }, width)
	if err != nil {
		return nil, err
	}
	size := full(width) * sha256.Size
	if len(data) < size {
		return nil, fmt.Errorf("%s has %d bytes, not %d", l.place(layout.TilePath(level, index, width)), len(data), size)
	}
	return data[:size], nil
}

// Bundle reads a bundle of entries of the log as tlog-tiles writes it; width is
// 0 for a full one.
func (l *Log) Bundle(_ context.Context, index uint64, width uint8) ([]byte, error) {
	return l.bundle(index, width, nil)
}

// bundle is Bundle into memory that is at hand, or elsewhere where that is too little.
func (l *Log) bundle(index uint64, width uint8, into []byte) (data []byte, err error) {
	if width == 0 {
		data, err = readInto(l.place(layout.EntriesPath(index, 0)), into)
	} else {
		data, err = l.prefixed(func(w uint8) string { return layout.EntriesPath(index, w) }, width)
	}
	if err != nil {
		return nil, err
	}
	end := 0
	for range full(width) {
		if len(data) < end+2 || len(data) < end+2+entryLength(data[end:]) {
			return nil, fmt.Errorf("%s ends in the middle of an entry", l.place(layout.EntriesPath(index, width)))
		}
		end += 2 + entryLength(data[end:])
	}
	return data[:end], nil
}

// readInto is [os.ReadFile] into memory that is at hand.
func readInto(path string, into []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffer := bytes.NewBuffer(into[:0])
	if info, err := f.Stat(); err == nil {
		buffer.Grow(int(info.Size()) + bytes.MinRead)
	}
	_, err = buffer.ReadFrom(f)
	return buffer.Bytes(), err
}

func entryLength(b []byte) int { return int(b[0])<<8 | int(b[1]) }

// unbundle splits a bundle, which [Log.Bundle] has checked, into its entries.
func unbundle(data []byte) (entries [][]byte) {
	for len(data) > 0 {
		n := entryLength(data)
		entries = append(entries, data[2:2+n:2+n])
		data = data[2+n:]
	}
	return entries
}

// full is how many hashes or entries a width stands for.
func full(width uint8) int {
	if width == 0 {
		return layout.TileWidth
	}
	return int(width)
}

func (l *Log) place(name string) string { return filepath.Join(l.dir, name) }

// prefixed reads a tile or bundle by its name at a width: the file of that very
// width, or any longer one, which begins with it. A writer replaces the last
// ones as the log grows.
func (l *Log) prefixed(name func(width uint8) string, width uint8) (data []byte, err error) {
	for range 10 { // a file may be replaced between a look at its directory and the next
		if data, err = os.ReadFile(l.place(name(width))); err == nil || width == 0 || !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
		if data, full := os.ReadFile(l.place(name(0))); full == nil {
			return data, nil
		}
		longer, none := widths(filepath.Dir(l.place(name(width))))
		if none != nil {
			return nil, err
		}
		for _, w := range longer {
			if w > width {
				if data, gone := os.ReadFile(l.place(name(w))); gone == nil {
					return data, nil
				}
			}
		}
	}
	return nil, err
}

// widths lists the widths of the partial files in a directory.
func widths(dir string) (found []uint8, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		var w uint8
		if n, err := fmt.Sscan(f.Name(), &w); n == 1 && err == nil && fmt.Sprint(w) == f.Name() {
			found = append(found, w)
		}
	}
	slices.Sort(found) // the shortest was there first, and is whole
	return found, err
}

var hasher = rfc6962.DefaultHasher

var ranges = compact.RangeFactory{Hash: hashChildren}

// hashLeaves is the hasher's HashLeaf of many entries, into one piece of memory.
func hashLeaves(entries [][]byte) [][]byte {
	leaves, all := make([][]byte, len(entries)), make([]byte, 0, len(entries)*sha256.Size)
	hash := sha256.New()
	for i, entry := range entries {
		hash.Reset()
		_, _ = hash.Write([]byte{rfc6962.RFC6962LeafHashPrefix}) // a hash does not fail
		_, _ = hash.Write(entry)
		all = hash.Sum(all)
		leaves[i] = all[i*sha256.Size : (i+1)*sha256.Size : (i+1)*sha256.Size]
	}
	return leaves
}

// hashChildren is the hasher's HashChildren without what it leaves behind.
func hashChildren(left, right []byte) []byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = rfc6962.RFC6962NodeHashPrefix
	copy(node[1:], left)
	copy(node[1+sha256.Size:], right)
	sum := sha256.Sum256(node[:])
	return sum[:]
}

// edge is the right end of a tree: what the next entry is added to.
type edge struct {
	tree   *compact.Range
	bundle []byte   // the entries of the last bundle, if it is not full
	tiles  [][]byte // the hashes of the last tile of each level, if it is not full
}

// edgeAt reads the end that the log had at a size.
func (l *Log) edgeAt(ctx context.Context, size uint64) (*edge, error) {
	e := &edge{}
	nodes, err := client.FetchRangeNodes(ctx, size, l.Tile)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's tiles: %w", err)
	}
	if e.tree, err = ranges.NewRange(0, size, nodes); err != nil {
		return nil, err
	}
	if width := layout.PartialTileSize(0, size/layout.TileWidth, size); width > 0 {
		if e.bundle, err = l.Bundle(ctx, size/layout.TileWidth, width); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
	}
	for level := uint64(0); size>>(layout.TileHeight*level) > 0; level++ {
		var tile []byte
		hashes := size >> (layout.TileHeight * level)
		if width := uint8(hashes % layout.TileWidth); width > 0 {
			if tile, err = l.Tile(ctx, level, hashes/layout.TileWidth, width); err != nil {
				return nil, fmt.Errorf("read the ledger's tiles: %w", err)
			}
		}
		e.tiles = append(e.tiles, tile)
	}
	return e, nil
}

// RootAt is the root hash of the tree of the log's first entries, from its tiles.
func (l *Log) RootAt(ctx context.Context, size uint64) ([]byte, error) {
	nodes, err := client.FetchRangeNodes(ctx, size, l.Tile)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's tiles: %w", err)
	}
	tree, err := ranges.NewRange(0, size, nodes)
	if err != nil {
		return nil, err
	}
	return rootOf(tree)
}

func rootOf(tree *compact.Range) ([]byte, error) {
	if tree.End() == 0 {
		return hasher.EmptyRoot(), nil
	}
	return tree.GetRootHash(nil)
}

// file is a file of the log by its name in the log's directory.
type file struct {
	name string
	data []byte
}

// add adds entries and returns the files that hold them, other than the checkpoint.
func (e *edge) add(entries [][]byte) (files []file, err error) {
	return e.addLeaves(entries, hashLeaves(entries), nil)
}

// addLeaves is add for entries whose hashes are known, and which may be a whole
// bundle that was read.
func (e *edge) addLeaves(entries, leaves [][]byte, whole []byte) (files []file, err error) {
	grew := map[int]bool{} // levels: the last tile of another one is there already, as it is
	if len(e.bundle) > 0 || len(entries) != layout.EntryBundleWidth {
		whole = nil
	}
	for i, entry := range entries {
		if whole == nil {
			e.bundle = append(e.bundle, byte(len(entry)>>8), byte(len(entry)))
			e.bundle = append(e.bundle, entry...)
		}
		index := e.tree.End()
		err := e.tree.Append(leaves[i], func(id compact.NodeID, hash []byte) {
			if id.Level%layout.TileHeight == 0 {
				grew[int(id.Level/layout.TileHeight)] = true
				files = e.tile(files, id, hash)
			}
		})
		if err != nil {
			return nil, err
		}
		if e.tree.End()%layout.TileWidth == 0 {
			if whole == nil {
				whole = e.bundle
			}
			files = append(files, file{layout.EntriesPath(index/layout.TileWidth, 0), whole})
			e.bundle, whole = nil, nil
		}
	}
	size := e.tree.End()
	if len(e.bundle) > 0 {
		files = append(files, file{layout.EntriesPath(size/layout.TileWidth, uint8(size%layout.TileWidth)), e.bundle})
	}
	for level, tile := range e.tiles {
		if len(tile) > 0 && grew[level] {
			index := size >> (layout.TileHeight * (uint64(level) + 1))
			files = append(files, file{layout.TilePath(uint64(level), index, uint8(len(tile)/sha256.Size)), tile})
		}
	}
	return files, nil
}

// tile adds the hash of a subtree that is full to the tile of its level.
func (e *edge) tile(files []file, id compact.NodeID, hash []byte) []file {
	level := int(id.Level / layout.TileHeight)
	if level == len(e.tiles) {
		e.tiles = append(e.tiles, nil)
	}
	if e.tiles[level] == nil {
		e.tiles[level] = make([]byte, 0, layout.TileWidth*sha256.Size)
	}
	e.tiles[level] = append(e.tiles[level], hash...)
	if len(e.tiles[level]) == layout.TileWidth*sha256.Size {
		files = append(files, file{layout.TilePath(uint64(level), id.Index/layout.TileWidth, 0), e.tiles[level]})
		e.tiles[level] = nil
	}
	return files
}

// partials names the files at the end of a log of a size that are not full.
func partials(size uint64) (names []string) {
	if width := uint8(size % layout.TileWidth); width > 0 {
		names = append(names, layout.EntriesPath(size/layout.TileWidth, width))
	}
	for level := uint64(0); size>>(layout.TileHeight*level) > 0; level++ {
		hashes := size >> (layout.TileHeight * level)
		if width := uint8(hashes % layout.TileWidth); width > 0 {
			names = append(names, layout.TilePath(level, hashes/layout.TileWidth, width))
		}
	}
	return names
}

// grown names the files that a log has when it has grown from one size to
// another, and that it did not have before.
func grown(from, to uint64) (names []string) {
	for level := uint64(0); to>>(layout.TileHeight*level) > 0; level++ {
		before, after := from>>(layout.TileHeight*level), to>>(layout.TileHeight*level)
		if before == after {
			continue // what grows at this level is a level below
		}
		for tile := before / layout.TileWidth; tile*layout.TileWidth < after; tile++ {
			width := uint8(0)
			if left := after - tile*layout.TileWidth; left < layout.TileWidth {
				width = uint8(left)
			}
			names = append(names, layout.TilePath(level, tile, width))
			if level == 0 {
				names = append(names, layout.EntriesPath(tile, width))
			}
		}
	}
	return names
}
