package parquet

import (
	"fmt"
	"math"
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
	texts   []byte // what VARCHAR values refer to, of the latest rows
}

// NewRows returns no rows of these columns, whose types are those of [NewWriter].
func NewRows(columns []engine.Column) (*Rows, error) {
	typed, err := columnsOf(columns)
	return &Rows{columns: typed}, err
}

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.columns[0].values) }

// Reset removes all rows, and uses their memory again.
func (r *Rows) Reset() {
	r.Truncate(0)
	r.texts = r.texts[:0]
}

// Truncate keeps the first n rows, and nothing of a row that is not ended.
func (r *Rows) Truncate(n int) {
	for i := range r.columns {
		c := &r.columns[i]
		c.values = c.values[:min(n, len(c.values))]
	}
}

// Drop removes the rows of these places, in ascending order.
func (r *Rows) Drop(places []int) {
	if len(places) == 0 {
		return
	}
	for i := range r.columns {
		values := r.columns[i].values
		kept := values[:places[0]]
		for n, at := range places {
			next := len(values)
			if n+1 < len(places) {
				next = places[n+1]
			}
			kept = append(kept, values[at+1:next]...)
		}
		r.columns[i].values = kept
	}
}

// Int adds the value of a column of type BIGINT.
func (r *Rows) Int(column int, n int64) { r.columns[column].add(column, parquet.Int64Value(n)) }

// Text adds the value of a column, in its normal form. ok is false, and nothing
// is added, where it is not in it, or out of the type's range.
func (r *Rows) Text(column int, v []byte) (ok bool) {
	var value parquet.Value
	c := &r.columns[column]
	switch c.kind {
	case varchar:
		from := r.room(len(v))
		r.texts = append(r.texts, v...)
		value, ok = parquet.ByteArrayValue(r.texts[from:len(r.texts):len(r.texts)]), true
	case bigint:
		var n int64
		n, ok = whole(v)
		value = parquet.Int64Value(n)
	case integer:
		var n int64
		n, ok = whole(v)
		ok = ok && n >= math.MinInt32 && n <= math.MaxInt32
		value = parquet.Int32Value(int32(n))
	case double:
		var x float64
		x, ok = decimal(v)
		value = parquet.DoubleValue(x)
	case boolean:
		value, ok = parquet.BooleanValue(string(v) == "true"), string(v) == "true" || string(v) == "false"
	case date:
		var days int64
		days, ok = dayOf(v)
		ok = ok && len(v) == 10
		value = parquet.Int32Value(int32(days))
	case timestamp:
		var micros int64
		micros, ok = momentOf(v)
		value = parquet.Int64Value(micros)
	}
	if ok {
		c.add(column, value)
	}
	return ok
}

// String adds the value of a column of type VARCHAR.
func (r *Rows) String(column int, v string) {
	from := r.room(len(v))
	r.texts = append(r.texts, v...)
	r.columns[column].add(column, parquet.ByteArrayValue(r.texts[from:len(r.texts):len(r.texts)]))
}

// Null adds that a column has no value. ok is false, and nothing is added, where
// the column must have one.
func (r *Rows) Null(column int) (ok bool) {
	if r.columns[column].required {
		return false
	}
	c := &r.columns[column]
	c.values = append(c.values, parquet.Value{})
	return true
}

func (c *column) add(index int, v parquet.Value) {
	if !c.required {
		v = v.Level(0, 1, index)
	}
	c.values = append(c.values, v)
}

// room makes room for n bytes of text, and says where they begin.
func (r *Rows) room(n int) (from int) {
	if len(r.texts)+n > cap(r.texts) {
		// Earlier values refer to what is there: it is left to them.
		r.texts = make([]byte, 0, max(1<<16, 2*cap(r.texts), n))
	}
	return len(r.texts)
}

// AppendCSV appends the rows as CSV, as [engine.DB.LoadCSV] reads it: for whoever
// wants to look at them.
func (r *Rows) AppendCSV(dst []byte) []byte {
	for row := range r.Len() {
		for i := range r.columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			if v := r.columns[i].values[row]; !v.IsNull() {
				dst = r.columns[i].appendCSV(dst, v)
			}
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (c *column) appendCSV(dst []byte, v parquet.Value) []byte {
	switch c.kind {
	case varchar:
		return appendText(dst, v.ByteArray())
	case bigint:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case integer:
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case double:
		return fmt.Append(dst, v.Double())
	case boolean:
		return strconv.AppendBool(dst, v.Boolean())
	case date:
		return time.Unix(int64(v.Int32())*86400, 0).UTC().AppendFormat(dst, time.DateOnly)
	default: // timestamp
		at := time.UnixMicro(v.Int64()).UTC()
		if at.Nanosecond() == 0 {
			return at.AppendFormat(dst, time.DateTime)
		}
		return at.AppendFormat(dst, time.DateTime+".000000")
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
