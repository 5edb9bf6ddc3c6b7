package portal

import (
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/governance"
)

// field is a part of an authorisation: a text or a list, and what it was before.
type field struct {
	Name    string `json:"name"`
	Parts   []part `json:"parts"`
	Before  []part `json:"before,omitempty"`
	Changed bool   `json:"changed,omitempty"`
	Code    bool   `json:"-"`
	List    bool   `json:"-"`
}

// part is a text, or one of a list, and whether the other version has it too.
type part struct {
	Text   string `json:"text"`
	Marked bool   `json:"marked,omitempty"` // only this version has it
}

// fields tells an authorisation, part by part, in the order in which a request is
// written.
func (q *request) fields(s *governance.Spec) (fields []field) {
	list := func(name string, code bool, parts ...string) {
		f := field{Name: name, Code: code, List: true}
		for _, text := range parts {
			f.Parts = append(f.Parts, part{Text: text})
		}
		fields = append(fields, f)
	}
	add := func(name, text string) {
		f := field{Name: name, Code: name == "persons"}
		if text = strings.TrimSpace(text); text != "" {
			f.Parts = []part{{Text: text}}
		}
		fields = append(fields, f)
	}
	add("title", s.Title)
	add("purpose", s.Purpose)
	add("use", q.use(s.Use))
	add("controller", s.Controller)
	add("legal_basis", s.LegalBasis.Text)
	add("reference", s.LegalBasis.Reference)
	add("persons", s.Persons)
	list("tables", true, q.columns(s)...)
	add("period", q.lang.Text("project.from_to", "from", s.Period.From.Time, "to", s.Period.To.Time))
	list("researchers", false, s.Researchers...)
	if !s.Starts.IsZero() {
		add("starts", q.lang.Day(s.Starts.Time))
	} else {
		add("starts", "")
	}
	add("ends", q.lang.Day(s.Ends.End().Add(-1)))
	add("minimum_cell_count", q.lang.Number(s.MinimumCell))
	rows := ""
	if s.MaximumRows > 0 {
		rows = q.lang.Number(s.MaximumRows)
	}
	add("maximum_rows", rows)
	var kinds []string
	for _, kind := range s.Outputs {
		kinds = append(kinds, q.lang.Text("outputkind."+kind))
	}
	list("outputs", false, kinds...)
	derogation := ""
	if s.HostDerogation != "" {
		derogation = q.lang.Text("project.derogation_" + s.HostDerogation)
	}
	add("host_derogation", derogation)
	add("dates", q.dates(s.Dates))
	add("age", q.age(s.Age))
	add("geography", q.geography(s.Geography))
	add("identifying", s.Identifying)
	return fields
}

// columns lists what is asked for, column by column, so that one that is added
// shows.
func (q *request) columns(s *governance.Spec) (all []string) {
	for _, table := range slices.Sorted(maps.Keys(s.Tables)) {
		if s.Tables[table].All {
			all = append(all, table+": "+q.lang.Text("project.all_columns"))
		}
		for _, column := range s.Tables[table].Columns {
			all = append(all, table+"."+column)
		}
	}
	return all
}

// use tells what the data are used for in the words of the law.
func (q *request) use(name string) string {
	use, known := governance.Uses[name]
	if !known {
		return name
	}
	return q.lang.Text("use."+name) + " (EHDS " + use.Article + ")"
}

func (q *request) dates(d *governance.Dates) string {
	if d == nil {
		return ""
	}
	return q.lang.Text("project.dates_moved", "n", d.Shift)
}

func (q *request) age(a *governance.Age) string {
	if a == nil {
		return ""
	}
	parts := []string{q.lang.Text("project.age_year")}
	if a.Band > 1 {
		parts = append(parts, q.lang.Text("project.age_band", "n", a.Band))
	}
	if a.Top > 0 {
		parts = append(parts, q.lang.Text("project.age_top", "n", a.Top))
	}
	return strings.Join(parts, ", ")
}

func (q *request) geography(g *governance.Geography) string {
	if g == nil {
		return ""
	}
	var parts []string
	for _, place := range []governance.Place{governance.PlaceCounty, governance.PlaceState, governance.PlaceCountry} {
		if g.Keeps(place) {
			parts = append(parts, q.lang.Text("place."+string(place)))
		}
	}
	if g.Zip > 0 {
		parts = append(parts, q.lang.Text("project.zip", "n", g.Zip))
	}
	if len(parts) == 0 {
		return q.lang.Text("project.no_place")
	}
	return strings.Join(parts, ", ")
}

// beside puts each field beside what it was before, and counts those that changed.
func beside(now, before []field) (fields []field, changed int) {
	for i := range now {
		f := now[i]
		if f.List {
			f.Before = slices.Clone(before[i].Parts)
			mark(f.Parts, before[i].Parts)
			mark(f.Before, now[i].Parts)
		} else {
			f.Before, f.Parts = compare(text(before[i].Parts), text(f.Parts))
		}
		isMarked := func(p part) bool { return p.Marked }
		if f.Changed = slices.ContainsFunc(f.Parts, isMarked) || slices.ContainsFunc(f.Before, isMarked); f.Changed {
			changed++
		} else {
			f.Parts, f.Before = now[i].Parts, nil // with its lines as they were written
		}
		fields = append(fields, f)
	}
	return fields, changed
}

// mark marks the parts of a list that others do not have.
func mark(parts, others []part) {
	for i := range parts {
		parts[i].Marked = !slices.ContainsFunc(others, func(other part) bool { return other.Text == parts[i].Text })
	}
}

// text is what the field of a text says, "" for nothing.
func text(parts []part) string {
	if len(parts) == 0 {
		return ""
	}
	return parts[0].Text
}
