package synth

import (
	"slices"
	"strconv"
	"time"
)

// unreadable is the chance that a laboratory writes a word where a number is due.
const unreadable = 1.0 / 2000

// record writes what every party knows of a life.
func (b *batch) record(l *life) {
	for _, h := range l.at {
		b.hospital(l, h)
	}
	b.insurer(l)
	switch n := len(l.at); {
	case n > 1:
		b.truth.InSeveral++
		fallthrough
	case n == 1:
		b.truth.InHospital++
	}
}

func (b *batch) known(party string, localKey string, p *person) {
	b.row(truthFile, party, localKey, strconv.Itoa(p.number))
}

// knownStay says of which stay a party's record is. n is the stay's place in the person's life.
func (b *batch) knownStay(party, key string, p *person, n int) {
	b.row(truthStays, party, key, strconv.Itoa(p.number), strconv.FormatInt(trueStay(p, n), 10))
}

// trueStay is the number of a stay, the same wherever it is kept.
func trueStay(p *person, n int) int64 { return int64(p.number)*eventsPerPerson + int64(n) }

// hospital writes the rows of a person at one hospital: one record of the person,
// or two where the desk did not find the first again.
func (b *batch) hospital(l *life, h int) {
	s := newSource(l.seed, l.number-1, forHospital+purpose(h))
	keys := []string{personKey(h, l.person)}
	if s.chance(b.rates.DuplicateIPP) {
		b.truth.Errors["duplicate ipp"]++
		keys = append(keys, secondKey(h, l.person))
	}
	died := ""
	for n, st := range l.stays {
		if st.hospital == h {
			if s.chance(b.rates.StayInsurerOnly) {
				b.truth.Errors["stay: insurer only"]++
				continue
			}
			b.stay(s, l, h, pick(s, keys), n, st)
			if st.died {
				died = date(l.death)
			}
		}
	}
	for _, key := range keys {
		id := b.identity(s, l.person, h)
		b.row(hospitalFile(h, patients), key, id.nir, id.birthName, id.lastName, id.firstName, date(id.birth), id.sex,
			id.home.postcode, id.home.city, id.home.department, s.phone(), died)
		b.known(hospitalName(h), key, l.person)
	}
}

func (s source) phone() string {
	return "06" + number(float64(10_000_000+s.IntN(90_000_000)), 0)
}

// stay writes one stay and what was found, done, given and measured in it.
func (b *batch) stay(s source, l *life, h int, person string, n int, st stay) {
	id := stayKey(l.person, n, st)
	b.knownStay(hospitalName(h), id, l.person, n)
	w := wardOf[st.cause.ward]
	practitioner := professional(finess[h]+w.code, s.IntN(6))
	mode := "home"
	switch {
	case st.died:
		mode = "death"
	case st.cause.days > 0 && s.chance(0.06):
		mode = "transfer"
	}
	b.row(hospitalFile(h, stays), id, person, finess[h], hospitalNames[h], w.name, practitioner, w.specialty,
		st.kind(), moment(st.entry), moment(st.exit), mode)

	found := l.diagnoses(s, st)
	for i, c := range found {
		rank := "principal"
		if i > 0 {
			rank = "associated"
		}
		b.row(hospitalFile(h, diagnoses), id, person, c.code, rank, date(st.entry))
	}
	for _, code := range st.cause.acts {
		if s.chance(0.8) {
			b.row(hospitalFile(h, procedures), id, person, code, practitioner, moment(st.during(s)))
		}
	}
	for _, c := range found {
		for _, atc := range c.drugs {
			if s.chance(0.7) {
				b.drug(s, h, id, person, drugOf[atc], st)
			}
		}
	}
	b.measure(s, h, id, person, found, st)
}

// kind is the stay's kind as the hospital codes it.
func (st stay) kind() string {
	switch st.cause.ward {
	case "URG":
		return "emergency"
	case "AMB":
		return "outpatient"
	}
	return "inpatient"
}

// during draws a moment of the stay.
func (st stay) during(s source) time.Time {
	minutes := max(int(st.exit.Sub(st.entry)/time.Minute), 1)
	return st.entry.Add(time.Duration(s.IntN(minutes)) * time.Minute)
}

// diagnoses are the stay's conditions: its cause, what the person has, what came along.
func (l *life) diagnoses(s source, st stay) []condition {
	found := []condition{st.cause}
	for _, c := range l.has {
		if c.code != st.cause.code && s.chance(0.8) {
			found = append(found, c)
		}
	}
	for _, c := range conditions {
		if c.kind == "associated" && s.chance(c.rate[l.bandNow()]/1000) {
			found = append(found, c)
		}
	}
	return found
}

func (b *batch) drug(s source, h int, stay, person string, d drug, st stay) {
	from := st.during(s)
	to := st.exit
	quantity := 1 + int(to.Sub(from)/(24*time.Hour))*max(d.units/max(d.days, 1), 1)
	b.row(hospitalFile(h, drugs), stay, person, d.atc, d.name, date(from), date(to), number(float64(quantity), 0), d.route)
}

// Taken at every stay.
var vitals = []string{"8480-6", "8462-4", "8867-4"}

// measure writes the vital signs, the tests of what was found, and the smoking status.
func (b *batch) measure(s source, h int, stay, person string, found []condition, st stay) {
	codes := vitals
	for _, c := range found {
		codes = append(codes[:len(codes):len(codes)], c.tests...)
	}
	slices.Sort(codes[len(vitals):])
	for _, code := range slices.Compact(codes) {
		t := testOf[code]
		value, text := "", ""
		shifted := slices.ContainsFunc(found, func(c condition) bool { return c.code == t.shiftedBy })
		if t.unit == "" {
			text = s.finding(shifted)
		} else {
			value = b.value(s, t, shifted)
		}
		b.row(hospitalFile(h, observations), stay, person, code, value, t.unit, text, moment(st.during(s)))
	}
	if s.chance(0.2) {
		status := []string{"never smoker", "former smoker", "current smoker"}[s.weighted([]float64{45, 30, 25})]
		b.row(hospitalFile(h, observations), stay, person, smoking, "", "", status, moment(st.during(s)))
	}
}

const smoking = "72166-2"

func (s source) finding(shifted bool) string {
	if s.chance(map[bool]float64{true: 0.9, false: 0.03}[shifted]) {
		return "positive"
	}
	return "negative"
}

func (b *batch) value(s source, t test, shifted bool) string {
	if s.chance(unreadable) {
		b.truth.Unreadable++
		return "hémolysé"
	}
	mean, sd := t.mean, t.sd
	if shifted {
		mean += t.shift
		sd += max(t.shift, -t.shift) * 0.3
	}
	return number(s.normal(mean, sd, t.low, t.high), t.decimals)
}
