package disclosure

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// delimiters that a table may have; those that fit are all tried, so that a
// table cannot be read in one way here and in another elsewhere.
var delimiters = []rune{',', ';', '\t', '|'}

// checkCSV reads a file of delimited cells (RFC 4180) as every table that it can be.
func (c *checker) checkCSV(text string) {
	if strings.HasPrefix(strings.ToLower(text), "sep=") {
		c.refuse(place{line: 1}, "broken_excel")
		return
	}
	candidates := delimiters
	if c.report.Kind == TSV {
		candidates = []rune{'\t'}
	}
	var tables []*table
	var broken error
	for _, d := range candidates {
		t, err := parseCSV(text, d)
		switch {
		case err != nil && (broken == nil || strings.ContainsRune(firstLine(text), d)):
			broken = err
		case err == nil && len(t.header) > 1:
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 && (broken == nil || !strings.ContainsAny(firstLine(text), string(candidates))) {
		if t, err := parseCSV(text, candidates[0]); err == nil {
			tables = append(tables, t) // one column
		}
	}
	if len(tables) == 0 {
		at := place{line: 1}
		if e := new(csv.ParseError); errors.As(broken, &e) {
			at.line = e.Line
		}
		c.refuse(at, "broken_table")
		return
	}
	for _, t := range tables {
		rows := c.report.Rows
		c.checkTable(t)
		c.report.Rows = max(rows, len(t.rows))
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	return line
}

// parseCSV reads a rectangle of at least a header. The error is a *csv.ParseError.
func parseCSV(text string, delimiter rune) (*table, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	r.Comma = delimiter
	t := new(table)
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if t.header == nil {
			t.header, t.headerLine = cells, line
			continue
		}
		t.rows = append(t.rows, cells)
		t.lines = append(t.lines, line)
	}
}
