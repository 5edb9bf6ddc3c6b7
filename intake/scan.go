package intake

import (
	"bytes"
	"fmt"
)

const (
	maxField = 1 << 20 // bytes of one field; a longer one is refused
	maxRow   = 8 << 20 // bytes of one row; a longer one is no table
)

// shape is what a scanner found at the start of some text.
type shape int

const (
	incomplete shape = iota // the row's end is not there yet
	blank                   // an empty line: no row, as in encoding/csv
	plain                   // a row on one line without a quote: not split yet
	quoted                  // a row with quotes: split into fields
	broken                  // a line whose quotes make no sense
)

// scanner finds rows of RFC 4180 text. On text that encoding/csv reads without
// an error it finds the same fields (fuzzed). Where quotes are broken it gives
// up one line only, and goes on with the next: a quote that is never closed
// does not swallow the rows behind it. For the same reason a row over several
// lines must have the right number of fields.
type scanner struct {
	delimiter byte
	columns   int      // fields of a row; 0: any number
	fields    [][]byte // of the last quoted row, or by split
	text      []byte   // unescaped fields, for one row
	problem   string   // of the last broken line
}

// next finds the row or line at the start of data and its size in bytes, line
// end included. last says that no text follows data.
func (s *scanner) next(data []byte, last bool) (size int, is shape) {
	line := bytes.IndexByte(data, '\n')
	size = line + 1
	if line < 0 {
		if !last {
			return 0, incomplete
		}
		line, size = len(data), len(data)
	}
	switch {
	case len(chop(data[:line])) == 0:
		return size, blank
	case bytes.IndexByte(data[:line], '"') < 0:
		return size, plain
	}
	whole, is := s.unquote(data, last)
	switch {
	case is == quoted && whole > size && s.columns > 0 && len(s.fields) != s.columns:
		s.problem = fmt.Sprintf("quote: the field runs over the end of the line, and then the row has %d fields instead of %d", len(s.fields), s.columns)
		return size, broken
	case is == broken:
		return size, broken
	}
	return whole, is
}

// split fills fields from a plain row, given without its line end.
func (s *scanner) split(row []byte) {
	s.fields = s.fields[:0]
	for {
		i := bytes.IndexByte(row, s.delimiter)
		if i < 0 {
			s.fields = append(s.fields, row)
			return
		}
		s.fields = append(s.fields, row[:i])
		row = row[i+1:]
	}
}

// unquote fills fields from a row that has quotes.
func (s *scanner) unquote(data []byte, last bool) (size int, is shape) {
	s.fields, s.text = s.fields[:0], s.text[:0]
	rest := data
	for {
		var n int
		var end bool
		if len(rest) > 0 && rest[0] == '"' {
			n, end, is = s.quotedField(rest, last)
		} else {
			n, end, is = s.plainField(rest, last)
		}
		if is != quoted {
			return 0, is
		}
		rest = rest[n:]
		if end {
			return len(data) - len(rest), quoted
		}
	}
}

// plainField takes one field without quotes and what ends it.
func (s *scanner) plainField(data []byte, last bool) (n int, end bool, is shape) {
	for i, c := range data {
		switch c {
		case '"':
			s.problem = "quote: one stands inside a field that is not quoted"
			return 0, false, broken
		case s.delimiter:
			s.fields = append(s.fields, data[:i])
			return i + 1, false, quoted
		case '\n':
			s.fields = append(s.fields, chop(data[:i]))
			return i + 1, true, quoted
		}
	}
	if !last {
		return 0, false, incomplete
	}
	s.fields = append(s.fields, chop(data))
	return len(data), true, quoted
}

// quotedField takes one field that starts with a quote and what ends it.
func (s *scanner) quotedField(data []byte, last bool) (n int, end bool, is shape) {
	from := len(s.text)
	at := 1
	for {
		i := bytes.IndexByte(data[at:], '"')
		known := data // what surely belongs to the field
		if i >= 0 {
			known = data[:at+i]
		}
		if i < 0 && last || len(known) > maxField && bytes.IndexByte(known, '\n') >= 0 {
			s.problem = "quote: opened here and never closed"
			return 0, false, broken
		}
		if i < 0 {
			return 0, false, incomplete
		}
		s.text = appendLines(s.text, data[at:at+i])
		at += i + 1
		next := data[at:]
		switch {
		case len(next) == 0 && !last, len(next) == 1 && next[0] == '\r' && !last:
			return 0, false, incomplete
		case len(next) == 0 || len(next) == 1 && next[0] == '\r':
			s.fields = append(s.fields, s.text[from:])
			return at + len(next), true, quoted
		case next[0] == '"':
			s.text = append(s.text, '"')
			at++
		case next[0] == s.delimiter:
			s.fields = append(s.fields, s.text[from:])
			return at + 1, false, quoted
		case next[0] == '\n':
			s.fields = append(s.fields, s.text[from:])
			return at + 1, true, quoted
		case next[0] == '\r' && next[1] == '\n':
			s.fields = append(s.fields, s.text[from:])
			return at + 2, true, quoted
		default:
			s.problem = "quote: text follows the closing one"
			return 0, false, broken
		}
	}
}

// appendLines appends text with its line ends as \n.
func appendLines(dst, text []byte) []byte {
	for {
		i := bytes.Index(text, []byte("\r\n"))
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), '\n')
		text = text[i+2:]
	}
}

// chop takes the carriage return off the end of a line.
func chop(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
