// Package parquet writes checked rows as Parquet while they come.
//
// [Rows] hold some checked rows by column, as the workers of package intake make
// them; a [Writer] writes them to a file, each column of a batch in a goroutine
// of its own. It holds one row group in memory and nothing else, whatever the
// length of the file. Rows keep their order.
//
// Values are given in the normal form that intake promises; what is not in it is
// refused, and never guessed. The format is Apache Parquet with zstd pages
// (https://parquet.apache.org/docs/file-format/); the encoding is the library's,
// github.com/parquet-go/parquet-go.
package parquet

import (
	"fmt"
	"io"
	"runtime"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
)

// groupRows is how many rows a row group has, or a few more: as many as DuckDB's own.
const groupRows = 122_880

// Writer writes a Parquet file. It is for one goroutine.
type Writer struct {
	out  *parquet.GenericWriter[any]
	rows int // of the row group under way
	err  error
}

// NewWriter returns a Writer of a file with these columns, whose types are those
// of health data: VARCHAR, BIGINT, INTEGER, DOUBLE, BOOLEAN, DATE and TIMESTAMP.
func NewWriter(w io.Writer, columns []engine.Column) (*Writer, error) {
	if _, err := columnsOf(columns); err != nil {
		return nil, err
	}
	return &Writer{out: parquet.NewGenericWriter[any](w, options(columns)...)}, nil
}

// WriteRows writes rows of the Writer's own columns. They may be used again when
// it returns. After an error the file is of no use.
func (w *Writer) WriteRows(rows *Rows) error {
	if w.err != nil || rows.Len() == 0 {
		return w.err
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range w.out.ColumnWriters() {
		group.Go(func() error {
			_, err := c.WriteRowValues(rows.columns[i].values)
			return err
		})
	}
	if w.err = group.Wait(); w.err != nil {
		w.err = fmt.Errorf("write Parquet: %w", w.err)
		return w.err
	}
	if w.rows += rows.Len(); w.rows < groupRows {
		return nil
	}
	w.rows = 0
	if w.err = w.out.Flush(); w.err != nil {
		w.err = fmt.Errorf("write Parquet: %w", w.err)
	}
	return w.err
}

// Close writes what is left and the footer: only then the file is whole. It does
// not close what is beneath.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}
