package intake

import (
	"bytes"
	"io"
)

// maxLine is the longest line of NDJSON that is read.
const maxLine = 16 << 20

// lineReader cuts NDJSON into blocks. What it has in memory is a block, or one
// line.
type lineReader struct {
	in   io.Reader
	size int    // of a block in bytes, or a little more
	line int    // of the next block, 1-based
	text []byte // read but not handed out
	eof  bool
}

func (l *lineReader) fill(n int) error {
	b := blocks{in: l.in, text: l.text, eof: l.eof}
	err := b.fill(n)
	l.text, l.eof = b.text, b.eof
	return err
}

// next returns the next block, or io.EOF. It reads on into the memory of old.
func (l *lineReader) next(old block) (block, error) {
	for size := l.size; ; size *= 2 {
		if err := l.fill(min(size, maxLine+1)); err != nil {
			return block{}, err
		}
		end := bytes.LastIndexByte(l.text, '\n') + 1
		if l.eof {
			end = len(l.text)
		}
		switch {
		case end > 0:
			out := block{text: l.text[:end], line: l.line}
			l.line += bytes.Count(out.text, []byte("\n"))
			l.text = append(old.text[:0], l.text[end:]...)
			return out, nil
		case l.eof:
			return block{}, io.EOF
		case len(l.text) > maxLine:
			return l.pass()
		}
	}
}

// pass reads on to the end of a line that is too long.
func (l *lineReader) pass() (block, error) {
	out := block{line: l.line, tooLong: true}
	for {
		l.text = l.text[:0]
		if err := l.fill(l.size); err != nil {
			return out, err
		}
		if end := bytes.IndexByte(l.text, '\n'); end >= 0 {
			l.text = l.text[end+1:]
			l.line++
			return out, nil
		}
		if l.eof {
			l.text = nil
			return out, nil
		}
	}
}
