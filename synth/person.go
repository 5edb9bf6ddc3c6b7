package synth

import (
	"math"
	"slices"
	"time"
)

// The window of observation, from Start up to, and without, End.
var (
	Start = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	End   = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
)

// person is the truth about one person, which no record states in full.
type person struct {
	number     int
	female     bool
	birth      time.Time
	death      time.Time // zero where the person lives at End
	birthplace string    // department of birth as in the NIR
	nir        string
	birthName  string
	usedName   string // of a marriage; the birth name where there is none
	formerName string // the name in use before, where there was one; else usedName's first value
	forenames  []string
	home       place
	mother     int         // number of the mother; 0 where she is not in the population, or the person was born before Start
	from, to   time.Time   // the part of the window that the person lived
	has        []condition // chronic conditions
}

// Persons alive at Start by age, in per mille and five-year bands from 0 to 95 and above.
// Source: restated in round figures from INSEE's age pyramid of France, 1 January 2021.
var pyramid = []float64{53, 60, 62, 62, 57, 55, 60, 62, 62, 65, 66, 65.5, 61.5, 57, 54, 35, 27, 21, 10.7, 3.3}

// world is where persons come from: a person is derived from it and a number alone.
type world struct {
	seed  uint64
	rates Rates
	holding
}

// holding is which parties hold no national identifier.
type holding struct{ withoutNIR [Hospitals + 1]bool }

func newPerson(seed uint64, i int) *person { return world{seed: seed, rates: DefaultRates()}.person(i) }

// person makes the person number i, counted from 0.
func (w world) person(i int) *person {
	v := w.vital(i)
	s := newSource(w.seed, i, forPerson)
	p := &person{number: i + 1, home: places[s.weighted(placeWeights)], birth: v.birth, female: v.female}
	var family *person // whose home and name the person has
	switch {
	case v.twin:
		family = w.person(elder(i))
	case v.child:
		if m := w.mother(i); m >= 0 {
			family = w.person(m)
			p.mother = m + 1
		}
	}
	if family != nil {
		p.home = family.home
	}
	if v.twin {
		p.mother = family.mother
	}
	p.death = s.death(p)
	p.from, p.to = later(Start, p.birth), End
	if !p.death.IsZero() {
		p.to = p.death.AddDate(0, 0, 1)
	}

	p.birthplace = p.home.department
	switch {
	case v.twin:
		p.birthplace = family.birthplace
	case v.child:
	case s.chance(0.12):
		p.birthplace = "99"
	case s.chance(0.3):
		p.birthplace = places[s.weighted(placeWeights)].department
	}
	if corsica := p.birthplace == "2A" || p.birthplace == "2B"; corsica && p.birth.Year() < 1976 {
		p.birthplace = "20" // the department was divided in 1976; older numbers keep 20
	}
	slot := nirSlot(p.birthplace, i)
	if v.twin { // the next number of the same commune's register
		slot = nextSlot(nirSlot(p.birthplace, elder(i)))
	}
	p.nir = nir(p.female, p.birth, p.birthplace, slot)

	p.birthName = s.surname()
	switch {
	case v.twin:
		p.birthName = family.birthName
	case family != nil:
		p.birthName = family.usedName
	}
	p.usedName, p.formerName = p.birthName, p.birthName
	if age := p.age(End); age > 25 && s.chance(map[bool]float64{true: 0.52, false: 0.01}[p.female]) {
		p.usedName = s.surname()
		if s.chance(0.08) {
			p.usedName = p.birthName + "-" + p.usedName
		}
	}
	if p.age(End) >= 18 && s.chance(0.2) { // a name that was in use before this one
		p.formerName = s.surname()
	}
	for range 1 + s.weighted([]float64{2, 5, 3}) {
		given := p.forenames
		if v.twin {
			given = append(given[:len(given):len(given)], family.forenames[0])
		}
		p.forenames = append(p.forenames, s.forename(p.female, p.birth.Year(), given...))
	}
	for i := range conditions {
		c := &conditions[i]
		if c.kind == "chronic" && p.mayHave(c) && s.chance(c.rate[band(p.age(Start))]/1000) {
			p.has = append(p.has, *c)
		}
	}
	return p
}

// age is the age in completed years on a day; before the birth it is 0.
func (p *person) age(on time.Time) int {
	age := on.Year() - p.birth.Year()
	if p.birth.AddDate(age, 0, 0).After(on) {
		age--
	}
	return max(age, 0)
}

// band is the age band of the catalogue's rates: 0-17, 18-44, 45-64, 65-79, 80 and above.
func band(age int) int {
	for i, limit := range []int{18, 45, 65, 80} {
		if age < limit {
			return i
		}
	}
	return 4
}

// mayHave says whether the condition is one of the person's sex.
func (p *person) mayHave(c *condition) bool {
	return c.sex == "" || (c.sex == "F") == p.female
}

func (p *person) suffers(code string) bool {
	return slices.ContainsFunc(p.has, func(c condition) bool { return c.code == code })
}

// death draws the day of death in the window, zero where there is none.
func (s source) death(p *person) time.Time {
	for year := Start.Year(); year < End.Year(); year++ {
		first := later(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), p.birth)
		if first.Year() > year {
			continue
		}
		next := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
		age := p.age(first)
		if age == 0 && !first.Equal(p.birth) {
			age = 1 // the first year's risk lies in its first weeks, which are over
		}
		if !s.chance(yearlyRisk(p.female, age)) {
			continue
		}
		if first.Equal(p.birth) {
			if day := first.AddDate(0, 0, s.IntN(28)); s.chance(0.7) && day.Before(next) {
				return day
			}
		}
		return s.seasonal(first, next, "deaths")
	}
	return time.Time{}
}

// risk is the yearly risk of death at an age, in ten thousands.
type risk struct{ age, men, women float64 }

// risks are restated in round figures from the French life tables (INSEE, tables de mortalité 2017-2019 and
// 2020-2022; INED, risques de mortalité selon l'âge). Between two ages the logarithm goes straight.
var risks = parse("mortality", func(f fields) risk { return risk{f.number("age"), f.number("men"), f.number("women")} })

// riskTable holds yearlyRisk by sex and age in completed years.
var riskTable = func() (t [2][111]float64) {
	for i := 1; i < len(risks); i++ {
		a, b := risks[i-1], risks[i]
		for age := a.age; age <= b.age; age++ {
			part := (age - a.age) / (b.age - a.age)
			t[0][int(age)] = math.Exp(math.Log(a.men)*(1-part)+math.Log(b.men)*part) / 10_000
			t[1][int(age)] = math.Exp(math.Log(a.women)*(1-part)+math.Log(b.women)*part) / 10_000
		}
	}
	return t
}()

// yearlyRisk is the chance of a person of that age to die within a year.
func yearlyRisk(female bool, age int) float64 {
	sex := 0
	if female {
		sex = 1
	}
	return riskTable[sex][min(max(age, 0), 110)]
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
