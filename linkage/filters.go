package linkage

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/linkage/clk"
)

// probability is the method of records that their filters linked.
const probability = "probability"

//go:embed filters.sql
var filterQueries string

// FilterOptions say from when on two filters are one person's. The zero value is
// DefaultFilters.
type FilterOptions struct {
	Threshold float64 `json:"threshold"` // similarity (Dice) at and above which records are linked
	Band      float64 `json:"band"`      // below the threshold, how far a pair is for a person to decide
	Margin    float64 `json:"margin"`    // how much less similar whoever else may be one's must be
}

// DefaultFilters link what is most certainly one person: twins of one sex and address are less similar
// than the threshold, one typing error in a name or a date more.
var DefaultFilters = FilterOptions{Threshold: 0.9, Band: 0.06, Margin: 0.02}

// Check refuses what is no similarity.
func (o FilterOptions) Check() error {
	for _, v := range []float64{o.Threshold, o.Band, o.Margin} {
		if !(v >= 0 && v <= 1) { // NaN too
			return errors.New("the threshold, the band and the margin of filters are from 0 to 1")
		}
	}
	if o.Threshold < lowestFilters || o.Threshold-o.Band < lowestFilters {
		return fmt.Errorf("filters of strangers are as similar as %.2f: the threshold and the band end above", lowestFilters)
	}
	return nil
}

// lowestFilters is what filters of many strangers reach.
const lowestFilters = 0.7

// Filters sets when filters are one person's. It is called before Resolve.
func (l *Linker) Filters(o FilterOptions) error {
	if o == (FilterOptions{}) {
		o = DefaultFilters
	}
	l.filters = o
	return o.Check()
}

// AddFilters says that the records of a deposit have filters, under a key of this check value.
// Those of two keys are not compared.
func (l *Linker) AddFilters(deposit, check string) { l.filterKeys[deposit] = check }

// FilterReport tells what filters found for records that nothing else linked.
type FilterReport struct {
	FilterOptions
	Compared  int64         `json:"compared"` // pairs of filters
	Pairs     Count         `json:"pairs"`    // of persons that are one with at least this similarity, and were linked
	Clerical  Count         `json:"clerical"` // pairs of persons for somebody to decide, none of which was taken
	Refused   Count         `json:"refused"`  // of these: as similar as the threshold, but stays name another, or several are as similar
	Providers []FilterRates `json:"providers"`
}

// FilterRates are what became of the records of one deposit.
type FilterRates struct {
	Deposit  string `json:"deposit"`
	Provider string `json:"provider"`
	Filters  Count  `json:"filters"`  // records with one
	Sought   Count  `json:"sought"`   // of them: nothing else linked
	Linked   Count  `json:"linked"`   // of these: by their filters
	Clerical Count  `json:"clerical"` // of these: not linked, and in the clerical band
}

// filterQuery is one of filters.sql, by its name.
func filterQuery(name string) string { return query(filterQueries, name) }

// compareFilters links records that neither a token nor a stay did, by the similarity of their filters:
// the most similar first, one to one for each pair of deposits, and never two persons whose
// identifiers differ. The same input gives the same links.
func (l *Linker) compareFilters(ctx context.Context) error {
	if len(l.filterKeys) < 2 {
		return nil
	}
	if l.filters == (FilterOptions{}) {
		l.filters = DefaultFilters
	}
	if err := l.db.Exec(ctx, "CREATE TEMP TABLE filter_key (deposit VARCHAR, key VARCHAR)"); err != nil {
		return err
	}
	var keys []any
	for _, deposit := range slices.Sorted(maps.Keys(l.filterKeys)) {
		keys = append(keys, deposit, l.filterKeys[deposit])
	}
	if err := l.keep(ctx, "filter_key", 2, keys); err != nil {
		return err
	}
	if err := l.db.Exec(ctx, filterQuery("setup")); err != nil {
		return err
	}
	report := &FilterReport{FilterOptions: l.filters}
	if err := l.near(ctx, report); err != nil {
		return err
	}
	if err := l.decideFilters(ctx, report); err != nil {
		return err
	}
	if err := l.db.Exec(ctx, filterQuery("take")); err != nil {
		return err
	}
	l.filtered = report
	return nil
}

// filterDeposit is a deposit with filters.
type filterDeposit struct {
	name, key     string
	records, seek int64
}

// near finds the pairs of groups that are as similar as the band's end, or more.
func (l *Linker) near(ctx context.Context, report *FilterReport) error {
	var deposits []filterDeposit
	var d filterDeposit
	if err := l.db.Each(ctx, filterQuery("deposits"), nil, func() error { deposits = append(deposits, d); return nil }, &d.name, &d.key, &d.records, &d.seek); err != nil {
		return err
	}
	for _, mine := range deposits {
		var seekers filterBatch
		if err := l.readFilters(ctx, filterQuery("seekers"), []any{mine.name}, func(b *filterBatch) error { seekers.add(b); return nil }); err != nil {
			return err
		}
		if len(seekers.clks) == 0 {
			continue
		}
		for from := 0; from < len(seekers.clks); from += filterShare { // so that an index stays small
			to := min(from+filterShare, len(seekers.clks))
			groups := seekers.groups[from:to]
			var others int64
			for _, theirs := range deposits {
				others += theirs.records
			}
			index := clk.NewIndex(seekers.clks[from:to], l.filters.Threshold-l.filters.Band, others)
			var pairs []clk.Pair // with the groups of both in the place of numbers
			for _, theirs := range deposits {
				if theirs.name == mine.name || theirs.key != mine.key {
					continue
				}
				if err := l.readFilters(ctx, filterQuery("others"), []any{theirs.name, mine.name}, func(b *filterBatch) error {
					near, compared, err := index.Near(ctx, b.clks)
					for _, p := range near {
						pairs = append(pairs, clk.Pair{Left: int(groups[p.Left]), Right: int(b.groups[p.Right]), Dice: p.Dice})
					}
					report.Compared += compared
					pairs = foremost(pairs)
					return err
				}); err != nil {
					return err
				}
				values := make([]any, 0, 3*len(pairs))
				for _, p := range pairs {
					values = append(values, p.Left, p.Right, p.Dice)
				}
				if err := l.keep(ctx, "near", 3, values); err != nil {
					return err
				}
				pairs = pairs[:0]
			}
		}
	}
	return nil
}

// foremost keeps of each seeker the five most similar: more than one is enough to
// know that a pair has rivals.
func foremost(pairs []clk.Pair) []clk.Pair {
	slices.SortFunc(pairs, func(a, b clk.Pair) int {
		return cmp.Or(cmp.Compare(a.Left, b.Left), cmp.Compare(b.Dice, a.Dice), cmp.Compare(a.Right, b.Right))
	})
	const kept = 5
	seeker, n := -1, 0
	return slices.DeleteFunc(pairs, func(p clk.Pair) bool {
		if n++; p.Left != seeker {
			seeker, n = p.Left, 1
		}
		return n > kept
	})
}

// keep adds rows of so many columns to a table, some hundred at a time.
func (l *Linker) keep(ctx context.Context, table string, columns int, values []any) error {
	const rows = 500
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	for chunk := range slices.Chunk(values, rows*columns) {
		if err := l.db.Exec(ctx, "INSERT INTO "+table+" VALUES "+row+strings.Repeat(", "+row, len(chunk)/columns-1), chunk...); err != nil {
			return err
		}
	}
	return nil
}

// filterShare is how many filters are read at a time.
const filterShare = 1 << 16

// filterBatch is some filters and the groups of their records.
type filterBatch struct {
	groups []int64
	clks   []clk.CLK
}

func (b *filterBatch) add(o *filterBatch) {
	b.groups, b.clks = append(b.groups, o.groups...), append(b.clks, o.clks...)
}

// readFilters hands on the rows of a query, in batches that are not kept.
func (l *Linker) readFilters(ctx context.Context, query string, args []any, use func(*filterBatch) error) error {
	b := &filterBatch{}
	var group int64
	var filter []byte
	err := l.db.Each(ctx, query, args, func() error {
		var c clk.CLK
		if err := c.UnmarshalBinary(filter); err != nil {
			return err
		}
		b.groups, b.clks = append(b.groups, group), append(b.clks, c)
		if len(b.clks) < filterShare {
			return nil
		}
		err := use(b)
		b.groups, b.clks = b.groups[:0], b.clks[:0]
		return err
	}, &group, &filter)
	if err != nil {
		return err
	}
	return use(b)
}

// party is the persons that groups have become: at first each group by itself.
type party struct {
	deposits map[string]bool
	settled  bool // it has somebody whom tokens or stays link
	groups   []int64
}

// may says whether two are one person as far as deposits go: each deposit knows a person once, and
// two persons whom tokens or stays have settled are two.
func (p *party) may(o *party) bool {
	if p.settled && o.settled {
		return false
	}
	for d := range o.deposits {
		if p.deposits[d] {
			return false
		}
	}
	return true
}

// filterPair is two groups that are similar.
type filterPair struct {
	a, b        int64
	dice        float64
	contradicts bool // stays name others
}

// decideFilters takes pairs from the most similar on.
func (l *Linker) decideFilters(ctx context.Context, report *FilterReport) error {
	of, lonely := map[int64]*party{}, map[int64]bool{}
	var group int64
	var deposit string
	var alone bool
	if err := l.db.Each(ctx, filterQuery("members"), nil, func() error {
		if of[group] == nil {
			of[group], lonely[group] = &party{map[string]bool{}, !alone, []int64{group}}, alone
		}
		of[group].deposits[deposit] = true
		return nil
	}, &group, &deposit, &alone); err != nil {
		return err
	}
	var pairs []filterPair
	var p filterPair
	if err := l.db.Each(ctx, filterQuery("pairs"), nil, func() error { pairs = append(pairs, p); return nil }, &p.a, &p.b, &p.dice, &p.contradicts); err != nil {
		return err
	}
	near := map[int64][]filterPair{} // of each group, the most similar first
	for _, p := range pairs {
		near[p.a] = append(near[p.a], p)
		near[p.b] = append(near[p.b], p)
	}
	var doubtful []any
	frozen := map[int64]bool{} // whom two might be: it joins no third that is less similar
	for _, p := range pairs {
		x, y := of[p.a], of[p.b]
		if x == y || !x.may(y) {
			continue // one already, or each is somebody else's
		}
		if p.dice < l.filters.Threshold || p.contradicts || frozen[p.a] || frozen[p.b] || rivalled(p, near, of, l.filters.Margin) {
			report.Clerical++
			if p.dice >= l.filters.Threshold {
				report.Refused++
				frozen[p.a], frozen[p.b] = !x.settled, !y.settled
			}
			doubtful = append(doubtful, p.a, p.b)
			continue
		}
		report.Pairs++
		maps.Copy(x.deposits, y.deposits)
		x.settled = x.settled || y.settled
		x.groups = append(x.groups, y.groups...)
		for _, g := range y.groups {
			of[g] = x
		}
	}
	return errors.Join(l.keepFound(ctx, of, lonely), l.keep(ctx, "doubtful", 1, doubtful))
}

// rivalled says whether somebody else is nearly as similar to one of a pair, and cannot be
// the same person as the other.
func rivalled(p filterPair, near map[int64][]filterPair, of map[int64]*party, margin float64) bool {
	for _, side := range [2][2]int64{{p.a, p.b}, {p.b, p.a}} {
		me, chosen := side[0], of[side[1]]
		for _, q := range near[me] {
			other := q.a
			if other == me {
				other = q.b
			}
			if rival := of[other]; q.dice >= p.dice-margin && rival != chosen && rival != of[me] && !rival.may(chosen) && rival.may(of[me]) {
				return true
			}
		}
	}
	return false
}

// keepFound keeps which groups have become one: the key of whom tokens settled, or that of the first.
func (l *Linker) keepFound(ctx context.Context, of map[int64]*party, lonely map[int64]bool) error {
	var found []any
	for _, g := range slices.Sorted(maps.Keys(of)) {
		p := of[g]
		if len(p.groups) < 2 || !lonely[g] {
			continue
		}
		key := slices.MinFunc(p.groups, func(a, b int64) int {
			if lonely[a] != lonely[b] {
				return map[bool]int{true: 1, false: -1}[lonely[a]]
			}
			return cmp.Compare(a, b)
		})
		found = append(found, g, key)
	}
	return l.keep(ctx, "found", 2, found)
}

// filterReport completes what is told of filters, or is nil where there was nothing to compare.
func (l *Linker) filterReport(ctx context.Context, providers map[string]string) (*FilterReport, error) {
	r := l.filtered
	if r == nil {
		return nil, nil
	}
	var f FilterRates
	r.Providers = nil
	err := l.db.Each(ctx, filterQuery("rates"), nil, func() error {
		f.Provider = providers[f.Deposit]
		r.Providers = append(r.Providers, f)
		return nil
	}, &f.Deposit, (*int64)(&f.Filters), (*int64)(&f.Sought), (*int64)(&f.Linked), (*int64)(&f.Clerical))
	slices.SortStableFunc(r.Providers, func(a, b FilterRates) int { return strings.Compare(a.Provider, b.Provider) })
	return r, err
}
