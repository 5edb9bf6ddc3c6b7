package synth

import (
	"slices"
	"time"
)

// life is what happens to a person between Start and End.
type life struct {
	*person
	seed     uint64
	at       []int     // hospitals that know the person, the usual one first
	stays    []stay    // by entry, without overlap
	episodes []episode // illnesses seen by a general practitioner, by day
	checkups []time.Time
	children []int // number of the child, of twins the elder, born in the window
}

// stay is one stay at a hospital, of some hours or some days.
type stay struct {
	hospital    int
	entry, exit time.Time
	cause       condition
	died        bool
}

// episode is an acute illness that did not lead to a hospital.
type episode struct {
	day   time.Time
	cause condition
}

// The hospital that a region's people go to first.
var usual = map[string]int{"north": 0, "centre": 1, "west": 2, "south": 3}

func (w world) life(i int) *life {
	l := &life{person: w.person(i), seed: w.seed}
	s := newSource(w.seed, i, forLife)
	deliveries := l.deliveries(w)
	dies := !l.death.IsZero() && s.chance(deathsInHospital)
	rate := 0.0 // a 1000 years
	for _, reason := range l.reasons(func(*condition) float64 { return 1 }) {
		rate += reason
	}
	more := s.poisson(min(admissions*rate/1000*l.years(), 25))
	if more > 0 || dies || len(deliveries) > 0 {
		l.choose(s)
		l.stay(s, deliveries, dies, more)
	}
	l.fallIll(s)
	for range s.poisson([]float64{1.5, 1.6, 2.4, 3.6, 4.2}[l.bandNow()] * l.years() / 4) {
		l.checkups = append(l.checkups, s.seasonal(l.from, l.to, "flat"))
	}
	slices.SortFunc(l.checkups, time.Time.Compare)
	return l
}

// bandNow is the age band at the middle of the window.
func (p *person) bandNow() int { return band(p.age(Start.AddDate(2, 0, 0))) }

// years is how long the person lived in the window.
func (p *person) years() float64 { return p.to.Sub(p.from).Hours() / 24 / 365.25 }

// choose draws the hospitals that know the person.
func (l *life) choose(s source) {
	home := usual[l.home.region]
	if s.chance(0.06) {
		home = s.IntN(Hospitals)
	}
	l.at = []int{home}
	for len(l.at) < Hospitals && s.chance(0.18) {
		if h := s.IntN(Hospitals); !slices.Contains(l.at, h) {
			l.at = append(l.at, h)
		}
	}
}

// deliveries gives the day on which the person bears a child of the population, where she lives to see it.
func (l *life) deliveries(w world) []episode {
	if !l.female || l.age(End) < 15 || l.age(Start) > 50 {
		return nil
	}
	child := w.birthOf(l.number - 1)
	if child < 0 {
		return nil
	}
	birth := w.vital(child).birth
	if !birth.Before(l.to) {
		return nil
	}
	cause := conditionOf[spontaneousDelivery]
	if newSource(w.seed, child, forMother).chance(caesarean) {
		cause = conditionOf[caesareanDelivery]
	}
	l.children = append(l.children, child+1)
	return []episode{{birth, cause}}
}

// caesarean is the share of deliveries by caesarean section.
// Source: enquête nationale périnatale 2021 (Inserm, DREES, Santé publique France): 21.4 per cent.
const (
	caesarean           = 0.214
	spontaneousDelivery = "O80.0"
	caesareanDelivery   = "O82.0"
)

// admissions is how many stays there are for one that the rates of the conditions tell of: these
// are those of the commonest ones, and there are others.
const admissions = 1.15

// deathsInHospital is the share of deaths during a stay. In France, somewhat above one half.
const deathsInHospital = 0.55

// stay draws the person's stays: the deliveries, the last one where the person
// dies in hospital, and more by the rates of the conditions. Every hospital
// that knows the person has at least one.
func (l *life) stay(s source, deliveries []episode, dies bool, more int) {
	for _, d := range deliveries {
		l.stays = append(l.stays, l.newStay(s, l.at[0], d.day, d.cause))
	}
	if dies {
		cause := l.cause(s, func(c *condition) float64 { return c.lethal })
		last := l.newStay(s, l.at[0], l.death, cause)
		last.entry = later(last.entry.Add(-last.exit.Sub(last.entry)), l.from)
		last.exit, last.died = l.death.Add(time.Duration(8+s.IntN(14))*time.Hour), true
		if last.entry.After(last.exit) {
			last.entry = last.exit.Add(-2 * time.Hour)
		}
		l.stays = append(l.stays, last)
	}
	for range more {
		cause := l.cause(s, func(*condition) float64 { return 1 })
		l.stays = append(l.stays, l.newStay(s, l.at[0], s.seasonal(l.from, l.to, cause.season), cause))
	}
	slices.SortFunc(l.stays, func(a, b stay) int { return a.entry.Compare(b.entry) })
	kept := l.stays[:0]
	for _, next := range l.stays {
		if n := len(kept); n > 0 && !next.entry.After(kept[n-1].exit) {
			if !next.died {
				continue
			}
			kept = kept[:n-1]
		}
		kept = append(kept, next)
	}
	l.stays = kept
	if len(l.at) > len(l.stays) {
		l.at = l.at[:len(l.stays)]
	}
	for i := range l.stays {
		switch {
		case i < len(l.at):
			l.stays[i].hospital = l.at[i]
		case s.chance(0.25):
			l.stays[i].hospital = pick(s, l.at)
		}
	}
}

// cause draws the condition of a stay by the stays that it leads to.
func (l *life) cause(s source, factor func(*condition) float64) condition {
	return conditions[s.weighted(l.reasons(factor))]
}

// reasons are how many stays in 1000 years each condition leads the person to, by the factor.
func (l *life) reasons(factor func(*condition) float64) []float64 {
	weights := make([]float64, len(conditions))
	at := l.bandNow()
	for i := range conditions {
		c := &conditions[i]
		switch {
		case c.kind == "acute" && l.mayHave(c):
			weights[i] = c.rate[at] * c.admit / 100 * factor(c)
		case c.kind == "chronic" && l.suffers(c.code):
			weights[i] = c.admit * factor(c)
		}
	}
	return weights
}

func (l *life) newStay(s source, hospital int, day time.Time, cause condition) stay {
	entry := day.Add(time.Duration(6*60+s.IntN(16*60)) * time.Minute)
	if cause.ward == "AMB" { // who comes for the day comes in the morning
		entry = day.Add(time.Duration(7*60+s.IntN(5*60)) * time.Minute)
	}
	length := time.Duration(90+s.IntN(6*60)) * time.Minute
	if cause.days > 0 {
		nights := 1 + s.poisson(cause.days-1)
		if s.chance(0.12) {
			nights *= 3 // the long tail
		}
		length = time.Duration(24*nights)*time.Hour + time.Duration(s.IntN(5*60)-150)*time.Minute
	}
	last := End
	if !l.death.IsZero() {
		last = earlier(End, l.death)
	}
	exit := earlier(entry.Add(length), last.Add(-time.Minute))
	if !exit.After(entry) {
		entry = exit.Add(-time.Hour)
	}
	return stay{hospital: hospital, entry: entry, exit: exit, cause: cause}
}

// fallIll draws the acute illnesses of which no hospital heard.
func (l *life) fallIll(s source) {
	for i := range conditions {
		c := &conditions[i]
		if c.kind != "acute" || c.admit == 100 || !l.mayHave(c) {
			continue
		}
		perYear := c.rate[l.bandNow()] / 1000 * (1 - c.admit/100)
		for range s.poisson(perYear * l.years()) {
			l.episodes = append(l.episodes, episode{s.seasonal(l.from, l.to, c.season), *c})
		}
	}
	slices.SortStableFunc(l.episodes, func(a, b episode) int { return a.day.Compare(b.day) })
}
