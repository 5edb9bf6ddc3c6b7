package scan

// grouping is a number as it is written: groups of digits with single
// separators between them. A number may end after any of its groups.
type grouping struct {
	digits [20]byte
	sizes  [8]uint8
	ends   [8]int // where each group ends in the text
	count  int    // of groups
	alike  int    // how many of the groups one and the same separator joins
	by     byte   // that separator
}

// read reads the number at i; one of more than 15 digits together has no groups.
func (g *grouping) read(text []byte, i int) {
	g.count, g.alike, g.by = 0, 0, 0
	for n := 0; g.count < len(g.sizes); {
		stop := run(text, i, 16)
		size := stop - i
		if size == 0 || size > 15 || n+size > len(g.digits) {
			return
		}
		copy(g.digits[n:], text[i:stop])
		n += size
		g.sizes[g.count], g.ends[g.count] = uint8(size), stop
		if g.alike == g.count && (g.count < 2 || text[i-1] == g.by) {
			g.alike++
		}
		g.count++
		if stop >= len(text) || !separator(text[stop]) {
			return
		}
		if g.count == 1 {
			g.by = text[stop]
		}
		i = stop + 1
	}
}

func separator(c byte) bool { return c == ' ' || c == '.' || c == '-' || c == '/' }

// end returns where a number of the given groups ends that one and the same separator joins, or 0.
func (g *grouping) end(text []byte, sizes string) int {
	n := len(sizes)
	if g.alike < n {
		return 0
	}
	for k := range n {
		if g.sizes[k] != sizes[k]-'0' {
			return 0
		}
	}
	if end := g.ends[n-1]; ends(text, end) {
		return end
	}
	return 0
}
