package match

import "math/bits"

// layout says where in a pair's pattern, one integer, each comparison's level
// lies. A level's code is 0 where a side has no value, 1 for "else", and from 2
// on the levels of the spec, the weakest first.
type layout struct {
	shifts, sizes []int // of each comparison: how far up, and how many codes
	bits          int
}

func newLayout(comparisons []Comparison) layout {
	var l layout
	for _, c := range comparisons {
		size := len(c.Levels) + 2
		l.shifts = append(l.shifts, l.bits)
		l.sizes = append(l.sizes, size)
		l.bits += bits.Len(uint(size - 1))
	}
	return l
}

// code is the level of comparison k in a pattern.
func (l layout) code(pattern int64, k int) int {
	return int(pattern>>l.shifts[k]) & (1<<bits.Len(uint(l.sizes[k]-1)) - 1)
}

// sqlType holds a pattern.
func (l layout) sqlType() string {
	if l.bits > 31 {
		return "BIGINT"
	}
	return "INTEGER"
}
