package intake

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// A parser appends the normal form of a value to dst, or says that the value
// is not of its type. The normal form is what DuckDB reads as the column's type.
type parser func(dst, value []byte) ([]byte, bool)

// integers accepts what fits 64 bits. Where bare is false, text around the
// digits is ignored ("95 %").
func integers(group string, bare bool) parser {
	return func(dst, v []byte) ([]byte, bool) {
		if !bare {
			v = bytes.TrimFunc(v, notOfNumber)
		}
		if group != "" {
			v = bytes.ReplaceAll(v, []byte(group), nil)
		}
		if allDigits(v) && len(v) <= 18 && (v[0] != '0' || len(v) == 1) {
			return append(dst, v...), true
		}
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return dst, false
		}
		return strconv.AppendInt(dst, n, 10), true
	}
}

// numbers accepts decimal numbers with or without an exponent, NaN, INF and
// -INF, as the Table Schema has it.
func numbers(decimal, group string, bare bool) parser {
	return func(dst, v []byte) ([]byte, bool) {
		if !bare {
			v = bytes.TrimFunc(v, notOfNumber)
		}
		if group != "" {
			v = bytes.ReplaceAll(v, []byte(group), nil)
		}
		if decimal != "." {
			if bytes.IndexByte(v, '.') >= 0 {
				return dst, false
			}
			v = bytes.Replace(v, []byte(decimal), []byte("."), 1)
		}
		if plainNumber(v) {
			return append(dst, v...), true
		}
		switch string(v) {
		case "NaN":
			return append(dst, "NaN"...), true
		case "INF", "-INF":
			return append(append(dst, v[:len(v)-3]...), "inf"...), true
		}
		for _, c := range v { // ParseFloat knows more spellings than the Table Schema
			if c != '.' && c != '+' && c != '-' && c != 'e' && c != 'E' && !digit(c) {
				return dst, false
			}
		}
		x, err := strconv.ParseFloat(string(v), 64)
		if err != nil || math.IsInf(x, 0) {
			return dst, false
		}
		return strconv.AppendFloat(dst, x, 'g', -1, 64), true
	}
}

// plainNumber knows the numbers that need no change: -12, 12.5.
func plainNumber(v []byte) bool {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	whole, fraction, point := bytes.Cut(v, []byte("."))
	return len(v) < 300 && allDigits(whole) && (!point || allDigits(fraction))
}

func notOfNumber(r rune) bool {
	return (r < '0' || r > '9') && r != '+' && r != '-' && r != '.' && r != ','
}

func booleans(trues, falses []string) parser {
	words := map[string]string{}
	for _, w := range falses {
		words[w] = "false"
	}
	for _, w := range trues {
		words[w] = "true"
	}
	return func(dst, v []byte) ([]byte, bool) {
		word, ok := words[string(v)]
		return append(dst, word...), ok
	}
}

// years accepts years of four digits.
func years(dst, v []byte) ([]byte, bool) {
	if len(v) != 4 || !allDigits(v) {
		return dst, false
	}
	return append(dst, v...), true
}

// uuids accepts the usual form of a UUID and writes it in lower case.
func uuids(dst, v []byte) ([]byte, bool) {
	if len(v) != 36 {
		return dst, false
	}
	for i, c := range v {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return dst, false
			}
		case !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f'):
			return dst, false
		}
	}
	return append(dst, bytes.ToLower(v)...), true
}

func digit(c byte) bool { return c-'0' <= 9 }

func allDigits(v []byte) bool {
	for _, c := range v {
		if !digit(c) {
			return false
		}
	}
	return len(v) > 0
}

// fieldParser returns the parser of a field and what it accepts, in words. A
// nil parser accepts every text as it is.
func fieldParser(d *fieldDescriptor, moments []string) (parser, string, error) {
	plain := d.Format == "" || d.Format == "default"
	if moments != nil && d.Type != "date" && d.Type != "datetime" {
		return nil, "", fmt.Errorf("formats are for dates and datetimes, not for the type %s: leave them out", d.Type)
	}
	bare := d.BareNumber == nil || *d.BareNumber
	switch d.Type {
	case "integer":
		if plain {
			return integers(d.GroupChar, bare), "integer: want digits, such as 42", nil
		}
	case "number":
		decimal := d.DecimalChar
		if decimal == "" {
			decimal = "."
		}
		if decimal == d.GroupChar {
			return nil, "", fmt.Errorf("decimalChar and groupChar are both %q: give them different characters", decimal)
		}
		if plain {
			return numbers(decimal, d.GroupChar, bare), "number: want a number such as 1" + decimal + "5", nil
		}
	case "boolean":
		trues, falses := d.TrueValues, d.FalseValues
		if trues == nil {
			trues = []string{"true", "True", "TRUE", "1"}
		}
		if falses == nil {
			falses = []string{"false", "False", "FALSE", "0"}
		}
		if plain {
			return booleans(trues, falses), fmt.Sprintf("boolean: want one of %s", list(append(trues[:len(trues):len(trues)], falses...))), nil
		}
	case "year":
		if plain {
			return years, "year: want YYYY", nil
		}
	case "date", "datetime":
		return momentsParser(d.Type, d.Format, moments)
	case "string", "":
		switch {
		case plain:
			return nil, "", nil
		case d.Format == "uuid":
			return uuids, "uuid: want 8-4-4-4-12 hexadecimal digits", nil
		}
	}
	return nil, "", fmt.Errorf("unknown format %q of type %s: leave it out", d.Format, d.Type)
}
