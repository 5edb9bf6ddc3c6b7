package query

import (
	"math"
	"slices"
)

// Vector is what each person adds to one number: a count has how many rows, a sum how much.
// A number that is told is the sum of its vector, so what can be computed of two numbers
// is about the persons whose contributions differ.
type Vector struct {
	Persons []int64   // ascending
	Weights []float64 // nil: 1 of each
}

func (v Vector) weight(i int) float64 {
	if v.Weights == nil {
		return 1
	}
	return v.Weights[i]
}

// compact leaves out weights that are all 1.
func (v Vector) compact() Vector {
	if v.Weights != nil && !slices.ContainsFunc(v.Weights, func(w float64) bool { return w != 1 }) {
		v.Weights = nil
	}
	return v
}

// differ says whether two weights are not the same, but for rounding.
func differ(a, b float64) bool {
	return a != b && math.Abs(a-b) > 1e-9*(math.Abs(a)+math.Abs(b))
}

// everybody is all persons of a space, who are numbered from 1.
func everybody(n int64) Vector {
	v := Vector{Persons: make([]int64, n)}
	for i := range v.Persons {
		v.Persons[i] = int64(i) + 1
	}
	return v
}

// alike says whether two vectors are the same.
func alike(a, b Vector) bool {
	if !slices.Equal(a.Persons, b.Persons) {
		return false
	}
	for i := range a.Persons {
		if differ(a.weight(i), b.weight(i)) {
			return false
		}
	}
	return true
}

// near says whether two numbers differ by what fewer than least persons contribute, but by
// somebody: their difference would tell of those few. So it does where the persons of one are
// among those of the other, but for fewer than least, whatever is added up of them.
func near(a, b Vector, least int) bool {
	differing, onlyA, onlyB := 0, 0, 0
	i, j := 0, 0
	for i < len(a.Persons) || j < len(b.Persons) {
		switch {
		case j == len(b.Persons) || i < len(a.Persons) && a.Persons[i] < b.Persons[j]:
			onlyA++
			differing++
			i++
		case i == len(a.Persons) || b.Persons[j] < a.Persons[i]:
			onlyB++
			differing++
			j++
		default:
			if differ(a.weight(i), b.weight(j)) {
				differing++
			}
			i, j = i+1, j+1
		}
		if differing >= least && (onlyA > 0 && onlyB > 0 || onlyA >= least || onlyB >= least) {
			return false
		}
	}
	few := func(n int) bool { return n > 0 && n < least }
	return few(differing) || onlyA == 0 && few(onlyB) || onlyB == 0 && few(onlyA)
}

// cancels says whether a + b - c is about fewer than least persons, but about somebody: the
// trackers of Denning, Denning and Schwartz are such sums.
func cancels(a, b, c Vector, least int) bool {
	left := 0
	i, j, k := 0, 0, 0
	for i < len(a.Persons) || j < len(b.Persons) || k < len(c.Persons) {
		p := int64(math.MaxInt64)
		for _, next := range []struct {
			v  *Vector
			at int
		}{{&a, i}, {&b, j}, {&c, k}} {
			if next.at < len(next.v.Persons) {
				p = min(p, next.v.Persons[next.at])
			}
		}
		sum, size := 0.0, 0.0
		if i < len(a.Persons) && a.Persons[i] == p {
			sum, size, i = sum+a.weight(i), size+math.Abs(a.weight(i)), i+1
		}
		if j < len(b.Persons) && b.Persons[j] == p {
			sum, size, j = sum+b.weight(j), size+math.Abs(b.weight(j)), j+1
		}
		if k < len(c.Persons) && c.Persons[k] == p {
			sum, size, k = sum-c.weight(k), size+math.Abs(c.weight(k)), k+1
		}
		if math.Abs(sum) > 1e-9*size {
			if left++; left >= least {
				return false
			}
		}
	}
	return left > 0
}

// add is the sum of vectors.
func add(all []Vector) Vector {
	weights := map[int64]float64{}
	for _, v := range all {
		for i, p := range v.Persons {
			weights[p] += v.weight(i)
		}
	}
	sum := Vector{Persons: make([]int64, 0, len(weights))}
	for p := range weights {
		sum.Persons = append(sum.Persons, p)
	}
	slices.Sort(sum.Persons)
	sum.Weights = make([]float64, len(sum.Persons))
	for i, p := range sum.Persons {
		sum.Weights[i] = weights[p]
	}
	return sum.compact()
}

// within is how many of a's persons are among b's.
func within(a, b Vector) (n int) {
	j := 0
	for _, p := range a.Persons {
		for j < len(b.Persons) && b.Persons[j] < p {
			j++
		}
		if j < len(b.Persons) && b.Persons[j] == p {
			n++
		}
	}
	return n
}

// ToldColumn is one number of each group that an answer told, which may be added up.
type ToldColumn struct {
	Question int // in the history
	Cells    []Vector
}

// sumNear says whether those of the cells whose persons are mostly v's add up to a number
// that is near v.
func (t ToldColumn) sumNear(v Vector, least int) bool {
	var inside []Vector
	for _, c := range t.Cells {
		if 2*within(c, v) > len(c.Persons) {
			inside = append(inside, c)
		}
	}
	return len(inside) > 1 && near(add(inside), v, least)
}

// guard compares what is about to be told with what was told before.
type guard struct {
	least   int
	all     Vector
	earlier []ToldColumn
}

// What a number may be in conflict with, beside an earlier question.
const (
	withEverybody = 0  // who is in the space is known
	withItself    = -1 // another number of the same answer
)

// conflict finds the earlier question with whose numbers a new one would tell of fewer
// persons than least. What was told before in the very same way may be told again.
func (g *guard) conflict(v Vector) (with int, found bool) {
	var told []Vector
	var of []int
	for _, t := range g.earlier {
		for _, c := range t.Cells {
			if alike(c, v) {
				return 0, false
			}
			told, of = append(told, c), append(of, t.Question)
		}
	}
	if v.Weights == nil && near(v, g.all, g.least) {
		return withEverybody, true
	}
	for i, t := range told {
		if near(v, t, g.least) {
			return of[i], true
		}
	}
	for _, t := range g.earlier {
		if len(t.Cells) > 1 && t.sumNear(v, g.least) {
			return t.Question, true
		}
	}
	told, of = append(told, g.all), append(of, 0)
	for i, t := range told {
		for j, u := range told {
			if i < j && cancels(t, u, v, g.least) || i != j && cancels(v, t, u, g.least) {
				return max(of[i], of[j]), true
			}
		}
	}
	return 0, false
}

// conflictOfColumn finds the earlier question with which the sum of a new answer's cells would tell
// of too few.
func (g *guard) conflictOfColumn(cells []Vector) (with int, found bool) {
	if len(cells) < 2 {
		return 0, false
	}
	whole := add(cells)
	if whole.Weights == nil && near(whole, g.all, g.least) {
		return withEverybody, true
	}
	for _, t := range g.earlier {
		for _, c := range t.Cells {
			if near(whole, c, g.least) || (ToldColumn{Cells: cells}).sumNear(c, g.least) {
				return t.Question, true
			}
		}
		if len(t.Cells) > 1 && near(whole, add(t.Cells), g.least) {
			return t.Question, true
		}
	}
	return 0, false
}
