package intake

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// RowError says why one row was refused.
type RowError struct {
	File  string
	Line  int    // 1-based, header included: the row's first line, as an editor shows it
	Field string // name in the feed's package; empty where the row as a whole is wrong
	Rule  string // in words, without the value, such as "date: want YYYY-MM-DD"
	Value string // what stood there; empty for fields that may identify a person

	excluded bool // refused by the feed's own exclude rule
}

func (e *RowError) Error() string {
	text := fmt.Sprintf("%s:%d: ", e.File, e.Line)
	if e.Field != "" {
		text += e.Field + ": "
	}
	text += e.Rule
	if e.Value != "" {
		text += ", got " + e.Value
	}
	return text
}

// LogValue leaves the value out: it is the provider's data, and logs are read
// by operators.
func (e *RowError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("file", e.File), slog.Int("line", e.Line),
		slog.String("field", e.Field), slog.String("rule", e.Rule))
}

// FileError says why a file as a whole was refused. No row of it may be used.
type FileError struct {
	File    string
	Line    int // 0 where no line is to blame
	Problem string
	Remedy  string
	Err     error // what lies below, or nil
}

func (e *FileError) Error() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
	}
	text += ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

func (e *FileError) Unwrap() error { return e.Err }

// ErrTooManyRefused is the cause of a [FileError] where more rows of a file
// were refused than [Resource.Threshold] allows.
var ErrTooManyRefused = errors.New("too many rows refused")

// Quarantine writes refused rows as CSV, for the provider who sent them and
// for nobody else: it quotes the provider's values.
type Quarantine struct{ w *csv.Writer }

// NewQuarantine writes the header to w. Flush must follow the last row.
func NewQuarantine(w io.Writer) *Quarantine {
	q := &Quarantine{csv.NewWriter(w)}
	_ = q.w.Write([]string{"file", "line", "field", "rule", "value"}) // its error comes back from Flush
	return q
}

// Refused adds one row; it fits [Sinks.Refused].
func (q *Quarantine) Refused(e RowError) error {
	return q.w.Write([]string{e.File, strconv.Itoa(e.Line), e.Field, e.Rule, e.Value})
}

// Flush writes what is still buffered and returns the first error of all writes.
func (q *Quarantine) Flush() error {
	q.w.Flush()
	if err := q.w.Error(); err != nil {
		return fmt.Errorf("write the quarantine: %w", err)
	}
	return nil
}
