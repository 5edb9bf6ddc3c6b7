package parquet

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"rempart.eu/rempart/engine"
)

// Rows hold some rows by column. A row is begun by the value of its first column
// and ended by that of its last, or undone by Truncate.
type Rows struct {
	columns []column
	values  [][]parquet.Value
	texts   []byte // what VARCHAR values refer to, of the latest rows
}

// NewRows returns no rows of these columns, whose types are those of [NewWriter].
func NewRows(columns []engine.Column) (*Rows, error) {
	typed, err := columnsOf(columns)
	return &Rows{columns: typed, values: make([][]parquet.Value, len(typed))}, err
}

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.values[0]) }

// Reset removes all rows, and uses their memory again.
func (r *Rows) Reset() {
	r.Truncate(0)
	r.texts = r.texts[:0]
}

// Truncate keeps the first n rows, and nothing of a row that is not ended.
func (r *Rows) Truncate(n int) {
	for i := range r.values {
		r.values[i] = r.values[i][:min(n, len(r.values[i]))]
	}
}

// Drop removes the rows of these places, in ascending order.
func (r *Rows) Drop(places []int) {
	if len(places) == 0 {
		return
	}
	for i, values := range r.values {
		kept := values[:places[0]]
		for n, at := range places {
			next := len(values)
			if n+1 < len(places) {
				next = places[n+1]
			}
			kept = append(kept, values[at+1:next]...)
		}
		r.values[i] = kept
	}
}

// Int adds the value of a column of type BIGINT.
func (r *Rows) Int(column int, n int64) { r.add(column, parquet.Int64Value(n)) }

// Text adds the value of a column, in its normal form. ok is false, and nothing
// is added, where it is not in it, or out of the type's range.
func (r *Rows) Text(column int, v []byte) (ok bool) {
	if r.columns[column].kind == "VARCHAR" {
		v = r.keep(v)
	}
	value, ok := r.columns[column].read(v)
	if ok {
		r.add(column, value)
	}
	return ok
}

// Null adds that a column has no value. ok is false, and nothing is added, where
// the column must have one.
func (r *Rows) Null(column int) (ok bool) {
	if r.columns[column].required {
		return false
	}
	r.values[column] = append(r.values[column], parquet.NullValue())
	return true
}

func (r *Rows) add(column int, v parquet.Value) {
	if !r.columns[column].required {
		v = v.Level(0, 1, column)
	}
	r.values[column] = append(r.values[column], v)
}

// keep copies a text to where it stays as long as its row.
func (r *Rows) keep(v []byte) []byte {
	if len(r.texts)+len(v) > cap(r.texts) {
		// Earlier values refer to what is there: it is left to them.
		r.texts = make([]byte, 0, max(1<<16, 2*cap(r.texts), len(v)))
	}
	from := len(r.texts)
	r.texts = append(r.texts, v...)
	return r.texts[from:len(r.texts):len(r.texts)]
}

// AppendCSV appends the rows as CSV, as [engine.DB.LoadCSV] reads it: for whoever
// wants to look at them.
func (r *Rows) AppendCSV(dst []byte) []byte {
	for row := range r.Len() {
		for i := range r.columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			if v := r.values[i][row]; !v.IsNull() {
				dst = r.columns[i].appendCSV(dst, v)
			}
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (c *column) appendCSV(dst []byte, v parquet.Value) []byte {
	switch c.kind {
	case "VARCHAR":
		return appendText(dst, v.ByteArray())
	case "BIGINT":
		return strconv.AppendInt(dst, v.Int64(), 10)
	case "INTEGER":
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case "DOUBLE":
		return fmt.Append(dst, v.Double())
	case "BOOLEAN":
		return strconv.AppendBool(dst, v.Boolean())
	case "DATE":
		return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(dst, time.DateOnly)
	default: // TIMESTAMP
		return time.UnixMicro(v.Int64()).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999")
	}
}

// appendText quotes a text for CSV where it must be.
func appendText(dst, v []byte) []byte {
	if len(v) > 0 && !slices.ContainsFunc(v, func(c byte) bool { return c == ',' || c == '"' || c == '\n' || c == '\r' }) {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for _, c := range v {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
