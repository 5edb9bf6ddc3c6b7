package project

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym/scan"
)

// maxShown is how many bytes of a log its researcher sees. The whole log is in the run's
// bundle, for output checkers.
const maxShown = 64 << 10

// maxWord is the longest text without a space that a log may have: longer ones carry
// files, and tell nobody anything.
const maxWord = 200

// Why lines of a log are withheld, beside the kinds of identifiers.
const (
	withheldRow  = "row"
	withheldWord = "long text without a space"
	withheldMore = "over the size that is shown"
)

// readable is a study's log as its researcher sees it: a log is no way out for rows. Lines
// with an identifier, lines that look like rows of a table and long texts without a
// space are withheld, and so is what is too much; how many, and why, is for the record.
func readable(log string) (shown string, read ledger.LogRead) {
	s := newScreen()
	s.add([]byte(log))
	s.end()
	return s.out.String(), s.read
}

// screen reads a log as it comes. What it has shown at any moment is the beginning of what it shows of
// the whole log in the end, however the log was cut into pieces: a line is decided on once it is
// complete and two lines with a text have come after it, beside which an identifier or a row may stretch.
type screen struct {
	scanner *scan.Scanner
	out     strings.Builder // what is shown
	read    ledger.LogRead
	partial []byte        // a line that has no end yet
	held    []*screenLine // complete, and not decided on
	why     string        // the last line was withheld
	times   int
}

// screenLine is a line that waits for those after it.
type screenLine struct {
	text, reason    string
	blank           bool
	values, telling bool // nothing but values; one of them can mean a person
}

// together is how many lines are looked at together.
const together = 3

func newScreen() *screen { return &screen{scanner: scan.New(scan.Text, nil)} }

// add takes in a piece of the log.
func (s *screen) add(p []byte) {
	s.read.Bytes += int64(len(p))
	s.partial = append(s.partial, p...)
	for {
		at := bytes.IndexAny(s.partial, "\r\n")
		if at < 0 || s.partial[at] == '\r' && at == len(s.partial)-1 { // a \n may follow
			return
		}
		if s.partial[at] == '\r' && s.partial[at+1] == '\n' {
			at++
		}
		s.line(string(s.partial[:at+1]))
		s.partial = s.partial[at+1:]
	}
}

// end decides on what is left: the log is over.
func (s *screen) end() {
	if len(s.partial) > 0 {
		s.line(string(s.partial))
		s.partial = nil
	}
	for _, l := range s.held {
		s.decide(l)
	}
	s.held = nil
	s.tell()
}

// line takes in a line, and decides on those that no later line can touch.
func (s *screen) line(text string) {
	s.read.Lines++
	judged := unbroken.Replace(text)
	l := &screenLine{text: text, reason: problemOf(s.scanner, judged), blank: strings.TrimSpace(judged) == ""}
	l.values, l.telling = isValues(judged)
	s.held = append(s.held, l)
	if l.blank {
		return
	}
	s.beside()
	left := 0
	for _, l := range s.held {
		if !l.blank {
			left++
		}
	}
	for left >= together || len(s.held) > 0 && s.held[0].blank {
		if !s.held[0].blank {
			left--
		}
		s.decide(s.held[0])
		s.held = s.held[1:]
	}
}

// unbroken makes gaps of what breaks a line in a reader's eyes alone.
var unbroken = strings.NewReplacer("\v", "  ", "\f", "  ", "\u0085", "  ", "\u2028", "  ", "\u2029", "  ")

// beside looks at the last lines together: an identifier may be cut by the ends of lines, and a row may have
// a line for each of its fields.
func (s *screen) beside() {
	var last []*screenLine
	for _, l := range slices.Backward(s.held) {
		if !l.blank && len(last) < together {
			last = append(last, l)
		}
	}
	slices.Reverse(last)
	for _, gap := range []string{"", " "} {
		var joined strings.Builder
		var ends []int
		for _, l := range last {
			joined.WriteString(strings.TrimSpace(unbroken.Replace(l.text)) + gap)
			ends = append(ends, joined.Len())
		}
		for _, f := range s.scanner.All([]byte(joined.String())) {
			start := 0
			for i, end := range ends {
				within := f.Start >= start && f.End <= end
				if f.Start < end && f.End > start && !within && last[i].reason == "" {
					last[i].reason = string(f.Kind)
				}
				start = end
			}
		}
	}
	all, telling := len(last) == together, false
	for _, l := range last {
		all, telling = all && l.values, telling || l.telling
	}
	for _, l := range last {
		if all && telling && l.reason == "" {
			l.reason = withheldRow
		}
	}
}

// decide shows a line, or withholds it.
func (s *screen) decide(l *screenLine) {
	if l.reason == "" && s.out.Len()+len(l.text) > maxShown {
		l.reason = withheldMore
	}
	if l.reason == "" {
		s.tell()
		s.out.WriteString(l.text)
		return
	}
	if s.read.Withheld == nil {
		s.read.Withheld = map[string]int{}
	}
	s.read.Withheld[l.reason]++
	if l.reason != s.why {
		s.tell()
	}
	s.why, s.times = l.reason, s.times+1
}

// tell says how many lines stood where none is shown.
func (s *screen) tell() {
	if s.times > 0 {
		fmt.Fprintf(&s.out, "[withheld: %d × %s]\n", s.times, s.why)
	}
	s.times = 0
}

// problemOf says why a line is withheld for itself, or "".
func problemOf(scanner *scan.Scanner, line string) string {
	if found, ok := scanner.First([]byte(line)); ok {
		return string(found.Kind)
	}
	if isRow(line) {
		return withheldRow
	}
	for word := range strings.FieldsSeq(line) {
		if utf8.RuneCountInString(word) > maxWord {
			return withheldWord
		}
	}
	return ""
}

var (
	// between stands between the fields of a printed row.
	between = regexp.MustCompile(`\s*[,;|\t│]\s*|\s{2,}`)
	// label is the name of a field of a printed record: {'person_id': 12.
	label = regexp.MustCompile(`^['"]?[A-Za-z_][A-Za-z0-9_.]*['"]?\s*[:=]\s*`)
	// value is what a field holds: a number, a date, a code, nothing.
	value = regexp.MustCompile(`(?i)^(?:['"].*['"]|[-+]?\d[\d.eE+-]*|\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+Z?)?|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|[A-Z]{0,3}\d[A-Z0-9.]{0,9}|nan|none|null|na|<na>|nat|true|false|[fm]|datetime\.date\(\d+)$`)
	// telling is a value that can mean a person: a long number, a date, a code.
	telling = regexp.MustCompile(`(?i)^['"]?(?:[-+]?\d{3,}|\d{4}-\d{2}-\d{2}.*|[A-Z]{1,3}\d[A-Z0-9.]+)['"]?$`)
)

// isRow says whether a line looks like a row of a table: three fields or more that are
// values and nothing else, one of which can mean a person. The figures of a training
// are no row, and a table of statistics has words.
func isRow(line string) bool {
	line = bare(line)
	for _, parts := range [][]string{between.Split(line, -1), strings.Fields(line)} {
		for i, field := range parts {
			parts[i] = label.ReplaceAllString(field, "")
		}
		if fields, means := values(parts); fields >= 3 && means {
			return true
		}
	}
	return false
}

// isValues says whether a line has values and nothing else, without a name for them, and whether one of
// them can mean a person.
func isValues(line string) (all, means bool) {
	line = bare(line)
	for _, parts := range [][]string{between.Split(line, -1), strings.Fields(line)} {
		if fields, means := values(parts); fields > 0 {
			return true, means
		}
	}
	return false, false
}

func bare(line string) string { return strings.Trim(strings.TrimSpace(line), "()[]{}|│ ") }

// values counts fields that are values, and says whether one of them can mean a person; 0 where one is none.
func values(parts []string) (fields int, means bool) {
	for _, field := range parts {
		field = strings.Trim(field, "()[]{}")
		if field == "" {
			continue
		}
		if !value.MatchString(field) {
			return 0, false
		}
		fields++
		means = means || telling.MatchString(field)
	}
	return fields, means
}

// leftBehind are the reasons for which things in outputs/ were left behind, each once. The
// names are a study's own words, and stay out of the ledger.
func leftBehind(ran *Ran) []string {
	reasons := map[string]bool{}
	for _, r := range ran.Refused {
		reason, _, _ := strings.Cut(r.Reason, ":")
		reasons[reason] = true
	}
	return slices.Sorted(maps.Keys(reasons))
}
