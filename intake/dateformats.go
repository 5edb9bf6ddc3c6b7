package intake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// momentsParser reads dates or datetimes by one format or by the first of
// several that fits. Formats that could read one text as two different days are
// refused: which is meant could only be guessed.
func momentsParser(kind, format string, formats []string) (parser, string, error) {
	if formats == nil {
		return momentParser(kind, format)
	}
	if format != "" && format != "default" {
		return nil, "", fmt.Errorf("a field has format or formats: leave one out")
	}
	var parsers []parser
	var wants []string
	for i, f := range formats {
		parse, want, err := momentParser(kind, f)
		if err != nil {
			return nil, "", err
		}
		for _, earlier := range formats[:i] {
			if text, one, other := ambiguous(kind, earlier, f); text != "" {
				return nil, "", fmt.Errorf("formats %q and %q read %q as %s and as %s: have the provider write one of them", earlier, f, text, one, other)
			}
		}
		parsers = append(parsers, parse)
		wants = append(wants, strings.TrimPrefix(want, kind+": want "))
	}
	if len(parsers) == 0 {
		return nil, "", fmt.Errorf("formats is empty: leave it out")
	}
	return func(dst, v []byte) ([]byte, bool) {
		for _, parse := range parsers {
			if out, ok := parse(dst, v); ok {
				return out, true
			}
		}
		return dst, false
	}, kind + ": want " + strings.Join(wants, " or "), nil
}

// momentParser reads dates or datetimes: ISO 8601 by default, or by a pattern
// of strptime's directives.
func momentParser(kind, format string) (parser, string, error) {
	pattern := strings.TrimPrefix(format, "fmt:")
	if pattern == "" || pattern == "default" {
		if kind == "date" {
			return isoDates, "date: want YYYY-MM-DD", nil
		}
		return isoTimes, "datetime: want YYYY-MM-DDThh:mm:ssZ", nil
	}
	if pattern == "fhir" {
		return fhirMoments(kind), kind + ": want FHIR's YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss±hh:mm", nil
	}
	steps, err := compile(pattern, kind)
	if err != nil {
		return nil, "", err
	}
	want := fmt.Sprintf("%s: want %s", kind, inWords.Replace(pattern))
	return func(dst, v []byte) ([]byte, bool) {
		var m moment
		for _, s := range steps {
			var ok bool
			if v, ok = s.read(v, &m); !ok {
				return dst, false
			}
		}
		switch {
		case len(v) > 0 || !m.valid():
			return dst, false
		case kind == "date":
			return m.appendDate(dst), true
		}
		return inRange(dst, &m)
	}, want, nil
}

var inWords = strings.NewReplacer("%Y", "YYYY", "%y", "YY", "%m", "MM", "%d", "DD", "%H", "hh", "%M", "mm",
	"%b", "MON", "%S", "ss", "%f", "ffffff", "%z", "±hhmm", "%%", "%")

// step reads one directive, or one character that stands for itself.
type step struct{ directive, literal byte }

func compile(pattern, kind string) ([]step, error) {
	var steps []step
	has := map[byte]bool{}
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c != '%' || i+1 == len(pattern) {
			steps = append(steps, step{literal: c})
			continue
		}
		i++
		switch d := pattern[i]; d {
		case '%':
			steps = append(steps, step{literal: '%'})
		case 'y':
			steps, has['Y'] = append(steps, step{directive: d}), true
		case 'b':
			steps, has['m'] = append(steps, step{directive: d}), true
		case 'Y', 'm', 'd', 'H', 'M', 'S', 'f', 'z':
			steps, has[d] = append(steps, step{directive: d}), true
		default:
			return nil, fmt.Errorf("unknown directive %%%c in format %q: known are %%Y %%y %%m %%b %%d %%H %%M %%S %%f %%z %%%%", d, pattern)
		}
	}
	if !has['Y'] || !has['m'] || !has['d'] {
		return nil, fmt.Errorf("format %q of a %s lacks year, month or day: use %%Y, %%m or %%b, and %%d", pattern, kind)
	}
	return steps, nil
}

func (s step) read(v []byte, m *moment) (rest []byte, ok bool) {
	switch s.directive {
	case 0:
		if len(v) == 0 || v[0] != s.literal {
			return v, false
		}
		return v[1:], true
	case 'Y':
		m.year, v, ok = readDigits(v, 4, 4)
	case 'y': // POSIX: 69-99 are of the 20th century
		m.year, v, ok = readDigits(v, 2, 2)
		if m.year += 1900; m.year < 1969 {
			m.year += 100
		}
	case 'm':
		m.month, v, ok = readDigits(v, 1, 2)
	case 'b':
		m.month, v, ok = readMonth(v)
	case 'd':
		m.day, v, ok = readDigits(v, 1, 2)
	case 'H':
		m.hour, v, ok = readDigits(v, 1, 2)
	case 'M':
		m.minute, v, ok = readDigits(v, 1, 2)
	case 'S':
		m.second, v, ok = readDigits(v, 1, 2)
	case 'f':
		return readFraction(v, m)
	case 'z':
		return readOffset(v, m)
	}
	return v, ok
}

// months are the abbreviations of months: English, French as in newspapers and
// as SAS writes them, in lower case. A point may follow.
var months = []struct {
	text  string
	month int
}{
	{"janv", 1}, {"jan", 1}, {"févr", 2}, {"fevr", 2}, {"fév", 2}, {"fev", 2}, {"feb", 2}, {"mars", 3}, {"mar", 3},
	{"avr", 4}, {"apr", 4}, {"mai", 5}, {"may", 5}, {"juin", 6}, {"jun", 6}, {"juil", 7}, {"jul", 7},
	{"août", 8}, {"aout", 8}, {"aoû", 8}, {"aou", 8}, {"aug", 8}, {"sept", 9}, {"sep", 9}, {"oct", 10}, {"nov", 11},
	{"déc", 12}, {"dec", 12},
}

// readMonth reads a month's abbreviation, in any letter case.
func readMonth(v []byte) (month int, rest []byte, ok bool) {
	for _, m := range months { // a longer one stands before its beginning
		if len(v) >= len(m.text) && v[0]|0x20 == m.text[0] && strings.EqualFold(string(v[:len(m.text)]), m.text) {
			rest = v[len(m.text):]
			if len(rest) > 0 && rest[0] == '.' {
				rest = rest[1:]
			}
			return m.month, rest, true
		}
	}
	return 0, v, false
}

// ambiguous looks for a text that two formats read as different days. It tries
// texts that either format writes, of days whose parts can stand for each other:
// two formats of the same parts in different places, the only ones that can
// differ, do so on one of these.
func ambiguous(kind, a, b string) (text, one, other string) {
	type pair struct{ kind, a, b string }
	type found struct{ text, one, other string }
	known, ok := ambiguities.Load(pair{kind, a, b})
	if !ok {
		var f found
		f.text, f.one, f.other = searchAmbiguous(kind, a, b)
		known, _ = ambiguities.LoadOrStore(pair{kind, a, b}, f)
	}
	f := known.(found)
	return f.text, f.one, f.other
}

// ambiguities remembers answers: feeds say the same of hundreds of fields.
var ambiguities sync.Map

func searchAmbiguous(kind, a, b string) (text, one, other string) {
	parseA, _, errA := momentParser(kind, a)
	parseB, _, errB := momentParser(kind, b)
	if errA != nil || errB != nil {
		return "", "", "" // reported elsewhere
	}
	var buffer, x, y []byte
	for _, format := range []string{a, b} {
		steps := written(kind, format)
		for m := range telling {
			for _, padded := range []bool{true, false} {
				buffer = write(buffer[:0], steps, &m, padded)
				var okA, okB bool
				x, okA = parseA(x[:0], buffer)
				y, okB = parseB(y[:0], buffer)
				if okA && okB && string(x[:10]) != string(y[:10]) {
					return string(buffer), string(x[:10]), string(y[:10])
				}
			}
		}
	}
	return "", "", ""
}

// telling yields days whose parts can stand for each other: two digits of the
// year for a month or a day, a month for a day.
func telling(yield func(m moment) bool) {
	parts := []int{1, 2, 3, 10, 11, 12, 19, 20, 21, 28, 31}
	for _, century := range []int{20, 19, 1, 2, 3, 10, 11, 12, 21, 28, 31} {
		for _, year := range parts {
			for _, month := range parts[:6] {
				for _, day := range parts {
					m := moment{year: century*100 + year, month: month, day: day}
					if m.valid() && !yield(m) {
						return
					}
				}
			}
		}
	}
}

// written is the pattern of a format, also of the default one.
func written(kind, format string) []step {
	pattern := strings.TrimPrefix(format, "fmt:")
	if pattern == "" || pattern == "default" {
		pattern = "%Y-%m-%d"
		if kind == "datetime" {
			pattern += "T%H:%M:%S"
		}
	}
	steps, _ := compile(pattern, kind) // it was compiled before
	return steps
}

// tens are the powers of ten that a year's digits need.
var tens = [...]int{1, 10, 100, 1000}

// write is the inverse of the steps' reading.
func write(dst []byte, steps []step, m *moment, padded bool) []byte {
	digits := func(n, width int) []byte {
		if !padded && width == 2 {
			width = 1
		}
		for width > 1 && n < tens[width-1] {
			dst, width = append(dst, '0'), width-1
		}
		return strconv.AppendInt(dst, int64(n), 10)
	}
	for _, s := range steps {
		switch s.directive {
		case 0:
			dst = append(dst, s.literal)
		case 'Y':
			dst = digits(m.year, 4)
		case 'y':
			dst = append(dst, byte('0'+m.year/10%10), byte('0'+m.year%10))
		case 'm':
			dst = digits(m.month, 2)
		case 'b':
			i := slices.IndexFunc(months, func(o struct {
				text  string
				month int
			}) bool {
				return o.month == m.month
			})
			dst = append(dst, months[i].text...)
		case 'd':
			dst = digits(m.day, 2)
		case 'H', 'M', 'S':
			dst = digits(0, 2)
		case 'f':
			dst = append(dst, '0')
		case 'z':
			dst = append(dst, 'Z')
		}
	}
	return dst
}
