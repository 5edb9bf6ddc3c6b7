package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"rempart.eu/rempart/engine"
)

// batch is how many values of a column are handed on at once.
const batch = 2048

// encode reads the rows of a text into the columns of a row group.
func encode(text []byte, columns []column, to []*parquet.ColumnWriter) error {
	values := make([][]parquet.Value, len(columns))
	for i := range values {
		values[i] = make([]parquet.Value, 0, batch)
	}
	var unquoted []byte // texts of the batch that had quotes
	for len(text) > 0 {
		unquoted = unquoted[:0]
		for n := 0; n < batch && len(text) > 0; n++ {
			for i := range columns {
				raw, quoted, rest, err := next(text, i == len(columns)-1)
				if err != nil {
					return fmt.Errorf("column %q: %w", columns[i].name, err)
				}
				text = rest
				var value parquet.Value
				switch {
				case quoted:
					from := len(unquoted)
					if need := from + len(raw); need > cap(unquoted) {
						// values refer to what is there: leave it where it is
						from, unquoted = 0, make([]byte, 0, max(2*need, 1<<12))
					}
					unquoted = append(unquoted, bytes.ReplaceAll(raw, []byte(`""`), []byte(`"`))...)
					raw = unquoted[from:]
					fallthrough
				case len(raw) > 0:
					v, ok := columns[i].read(raw)
					if !ok {
						return fmt.Errorf("column %q: a value is not in its normal form", columns[i].name)
					}
					if value = v; !columns[i].required {
						value = v.Level(0, 1, i)
					}
				case columns[i].required:
					return fmt.Errorf("column %q: a row has no value", columns[i].name)
				}
				values[i] = append(values[i], value)
			}
		}
		for i := range values {
			if _, err := to[i].WriteRowValues(values[i]); err != nil {
				return err
			}
			values[i] = values[i][:0]
		}
	}
	for _, c := range to {
		if err := c.Flush(); err != nil {
			return err
		}
	}
	return nil
}

var errRow = errors.New("a row has not as many fields as there are columns")

// next takes a field and what ends it off a text. A quoted one is given
// without its quotes, those within still doubled.
func next(text []byte, last bool) (raw []byte, quoted bool, rest []byte, err error) {
	if len(text) > 0 && text[0] == '"' {
		end := closing(text)
		if end < 0 {
			return nil, false, nil, errors.New("a quote is not closed")
		}
		raw, text, quoted = text[1:end], text[end+1:], true
	} else {
		end := 0
		for end < len(text) && text[end] != ',' && text[end] != '\n' {
			end++
		}
		raw, text = text[:end], text[end:]
	}
	if len(text) == 0 || (text[0] == '\n') != last {
		return nil, false, nil, errRow
	}
	return raw, quoted, text[1:], nil
}

// closing is where the quoted field that text begins with ends, or -1.
func closing(text []byte) int {
	for at := 1; ; at += 2 {
		i := bytes.IndexByte(text[at:], '"')
		if i < 0 {
			return -1
		}
		if at += i; at+1 == len(text) || text[at+1] != '"' {
			return at
		}
	}
}

// cut finds whole rows of a text: at most so many, or the one that reaches a
// number of bytes. Text ends with a row.
func cut(text []byte, most, enough int) (rows int, rest []byte) {
	at := 0
	for at < len(text) && rows < most && at < enough {
		line := bytes.IndexByte(text[at:], '\n')
		if line < 0 {
			return rows + 1, nil
		}
		// A line end within quotes has an odd number of quotes before it.
		for quotes := bytes.Count(text[at:at+line], []byte{'"'}); quotes%2 == 1; {
			more := bytes.IndexByte(text[at+line+1:], '\n')
			if more < 0 {
				return rows + 1, nil
			}
			quotes += bytes.Count(text[at+line+1:at+line+1+more], []byte{'"'})
			line += 1 + more
		}
		at += line + 1
		rows++
	}
	return rows, text[at:]
}

// header is the first line of clean CSV with these columns.
func header(columns []engine.Column) []byte {
	var line []byte
	for i, c := range columns {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendText(line, c.Name)
	}
	return append(line, '\n')
}

func appendText(dst []byte, text string) []byte {
	if text != "" && !bytes.ContainsAny([]byte(text), ",\"\n\r") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = append(dst, bytes.ReplaceAll([]byte(text), []byte(`"`), []byte(`""`))...)
	return append(dst, '"')
}

// A reader reads a value in its normal form.
type reader func(v []byte) (parquet.Value, bool)

func text(v []byte) (parquet.Value, bool) { return parquet.ByteArrayValue(v), true }

func bigint(v []byte) (parquet.Value, bool) {
	n, ok := whole(v)
	return parquet.Int64Value(n), ok
}

func integer(v []byte) (parquet.Value, bool) {
	n, ok := whole(v)
	return parquet.Int32Value(int32(n)), ok && n >= math.MinInt32 && n <= math.MaxInt32
}

// whole reads a whole number of 64 bits.
func whole(v []byte) (int64, bool) {
	if len(v) > 18 {
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	}
	digits := v
	if len(v) > 0 && v[0] == '-' {
		digits = v[1:]
	}
	n, ok := number(digits)
	if len(digits) < len(v) {
		n = -n
	}
	return n, ok
}

// number reads up to 18 digits.
func number(v []byte) (n int64, ok bool) {
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, len(v) > 0
}

func double(v []byte) (parquet.Value, bool) {
	x, err := strconv.ParseFloat(string(v), 64)
	return parquet.DoubleValue(x), err == nil
}

func boolean(v []byte) (parquet.Value, bool) {
	return parquet.BooleanValue(string(v) == "true"), string(v) == "true" || string(v) == "false"
}

// date reads YYYY-MM-DD as days since 1970.
func date(v []byte) (parquet.Value, bool) {
	days, ok := dayOf(v)
	return parquet.Int32Value(int32(days)), ok && len(v) == 10
}

func dayOf(v []byte) (int64, bool) {
	if len(v) < 10 || v[4] != '-' || v[7] != '-' {
		return 0, false
	}
	y, one := number(v[:4])
	m, two := number(v[5:7])
	d, three := number(v[8:10])
	// Days from the civil date: the year begins in March, so that February 29 is its last day.
	year := y
	if m <= 2 {
		year--
	}
	dayOfYear := (153*((m+9)%12)+2)/5 + d - 1
	return 365*year + floor(year, 4) - floor(year, 100) + floor(year, 400) + dayOfYear - 719468, one && two && three && m >= 1 && m <= 12
}

func floor(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// timestamp reads YYYY-MM-DD hh:mm:ss, with microseconds where there are any,
// as microseconds since 1970.
func timestamp(v []byte) (parquet.Value, bool) {
	if len(v) < 19 || v[10] != ' ' || v[13] != ':' || v[16] != ':' {
		return parquet.Value{}, false
	}
	days, ok := dayOf(v)
	h, one := number(v[11:13])
	m, two := number(v[14:16])
	s, three := number(v[17:19])
	micro, four := int64(0), true
	if len(v) > 19 {
		micro, four = number(v[20:])
		four = four && len(v) == 26 && v[19] == '.'
	}
	seconds := days*int64(24*time.Hour/time.Second) + h*3600 + m*60 + s
	return parquet.Int64Value(seconds*1e6 + micro), ok && one && two && three && four
}
