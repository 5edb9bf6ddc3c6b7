package cells

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// Interval is what an attacker can tell of a cell: it lies from Low to High.
type Interval struct {
	Low, High float64
	Exact     bool // by linear programming: no better attack from these sums
}

// MaxExact is how many hidden cells that hang together are attacked by linear
// programming.
const MaxExact = 40

// Attack returns what can be told of each hidden cell from the told ones and the
// sums, by index in Cells.
func (g *Grid) Attack() map[int]Interval { return Attack(g.Cells, g.Sums()) }

// Attack is the attack on cells and sums that are no grid. Sums that the told
// cells contradict are left out.
func Attack(all []Cell, sums []Sum) map[int]Interval {
	a := attack{found: map[int]Interval{}}
	for i, c := range all {
		if c.Hidden {
			a.found[i] = Interval{Low: c.Least, High: c.Most}
		}
	}
	for _, s := range sums {
		if e, ok := reduce(all, s); ok {
			a.equations = append(a.equations, e)
		}
	}
	a.shuttle()
	for _, part := range a.parts() {
		if len(part.cells) <= MaxExact {
			a.solve(part)
		}
	}
	return a.found
}

type attack struct {
	equations []equation
	found     map[int]Interval
}

// equation says that hidden cells, with signs, add up to a number.
type equation struct {
	cells []int
	signs []float64
	value float64
}

// reduce moves what is told to the right side: parts - total = -(told).
func reduce(all []Cell, s Sum) (e equation, ok bool) {
	term := func(i int, sign float64) bool {
		if c := all[i]; c.Hidden {
			e.cells, e.signs = append(e.cells, i), append(e.signs, sign)
		} else if known(c.Value) {
			e.value -= sign * c.Value
		} else {
			return false
		}
		return true
	}
	if !term(s.Total, -1) {
		return e, false
	}
	for _, p := range s.Parts {
		if !term(p, 1) {
			return e, false
		}
	}
	return e, len(e.cells) > 0
}

// shuttle narrows the intervals by each equation until nothing moves.
func (a *attack) shuttle() {
	const enough = 1e-9
	for moved, rounds := true, 0; moved && rounds < 100; rounds++ {
		moved = false
		for _, e := range a.equations {
			for k, cell := range e.cells {
				low, high := e.value, e.value // of sign_k × cell
				for j, other := range e.cells {
					if j == k {
						continue
					}
					least, most := a.found[other].times(e.signs[j])
					low, high = low-most, high-least
				}
				now := a.found[cell]
				least, most := (Interval{Low: low, High: high}).times(e.signs[k])
				next := Interval{Low: max(now.Low, least), High: min(now.High, most)}
				if next.Low > next.High { // the table contradicts itself
					continue
				}
				if next.Low > now.Low+enough || next.High < now.High-enough {
					a.found[cell], moved = next, true
				}
			}
		}
	}
}

func (i Interval) times(sign float64) (low, high float64) {
	if sign < 0 {
		return -i.High, -i.Low
	}
	return i.Low, i.High
}

// part is a set of hidden cells that hang together, with their equations.
type part struct {
	cells     []int
	equations []equation
}

// parts splits the hidden cells by what connects them.
func (a *attack) parts() []part {
	root := map[int]int{}
	var find func(int) int
	find = func(i int) int {
		if r, ok := root[i]; ok && r != i {
			root[i] = find(r)
			return root[i]
		}
		return i
	}
	for _, e := range a.equations {
		for _, c := range e.cells[1:] {
			root[find(c)] = find(e.cells[0])
		}
	}
	index, out := map[int]int{}, []part{}
	for _, e := range a.equations {
		r := find(e.cells[0])
		if _, ok := index[r]; !ok {
			index[r] = len(out)
			out = append(out, part{})
		}
		p := &out[index[r]]
		p.equations = append(p.equations, e)
		p.cells = append(p.cells, e.cells...)
	}
	for i := range out {
		slices.Sort(out[i].cells)
		out[i].cells = slices.Compact(out[i].cells)
	}
	return out
}

// solve finds the exact intervals of one part.
func (a *attack) solve(p part) {
	rows := p.independent()
	column := map[int]int{}
	for i, c := range p.cells {
		column[c] = i
	}
	n := len(p.cells)
	bounded := []int{}
	for i, c := range p.cells {
		if !math.IsInf(a.found[c].High, 1) {
			bounded = append(bounded, i)
		}
	}
	width := n + len(bounded)
	matrix := mat.NewDense(max(1, len(rows)+len(bounded)), width, nil)
	right := make([]float64, len(rows)+len(bounded))
	for r, e := range rows { // cells stand as Low + x, x ≥ 0
		right[r] = e.value
		for k, c := range e.cells {
			matrix.Set(r, column[c], e.signs[k])
			right[r] -= e.signs[k] * a.found[c].Low
		}
	}
	for b, i := range bounded {
		r := len(rows) + b
		matrix.Set(r, i, 1)
		matrix.Set(r, n+b, 1)
		right[r] = a.found[p.cells[i]].High - a.found[p.cells[i]].Low
	}
	for i, c := range p.cells {
		low, okLow := extreme(matrix, right, width, i, 1)
		high, okHigh := extreme(matrix, right, width, i, -1)
		if !okLow || !okHigh {
			continue // what repeated sums told stands
		}
		was := a.found[c]
		a.found[c] = Interval{Low: was.Low + low, High: was.Low - high, Exact: true}
	}
}

// extreme is the smallest sign × x_i.
func extreme(matrix *mat.Dense, right []float64, width, i int, sign float64) (value float64, ok bool) {
	if len(right) == 0 {
		return 0, false
	}
	defer func() { // the library panics where it meets a singular basis
		if recover() != nil {
			ok = false
		}
	}()
	goal := make([]float64, width)
	goal[i] = sign
	value, _, err := lp.Simplex(goal, matrix, right, 1e-9, nil)
	if errors.Is(err, lp.ErrUnbounded) {
		return math.Inf(-1), true
	}
	return value, err == nil
}

// independent leaves out equations that follow from others.
func (p *part) independent() (rows []equation) {
	column := map[int]int{}
	for i, c := range p.cells {
		column[c] = i
	}
	var basis [][]float64 // in echelon form
	var pivots []int
	for _, e := range p.equations {
		v := make([]float64, len(p.cells))
		for k, c := range e.cells {
			v[column[c]] += e.signs[k]
		}
		for b, row := range basis {
			if f := v[pivots[b]]; f != 0 {
				for i := range v {
					v[i] -= f * row[i]
				}
			}
		}
		pivot := -1
		for i, x := range v {
			if math.Abs(x) > 1e-9 {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		scale := v[pivot]
		for i := range v {
			v[i] /= scale
		}
		basis, pivots = append(basis, v), append(pivots, pivot)
		rows = append(rows, e)
	}
	return rows
}
