package parquet

import (
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

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
