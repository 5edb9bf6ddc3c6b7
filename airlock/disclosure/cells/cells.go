// Package cells protects the cells of a table of counts or sums that has margins,
// and attacks what is left of such a table.
//
// A [Grid] is a table over one or more [Dimension]s, each a tree of categories: a
// total is the parent of what it sums. Some cells are told, some are hidden, and a
// cell that needs protection has an interval from Value-Low to Value+High that an
// attacker who knows all told cells and the sums must not be able to narrow.
//
//	minimum count, dominance, p% ─► Low, High of the primary cells   (levels.go)
//	[Grid.Protect]               ─► which further cells to hide      (protect.go)
//	[Grid.Attack]                ─► what an attacker can tell         (attack.go)
//
// Protect is the hypercube method (Repsilber 1994; Giessing and Repsilber, "Tools
// and Strategies to Protect Multiple Tables with the GHQUAR Cell Suppression
// Engine", 2002, known as GHMITER in τ-ARGUS), extended to hierarchies by taking a
// path through the tree where the method takes an edge. Each hypercube is a proof:
// with alternating signs on its corners it is another table with the same told
// cells, in which the primary cell has the other end of its interval. So the
// protection holds by construction and not by a search that may have been too
// short; [Grid.Verify] checks the proofs in exact numbers.
//
// Attack is the interval attack: the smallest and largest value of each hidden
// cell, by linear programming where the hidden cells that hang together are few
// ([MaxExact]), else by repeated sums (the shuttle algorithm of Buzzigoli and
// Giusti, 1999), which may leave an interval wider than it is, never narrower.
//
// The method hides more cells than the optimum does (Fischetti and Salazar, 2001,
// solve it by branch and cut), and knows no attacker who contributes to a cell and
// subtracts himself: p% with its two largest contributions is about him.
//
// Source: Hundepool et al., "Handbook on Statistical Disclosure Control", chapter 4.
package cells

import (
	"fmt"
	"math"
)

// Dimension is one way in which a table is divided: categories, each with the
// index of the total that it is part of, or -1.
type Dimension struct {
	Parent []int
}

// Flat is a dimension of n categories and, where total is true, one total at index n.
func Flat(n int, total bool) Dimension {
	d := Dimension{Parent: make([]int, n, n+1)}
	for i := range d.Parent {
		d.Parent[i] = -1
		if total {
			d.Parent[i] = n
		}
	}
	if total {
		d.Parent = append(d.Parent, -1)
	}
	return d
}

// Cell is one number of a table.
type Cell struct {
	Value  float64 // NaN where it is not known
	Hidden bool    // an attacker does not see it
	// An attacker knows without the table that it is at least Least and at most Most.
	Least, Most float64
	// Low and High are how far below and above its value no attacker may be able
	// to exclude; both 0 for a cell that needs no protection.
	Low, High float64
}

// primary says whether the cell needs protection.
func (c *Cell) primary() bool { return c.Low > 0 || c.High > 0 }

// MaxCells is how many places a grid may have: the product of its dimensions.
const MaxCells = 4 << 20

// Grid is a table. Places that the table does not have are empty.
type Grid struct {
	dimensions []tree
	strides    []int
	at         []int32 // place to cell, or -1
	place      []int32 // cell to place
	Cells      []Cell
}

// tree is a dimension with what follows from it.
type tree struct {
	parent   []int
	children [][]int
	selves   []int32     // every node by itself
	ways     [][][]int32 // of each node, every way down to a leaf, without the node
}

// New makes an empty grid. The error says that it is too large or no forest.
func New(dimensions ...Dimension) (*Grid, error) {
	g := &Grid{}
	size := 1
	for n, d := range dimensions {
		if len(d.Parent) == 0 {
			return nil, fmt.Errorf("dimension %d has no category", n+1)
		}
		t, err := newTree(d.Parent)
		if err != nil {
			return nil, fmt.Errorf("dimension %d: %w", n+1, err)
		}
		g.dimensions = append(g.dimensions, t)
		g.strides = append(g.strides, size)
		if size *= len(d.Parent); size > MaxCells {
			return nil, fmt.Errorf("a table with more than %d places", MaxCells)
		}
	}
	g.at = make([]int32, size)
	for i := range g.at {
		g.at[i] = -1
	}
	return g, nil
}

func newTree(parent []int) (tree, error) {
	t := tree{parent: parent, children: make([][]int, len(parent))}
	for i, p := range parent {
		t.selves = append(t.selves, int32(i))
		if p < -1 || p >= len(parent) {
			return t, fmt.Errorf("category %d has no total %d", i, p)
		}
		steps := 0
		for up := p; up >= 0; up = parent[up] {
			if steps++; steps > len(parent) {
				return t, fmt.Errorf("category %d is part of itself", i)
			}
		}
		if p >= 0 {
			t.children[p] = append(t.children[p], i)
		}
	}
	t.ways = make([][][]int32, len(parent))
	return t, nil
}

// down lists the ways from a node to a leaf, without the node.
func (t *tree) down(u int) [][]int32 {
	if t.ways[u] == nil {
		if len(t.children[u]) == 0 {
			t.ways[u] = [][]int32{{}}
		}
		for _, c := range t.children[u] {
			for _, way := range t.down(c) {
				t.ways[u] = append(t.ways[u], append([]int32{int32(c)}, way...))
			}
		}
	}
	return t.ways[u]
}

// Add puts a cell at its coordinates, one category a dimension, and returns its
// index in Cells. A second cell at one place is an error.
func (g *Grid) Add(c Cell, coordinates ...int) (int, error) {
	p, err := g.placeOf(coordinates)
	if err != nil {
		return 0, err
	}
	if g.at[p] >= 0 {
		return 0, fmt.Errorf("a second cell at %v", coordinates)
	}
	g.at[p] = int32(len(g.Cells))
	g.Cells = append(g.Cells, c)
	g.place = append(g.place, int32(p))
	return len(g.Cells) - 1, nil
}

// Find returns the index of the cell at the coordinates, or -1.
func (g *Grid) Find(coordinates ...int) int {
	p, err := g.placeOf(coordinates)
	if err != nil {
		return -1
	}
	return int(g.at[p])
}

// Coordinates are the categories of a cell, one a dimension.
func (g *Grid) Coordinates(cell int) (at []int) {
	for d := range g.dimensions {
		at = append(at, g.coordinate(int(g.place[cell]), d))
	}
	return at
}

func (g *Grid) placeOf(coordinates []int) (int, error) {
	if len(coordinates) != len(g.dimensions) {
		return 0, fmt.Errorf("%d coordinates in %d dimensions", len(coordinates), len(g.dimensions))
	}
	p := 0
	for d, c := range coordinates {
		if c < 0 || c >= len(g.dimensions[d].parent) {
			return 0, fmt.Errorf("no category %d in dimension %d", c, d+1)
		}
		p += c * g.strides[d]
	}
	return p, nil
}

// coordinate is the category of a place in a dimension.
func (g *Grid) coordinate(place, d int) int {
	return place / g.strides[d] % len(g.dimensions[d].parent)
}

// Sum says that one cell is the sum of others.
type Sum struct {
	Total     int
	Parts     []int
	Dimension int // along which it adds up
}

// Sums lists what the margins say: every cell that is the total of others in
// one dimension. Totals that the table does not have are what they sum; other
// places that it does not have count as 0.
func (g *Grid) Sums() (sums []Sum) {
	for total, place := range g.place {
		for d, t := range g.dimensions {
			at := g.coordinate(int(place), d)
			s := Sum{Total: total, Dimension: d}
			for _, child := range t.children[at] {
				s.Parts = g.present(s.Parts, int(place)+(child-at)*g.strides[d])
			}
			if len(s.Parts) > 0 {
				sums = append(sums, s)
			}
		}
	}
	return sums
}

// present adds the cell at a place, or what it sums where the table has no such total.
func (g *Grid) present(parts []int, place int) []int {
	if i := g.at[place]; i >= 0 {
		return append(parts, int(i))
	}
	for d, t := range g.dimensions {
		at := g.coordinate(place, d)
		if len(t.children[at]) == 0 {
			continue
		}
		for _, child := range t.children[at] {
			parts = g.present(parts, place+(child-at)*g.strides[d])
		}
		return parts
	}
	return parts
}

// known is a number that stands there.
func known(v float64) bool { return !math.IsNaN(v) }
