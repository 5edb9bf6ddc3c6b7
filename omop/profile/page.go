package profile

import (
	"cmp"
	"context"
	_ "embed" // messages
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/internal/words"
)

//go:embed messages.toml
var messages string

// languages are those that the page speaks.
var languages = sync.OnceValue(func() map[string]*words.Language { return words.Load(messages) })

// writer writes the page of a profile in a language.
type writer struct {
	*Profile
	l *words.Language
}

// number writes a number for people.
func (w writer) number(v float64) string {
	return strings.Replace(page.Number(v), ".", w.l.Point(), 1)
}

// shownMonths is how many of the last months a page shows.
const shownMonths = 120

// byMonth are the analyses of records by month, in the order of the page, and what they
// are called: table.<name>.
var byMonth = []struct {
	id   int
	name string
}{
	{220, "visits"}, {1320, "details"}, {420, "conditions"}, {620, "procedures"}, {720, "exposures"}, {1820, "measurements"},
	{820, "observations"}, {2120, "device_exposures"}, {920, "drug_eras"}, {1020, "condition_eras"},
}

// count is a number by a stratum.
type count struct {
	label string
	n     int64
}

// Page shows what was counted to people, in English or, for "fr", in French: no count
// below [Small], nor what would give one away. The names of analyses and concepts are their
// publishers', in English.
func (p *Profile) Page(ctx context.Context, lang string) (page.Page, error) {
	w := writer{p, languages()[lang]}
	summary, err := p.Summary(ctx)
	if err != nil {
		return page.Page{}, err
	}
	changes, err := p.Drift(ctx)
	if err != nil {
		return page.Page{}, err
	}
	against := page.Fact{Value: "–", Name: w.l.Text("fact.first")}
	if p.Against != "" {
		against = page.Fact{Value: w.l.Number(len(changes)), Name: w.l.Text("fact.changes", "release", p.Against)}
	}
	persons := "–"
	if summary.Persons >= Small {
		persons = w.number(float64(summary.Persons))
	}
	out := page.Page{
		Lang: w.l.Code, Title: w.l.Text("page.title", "release", p.Release), Lead: w.l.Text("page.lead"),
		Facts: []page.Fact{
			{Value: persons, Name: w.l.Text("fact.persons")},
			{Value: w.l.Number(summary.Made), Name: w.l.Text("fact.made"), Note: w.l.Text("fact.made_note", "n", summary.Analyses)}, against,
		},
		Foot: w.l.Text("page.foot", "version", AchillesVersion, "small", Small),
	}
	for _, section := range []func(context.Context) (page.Section, error){
		func(context.Context) (page.Section, error) { return w.driftSection(changes), nil },
		w.personsSection, w.recordsSection, w.seasonsSection, w.deathsSection, w.visitsSection, w.conceptsSection, w.unmappedSection,
	} {
		s, err := section(ctx)
		if err != nil {
			return page.Page{}, fmt.Errorf("profile: %s: %w", s.Title, err)
		}
		out.Sections = append(out.Sections, s)
	}
	return out, nil
}

func (w writer) driftSection(changes []Change) page.Section {
	s := page.Section{Title: w.l.Text("drift.title"), Lead: w.l.Text("drift.lead", "total", w.l.Decimal(100*TotalMayChange, 0), "shape", w.l.Decimal(100*ShapeMayChange, 0), "mean", w.l.Decimal(MeanMayChange, 1))}
	switch {
	case w.Against == "":
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("drift.first")))
	case len(changes) == 0:
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("drift.nothing", "release", w.Against)))
	default:
		t := page.Table{Caption: w.l.Text("drift.against", "release", w.Against), Header: []string{w.l.Text("column.analysis"), "", w.l.Text("column.change"), w.l.Text("column.most")}, English: []int{1, 3}}
		for _, c := range changes {
			t.Rows = append(t.Rows, []string{strconv.Itoa(c.Analysis), c.Name, w.changed(c), c.Strata})
		}
		s.Blocks = append(s.Blocks, t)
	}
	return s
}

// changed says in words how an analysis changed.
func (w writer) changed(c Change) string {
	switch c.Measure {
	case "total":
		return fmt.Sprintf("%+.0f\u202f%%", 100**c.Change)
	case "shape":
		return w.l.Text("drift.share", "percent", w.l.Decimal(100**c.Change, 0))
	case "mean":
		return w.l.Text("drift.mean", "before", w.number(*c.Before), "now", w.number(*c.Now))
	}
	return w.l.Text("drift." + c.Measure)
}

func (w writer) personsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("persons.title")}
	for _, c := range []struct {
		id           int
		title, order string
		kind         page.Kind
	}{
		{3, w.l.Text("persons.births"), "CAST(stratum_1 AS INTEGER)", page.Bars},
		{101, w.l.Text("persons.ages"), "CAST(stratum_1 AS INTEGER)", page.Bars},
		{117, w.l.Text("persons.observed"), "stratum_1", page.Lines},
		{2, w.l.Text("persons.genders"), "count_value DESC", page.Across},
	} {
		counts, err := w.counts(ctx, c.id, c.order)
		if err != nil {
			return s, err
		}
		if c.id == 117 {
			counts = months(counts)
		}
		s.Blocks = append(s.Blocks, w.draw(c.title, c.kind, "persons", counts, c.id == 2))
	}
	return s, nil
}

func (w writer) recordsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("records.title"), Lead: w.l.Text("records.lead", "n", shownMonths)}
	for _, a := range byMonth {
		counts, err := w.counts(ctx, a.id, "stratum_1")
		if err != nil {
			return s, err
		}
		if len(counts) > 0 {
			s.Blocks = append(s.Blocks, w.draw(w.l.Text("table."+a.name), page.Lines, "records", months(counts), false))
		}
	}
	if len(s.Blocks) == 0 {
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("records.none")))
	}
	return s, nil
}

// seasonsSection holds each month of the year against the mean of the twelve, over the
// whole years that are shown.
func (w writer) seasonsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("seasons.title"), Lead: w.l.Text("seasons.lead")}
	chart := page.Chart{Title: w.l.Text("seasons.chart"), Kind: page.Lines, Unit: w.l.Text("seasons.unit")}
	for month := time.January; month <= time.December; month++ {
		name, _, _ := strings.Cut(w.l.Month(time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)), " ")
		chart.Labels = append(chart.Labels, name)
	}
	for _, a := range append(slices.Clone(byMonth[:6]), struct {
		id   int
		name string
	}{502, "deaths"}) {
		counts, err := w.counts(ctx, a.id, "stratum_1")
		if err != nil {
			return s, err
		}
		if values := seasons(months(counts)); values != nil && len(chart.Series) < 6 {
			chart.Series = append(chart.Series, page.Series{Name: w.l.Text("table." + a.name), Values: values})
		}
	}
	if len(chart.Series) == 0 {
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("seasons.none")))
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

func (w writer) deathsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("table.deaths")}
	counts, err := w.counts(ctx, 502, "stratum_1")
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, w.draw(w.l.Text("deaths.months"), page.Lines, "persons", months(counts), false))
	ages, err := w.spread(ctx, w.l.Text("deaths.ages"), 506, 10)
	s.Blocks = append(s.Blocks, ages)
	return s, err
}

func (w writer) visitsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("table.visits")}
	counts, err := w.counts(ctx, 201, "count_value DESC")
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, w.draw(w.l.Text("visits.types"), page.Across, "records", counts[:min(12, len(counts))], true))
	stays, err := w.spread(ctx, w.l.Text("visits.stays"), 213, 12)
	s.Blocks = append(s.Blocks, stays)
	return s, err
}

func (w writer) conceptsSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("concepts.title")}
	for _, a := range []struct {
		persons int
		name    string
	}{{400, "conditions"}, {700, "drugs"}, {600, "procedures"}, {1800, "measurements"}, {800, "observations"}, {2100, "devices"}} {
		counts, err := w.counts(ctx, a.persons, "count_value DESC")
		if err != nil {
			return s, err
		}
		t := page.Table{Caption: w.l.Text("table." + a.name), Header: []string{w.l.Text("column.concept"), w.l.Text("column.persons")}, Numbers: []int{1}, English: []int{0}}
		for _, c := range counts[:min(15, len(counts))] {
			if c.n >= Small {
				t.Rows = append(t.Rows, []string{c.label, w.number(float64(c.n))})
			}
		}
		if len(t.Rows) > 0 {
			s.Blocks = append(s.Blocks, t)
		}
	}
	if len(s.Blocks) == 0 {
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("concepts.none")))
	}
	return s, nil
}

func (w writer) unmappedSection(ctx context.Context) (page.Section, error) {
	s := page.Section{Title: w.l.Text("unmapped.title"), Lead: w.l.Text("unmapped.lead")}
	t := page.Table{Header: []string{w.l.Text("column.table"), w.l.Text("column.value"), w.l.Text("column.records")}, Numbers: []int{2}}
	var table, value string
	var n int64
	err := w.db.Each(ctx, "SELECT stratum_1, stratum_3, count_value FROM now_achilles_results WHERE analysis_id = 1900 AND count_value >= ? ORDER BY count_value DESC, stratum_1, stratum_3 LIMIT 20", []any{Small}, func() error {
		t.Rows = append(t.Rows, []string{table, value, w.number(float64(n))})
		return nil
	}, &table, &value, &n)
	if len(t.Rows) == 0 {
		s.Blocks = append(s.Blocks, page.Text(w.l.Text("unmapped.none")))
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
func (w writer) spread(ctx context.Context, title string, analysis, most int) (page.Block, error) {
	all, err := w.distributions(ctx, fmt.Sprintf("analysis_id = %d AND count_value >= %d", analysis, Small))
	if err != nil || len(all) == 0 {
		return page.Text(w.l.Text("page.few", "title", title, "small", Small)), err
	}
	t := page.Table{Caption: title, Header: []string{"", w.l.Text("column.count"), "10 %", "25 %", w.l.Text("column.median"), "75 %", "90 %", w.l.Text("column.mean")}, Numbers: []int{1, 2, 3, 4, 5, 6, 7}, English: []int{0}}
	for _, d := range all[:min(most, len(all))] {
		name := ""
		if d.Stratum1 != nil {
			if name, err = w.name(ctx, *d.Stratum1); err != nil {
				return t, err
			}
		}
		t.Rows = append(t.Rows, []string{name, w.number(float64(d.Count)), w.number(d.P10), w.number(d.P25), w.number(d.Median), w.number(d.P75), w.number(d.P90), w.number(d.Average)})
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

// draw draws counts of persons or records, but for those that are hidden; english says that
// their labels are names of concepts.
func (w writer) draw(title string, kind page.Kind, of string, counts []count, english bool) page.Block {
	hidden := hide(counts)
	unit := w.l.Text("column." + of)
	chart := page.Chart{Title: title, Kind: kind, Unit: unit, Series: []page.Series{{Name: unit}}, English: english}
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
		return page.Text(w.l.Text("page.none", "title", title, "small", Small))
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
