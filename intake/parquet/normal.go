package parquet

import (
	"strconv"
	"time"
)

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

// decimal reads a number. Up to 15 digits, of which up to 15 behind the point,
// are exact in one division (Clinger, "How to Read Floating Point Numbers
// Accurately", 1990); the rest is left to strconv.
func decimal(v []byte) (float64, bool) {
	digits := v
	if len(v) > 0 && v[0] == '-' {
		digits = v[1:]
	}
	if len(digits) > 16 || len(digits) == 0 {
		return parsed(v)
	}
	n, point := uint64(0), -1
	for i, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			n = 10*n + uint64(c-'0')
		case c == '.' && point < 0 && i > 0 && i < len(digits)-1:
			point = i
		default:
			return parsed(v)
		}
	}
	x := float64(n)
	if point < 0 {
		if len(digits) > 15 {
			return parsed(v)
		}
	} else {
		x /= powers[len(digits)-1-point]
	}
	if len(digits) < len(v) {
		x = -x
	}
	return x, true
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func parsed(v []byte) (float64, bool) {
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

// dayOf reads the YYYY-MM-DD that a text begins with as days since 1970.
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

// momentOf reads YYYY-MM-DD hh:mm:ss, with microseconds where there are any, as
// microseconds since 1970.
func momentOf(v []byte) (int64, bool) {
	if len(v) < 19 || v[10] != ' ' || v[13] != ':' || v[16] != ':' {
		return 0, false
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
	return seconds*1e6 + micro, ok && one && two && three && four
}
