package disclosure

import (
	"math"
	"slices"
	"strings"

	"rempart.eu/rempart/airlock/disclosure/cells"
)

// margins is a part of a table that adds up: counts (or sums of one column) by
// the columns that divide the table, and by the columns that a total column sums.
type margins struct {
	table   *table
	grid    *cells.Grid
	spots   []spot     // of each cell of the grid
	labels  [][]string // of each dimension
	totals  [][]bool   // of each dimension: which labels are totals
	names   []string   // of each dimension
	columns []column   // of the counts
	nested  []bool     // dimensions that another one divides further
}

// spot is where a cell stands in its table.
type spot struct {
	row int
	col column
}

// at is the place of a cell of the grid.
func (m *margins) at(cell int) place { return m.table.at(m.spots[cell].row, m.spots[cell].col) }

// divides says whether a column tells what a row is about.
func (col *column) divides(rows [][]string) bool {
	switch col.role {
	case dimension:
		return true
	case unknown:
		texts := 0
		for i, r := range col.cells {
			if r.state == unreadable || r.state == missing && strings.TrimSpace(rows[i][col.index]) != "" {
				texts++
			}
		}
		return texts*2 > len(col.cells)
	}
	return false
}

// marginsOf finds what adds up in a table. Nothing is found where two rows have
// the same labels.
func (t *table) marginsOf(columns []column, d *Declaration) (all []*margins) {
	var dims, counts, values []column
	for _, col := range columns {
		declared := d != nil && slices.Contains(d.Dimensions, col.name)
		switch {
		case declared || (d == nil || len(d.Dimensions) == 0) && col.role != count && col.divides(t.rows):
			dims = append(dims, col)
		case d != nil && slices.Contains(d.Values, col.name):
			values = append(values, col)
		case col.role == count:
			counts = append(counts, col)
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	for _, group := range groups(counts, columns) {
		if m := t.marginsBy(dims, group, d); m != nil {
			all = append(all, m)
		}
	}
	for _, col := range values {
		if m := t.marginsBy(dims, []column{col}, d); m != nil {
			all = append(all, m)
		}
	}
	return all
}

// groups splits counts into columns that a total column sums, and others, each by
// itself. What a total sums may have names that do not say that they are counts.
func groups(counts, all []column) (out [][]column) {
	total := slices.IndexFunc(counts, func(c column) bool { return isTotal(c.name) })
	if total >= 0 {
		var named, parts []column
		for _, c := range all {
			switch {
			case c.index == counts[total].index:
			case c.role == count:
				named, parts = append(named, c), append(parts, c)
			case c.role == unknown && c.whole:
				parts = append(parts, c)
			}
		}
		for _, p := range [][]column{parts, named} {
			if len(p) > 1 && addsUp(p, counts[total]) {
				return [][]column{append(p, counts[total])}
			}
		}
	}
	for _, c := range counts {
		out = append(out, []column{c})
	}
	return out
}

// addsUp says whether a column can be the sum of others in every row.
func addsUp(parts []column, total column) bool {
	for i := range total.cells {
		want, ok := total.cells[i].value()
		if !ok {
			continue
		}
		sum, all := 0.0, true
		for _, c := range parts {
			v, ok := c.cells[i].value()
			sum, all = sum+v, all && ok
		}
		if sum > want+0.5 || all && sum < want-0.5 {
			return false
		}
	}
	return true
}

// marginsBy builds the grid of one group of counts; the last is the total where
// there are several.
func (t *table) marginsBy(dims, counts []column, d *Declaration) *margins {
	m := &margins{table: t, columns: counts}
	var shapes []cells.Dimension
	var index []map[string]int
	for _, col := range dims {
		labels, at := []string{}, map[string]int{}
		for _, row := range t.rows {
			key := normal(row[col.index])
			if _, known := at[key]; !known {
				at[key] = len(labels)
				labels = append(labels, key)
			}
		}
		m.labels, m.names, index = append(m.labels, labels), append(m.names, col.name), append(index, at)
		shapes = append(shapes, cells.Dimension{Parent: parents(labels, d)})
	}
	wide := len(counts) > 1
	if wide {
		var names []string
		for _, c := range counts {
			names = append(names, c.name)
		}
		m.labels, m.names = append(m.labels, names), append(m.names, "")
		shapes = append(shapes, cells.Flat(len(counts)-1, true))
	}
	if len(shapes) == 0 {
		return nil
	}
	for range len(shapes) + 1 {
		if !m.fill(shapes, dims, index, wide) {
			return nil
		}
		if !m.detach(shapes) {
			break
		}
	}
	for _, labels := range m.labels {
		totals := make([]bool, len(labels))
		for i, l := range labels {
			totals[i] = isTotal(l)
		}
		m.totals = append(m.totals, totals)
	}
	m.nested = m.findNested()
	return m
}

// normal is a label as it is compared.
func normal(label string) string { return strings.Join(strings.Fields(strings.ToLower(label)), " ") }

// parents tells which label sums which: as declared; one total sums all others;
// of several, each sums those before it, back to the total before, and the last one
// these totals; where the first label is a total, each sums those after it.
func parents(labels []string, d *Declaration) []int {
	parent := make([]int, len(labels))
	for i := range parent {
		parent[i] = -1
	}
	declared := false
	if d != nil {
		for total, parts := range d.Totals {
			if at := slices.Index(labels, normal(total)); at >= 0 {
				for _, p := range parts {
					if i := slices.Index(labels, normal(p)); i >= 0 && i != at {
						parent[i], declared = at, true
					}
				}
			}
		}
	}
	var totals []int
	for i, l := range labels {
		if isTotal(l) {
			totals = append(totals, i)
		}
	}
	switch {
	case len(totals) == 0:
	case len(totals) == 1 || declared:
		root := totals[len(totals)-1]
		for i := range parent {
			if i != root && parent[i] < 0 {
				parent[i] = root
			}
		}
	case totals[0] == 0:
		at := 0
		for i := 1; i < len(labels); i++ {
			if isTotal(labels[i]) {
				at = i
			} else {
				parent[i] = at
			}
		}
	default:
		last := totals[len(totals)-1]
		for n, total := range totals {
			from := 0
			if n > 0 {
				from = totals[n-1] + 1
			}
			for i := from; i < total; i++ {
				parent[i] = total
			}
			if total != last && totals[len(totals)-2]+1 == last { // nothing of its own: the sum of the totals
				parent[total] = last
			}
		}
	}
	for i := range parent { // what was declared may run in a circle
		for up, n := parent[i], 0; up >= 0; up = parent[up] {
			if n++; n > len(parent) {
				parent[i] = -1
				break
			}
		}
	}
	return parent
}

// fill makes the grid anew, or says that the rows do not fit one.
func (m *margins) fill(shapes []cells.Dimension, dims []column, index []map[string]int, wide bool) bool {
	g, err := cells.New(shapes...)
	if err != nil {
		return false
	}
	m.grid, m.spots = g, nil
	at := make([]int, len(shapes))
	for row := range m.table.rows {
		for d, col := range dims {
			at[d] = index[d][normal(m.table.rows[row][col.index])]
		}
		for k, col := range m.columns {
			if wide {
				at[len(dims)] = k
			}
			c := cells.Cell{Most: math.Inf(1), Value: math.NaN(), Hidden: true}
			switch r := col.cells[row]; r.state {
			case number:
				v, _ := r.value()
				if v < 0 {
					return false // balances, not counts
				}
				c.Value, c.Hidden = v, false
			case under:
				c.Most = r.values[0] - 1
			case missing:
			default:
				return false
			}
			if _, err := g.Add(c, at...); err != nil {
				return false
			}
			m.spots = append(m.spots, spot{row, col})
		}
	}
	return true
}

// detach takes totals out of the trees that the told cells contradict, and says
// whether there were any.
func (m *margins) detach(shapes []cells.Dimension) (changed bool) {
	for _, s := range m.grid.Sums() {
		rest, hidden := restOf(m.grid.Cells, s)
		if math.Abs(rest) <= m.tolerance(s) || hidden > 0 && rest > 0 || math.IsNaN(rest) {
			continue
		}
		total := m.grid.Coordinates(s.Total)[s.Dimension]
		for i, p := range shapes[s.Dimension].Parent {
			if p == total {
				shapes[s.Dimension].Parent[i], changed = -1, true
			}
		}
	}
	return changed
}

// restOf is what a total has more than its told parts; NaN where the total is hidden.
func restOf(all []cells.Cell, s cells.Sum) (rest float64, hidden int) {
	rest = all[s.Total].Value
	for _, p := range s.Parts {
		if all[p].Hidden {
			hidden++
		} else {
			rest -= all[p].Value
		}
	}
	return rest, hidden
}

// tolerance is how far rounding may move the parts of a sum of numbers that are not whole.
func (m *margins) tolerance(s cells.Sum) float64 {
	sum := 0.1
	for _, i := range append([]int{s.Total}, s.Parts...) {
		if step := m.spots[i].col.cells[m.spots[i].row].step; step < 0.5 {
			sum += step
		}
	}
	return sum
}

// findNested marks the dimensions of which each combination of the others has one
// category alone, as regions have with departments.
func (m *margins) findNested() []bool {
	nested := make([]bool, len(m.labels))
	for d := range m.labels {
		seen, several := map[string]bool{}, false
		for i := range m.grid.Cells {
			at := m.grid.Coordinates(i)
			if m.totals[d][at[d]] {
				continue
			}
			at[d] = -1
			key := keyOf(at)
			several = several || seen[key]
			seen[key] = true
		}
		nested[d] = !several
	}
	return nested
}

func keyOf(at []int) string {
	b := make([]byte, 0, 4*len(at))
	for _, i := range at {
		b = append(b, byte(i), byte(i>>8), byte(i>>16), byte(i>>24))
	}
	return string(b)
}

// checkMargins attacks the hidden counts of a table by its totals, and looks for
// groups whose members are all alike.
// Source: SDAP handbook, secondary and group disclosure.
func (c *checker) checkMargins(t *table, columns []column, all []*margins) {
	for _, m := range all {
		if m.columns[len(m.columns)-1].role != count {
			continue // sums: their unit says nothing of persons
		}
		c.checkRemainders(t, m)
		if slices.ContainsFunc(m.grid.Cells, func(c cells.Cell) bool { return c.Hidden }) {
			c.attack(t, m)
		}
		c.checkGroups(m)
	}
	c.checkRowRemainders(t, columns)
}

// attack refuses hidden counts that the totals give back.
func (c *checker) attack(t *table, m *margins) {
	told := m.grid.Attack()
	for i := range m.grid.Cells {
		interval, ok := told[i]
		if !ok || !c.narrow(interval) {
			continue
		}
		c.refuseIn(t, m.at(i), "recomputable")
	}
}

// narrow says whether an attacker knows of a count under the minimum more than
// that it is one.
func (c *checker) narrow(i cells.Interval) bool {
	const rounding = 1e-6
	least := float64(c.rules.MinimumCell)
	return i.High > 0.5 && i.High < least-rounding && i.High-i.Low < least-2-rounding
}

// checkRemainders looks for rows that were left out and follow from a total.
func (c *checker) checkRemainders(t *table, m *margins) {
	flat, totals := m.plain()
	if flat == nil {
		return
	}
	for _, total := range totals {
		rest, hidden := restOf(m.grid.Cells, cells.Sum{Total: total, Parts: flat})
		if hidden == 0 && len(flat) > 1 && rest > 0.5 && rest < float64(c.rules.MinimumCell) {
			c.refuseIn(t, m.at(total), "remainder", "minimum", c.rules.MinimumCell)
		}
	}
}

// plain are the parts and the totals of a table of one dimension whose totals do
// not add up; nil otherwise.
func (m *margins) plain() (parts, totals []int) {
	if len(m.labels) != 1 || len(m.grid.Sums()) > 0 {
		return nil, nil
	}
	for i := range m.grid.Cells {
		if m.totals[0][m.grid.Coordinates(i)[0]] {
			totals = append(totals, i)
		} else {
			parts = append(parts, i)
		}
	}
	return parts, totals
}

// checkRowRemainders reviews a single part in each row whose rest up to the total
// is small: 95 of 100 survived tells of the 5.
func (c *checker) checkRowRemainders(t *table, columns []column) {
	counts := byRole(columns, count)
	if len(counts) != 2 || isTotal(counts[0].name) == isTotal(counts[1].name) {
		return
	}
	part, total := counts[0], counts[1]
	if isTotal(part.name) {
		part, total = total, part
	}
	for i := range t.rows {
		whole, ok1 := total.cells[i].value()
		some, ok2 := part.cells[i].value()
		if rest := whole - some; ok1 && ok2 && rest > 0 && rest < float64(c.rules.MinimumCell) {
			c.review(t.at(i, total), "remainder_row", "minimum", c.rules.MinimumCell)
		}
	}
}

var timeWords = set(`year annee month mois quarter trimestre week semaine day jour date period periode time temps`)

// checkGroups reviews groups of which all members, or none, are in one category.
func (c *checker) checkGroups(m *margins) {
	if len(m.labels) < 2 && len(m.grid.Sums()) == 0 {
		return
	}
	type group struct {
		filled, zeros, parts int
		one                  int
	}
	for d := range m.labels {
		isTime := slices.ContainsFunc(wordsOf(m.names[d]), func(w string) bool { return timeWords[w] })
		if m.nested[d] || isTime {
			continue
		}
		groups, order := map[string]*group{}, []*group{}
		for i, cell := range m.grid.Cells {
			at := m.grid.Coordinates(i)
			if m.totals[d][at[d]] {
				continue
			}
			at[d] = -1
			g := groups[keyOf(at)]
			if g == nil {
				g = &group{}
				groups[keyOf(at)] = g
				order = append(order, g)
			}
			g.parts++
			switch {
			case cell.Hidden || cell.Value > 0:
				g.filled++
				g.one = i
			default:
				g.zeros++
			}
		}
		zeros := 0
		for _, g := range order {
			if zeros += g.zeros; g.filled == 1 && g.parts > 1 && !m.grid.Cells[g.one].Hidden {
				c.review(m.at(g.one), "group")
			}
		}
		if zeros > 0 {
			c.review(m.table.as(m.columns[0]), "group_zeros", "n", zeros)
		}
	}
}
