package cells

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// path is a way to change the categories of a dimension so that all its totals
// still hold: what a leaf gains, its totals gain, up to where the totals of another
// leaf lose as much, or out at the top.
type path struct {
	plus, minus []int32
}

// paths lists the ways that go through node u with a plus.
func (t *tree) paths(u int, out []path) []path {
	for _, below := range t.down(u) {
		plus := append([]int32{int32(u)}, below...)
		for child, a := u, t.parent[u]; ; child, a = a, t.parent[a] {
			if a < 0 {
				out = append(out, path{plus: plus})
				break
			}
			for _, sibling := range t.children[a] {
				if sibling == child {
					continue
				}
				for _, way := range t.down(sibling) {
					minus := t.selves[sibling : sibling+1]
					if len(way) > 0 {
						minus = append([]int32{int32(sibling)}, way...)
					}
					out = append(out, path{plus: plus, minus: minus})
				}
			}
			plus = append(slices.Clone(plus), int32(a))
		}
	}
	return out
}

// Proof is why a primary cell is protected: adding Up to the corners, or adding
// Down, gives another table with the same told cells. At the cell itself Up is
// what it needs above its value, and Down, negative, what it needs below.
type Proof struct {
	Cell     int
	Corners  []int
	Up, Down []float64 // of each corner
}

// Plan is what Protect found.
type Plan struct {
	Hide    []int   // further cells that are to be hidden, in the order in which they were chosen
	Proofs  []Proof // one for each primary cell
	Overall float64 // the sum of the values that Hide takes away
}

// Protect chooses further cells to hide, and hides them, so that each primary
// cell is protected. Of all hypercubes that protect a cell it takes the one that
// hides the least in value. Where there is none, the
// cell goes down with all that it sums, and up with the largest of these, and with all its totals.
func (g *Grid) Protect() Plan {
	var plan Plan
	var primaries []int
	for i := range g.Cells {
		if g.Cells[i].primary() {
			g.Cells[i].Hidden = true
			primaries = append(primaries, i)
		}
	}
	slices.SortStableFunc(primaries, func(a, b int) int { return cmp.Compare(g.Cells[b].High, g.Cells[a].High) })
	s := &search{grid: g}
	for _, p := range primaries {
		proof := s.protect(p)
		for _, corner := range proof.Corners {
			if c := &g.Cells[corner]; !c.Hidden {
				c.Hidden = true
				plan.Hide = append(plan.Hide, corner)
				if known(c.Value) {
					plan.Overall += c.Value
				}
			}
		}
		plan.Proofs = append(plan.Proofs, proof)
	}
	return plan
}

// search finds the cheapest hypercube of one cell.
type search struct {
	grid   *Grid
	cell   int
	place  int
	low    float64
	high   float64
	best   float64
	chosen []path // of each dimension, the best so far
	now    []path
	paths  []path
	ways   [][]step // of each dimension, the cheapest first
	all    [][]step
}

// step is a path with what its corners cost in its own dimension alone.
type step struct {
	path
	cost float64
}

func (s *search) protect(cell int) Proof {
	g := s.grid
	c := g.Cells[cell]
	s.cell, s.place, s.low, s.high, s.best = cell, int(g.place[cell]), c.Low, c.High, math.Inf(1)
	n := len(g.dimensions)
	if s.ways == nil {
		s.chosen, s.now, s.ways = make([]path, n), make([]path, n), make([][]step, n)
		s.all = make([][]step, n)
	}
	for d := range g.dimensions {
		t := &g.dimensions[d]
		u := g.coordinate(s.place, d)
		s.ways[d] = s.all[d][:0]
		s.paths = t.paths(u, s.paths[:0])
		for _, p := range s.paths {
			if cost := s.lineCost(d, u, p); !math.IsInf(cost, 1) {
				s.ways[d] = append(s.ways[d], step{p, cost})
			}
		}
		s.all[d] = s.ways[d]
		s.ways[d] = freeFirst(s.ways[d])
	}
	if s.choose(0, 0); s.best > 0 { // what is hidden already is not enough
		for d, ways := range s.all {
			slices.SortFunc(ways, func(a, b step) int { return cmp.Compare(a.cost, b.cost) })
			s.ways[d] = ways
		}
		s.choose(0, 0)
	}
	if math.IsInf(s.best, 1) {
		return s.lastResort()
	}
	return s.proof()
}

// freeFirst moves the ways that cost nothing to the front, and returns them.
func freeFirst(ways []step) []step {
	n := 0
	for i := range ways {
		if ways[i].cost == 0 {
			ways[i], ways[n] = ways[n], ways[i]
			n++
		}
	}
	return ways[:n]
}

// lineCost is what the corners in one dimension cost, all others at the cell.
func (s *search) lineCost(d, u int, p path) (sum float64) {
	for _, node := range p.plus {
		sum += s.corner(s.place+(int(node)-u)*s.grid.strides[d], false)
	}
	for _, node := range p.minus {
		sum += s.corner(s.place+(int(node)-u)*s.grid.strides[d], true)
	}
	return sum
}

// corner is what hiding the cell at a place costs: infinitely much where it
// cannot move as far as it must.
func (s *search) corner(place int, minus bool) float64 {
	i := s.grid.at[place]
	if i < 0 {
		if minus {
			return math.Inf(1) // a place that the table does not have is taken for 0
		}
		return s.absent(place)
	}
	c := &s.grid.Cells[i]
	if int(i) == s.cell {
		return 0
	}
	if !known(c.Value) {
		return math.Inf(1)
	}
	down, up := s.low, s.high
	if minus {
		down, up = s.high, s.low
	}
	if c.Value-down < c.Least || c.Value+up > c.Most {
		return math.Inf(1)
	}
	if c.Hidden {
		return 0
	}
	return c.Value + 1
}

// absent is what a place that the table does not have costs: nothing where it
// would be a total, which nobody is told.
func (s *search) absent(place int) float64 {
	for d, t := range s.grid.dimensions {
		if len(t.children[s.grid.coordinate(place, d)]) > 0 {
			return 0
		}
	}
	return math.Inf(1)
}

// choose tries the paths of dimension d and of those after it, the cheapest first.
// What a corner costs in its own line, the hypercube costs at least.
func (s *search) choose(d int, least float64) {
	if d == len(s.ways) {
		if cost := s.cubeCost(); cost < s.best {
			s.best = cost
			copy(s.chosen, s.now)
		}
		return
	}
	for _, way := range s.ways[d] {
		if least+way.cost >= s.best {
			return
		}
		s.now[d] = way.path
		s.choose(d+1, least+way.cost)
	}
}

// cubeCost is what all corners cost, or more than the best where it stopped.
func (s *search) cubeCost() float64 {
	sum := 0.0
	s.corners(func(place int, minus bool) bool {
		sum += s.corner(place, minus)
		return sum < s.best
	}, s.now)
	return sum
}

// corners goes over the product of the paths until yield says no.
func (s *search) corners(yield func(place int, minus bool) bool, paths []path) {
	base := s.place
	for d := range paths {
		base -= s.grid.coordinate(s.place, d) * s.grid.strides[d]
	}
	var walk func(d, place int, minus bool) bool
	walk = func(d, place int, minus bool) bool {
		if d == len(paths) {
			return yield(place, minus)
		}
		for _, node := range paths[d].plus {
			if !walk(d+1, place+int(node)*s.grid.strides[d], minus) {
				return false
			}
		}
		for _, node := range paths[d].minus {
			if !walk(d+1, place+int(node)*s.grid.strides[d], !minus) {
				return false
			}
		}
		return true
	}
	walk(0, base, false)
}

func (s *search) proof() Proof {
	p := Proof{Cell: s.cell}
	s.corners(func(place int, minus bool) bool {
		if i := s.grid.at[place]; i >= 0 {
			up, down := s.high, -s.low
			if minus {
				up, down = -up, -down
			}
			p.add(int(i), up, down)
		}
		return true
	}, s.chosen)
	return p
}

func (p *Proof) add(corner int, up, down float64) {
	p.Corners, p.Up, p.Down = append(p.Corners, corner), append(p.Up, up), append(p.Down, down)
}

// lastResort takes its part from each cell that the cell sums, and from all its
// totals; and adds to the largest of them, and to all its totals.
func (s *search) lastResort() Proof {
	g := s.grid
	value := g.Cells[s.cell].Value
	ratio := s.low / value
	leaf, _ := g.largest(s.place)
	p := Proof{Cell: s.cell}
	var walk func(d, place, meet int, above bool)
	walk = func(d, place, meet int, above bool) {
		if d == len(g.dimensions) {
			i := g.at[place]
			if i < 0 {
				return
			}
			up, down := 0.0, -g.value(meet)*ratio
			if above {
				up = s.high
			}
			if up != 0 || down != 0 {
				p.add(int(i), up, down)
			}
			return
		}
		t, stride := &g.dimensions[d], g.strides[d]
		u, end := g.coordinate(s.place, d), g.coordinate(leaf, d)
		for node := u; node >= 0; node = t.parent[node] {
			walk(d+1, place+node*stride, meet+u*stride, above)
		}
		var below func(node int)
		below = func(node int) {
			for _, c := range t.children[node] {
				walk(d+1, place+c*stride, meet+c*stride, above && t.within(end, c))
				below(c)
			}
		}
		below(u)
	}
	walk(0, 0, 0, true)
	return p
}

// within says whether a node is another or below it.
func (t *tree) within(node, other int) bool {
	for ; node >= 0; node = t.parent[node] {
		if node == other {
			return true
		}
	}
	return false
}

// value is what stands at a place, or what stands below it.
func (g *Grid) value(place int) (sum float64) {
	for _, i := range g.present(nil, place) {
		sum += g.Cells[i].Value
	}
	return sum
}

// largest is the place of the largest cell below a place that sums nothing.
func (g *Grid) largest(place int) (leaf int, value float64) {
	best, found := -1.0, place
	for d, t := range g.dimensions {
		at := g.coordinate(place, d)
		for _, c := range t.children[at] {
			if l, v := g.largest(place + (c-at)*g.strides[d]); v > best {
				found, best = l, v
			}
		}
		if best >= 0 {
			return found, best
		}
	}
	if i := g.at[place]; i >= 0 {
		return place, g.Cells[i].Value
	}
	return place, -1
}

// Verify checks the proofs: every corner is hidden and can move both ways, and
// every sum holds for what is added to the corners.
func (g *Grid) Verify(plan Plan) error {
	sums := g.Sums()
	of := map[int][]int{} // cell to the sums that it is in
	for k, s := range sums {
		for _, i := range append([]int{s.Total}, s.Parts...) {
			of[i] = append(of[i], k)
		}
	}
	for _, p := range plan.Proofs {
		for _, moves := range [][]float64{p.Up, p.Down} {
			if err := g.verify(p, moves, sums, of); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Grid) verify(p Proof, moves []float64, sums []Sum, of map[int][]int) error {
	const rounding = 1e-9 // of sums that are no whole numbers
	move, touched := map[int]float64{}, map[int]bool{}
	for k, corner := range p.Corners {
		c := g.Cells[corner]
		to := c.Value + moves[k]
		if !c.Hidden || known(c.Value) && (to < c.Least-rounding || to > c.Most+rounding) {
			return fmt.Errorf("cell %d is protected by cell %d, which is told or cannot move", p.Cell, corner)
		}
		move[corner] = moves[k]
		for _, k := range of[corner] {
			touched[k] = true
		}
	}
	for k := range touched {
		rest := -move[sums[k].Total]
		for _, i := range sums[k].Parts {
			rest += move[i]
		}
		if math.Abs(rest) > rounding {
			return fmt.Errorf("the proof for cell %d does not hold the sum in cell %d", p.Cell, sums[k].Total)
		}
	}
	if c := g.Cells[p.Cell]; move[p.Cell] != c.High && move[p.Cell] != -c.Low {
		return fmt.Errorf("the proof for cell %d does not move it", p.Cell)
	}
	return nil
}
