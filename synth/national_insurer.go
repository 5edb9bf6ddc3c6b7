package synth

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// beneficiary is a person as the national insurance knows them.
type beneficiary struct {
	*nation
	source
	*life
	w           world
	own, parent string    // pseudonyms: under the own number, and before that under a parent's; "" where there is no parent's
	majority    time.Time // from which day on the own number counts
	rank        int       // BEN_RNG_GEM under the parent's number
	shared      bool      // the twin of one sex has the parent's number too
	about       []byte    // the columns of ER_PRS_F that are of the person alone, but for number and rank
	organism    string
	department  string
	commune     string // as a postcode
	doctor      string
	scheme      int
	exempt      bool // a long-term illness: reimbursed in full
	claims      int
	lines       int
	handed      uint // years in which a pharmacy handed out a drug, a bit each
	now         claim
	followed    map[[2]int]bool // stays that followed one, by year and table
	some        []int
}

// record writes what every party knows of a life.
func (n *nation) record(w world, l *life) {
	born, mother := l.birthStay(w)
	at := slices.Clone(l.at)
	if born != nil && !slices.Contains(at, born.hospital) {
		at = append(at, born.hospital)
	}
	if born != nil {
		n.truth.Marginals.stay(*born)
	}
	b := n.register(w, l)
	if b != nil {
		b.consume()
	}
	for _, h := range at {
		n.hospital(l, h, born)
	}
	if b != nil {
		b.hospitalised(born, mother)
	}
	switch k := len(at); {
	case k > 1:
		n.truth.InSeveral++
		fallthrough
	case k == 1:
		n.truth.InHospital++
	}
	if b != nil && len(at) > 0 {
		n.truth.Linked++
	}
}

const bornAlive = "Z38.0"

// birthStay is the stay in which the person was born, and the mother's number; nil where she is not in the population.
func (l *life) birthStay(w world) (*stay, int) {
	if l.mother == 0 {
		return nil, 0
	}
	for _, st := range w.life(l.mother - 1).stays {
		if day := st.entry.Truncate(24 * time.Hour); st.cause.kind == "delivery" && day.Equal(l.birth) {
			own := stay{hospital: st.hospital, entry: st.entry.Add(2 * time.Hour), exit: st.exit,
				cause: condition{code: bornAlive, kind: "birth", ward: "OBST", days: st.cause.days}}
			if own.exit.Before(own.entry) {
				own.entry = st.entry
			}
			if !l.death.IsZero() && own.exit.After(l.to) {
				return nil, 0
			}
			return &own, l.mother
		}
	}
	return nil, 0
}

// isInsured says whether the insurance knows person i.
func (w world) isInsured(i int) bool { return newSource(w.seed, i, forInsurer).chance(insured) }

// pseudonym is a number of 17 places that says nothing.
func (w world) pseudonym(of string) string {
	const letters = "0123456789ABCDEFGHJKLMNPQRSTUVWX"
	a := w.seed
	for i := range len(of) {
		a = splitmix(a ^ uint64(of[i]))
	}
	b := splitmix(a)
	var text [17]byte
	for i := range text {
		if i == 9 {
			a = b
		}
		text[i] = letters[a&31]
		a >>= 5
	}
	return string(text[:])
}

// register writes the person into IR_BEN_R and its kin; nil where the insurance does not know them.
func (n *nation) register(w world, l *life) *beneficiary {
	i := l.number - 1
	if !w.isInsured(i) {
		return nil
	}
	n.truth.Insured++
	s := newSource(w.seed, i, forNational)
	b := &beneficiary{nation: n, source: s, life: l, w: w, rank: 1, commune: l.home.postcode, department: l.home.department,
		doctor: professional8(l.home.postcode, s.IntN(40)), scheme: []int{1, 2, 3}[s.weighted(schemeWeights)], majority: l.birth.AddDate(18, 0, 0)}
	b.own = w.pseudonym("own " + strconv.Itoa(l.number))
	if b.majority.After(Start) {
		owner := l.mother
		twins := w.twins(i)
		if owner == 0 {
			owner = -l.number
			if twins {
				owner = -elder(i) - 1
			}
		}
		sex := "M"
		if l.female {
			sex = "F"
		}
		b.parent = w.pseudonym("parent " + strconv.Itoa(owner) + date(l.birth) + sex)
		if other := w.vital(i ^ 1); twins && other.female == l.female {
			b.rank = 1 + i%2
			b.shared = w.isInsured(i ^ 1)
		}
	}
	b.organism = "01C" + padded(b.department, 3) + "000"
	for _, c := range l.has {
		if strings.Contains(longTermIllnesses, c.code) {
			b.exempt = true
		}
	}
	b.about = append(b.about, ",00,"...)
	b.about = strconv.AppendInt(b.about, int64(l.birth.Year()), 10)
	b.about = append(b.about, ',')
	b.about = append(b.about, sexOf(l.female)...)
	b.about = append(b.about, ',')
	b.about = append(b.about, padded(b.department, 3)...)
	b.about = append(b.about, ',')
	b.about = append(b.about, l.home.postcode[len(l.home.postcode)-3:]...)
	b.about = append(b.about, ',')
	b.about = append(b.about, b.organism...)
	b.about = append(b.about, ',')
	b.about = strconv.AppendInt(b.about, int64(b.scheme), 10)
	b.about = append(b.about, ",10"...)
	b.about = strconv.AppendInt(b.about, int64(b.scheme), 10)
	if s.chance(0.08) {
		b.about = append(b.about, ",1,"...)
	} else {
		b.about = append(b.about, ",0,"...)
	}

	died, month := "1600-01-01", "160001"
	if !l.death.IsZero() && s.chance(0.98) { // not every death reaches the insurer
		died, month = date(l.death), l.death.Format("200601")
	}
	numbers := []struct {
		psa  string
		rank int
	}{{b.own, 1}}
	if b.parent != "" {
		if b.majority.Before(End) && b.majority.Before(l.to) {
			numbers = append(numbers, struct {
				psa  string
				rank int
			}{b.parent, b.rank})
		} else {
			numbers[0].psa, numbers[0].rank = b.parent, b.rank
		}
	}
	for _, k := range numbers {
		n.add(singleFile(oneBEN), k.psa, strconv.Itoa(k.rank), b.own, b.own, "1", "00", strconv.Itoa(l.birth.Year()),
			l.birth.Format("01"), sexOf(l.female), died, month, padded(b.department, 3), l.home.postcode[2:], b.organism, "2025-01-15")
	}
	id := n.identity(s, l.person, Hospitals)
	n.add(singleFile(oneCorrespondance), b.own, id.nir, id.birthName, id.lastName, id.firstName, date(id.birth), map[string]string{"M": "1", "F": "2"}[id.sex])
	n.add(nationalTruth, insurer, b.own, strconv.Itoa(l.number))
	b.illnesses()
	b.certificate()
	return b
}

// at gives number and rank under which care of a day is.
func (b *beneficiary) at(day time.Time) (string, int) {
	if b.parent != "" && day.Before(b.majority) {
		return b.parent, b.rank
	}
	return b.own, 1
}

// unchained says whether the PMSI's number of a day stands for two persons.
func (b *beneficiary) unchained(day time.Time) bool {
	return b.shared && day.Before(b.majority)
}

// Numbers of long-term illnesses in the list of thirty. Source: code de la sécurité sociale, D. 160-4.
var aldNumbers = map[string]string{"E11.9": "8", "I25.1": "13", "I50.9": "5", "N18.5": "19", "G30.9": "15", "M06.9": "22", "C50.9": "30", "C61": "30", "C18.9": "30", "C34.9": "30", "G40.9": "9"}

func (b *beneficiary) illnesses() {
	for _, c := range b.has {
		ald := aldNumbers[c.code]
		if ald == "" {
			continue
		}
		psa, rank := b.at(b.from)
		since := later(b.birth, Start.AddDate(-b.IntN(10), -b.IntN(12), 0))
		b.add(singleFile(oneIMB), psa, strconv.Itoa(rank), ald, date(since), date(End.AddDate(5, 0, 0)), "41", undotted(c.code), "CIM10")
	}
}

// matchedDeaths is the share of death certificates whose person is known.
// Source: documentation of the SNDS, "Causes médicales de décès": above nine in ten.
const matchedDeaths = 0.93

func (b *beneficiary) certificate() {
	if b.life.death.IsZero() {
		return
	}
	cause := b.lastIllness(b.source)
	who := b.own
	if !b.chance(matchedDeaths) {
		who = ""
		b.truth.Refused["insurer/KI_CCI_R.csv"]++
		b.truth.Refused["insurer/KI_ECD_R.csv"] += 2
		b.truth.Errors["death: certificate of nobody known"]++
	}
	key := b.w.pseudonym("death " + strconv.Itoa(b.number))
	top := map[bool]string{true: "1", false: "0"}[who != ""]
	b.add(singleFile(oneCCI), key, who, top, date(b.life.death), b.life.death.Format("200601"), strconv.Itoa(b.birth.Year()), b.birth.Format("01"), sexOf(b.female),
		padded(b.department, 3), padded(b.department, 3), undotted(cause)[:min(4, len(undotted(cause)))])
	for rank, code := range []string{undotted(cause), "I469"} {
		b.add(singleFile(oneECD), key, who, top, strconv.Itoa(rank+1), "1", code[:min(4, len(code))], date(b.life.death))
	}
}

// lastIllness is what the person died of.
func (l *life) lastIllness(s source) string {
	for _, st := range l.stays {
		if st.died {
			return st.cause.code
		}
	}
	return l.cause(s, func(c *condition) float64 { return c.lethal }).code
}

// hospitalised writes the person's stays as the PMSI has them, and the lines that public hospitals report for information.
func (b *beneficiary) hospitalised(born *stay, mother int) {
	if born != nil {
		b.stay(birthOfPerson, *born, mother)
	}
	for k, st := range b.stays {
		b.stay(k, st, 0)
	}
}

// birthOfPerson is the place among a person's stays of the one in which the person was born;
// the places below are the person's own, those between are stays at other hospitals.
const (
	birthOfPerson = 1023
	elsewhere     = 512
)

func (b *beneficiary) stay(k int, st stay, mother int) {
	if b.chance(b.rates.StayHospitalOnly) {
		b.truth.Errors["stay: hospital only"]++
		return
	}
	kept := b.misrecord(b.source, b.life, st)
	y := kept.exit.Year() - Start.Year()
	if y < 0 || y >= years {
		y = min(max(y, 0), years-1)
	}
	aa := strconv.Itoa(Start.Year() + y)[2:]
	eta := finess[st.hospital]
	number36 := strconv.FormatInt(stayNumber(b.person, k), 36)

	sex, home := sexOf(b.female), b.commune
	if b.chance(b.rates.StaySexWrong) {
		b.truth.Errors["stay: sex wrong"]++
		sex = sexOf(!b.female)
	}
	if b.chance(b.rates.StayCommuneDiffers) {
		if other := places[b.weighted(placeWeights)].postcode; other != home {
			b.truth.Errors["stay: commune differs"]++
			home = other
		}
	}
	if kept.diagnosis != "" && b.chance(b.rates.StayFieldMissing) {
		b.truth.Errors["stay: field missing"]++
		home = ""
	}
	where := home
	if len(where) > 2 {
		where = where[:2]
	}
	psa, _ := b.at(kept.entry)
	refused, zeros := false, "0,0,0,0,0,0,0,0,0"
	if b.chance(b.rates.ChainingFailed) {
		b.truth.Errors["stay: chaining failed"]++
		refused = true
		zeros = pick(b.source, []string{"1,0,0,0,0,0,0,0,0", "0,1,0,0,0,0,0,0,0", "0,0,1,0,0,0,0,0,0", "0,0,0,0,0,0,0,1,0"})
	} else if b.unchained(kept.entry) {
		b.truth.Errors["stay: number of two twins"]++
		refused = true
	}
	age := (&person{birth: b.birth}).age(kept.entry)
	years, days := strconv.Itoa(age), ""
	if age == 0 {
		years, days = "", strconv.Itoa(max(int(kept.entry.Sub(b.birth)/(24*time.Hour)), 0))
	}
	entry, exit := date(kept.entry), date(kept.exit)
	nights := max(int(kept.exit.Truncate(24*time.Hour).Sub(kept.entry.Truncate(24*time.Hour))/(24*time.Hour)), 0)
	main := undotted(kept.diagnosis)
	out, month, year := "8", kept.exit.Format("1"), strconv.Itoa(kept.exit.Year())
	if st.died {
		out = "9"
	}
	refuse := func(file int) {
		if refused {
			b.truth.Refused[b.layouts[file].path()]++
		}
	}
	switch st.cause.ward {
	case "URG":
		key := aa + "-" + eta + "-E" + number36
		b.add(yearFile(y, mcoFASTC), eta, number36, years, sex, home, where, year, month, "28.84")
		b.add(yearFile(y, mcoFBSTC), eta, number36, "ATU", "1", "0", "", "28.84")
		ret := strings.Split(zeros, ",")
		b.add(yearFile(y, mcoCSTC), eta, number36, psa, ret[0], ret[1], ret[2], ret[7], "0", entry, entry, exit)
		refuse(yearFile(y, mcoCSTC))
		b.add(nationalTruthStays, insurer, key, strconv.Itoa(b.number), strconv.FormatInt(trueStay(b.person, k), 10))
		return
	case "PSY":
		key := aa + "-" + eta + "-P" + number36
		b.add(yearFile(y, ripRSA), eta, number36, years, sex, home, where, "01", "1", strconv.Itoa(nights), out, main)
		b.add(yearFile(y, ripC), eta, number36, psa, zeros, entry, exit)
		refuse(yearFile(y, ripC))
		for _, c := range b.has {
			if c.code != st.cause.code && b.chance(0.6) {
				b.add(yearFile(y, ripRSAD), eta, number36, "1", undotted(c.code))
			}
		}
		b.add(nationalTruthStays, insurer, key, strconv.Itoa(b.number), strconv.FormatInt(trueStay(b.person, k), 10))
		return
	}
	rsa := padded(strconv.FormatInt(stayNumber(b.person, k), 10), 10)
	in := "8"
	if st.cause.ward != "AMB" && b.chance(0.3) {
		in = "8,5" // by the emergency department
	} else {
		in += ","
	}
	found := b.diagnoses(b.source, st)
	ghm, sessions := ghmOf(st), "0"
	if st.session() != "" {
		sessions = "1"
	}
	b.add(yearFile(y, mcoB), eta, rsa, "A", years, days, sex, home, where, main, in, out, "", year, month, strconv.Itoa(nights), sessions, "1",
		strconv.Itoa(len(found)-1), strconv.Itoa(len(st.cause.acts)), ghm, "")
	if st.cause.kind == "delivery" { // her stay bears the number too
		mother = b.number
	}
	chained := ""
	if mother > 0 && b.w.isInsured(mother-1) {
		chained = b.w.pseudonym("own " + strconv.Itoa(mother))
	}
	b.add(yearFile(y, mcoC), eta, rsa, psa, zeros, entry, exit, entry, exit, year, month, strconv.Itoa(b.rank), chained)
	refuse(yearFile(y, mcoC))
	for k, c := range found[1:] {
		b.add(yearFile(y, mcoD), eta, rsa, "1", strconv.Itoa(k+1), undotted(c.code))
	}
	for _, code := range st.cause.acts {
		if b.chance(0.9) {
			b.add(yearFile(y, mcoA), eta, rsa, "1", strconv.Itoa(b.IntN(nights+1)), code, "0", "1", "1")
		}
	}
	b.add(yearFile(y, mcoUM), eta, rsa, "1", eta, main, strconv.Itoa(nights), "")
	b.add(nationalTruthStays, insurer, aa+"-"+eta+"-"+rsa, strconv.Itoa(b.number), strconv.FormatInt(trueStay(b.person, k), 10))

	day := st.exit.Truncate(24 * time.Hour)
	b.claim(day, eta[:8], "", 0)
	b.line(&careLine{nature: 2252, quantity: 1, cents: (nights + 1) * wardOf[st.cause.ward].cents, rate: 100, qualifier: 71, establishment: eta[:8]})
	b.after(k, st, day, psa, zeros, refused, sex, home, where, years)
}

// after writes what follows a stay elsewhere: rehabilitation after a hip, home care with a cancer.
func (b *beneficiary) after(k int, st stay, day time.Time, psa, zeros string, refused bool, sex, home, where, age string) {
	table, name := -1, ""
	switch code := st.cause.code; {
	case (code == "S72.0" || code == "M16.1" || code == "M17.1" || code == "I63.9") && b.chance(0.4):
		table, name = ssrB, "SSR"
	case code[0] == 'C' && b.chance(0.12):
		table, name = hadB, "HAD"
	}
	last := day.AddDate(0, 0, 14+b.IntN(21))
	if table < 0 || st.died || !last.Before(earlier(b.to, End)) || last.Year() != day.Year() {
		return
	}
	y := day.Year() - Start.Year()
	eta := "7" + padded(b.department, 3) + "80" + strconv.Itoa(100+b.number%800)
	number36 := strconv.FormatInt(int64(b.number), 36)
	month, year := last.Format("1"), strconv.Itoa(last.Year())
	if b.followed[[2]int{y, table}] { // one a year: numbers are the person's
		return
	}
	if b.followed == nil {
		b.followed = map[[2]int]bool{}
	}
	b.followed[[2]int{y, table}] = true
	if table == ssrB {
		for week := range 1 + int(last.Sub(day)/(7*24*time.Hour)) {
			b.add(yearFile(y, ssrB), eta, number36, strconv.Itoa(week+1), age, sex, home, where, "Z501", undotted(st.cause.code), "Z501", "", "2", "2")
		}
		b.add(yearFile(y, ssrC), eta, number36, psa, zeros, date(day), date(last))
	} else {
		b.add(yearFile(y, hadB), eta, number36, age, sex, home, where, undotted(st.cause.code), "04", "", strconv.Itoa(int(last.Sub(day)/(24*time.Hour))), "1", "1", "1", "8", year, month)
		b.add(yearFile(y, hadC), eta, number36, psa, zeros, date(day), date(last))
	}
	file := yearFile(y, table+1)
	if refused {
		b.truth.Refused[b.layouts[file].path()]++
	}
	b.add(nationalTruthStays, insurer, strconv.Itoa(day.Year())[2:]+"-"+eta+"-"+name+number36, strconv.Itoa(b.number), strconv.FormatInt(trueStay(b.person, elsewhere+k), 10))
}

// ghmOf is a group of the right form for a stay: the major category by the diagnosis's chapter. The rest is invented.
func ghmOf(st stay) string {
	if session := st.session(); session != "" {
		return session
	}
	category := map[byte]string{'A': "18", 'B': "18", 'C': "17", 'D': "16", 'E': "10", 'F': "19", 'G': "01", 'H': "02", 'I': "05", 'J': "04",
		'K': "06", 'L': "09", 'M': "08", 'N': "11", 'O': "14", 'P': "15", 'R': "23", 'S': "08", 'T': "21", 'U': "04", 'Z': "23"}[st.cause.code[0]]
	if st.cause.code == bornAlive {
		category = "15"
	}
	letter := "M"
	if len(st.cause.acts) > 0 && st.cause.ward == "CHIR" {
		letter = "C"
	}
	severity := "1"
	if st.cause.ward == "AMB" {
		severity = "J"
	}
	return category + letter + "09" + severity
}

// stayNumber is a number below 10¹⁰, one stay each.
func stayNumber(p *person, k int) int64 {
	place := int64(k % 62)
	if k == birthOfPerson {
		place = 63
	}
	return int64(p.number)*64 + place
}

func undotted(code string) string { return strings.ReplaceAll(code, ".", "") }

func padded(text string, places int) string {
	if len(text) >= places {
		return text
	}
	return strings.Repeat("0", places-len(text)) + text
}

func sexOf(female bool) string {
	if female {
		return "2"
	}
	return "1"
}

// professional8 is the insurance's number of a professional: invented, of its form.
func professional8(place string, n int) string { return professional(place, n)[2:10] }
