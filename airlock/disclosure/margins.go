package disclosure

import (
	"math"
	"slices"
)

// totalRows marks the rows that are labelled as totals.
func (t *table) totalRows() []bool {
	marks := make([]bool, len(t.rows))
	for i, row := range t.rows {
		marks[i] = slices.ContainsFunc(row, isTotal)
	}
	return marks
}

// checkShares computes the count that a share implies where its denominator
// stands in the row: 0.4 % of 1,000 is 4 persons.
func (c *checker) checkShares(t *table, columns []column) {
	counts := byRole(columns, count)
	if len(counts) == 0 {
		return
	}
	totals := t.totalRows()
	for _, col := range byRole(columns, share) {
		scale, ok := col.scale()
		if !ok || col.explained(counts, scale, totals) {
			continue
		}
		denominator, certain := denominatorOf(counts)
		for i, cell := range col.cells {
			p, ok1 := cell.value()
			n, ok2 := denominator.cells[i].value()
			if ok1 && ok2 {
				c.checkShare(t.at(i, col), p/scale, cell.step/scale, n, certain, denominator.name)
			}
		}
	}
}

// checkShare examines a share p of n persons, exact to within step, and the rest
// of them.
func (c *checker) checkShare(at place, p, step, n float64, certain bool, denominator string) {
	if p <= 0 || p >= 1 {
		return
	}
	smaller := min(p, 1-p) * n
	if smaller >= float64(c.rules.MinimumCell)-0.5 {
		return
	}
	code, pairs := "implied-count", []any{"minimum", c.rules.MinimumCell}
	name := showable(denominator)
	if name != "" {
		pairs = append(pairs, "column", name)
	}
	switch sure := certain && smaller+step*n < float64(c.rules.MinimumCell); {
	case sure && name != "":
		code = "implied-count_of"
	case !sure && name != "":
		code = "implied-count_maybe-of"
	case !sure:
		code = "implied-count_maybe"
	}
	if certain && smaller+step*n < float64(c.rules.MinimumCell) {
		c.refuse(at, code, pairs...)
		return
	}
	c.review(at, code, pairs...)
}

// scale is what the column's shares are parts of: 1, 100, or the number after
// "per" in its name. It is not known where values exceed it.
func (col *column) scale() (float64, bool) {
	largest := 0.0
	for _, r := range col.cells {
		if v, ok := r.value(); ok {
			largest = max(largest, v)
		}
	}
	scale := 100.0
	w := wordsOf(col.name)
	if i := slices.Index(w, "per"); i >= 0 && i+1 < len(w) {
		v, ok := read(w[i+1]).value()
		if !ok || v < 1 {
			return 0, false
		}
		scale = v
	} else if largest <= 1 {
		scale = 1
	}
	return scale, largest <= scale
}

// denominatorOf picks the count that shares are most likely parts of: one that
// is named a total (certain), else the last one.
func denominatorOf(counts []column) (column, bool) {
	for _, col := range counts {
		if isDenominator(col.name) {
			return col, true
		}
	}
	return counts[len(counts)-1], false
}

// explained says whether the shares only repeat counts that stand in the table,
// and are examined there: a count over another of its row, or over its column's sum.
func (col *column) explained(counts []column, scale float64, totals []bool) bool {
	for _, a := range counts {
		if sum := a.sum(totals); sum > 0 && col.equals(scale, func(i int) (float64, bool) {
			v, ok := a.cells[i].value()
			return v / sum, ok
		}) {
			return true
		}
		for _, b := range counts {
			if a.index != b.index && col.equals(scale, func(i int) (float64, bool) {
				v, ok := a.cells[i].value()
				n, ok2 := b.cells[i].value()
				rest := n - v
				return v / n, ok && ok2 && n > 0 && rest >= 0
			}) {
				return true
			}
		}
	}
	return false
}

// equals says whether every share is what of gives for its row, up to rounding.
func (col *column) equals(scale float64, of func(row int) (float64, bool)) bool {
	compared := false
	for i, cell := range col.cells {
		p, ok := cell.value()
		if !ok {
			continue
		}
		want, ok := of(i)
		if !ok || math.Abs(p/scale-want) > 1.01*cell.step/scale+1e-9 {
			return false
		}
		compared = true
	}
	return compared
}

// sum adds the column up without its total rows.
func (col *column) sum(totals []bool) float64 {
	sum := 0.0
	for i, r := range col.cells {
		if v, ok := r.value(); ok && !totals[i] {
			sum += v
		}
	}
	return sum
}
