package synth

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"rempart.eu/rempart/internal/page"
)

// Comparison is a figure of a population beside the published one of France.
type Comparison struct {
	Group     string   `json:"group"`
	Measure   string   `json:"measure"`
	Value     *float64 `json:"value"` // nil where there are too few persons to say
	Published float64  `json:"published"`
	Unit      string   `json:"unit"`
	Year      int      `json:"year"`
	Source    string   `json:"source"`
}

// Text is the value, a dash where there is none.
func (c Comparison) Text() string {
	if c.Value == nil {
		return "–"
	}
	return page.Number(*c.Value)
}

// Report is a population's sums, and what can be compared with published
// figures: those of data/published.csv, each with its source.
type Report struct {
	Marginals   Marginals    `json:"marginals"`
	Comparisons []Comparison `json:"comparisons"`
}

// Report compares.
func (m Marginals) Report() Report {
	r := Report{Marginals: m}
	own := m.figures()
	for _, c := range published {
		value, ok := own[c.Group+"/"+c.Measure]
		if !ok {
			panic("synth: nothing to compare " + c.Group + "/" + c.Measure + " with") // the file is part of the program
		}
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			c.Value = &value
		}
		r.Comparisons = append(r.Comparisons, c)
	}
	return r
}

var published = parse("published", func(f fields) Comparison {
	return Comparison{Group: f["group"], Measure: f["measure"], Published: f.number("value"), Unit: f["unit"], Year: f.whole("year"), Source: f["source"]}
})

// figures are the population's own, by group and measure of data/published.csv.
func (m Marginals) figures() map[string]float64 {
	alive, women, young, old, oldest := 0.0, 0.0, 0.0, 0.0, 0.0
	deaths, lived, infants := 0.0, 0.0, 0.0
	for sex := range 2 {
		for a := range 20 {
			n := float64(m.AtStart[sex][a])
			alive += n
			women += n * float64(sex)
			switch {
			case a < 4:
				young += n
			case a >= 13:
				old += n
			}
			if a >= 15 {
				oldest += n
			}
			deaths += float64(m.Deaths[sex][a])
			lived += m.Lived[sex][a]
		}
	}
	infants = float64(m.InfantDeaths)
	births := 0.0
	for _, n := range m.Births {
		births += float64(n)
	}
	mothers, ages := 0.0, 0.0
	for a, n := range m.MotherAges[:7] {
		mothers += float64(n)
		ages += float64(n) * (17.5 + 5*float64(a))
	}
	stays := 0.0
	for _, n := range m.Stays {
		stays += float64(n)
	}
	boxes := 0.0
	for _, n := range m.Boxes {
		boxes += float64(n)
	}
	f := map[string]float64{
		"drugs/all packages, of persons who had any":         boxes / float64(m.Dispensed),
		"population/share below 20 years":                    100 * young / alive,
		"population/share from 20 to 64 years":               100 * (alive - young - old) / alive,
		"population/share of 65 years and above":             100 * old / alive,
		"population/share of 75 years and above":             100 * oldest / alive,
		"population/share of women":                          100 * women / alive,
		"births/births a year":                               1000 * births / lived,
		"births/mean age of mothers":                         ages / mothers,
		"births/deliveries by caesarean section":             100 * float64(m.Deliveries[1]) / float64(m.Deliveries[0]+m.Deliveries[1]),
		"births/children born as twins":                      100 * float64(m.Twins) / births,
		"deaths/deaths a year":                               1000 * deaths / lived,
		"deaths/life expectancy of men at birth":             m.lifeExpectancy(0),
		"deaths/life expectancy of women at birth":           m.lifeExpectancy(1),
		"deaths/deaths before the first birthday":            1000 * infants / births,
		"illness/persons treated for diabetes":               100 * float64(m.Chronic["E11.9"]) / float64(m.Persons),
		"illness/persons with a chronic respiratory disease": 100 * float64(m.Chronic["J44.9"]+m.Chronic["J45.9"]) / float64(m.Persons),
		"illness/persons with dementia":                      100 * float64(m.Chronic["G30.9"]) / float64(m.Persons),
		"hospital/stays in acute care a year":                1000 * stays / lived,
		"hospital/stays without a night":                     100 * float64(m.DayCases) / stays,
		"hospital/nights of a stay with a night":             float64(m.Nights) / (stays - float64(m.DayCases)),
		"drugs/paracetamol of the two first brands":          float64(m.Boxes["N02BE01"]) / lived,
		"drugs/levothyroxine of the first brand":             float64(m.Boxes["H03AA01"]) / lived,
		"drugs/salbutamol of the first brand":                float64(m.Boxes["R03AC02"]) / lived,
		"drugs/amoxicillin of the first brand":               float64(m.Boxes["J01CA04"]) / lived,
		"drugs/low-dose aspirin of the first brand":          float64(m.Boxes["B01AC06"]) / lived,
	}
	chapters, counted := map[string]float64{}, 0.0
	for code, n := range m.Stays {
		counted += float64(n)
		chapters[chapter(code)] += float64(n)
	}
	for _, c := range published {
		if c.Group == "stays by chapter" {
			f[c.Group+"/"+c.Measure] = 100 * chapters[c.Measure] / counted
		}
	}
	mean := births / 365.25 / years
	for i, n := range m.BirthsByMonth {
		days := 0.0
		for y := range years {
			days += float64(time.Date(Start.Year()+y, time.Month(i+2), 0, 0, 0, 0, 0, time.UTC).Day())
		}
		f["births by month/"+time.Month(i+1).String()] = float64(n) / days / mean * publishedBirths
	}
	return f
}

// chapter is the chapter of the CIM-10 that a main diagnosis is of, by the names of data/published.csv.
func chapter(code string) string {
	switch code[0] {
	case 'S', 'T':
		return "injuries and poisonings"
	case 'D':
		if code < "D50" {
			return "tumours"
		}
		return "blood"
	case 'H':
		if code < "H60" {
			return "eye"
		}
		return "ear"
	}
	return map[byte]string{'C': "tumours", 'E': "nutrition and metabolism", 'F': "mental disorders", 'G': "nervous system", 'I': "circulatory system",
		'J': "respiratory system", 'K': "digestive system", 'M': "bones joints and muscles", 'N': "kidneys and genitals", 'O': "pregnancy and birth",
		'R': "symptoms", 'Z': "health services without illness"}[code[0]]
}

// publishedBirths is the mean of the published births a day: the population's own are scaled to it.
var publishedBirths = func() float64 {
	sum, n := 0.0, 0.0
	for _, c := range published {
		if c.Group == "births by month" {
			sum, n = sum+c.Published, n+1
		}
	}
	return sum / n
}()

// lifeExpectancy at birth, by the abridged life table of the window's deaths and person-years.
// Source: Preston, Heuveline and Guillot, Demography (2001), chapter 3; deaths lie in the middle of their five years.
func (m Marginals) lifeExpectancy(sex int) float64 {
	left, sum := 1.0, 0.0
	for a := range 20 {
		if m.Lived[sex][a] == 0 {
			return math.NaN()
		}
		rate := float64(m.Deaths[sex][a]) / m.Lived[sex][a]
		if a == 19 {
			return sum + left/max(rate, 1e-9)
		}
		risk := min(1, 5*rate/(1+2.5*rate))
		sum += 5*left*(1-risk) + 2.5*left*risk
		left *= 1 - risk
	}
	return sum
}

// Page is the report as a page.
func (r Report) Page() page.Page {
	m := r.Marginals
	ages := make([]string, 20)
	men, women := make([]float64, 20), make([]float64, 20)
	model := make([]float64, 20)
	mortality := [2][]float64{make([]float64, 20), make([]float64, 20)}
	table := [2][]float64{make([]float64, 20), make([]float64, 20)}
	died := [2][]float64{make([]float64, 20), make([]float64, 20)}
	alive := 0
	for sex := range 2 {
		for a := range 20 {
			alive += m.AtStart[sex][a]
		}
	}
	for a := range 20 {
		ages[a] = strconv.Itoa(5 * a)
		men[a], women[a] = 1000*float64(m.AtStart[0][a])/float64(alive), 1000*float64(m.AtStart[1][a])/float64(alive)
		model[a] = pyramid[a]
		for sex := range 2 {
			mortality[sex][a] = page.Missing
			if m.Deaths[sex][a] > 0 {
				mortality[sex][a] = math.Log10(1000 * float64(m.Deaths[sex][a]) / m.Lived[sex][a])
			}
			table[sex][a] = math.Log10(1000 * yearlyRisk(sex == 1, 5*a+2))
			died[sex][a] = float64(m.Deaths[sex][a])
		}
	}
	all := make([]float64, 20)
	for a := range all {
		all[a] = men[a] + women[a]
	}
	months := make([]string, 12)
	for i := range months {
		months[i] = time.Month(i + 1).String()[:3]
	}
	var rows, sources [][]string
	var measures []string
	var shares, own, theirs, chaptersHere, chaptersFrance []float64
	var chapters []string
	for _, c := range r.Comparisons {
		if c.Group == "births by month" {
			value := page.Missing
			if c.Value != nil {
				value = math.Round(*c.Value)
			}
			own, theirs = append(own, value), append(theirs, c.Published)
			continue
		}
		if c.Group == "stays by chapter" {
			value := page.Missing
			if c.Value != nil {
				value = math.Round(10**c.Value) / 10
			}
			chapters, chaptersHere, chaptersFrance = append(chapters, c.Measure), append(chaptersHere, value), append(chaptersFrance, c.Published)
			continue
		}
		rows = append(rows, []string{c.Measure, c.Text(), page.Number(c.Published), c.Unit})
		share := page.Missing
		if c.Value != nil {
			share = math.Round(100 * *c.Value / c.Published)
		}
		measures, shares = append(measures, c.Measure), append(shares, share)
		sources = append(sources, []string{c.Measure, c.Source})
	}
	causes, causeCounts := top(m.Stays, 15, func(code string) string { return code + " " + conditionNames[code] })
	drugs, drugCounts := top(m.Boxes, 15, func(atc string) string { return atc + " " + drugNames[atc] })
	var seasons []page.Series
	for _, atc := range slices.Sorted(maps.Keys(m.Seasons)) {
		sum := 0
		for _, n := range m.Seasons[atc] {
			sum += n
		}
		s := page.Series{Name: drugNames[atc]}
		for _, n := range m.Seasons[atc] {
			s.Values = append(s.Values, 100*float64(n)/float64(max(sum, 1)))
		}
		seasons = append(seasons, s)
	}
	deaths := page.Series{Name: "deaths"}
	total := 0
	for _, n := range m.DeathsByMonth {
		total += n
	}
	for _, n := range m.DeathsByMonth {
		deaths.Values = append(deaths.Values, 100*float64(n)/float64(max(total, 1)))
	}
	expected := func(sex int) string {
		if e := m.lifeExpectancy(sex); !math.IsNaN(e) {
			return fmt.Sprintf("%.1f", e)
		}
		return "–"
	}
	power := func(v float64) string { return page.Number(math.Pow(10, v)) }
	percent := func(v float64) string { return page.Number(math.Round(v*10)/10) + " %" }
	return page.Page{
		Title: "A synthetic population beside France",
		Lead:  "Figures of the population as it was written, and published ones. Nothing about medicine can be learnt from it.",
		Facts: []page.Fact{
			{Value: page.Number(float64(m.Persons)), Name: "persons"},
			{Value: expected(1) + " / " + expected(0), Name: "life expectancy, women / men", Note: "France 2021: 85.4 / 79.3"},
			{Value: page.Number(float64(total)), Name: "deaths in four years"},
		},
		Sections: []page.Section{
			{Title: "Side by side", Lead: "Published figures are of all of France. The hospitals here are four that keep acute stays; brands are part of a drug's packages, so theirs are lower bounds.",
				Blocks: []page.Block{page.Table{Header: []string{"measure", "here", "published", "unit"}, Rows: rows, Numbers: []int{1, 2}},
					page.Chart{Title: "Here, where the published figure is 100", Kind: page.Across, Unit: "%", Labels: measures,
						Series: []page.Series{{Name: "here", Values: shares}}}}},
			{Title: "Ages", Blocks: []page.Block{
				page.Chart{Title: "Persons by age on the first day, per 1000", Kind: page.Lines, Unit: "per 1000", Labels: ages,
					Series: []page.Series{{Name: "here", Values: all}, {Name: "INSEE, 1 January 2021, rounded", Values: model}}},
				page.Chart{Title: "Men and women by age on the first day, per 1000", Kind: page.Bars, Stack: true, Unit: "per 1000", Labels: ages,
					Series: []page.Series{{Name: "men", Values: men}, {Name: "women", Values: women}}},
			}},
			{Title: "Deaths", Blocks: []page.Block{
				page.Chart{Title: "Deaths a year per 1000 by age, on a scale of powers of ten", Kind: page.Lines, Unit: "per 1000", Labels: ages, Format: power,
					Series: []page.Series{{Name: "men", Values: mortality[0]}, {Name: "women", Values: mortality[1]}, {Name: "men, France", Values: table[0]}, {Name: "women, France", Values: table[1]}}},
				page.Chart{Title: "Deaths by age, four years", Kind: page.Bars, Stack: true, Unit: "deaths", Labels: ages,
					Series: []page.Series{{Name: "men", Values: died[0]}, {Name: "women", Values: died[1]}}},
			}},
			{Title: "Births", Blocks: []page.Block{
				page.Chart{Title: "Births a day by month, scaled to the national mean", Kind: page.Lines, Unit: "births a day", Labels: months,
					Series: []page.Series{{Name: "here", Values: own}, {Name: "INSEE 2019", Values: theirs}}},
			}},
			{Title: "Seasons", Blocks: []page.Block{
				page.Chart{Title: "Packages dispensed by month, share of the year", Kind: page.Lines, Unit: "%", Labels: months, Series: seasons, Format: percent},
				page.Chart{Title: "Deaths by month, share of the year", Kind: page.Bars, Unit: "%", Labels: months, Series: []page.Series{deaths}, Format: percent},
			}},
			{Title: "Illnesses and drugs", Blocks: []page.Block{
				page.Chart{Title: "Main diagnoses of stays by chapter, share of stays", Kind: page.Across, Unit: "%", Labels: chapters, Format: percent,
					Series: []page.Series{{Name: "here", Values: chaptersHere}, {Name: "DREES 2013", Values: chaptersFrance}}},
				page.Chart{Title: "Main diagnoses of stays, the first fifteen", Kind: page.Across, Unit: "stays", Labels: causes, Series: []page.Series{{Name: "stays", Values: causeCounts}}},
				page.Chart{Title: "Packages by drug, the first fifteen", Kind: page.Across, Unit: "packages", Labels: drugs, Series: []page.Series{{Name: "packages", Values: drugCounts}}},
			}},
			{Title: "Sources of the published figures", Blocks: []page.Block{
				page.Table{Header: []string{"measure", "source"}, Rows: append(sources, []string{"births a day by month", "INSEE, Nombre moyen de naissances par jour selon le mois, 2019"},
					[]string{"stays by chapter", "DREES, Les motifs de recours à l'hospitalisation en MCO, 2013: of 16 855 300 stays, sessions left out"})}}},
		},
		Foot: fmt.Sprintf("Window %s to %s. Mortality of France by age: life tables of INSEE, restated in round figures.", date(Start), date(End.AddDate(0, 0, -1))),
	}
}

var drugNames = func() map[string]string {
	names := map[string]string{}
	for _, d := range slices.Concat(drugList, comedications) {
		names[d.atc] = d.name
	}
	return names
}()

var conditionNames = func() map[string]string {
	names := map[string]string{bornAlive: "Singleton, born in hospital"}
	for _, c := range parse("conditions", func(f fields) [2]string { return [2]string{f["code"], f["name"]} }) {
		names[c[0]] = c[1]
	}
	return names
}()

// top gives the n largest counts with their labels.
func top(counts map[string]int, n int, label func(string) string) ([]string, []float64) {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var labels []string
	var values []float64
	for _, k := range keys[:min(n, len(keys))] {
		labels, values = append(labels, label(k)), append(values, float64(counts[k]))
	}
	return labels, values
}
