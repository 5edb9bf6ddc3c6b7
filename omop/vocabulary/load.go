package vocabulary

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/parquet"
)

// Refused is a row that was not taken.
type Refused struct {
	File  string
	Line  int64  // from 1, header included
	Field string // "" where the row as a whole is not readable
	Rule  string // what it breaks
}

func (r Refused) Error() string { return fmt.Sprintf("%s:%d: %s: %s", r.File, r.Line, r.Field, r.Rule) }

// Loaded accounts for a file: Rows = Accepted + Refused.
type Loaded struct {
	Rows, Accepted, Refused int64
	SHA256                  string // of the file, in hexadecimal
}

// maxLine bounds a row, in bytes.
const maxLine = 1 << 20

// batch is how many rows are checked before they are written.
const batch = 8192

// Load checks a table's file and writes its good rows as Parquet. refuse hears of
// each other row, in order. Concepts are loaded first: the other tables' rows must
// be about concepts that were accepted.
func (b *Bundle) Load(ctx context.Context, t Table, to io.Writer, refuse func(Refused) error) (counts Loaded, err error) {
	name := b.names[t.Name]
	file, err := b.folder.Open(name)
	if err != nil {
		return counts, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	rows, err := newRows(t, io.TeeReader(file, sum))
	if err != nil {
		return counts, fmt.Errorf("%s: %w", t.File(), err)
	}
	columns := make([]engine.Column, len(t.Fields))
	for i, f := range t.Fields {
		columns[i] = f.Column
	}
	writer, err := parquet.NewWriter(to, columns)
	if err != nil {
		return counts, err
	}
	full, empty := make(chan *parquet.Rows), make(chan *parquet.Rows, 2)
	for range 2 {
		none, err := parquet.NewRows(columns)
		if err != nil {
			return counts, err
		}
		empty <- none
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { // one checks, one writes
		defer close(full)
		return b.check(ctx, t, rows, full, empty, &counts, refuse)
	})
	work.Go(func() error {
		for some := range full {
			if err := writer.WriteRows(some); err != nil {
				return err
			}
			some.Reset()
			empty <- some
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return counts, fmt.Errorf("%s: %w", t.File(), err)
	}
	counts.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return counts, writer.Close()
}

func (b *Bundle) check(ctx context.Context, t Table, rows *rows, full chan<- *parquet.Rows, empty <-chan *parquet.Rows, counts *Loaded, refuse func(Refused) error) error {
	var some *parquet.Rows
	hand := func() error {
		if some == nil || some.Len() == 0 {
			return nil
		}
		select {
		case full <- some:
			some = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		if some == nil {
			select {
			case some = <-empty:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		values, line, fault, err := rows.next()
		if errors.Is(err, io.EOF) {
			return hand()
		}
		if err != nil {
			return err
		}
		counts.Rows++
		n := some.Len()
		field := ""
		if fault == "" {
			field, fault = b.row(t, values, some)
		}
		if fault != "" {
			some.Truncate(n)
			counts.Refused++
			if err := refuse(Refused{t.File(), line, field, fault}); err != nil {
				return err
			}
			continue
		}
		counts.Accepted++
		b.learn(t, values)
		if some.Len() >= batch {
			if err := hand(); err != nil {
				return err
			}
		}
	}
}

// row adds a row, or says which field breaks which rule.
func (b *Bundle) row(t Table, values [][]byte, to *parquet.Rows) (field, fault string) {
	for i := range t.Fields {
		if fault := b.value(&t.Fields[i], values[i], to, i); fault != "" {
			return t.Fields[i].Name, fault
		}
	}
	if key := &t.Fields[0]; key.Unique && !b.known.add(number(values[0])) {
		return key.Name, "the concept " + string(values[0]) + " was there before"
	}
	return "", ""
}

func (b *Bundle) value(f *Field, v []byte, to *parquet.Rows, column int) (fault string) {
	if len(v) == 0 {
		if !to.Null(column) {
			return "a value is needed"
		}
		return ""
	}
	switch {
	case f.Type == "DATE":
		if normal, ok := day(v); !ok || !to.Text(column, normal) {
			return "want a date, 19700101 or 1970-01-01, got " + quoted(v)
		}
	case f.Type == "VARCHAR":
		if !utf8.Valid(v) {
			return "is not UTF-8"
		}
		if len(v) > f.MaxLength && utf8.RuneCount(v) > f.MaxLength {
			return fmt.Sprintf("has %d characters, at most %d are allowed", utf8.RuneCount(v), f.MaxLength)
		}
		if !to.Text(column, v) {
			return "is no text: " + quoted(v)
		}
	case !to.Text(column, v):
		if f.Type == "INTEGER" {
			return "want a whole number, got " + quoted(v)
		}
		return "want a number, got " + quoted(v)
	case f.Concept && !b.known.has(number(v)):
		return "there is no concept " + string(v) + " in CONCEPT.csv"
	}
	return ""
}

// number is a whole number that was checked.
func number(v []byte) int32 {
	n, err := strconv.ParseInt(string(v), 10, 32)
	if err != nil {
		return -1
	}
	return int32(n)
}

func quoted(v []byte) string {
	if len(v) > 40 {
		v = append(bytes.Clone(v[:40]), "…"...)
	}
	return strconv.Quote(string(v))
}

// day writes a day of the calendar as 1970-01-01.
func day(v []byte) (normal []byte, ok bool) {
	text := string(v)
	if len(v) == 8 {
		text = text[:4] + "-" + text[4:6] + "-" + text[6:]
	}
	_, err := time.Parse(time.DateOnly, text)
	return []byte(text), err == nil
}

// learn counts what a row of concepts or vocabularies says.
func (b *Bundle) learn(t Table, values [][]byte) {
	switch t.Name {
	case "concept":
		c := b.of(values[3])
		c.Concepts++
		if string(values[5]) == "S" {
			c.Standard++
		}
		if len(values[9]) > 0 {
			c.Invalid++
		}
	case "vocabulary":
		if string(values[0]) == "None" {
			b.made.Version = string(values[3])
		}
		b.of(values[0]).Version = string(values[3])
	}
}

func (b *Bundle) of(vocabulary []byte) *Counts {
	c := b.made.Vocabularies[string(vocabulary)]
	if c == nil {
		c = &Counts{}
		b.made.Vocabularies[string(vocabulary)] = c
	}
	return c
}

// rows reads the rows of a file, in the order of the table's fields.
type rows struct {
	lines  *bufio.Reader
	csv    *csv.Reader // nil: tabs
	places []int       // of each field in the file
	width  int
	line   int64
	values [][]byte
	cells  [][]byte
	long   []byte
}

// newRows reads the header.
func newRows(t Table, file io.Reader) (*rows, error) {
	r := &rows{lines: bufio.NewReaderSize(file, 1<<18), line: 1}
	header, err := r.lines.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || header == "") {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	header = strings.ToLower(strings.TrimPrefix(strings.TrimRight(header, "\r\n"), "\ufeff"))
	names := strings.Split(header, "\t")
	if len(names) == 1 {
		if names, err = csv.NewReader(strings.NewReader(header)).Read(); err != nil {
			return nil, fmt.Errorf("read the header: %w", err)
		}
		r.csv = csv.NewReader(r.lines)
		r.csv.ReuseRecord, r.csv.FieldsPerRecord = true, -1
	}
	at := map[string]int{}
	for i, n := range names {
		at[strings.TrimSpace(n)] = i
	}
	for _, f := range t.Fields {
		place, there := at[f.Name]
		if !there {
			return nil, fmt.Errorf("column %s is missing: want OMOP's own layout, separated by tabs or commas", f.Name)
		}
		r.places = append(r.places, place)
	}
	r.width, r.values, r.cells = len(names), make([][]byte, len(t.Fields)), make([][]byte, 0, len(names))
	return r, nil
}

// next is the next row, which holds until the one after. fault says why it cannot be read.
func (r *rows) next() (values [][]byte, line int64, fault string, err error) {
	if r.csv != nil {
		return r.record()
	}
	text, fault, err := r.text()
	if err != nil || fault != "" {
		return nil, r.line, fault, err
	}
	r.cells = r.cells[:0]
	for {
		cell, rest, more := bytes.Cut(text, []byte{'\t'})
		r.cells = append(r.cells, cell)
		if text = rest; !more {
			break
		}
	}
	return r.ordered(r.line)
}

// text is the next line that holds anything.
func (r *rows) text() (text []byte, fault string, err error) {
	for {
		r.line++
		text, err = r.lines.ReadSlice('\n')
		r.long = r.long[:0]
		var dropped bool
		for errors.Is(err, bufio.ErrBufferFull) {
			if dropped = dropped || len(r.long) > maxLine; !dropped {
				r.long = append(r.long, text...)
			}
			text, err = r.lines.ReadSlice('\n')
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0 && len(r.long) == 0) {
			return nil, "", err
		}
		if dropped {
			return nil, fmt.Sprintf("the line is longer than %d bytes", maxLine), nil
		}
		if len(r.long) > 0 {
			r.long = append(r.long, text...)
			text = r.long
		}
		if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
			return text, "", nil
		}
		if err != nil {
			return nil, "", io.EOF
		}
	}
}

func (r *rows) record() (values [][]byte, line int64, fault string, err error) {
	record, err := r.csv.Read()
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		return nil, int64(broken.StartLine) + 1, broken.Err.Error(), nil
	}
	if err != nil {
		return nil, 0, "", err
	}
	at, _ := r.csv.FieldPos(0)
	r.cells = r.cells[:0]
	for _, cell := range record {
		r.cells = append(r.cells, []byte(cell))
	}
	return r.ordered(int64(at) + 1)
}

func (r *rows) ordered(line int64) (values [][]byte, at int64, fault string, err error) {
	if len(r.cells) != r.width {
		return nil, line, fmt.Sprintf("has %d fields, the header has %d", len(r.cells), r.width), nil
	}
	for i, place := range r.places {
		r.values[i] = r.cells[place]
	}
	return r.values, line, "", nil
}
