package synth

import (
	"math"
	"math/rand/v2"
	"time"
)

// source is the randomness of one person for one purpose. Purposes have
// streams of their own, so that a change to one leaves the others' draws alone.
type source struct{ *rand.Rand }

type purpose uint64

const (
	forPerson purpose = iota + 1
	forLife
	forHospital // plus the hospital's index
	forInsurer  = forHospital + Hospitals
	forNotes    = forInsurer + 1
	forVital    = forNotes + 1
	forTwins    = forVital + 1
	forMother   = forTwins + 1
	forNational = forMother + 1 // plus the hospital's index
)

func newSource(seed uint64, i int, p purpose) source {
	a := splitmix(seed ^ splitmix(uint64(i)))
	return source{rand.New(rand.NewPCG(a, splitmix(a^uint64(p))))}
}

// splitmix is the finaliser of SplitMix64: neighbouring inputs, unrelated outputs.
// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance is true with probability p.
func (s source) chance(p float64) bool { return s.Float64() < p }

// poisson draws a count with the given mean, which should be small (below 30).
// Source: Knuth, The Art of Computer Programming, volume 2, section 3.4.1.
func (s source) poisson(mean float64) int {
	limit, product, n := math.Exp(-mean), s.Float64(), 0
	for product > limit {
		product *= s.Float64()
		n++
	}
	return n
}

// weighted draws an index in proportion to its weight; the weights sum above 0.
func (s source) weighted(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := s.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// pick draws one of several with equal chances.
func pick[T any](s source, of []T) T { return of[s.IntN(len(of))] }

// normal draws from a normal distribution, cut to [low, high].
func (s source) normal(mean, sd, low, high float64) float64 {
	return min(max(mean+sd*s.NormFloat64(), low), high)
}

// day draws a day in [from, to).
func (s source) day(from, to time.Time) time.Time {
	days := int(to.Sub(from) / (24 * time.Hour))
	if days < 1 {
		return from
	}
	return from.AddDate(0, 0, s.IntN(days))
}

// monthly weights of the seasons, January first.
var seasons = map[string][]float64{
	"flat":   {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	"births": {0.99, 0.955, 0.94, 0.96, 1.0, 1.02, 1.065, 1.04, 1.05, 1.03, 1.0, 0.99}, // INSEE, births a day by month, 2019
	"deaths": {1.14, 1.1, 1.05, 1.0, 0.96, 0.94, 0.93, 0.94, 0.93, 0.97, 1.0, 1.07},    // more in winter, as INSEE counts them by day
	"winter": {3.2, 3.0, 1.9, 0.9, 0.5, 0.3, 0.2, 0.2, 0.4, 0.8, 1.3, 2.3},
	"spring": {0.6, 0.7, 1.1, 1.8, 2.1, 1.7, 1.0, 0.7, 0.7, 0.6, 0.5, 0.5},
	"summer": {0.8, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 1.0, 0.8, 0.8},
}

// seasonal draws a day in [from, to), which are days, by the season's weights.
func (s source) seasonal(from, to time.Time, season string) time.Time {
	weights := seasons[season]
	most := 0.0
	for _, w := range weights {
		most = max(most, w)
	}
	for { // rejection: a window of any length keeps its seasons
		d := s.day(from, to)
		if s.Float64()*most < weights[d.Month()-1] || !to.After(from.AddDate(0, 1, 0)) {
			return d
		}
	}
}
