package synth

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// add writes one row of a table. Fields hold neither commas nor quotes nor line ends, or are several fields already.
func (n *nation) add(file int, fields ...string) {
	out := n.out[file]
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, f...)
	}
	n.out[file] = append(out, '\n')
	n.rows[file]++
}

// claim is a reimbursement statement at work: one visit of a professional, with its lines.
type claim struct {
	day       time.Time
	flux      int // month in which it reached the system, counted from Start
	sent      time.Time
	order     int64
	lines     int
	executing string
	ordering  string
	specialty int // PSE_SPE_COD
}

// careLine is one line of care. Of the details one is there, or none.
type careLine struct {
	nature, quantity, cents, rate int
	qualifier                     int    // DPN_QLF: 71 is for information
	drug                          *drug  // ER_PHA_F
	act                           string // ER_CAM_F
	tests                         []int  // ER_BIO_F
	unit                          string // ER_UCD_F
	device                        int    // ER_TIP_F
	establishment                 string // ER_ETE_F
}

// Days as text, from 1 January 2020 on: the columns that are written most.
var dayTexts = func() []string {
	first := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	all := make([]string, 366+365*7)
	for i := range all {
		all[i] = first.AddDate(0, 0, i).Format(time.DateOnly)
	}
	return all
}()

const dayZero = 18262 // days from 1 January 1970 to 1 January 2020

func dayText(t time.Time) string {
	if i := int(t.Unix()/86400) - dayZero; i >= 0 && i < len(dayTexts) {
		return dayTexts[i]
	}
	return date(t)
}

// claim opens a statement about care of a day.
func (b *beneficiary) claim(day time.Time, executing, ordering string, specialty int) {
	delay := 2 + b.IntN(14)
	switch u := b.Float64(); { // sheets of paper are slow
	case u < 0.03:
		delay = 60 + b.IntN(120)
	case u < 0.15:
		delay = 16 + b.IntN(44)
	}
	b.claims++
	b.now = claim{day: day, executing: executing, ordering: ordering, specialty: specialty, order: int64(b.number)*4096 + int64(b.claims)}
	b.send(day.AddDate(0, 0, delay))
}

// send says when the statement reached the system.
func (b *beneficiary) send(day time.Time) {
	b.now.sent = day
	b.now.flux = min(12*(day.Year()-Start.Year())+int(day.Month()), fluxMonths-1) // the first of the month after
	b.now.lines = 0
}

// line writes a line of the statement. At its rate the line is taken back some months later, and, two times in three, made again.
func (b *beneficiary) line(l *careLine) {
	b.write(l, 1)
	if !b.chance(b.rates.LateRegularisation) {
		return
	}
	b.truth.Errors["late regularisation"]++
	was := b.now
	b.claims++
	b.now.order = int64(b.number)*4096 + int64(b.claims)
	b.send(was.sent.AddDate(0, 1+b.IntN(8), b.IntN(28)))
	b.write(l, -1)
	if b.chance(2.0 / 3) {
		b.write(l, 1)
	}
	b.now = was
}

// write writes a line of care and its details, sign -1 to take it back.
func (b *beneficiary) write(l *careLine, sign int) {
	c := &b.now
	c.lines++
	key := b.key[:0]
	key = append(key, dayText(Start.AddDate(0, c.flux, 0))...)
	key = append(key, ',')
	key = append(key, dayText(c.sent)...)
	key = append(key, ",1,"...)
	key = strconv.AppendInt(key, 100+c.order%37, 10)
	key = append(key, ",1,"...)
	key = append(key, b.organism...)
	key = append(key, ',')
	key = strconv.AppendInt(key, c.order, 10)
	key = append(key, ',')
	key = strconv.AppendInt(key, int64(c.lines), 10)
	key = append(key, ",0\n"...)
	b.key = key

	psa, rank := b.at(c.day)
	day := dayText(c.day)
	rate := l.rate
	if b.exempt {
		rate = 100
	}
	paid := sign * l.cents * rate / 100
	file := b.fluxFile(c.flux, erPRS)
	o := b.out[file]
	o = append(o, psa...)
	o = append(o, ',')
	o = strconv.AppendInt(o, int64(rank), 10)
	o = append(o, b.about...)
	o = append(o, day...)
	o = append(o, ',')
	o = append(o, day...)
	o = append(o, ',')
	o = append(o, day[:4]...)
	o = append(o, day[5:7]...)
	o = append(o, ',')
	o = append(o, day...)
	o = append(o, ',')
	o = strconv.AppendInt(o, int64(l.nature), 10)
	o = append(o, ',')
	quantity := sign * l.quantity
	for range 3 {
		o = strconv.AppendInt(o, int64(quantity), 10)
		o = append(o, ',')
	}
	o = appendEuros(o, sign*l.cents)
	o = append(o, ',')
	o = appendEuros(o, sign*l.cents)
	o = append(o, ',')
	o = appendEuros(o, paid)
	o = append(o, ',')
	o = strconv.AppendInt(o, int64(rate), 10)
	o = append(o, ",0,0,"...)
	if b.exempt {
		o = append(o, '4', ',')
	} else {
		o = append(o, '0', ',')
	}
	o = strconv.AppendInt(o, int64(l.qualifier), 10)
	o = append(o, ',')
	o = strconv.AppendInt(o, int64(l.qualifier), 10)
	o = append(o, ',')
	o = append(o, c.executing...)
	o = append(o, ',')
	o = append(o, c.ordering...)
	o = append(o, ',')
	o = strconv.AppendInt(o, int64(c.specialty), 10)
	o = append(o, ",0,1,10,"...)
	b.out[file] = append(o, key...)
	b.rows[file]++
	b.lines++
	b.detail(l, sign)
}

// detail writes the rows of the tables that join a line.
func (b *beneficiary) detail(l *careLine, sign int) {
	quantity := int64(sign * l.quantity)
	switch {
	case l.drug != nil:
		o := b.begin(erPHA)
		o = append(o, l.drug.cip13...)
		o = append(o, ',')
		o = strconv.AppendInt(o, quantity, 10)
		o = append(o, ',')
		o = appendEuros(o, l.drug.cents)
		b.end(erPHA, append(o, ",1,0,"...))
	case l.act != "":
		o := b.begin(erCAM)
		o = append(o, l.act...)
		o = append(o, ",1,0,1,"...)
		o = appendEuros(o, l.cents)
		b.end(erCAM, append(o, ','))
	case l.unit != "":
		o := b.begin(erUCD)
		o = append(o, l.unit...)
		o = append(o, ',')
		o = strconv.AppendInt(o, quantity, 10)
		b.end(erUCD, append(o, ",1,1,"...))
	case l.device != 0:
		o := b.begin(erTIP)
		o = strconv.AppendInt(o, int64(l.device), 10)
		o = append(o, ',')
		o = strconv.AppendInt(o, quantity, 10)
		o = append(o, ',')
		o = appendEuros(o, l.cents)
		b.end(erTIP, append(o, ",1,"...))
	case l.establishment != "":
		o := b.begin(erETE)
		o = append(o, l.establishment...)
		b.end(erETE, append(o, ",1,,101,1,1,"...))
	}
	for i, test := range l.tests {
		o := b.begin(erBIO)
		o = strconv.AppendInt(o, int64(test), 10)
		o = append(o, ',')
		o = strconv.AppendInt(o, int64(sign), 10)
		o = append(o, ',')
		o = strconv.AppendInt(o, int64(i+1), 10)
		b.end(erBIO, append(o, ','))
	}
}

func (b *beneficiary) begin(table int) []byte { return b.out[b.fluxFile(b.now.flux, table)] }

func (b *beneficiary) end(table int, row []byte) {
	file := b.fluxFile(b.now.flux, table)
	b.out[file] = append(row, b.key...)
	b.rows[file]++
}

func appendEuros(to []byte, cents int) []byte {
	if cents < 0 {
		to = append(to, '-')
		cents = -cents
	}
	to = strconv.AppendInt(to, int64(cents/100), 10)
	return append(to, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}

// Nature of a service (PRS_NAT_REF). docs/synth.md says which were checked.
const (
	gpVisit         = 1111
	specialistVisit = 1112
	technicalAct    = 1351
	imagingAct      = 1352
	echography      = 1353
	laboratory      = 2111
	nurse           = 3125
	pharmacy65      = 3313
	retrocession    = 3318
	deviceSale      = 3520
)

// consume writes the care of a person outside hospitals.
func (b *beneficiary) consume() {
	b.illness()
	b.checkUp()
	b.treatment()
	b.tested()
	b.cared()
	b.vaccinated()
	b.truth.Marginals.Dispensed += bits.OnesCount(b.handed)
}

// workday moves a day from the weekend, most of the time: practices are closed then.
func (b *beneficiary) workday(day time.Time) time.Time {
	switch day.Weekday() {
	case time.Sunday:
		if b.chance(0.9) {
			day = day.AddDate(0, 0, 1)
		}
	case time.Saturday:
		if b.chance(0.6) {
			day = day.AddDate(0, 0, 2)
		}
	}
	if !day.Before(b.to) || !day.Before(End) {
		return earlier(b.to, End).AddDate(0, 0, -1)
	}
	return day
}

func (b *beneficiary) pharmacy() string { return professional8(b.commune, 500+b.number%30) }

// dispense hands out a drug for an illness of some days.
func (b *beneficiary) dispense(d *drug) {
	boxes := 1
	if d.days < 7 && d.route == "oral" { // small packages go by several
		boxes += b.IntN(4)
	}
	b.handOut(d, boxes)
}

func (b *beneficiary) handOut(d *drug, boxes int) {
	b.truth.Marginals.boxes(d.atc, b.now.day.Month(), boxes)
	b.handed |= 1 << (b.now.day.Year() - Start.Year())
	b.line(&careLine{nature: pharmacy65, quantity: boxes, cents: boxes * d.cents, rate: 65, drug: d})
}

func (b *beneficiary) illness() {
	for i := range b.episodes {
		e := &b.episodes[i]
		day := b.workday(e.day)
		if b.chance(0.75) {
			b.claim(day, b.doctor, "", 1)
			b.line(&careLine{nature: gpVisit, quantity: 1, cents: 2650, rate: 70})
		}
		if len(e.cause.drugs) == 0 {
			continue
		}
		b.claim(day, b.pharmacy(), b.doctor, 50)
		for _, atc := range e.cause.drugs {
			b.dispense(drugRef[atc])
		}
	}
}

func (b *beneficiary) checkUp() {
	for _, day := range b.checkups {
		day = b.workday(day)
		switch b.weighted([]float64{55, 27, 18}) {
		case 0:
			b.claim(day, b.doctor, "", 1)
			b.line(&careLine{nature: gpVisit, quantity: 1, cents: 2650, rate: 70})
			if b.chance(0.7) { // what one is given without being ill: against pain, stomach, allergy
				b.claim(day, b.pharmacy(), b.doctor, 50)
				for range 1 + b.IntN(2) {
					b.dispense(demanded[b.weighted(demandWeights)])
				}
			}
		case 1:
			b.claim(day, professional8(b.department, 100+b.IntN(60)), b.doctor, 3+b.IntN(30))
			b.line(&careLine{nature: specialistVisit, quantity: 1, cents: 3150, rate: 70})
		default:
			a := &actList[b.weighted(clinicWeights)]
			if a.code == "QEQK001" && !b.female {
				x := actOf["ZBQK002"]
				a = &x
			}
			nature := technicalAct
			switch a.code[2:4] {
			case "QK":
				nature = imagingAct
			case "QM":
				nature = echography
			}
			b.claim(day, professional8(b.department, 200+b.IntN(30)), b.doctor, 6)
			b.line(&careLine{nature: nature, quantity: 1, cents: a.cents, rate: 70, act: a.code})
		}
	}
}

// Drugs that are given on demand, and drugs that go with a treatment, by weight.
var (
	demanded = []*drug{drugRef["N02BE01"], drugRef["M01AE01"], drugRef["R06AE07"], drugRef["J01CA04"], drugRef["B03AA07"]}
	regular  = []*drug{drugRef["N02BE01"], drugRef["B01AC06"], drugRef["C10AA05"]}

	demandWeights  = []float64{55, 12, 9, 9, 4}
	regularWeights = []float64{6, 1.5, 9}
)

func init() {
	for i := range comedications {
		d := &comedications[i]
		demanded, demandWeights = append(demanded, d), append(demandWeights, d.demand)
		regular, regularWeights = append(regular, d), append(regularWeights, d.regular)
	}
}

var drugRef = func() map[string]*drug {
	m := map[string]*drug{}
	for i := range drugList {
		m[drugList[i].atc] = &drugList[i]
	}
	return m
}()

// treatment writes the drugs of chronic illnesses and what goes with them, renewed by the treating doctor each quarter.
// One person in twelve fetches them by the month, as the pharmacies hand them out; for the others a line is what the
// quarter takes. So there are as many packages as there should be, in half as many lines.
func (b *beneficiary) treatment() {
	var taken []*drug
	for _, c := range b.has {
		for _, atc := range c.drugs {
			if d := drugRef[atc]; b.chance(0.8) && !slices.Contains(taken, d) {
				taken = append(taken, d)
			}
		}
	}
	for range b.poisson([]float64{0, 0.3, 1.5, 3.6, 5.6}[b.bandNow()]) {
		if d := regular[b.weighted(regularWeights)]; !slices.Contains(taken, d) {
			taken = append(taken, d)
		}
	}
	if len(taken) == 0 {
		return
	}
	pharmacy, byMonth := b.pharmacy(), b.chance(0.08)
	month := b.IntN(3)
	for day := b.from.AddDate(0, 0, b.IntN(30)); day.Before(b.to) && day.Before(End); day = day.AddDate(0, 0, 28+b.IntN(6)) {
		month++
		at := b.workday(day)
		renewed := month%3 == 1
		if renewed {
			b.claim(at, b.doctor, "", 1)
			b.line(&careLine{nature: gpVisit, quantity: 1, cents: 2650, rate: 70})
		}
		if !renewed && !byMonth || !b.chance(0.9) {
			continue
		}
		days := 90
		if byMonth {
			days = 30
		}
		b.claim(at, pharmacy, b.doctor, 50)
		for _, d := range taken {
			if d.days >= 84 && !renewed || d.atc == salbutamol && !b.chance(0.45) { // a quarter's package; what is for attacks
				continue
			}
			if b.chance(0.95) {
				b.handOut(d, packages(d, days))
			}
		}
		if b.chance(0.15) {
			b.dispense(drugRef["N02BE01"])
		}
	}
}

const salbutamol = "R03AC02"

// packages is how many a treatment takes in some days; of small ones, four a month.
func packages(d *drug, days int) int {
	if d.atc == salbutamol {
		return 1
	}
	return min(max((days+d.days/2)/d.days, 1), 4*days/30)
}

// Tests of the NABM by weight: blood count, glucose, creatinine, urea, cholesterol, calcium, uric acid, bilirubin, HbA1c, TSH, CRP, ferritin.
var (
	nabm        = []int{1104, 552, 592, 591, 580, 578, 532, 1601, 1577, 1208, 1804, 888}
	nabmWeights = []float64{24, 15, 18, 6, 8, 3, 3, 3, 6, 8, 9, 4}
)

func (b *beneficiary) tested() {
	perYear := []float64{0.2, 0.6, 0.95, 1.7, 2.4}[b.bandNow()] + 0.25*float64(min(len(b.has), 4))
	for range b.poisson(perYear * b.years()) {
		day := b.workday(b.day(b.from, b.to))
		b.claim(day, professional8(b.department, 300+b.IntN(12)), b.doctor, 30)
		tests := b.some[:0]
		for range 2 + b.IntN(4) {
			if t := nabm[b.weighted(nabmWeights)]; !slices.Contains(tests, t) {
				tests = append(tests, t)
			}
		}
		b.some = tests
		b.line(&careLine{nature: laboratory, quantity: 20 * len(tests), cents: 540 * len(tests), rate: 60, tests: tests})
	}
}

// cared writes what nurses do, devices, and drugs that hospitals hand out.
func (b *beneficiary) cared() {
	for range b.poisson([]float64{0.03, 0.12, 0.25, 0.5, 1.0}[b.bandNow()] * b.years() / 2) {
		day := b.day(b.from, b.to)
		who := professional8(b.commune, 600+b.IntN(20))
		for range 3 + b.IntN(12) {
			if !day.Before(b.to) || !day.Before(End) {
				break
			}
			b.claim(day, who, b.doctor, 24)
			b.line(&careLine{nature: nurse, quantity: 1, cents: 630, rate: 60})
			day = day.AddDate(0, 0, 1+b.IntN(2))
		}
	}
	for range b.poisson(0.2 * b.years()) {
		b.claim(b.workday(b.day(b.from, b.to)), b.pharmacy(), b.doctor, 60)
		b.line(&careLine{nature: deviceSale, quantity: 1 + b.IntN(3), cents: 1000 + 10*b.IntN(9000), rate: 60, device: 2200392})
	}
	for _, c := range b.has {
		if strings.HasPrefix(c.code, "C") || c.code == "N18.5" {
			for range b.poisson(2 * b.years()) {
				b.claim(b.workday(b.day(b.from, b.to)), "", "", 0)
				b.line(&careLine{nature: retrocession, quantity: 1, cents: 48_000, rate: 100, unit: "3400893484201"})
			}
		}
	}
}

func (b *beneficiary) vaccinated() {
	for year := Start.Year(); year < End.Year(); year++ {
		day := time.Date(year, 10, 12+b.IntN(45), 0, 0, 0, 0, time.UTC)
		if b.age(day) >= 65 && day.Before(b.to) && b.chance(0.53) {
			b.claim(b.workday(day), b.pharmacy(), b.doctor, 50)
			b.dispense(drugRef["J07BB02"])
		}
	}
}
