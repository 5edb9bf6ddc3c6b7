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

// bound is that of a model. most is how many bits a value's frequency tells at most.
//
// The first of its two conditions looks once at each comparison; the second, where that leaves a
// hope, at each level.
func (p plan) bound(m *Model, most, floor float64) bound {
	var c coarse
	var fine []string
	for k := range p.comparisons {
		levels := p.bounds(k, &m.Comparisons[k], most)
		c.add(levels, p.comparisons[k].Value)
		fine = append(fine, finely(levels, p.comparisons[k].Value))
	}
	floor -= 0.01 // what FLOAT rounds off is far less
	return bound{
		condition: c.reaches(floor) + "\n  AND " + strings.Join(fine, "\n    + ") + " >= " + float(floor),
		missing:   strings.Join(append(c.missing, float(0)), " + "),
	}
}

// levelBound is a condition that holds wherever a level is reached, and what the level weighs at
// most.
type levelBound struct {
	Level
	condition string // "true": what it looks at is not cheap
	highest   float64
	weight    string // as the pair has it
}

// bounds are those of a comparison's levels, the heaviest first, and "else" behind what it outweighs.
func (p plan) bounds(k int, mc *ModelComparison, most float64) (all []levelBound) {
	c, column := p.spec.Comparisons[k], p.comparisons[k].planColumn
	for i, l := range c.Levels {
		b := levelBound{Level: l, condition: "true", highest: mc.Levels[i].Weight, weight: float(mc.Levels[i].Weight)}
		switch n := number(l.Value); l.Kind {
		case Exact:
			b.condition = column.sides("$a = $b")
			if c.TermFrequency {
				with := math.Log2(mc.Levels[i].M)
				b.highest = math.Max(b.highest, with+most)
				b.weight = fmt.Sprintf("greatest(%s, %s + l.%s)", b.weight, float(with), column.Bits)
			}
		case JaroWinkler:
			b.condition = column.sides("match.similar($s, " + n + ")")
		case Levenshtein, Damerau:
			b.condition = column.sides("match.apart($g) <= " + number(apart[l.Kind]*l.Value))
		case Prefix:
			b.condition = column.sides("left($a, " + n + ") = left($b, " + n + ")")
		case DayMonth:
			b.condition = column.sides("$a = r." + column.Exchanged)
		case SameYear:
			b.condition = "l." + column.Year + " = r." + column.Year
		case Swapped:
			b.condition = p.comparisons[k].HalfSwapped
		}
		all = append(all, b)
	}
	w := mc.Levels[len(c.Levels)].Weight
	all = append(all, levelBound{condition: "true", highest: w, weight: float(w)})
	slices.SortStableFunc(all, func(a, b levelBound) int { return cmp.Compare(b.highest, a.highest) })
	return all
}

// finely is what a comparison weighs at most: the heaviest level whose condition holds.
func finely(levels []levelBound, value string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CASE WHEN l.%s IS NULL OR r.%[1]s IS NULL THEN 0", value)
	for _, l := range levels {
		if l.condition == "true" {
			return b.String() + " ELSE " + l.weight + " END"
		}
		fmt.Fprintf(&b, " WHEN %s THEN %s", l.condition, l.weight)
	}
	panic("a comparison ends with else")
}

// coarse is the same from one look at the sets of each text or, where it has none, at whether values
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
		return l.condition == "true" || l.Kind == Prefix || l.Kind == SameYear
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
	// Equal values, and dates with day and month exchanged, are similar and few edits apart.
	equal := func(l levelBound) bool { return l.Kind == Exact || l.Kind == DayMonth }
	most := math.Max(base, highest(levels, func(l levelBound) bool { return equal(l) || bySets(l) }))
	if len(tests) == 0 {
		for _, l := range levels {
			if equal(l) && l.highest > base {
				tests = append(tests, l)
			}
		}
	}
	if most > base {
		conditions := make([]string, len(tests))
		for i, t := range tests {
			conditions[i] = t.condition
		}
		c.gain(strings.Join(conditions, " OR "), most-base, bySets(tests[0]))
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
		c.missing = append(c.missing, fmt.Sprintf("CASE WHEN %s IS NULL THEN %s ELSE 0 END", value, float(-base)))
	}
}

func (c *coarse) gain(condition string, bits float64, never bool) {
	gain := fmt.Sprintf("(%s)::FLOAT * %s", condition, float(bits))
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
	return strings.Join(append(c.gains, "l.missing", "r.missing"), "\n    + ") + " >= " + float(floor-c.base)
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

// float is a number as a FLOAT of SQL.
func float(v float64) string { return number(v) + "::FLOAT" }
