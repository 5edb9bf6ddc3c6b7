package cells_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"rempart.eu/rempart/airlock/disclosure/cells"
)

const minimum = 11

// randomTable is a table of 1 to 3 dimensions, flat or with subtotals, with or
// without the totals, whose counts are often small or 0.
func randomTable(t testing.TB, random *rand.Rand, largest int) *cells.Grid {
	t.Helper()
	var dimensions []cells.Dimension
	for range 1 + random.IntN(3) {
		dimensions = append(dimensions, randomDimension(random, largest))
	}
	return filled(t, random, dimensions, random.IntN(4) > 0)
}

func randomDimension(random *rand.Rand, largest int) cells.Dimension {
	n := 2 + random.IntN(largest)
	if random.IntN(3) > 0 {
		return cells.Flat(n, random.IntN(5) > 0)
	}
	var d cells.Dimension // groups of leaves with subtotals under a total
	for range 2 + random.IntN(2) {
		group := len(d.Parent)
		d.Parent = append(d.Parent, -2)
		for range 1 + random.IntN(largest) {
			d.Parent = append(d.Parent, group)
		}
	}
	d.Parent = append(d.Parent, -1)
	for i, p := range d.Parent {
		if p == -2 {
			d.Parent[i] = len(d.Parent) - 1
		}
	}
	return d
}

// filled puts counts at the leaves and their sums at the totals; some inner
// places are left out where gaps says so.
func filled(t testing.TB, random *rand.Rand, dimensions []cells.Dimension, gaps bool) *cells.Grid {
	t.Helper()
	g, err := cells.New(dimensions...)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	var places [][]int
	var walk func(at []int)
	walk = func(at []int) {
		if len(at) < len(dimensions) {
			for i := range dimensions[len(at)].Parent {
				walk(append(at[:len(at):len(at)], i))
			}
			return
		}
		places = append(places, at)
		for d, i := range at {
			for _, p := range dimensions[d].Parent {
				if p == i {
					return
				}
			}
		}
		n := float64([]int{random.IntN(2 * minimum), random.IntN(300), 0}[random.IntN(7)/3])
		var up func(d int, key []int)
		up = func(d int, key []int) {
			if d == len(at) {
				values[fmt.Sprint(key)] += n
				return
			}
			for i := at[d]; i >= 0; i = dimensions[d].Parent[i] {
				up(d+1, append(key[:len(key):len(key)], i))
			}
		}
		up(0, nil)
	}
	walk(nil)
	for _, at := range places {
		v := values[fmt.Sprint(at)]
		if gaps && v == 0 && random.IntN(2) == 0 {
			continue
		}
		if _, err := g.Add(cells.Count(v, minimum), at...); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// TestNoAttackNarrowsAProtectedCell protects random tables, and attacks each by
// linear programming: no primary cell may be bounded within its interval. The
// proofs are checked in exact numbers beside, which no solver's rounding touches.
func TestNoAttackNarrowsAProtectedCell(t *testing.T) {
	attacked, exact := 0, 0
	for seed := range uint64(80) {
		random := rand.New(rand.NewPCG(seed, 8))
		g := randomTable(t, random, 4)
		plan := g.Protect()
		if err := g.Verify(plan); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, told := range g.Attack() {
			c := g.Cells[i]
			if c.Low == 0 && c.High == 0 {
				continue
			}
			attacked++
			if told.Exact {
				exact++
			}
			if told.Low > c.Value-c.Low+1e-6 || told.High < c.Value+c.High-1e-6 {
				t.Fatalf("seed %d: cell %d with %v is told to lie from %v to %v, protected are %v to %v",
					seed, i, c.Value, told.Low, told.High, c.Value-c.Low, c.Value+c.High)
			}
		}
	}
	if attacked < 300 || exact < attacked/3 {
		t.Errorf("%d cells were attacked, %d of them exactly: too few to say something", attacked, exact)
	}
}

// TestTheAttackFindsWhatHidingSmallCellsAloneLeaves holds the attack against
// tables in which only the small cells are hidden: by hand one can tell some.
func TestTheAttackFindsWhatHidingSmallCellsAloneLeaves(t *testing.T) {
	g := table(t, [][]float64{
		{40, 3, 20, 63},
		{30, 50, 7, 87},
		{20, 60, 70, 150},
		{90, 113, 97, 300},
	})
	for i, told := range g.Attack() {
		if v := g.Cells[i].Value; math.Abs(told.Low-v) > 1e-6 || math.Abs(told.High-v) > 1e-6 {
			t.Errorf("cell %d with %v: told %+v", i, v, told)
		}
	}
	plan := g.Protect()
	if len(plan.Hide) < 2 {
		t.Errorf("hides %v", plan.Hide)
	}
	for i, told := range g.Attack() {
		if g.Cells[i].High > 0 && (told.Low > 0 || told.High < minimum) {
			t.Errorf("cell %d: told %+v", i, told)
		}
	}
}

// table has a total as its last row and column.
func table(t testing.TB, rows [][]float64) *cells.Grid {
	t.Helper()
	g, err := cells.New(cells.Flat(len(rows)-1, true), cells.Flat(len(rows[0])-1, true))
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		for k, v := range row {
			if _, err := g.Add(cells.Count(v, minimum), i, k); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func TestDominance(t *testing.T) {
	for _, c := range []struct {
		total   float64
		largest []float64
		nk, p   bool
	}{
		{100, []float64{50, 41}, true, false}, // 91 % by two; 9 left is 18 % of 50
		{100, []float64{50, 39}, false, false},
		{100, []float64{90, 5}, true, true}, // 5 left is 5.6 % of 90
		{60, []float64{60}, true, true},
		{0, nil, false, false},
	} {
		got := cells.Standard.Sum(c.total, c.largest)
		if nk, p := cells.Standard.Concentrated(c.total, c.largest), cells.Standard.Estimable(c.total, c.largest); nk != c.nk || p != c.p || got.Hidden != (nk || p) {
			t.Errorf("%+v: (n,k) %v, p%% %v, %+v", c, nk, p, got)
		}
	}
}

func BenchmarkProtect(b *testing.B) {
	for _, share := range []int{10, 100} {
		b.Run(fmt.Sprintf("1000x50,1:%d", share), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			rows := make([][]float64, 1001)
			for i := range rows {
				rows[i] = make([]float64, 51)
			}
			for i := range 1000 {
				for k := range 50 {
					n := float64(minimum + random.IntN(1000))
					if random.IntN(share) == 0 {
						n = float64(random.IntN(minimum))
					}
					for _, r := range []int{i, 1000} {
						for _, c := range []int{k, 50} {
							rows[r][c] += n
						}
					}
				}
			}
			for b.Loop() {
				b.StopTimer()
				g := table(b, rows)
				b.StartTimer()
				plan := g.Protect()
				b.ReportMetric(float64(len(plan.Proofs)), "primary")
				b.ReportMetric(float64(len(plan.Hide)), "hidden")
				_ = g.Attack()
			}
		})
	}
}
