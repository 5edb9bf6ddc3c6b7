package quality

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Results are what a run found, in the layout of the dashboard's own results, which
// its viewer opens: single values stand in lists of one, as R writes them.
type Results struct {
	Start         [1]string     `json:"startTimestamp"`
	End           [1]string     `json:"endTimestamp"`
	ExecutionTime [1]string     `json:"executionTime"`
	CheckResults  []CheckResult `json:"CheckResults"`
	Metadata      []Metadata    `json:"Metadata"` // one
	Overview      Overview      `json:"Overview"`
}

// CheckResult is what one check found.
type CheckResult struct {
	Violated      int64    `json:"numViolatedRows"`
	Share         float64  `json:"pctViolatedRows"` // of Denominator, 0 to 1
	Denominator   int64    `json:"numDenominatorRows"`
	ExecutionTime string   `json:"executionTime"`
	Query         string   `json:"queryText"`
	Check         string   `json:"checkName"`
	Level         string   `json:"checkLevel"` // TABLE, FIELD or CONCEPT
	Description   string   `json:"checkDescription"`
	Table         string   `json:"cdmTableName"`
	Field         string   `json:"cdmFieldName,omitempty"`
	Concept       string   `json:"conceptId,omitempty"`
	Unit          string   `json:"unitConceptId,omitempty"`
	File          string   `json:"sqlFile"`
	Category      string   `json:"category"` // Conformance, Completeness or Plausibility
	Subcategory   string   `json:"subcategory,omitempty"`
	Context       string   `json:"context"` // Verification or Validation
	Severity      string   `json:"severity"`
	ID            string   `json:"checkId"`
	Failed        int      `json:"failed"`
	Passed        int      `json:"passed"`
	IsError       int      `json:"isError"`
	NotApplicable int      `json:"notApplicable"`
	Why           string   `json:"notApplicableReason,omitempty"`
	Threshold     *float64 `json:"thresholdValue,omitempty"` // percent; none means zero
	Note          string   `json:"notesValue,omitempty"`
	Mandatory     bool     `json:"mandatory"` // Rempart's own
}

// Percent is the share of violated rows in percent, rounded up to two digits, so
// that a waiver for it covers what was found.
func (c CheckResult) Percent() float64 { return math.Ceil(c.Share*100*100) / 100 }

// What says in words what the check is about: "isForeignKey of measurement.unit_concept_id".
func (c CheckResult) What() string {
	what := c.Check + " of " + strings.ToLower(c.Table)
	if c.Field != "" {
		what += "." + strings.ToLower(c.Field)
	}
	if c.Concept != "" {
		what += ", concept " + c.Concept
	}
	return what
}

// Metadata says what was checked, as the table cdm_source does.
type Metadata struct {
	Name                string `json:"cdmSourceName"`
	Abbreviation        string `json:"cdmSourceAbbreviation"`
	Holder              string `json:"cdmHolder"`
	Description         string `json:"sourceDescription"`
	Documentation       string `json:"sourceDocumentationReference"`
	ETL                 string `json:"cdmEtlReference"`
	SourceReleaseDate   string `json:"sourceReleaseDate"`
	ReleaseDate         string `json:"cdmReleaseDate"`
	CDMVersion          string `json:"cdmVersion"`
	CDMVersionConceptID int    `json:"cdmVersionConceptId"`
	VocabularyVersion   string `json:"vocabularyVersion"`
	DashboardVersion    string `json:"dqdVersion"`
	ChecksFrom          string `json:"checksFrom"` // Rempart's own: source and licence of the checks
}

// Overview counts the results.
type Overview struct {
	Total              [1]int     `json:"countTotal"`
	Passed             [1]int     `json:"countPassed"`
	Errors             [1]int     `json:"countErrorFailed"`
	ThresholdFailed    [1]int     `json:"countThresholdFailed"`
	Failed             [1]int     `json:"countOverallFailed"`
	NotApplicable      [1]int     `json:"countNotApplicable"` // Rempart's own
	PercentPassed      [1]float64 `json:"percentPassed"`
	PercentFailed      [1]float64 `json:"percentFailed"`
	TotalPlausibility  [1]int     `json:"countTotalPlausibility"`
	TotalConformance   [1]int     `json:"countTotalConformance"`
	TotalCompleteness  [1]int     `json:"countTotalCompleteness"`
	FailedPlausibility [1]int     `json:"countFailedPlausibility"`
	FailedConformance  [1]int     `json:"countFailedConformance"`
	FailedCompleteness [1]int     `json:"countFailedCompleteness"`
	PassedPlausibility [1]int     `json:"countPassedPlausibility"`
	PassedConformance  [1]int     `json:"countPassedConformance"`
	PassedCompleteness [1]int     `json:"countPassedCompleteness"`
}

func overview(results []CheckResult) (o Overview) {
	total := map[string]*[1]int{"Plausibility": &o.TotalPlausibility, "Conformance": &o.TotalConformance, "Completeness": &o.TotalCompleteness}
	failed := map[string]*[1]int{"Plausibility": &o.FailedPlausibility, "Conformance": &o.FailedConformance, "Completeness": &o.FailedCompleteness}
	passed := map[string]*[1]int{"Plausibility": &o.PassedPlausibility, "Conformance": &o.PassedConformance, "Completeness": &o.PassedCompleteness}
	for _, r := range results {
		o.Total[0]++
		o.Passed[0] += r.Passed
		o.Failed[0] += r.Failed
		o.ThresholdFailed[0] += r.Failed
		o.NotApplicable[0] += r.NotApplicable
		total[r.Category][0]++
		failed[r.Category][0] += r.Failed
		passed[r.Category][0] += r.Passed
	}
	if judged := o.Passed[0] + o.Failed[0]; judged > 0 {
		o.PercentPassed[0] = math.Round(float64(o.Passed[0])/float64(judged)*1e4) / 100
		o.PercentFailed[0] = math.Round(float64(o.Failed[0])/float64(judged)*1e4) / 100
	}
	return o
}

// Blocking are the mandatory checks that failed.
func (r *Results) Blocking() []CheckResult {
	return slices.DeleteFunc(r.Failing(), func(c CheckResult) bool { return !c.Mandatory })
}

// Failing are the checks that failed, the mandatory first, then the worst.
func (r *Results) Failing() []CheckResult {
	failing := slices.DeleteFunc(slices.Clone(r.CheckResults), func(c CheckResult) bool { return c.Failed == 0 })
	slices.SortStableFunc(failing, func(a, b CheckResult) int {
		switch {
		case a.Mandatory != b.Mandatory && a.Mandatory:
			return -1
		case a.Mandatory != b.Mandatory:
			return 1
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return failing
}

// Kind is one line of the [Results.Summary]: the results of a kind of check.
type Kind struct {
	Check                                string
	Total, Passed, Failed, NotApplicable int
}

// Summary counts the results by kind of check, in the dashboard's order.
func (r *Results) Summary() (kinds []Kind) {
	at := map[string]int{}
	for _, name := range published().names {
		at[name] = len(kinds)
		kinds = append(kinds, Kind{Check: name})
	}
	for _, c := range r.CheckResults {
		k := &kinds[at[c.Check]]
		k.Total++
		k.Passed += c.Passed
		k.Failed += c.Failed
		k.NotApplicable += c.NotApplicable
	}
	return kinds
}

// Text is the summary and what failed, for tests and terminals.
func (r *Results) Text() string {
	var b strings.Builder
	o := r.Overview
	fmt.Fprintf(&b, "%d checks: %d passed, %d failed, %d not applicable\n", o.Total[0], o.Passed[0], o.Failed[0], o.NotApplicable[0])
	for _, k := range r.Summary() {
		if k.Total > 0 {
			fmt.Fprintf(&b, "%-34s %4d: %4d passed %4d failed %4d not applicable\n", k.Check, k.Total, k.Passed, k.Failed, k.NotApplicable)
		}
	}
	for _, c := range r.Failing() {
		mark := ""
		if c.Mandatory {
			mark = ", mandatory"
		}
		fmt.Fprintf(&b, "failed: %s: %d of %d rows (%.2f %%)%s\n", c.What(), c.Violated, c.Denominator, c.Share*100, mark)
	}
	return b.String()
}
