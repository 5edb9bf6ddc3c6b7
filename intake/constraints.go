package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A check returns the rule that a value in its normal form breaks, or "".
type check func(value []byte) string

// constraintChecks compiles the constraints of a field, Required and Unique aside.
func constraintChecks(f *Field, c *constraints) ([]check, error) {
	var checks []check
	if c.Enum != nil {
		ck, err := enumCheck(f, c.Enum)
		if err != nil {
			return nil, err
		}
		checks = append(checks, ck)
	}
	if c.Pattern != "" {
		re, err := newPattern(c.Pattern)
		if err != nil {
			return nil, err
		}
		rule := "pattern: want " + c.Pattern
		checks = append(checks, func(v []byte) string {
			if re.match(v) {
				return ""
			}
			return rule
		})
	}
	for _, bound := range []struct {
		name  string
		value json.RawMessage
		sign  int
		words string
	}{{"minimum", c.Minimum, -1, "at least"}, {"maximum", c.Maximum, 1, "at most"}} {
		if bound.value == nil {
			continue
		}
		limit, err := f.normal(bound.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", bound.name, err)
		}
		compare, err := comparison(f.Type, limit)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", bound.name, err)
		}
		rule := fmt.Sprintf("%s: want %s %s", bound.name, bound.words, limit)
		checks = append(checks, func(v []byte) string {
			if compare(v) == bound.sign {
				return rule
			}
			return ""
		})
	}
	return append(checks, lengthChecks(c)...), nil
}

func enumCheck(f *Field, values []json.RawMessage) (check, error) {
	known := map[string]bool{}
	var names []string
	for _, raw := range values {
		v, err := f.normal(raw)
		if err != nil {
			return nil, fmt.Errorf("enum: %w", err)
		}
		known[string(v)] = true
		names = append(names, string(v))
	}
	rule := "enum: want one of " + list(names)
	return func(v []byte) string {
		if known[string(v)] {
			return ""
		}
		return rule
	}, nil
}

func lengthChecks(c *constraints) []check {
	var checks []check
	if n := c.MinLength; n != nil {
		rule := fmt.Sprintf("minLength: want %d characters or more", *n)
		checks = append(checks, func(v []byte) string {
			if utf8.RuneCount(v) < *n {
				return rule
			}
			return ""
		})
	}
	if n := c.MaxLength; n != nil {
		rule := fmt.Sprintf("maxLength: want %d characters or fewer", *n)
		checks = append(checks, func(v []byte) string {
			if len(v) > *n && utf8.RuneCount(v) > *n {
				return rule
			}
			return ""
		})
	}
	return checks
}

// normal brings a value of the descriptor (a JSON string, number or boolean)
// into the field's normal form.
func (f *Field) normal(raw json.RawMessage) ([]byte, error) {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	}
	if f.parse == nil {
		return []byte(text), nil
	}
	v, ok := f.parse(nil, []byte(text))
	if !ok {
		return nil, fmt.Errorf("%s is not of the field's type: %s", raw, f.want)
	}
	return v, nil
}

// comparison orders normal forms of a type by a limit: -1, 0 or 1. Nothing is
// less or more than NaN, so NaN keeps every bound; forbid it with a pattern.
func comparison(kind string, limit []byte) (func(v []byte) int, error) {
	switch kind {
	case "date", "datetime", "year": // normal forms sort as text
		return func(v []byte) int { return bytes.Compare(v, limit) }, nil
	case "integer":
		y := integer(limit)
		return func(v []byte) int { return order(integer(v), y) }, nil
	case "number":
		y, _ := strconv.ParseFloat(string(limit), 64) // a normal form is a number
		return func(v []byte) int {
			x, _ := strconv.ParseFloat(string(v), 64)
			return order(x, y)
		}, nil
	}
	return nil, fmt.Errorf("values of type %s have no order: leave the constraint out", kind)
}

// integer reads a whole number in its normal form.
func integer(v []byte) (n int64) {
	if len(v) > 18 {
		n, _ = strconv.ParseInt(string(v), 10, 64)
		return n
	}
	for _, c := range v {
		if c != '-' {
			n = 10*n + int64(c-'0')
		}
	}
	if len(v) > 0 && v[0] == '-' {
		n = -n
	}
	return n
}

func order[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// list writes names for an error: all of a few, the first of many.
func list(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:10], ", ") + fmt.Sprintf(" and %d more", len(names)-10)
	}
	return strings.Join(names, ", ")
}
