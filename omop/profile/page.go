package profile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"rempart.eu/rempart/internal/page"
)

func number(v float64) string { return page.Number(v) }

// shownMonths is how many of the last months a page shows.
const shownMonths = 120

// byMonth are the analyses of records by month, in the order of the page.
var byMonth = []struct {
	id   int
	name string
}{
	{220, "Visits"}, {1320, "Visit details"}, {420, "Conditions"}, {620, "Procedures"}, {720, "Drug exposures"}, {1820, "Measurements"},
	{820, "Observations"}, {2120, "Device exposures"}, {920, "Drug eras"}, {1020, "Condition eras"},
}

// count is a number by a stratum.
type count struct {
	label string
	n     int64
}

// Page shows what was counted to people: no count below [Small], nor what would give one
// away.
func (p *Profile) Page(ctx context.Context) (page.Page, error) {
	summary, err := p.Summary(ctx)
	if err != nil {
		return page.Page{}, err
	}
	changes, err := p.Drift(ctx)
	if err != nil {
		return page.Page{}, err
	}
	against := page.Fact{Value: "–", Name: "no release before to be held against"}
	if p.Against != "" {
		against = page.Fact{Value: strconv.Itoa(len(changes)), Name: "changes against release " + p.Against}
	}
	persons := "–"
	if summary.Persons >= Small {
		persons = number(float64(summary.Persons))
	}
	out := page.Page{
		Title: "Profile of release " + p.Release,
		Lead:  "What is in the tables, by the analyses of OHDSI's Achilles: who is there, when what was recorded, and what differs from the release before.",
		Facts: []page.Fact{{Value: persons, Name: "persons"}, {Value: strconv.Itoa(summary.Made), Name: "analyses had something to count", Note: fmt.Sprintf("of %d that Achilles makes by default", summary.Analyses)}, against},
		Foot:  fmt.Sprintf("Analyses of Achilles %s (OHDSI, Apache-2.0). What is missing is a count below %d, or one that would tell of so few.", AchillesVersion, Small),
	}
	for _, section := range []func(context.Context) (page.Section, error){
		func(context.Context) (page.Section, error) { return p.driftSection(changes), nil },
		p.personsSection, p.recordsSection, p.seasonsSection, p.deathsSection, p.visitsSection, p.conceptsSection, p.unmappedSection,
	} {
		s, err := section(ctx)
		if err != nil {
			return page.Page{}, fmt.Errorf("profile: %s: %w", s.Title, err)
		}
		out.Sections = append(out.Sections, s)
	}
	return out, nil
}

func (p *Profile) driftSection(changes []Change) page.Section {
	s := page.Section{Title: "What changed", Lead: fmt.Sprintf(`A total is told where records a person differ by more than %.0f %%, a shape where more than %.0f %% of the counts stand in other strata, a mean where it differs by more than %.1f standard deviations; always beyond what chance moves (three standard errors). Months that come before or after those of the other release are left out.`,
		100*TotalMayChange, 100*ShapeMayChange, MeanMayChange)}
	switch {
	case p.Against == "":
		s.Blocks = append(s.Blocks, page.Text("There is no release before this one that could be read."))
	case len(changes) == 0:
		s.Blocks = append(s.Blocks, page.Text("Nothing changed beyond that against release "+p.Against+"."))
	default:
		t := page.Table{Caption: "Against release " + p.Against, Header: []string{"analysis", "", "change", "most in"}}
		for _, c := range changes {
			t.Rows = append(t.Rows, []string{strconv.Itoa(c.Analysis), c.Name, c.What(), c.Strata})
		}
		s.Blocks = append(s.Blocks, t)
	}
	return s
}

func (p *Profile) personsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Persons"}
	for _, c := range []struct {
		id           int
		title, order string
		kind         page.Kind
	}{
		{3, "Persons by year of birth", "CAST(stratum_1 AS INTEGER)", page.Bars},
		{101, "Age at first observation, in years", "CAST(stratum_1 AS INTEGER)", page.Bars},
		{117, "Persons under observation by month", "stratum_1", page.Lines},
		{2, "Persons by gender", "count_value DESC", page.Across},
	} {
		counts, err := p.counts(ctx, c.id, c.order)
		if err != nil {
			return s, err
		}
		if c.id == 117 {
			counts = months(counts)
		}
		s.Blocks = append(s.Blocks, draw(c.title, c.kind, "persons", counts))
	}
	return s, nil
}

func (p *Profile) recordsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Records by month", Lead: fmt.Sprintf("Of each table, up to the last %d months. A break in a line is a month in which something else was delivered, or less.", shownMonths)}
	for _, a := range byMonth {
		counts, err := p.counts(ctx, a.id, "stratum_1")
		if err != nil {
			return s, err
		}
		if len(counts) > 0 {
			s.Blocks = append(s.Blocks, draw(a.name, page.Lines, "records", months(counts)))
		}
	}
	if len(s.Blocks) == 0 {
		s.Blocks = append(s.Blocks, page.Text("There are no records."))
	}
	return s, nil
}

// seasonsSection holds each month of the year against the mean of the twelve, over the
// whole years that are shown.
func (p *Profile) seasonsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Seasons", Lead: "Records of a month of the year, the mean of the twelve being 100, over the whole years among the months that are shown."}
	chart := page.Chart{Title: "Records by month of the year", Kind: page.Lines, Unit: "100 is the mean", Labels: []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}}
	for _, a := range append(slices.Clone(byMonth[:6]), struct {
		id   int
		name string
	}{502, "Deaths"}) {
		counts, err := p.counts(ctx, a.id, "stratum_1")
		if err != nil {
			return s, err
		}
		if values := seasons(months(counts)); values != nil && len(chart.Series) < 6 {
			chart.Series = append(chart.Series, page.Series{Name: a.name, Values: values})
		}
	}
	if len(chart.Series) == 0 {
		s.Blocks = append(s.Blocks, page.Text("No table has a whole year with enough records in every month."))
		return s, nil
	}
	s.Blocks = append(s.Blocks, chart)
	return s, nil
}

func seasons(counts []count) []float64 {
	years := map[string][]int64{}
	for _, c := range counts {
		years[c.label[:4]] = append(years[c.label[:4]], c.n)
	}
	sums, total := make([]int64, 12), int64(0)
	for _, months := range years {
		if len(months) != 12 {
			continue
		}
		for i, n := range months {
			sums[i] += n
			total += n
		}
	}
	if slices.Min(sums) < Small {
		return nil
	}
	out := make([]float64, 12)
	for i, n := range sums {
		out[i] = float64(n) * 1200 / float64(total)
	}
	return out
}

func (p *Profile) deathsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Deaths"}
	counts, err := p.counts(ctx, 502, "stratum_1")
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, draw("Deaths by month", page.Lines, "persons", months(counts)))
	ages, err := p.spread(ctx, "Age at death, in years", 506, 10)
	s.Blocks = append(s.Blocks, ages)
	return s, err
}

func (p *Profile) visitsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Visits"}
	counts, err := p.counts(ctx, 201, "count_value DESC")
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, draw("Visits by type", page.Across, "records", counts[:min(12, len(counts))]))
	stays, err := p.spread(ctx, "Length of stay, in days", 213, 12)
	s.Blocks = append(s.Blocks, stays)
	return s, err
}

func (p *Profile) conceptsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Most frequent concepts"}
	for _, a := range []struct {
		persons int
		name    string
	}{{400, "Conditions"}, {700, "Drugs"}, {600, "Procedures"}, {1800, "Measurements"}, {800, "Observations"}, {2100, "Devices"}} {
		counts, err := p.counts(ctx, a.persons, "count_value DESC")
		if err != nil {
			return s, err
		}
		t := page.Table{Caption: a.name, Header: []string{"concept", "persons"}, Numbers: []int{1}}
		for _, c := range counts[:min(15, len(counts))] {
			if c.n >= Small {
				t.Rows = append(t.Rows, []string{c.label, number(float64(c.n))})
			}
		}
		if len(t.Rows) > 0 {
			s.Blocks = append(s.Blocks, t)
		}
	}
	if len(s.Blocks) == 0 {
		s.Blocks = append(s.Blocks, page.Text("No concept has enough persons."))
	}
	return s, nil
}

func (p *Profile) unmappedSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: "Codes without a standard concept", Lead: "The most frequent values of the sources that no concept is known for."}
	t := page.Table{Header: []string{"table", "value", "records"}, Numbers: []int{2}}
	var table, value string
	var n int64
	err := p.db.Each(ctx, "SELECT stratum_1, stratum_3, count_value FROM now_achilles_results WHERE analysis_id = 1900 AND count_value >= ? ORDER BY count_value DESC, stratum_1, stratum_3 LIMIT 20", []any{Small}, func() error {
		t.Rows = append(t.Rows, []string{table, value, number(float64(n))})
		return nil
	}, &table, &value, &n)
	if len(t.Rows) == 0 {
		s.Blocks = append(s.Blocks, page.Text("There are none."))
		return s, err
	}
	s.Blocks = append(s.Blocks, t)
	return s, err
}

// counts are those of an analysis by its first stratum, concepts by their names.
func (p *Profile) counts(ctx context.Context, analysis int, order string) (all []count, err error) {
	var c count
	err = p.db.Each(ctx, `SELECT CASE WHEN a.stratum_1_name LIKE '%concept_id' THEN coalesce(c.concept_name, r.stratum_1) ELSE r.stratum_1 END, r.count_value
		FROM now_achilles_results r
		JOIN now_achilles_analysis a USING (analysis_id)
		LEFT JOIN now_concept c ON CAST(c.concept_id AS VARCHAR) = r.stratum_1
		WHERE analysis_id = ? AND r.stratum_1 IS NOT NULL ORDER BY `+order+", r.stratum_1", []any{analysis}, func() error {
		all = append(all, c)
		return nil
	}, &c.label, &c.n)
	return all, err
}

// spread is a table of a distribution, the strata with most first.
func (p *Profile) spread(ctx context.Context, title string, analysis, most int) (page.Block, error) {
	all, err := p.distributions(ctx, fmt.Sprintf("analysis_id = %d AND count_value >= %d", analysis, Small))
	if err != nil || len(all) == 0 {
		return page.Text(title + ": fewer than " + strconv.Itoa(Small) + "."), err
	}
	t := page.Table{Caption: title, Header: []string{"", "count", "10 %", "25 %", "median", "75 %", "90 %", "mean"}, Numbers: []int{1, 2, 3, 4, 5, 6, 7}}
	for _, d := range all[:min(most, len(all))] {
		name := ""
		if d.Stratum1 != nil {
			if name, err = p.name(ctx, *d.Stratum1); err != nil {
				return t, err
			}
		}
		t.Rows = append(t.Rows, []string{name, number(float64(d.Count)), number(d.P10), number(d.P25), number(d.Median), number(d.P75), number(d.P90), number(d.Average)})
	}
	return t, nil
}

func (p *Profile) name(ctx context.Context, concept string) (name string, err error) {
	err = p.db.Value(ctx, &name, "SELECT coalesce((SELECT concept_name FROM now_concept WHERE CAST(concept_id AS VARCHAR) = ?), ?)", concept, concept)
	return name, err
}

// months fills the months between the first and the last that are shown.
func months(counts []count) []count {
	if len(counts) == 0 {
		return nil
	}
	at := map[int]int64{}
	for _, c := range counts {
		at[monthNumber(c.label)] = c.n
	}
	last := monthNumber(counts[len(counts)-1].label)
	first := max(monthNumber(counts[0].label), last-shownMonths+1)
	var out []count
	for m := first; m <= last; m++ {
		out = append(out, count{fmt.Sprintf("%04d-%02d", m/12, m%12+1), at[m]})
	}
	return out
}

// monthNumber reads 202403.
func monthNumber(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n/100*12 + n%100 - 1
}

// draw draws counts, but for those that are hidden.
func draw(title string, kind page.Kind, unit string, counts []count) page.Block {
	hidden := hide(counts)
	chart := page.Chart{Title: title, Kind: kind, Unit: unit, Series: []page.Series{{Name: unit}}}
	shown := false
	for i, c := range counts {
		v := float64(c.n)
		if hidden[i] {
			v = page.Missing
		} else if c.n > 0 {
			shown = true
		}
		chart.Labels = append(chart.Labels, c.label)
		chart.Series[0].Values = append(chart.Series[0].Values, v)
	}
	if !shown {
		return page.Text(title + ": no count reaches " + strconv.Itoa(Small) + ".")
	}
	return chart
}

// hide says which counts are not shown: those below [Small], and the smallest of the
// others until what is hidden is Small or more in all, and more than one count, so that
// no total gives one back.
func hide(counts []count) []bool {
	hidden := make([]bool, len(counts))
	order := make([]int, len(counts))
	sum, n := int64(0), 0
	for i, c := range counts {
		order[i] = i
		if c.n > 0 && c.n < Small {
			hidden[i], sum, n = true, sum+c.n, n+1
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[a].n, counts[b].n) })
	for _, i := range order {
		if n == 0 || n > 1 && sum >= Small {
			break
		}
		if !hidden[i] && counts[i].n > 0 {
			hidden[i], sum, n = true, sum+counts[i].n, n+1
		}
	}
	return hidden
}
