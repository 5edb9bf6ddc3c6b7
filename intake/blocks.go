package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// defaultBlock is how many bytes of text a worker takes at once.
const defaultBlock = 512 << 10

// blocks cuts a file into blocks.
type blocks struct {
	in   io.Reader
	scan scanner
	size int    // of a block in bytes, or a little more
	line int    // of the next block
	text []byte // read but not handed out
	eof  bool
}

// errRowTooLong stops a file whose row does not fit into memory.
var errRowTooLong = errors.New("the row is longer than 8 MiB")

// fill reads until there are n bytes of text or the file has ended.
func (b *blocks) fill(n int) error {
	if cap(b.text) < n {
		b.text = append(make([]byte, 0, n), b.text...)
	}
	for len(b.text) < n && !b.eof {
		got, err := b.in.Read(b.text[len(b.text):n])
		b.text = b.text[:len(b.text)+got]
		if errors.Is(err, io.EOF) {
			b.eof = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// header takes the first row that is not blank, and finds out what delimits
// its fields: the declared delimiter is tried first, and the one with which all
// names are known is right. Where there is none, it is that with which most
// are. It returns nil for a file without a row.
func (b *blocks) header(declared byte, known []string) ([]string, error) {
	candidates := string(declared) + strings.ReplaceAll(delimiters, string(declared), "")
	for size := 4096; ; size *= 2 {
		if err := b.fill(size); err != nil {
			return nil, err
		}
		var best *header
		waiting := false
		for i := range len(candidates) {
			h := b.tryHeader(candidates[i], known)
			if h == nil {
				waiting = true
			} else if best == nil || h.known > best.known {
				best = h
			}
		}
		whole := best != nil && best.known == len(best.fields)
		if b.eof && best == nil {
			b.text = nil
			return nil, nil
		}
		if whole || best != nil && !waiting {
			if b.line = 1 + bytes.Count(b.text[:best.start], []byte("\n")); best.err != nil {
				return nil, best.err
			}
			b.line = 1 + bytes.Count(b.text[:best.size], []byte("\n"))
			b.text = b.text[best.size:]
			b.scan.delimiter = best.delimiter
			return best.fields, nil
		}
		if size >= maxRow {
			return nil, errRowTooLong
		}
	}
}

// header is the first row as one delimiter has it.
type header struct {
	delimiter byte
	start     int // where it starts, in bytes
	size      int // where it ends
	fields    []string
	known     int // of the fields; -1 for a broken row
	err       error
}

// tryHeader reads the first row, or returns nil where its end is not there.
func (b *blocks) tryHeader(delimiter byte, names []string) *header {
	b.scan.delimiter = delimiter
	for at := 0; ; {
		n, is := b.scan.next(b.text[at:], b.eof)
		if is == incomplete || n == 0 {
			return nil
		}
		row := b.text[at : at+n]
		start := at
		at += n
		switch is {
		case blank:
			continue
		case broken:
			return &header{delimiter: delimiter, start: start, size: at, known: -1, err: errors.New(b.scan.problem)}
		case plain:
			b.scan.split(chop(bytes.TrimSuffix(row, []byte("\n"))))
		}
		h := &header{delimiter: delimiter, start: start, size: at}
		for _, f := range b.scan.fields {
			h.fields = append(h.fields, string(f))
			if lookUp(string(f), names) >= 0 {
				h.known++
			}
		}
		return h
	}
}

// next returns the next block, or io.EOF. It reads on into the memory of old,
// a block that nobody uses any more.
func (b *blocks) next(old block) (block, error) {
	for size := b.size; ; size *= 2 {
		if err := b.fill(size); err != nil {
			return block{}, err
		}
		n := len(b.text)
		if !b.eof {
			n = b.cut()
		}
		if n > 0 {
			out := block{text: b.text[:n], line: b.line}
			b.line += bytes.Count(out.text, []byte("\n"))
			b.text = append(old.text[:0], b.text[n:]...)
			return out, nil
		}
		if b.eof {
			return block{}, io.EOF
		}
		if size >= maxRow {
			return block{}, errRowTooLong
		}
	}
}

// cut returns where the last complete row in the text ends. A line without a
// quote ends a row wherever a row may start; so only lines with quotes are read.
func (b *blocks) cut() int {
	at := 0
	for {
		quote := bytes.IndexByte(b.text[at:], '"')
		if quote < 0 {
			return at + bytes.LastIndexByte(b.text[at:], '\n') + 1
		}
		at += bytes.LastIndexByte(b.text[at:at+quote], '\n') + 1
		n, is := b.scan.next(b.text[at:], false)
		if is == incomplete {
			return at
		}
		at += n
	}
}
