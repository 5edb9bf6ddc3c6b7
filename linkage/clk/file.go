package clk

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Writer writes CLKs for who links: CSV whose header names what they are of,
//
//	record,clk:<check value of the key>:<traits, with a + between them>
//	<record>,<172 characters of base64>
//	,<how many there were>
//
// The last line is how a file that was cut is known.
type Writer struct {
	csv     *csv.Writer
	written int
}

// NewWriter writes the header. traits are those that every record was made of, as far as it has them.
func NewWriter(w io.Writer, key *Key, traits []string) (*Writer, error) {
	out := csv.NewWriter(w)
	return &Writer{csv: out}, out.Write([]string{"record", "clk:" + key.Check() + ":" + strings.Join(traits, "+")})
}

// Write writes one record: its number or name at the provider, and its filter.
func (w *Writer) Write(record string, c CLK) error {
	w.written++
	text, _ := c.MarshalText() // it has no error
	return w.csv.Write([]string{record, string(text)})
}

// Close writes the last line, without which nobody takes the file.
func (w *Writer) Close() error {
	_ = w.csv.Write([]string{"", strconv.Itoa(w.written)}) // Error tells
	w.csv.Flush()
	return w.csv.Error()
}

// File is a file of CLKs.
type File struct {
	Key     string   // check value of the key that made them
	Traits  []string // of which they are made
	Records []string
	CLKs    []CLK
}

// maxLine bounds a line of a file of CLKs, in bytes.
const maxLine = 64 << 10

// Read reads a file as a Writer wrote it, whole or not at all. Errors name the line and the field.
func Read(r io.Reader) (*File, error) {
	bounded := &bounded{from: r, most: maxLine}
	in := csv.NewReader(bounded)
	in.ReuseRecord = true
	in.FieldsPerRecord = 2
	f := &File{}
	bounded.next()
	head, err := in.Read()
	if err == nil {
		err = f.header(head)
	}
	if err != nil {
		return nil, fmt.Errorf("line 1: no file of CLKs, which begins with record,clk:KEY:TRAITS: %w", err)
	}
	seen := map[string]int{}
	line := 1
	for {
		bounded.next()
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: the file breaks off: its last line, which says how many filters there are, is missing", line+1)
		}
		var at *csv.ParseError
		if err != nil && !errors.As(err, &at) {
			return nil, fmt.Errorf("line %d: %w", line+1, err)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: record and clk: %w", at.Line, at.Err)
		}
		line, _ = in.FieldPos(0)
		if row[0] == "" {
			return f, f.end(in, line, row[1])
		}
		if before, twice := seen[row[0]]; twice {
			return nil, fmt.Errorf("line %d: record: the same as in line %d", line, before)
		}
		var c CLK
		if err := c.UnmarshalText([]byte(row[1])); err != nil {
			return nil, fmt.Errorf("line %d: clk: %w", line, err)
		}
		name := strings.Clone(row[0])
		seen[name] = line
		f.Records = append(f.Records, name)
		f.CLKs = append(f.CLKs, c)
	}
}

// header reads what the first line says.
func (f *File) header(head []string) error {
	parts := strings.Split(head[1], ":")
	if head[0] != "record" || len(parts) != 3 || parts[0] != "clk" {
		return errors.New("it begins otherwise")
	}
	if b, err := hex.DecodeString(parts[1]); err != nil || len(b) != checkSize {
		return errors.New("its key is not told by 16 hexadecimal digits")
	}
	f.Key, f.Traits = parts[1], strings.Split(parts[2], "+")
	for i, t := range f.Traits {
		if !slices.Contains(Traits, t) || slices.Contains(f.Traits[:i], t) {
			return fmt.Errorf("%q is no trait, or stands twice: they are %s", t, strings.Join(Traits, ", "))
		}
	}
	return nil
}

// end checks the last line.
func (f *File) end(in *csv.Reader, line int, count string) error {
	if count != strconv.Itoa(len(f.CLKs)) {
		if _, err := strconv.Atoi(count); err != nil {
			return fmt.Errorf("line %d: record: it is empty", line)
		}
		return fmt.Errorf("line %d: the file has %d filters and should have %s: some were lost or added", line, len(f.CLKs), count)
	}
	if _, err := in.Read(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: the file goes on after its last line", line+1)
	}
	return nil
}

// errLong says that a row does not end.
var errLong = errors.New("the row is too long: a quote does not end, or it is no file of rows")

// bounded is a text of which no row may be longer than so many bytes.
type bounded struct {
	from io.Reader
	most int
	left int
}

// next is called before each row. A reader ahead of it by its own buffer is not in the way.
func (b *bounded) next() { b.left = b.most }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLong
	}
	n, err := b.from.Read(p)
	b.left -= n
	return n, err
}
