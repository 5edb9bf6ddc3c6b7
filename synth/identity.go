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

// errorRates are the chances that a hospital's desk makes an error in a record.
// They are of the magnitude that record linkage studies report for registration
// data: a few per cent a field, identifiers missing in about one record in twelve.
var errorRates = map[string]float64{
	"nir missing":        0.08,
	"nir typo":           0.008,
	"birth name missing": 0.06,
	"married name only":  0.05,
	"names swapped":      0.005,
	"second first name":  0.02,
	"name typo":          0.025,
	"first name typo":    0.02,
	"birth date typo":    0.006,
	"birth day unknown":  0.003,
	"sex wrong":          0.001,
	"moved house":        0.07,
}

// insurerFactor says how much rarer errors are at the insurer, which registers
// persons once and pays by their number.
const insurerFactor = 0.12

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
func (b *batch) identity(s source, p *person, party int) identity {
	factor := 1.0
	if party == Hospitals {
		factor = insurerFactor
	}
	happens := func(kind string, possible bool) bool {
		if !s.chance(errorRates[kind]*factor) || !possible {
			return false
		}
		b.truth.Errors[kind]++
		return true
	}

	id := identity{p.nir, p.birthName, p.usedName, p.forenames[0], p.birth, "M", p.home}
	if p.female {
		id.sex = "F"
	}
	married := p.usedName != p.birthName
	if happens("nir missing", true) {
		id.nir = ""
	} else if happens("nir typo", true) {
		id.nir = s.mistypeDigit(id.nir)
	}
	if happens("birth name missing", !married) {
		id.birthName = ""
	}
	if happens("married name only", married) {
		id.birthName = p.usedName
	}
	if happens("second first name", len(p.forenames) > 1) {
		id.firstName = p.forenames[1]
	}
	if happens("name typo", true) {
		id.lastName = s.mistype(id.lastName)
		if !married && id.birthName != "" {
			id.birthName = id.lastName
		}
	}
	if happens("first name typo", true) {
		id.firstName = s.mistype(id.firstName)
	}
	if happens("names swapped", true) {
		id.firstName, id.lastName = id.lastName, id.firstName
	}
	if happens("birth date typo", true) {
		id.birth = s.misdate(p.birth)
	} else if happens("birth day unknown", true) {
		id.birth = time.Date(p.birth.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if happens("sex wrong", true) {
		id.sex = map[string]string{"F": "M", "M": "F"}[id.sex]
	}
	if happens("moved house", true) {
		id.home = places[s.weighted(placeWeights)]
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
