package quality

import (
	"fmt"
	"slices"
	"strconv"

	"rempart.eu/rempart/internal/page"
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

// Page shows the results to people. Counts below [Small] do not show, nor what would
// give them away.
func Page(release string, r *Results) page.Page {
	o := r.Overview
	m := r.Metadata[0]
	p := page.Page{
		Title: "Quality of release " + release,
		Lead:  fmt.Sprintf("What the checks of OHDSI's Data Quality Dashboard found in the tables of %s (OMOP CDM %s).", m.Name, m.CDMVersion),
		Facts: []page.Fact{
			{Value: fmt.Sprintf("%.1f %%", o.PercentPassed[0]), Name: "of checks passed", Note: "of those that had something to look at"},
			{Value: strconv.Itoa(o.Failed[0]), Name: "checks failed", Note: fmt.Sprintf("%d of them mandatory", len(r.Blocking()))},
			{Value: strconv.Itoa(o.NotApplicable[0]), Name: "had nothing to look at"},
		},
		Foot: fmt.Sprintf("Made %s UTC by the checks of the Data Quality Dashboard %s (OHDSI, Apache-2.0). A dash is a count below %d, or one that would tell of so few.", r.Start[0], m.DashboardVersion, Small),
	}
	p.Sections = append(p.Sections, page.Section{
		Title: "By category",
		Lead:  "Conformance: values are where and as the model asks. Completeness: values are there. Plausibility: values can be true.",
		Blocks: []page.Block{page.Chart{
			Title: "Checks by category", Kind: page.Across, Stack: true, Unit: "checks",
			Labels: []string{"Conformance", "Completeness", "Plausibility"},
			Series: []page.Series{
				{Name: "passed", Values: []float64{float64(o.PassedConformance[0]), float64(o.PassedCompleteness[0]), float64(o.PassedPlausibility[0])}},
				{Name: "failed", Values: []float64{float64(o.FailedConformance[0]), float64(o.FailedCompleteness[0]), float64(o.FailedPlausibility[0])}},
			},
		}},
	})
	var kinds, failed [][]string
	for _, k := range r.Summary() {
		if k.Total > 0 {
			kinds = append(kinds, []string{k.Check, strconv.Itoa(k.Passed), strconv.Itoa(k.Failed), strconv.Itoa(k.NotApplicable)})
		}
	}
	for _, c := range r.Failing() {
		mandatory := "–"
		if c.Mandatory {
			mandatory = "mandatory"
		}
		violated, of := c.Shown()
		share := "–"
		if violated != nil && of != nil {
			share = fmt.Sprintf("%.2f %%", 100*c.Share)
		}
		failed = append(failed, []string{c.What(), counted(violated), counted(of), share, Allowed(c), mandatory})
	}
	failures := page.Section{Title: "What failed", Lead: "Mandatory checks first, then by the share of rows. A mandatory check that failed was waived by a data protection officer: the ledger says why."}
	if failed == nil {
		failures.Blocks = []page.Block{page.Text("Nothing.")}
	} else {
		failures.Blocks = []page.Block{page.Table{Header: []string{"check", "rows", "of", "share", "allowed", "mandatory"}, Rows: failed, Numbers: []int{1, 2, 3, 4}}}
	}
	p.Sections = append(p.Sections, failures, page.Section{
		Title: "By kind of check", Blocks: []page.Block{page.Table{Header: []string{"check", "passed", "failed", "nothing to look at"}, Rows: kinds, Numbers: []int{1, 2, 3}}},
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
