package disclosure

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// reading is what a cell says as a number.
type reading struct {
	values []float64 // every way to read it: "1.000" is 1 and 1000
	state  state
	step   float64 // half a unit of the last decimal place: how far rounding may have moved it
}

type state int

const (
	number state = iota
	missing
	under      // "<11": values holds the bound
	unreadable // anything else
)

// suppressed holds the marks, in lower case, that stand for a count that is not told.
var suppressed = []string{
	"", "*", "**", "***", "-", "--", "–", "—", ".", "..", "...", "x", "c", "s", "na", "n/a", "<na>", "nan",
	"nd", "ns", "null", "none", "nil", "suppressed", "masked", "redacted", "secret", "supprimé", "masqué",
}

var (
	plainNumber = regexp.MustCompile(`^[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]{1,3})?$`)
	grouped     = regexp.MustCompile(`^[+-]?[1-9][0-9]{0,2}([,. '’_][0-9]{3})+([.,][0-9]{1,2})?$`)
	bounded     = regexp.MustCompile(`^(<|<=|≤|under|below|moins de)\s*([0-9]+)$`)
	withMore    = regexp.MustCompile(`^(.*?[0-9.,])\s*[(\[].*[)\]]$`)        // 3 (2.5 %)
	ofTotal     = regexp.MustCompile(`^(.*?[0-9.,])\s*(?:/|of|sur)\s*(.+)$`) // 3/120
	decimals    = regexp.MustCompile(`[0-9]+[.,][0-9]+`)
	separators  = strings.NewReplacer(",", "", ".", "", " ", "", "'", "", "’", "", "_", "")
)

// read reads a cell in every way that a count may be written.
func read(cell string) reading {
	s := strings.ToLower(strings.Trim(strings.TrimSpace(norm.NFKC.String(cell)), `"'`))
	s = strings.Replace(strings.TrimSpace(s), "−", "-", 1) // the minus sign of typesetters
	if slices.Contains(suppressed, s) {
		return reading{state: missing}
	}
	if !strings.ContainsAny(s, "0123456789") {
		return reading{state: unreadable}
	}
	if m := bounded.FindStringSubmatch(s); m != nil {
		bound, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return reading{state: unreadable}
		}
		if m[1] == "<=" || m[1] == "≤" {
			bound++
		}
		return reading{state: under, values: []float64{bound}}
	}
	if values, step := readNumber(s); values != nil {
		return reading{values: values, step: step}
	}
	if m := withMore.FindStringSubmatch(s); m != nil {
		if values, step := readNumber(strings.TrimSpace(m[1])); values != nil {
			return reading{values: values, step: step}
		}
	}
	if m := ofTotal.FindStringSubmatch(s); m != nil {
		part, step := readNumber(strings.TrimSpace(m[1]))
		whole, _ := readNumber(strings.TrimSpace(m[2]))
		if part != nil && whole != nil {
			return reading{values: append(part, whole...), step: step}
		}
	}
	return reading{state: unreadable}
}

// readNumber returns every value that s can stand for, most likely first, or nil.
func readNumber(s string) (values []float64, step float64) {
	if grouped.MatchString(s) {
		body, tail := s, ""
		if i := strings.LastIndexAny(s, ".,"); i >= 0 && len(s)-i-1 != 3 {
			body, tail = s[:i], "."+s[i+1:]
		}
		values = appendParsed(values, separators.Replace(body)+tail)
	}
	if plainNumber.MatchString(s) {
		point := strings.Replace(s, ",", ".", 1)
		asDecimal := appendParsed(nil, point)
		// 1,234 is a number with a thousands separator; 1,000 and 1.234 may be either.
		switch thousands := values != nil && strings.Contains(s, ","); {
		case !thousands:
			values = append(asDecimal, values...)
		case strings.HasSuffix(s, "000"):
			values = append(values, asDecimal...)
		}
		mantissa, _, _ := strings.Cut(point, "e")
		if i := strings.IndexByte(mantissa, '.'); i >= 0 {
			return values, 0.5 * math.Pow10(-(len(mantissa) - i - 1))
		}
	}
	return values, 0.5
}

func appendParsed(values []float64, s string) []float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return values
	}
	return append(values, v)
}

// value returns the most likely value of a number.
func (r reading) value() (float64, bool) {
	if r.state != number || len(r.values) == 0 {
		return 0, false
	}
	return r.values[0], true
}

// whole says whether the cell is a whole number, as it is most likely read.
func (r reading) whole() bool {
	v, ok := r.value()
	return ok && v == math.Trunc(v)
}

// small says whether any reading is above zero and under the minimum.
func (r reading) small(minimum int) bool {
	return r.state == number && slices.ContainsFunc(r.values, func(v float64) bool {
		return v != 0 && math.Abs(v) < float64(minimum)
	})
}

// significant returns the significant digits of the longest number with
// decimals in s; zeros at its end are none.
func significant(s string) int {
	most := 0
	for _, n := range decimals.FindAllString(s, -1) {
		most = max(most, len(strings.Trim(separators.Replace(n), "0")))
	}
	return most
}
