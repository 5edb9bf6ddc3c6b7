package disclosure

import (
	"regexp"
	"strings"
)

// table is a rectangle of cells with named columns, wherever it came from.
type table struct {
	header     []string
	headerLine int
	rows       [][]string // as many cells as header
	lines      []int      // of each row, 1-based
	records    bool       // JSON records: no column numbers
	loose      bool       // words of a text that stand as in a table: nothing but a count is refused
}

// column is one column of a table with what is known of it.
type column struct {
	index int
	name  string
	role  role
	cells []reading
	whole bool // its numbers are whole, and at least half of its cells are no text
}

// at is the place of a cell; row -1 is the header.
func (t *table) at(row int, col column) place {
	p := place{line: t.headerLine, column: col.index + 1, field: showable(col.name)}
	if row >= 0 {
		p.line = t.lines[row]
	}
	if t.records {
		p.column = 0
	}
	return p
}

// as is the place of a column as a whole.
func (t *table) as(col column) place {
	p := t.at(-1, col)
	p.line = 0
	return p
}

// checkTable examines a table by every rule.
func (c *checker) checkTable(t *table) {
	c.report.Rows += len(t.rows)
	if most := c.rules.MaxRows; len(t.rows) > most || len(t.header) > most {
		c.refuse(place{}, "rows", "n", most)
		t = t.first(most)
	}
	columns := t.columns()
	for _, col := range columns {
		if t.loose {
			break // its lines were examined whole
		}
		c.checkCell(t.at(-1, col), col.name)
		for i, row := range t.rows {
			c.checkCell(t.at(i, col), row[col.index])
		}
	}
	c.checkHeader(t, columns)
	counts := byRole(columns, count)
	for _, col := range columns {
		switch col.role {
		case count:
			c.checkCounts(t, col)
		case unknown:
			c.checkUnknown(t, col, len(counts) > 0)
		case extreme:
			c.review(t.as(col), "extreme")
		}
		c.checkIdentifierColumn(t, col)
		c.checkDays(t, col, len(counts) > 0)
	}
	c.checkCountRows(t, columns)
	c.checkShares(t, columns)
	all := t.marginsOf(columns, c.declared)
	if !t.loose {
		c.margins = append(c.margins, all...)
	}
	c.checkMargins(t, columns, all)
	c.checkContributions(t, columns, c.output.Contributions)
	if !t.loose {
		c.checkStatistic(t, columns)
	}
	if len(counts) == 0 && !t.loose {
		c.checkRepeats(t)
		c.review(place{line: t.headerLine}, "no-count")
	}
}

// first is the table's upper left part.
func (t *table) first(n int) *table {
	part := *t
	part.header = t.header[:min(n, len(t.header))]
	part.lines = t.lines[:min(n, len(t.lines))]
	part.rows = nil
	for _, row := range t.rows[:len(part.lines)] {
		part.rows = append(part.rows, row[:len(part.header)])
	}
	return &part
}

// refuseIn refuses in a table, and asks for a look where the table is a guess.
func (c *checker) refuseIn(t *table, at place, code string, pairs ...any) {
	if t.loose {
		c.review(at, code, pairs...)
		return
	}
	c.refuse(at, code, pairs...)
}

// columns reads every cell once.
func (t *table) columns() []column {
	columns := make([]column, len(t.header))
	for i, name := range t.header {
		col := column{index: i, name: name, role: roleOf(name)}
		fractions, texts := false, 0
		for _, row := range t.rows {
			r := read(row[i])
			col.cells = append(col.cells, r)
			switch {
			case r.whole():
				col.whole = true
			case r.state == number:
				fractions = true
			case r.state == unreadable:
				texts++
			}
		}
		col.whole = col.whole && !fractions && texts*2 <= len(t.rows)
		if i == 0 && col.role == unknown && strings.TrimSpace(name) == "" && col.numbersRows() {
			col.role = dimension // the row names of pandas and R
		}
		columns[i] = col
	}
	return columns
}

// numbersRows says whether the column counts its rows, from 0 or 1 up.
func (col *column) numbersRows() bool {
	for i, r := range col.cells {
		first, ok := col.cells[0].value()
		v, readable := r.value()
		if !ok || !readable || first != 0 && first != 1 || v != first+float64(i) {
			return false
		}
	}
	return len(col.cells) > 0
}

func byRole(columns []column, r role) []column {
	var out []column
	for _, col := range columns {
		if col.role == r {
			out = append(out, col)
		}
	}
	return out
}

// checkHeader refuses a table whose first line names nothing.
func (c *checker) checkHeader(t *table, columns []column) {
	if t.loose {
		return
	}
	seen, numbers := map[string]bool{}, 0
	for _, col := range columns {
		name := strings.TrimSpace(col.name)
		if read(name).state == number {
			numbers++
		}
		if seen[name] || name == "" && col.index > 0 {
			c.review(t.at(-1, col), "header_name")
		}
		seen[name] = true
	}
	if numbers == len(columns) {
		c.refuse(place{line: t.headerLine}, "header")
	}
}

// formula is how spreadsheets recognise one; a lone sign or a number is none.
var formula = regexp.MustCompile(`^\s*([=@]|[+-]\s*[A-Za-z@(=])`)

// checkCell examines the text of a cell or of a column's name.
func (c *checker) checkCell(at place, cell string) {
	c.checkWords(at, cell)
	c.checkSentence(at, cell)
	if strings.Contains(cell, "\n") {
		c.refuse(at, "line-break")
	}
	if formula.MatchString(cell) {
		c.refuse(at, "formula")
	}
}

// checkCounts refuses the small counts of a column that is named as one.
func (c *checker) checkCounts(t *table, col column) {
	numbers := 0
	for _, r := range col.cells {
		if r.state == number || r.state == under {
			numbers++
		}
	}
	if numbers == 0 {
		c.review(t.as(col), "no-number")
		return
	}
	for i, r := range col.cells {
		c.checkCount(t.at(i, col), r)
	}
}

// checkCount refuses one count that is small, or that nobody can read.
func (c *checker) checkCount(at place, r reading) {
	switch {
	case r.state == unreadable:
		c.refuse(at, "unreadable-count", "minimum", c.rules.MinimumCell)
	case r.state == under && r.values[0] < float64(c.rules.MinimumCell):
		c.refuse(at, "small-count_under", "minimum", c.rules.MinimumCell)
	case r.small(c.rules.MinimumCell) && len(r.values) > 1:
		c.refuse(at, "small-count_parts", "minimum", c.rules.MinimumCell)
	case r.small(c.rules.MinimumCell):
		c.refuse(at, "small-count", "minimum", c.rules.MinimumCell)
	}
}

// checkUnknown examines a column of whole numbers whose name says nothing. Where
// no column is named as a count, it must be the count.
func (c *checker) checkUnknown(t *table, col column, counted bool) {
	if !col.whole || counted && col.isFlag() || isDegrees(col.name) {
		return
	}
	for i, r := range col.cells {
		if !r.small(c.rules.MinimumCell) {
			continue
		}
		if counted {
			c.review(t.at(i, col), "small-number", "minimum", c.rules.MinimumCell)
		} else {
			c.refuseIn(t, t.at(i, col), "small-number_column", "minimum", c.rules.MinimumCell)
		}
	}
}

// isFlag says whether the column holds 0 and 1 alone.
func (col *column) isFlag() bool {
	for _, r := range col.cells {
		if v, ok := r.value(); ok && v != 0 && v != 1 {
			return false
		}
	}
	return true
}

// checkCountRows examines tables with one row per statistic: what stands in a
// row labelled n is a count.
func (c *checker) checkCountRows(t *table, columns []column) {
	for i, row := range t.rows {
		labelled := false
		for _, col := range columns {
			labelled = labelled || col.cells[i].state == unreadable && isCountLabel(row[col.index])
		}
		for _, col := range columns {
			if labelled && col.role == unknown && col.cells[i].state != unreadable {
				c.checkCount(t.at(i, col), col.cells[i])
			}
		}
	}
}
