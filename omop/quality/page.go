package quality

import (
	_ "embed" // messages
	"slices"
	"strconv"
	"strings"
	"sync"

	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/internal/words"
)

// Small is the smallest count of rows or persons that a page shows, the French
// practice for what leaves a warehouse.
const Small = 11

// Allowed writes up to which share a check may be violated.
func Allowed(c CheckResult) string {
	if c.Threshold == nil {
		return "0 %"
	}
	return strconv.FormatFloat(*c.Threshold, 'f', -1, 64) + " %"
}

// Known says whether there is a check of that id.
func Known(id string) bool {
	return slices.ContainsFunc(published().checks, func(c check) bool { return c.id() == id })
}

//go:embed messages.toml
var messages string

// languages are those that the page speaks.
var languages = sync.OnceValue(func() map[string]*words.Language { return words.Load(messages) })

// Page shows the results to people, in English or, for "fr", in French. Counts below
// [Small] do not show, nor what would give them away. The names of checks are their
// publisher's, in English.
func Page(lang, release string, r *Results) page.Page {
	l := languages()[lang]
	o, m := r.Overview, r.Metadata[0]
	number := func(n int) string { return l.Number(n) }
	p := page.Page{
		Lang:  l.Code,
		Title: l.Text("page.title", "release", release),
		Lead:  l.Text("page.lead", "name", m.Name, "version", m.CDMVersion),
		Facts: []page.Fact{
			{Value: l.Decimal(o.PercentPassed[0], 1) + "\u202f%", Name: l.Text("fact.passed"), Note: l.Text("fact.passed_note")},
			{Value: number(o.Failed[0]), Name: l.Text("fact.failed"), Note: l.Text("fact.failed_note", "n", len(r.Blocking()))},
			{Value: number(o.NotApplicable[0]), Name: l.Text("fact.nothing")},
		},
		Foot: l.Text("page.foot", "start", r.Start[0], "dashboard", m.DashboardVersion, "small", Small),
	}
	p.Sections = append(p.Sections, page.Section{
		Title: l.Text("category.title"), Lead: l.Text("category.lead"),
		Blocks: []page.Block{page.Chart{
			Title: l.Text("category.chart"), Kind: page.Across, Stack: true, Unit: l.Text("category.unit"),
			Labels: []string{l.Text("category.conformance"), l.Text("category.completeness"), l.Text("category.plausibility")},
			Series: []page.Series{
				{Name: l.Text("column.passed"), Values: []float64{float64(o.PassedConformance[0]), float64(o.PassedCompleteness[0]), float64(o.PassedPlausibility[0])}},
				{Name: l.Text("column.failed"), Values: []float64{float64(o.FailedConformance[0]), float64(o.FailedCompleteness[0]), float64(o.FailedPlausibility[0])}},
			},
		}},
	})
	var kinds, failed [][]string
	for _, k := range r.Summary() {
		if k.Total > 0 {
			kinds = append(kinds, []string{k.Check, number(k.Passed), number(k.Failed), number(k.NotApplicable)})
		}
	}
	for _, c := range r.Failing() {
		mandatory := "–"
		if c.Mandatory {
			mandatory = l.Text("failed.mandatory")
		}
		violated, of := c.Shown()
		share := "–"
		if violated != nil && of != nil {
			share = l.Decimal(100*c.Share, 2) + "\u202f%"
		}
		failed = append(failed, []string{c.What(), counted(violated), counted(of), share, strings.Replace(Allowed(c), ".", l.Point(), 1), mandatory})
	}
	headers := func(columns ...string) (header []string) {
		for _, c := range columns {
			header = append(header, l.Text("column."+c))
		}
		return header
	}
	failures := page.Section{Title: l.Text("failed.title"), Lead: l.Text("failed.lead")}
	if failed == nil {
		failures.Blocks = []page.Block{page.Text(l.Text("failed.nothing"))}
	} else {
		failures.Blocks = []page.Block{page.Table{Header: headers("check", "rows", "of", "share", "allowed", "mandatory"), Rows: failed, Numbers: []int{1, 2, 3, 4}, English: []int{0}}}
	}
	p.Sections = append(p.Sections, failures, page.Section{
		Title: l.Text("kind.title"), Blocks: []page.Block{page.Table{Header: headers("check", "passed", "failed", "nothing"), Rows: kinds, Numbers: []int{1, 2, 3}, English: []int{0}}},
	})
	return p
}

// Shown are the rows that violate a check and those that were looked at, as people may
// see them: nil where they are fewer than [Small], or would tell of so few. Where either
// is nil the share is not for people.
func (c CheckResult) Shown() (violated, of *int64) {
	small := func(n int64) bool { return n > 0 && n < Small }
	if !small(c.Denominator) {
		of = &c.Denominator
	}
	if !small(c.Violated) && !small(c.Denominator-c.Violated) {
		violated = &c.Violated
	}
	return violated, of
}

// counted writes a count for people.
func counted(n *int64) string {
	if n == nil {
		return "–"
	}
	return page.Number(float64(*n))
}
