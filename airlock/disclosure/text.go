package disclosure

import (
	"regexp"
	"slices"
	"strings"
)

// Sentences that tell a count: "n = 3", "persons: 3", "3 patients".
var (
	nameThenNumber = regexp.MustCompile(`([\pL_][\pL\pN_]*)["']?(?:\))?\s*(?:=|:|\bis\b|\bwas\b)+\s*["']?([<≤]?\s?[+-]?[0-9][0-9.,’'_]*(?:e[+-]?[0-9]+)?)`)
	numberThenName = regexp.MustCompile(`([0-9][0-9.,’'_]*(?:e[+-]?[0-9]+)?)\s+(\pL+)`)
	partOf         = regexp.MustCompile(`([0-9][0-9.,’'_]*)\s*(?:of|out of|/|sur|parmi)\s*(?:the\s|les\s)?\s*[0-9][0-9.,’'_]*\s+(\pL+)`)
	wordThenName   = regexp.MustCompile(`(?i)\b(?:one|two|three|four|five|six|seven|eight|nine|ten|un|une|deux|trois|quatre|cinq|sept|huit|neuf|dix)\s+(\pL+)`)
	wideGap        = regexp.MustCompile(`\s{2,}|\t`)
	anyGap         = regexp.MustCompile(`\s+`)
	rule           = regexp.MustCompile(`^[\s|+:=─┼├┤┌┐└┘┬┴│═╪-]*$`)
)

// checkText examines prose and logs, line by line, and the tables in them.
func (c *checker) checkText(text string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
	if strings.Contains(text, "\r\n") {
		lines = strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	}
	if len(lines) > c.rules.MaxRows {
		c.refuse(place{}, "rows_lines", "n", c.rules.MaxRows)
		lines = lines[:c.rules.MaxRows]
	}
	for i, line := range lines {
		at := place{line: i + 1}
		c.checkWords(at, line)
		c.checkSentence(at, line)
	}
	for i, split := range splitters {
		c.checkTablesIn(lines, split, i >= framed)
	}
	c.review(place{}, "read")
}

// checkSentence refuses small counts that a sentence tells.
func (c *checker) checkSentence(at place, s string) {
	if len(s) > overlong*c.rules.MaxCell {
		return // refused by checkWords
	}
	for _, m := range nameThenNumber.FindAllStringSubmatch(s, -1) {
		if roleOf(m[1]) == count {
			c.checkToldCount(at, m[2])
		}
	}
	for _, shape := range []*regexp.Regexp{numberThenName, partOf} {
		for _, m := range shape.FindAllStringSubmatch(s, -1) {
			if isCounted(m[2]) {
				c.checkToldCount(at, m[1])
			}
		}
	}
	for _, m := range wordThenName.FindAllStringSubmatch(s, -1) {
		if isCounted(m[1]) {
			c.review(at, "small-number_letters", "minimum", c.rules.MinimumCell)
		}
	}
}

// isCounted says whether a word of a sentence names what is counted.
func isCounted(word string) bool {
	w := strings.ToLower(word)
	return countWords[w] && !countEdges[w] || w == "person" || w == "patient"
}

func (c *checker) checkToldCount(at place, s string) {
	if r := read(strings.TrimRight(s, ".,;: '’_")); r.state == number || r.state == under {
		c.checkCount(at, r)
	}
}

// framed is how many splitters go by frames, which only tables have.
const framed = 2

// splitters cut a line into the cells of the tables that texts hold.
var splitters = []func(line string) []string{
	func(line string) []string { return splitFramed(line, "|") },
	func(line string) []string { return splitFramed(line, "│") },
	func(line string) []string { return strings.Split(line, ",") },
	func(line string) []string { return strings.Split(line, ";") },
	func(line string) []string { return wideGap.Split(strings.TrimSpace(line), -1) },
	func(line string) []string { return anyGap.Split(strings.TrimSpace(line), -1) },
}

func splitFramed(line, frame string) []string {
	line = strings.TrimSpace(line)
	line = strings.TrimSuffix(strings.TrimPrefix(line, frame), frame)
	cells := strings.Split(line, frame)
	for i := range cells {
		cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "*`")
	}
	return cells
}

// checkTablesIn examines every run of lines that a splitter cuts into as many
// cells, and that holds a number below its first line.
func (c *checker) checkTablesIn(lines []string, split func(string) []string, loose bool) {
	var run table
	end := func() {
		if len(run.rows) > 0 && run.hasNumbers() && (!loose || !slices.ContainsFunc(run.header, isNumber)) {
			rows := c.report.Rows
			c.checkTable(&run)
			c.report.Rows = max(rows, len(run.rows))
		}
		run = table{loose: loose}
	}
	end()
	for i, line := range lines {
		if strings.TrimSpace(line) != "" && rule.MatchString(line) {
			continue // the line under a header
		}
		cells := split(line)
		switch {
		case loose && len(run.rows) == 0 && len(run.header) > 1 && len(cells) == 1 && strings.TrimSpace(line) != "":
			continue // pandas: the name of the index, below the header
		case len(run.rows) == 0 && len(cells) > 1 && len(cells) == len(run.header)+1:
			run.header = append([]string{""}, run.header...) // a header over row names
			run.rows, run.lines = append(run.rows, cells), append(run.lines, i+1)
		case len(cells) == len(run.header):
			run.rows, run.lines = append(run.rows, cells), append(run.lines, i+1)
		default:
			end()
			if strings.TrimSpace(line) != "" {
				run.header, run.headerLine = cells, i+1
			}
		}
	}
	end()
}

func (t *table) hasNumbers() bool {
	return slices.ContainsFunc(t.rows, func(row []string) bool { return slices.ContainsFunc(row, isNumber) })
}

func isNumber(cell string) bool { return read(cell).state == number }
