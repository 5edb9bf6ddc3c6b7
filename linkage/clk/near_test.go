package clk_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
)

// What an index finds is what comparing each with each does.
func TestAnIndexFindsAllThatIsNear(t *testing.T) {
	people := population(t, 400)
	k := key(t, clk.Scheme{})
	left := k.MakeAll(people[:250])
	for i := range people {
		if i%3 == 0 {
			people[i].FirstName += "e"
		}
	}
	right := append(k.MakeAll(people[100:]), clk.CLK{})
	var want []clk.Pair
	for j := range right {
		for i := range left {
			if d := clk.Dice(&left[i], &right[j]); d >= 0.7 {
				want = append(want, clk.Pair{Left: i, Right: j, Dice: d})
			}
		}
	}
	slices.SortStableFunc(want, func(a, b clk.Pair) int {
		return cmp.Or(cmp.Compare(a.Right, b.Right), cmp.Compare(b.Dice, a.Dice), cmp.Compare(a.Left, b.Left))
	})
	got, compared, err := clk.NewIndex(left, 0.7, int64(len(right))).Near(t.Context(), right)
	must(t, err)
	if fmt.Sprint(got) != fmt.Sprint(want) || compared != int64(len(left)*(len(right)-1)) || len(want) < 150 {
		t.Errorf("%d pairs of %d compared, want %d", len(got), compared, len(want))
	}
	blocked, fewer, err := clk.NewIndex(left, 0.85, clk.AllPairs).Near(t.Context(), right)
	must(t, err)
	all, _, err := clk.NewIndex(left, 0.85, 1).Near(t.Context(), right)
	must(t, err)
	if fmt.Sprint(blocked) != fmt.Sprint(all) || fewer*5 > compared {
		t.Errorf("blocked: %d pairs of %d compared, want %d", len(blocked), fewer, len(all))
	}
}

// Whoever sends many equal filters makes no more pairs of them than five each.
func TestAFloodOfEqualFilters(t *testing.T) {
	flood := make([]clk.CLK, 3000)
	for i := range flood {
		flood[i] = clk.CLK{1, 2, 3}
	}
	pairs, compared, err := clk.NewIndex(flood, 0.9, 3000).Near(t.Context(), flood)
	must(t, err)
	if len(pairs) != 5*3000 || compared != 3000*3000 {
		t.Errorf("%d pairs of %d compared", len(pairs), compared)
	}
}

func TestAPersonsFilterNeedsNamesAndBirth(t *testing.T) {
	k := key(t, clk.Scheme{})
	whole := pseudonym.Identity{LastName: "Martin", FirstName: "Anne", BirthDate: "1950-11-30"}
	if _, ok := k.OfPerson(whole); !ok {
		t.Error("a person has no filter")
	}
	for _, drop := range []func(*pseudonym.Identity){
		func(p *pseudonym.Identity) { p.LastName = "" }, func(p *pseudonym.Identity) { p.FirstName = "-" }, func(p *pseudonym.Identity) { p.BirthDate = "0000-00-00" },
		func(p *pseudonym.Identity) { p.BirthDate = "31/13/1950" },
	} {
		p := whole
		drop(&p)
		if c, ok := k.OfPerson(p); ok || c != (clk.CLK{}) {
			t.Error("a person of whom a trait is missing has a filter")
		}
	}
}

func BenchmarkNear(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []clk.CLK {
		out := make([]clk.CLK, n)
		for i := range out {
			for w := range out[i] {
				out[i][w] = r.Uint64() & r.Uint64()
			}
		}
		return out
	}
	x, others := clk.NewIndex(random(1000), 0.85, 1), random(10_000)
	var pairs int64
	for b.Loop() {
		_, n, err := x.Near(b.Context(), others)
		if err != nil {
			b.Fatal(err)
		}
		pairs += n
	}
	b.ReportMetric(float64(pairs)/b.Elapsed().Seconds(), "pairs/s")
}
