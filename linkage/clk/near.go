package clk

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/pseudonym"
)

// PersonTraits are those of which OfPerson makes a filter.
var PersonTraits = []string{"last_name", "first_name", "birth_date", "sex", "postcode"}

// OfPerson makes the CLK of who a person is, or says that names and date of birth are not all
// there: fewer traits would be like those of many.
func (k *Key) OfPerson(who pseudonym.Identity) (CLK, bool) {
	r := Record{Identity: who}
	for _, f := range fields[:3] {
		if len(f.tokens(r)) == 0 {
			return CLK{}, false
		}
	}
	return k.Make(r), true
}

// Index finds which of some filters others are similar to.
type Index struct {
	clks   []CLK
	counts []int
	least  float64
	blocks *tables // nil: all are compared
}

// indexPairs is how many pairs an index compares without blocking.
const indexPairs = AllPairs / 20

// NewIndex readies some filters to be compared with so many others: all pairs of some, and the
// likely ones, by DefaultLSH, of more than 200 million. least is from which similarity on pairs count.
func NewIndex(clks []CLK, least float64, others int64) *Index {
	x := &Index{clks: clks, least: least}
	for i := range clks {
		x.counts = append(x.counts, clks[i].Count())
	}
	if int64(len(clks))*others > indexPairs {
		x.blocks = DefaultLSH.index(clks)
	}
	return x
}

// Near finds the pairs of the index, on the left, and others, and how many were compared: of
// each of the others the five most similar, in this order, however many there are.
func (x *Index) Near(ctx context.Context, others []CLK) (pairs []Pair, compared int64, err error) {
	const share = 512
	parts := make([][]Pair, (len(others)+share-1)/share)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for p := range parts {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := int64(0)
			for j := p * share; j < min((p+1)*share, len(others)); j++ {
				parts[p], n = x.near(parts[p], n, others, j)
			}
			mu.Lock()
			compared += n
			mu.Unlock()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	return slices.Concat(parts...), compared, nil
}

// near adds the pairs of one of the others.
func (x *Index) near(pairs []Pair, compared int64, others []CLK, j int) ([]Pair, int64) {
	other := &others[j]
	mine := other.Count()
	if mine == 0 {
		return pairs, compared
	}
	var top []candidate
	compare := func(i int) {
		compared++
		both := float64(mine + x.counts[i])
		if 2*float64(min(mine, x.counts[i])) < x.least*both {
			return // however many of the fewer bits they share
		}
		if dice := 2 * float64(common(&x.clks[i], other)) / both; dice >= x.least {
			top = insert(top, candidate{i, dice})
		}
	}
	if x.blocks == nil {
		for i := range x.clks {
			compare(i)
		}
	} else {
		var likely []int32
		x.blocks.near(other, func(i int32) { likely = append(likely, i) })
		slices.Sort(likely)
		for _, i := range slices.Compact(likely) {
			compare(int(i))
		}
	}
	for _, c := range top {
		pairs = append(pairs, Pair{c.other, j, c.dice})
	}
	return pairs, compared
}
