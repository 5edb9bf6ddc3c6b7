package cells

import "math"

// Count is a cell of persons: one under the minimum, and not 0, is hidden, and
// nobody may be able to tell that anybody is there, nor that fewer than the
// minimum are.
func Count(n float64, minimum int) Cell {
	c := Cell{Value: n, Most: math.Inf(1)}
	if n > 0 && n < float64(minimum) {
		c.Hidden, c.Low, c.High = true, n, float64(minimum)-n
	}
	return c
}

// Dominance are the rules for a sum of what persons contributed: a cell is
// hidden where its N largest contributions are more than K per cent of it, or where the
// second largest contributor could tell the largest to within P per cent.
type Dominance struct {
	N int     // how many of the largest; 0: no such rule
	K float64 // per cent
	P float64 // per cent; 0: no such rule
}

// Standard are the rules that acro applies: the two largest at most 90 %, and p = 10 %.
var Standard = Dominance{N: 2, K: 90, P: 10}

// Concentrated says whether the largest contributions break the (n,k) rule.
// They are descending, and what is not in largest is told by total alone.
func (d Dominance) Concentrated(total float64, largest []float64) bool {
	return d.N > 0 && total > 0 && top(largest, d.N)*100 > d.K*total
}

// Estimable says whether the contributions break the p% rule.
func (d Dominance) Estimable(total float64, largest []float64) bool {
	return d.P > 0 && len(largest) > 0 && largest[0] > 0 && total-top(largest, 2) < d.P/100*largest[0]
}

// Sum is a cell of contributions, with the protection levels that the handbook
// gives for the rules (Hundepool et al., table 4.4): what must be added so that it
// would not break them.
func (d Dominance) Sum(total float64, largest []float64) Cell {
	c := Cell{Value: total, Most: math.Inf(1)}
	level := 0.0
	if d.Concentrated(total, largest) {
		level = 100/d.K*top(largest, d.N) - total
	}
	if d.Estimable(total, largest) {
		level = max(level, d.P/100*largest[0]-(total-top(largest, 2)))
	}
	if level > 0 {
		c.Hidden, c.Low, c.High = true, min(level, total), level
	}
	return c
}

func top(largest []float64, n int) (sum float64) {
	for _, v := range largest[:min(n, len(largest))] {
		sum += v
	}
	return sum
}
