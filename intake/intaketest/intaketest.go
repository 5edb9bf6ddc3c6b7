// Package intaketest shows what package intake makes of files, for tests.
package intaketest

import (
	"io"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/parquet"
)

// Text is an intake.HealthSink that writes CSV with a header, as
// [engine.DB.LoadCSV] reads it.
type Text struct {
	w   io.Writer
	err error
}

// NewText writes the header of health data with these columns. An error comes
// back from the first WriteRows.
func NewText(w io.Writer, columns []engine.Column) *Text {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	_, err := io.WriteString(w, strings.Join(names, ",")+"\n")
	return &Text{w, err}
}

// WriteRows implements intake.HealthSink.
func (t *Text) WriteRows(rows *parquet.Rows) error {
	if t.err == nil {
		_, t.err = t.w.Write(rows.AppendCSV(nil))
	}
	return t.err
}

// Discard is an intake.HealthSink that keeps nothing.
type Discard struct{}

// WriteRows implements intake.HealthSink.
func (Discard) WriteRows(*parquet.Rows) error { return nil }
