package synth

import (
	"math/bits"
	"slices"
	"strings"
	"time"
)

// insured is the chance that the insurer has a record of a person.
const insured = 0.985

// Schemes of the national health insurance, by weight.
var (
	schemes       = []string{"general", "agricultural", "self-employed"}
	schemeWeights = []float64{88, 6, 6}
)

// Chronic conditions that are reimbursed in full (affections de longue durée).
const longTermIllnesses = "E11.9 I25.1 I50.9 N18.5 G30.9 M06.9 C50.9 C61 C18.9 C34.9 G40.9"

// insurer writes the person's record, coverage and claims.
func (b *batch) insurer(l *life) {
	s := newSource(l.seed, l.number-1, forInsurer)
	if !s.chance(insured) {
		return
	}
	b.truth.Insured++
	if len(l.at) > 0 {
		b.truth.Linked++
	}
	id := b.identity(s, l.person, Hospitals)
	c := &claims{batch: b, source: s, life: l, key: personKey(Hospitals, l.person)}
	death := l.death
	if s.chance(0.02) {
		death = time.Time{} // not every death reaches the insurer
	}
	b.row(insurerFile(beneficiaries), c.key, id.nir, id.birthName, id.lastName, id.firstName, date(id.birth), id.sex,
		id.home.postcode, id.home.department, date(death))
	b.known(insurer, c.key, l.person)

	c.cover()
	c.consult()
	c.treat()
	b.truth.Marginals.Dispensed += bits.OnesCount(c.handed)
	for n, st := range l.stays {
		c.bill(n, st)
	}
}

// claims writes the lines of one beneficiary.
type claims struct {
	*batch
	source
	*life
	key    string
	lines  int
	handed uint // years in which a pharmacy handed out a drug, a bit each
}

func (c *claims) line() string {
	c.lines++
	return eventKey(Hospitals, c.person, c.lines)
}

// cover writes the periods of coverage: one in the window, two where the scheme changed.
func (c *claims) cover() {
	ald := ""
	for _, x := range c.has {
		if slices.Contains(strings.Fields(longTermIllnesses), x.code) {
			ald = x.code
			break
		}
	}
	scheme := c.weighted(schemeWeights)
	from, to := c.from, earlier(c.to, End).AddDate(0, 0, -1)
	if change := c.day(from, to); c.chance(0.05) && change.After(from) && change.Before(to) {
		c.row(insurerFile(coverage), c.line(), c.key, schemes[scheme], date(from), date(change.AddDate(0, 0, -1)), "")
		from, scheme = change, (scheme+1)%len(schemes)
	}
	c.row(insurerFile(coverage), c.line(), c.key, schemes[scheme], date(from), date(to), ald)
}

// consult writes the visits outside hospitals: for an episode, with its drugs,
// and for a check-up, at times to a specialist or with a technical act.
func (c *claims) consult() {
	doctor := professional(c.home.postcode, c.IntN(40)) // the treating doctor
	for _, e := range c.episodes {
		if c.chance(0.75) {
			c.care(e.day, "G", doctor, "general practice", 2650)
		}
		for _, atc := range e.cause.drugs {
			c.dispense(e.day, drugOf[atc], doctor, 1)
		}
	}
	for _, day := range c.checkups {
		switch c.weighted([]float64{70, 18, 12}) {
		case 0:
			c.care(day, "G", doctor, "general practice", 2650)
		case 1:
			c.care(day, "CS", professional(c.home.department, 100+c.IntN(60)), "specialist", 3150)
		default:
			a := actList[c.weighted(clinicWeights)]
			if a.code == "QEQK001" && !c.female {
				a = actOf["ZBQK002"]
			}
			c.care(day, a.code, professional(c.home.department, 200+c.IntN(30)), "imaging and explorations", a.cents)
		}
	}
}

var clinicWeights = func() []float64 {
	var weights []float64
	for _, a := range actList {
		weights = append(weights, a.clinic)
	}
	return weights
}()

func (c *claims) care(day time.Time, act, professional, specialty string, cents int) {
	c.row(insurerFile(care), c.line(), c.key, date(day), act, professional, specialty, euros(cents), euros(cents*70/100))
}

// treat writes the drugs of chronic conditions and the yearly influenza vaccine from 65 on.
func (c *claims) treat() {
	doctor := professional(c.home.postcode, c.IntN(40))
	for _, x := range c.has {
		for _, atc := range x.drugs {
			if !c.chance(0.75) {
				continue
			}
			d := drugOf[atc]
			for range c.poisson(2.6 * c.years() / 4) {
				c.dispense(c.seasonal(c.from, c.to, "flat"), d, doctor, 1)
			}
		}
	}
	for year := Start.Year(); year < End.Year(); year++ {
		day := time.Date(year, 10, 12+c.IntN(45), 0, 0, 0, 0, time.UTC)
		if c.age(day) >= 65 && day.Before(c.to) && c.chance(0.53) {
			c.dispense(day, drugOf["J07BB02"], doctor, 1)
		}
	}
}

func (c *claims) dispense(day time.Time, d drug, prescriber string, boxes int) {
	c.truth.Marginals.boxes(d.atc, day.Month(), boxes)
	c.handed |= 1 << (day.Year() - Start.Year())
	c.row(insurerFile(dispensations), c.line(), c.key, date(day), d.cip13, d.atc, number(float64(boxes), 0),
		number(float64(boxes*d.days), 0), prescriber, euros(boxes*d.cents), euros(boxes*d.cents*65/100))
}

// bill writes a hospital's bill of a stay as it arrived, where it did.
func (c *claims) bill(n int, st stay) {
	if c.chance(c.rates.StayHospitalOnly) {
		c.truth.Errors["stay: hospital only"]++
		return
	}
	key := stayKey(c.person, n, st)
	days := 1 + int(st.exit.Sub(st.entry)/(24*time.Hour))
	cents := days * wardOf[st.cause.ward].cents
	for _, code := range st.cause.acts {
		cents += actOf[code].cents
	}
	kept := c.misrecord(c.source, c.life, st)
	c.row(insurerFile(insurerStays), key, c.key, finess[st.hospital], date(kept.entry), date(kept.exit),
		st.kind(), kept.diagnosis, euros(cents), euros(cents*92/100))
	c.knownStay(insurer, key, c.person, n)
}

// kept is a stay as the insurer keeps it.
type kept struct {
	entry, exit time.Time
	diagnosis   string // empty where it is missing
}

// misrecord makes the errors that lie between a hospital's stay and the insurer's, which are counted.
func (b *desk) misrecord(s source, l *life, st stay) kept {
	k := kept{st.entry, st.exit, st.cause.code}
	if s.chance(b.rates.StayDayOff) {
		first, last := later(Start, l.birth), later(earlier(End, l.to), st.exit)
		entry, exit := s.dayOff(k.entry, k.exit)
		if !entry.Before(first) && exit.Before(last) && !entry.After(exit) { // not before birth, nor after death
			k.entry, k.exit = entry, exit
			b.truth.Errors["stay: day off"]++
		}
	}
	if s.chance(b.rates.StayDiagnosisDiffers) {
		if other := l.otherDiagnosis(s, st); other != k.diagnosis {
			k.diagnosis = other
			b.truth.Errors["stay: diagnosis differs"]++
		}
	}
	if s.chance(b.rates.StayFieldMissing) {
		k.diagnosis = ""
		b.truth.Errors["stay: field missing"]++
	}
	return k
}

// dayOff moves the first or the last day by one.
func (s source) dayOff(entry, exit time.Time) (time.Time, time.Time) {
	days := 1 - 2*s.IntN(2)
	if s.chance(0.5) {
		return entry.AddDate(0, 0, days), exit
	}
	return entry, exit.AddDate(0, 0, days)
}

// otherDiagnosis is what a coder may have taken for the main diagnosis: an illness that the
// person has, or one that is treated in the same ward.
func (l *life) otherDiagnosis(s source, st stay) string {
	if len(l.has) > 0 && s.chance(0.5) {
		return pick(s, l.has).code
	}
	if st.cause.code == bornAlive {
		return "P59.9" // jaundice
	}
	var others []condition
	for _, c := range conditions {
		if c.ward == st.cause.ward && c.kind == st.cause.kind && l.mayHave(&c) {
			others = append(others, c)
		}
	}
	return pick(s, others).code
}
