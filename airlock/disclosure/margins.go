package disclosure

import (
	"fmt"
	"math"
	"slices"
)

// checkMargins looks for suppressed counts that follow from the totals of the
// table, down each column and along each row, and for remainders that are small.
// Source: SDAP handbook, secondary disclosure.
func (c *checker) checkMargins(t *table, counts []column) {
	totals := t.totalRows()
	for _, col := range counts {
		for _, segment := range segments(totals) {
			parts := make([]reading, 0, len(segment.parts))
			for _, row := range segment.parts {
				parts = append(parts, col.cells[row])
			}
			c.checkSum(t.at(segment.total, col), col.cells[segment.total], parts)
		}
	}
	for i := range t.rows {
		var total *column
		var parts []reading
		for k := range counts {
			if isTotal(counts[k].name) && total == nil {
				total = &counts[k]
				continue
			}
			parts = append(parts, counts[k].cells[i])
		}
		if total == nil {
			continue
		}
		at := t.at(i, *total)
		c.checkSum(at, total.cells[i], parts)
		c.checkRemainder(at, total.cells[i], parts)
	}
}

// checkSum reviews suppressed parts that their total gives away.
func (c *checker) checkSum(at place, total reading, parts []reading) {
	rest, ok := total.value()
	hidden := 0
	for _, p := range parts {
		switch v, readable := p.value(); {
		case readable:
			rest -= v
		default:
			hidden++
		}
	}
	switch {
	case !ok || hidden == 0 || rest < 0:
	case hidden == 1:
		c.review(at, "recomputable", "the one suppressed count follows from this total and its other parts: suppress a second one, or the total")
	case rest < float64(c.rules.MinimumCell):
		c.review(at, "recomputable", "the suppressed counts together are under the minimum of %d, as this total and its other parts tell: suppress one more, or the total",
			c.rules.MinimumCell)
	}
}

// checkRemainder reviews a single part whose rest up to the total is small:
// 95 of 100 survived tells of the 5.
func (c *checker) checkRemainder(at place, total reading, parts []reading) {
	if len(parts) != 1 {
		return
	}
	whole, ok1 := total.value()
	part, ok2 := parts[0].value()
	if rest := whole - part; ok1 && ok2 && rest > 0 && rest < float64(c.rules.MinimumCell) {
		c.review(at, "remainder", "the rest of this total is under the minimum of %d: coarsen, unless nobody is in the rest who is not counted elsewhere",
			c.rules.MinimumCell)
	}
}

// totalRows marks the rows that are labelled as totals.
func (t *table) totalRows() []bool {
	marks := make([]bool, len(t.rows))
	for i, row := range t.rows {
		marks[i] = slices.ContainsFunc(row, isTotal)
	}
	return marks
}

// segment is a total row with the rows that it sums.
type segment struct {
	total int
	parts []int
}

// segments gives each total the rows before it, back to the total before; where
// the table opens with a total, the rows after it; a lone total sums all others.
func segments(totals []bool) []segment {
	var out []segment
	var parts []int
	leading := len(totals) > 0 && totals[0]
	for i, isTotal := range totals {
		switch {
		case !isTotal && leading && len(out) > 0:
			out[len(out)-1].parts = append(out[len(out)-1].parts, i)
		case !isTotal:
			parts = append(parts, i)
		default:
			out = append(out, segment{total: i, parts: parts})
			parts = nil
		}
	}
	if len(out) == 1 && !leading {
		out[0].parts = append(out[0].parts, parts...)
	}
	return out
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
	of := "its denominator"
	if name := showable(denominator); name != "" {
		of = fmt.Sprintf("column %s", name)
	}
	if certain && smaller+step*n < float64(c.rules.MinimumCell) {
		c.refuse(at, "implied-count", "with %s, this share gives a count under the minimum of %d: merge categories, or drop the row", of, c.rules.MinimumCell)
		return
	}
	c.review(at, "implied-count", "with %s, this share may give a count under the minimum of %d: round it, or merge categories", of, c.rules.MinimumCell)
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
	w := words(col.name)
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
