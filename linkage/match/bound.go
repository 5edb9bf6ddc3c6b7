package match

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// bound is a condition of a pair, in SQL, that holds wherever its weight may reach a
// floor. Most candidate pairs are of two persons, and show it in what is cheap to see: the sets of
// their texts' letters and neighbours. Of those, no text is compared.
type bound struct {
	condition string
	missing   string // of a record: what the values that it lacks spare it
}

// everything is the bound that all pairs fulfil.
var everything = bound{"true", "0"}

// bound is that of a model, which looks once or twice at each comparison. most is how many bits a value's
// frequency tells at most.
func (p plan) bound(m *Model, most, floor float64) bound {
	var c coarse
	for k := range p.comparisons {
		c.add(p.bounds(k, &m.Comparisons[k], most), p.comparisons[k].Value)
	}
	floor -= 0.01 // what FLOAT rounds off is far less
	return bound{
		condition: c.reaches(floor),
		missing:   strings.Join(append(c.missing, "0"), " + "),
	}
}

// levelBound is a condition that holds wherever a level is reached, and what the level weighs at
// most.
type levelBound struct {
	Level
	condition string // "true": what it looks at is not cheap
	highest   float64
	sets      string // of what it looks at: in which letters or neighbours two texts differ, 0 where they are equal
}

// bounds are those of a comparison's levels, the heaviest first, and "else" behind what it outweighs.
func (p plan) bounds(k int, mc *ModelComparison, most float64) (all []levelBound) {
	c, column := p.spec.Comparisons[k], p.comparisons[k].planColumn
	for i, l := range c.Levels {
		b := levelBound{Level: l, condition: "true", highest: mc.Levels[i].Weight}
		switch n := number(l.Value); l.Kind {
		case Exact:
			b.condition = column.sides("$a = $b")
			if c.TermFrequency {
				b.highest = math.Max(b.highest, math.Log2(mc.Levels[i].M)+most)
			}
		case JaroWinkler:
			b.condition, b.sets = column.sides("match.similar($s, "+n+")"), "xor(l."+column.Letters+", r."+column.Letters+")"
		case Levenshtein, Damerau:
			b.condition, b.sets = column.sides("match.apart($g) <= "+number(apart[l.Kind]*l.Value)), "xor(l."+column.Neighbours+", r."+column.Neighbours+")"
		case DayMonth:
			b.condition = column.sides("$a = r." + column.Exchanged)
		case Swapped:
			b.condition = p.comparisons[k].HalfSwapped
		}
		all = append(all, b)
	}
	w := mc.Levels[len(c.Levels)].Weight
	all = append(all, levelBound{condition: "true", highest: w})
	slices.SortStableFunc(all, func(a, b levelBound) int { return cmp.Compare(b.highest, a.highest) })
	return all
}

// thousandths are bits in whole thousandths, no fewer: DuckDB is quicker with integers.
func thousandths(bits float64) string { return number(math.Ceil(1000*bits)) + "::INTEGER" }

// coarse is what a pair weighs at most, from the sets of each text or, where it has none, from whether values
// are equal: a sum of what conditions bring above a base.
type coarse struct {
	base    float64
	gains   []string
	swapped map[string]float64 // gain by condition, which two comparisons share
	missing []string
}

// worthwhile is how many bits a level has to bring for being looked at; one that brings
// less is taken for reached.
const worthwhile = 1

func (c *coarse) add(levels []levelBound, value string) {
	base := highest(levels, func(l levelBound) bool {
		return l.condition == "true"
	})
	var tests []levelBound // the loosest of similarity, and of distance
	for _, l := range slices.Backward(levels) {
		switch same := slices.IndexFunc(tests, func(t levelBound) bool { return (t.Kind == JaroWinkler) == (l.Kind == JaroWinkler) }); {
		case !bySets(l):
		case l.highest < base+worthwhile:
			base = math.Max(base, l.highest)
		case same < 0:
			tests = append(tests, l)
		case looser(l, tests[same]):
			tests[same] = l
		}
	}
	// Equal values, and dates with day and month exchanged, are similar and few edits apart. Values whose
	// sets differ are not equal, which spares most of what an equal value weighs.
	equal := func(l levelBound) bool { return l.Kind == Exact || l.Kind == DayMonth }
	if len(tests) > 0 {
		sets := tests[0].sets
		likely := math.Max(base, highest(levels, func(l levelBound) bool { return bySets(l) || l.Kind == DayMonth }))
		conditions := make([]string, len(tests))
		for i, t := range tests {
			conditions[i] = t.condition
		}
		if likely > base {
			c.gain(strings.Join(conditions, " OR "), likely-base, true)
		}
		if same := highest(levels, func(l levelBound) bool { return l.Kind == Exact }); same > likely {
			c.gain(sets+" = 0", same-likely, true)
		}
	} else {
		var conditions []string
		most := base
		for _, l := range levels {
			if equal(l) && l.highest > base {
				conditions, most = append(conditions, l.condition), math.Max(most, l.highest)
			}
		}
		if most > base {
			c.gain(strings.Join(conditions, " OR "), most-base, false)
		}
	}
	if swapped := highest(levels, func(l levelBound) bool { return l.Kind == Swapped }); swapped > base {
		if c.swapped == nil {
			c.swapped = map[string]float64{}
		}
		i := slices.IndexFunc(levels, func(l levelBound) bool { return l.Kind == Swapped })
		c.swapped[levels[i].condition] += swapped - base
	}
	c.base += base
	if base < 0 {
		c.missing = append(c.missing, fmt.Sprintf("CASE WHEN %s IS NULL THEN %s ELSE 0 END", value, thousandths(-base)))
	}
}

func (c *coarse) gain(condition string, bits float64, never bool) {
	gain := fmt.Sprintf("(%s)::INTEGER * %s", condition, thousandths(bits))
	if !never { // NULL
		gain = "coalesce(" + gain + ", 0)"
	}
	c.gains = append(c.gains, gain)
}

// reaches is the condition that the sum reaches a floor.
func (c *coarse) reaches(floor float64) string {
	for _, condition := range slices.Sorted(maps.Keys(c.swapped)) {
		c.gain(condition, c.swapped[condition], false)
	}
	return strings.Join(append(c.gains, "l.missing", "r.missing"), "\n    + ") + " >= " + number(math.Floor(1000*(floor-c.base))) + "::INTEGER"
}

// bySets says whether sets of letters or neighbours tell that a level is out of reach.
func bySets(l levelBound) bool {
	return l.Kind == JaroWinkler || l.Kind == Levenshtein || l.Kind == Damerau
}

// looser says whether a condition on sets holds wherever another one does.
func looser(a, b levelBound) bool {
	if a.Kind == JaroWinkler {
		return a.Value < b.Value
	}
	return apart[a.Kind]*a.Value > apart[b.Kind]*b.Value
}

// highest is what the levels of a kind weigh at most.
func highest(levels []levelBound, of func(levelBound) bool) float64 {
	for _, l := range levels {
		if of(l) {
			return l.highest
		}
	}
	return math.Inf(-1)
}
