package disclosure

import (
	"regexp"
	"slices"
	"strings"
)

// fewest is the number of rows from which a column of different values is
// taken for a key and not for a list of categories.
const fewest = 10

// opaque is what hashes and pseudonyms look like.
var opaque = regexp.MustCompile(`^([0-9a-fA-F]{16,}|[A-Za-z0-9_-]{20,}={0,2})$`)

// checkIdentifierColumn refuses columns that name persons or records, by their
// name or by their values.
func (c *checker) checkIdentifierColumn(t *table, col column) {
	if col.role == identifier {
		c.refuseIn(t, t.as(col), "identifier-column")
		return
	}
	if col.role == count || len(t.rows) < fewest {
		return
	}
	seen, hashes, large := map[string]bool{}, 0, 0
	for i, row := range t.rows {
		cell := strings.TrimSpace(row[col.index])
		seen[cell] = true
		if opaque.MatchString(cell) && strings.ContainsAny(cell, "0123456789") {
			hashes++
		}
		if v, ok := col.cells[i].value(); ok && col.whole && v >= 100_000 {
			large++
		}
	}
	w := wordsOf(col.name)
	isKey := len(w) > 0 && w[len(w)-1] == "id"
	isCode := slices.ContainsFunc(w, func(s string) bool {
		return s == "concept" || s == "code" || s == "definition" || s == "analysis" || s == "covariate"
	})
	different := len(seen) == len(t.rows)
	switch {
	case hashes > len(t.rows)/2:
		c.refuseIn(t, t.as(col), "identifier-column_pseudonyms")
	case different && isKey && !isCode:
		c.refuseIn(t, t.as(col), "identifier-column_key")
	case different && large == len(t.rows) && !isCode && col.role != statistic:
		c.review(t.as(col), "identifier-column_number")
	}
}

// checkRepeats refuses a table that counts nothing and has the same row twice:
// an aggregate has one row a group, so the rows are persons or records.
func (c *checker) checkRepeats(t *table) {
	seen := map[string]bool{}
	for i, row := range t.rows {
		key := strings.Join(row, "\x00")
		if seen[key] {
			c.refuse(place{line: t.lines[i]}, "repeated-row")
			return
		}
		seen[key] = true
	}
}

var (
	isoDay    = regexp.MustCompile(`^\s*[12][0-9]{3}-[01][0-9]-([0-3][0-9])`)
	frenchDay = regexp.MustCompile(`^\s*([0-3]?[0-9])[/.][01]?[0-9][/.][12][0-9]{3}`)
)

// checkDays asks for coarser dates; where nothing is counted, each date is the
// day of somebody. The first day of a month stands for the month.
func (c *checker) checkDays(t *table, col column, counted bool) {
	dates, days := 0, 0
	for _, row := range t.rows {
		m := isoDay.FindStringSubmatch(row[col.index])
		if m == nil {
			m = frenchDay.FindStringSubmatch(row[col.index])
		}
		if m == nil {
			continue
		}
		dates++
		if day := strings.TrimLeft(m[1], "0"); day != "1" {
			days++
		}
	}
	switch {
	case dates*2 <= len(t.rows) || days == 0:
	case counted:
		c.review(t.as(col), "days")
	default:
		c.refuseIn(t, t.as(col), "days_uncounted")
	}
}
