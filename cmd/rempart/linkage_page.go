package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/warehouse"
)

// linkagePage is a linkage report for people.
func linkagePage(r *warehouse.LinkageReport) page.Page {
	p := page.Page{
		Title: "Linkage " + r.Linkage,
		Lead:  fmt.Sprintf("Which records of %d deposits are one person, as %s found out from tokens alone, without seeing an identity or health data.", len(r.Report.Deposits), r.Authority),
		Facts: []page.Fact{
			{Value: counted(r.Report.Records), Name: "records"},
			{Value: counted(r.Report.Persons), Name: "persons"},
			{Value: counted(r.Report.Shared), Name: "persons known to two or more deposits"},
		},
		Foot: fmt.Sprintf("Made %s, from %s tokens. The digest of these figures is in the ledger. Counts below %d are not shown.", r.Made.Format("2006-01-02"), r.Pseudonyms, 11),
	}
	if r.Report.Filters != nil {
		p.Lead = strings.Replace(p.Lead, "from tokens alone", "from tokens and keyed filters", 1)
	}
	if r.Release != "" {
		p.Lead = "Of release " + r.Release + ". " + p.Lead
	}
	p.Sections = append(p.Sections, linkageRules(r))
	if s := r.Report.Stays; s != nil {
		for _, e := range s.Estimates {
			method, _, _ := strings.Cut(e.Method, ":")
			p.Facts = append(p.Facts, page.Fact{Value: percent(e.Value), Name: "estimated " + e.Measure + " of stays", Note: "by " + method})
		}
		p.Sections = append(p.Sections, stayYears(s), stayKeys(s), stayDoubts(s))
	}
	if f := r.Report.Filters; f != nil {
		heading, rows := linkageFilters(f)
		chart := page.Chart{Title: "Records that nothing else linked", Kind: page.Across, Stack: true, Unit: "records"}
		linked, left, rest := page.Series{Name: "linked by filters"}, page.Series{Name: "to decide"}, page.Series{Name: "alone"}
		for _, p := range f.Providers {
			if p.Sought.Hidden() || p.Linked.Hidden() || p.Clerical.Hidden() {
				continue
			}
			chart.Labels = append(chart.Labels, p.Provider)
			linked.Values, left.Values = append(linked.Values, float64(p.Linked)), append(left.Values, float64(p.Clerical))
			rest.Values = append(rest.Values, float64(p.Sought-p.Linked-p.Clerical))
		}
		blocks := []page.Block{page.Table{Caption: "Filters by provider", Header: heading, Rows: rows, Numbers: []int{2, 3, 4, 5}}}
		if len(chart.Labels) > 0 {
			chart.Series = []page.Series{linked, left, rest}
			blocks = append([]page.Block{chart}, blocks...)
		}
		say := filtersSay(f)
		p.Sections = append(p.Sections, page.Section{Title: "Filters of names", Lead: capital(say), Blocks: blocks})
	}
	if t := r.Truth; t != nil {
		p.Facts = append(p.Facts,
			page.Fact{Value: percent(t.All.Precision), Name: "true precision of pairs of records"},
			page.Fact{Value: percent(t.All.Recall), Name: "true recall"})
		heading, rows := linkageTruth(t)
		byRule, rules := linkageTruthByRule(t)
		p.Sections = append(p.Sections, page.Section{
			Title: "Beside the truth",
			Lead:  fmt.Sprintf("Of %s persons known to several deposits, %s are whole: all their records together, and nobody else's.", counted(t.Persons), percent(t.Whole)),
			Blocks: []page.Block{page.Table{Caption: "Pairs of records with one of each provider", Header: heading, Rows: rows, Numbers: []int{2, 3, 4}},
				page.Table{Caption: "Pairs of records with one that each rule placed", Header: byRule, Rows: rules, Numbers: []int{1, 2, 3, 4}}},
		})
	}
	return p
}

// shown is a count for a chart: a small one is not known.
func shown(n linkage.Count) float64 {
	if n.Hidden() {
		return page.Missing
	}
	return float64(n)
}

// linkageRules tell which rule placed how many records of whom.
func linkageRules(r *warehouse.LinkageReport) page.Section {
	chart := page.Chart{Title: "Records by the rule that placed them", Kind: page.Across, Stack: true, Unit: "% of a deposit's records", Format: inPercent}
	for _, d := range r.Report.Deposits {
		chart.Labels = append(chart.Labels, d.Provider)
	}
	for _, m := range methodsOf(r.Report) {
		series := page.Series{Name: m}
		for _, d := range r.Report.Deposits {
			value := 0.0
			if n := d.Methods[m]; !n.Hidden() && !d.Records.Hidden() && d.Records > 0 {
				value = 100 * float64(n) / float64(d.Records)
			}
			series.Values = append(series.Values, value)
		}
		chart.Series = append(chart.Series, series)
	}
	heading, rows := linkageProviders(r)
	numbers := []int{}
	for i := 2; i < len(heading); i++ {
		numbers = append(numbers, i)
	}
	blocks := []page.Block{page.Table{Caption: "Records by provider", Header: heading, Rows: rows, Numbers: numbers}}
	if len(chart.Labels) > 0 && len(chart.Series) > 0 {
		blocks = append([]page.Block{chart}, blocks...)
	}
	return page.Section{
		Title: "Persons", Blocks: blocks,
		Lead: "The strongest rule that finds somebody counts: the same identifier; the same names, birth date and sex; the person whom the record's hospital stays name; the same as names sound; a filter of names and birth that is similar enough. Who is left is a person alone.",
	}
}

func inPercent(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + " %" }

// stayYears draw how many stays of each provider were joined, year by year.
func stayYears(s *linkage.StayReport) page.Section {
	var years []int
	var providers []string
	rates := map[string]map[int]float64{}
	lowest := 100.0
	for _, p := range s.Providers {
		if p.Year == 0 {
			continue
		}
		if !slices.Contains(years, p.Year) {
			years = append(years, p.Year)
		}
		if rates[p.Provider] == nil {
			rates[p.Provider] = map[int]float64{}
			providers = append(providers, p.Provider)
		}
		if p.Rate != nil {
			rates[p.Provider][p.Year] = 100 * *p.Rate
			lowest = min(lowest, 100**p.Rate)
		}
	}
	slices.Sort(years)
	chart := page.Chart{Title: "Stays that were joined, by year of entry", Kind: page.Bars, Unit: "% of a provider's stays", Format: inPercent}
	for _, y := range years {
		chart.Labels = append(chart.Labels, strconv.Itoa(y))
	}
	for _, p := range providers {
		series := page.Series{Name: p}
		for _, y := range years {
			value, known := rates[p][y]
			if !known {
				value = page.Missing
			}
			series.Values = append(series.Values, value)
		}
		chart.Series = append(chart.Series, series)
	}
	heading, rows := linkageYears(s)
	blocks := []page.Block{page.Table{Caption: "Stays by provider and year", Header: heading, Rows: rows, Numbers: []int{3, 4, 5}}}
	if len(chart.Labels) > 0 && len(chart.Series) > 0 {
		blocks = append([]page.Block{chart}, blocks...)
	}
	return page.Section{Title: "Hospital stays", Blocks: blocks,
		Lead: "A stay is known to the hospital that gave it and to the insurer that paid for it. Rates of an insurer are of all its stays, also those at hospitals that deposit nothing."}
}

// stayKeys tell what each key found and what each trait weighs.
func stayKeys(s *linkage.StayReport) page.Section {
	chart := page.Chart{Title: "Stays joined by each key, the strictest first", Kind: page.Across, Unit: "pairs of stays"}
	joined := map[string]float64{}
	for _, k := range s.Keys {
		if _, known := joined[k.Name]; !known {
			chart.Labels = append(chart.Labels, k.Name)
		}
		if k.Taken && !k.Joined.Hidden() {
			joined[k.Name] += shown(k.Joined)
		} else {
			joined[k.Name] += 0
		}
	}
	series := page.Series{Name: "joined"}
	for _, name := range chart.Labels {
		series.Values = append(series.Values, joined[name])
	}
	chart.Series = []page.Series{series}
	heading, rows := linkageKeys(s)
	blocks := []page.Block{chart, page.Table{Caption: "Keys", Header: heading, Rows: rows, Numbers: []int{2, 3, 5, 6}}}
	var weights [][]string
	for _, w := range s.Weights {
		weights = append(weights, []string{w.Sides, w.Trait, inPercent(100 * w.M), strconv.FormatFloat(w.U, 'f', 4, 64), strconv.FormatFloat(w.Weight, 'f', 1, 64)})
	}
	if weights != nil {
		blocks = append(blocks, page.Table{Caption: "What the agreement of a trait weighs: log2(m/u), in bits", Numbers: []int{2, 3, 4},
			Header: []string{"sides", "trait", "m: agrees in one stay", "u: agrees by chance, all others agreeing", "weight"}, Rows: weights})
	}
	return page.Section{Title: "Keys", Blocks: blocks,
		Lead: "Two stays are joined where a combination of traits is the only one of its kind on either side, all traits first, then without one, then without two. A key that would join too many wrong stays here is not taken."}
}

// stayDoubts tell what was not taken.
func stayDoubts(s *linkage.StayReport) page.Section {
	var rows [][]string
	for _, c := range s.Conflicts {
		rows = append(rows, []string{c.Provider, counted(c.Contradict), counted(c.Contested), counted(c.Ambiguous)})
	}
	var estimates [][]string
	for _, e := range s.Estimates {
		estimates = append(estimates, []string{e.Measure, percent(e.Value), counted(e.Of), e.Method})
	}
	return page.Section{Title: "Estimates, conflicts, and what was left", Lead: clerical(s), Blocks: []page.Block{
		page.Table{Caption: "How good the joining of stays is, without the truth", Numbers: []int{1, 2}, Rows: estimates,
			Header: []string{"measure", "estimate", "of stays", "method"}},
		page.Table{Caption: "Stays that were not believed", Numbers: []int{1, 2, 3}, Rows: rows,
			Header: []string{"provider", "name another person than the identifier", "claimed by another hospital too", "equal to another of the provider's"}},
	}}
}
