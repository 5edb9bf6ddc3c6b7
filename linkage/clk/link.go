package clk

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Options of Link. The zero value compares all pairs of small files, the likely
// ones of large files, and finds the threshold by itself.
type Options struct {
	Threshold float64 // Dice at and above which a pair is linked; 0: found, see Result
	Band      float64 // below the threshold, how far a pair is for a person to decide; 0: DefaultBand
	Blocking  *LSH    // nil: all pairs up to AllPairs, DefaultLSH above
}

// DefaultBand is the width of the clerical band.
const DefaultBand = 0.05

// AllPairs is how many pairs are compared without blocking.
const AllPairs = 4_000_000_000

// LSH blocks by Hamming distance: two filters are compared if they have the
// same bits at one of Tables sets of Positions places, which are drawn by Seed.
// Source: Indyk and Motwani, STOC 1998; Karapiperis and Verykios, IEEE TKDE 27 (2015).
type LSH struct {
	Tables, Positions int
	Seed              uint64
}

// DefaultLSH finds a pair with one bit in five different with a chance of 0.88, with one in ten of 0.9999.
var DefaultLSH = LSH{Tables: 48, Positions: 14}

// Pair is two records of the files, by place, and how similar they are.
type Pair struct {
	Left, Right int
	Dice        float64
}

// Result is what Link found. Each record is in at most one pair of Linked.
//
// A threshold that was not given is what one in a thousand of the second most similar
// records passes, as these are, but for duplicates within a file, not the same person. Fewer
// than Enough records cannot tell what one in a thousand does: then the threshold is
// SmallThreshold at least, and whatever the few would have passed is in the
// clerical band.
type Result struct {
	Linked    []Pair  // the most similar first
	Clerical  []Pair  // for a person to decide: in the band below the threshold, or tied for the best
	Threshold float64 // that was used
	Low       float64 // where the clerical band ends
	Compared  int64   // pairs
}

// Enough is from how many records on a threshold is found.
const Enough = 1000

// SmallThreshold is the least threshold for fewer: at it, one in some thousand links of
// registers of independent persons is wrong, and two siblings with one address, or twins, are near it.
const SmallThreshold = 0.85

// Link pairs the records of two files one to one.
func Link(ctx context.Context, left, right []CLK, o Options) (Result, error) {
	if !(o.Threshold >= 0 && o.Threshold <= 1) || !(o.Band >= 0 && o.Band <= 1) { // NaN too
		return Result{}, fmt.Errorf("link CLKs: threshold and band are from 0 to 1")
	}
	if o.Band == 0 {
		o.Band = DefaultBand
	}
	if o.Blocking == nil && int64(len(left))*int64(len(right)) > AllPairs {
		o.Blocking = &DefaultLSH
	}
	best, compared, err := bestOf(ctx, left, right, o.Blocking)
	if err != nil {
		return Result{}, err
	}
	result := Result{Threshold: o.Threshold, Low: max(0, o.Threshold-o.Band), Compared: compared}
	if o.Threshold == 0 {
		result.Threshold, result.Low = apart(best, o.Band)
	}
	var pairs []Pair
	for i, b := range best {
		for _, c := range b {
			if c.dice >= result.Low && c.dice > 0 {
				pairs = append(pairs, Pair{i, c.other, c.dice})
			}
		}
	}
	result.decide(pairs, len(left), len(right))
	return result, nil
}

// decide takes pairs from the most similar on. Ties are for a person to decide.
func (r *Result) decide(pairs []Pair, left, right int) {
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Dice, a.Dice), cmp.Compare(a.Left, b.Left), cmp.Compare(a.Right, b.Right))
	})
	usedLeft, usedRight := make([]bool, left), make([]bool, right)
	for len(pairs) > 0 {
		n := 1
		for n < len(pairs) && pairs[n].Dice == pairs[0].Dice {
			n++
		}
		group := slices.DeleteFunc(pairs[:n:n], func(p Pair) bool { return usedLeft[p.Left] || usedRight[p.Right] })
		lefts, rights := map[int]int{}, map[int]int{}
		for _, p := range group {
			lefts[p.Left]++
			rights[p.Right]++
		}
		for _, p := range group {
			usedLeft[p.Left], usedRight[p.Right] = true, true
			if p.Dice >= r.Threshold && lefts[p.Left] == 1 && rights[p.Right] == 1 {
				r.Linked = append(r.Linked, p)
			} else {
				r.Clerical = append(r.Clerical, p)
			}
		}
		pairs = pairs[n:]
	}
}

// kept is how many of the most similar of the other file are kept of each record.
const kept = 5

type candidate struct {
	other int
	dice  float64
}

// bestOf finds the most similar records of the right file for each of the left.
func bestOf(ctx context.Context, left, right []CLK, lsh *LSH) ([][]candidate, int64, error) {
	counts := make([]int, len(right))
	for i := range right {
		counts[i] = right[i].Count()
	}
	var blocks *tables
	if lsh != nil {
		blocks = lsh.index(right)
	}
	best := make([][]candidate, len(left))
	var mu sync.Mutex
	var compared int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 256
	for from := 0; from < len(left); from += share {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := int64(0)
			seen := map[int32]bool{}
			for i := from; i < min(from+share, len(left)); i++ {
				mine := left[i].Count()
				if mine == 0 {
					continue
				}
				var top []candidate
				if blocks == nil {
					n += int64(len(right))
					for j := range right {
						top = insert(top, candidate{j, 2 * float64(common(&left[i], &right[j])) / float64(mine+counts[j])})
					}
				} else {
					clear(seen)
					blocks.near(&left[i], func(j int32) {
						if seen[j] {
							return
						}
						seen[j] = true
						n++
						top = insert(top, candidate{int(j), 2 * float64(common(&left[i], &right[j])) / float64(mine+counts[j])})
					})
				}
				best[i] = top
			}
			mu.Lock()
			compared += n
			mu.Unlock()
			return nil
		})
	}
	return best, compared, group.Wait()
}

// insert keeps the most similar, in falling order.
func insert(top []candidate, c candidate) []candidate {
	if len(top) == kept {
		last := top[kept-1]
		if c.dice < last.dice || c.dice == last.dice && c.other > last.other {
			return top
		}
		top = top[:kept-1]
	}
	at := len(top)
	for at > 0 && (top[at-1].dice < c.dice || top[at-1].dice == c.dice && top[at-1].other > c.other) {
		at--
	}
	return slices.Insert(top, at, c)
}

// apart finds a threshold, and where the clerical band ends: see Result.
func apart(best [][]candidate, band float64) (threshold, low float64) {
	var seconds []float64
	for _, b := range best {
		if len(b) > 1 {
			seconds = append(seconds, b[1].dice)
		}
	}
	if len(seconds) == 0 {
		return SmallThreshold, SmallThreshold - band
	}
	slices.Sort(seconds)
	threshold = seconds[len(seconds)*999/1000]
	low = max(0, threshold-band)
	if len(seconds) < Enough && threshold < SmallThreshold {
		return SmallThreshold, min(threshold, SmallThreshold-band)
	}
	return threshold, low
}

// tables are the right file's records by their bits at the places of each table.
type tables struct {
	places [][]int
	keys   []map[uint64][]int32
}

func (l *LSH) index(clks []CLK) *tables {
	t := &tables{}
	random := rand.New(rand.NewPCG(l.Seed, 1))
	for range l.Tables {
		t.places = append(t.places, random.Perm(Bits)[:l.Positions])
	}
	t.keys = make([]map[uint64][]int32, l.Tables)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range t.keys {
		group.Go(func() error {
			keys := map[uint64][]int32{}
			for j := range clks {
				k := key(&clks[j], t.places[i])
				keys[k] = append(keys[k], int32(j))
			}
			t.keys[i] = keys
			return nil
		})
	}
	_ = group.Wait()
	return t
}

func (t *tables) near(c *CLK, yield func(int32)) {
	for i, places := range t.places {
		for _, j := range t.keys[i][key(c, places)] {
			yield(j)
		}
	}
}

// key is the bits of a filter at up to 64 places.
func key(c *CLK, places []int) uint64 {
	k := uint64(0)
	for _, p := range places {
		k = k<<1 | c[p/64]>>(p%64)&1
	}
	return k
}
