package synth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Marginals are sums over a population as it was written, to be compared with
// what is published of the real one. Ages are five-year bands from 0 to 95 and above.
type Marginals struct {
	Persons       int                 `json:"persons"`
	AtStart       [2][20]int          `json:"at_start"` // alive on the first day, men then women, by age
	Deaths        [2][20]int          `json:"deaths"`   // in the window, men then women, by age at death
	Lived         [2][20]float64      `json:"lived"`    // person-years at risk, men then women, by age
	DeathsByMonth [12]int             `json:"deaths_by_month"`
	Births        [years]int          `json:"births"`          // by year
	InfantDeaths  int                 `json:"infant_deaths"`   // before the first birthday, of those born in the window
	BirthsByMonth [12]int             `json:"births_by_month"` // of all years
	Twins         int                 `json:"twins"`           // born in the window as one of two
	MotherAges    [8]int              `json:"mother_ages"`     // of births, by five years from 15; the last is unknown
	Deliveries    [2]int              `json:"deliveries"`      // vaginal, by caesarean section
	Chronic       map[string]int      `json:"chronic"`         // persons with a chronic condition by code
	Adults        int                 `json:"adults"`          // of 18 years and above at the first day
	InHospital    int                 `json:"in_hospital"`     // persons with a stay of one night or more, or a day case, in the window
	Stays         map[string]int      `json:"stays"`           // main diagnosis of stays in acute care: no emergencies that go home, no psychiatry, no sessions
	Sessions      int                 `json:"sessions"`        // of dialysis and chemotherapy, which are counted apart
	DayCases      int                 `json:"day_cases"`       // of the stays
	Nights        int                 `json:"nights"`          // of the others
	Dispensed     int                 `json:"dispensed"`       // years of persons who were dispensed any
	Boxes         map[string]int      `json:"boxes"`           // packages dispensed by ATC
	Seasons       map[string]*[12]int `json:"seasons"`         // packages of some drugs by month
}

func newMarginals() Marginals {
	return Marginals{Chronic: map[string]int{}, Stays: map[string]int{}, Boxes: map[string]int{}, Seasons: map[string]*[12]int{}}
}

// seasonal are the drugs whose months are counted: an antibiotic, an antihistamine, the influenza vaccine.
const seasonalDrugs = "J01CA04 R06AE07 J07BB02 C10AA05"

func (m *Marginals) boxes(atc string, month time.Month, n int) {
	m.Boxes[atc] += n
	if strings.Contains(seasonalDrugs, atc) {
		if m.Seasons[atc] == nil {
			m.Seasons[atc] = new([12]int)
		}
		m.Seasons[atc][month-1] += n
	}
}

func fives(age int) int { return min(age/5, 19) }

// life counts a person.
func (m *Marginals) life(w world, l *life) {
	m.Persons++
	sex := 0
	if l.female {
		sex = 1
	}
	if l.birth.Before(Start) {
		m.AtStart[sex][fives(l.age(Start))]++
		if l.age(Start) >= 18 {
			m.Adults++
		}
	} else {
		m.Births[l.birth.Year()-Start.Year()]++
		m.BirthsByMonth[l.birth.Month()-1]++
		if w.twins(l.number - 1) {
			m.Twins++
		}
		age := 7
		if l.mother > 0 {
			age = min((&person{birth: w.vital(l.mother - 1).birth}).age(l.birth)/5-3, 6)
		}
		m.MotherAges[age]++
	}
	for year := Start.Year(); year < End.Year(); year++ {
		from := later(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), l.from)
		to := earlier(time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC), l.to)
		if from.Before(to) {
			m.Lived[sex][fives(l.age(from))] += to.Sub(from).Hours() / 24 / 365.25
		}
	}
	if !l.death.IsZero() {
		m.Deaths[sex][fives(l.age(l.death))]++
		m.DeathsByMonth[l.death.Month()-1]++
		if !l.birth.Before(Start) && l.age(l.death) == 0 {
			m.InfantDeaths++
		}
	}
	for _, c := range l.has {
		m.Chronic[c.code]++
	}
	hospitalised := false
	for _, st := range l.stays {
		if st.cause.ward == "URG" {
			continue
		}
		hospitalised = true
		m.stay(st)
	}
	if hospitalised {
		m.InHospital++
	}
}

// stay counts a stay, in acute care and for more than a session.
func (m *Marginals) stay(st stay) {
	switch {
	case st.cause.ward == "PSY":
		return
	case st.session() != "":
		m.Sessions++
		return
	}
	m.Stays[st.cause.code]++
	nights := int(st.exit.Truncate(24*time.Hour).Sub(st.entry.Truncate(24*time.Hour)) / (24 * time.Hour))
	if nights == 0 {
		m.DayCases++
	}
	m.Nights += nights
	switch st.cause.code {
	case spontaneousDelivery:
		m.Deliveries[0]++
	case caesareanDelivery:
		m.Deliveries[1]++
	}
}

// session is the group of homogeneous stays of a session; "" where the stay is none.
func (st stay) session() string {
	switch st.cause.code {
	case "N18.5":
		return "28Z04Z" // haemodialysis
	case "Z51.1":
		return "28Z07Z" // chemotherapy for a tumour
	}
	return ""
}

func (m *Marginals) add(o *Marginals) {
	m.Persons += o.Persons
	m.Adults += o.Adults
	m.InHospital += o.InHospital
	m.Sessions += o.Sessions
	m.Dispensed += o.Dispensed
	m.DayCases += o.DayCases
	m.Nights += o.Nights
	m.Twins += o.Twins
	m.InfantDeaths += o.InfantDeaths
	for sex := range 2 {
		for a := range 20 {
			m.AtStart[sex][a] += o.AtStart[sex][a]
			m.Deaths[sex][a] += o.Deaths[sex][a]
			m.Lived[sex][a] += o.Lived[sex][a]
		}
		m.Deliveries[sex] += o.Deliveries[sex]
	}
	for i := range 12 {
		m.DeathsByMonth[i] += o.DeathsByMonth[i]
		m.BirthsByMonth[i] += o.BirthsByMonth[i]
	}
	for i := range m.Births {
		m.Births[i] += o.Births[i]
	}
	for i := range m.MotherAges {
		m.MotherAges[i] += o.MotherAges[i]
	}
	for _, sums := range []struct{ to, from map[string]int }{{m.Chronic, o.Chronic}, {m.Stays, o.Stays}, {m.Boxes, o.Boxes}} {
		for k, n := range sums.from {
			sums.to[k] += n
		}
	}
	for atc, by := range o.Seasons {
		if m.Seasons[atc] == nil {
			m.Seasons[atc] = new([12]int)
		}
		for i, n := range by {
			m.Seasons[atc][i] += n
		}
	}
}

const marginalsFile = "marginals.json"

func (m *Marginals) write(dir string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, truthFolder, marginalsFile), append(text, '\n'), 0o600)
}

// ReadMarginals reads the sums of a population that Generate wrote to dir.
func ReadMarginals(dir string) (Marginals, error) {
	m := newMarginals()
	text, err := os.ReadFile(filepath.Join(dir, truthFolder, marginalsFile))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}
