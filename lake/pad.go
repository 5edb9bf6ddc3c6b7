package lake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// Padme returns the padded length, in bytes, of a plaintext of n bytes.
// The overhead is at most 12 % and falls with n; at most O(log log n) bits of
// the length remain visible. n must not be negative.
// Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
// Communication with PURBs", PETS 2019, section 4.
func Padme(n int64) int64 {
	if n < 2 {
		return n
	}
	e := bits.Len64(uint64(n)) - 1    // floor(log2 n)
	s := bits.Len64(uint64(e))        // floor(log2 e) + 1
	mask := int64(1)<<max(e-s, 0) - 1 // the last bits to be zero
	return (n + mask) &^ mask
}

// Kind is how a plaintext is padded so that it stays a valid file of its format.
type Kind string

// The formats that are sealed.
const (
	Parquet Kind = "parquet" // zero bytes between the last row group and the footer
	JSON    Kind = "json"    // spaces after the end
	Tar     Kind = "tar"     // zero bytes after the end-of-archive blocks
)

// padder pads what is written through it when it is closed. It does not close w.
func padder(kind Kind, w io.Writer) (io.WriteCloser, error) {
	switch kind {
	case Parquet:
		return &parquetPadder{w: w}, nil
	case JSON:
		return &tailPadder{w: w, fill: ' '}, nil
	case Tar:
		return &tailPadder{w: w}, nil
	}
	return nil, fmt.Errorf("no padding is known for %q", kind)
}

// tailPadder pads at the end.
type tailPadder struct {
	w    io.Writer
	n    int64
	fill byte
}

func (p *tailPadder) Write(data []byte) (int, error) {
	n, err := p.w.Write(data)
	p.n += int64(n)
	return n, err
}

func (p *tailPadder) Close() error { return fill(p.w, p.fill, Padme(p.n)-p.n) }

func fill(w io.Writer, with byte, n int64) error {
	block := bytes.Repeat([]byte{with}, int(min(n, 1<<16)))
	for ; n > 0; n -= int64(len(block)) {
		block = block[:min(n, int64(len(block)))]
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// parquetPadder holds back the end of a Parquet file until it knows where the
// footer begins. All offsets in a footer count from the file's beginning, and
// readers find the footer from the file's end, so what lies in between is free
// (https://parquet.apache.org/docs/file-format/).
type parquetPadder struct {
	w            io.Writer
	n            int64  // bytes written so far, held back ones included
	older, newer []byte // the last of them: at least maxFooter, where there were so many
}

// maxFooter bounds the footer, and so what is held back. DuckDB's footers take
// some 100 bytes for each column of each row group.
const maxFooter = 16 << 20

func (p *parquetPadder) Write(data []byte) (int, error) {
	p.n += int64(len(data))
	for rest := data; len(rest) > 0; {
		n := min(len(rest), maxFooter-len(p.newer))
		p.newer = append(p.newer, rest[:n]...)
		rest = rest[n:]
		if len(p.newer) == maxFooter {
			if _, err := p.w.Write(p.older); err != nil {
				return 0, err
			}
			p.older, p.newer = p.newer, p.older[:0]
		}
	}
	return len(data), nil
}

func (p *parquetPadder) Close() error {
	held := slices.Concat(p.older, p.newer)
	if len(held) < 12 || string(held[len(held)-4:]) != "PAR1" {
		return errors.New("the file to seal does not end as a Parquet file does")
	}
	footer := int64(binary.LittleEndian.Uint32(held[len(held)-8:])) + 8
	if footer > int64(len(held)) {
		return fmt.Errorf("a Parquet footer of %d bytes is too long: make the row groups larger", footer)
	}
	start := int64(len(held)) - footer
	if _, err := p.w.Write(held[:start]); err != nil {
		return err
	}
	if err := fill(p.w, 0, Padme(p.n)-p.n); err != nil {
		return err
	}
	_, err := p.w.Write(held[start:])
	return err
}
