package project

import (
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
	scanner := scan.New(scan.Text, nil)
	withheld := map[string]int{}
	read.Bytes = int64(len(log))
	var out strings.Builder
	var why string // the last line was withheld
	var times int
	told := func() {
		if times > 0 {
			fmt.Fprintf(&out, "[withheld: %d × %s]\n", times, why)
		}
		times = 0
	}
	for line := range strings.Lines(log) {
		read.Lines++
		reason := problemOf(scanner, line)
		if reason == "" && out.Len()+len(line) > maxShown {
			reason = withheldMore
		}
		if reason != "" {
			withheld[reason]++
			if reason != why {
				told()
			}
			why, times = reason, times+1
			continue
		}
		told()
		out.WriteString(line)
	}
	told()
	if len(withheld) > 0 {
		read.Withheld = withheld
	}
	return out.String(), read
}

// problemOf says why a line is withheld, or "".
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
	value = regexp.MustCompile(`(?i)^(?:['"].*['"]|[-+]?\d[\d.eE+-]*|\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+Z?)?|[A-Z]{0,3}\d[A-Z0-9.]{0,9}|nan|none|null|na|<na>|nat|true|false|[fm]|datetime\.date\(\d+)$`)
	// telling is a value that can mean a person: a long number, a date, a code.
	telling = regexp.MustCompile(`(?i)^['"]?(?:[-+]?\d{3,}|\d{4}-\d{2}-\d{2}.*|[A-Z]{1,3}\d[A-Z0-9.]+)['"]?$`)
)

// isRow says whether a line looks like a row of a table: three fields or more that are
// values and nothing else, one of which can mean a person. The figures of a training
// are no row, and a table of statistics has words.
func isRow(line string) bool {
	line = strings.Trim(strings.TrimSpace(line), "()[]{}|│ ")
	fields, means := 0, false
	for _, field := range between.Split(line, -1) {
		field = strings.Trim(label.ReplaceAllString(field, ""), "()[]{}")
		if field == "" {
			continue
		}
		if !value.MatchString(field) {
			return false
		}
		fields++
		means = means || telling.MatchString(field)
	}
	return fields >= 3 && means
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
