package synth

import (
	"strings"
	"time"
	"unicode/utf8"
)

// identity is what one party's desk wrote down about a person.
type identity struct {
	nir, birthName, lastName, firstName string
	birth                               time.Time
	sex                                 string
	home                                place
}

// style is how a party writes names.
type style int

const (
	asGiven style = iota
	capitals
	capitalsNoAccents
	noAccents
)

// The style of each party, the insurer last.
var styles = [Hospitals + 1]style{capitalsNoAccents, asGiven, capitals, noAccents, capitalsNoAccents}

// identity draws the record of the person at a party, with its errors, which are counted.
func (b *desk) identity(s source, p *person, party int) identity {
	r, factor := b.rates, 1.0
	if party == Hospitals {
		factor = r.InsurerFactor
	}
	happens := func(kind string, rate float64, possible bool) bool {
		if !s.chance(rate*factor) || !possible {
			return false
		}
		b.truth.Errors[kind]++
		return true
	}

	id := identity{p.nir, p.birthName, p.usedName, p.forenames[0], p.birth, "M", p.home}
	if p.female {
		id.sex = "F"
	}
	if happens("name changed", r.NameChanged, p.formerName != p.usedName) {
		id.lastName = p.formerName
	}
	married := id.lastName != p.birthName
	if happens("nir missing", r.NIRMissing, true) {
		id.nir = ""
	} else if happens("nir typo", r.NIRTypo, true) {
		id.nir = s.mistypeDigit(id.nir)
	}
	if happens("birth name missing", r.BirthNameMissing, !married) {
		id.birthName = ""
	}
	if happens("married name only", r.MarriedNameOnly, married) {
		id.birthName = id.lastName
	}
	if happens("second first name", r.SecondFirstName, len(p.forenames) > 1) {
		id.firstName = p.forenames[1]
	}
	if happens("name typo", r.NameTypo, true) {
		id.lastName = s.mistype(id.lastName)
		if !married && id.birthName != "" {
			id.birthName = id.lastName
		}
	}
	if happens("first name typo", r.FirstNameTypo, true) {
		id.firstName = s.mistype(id.firstName)
	}
	if happens("names swapped", r.NamesSwapped, true) {
		id.firstName, id.lastName = id.lastName, id.firstName
	}
	if happens("birth date typo", r.BirthDateTypo, true) {
		id.birth = s.misdate(p.birth)
	} else if happens("birth day unknown", r.BirthDayUnknown, true) {
		id.birth = time.Date(p.birth.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if happens("sex wrong", r.SexWrong, true) {
		id.sex = map[string]string{"F": "M", "M": "F"}[id.sex]
	}
	if happens("moved house", r.Moved, true) {
		id.home = places[s.weighted(placeWeights)]
	}
	if b.withoutNIR[party] {
		id.nir = ""
	}
	id.birthName = styles[party].write(id.birthName)
	id.lastName = styles[party].write(id.lastName)
	id.firstName = styles[party].write(id.firstName)
	return id
}

var accents = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "î", "i", "ï", "i",
	"ô", "o", "ö", "o", "û", "u", "ù", "u", "ü", "u", "ç", "c", "É", "E", "È", "E", "À", "A", "Ç", "C", "Î", "I", "Ô", "O")

func (y style) write(name string) string {
	if y == capitalsNoAccents || y == noAccents {
		name = accents.Replace(name)
	}
	if y == capitals || y == capitalsNoAccents {
		name = strings.ToUpper(name)
	}
	return name
}

// mistype makes one typing error: a letter lost, doubled, exchanged with its
// neighbour, or replaced. The result is never empty.
func (s source) mistype(name string) string {
	if utf8.RuneCountInString(name) < 3 {
		return name + name
	}
	r := []rune(name)
	i := 1 + s.IntN(len(r)-2)
	switch s.IntN(4) {
	case 0:
		return string(r[:i]) + string(r[i+1:])
	case 1:
		return string(r[:i]) + string(r[i:i+1]) + string(r[i:])
	case 2:
		r[i], r[i+1] = r[i+1], r[i]
	default:
		r[i] = rune('a' + s.IntN(26))
	}
	return string(r)
}

// mistypeDigit changes one digit after the place, so that the key no longer fits.
func (s source) mistypeDigit(nir string) string {
	i := 7 + s.IntN(6)
	d := (int(nir[i]-'0') + 1 + s.IntN(9)) % 10
	return nir[:i] + string(rune('0'+d)) + nir[i+1:]
}

// misdate exchanges day and month where that gives a date, or misses by a day, month or year.
func (s source) misdate(d time.Time) time.Time {
	if d.Day() <= 12 && d.Day() != int(d.Month()) && s.chance(0.5) {
		return time.Date(d.Year(), time.Month(d.Day()), int(d.Month()), 0, 0, 0, 0, time.UTC)
	}
	wrong := []time.Time{d.AddDate(0, 0, -1), d.AddDate(0, 0, -10), d.AddDate(0, -1, 0), d.AddDate(-1, 0, 0)}
	return pick(s, wrong)
}
