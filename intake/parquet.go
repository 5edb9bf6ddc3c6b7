package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
)

// parquetMemory is what the engine may use to read one file: a few row groups
// of the usual size.
const parquetMemory = "1GiB"

// parquetFile is a Parquet file under way. The engine reads it and writes lines:
// a row's number, then its values, each behind a magic that tells an empty text
// from none. What would end a value or a line stands escaped in texts.
type parquetFile struct {
	file   string
	lines  *blocks
	db     *engine.DB
	pipe   *io.PipeReader
	ended  chan struct{} // closed when the engine has stopped
	fields int           // of a row
}

// The line's own characters: between values, and around some of them, as the
// engine likes. Neither stands in a value.
const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
	magic           = 'v' // before every value
)

const parquetLines engine.Format = "FORMAT csv, HEADER false, NULLSTR '', DELIMITER '" + unitSeparator + "', QUOTE '" + recordSeparator + "', ESCAPE '" + recordSeparator + "'"

// oneLine is the engine's half of the escapes; [unescape] is ours. Most texts
// need none, and to look for one costs a sixth of replacing none.
const oneLine = `CREATE MACRO one_line(t) AS
CASE WHEN contains(t, '\') OR contains(t, chr(10)) OR contains(t, chr(13)) OR contains(t, chr(30)) OR contains(t, chr(31))
THEN replace(replace(replace(replace(replace(t, '\', '\\'), chr(10), '\n'), chr(13), '\r'), chr(30), '\R'), chr(31), '\U')
ELSE t END`

var escapes = map[byte]byte{'\\': '\\', 'n': '\n', 'r': '\r', 'R': recordSeparator[0], 'U': unitSeparator[0]}

// unescape undoes the escapes of a value, in its own memory.
func unescape(v []byte) []byte {
	at := bytes.IndexByte(v, '\\')
	if at < 0 {
		return v
	}
	out := v[:at]
	for i := at; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
			out = append(out, escapes[v[i]])
		} else {
			out = append(out, v[i])
		}
	}
	return out
}

// openParquet reads a Parquet file (https://parquet.apache.org/docs/file-format/)
// that is open; the engine opens it anew by its descriptor. What its columns'
// types say is brought to the text that the fields' types have: values of a type
// of their own are not subject to the feed's formats.
func openParquet(o opening) (_ rows, err error) {
	in, ok := o.in.(interface{ Fd() uintptr })
	if !ok {
		return nil, &FileError{File: o.file, Problem: "a Parquet file is read from its end, and this is a stream", Remedy: "deliver the file itself, not compressed: Parquet is compressed inside"}
	}
	ctx := context.Background() // Close ends the engine
	f := &parquetFile{file: o.file, ended: make(chan struct{})}
	if f.db, err = engine.Open(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.db.Close())
		}
	}()
	if err := f.db.Exec(ctx, "SET memory_limit = "+engine.Literal(parquetMemory)+"; "+oneLine); err != nil {
		return nil, err
	}
	from := fmt.Sprintf("read_parquet('/proc/self/fd/%d', binary_as_string = true, hive_partitioning = false", in.Fd())
	columns, err := f.describe(ctx, from+")")
	if err != nil {
		return nil, err
	}
	query, err := o.plans[0].columnar(columns, from+", file_row_number = true)")
	if err != nil {
		return nil, err
	}
	var to *io.PipeWriter
	f.pipe, to = io.Pipe()
	f.fields = len(columns)
	f.lines = &blocks{in: f.pipe, size: o.size}
	go func() {
		defer close(f.ended)
		to.CloseWithError(unreadable(f.db.CopyOut(ctx, query, parquetLines, to)))
	}()
	return f, nil
}

// describe returns the columns of the file with their types in the engine.
func (f *parquetFile) describe(ctx context.Context, from string) (columns []engine.Column, err error) {
	rows, err := f.db.Query(ctx, "SELECT column_name, column_type FROM (DESCRIBE FROM "+from+")")
	if err != nil {
		return nil, readError(f.file, 0, unreadable(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c engine.Column
		if err := rows.Scan(&c.Name, &c.Type); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// columnar compares the columns with the plan's resource, which from then on
// reads values as the columns' types write them, and returns the query for rows.
func (p *plan) columnar(columns []engine.Column, from string) (string, error) {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	if err := p.header(names); err != nil {
		return "", err
	}
	typed := *p.resource
	typed.Fields = append([]Field(nil), typed.Fields...)
	p.resource = &typed
	values := make([]string, len(columns))
	for i := range typed.Fields {
		at := p.at[i]
		if at < 0 {
			continue
		}
		value, err := typed.Fields[i].columnar(columns[at])
		if err != nil {
			return "", &FileError{File: p.file, Problem: err.Error(), Remedy: "write it as text, number, boolean, date or timestamp"}
		}
		values[at] = value
	}
	return fmt.Sprintf("SELECT file_row_number + 1, '%c' || %s FROM %s", magic, strings.Join(values, fmt.Sprintf(", '%c' || ", magic)), from), nil
}

// next returns whole lines.
func (f *parquetFile) next(old block) (block, error) {
	b := f.lines
	for size := b.size; ; size *= 2 {
		if err := b.fill(size); err != nil {
			return block{}, err
		}
		if n := bytes.LastIndexByte(b.text, '\n') + 1; n > 0 {
			out := block{text: b.text[:n]}
			b.text = append(old.text[:0], b.text[n:]...)
			return out, nil
		}
		if b.eof {
			return block{}, io.EOF
		}
		if size >= maxRow {
			return block{}, errors.New("a row has more than 8 MiB of text")
		}
	}
}

// line is not known: a row's number comes with it.
func (f *parquetFile) line() int { return 0 }

// Close ends the engine, and waits for it.
func (f *parquetFile) Close() error {
	f.pipe.CloseWithError(io.ErrClosedPipe)
	<-f.ended
	return f.db.Close()
}

func (f *parquetFile) splitter() splitter { return &parquetSplitter{make([][]byte, f.fields)} }

type parquetSplitter struct{ fields [][]byte }

func (s *parquetSplitter) split(b block, to []*worker) error {
	w := to[0]
	w.zeros = bytes.IndexByte(b.text, 0) >= 0
	for line := range bytes.Lines(b.text) {
		number, rest, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(unitSeparator))
		row, err := strconv.Atoi(string(number))
		if err != nil {
			return fmt.Errorf("read the engine's rows: %w", err)
		}
		for i := range s.fields {
			var value []byte
			value, rest, _ = bytes.Cut(rest, []byte(unitSeparator))
			if s.fields[i] = nil; len(value) > 0 {
				value = bytes.Trim(value, recordSeparator)
				s.fields[i] = unescape(value[1:])
			}
		}
		w.row(row, s.fields)
	}
	return nil
}

// unreadable says why the engine could not read a file. Its own words may quote
// a value, which may identify a person.
func unreadable(err error) error {
	if err == nil || errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "Out of Memory"):
		return errors.New("it takes more than " + parquetMemory + " of memory to read: write it with smaller row groups")
	case strings.Contains(text, "not valid UTF"):
		return errors.New("a text in it is not UTF-8: write its texts in UTF-8")
	case strings.Contains(text, "ncrypt"):
		return errors.New("it is encrypted inside: deliver it plain, since a deposit is sealed to its readers")
	}
	return errors.New("it is no Parquet file, or damaged or cut short: write it again")
}
