package governance

import (
	"strings"
	"time"
)

// Entry is what the public is told of one decision on a use of the data: what it
// is for, on what ground, who answers for it, from when to when. It names no
// researcher. Regulation (EU) 2025/327 (EHDS), article 57(1)(j): permits and
// refusals within 30 working days, results within 18 months.
type Entry struct {
	Project    string    `json:"project"`
	Title      string    `json:"title"`
	Purpose    string    `json:"purpose"`
	Use        string    `json:"use,omitempty"`
	Article    string    `json:"article,omitempty"` // of the EHDS, for the use
	Controller string    `json:"controller"`
	LegalBasis string    `json:"legal_basis"`
	Reference  string    `json:"reference"`
	Status     string    `json:"status"` // approved, suspended, ended, closed, refused
	Decided    time.Time `json:"decided"`
	Version    int       `json:"version"` // of the authorisation, that is told
	Begins     time.Time `json:"begins,omitzero"`
	Ends       time.Time `json:"ends,omitzero"` // the first moment after it
	Over       time.Time `json:"over,omitzero"` // when it was closed, or ended
	DataFrom   string    `json:"data_from"`     // days of the events that are seen
	DataTo     string    `json:"data_to"`
	Tables     []string  `json:"tables"`
	Persons    int64     `json:"persons,omitempty"` // whose data it was given
	Release    string    `json:"release,omitempty"`
	Results    int       `json:"results"`              // that were released
	ResultsDue time.Time `json:"results_due,omitzero"` // by when they are to be public: 18 months after the end
}

// resultsWithin is by how many months after the end results are to be public.
const resultsWithin = 18

// PublicRegister lists every decision on a project, the first one first. What is
// only asked for is not public yet.
func (s *State) PublicRegister(now time.Time) []Entry {
	results := map[string]int{}
	for _, o := range s.Outputs.All() {
		if o.Released {
			results[o.Run.Project]++
		}
	}
	entries := []Entry{}
	for name, p := range s.Projects.All() {
		told := p.InForce()
		if told == nil {
			if p.Status != Refused {
				continue
			}
			told = p.Versions[len(p.Versions)-1]
		}
		spec := told.Spec
		e := Entry{
			Project: name, Title: spec.Title, Purpose: strings.TrimSpace(spec.Purpose), Use: spec.Use, Article: Uses[spec.Use].Article,
			Controller: spec.Controller, LegalBasis: spec.LegalBasis.Text, Reference: spec.LegalBasis.Reference,
			Status: p.At(now), Decided: told.Decision.Time, Version: told.Number,
			DataFrom: spec.Period.From.String(), DataTo: spec.Period.To.String(), Results: results[name],
		}
		if e.Controller == "" {
			e.Controller = s.ControllerName()
		}
		for _, column := range spec.columns() {
			table, _, _ := strings.Cut(column, ".")
			if n := len(e.Tables); n == 0 || e.Tables[n-1] != table {
				e.Tables = append(e.Tables, table)
			}
		}
		if p.Granted != nil {
			e.Begins, e.Ends = maxTime(p.Granted.Time, spec.Starts.Time), spec.Ends.End()
		}
		if p.Extraction != nil {
			e.Persons, e.Release = p.Extraction.Persons, p.Extraction.Release
		}
		switch {
		case p.Granted == nil:
		case p.Status == Closed && p.Decision != nil:
			e.Over = p.Decision.Time
		case p.Ended(now):
			e.Over = spec.Ends.End()
		}
		if !e.Over.IsZero() {
			e.ResultsDue = e.Over.AddDate(0, resultsWithin, 0)
		}
		entries = append(entries, e)
	}
	return entries
}
