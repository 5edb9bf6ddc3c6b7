// Package parquet writes checked rows as Parquet while they come.
//
// A [Writer] takes clean CSV, as package intake makes it, and writes a Parquet
// file of the columns' types. It cuts the stream into row groups and encodes
// several at once, so that both the check and the encoding keep all cores busy;
// it holds a few row groups in memory and nothing else, whatever the length of
// the stream. Rows keep their order.
//
// It is no general reader of CSV: what is not in the normal form that intake
// promises is an error, and never a guess. The format is Apache Parquet with
// zstd pages (https://parquet.apache.org/docs/file-format/); the encoding is
// the library's, github.com/parquet-go/parquet-go.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
)

// A row group has about so many rows, as DuckDB's own have, or so many bytes of
// text: what is read at once of a file.
const (
	groupRows  = 122_880
	groupBytes = 32 << 20
)

// Writer writes clean CSV as Parquet. It is for one goroutine.
type Writer struct {
	columns []column
	out     *parquet.GenericWriter[any]
	header  []byte // that is still expected
	text    []byte // rows of the group that is being gathered
	rows    int

	encoders errgroup.Group
	encoded  chan *group // in order
	written  chan error  // takes one: what became of the groups
	failed   chan struct{}
	free     chan []byte // memory of texts that were encoded
}

// group is a row group under way.
type group struct {
	rows *parquet.ConcurrentRowGroupWriter
	done chan error // takes one
}

// NewWriter returns a Writer of a file with these columns. Their types are
// those of health data: VARCHAR, BIGINT, INTEGER, DOUBLE, BOOLEAN, DATE and
// TIMESTAMP. What is written is only whole after Close.
func NewWriter(w io.Writer, columns []engine.Column) (*Writer, error) {
	p := &Writer{}
	var err error
	if p.columns, err = columnsOf(columns); err != nil {
		return nil, err
	}
	p.out = parquet.NewGenericWriter[any](w, options(columns, p.columns)...)
	p.header = header(columns)
	workers := runtime.GOMAXPROCS(0)
	p.encoders.SetLimit(workers)
	p.encoded = make(chan *group, workers)
	p.written, p.failed = make(chan error, 1), make(chan struct{})
	p.free = make(chan []byte, workers+1)
	go p.commit()
	return p, nil
}

// commit writes groups that are encoded, in order.
func (p *Writer) commit() {
	var err error
	for g := range p.encoded {
		failed := <-g.done
		if failed == nil && err == nil {
			_, failed = g.rows.Commit()
		}
		if err == nil && failed != nil {
			err = failed
			close(p.failed)
		}
	}
	p.written <- err
}

// Write takes a header, once, and then rows: whole rows in every call.
func (p *Writer) Write(text []byte) (int, error) {
	n := len(text)
	text, err := p.skipHeader(text)
	if err != nil {
		return 0, err
	}
	for len(text) > 0 {
		rows, rest := cut(text, groupRows-p.rows, groupBytes-len(p.text))
		p.text = append(p.text, text[:len(text)-len(rest)]...)
		p.rows += rows
		text = rest
		if p.rows >= groupRows || len(p.text) >= groupBytes {
			if err := p.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// skipHeader takes the header off the first text.
func (p *Writer) skipHeader(text []byte) (rest []byte, err error) {
	if len(p.header) == 0 {
		return text, nil
	}
	n := min(len(p.header), len(text))
	if string(text[:n]) != string(p.header[:n]) {
		return nil, errors.New("write Parquet: the header is not that of the columns")
	}
	p.header = p.header[n:]
	return text[n:], nil
}

// flush has the rows gathered so far encoded as a group.
func (p *Writer) flush() error {
	select {
	case <-p.failed: // Close says why
		return ErrStopped
	default:
	}
	text := p.text
	g := &group{p.out.BeginRowGroup(), make(chan error, 1)}
	p.encoded <- g // waits while as many groups as there are cores wait
	p.encoders.Go(func() error {
		g.done <- encode(text, p.columns, g.rows.ColumnWriters())
		p.free <- text[:0] // never blocks: there is room for all of them
		return nil
	})
	p.rows = 0
	select {
	case p.text = <-p.free:
	default:
		p.text = make([]byte, 0, len(text)+len(text)/8)
	}
	return nil
}

// ErrStopped says that an earlier group could not be written; Close says why.
var ErrStopped = errors.New("write Parquet: stopped after an error")

// Close writes what is left and the footer. It must be called once, also after
// an error of Write, whose cause it returns; it does not close what is beneath.
func (p *Writer) Close() error {
	var err error
	if len(p.text) > 0 {
		err = p.flush()
	}
	close(p.encoded)
	_ = p.encoders.Wait() // their errors are the groups'
	if cause := <-p.written; cause != nil {
		return fmt.Errorf("write Parquet: %w", cause)
	}
	if err == nil && len(p.header) > 0 {
		err = errors.New("write Parquet: the header is missing")
	}
	if err != nil {
		return err
	}
	if err := p.out.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}
