package intake

import (
	"bytes"
	"errors"
	"io"
)

// defaultBlock is how many bytes of text a worker takes at once.
const defaultBlock = 512 << 10

// block is a run of whole rows of a file.
type block struct {
	text []byte
	line int // of the first row, 1-based
}

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

// header takes the first row that is not blank.
func (b *blocks) header() (fields []string, err error) {
	for size := 4096; ; size *= 2 {
		if err := b.fill(size); err != nil {
			return nil, err
		}
		if b.line == 0 {
			b.line = 1
			b.text = bytes.TrimPrefix(b.text, []byte("\xef\xbb\xbf"))
		}
		for {
			n, is := b.scan.next(b.text, b.eof)
			if is == incomplete || n == 0 {
				break
			}
			if is == broken {
				return nil, errors.New(b.scan.problem)
			}
			row := b.text[:n]
			b.text = b.text[n:]
			b.line += bytes.Count(row, []byte("\n"))
			switch is {
			case plain:
				b.scan.split(chop(bytes.TrimSuffix(row, []byte("\n"))))
				fallthrough
			case quoted:
				for _, f := range b.scan.fields {
					fields = append(fields, string(f))
				}
				return fields, nil
			}
		}
		if b.eof {
			return nil, nil
		}
		if size >= maxRow {
			return nil, errRowTooLong
		}
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
