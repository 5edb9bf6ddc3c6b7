package governance

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Change is one field of an authorisation that two versions have otherwise.
// Lists of names are told by what is added and what is taken away.
type Change struct {
	Field   string   `json:"field"`
	Old     string   `json:"old,omitempty"`
	New     string   `json:"new,omitempty"`
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// String tells the change in a line.
func (c Change) String() string {
	if len(c.Added)+len(c.Removed) > 0 {
		var parts []string
		for _, name := range c.Added {
			parts = append(parts, "+ "+name)
		}
		for _, name := range c.Removed {
			parts = append(parts, "− "+name)
		}
		return c.Field + ": " + strings.Join(parts, ", ")
	}
	return fmt.Sprintf("%s: %s → %s", c.Field, orNone(c.Old), orNone(c.New))
}

// Changes tells what another text of an authorisation changes, in the order in
// which a request is written.
func Changes(old, to *Spec) (changes []Change) {
	for i, field := range old.written() {
		other := to.written()[i]
		switch {
		case field.names != nil || other.names != nil:
			added, removed := without(other.names, field.names), without(field.names, other.names)
			if len(added)+len(removed) > 0 {
				changes = append(changes, Change{Field: field.name, Added: added, Removed: removed})
			}
		case field.text != other.text:
			changes = append(changes, Change{Field: field.name, Old: field.text, New: other.text})
		}
	}
	return changes
}

// Extension says whether a later end is all that a text changes.
func Extension(old, to *Spec) bool {
	changes := Changes(old, to)
	return len(changes) == 1 && changes[0].Field == "ends" && to.Ends.End().After(old.Ends.End())
}

// written is a field as people read it: a text, or names.
type written struct {
	name, text string
	names      []string
}

func (s *Spec) written() []written {
	text := func(v any) string {
		if value := reflect.ValueOf(v); value.Kind() == reflect.Pointer && value.IsNil() {
			return ""
		}
		return strings.TrimSpace(fmt.Sprint(v))
	}
	return []written{
		{name: "title", text: text(s.Title)},
		{name: "purpose", text: text(s.Purpose)},
		{name: "use", text: s.Use},
		{name: "controller", text: text(s.Controller)},
		{name: "legal_basis.text", text: text(s.LegalBasis.Text)},
		{name: "legal_basis.reference", text: text(s.LegalBasis.Reference)},
		{name: "persons", text: text(s.Persons)},
		{name: "tables", names: s.columns()},
		{name: "period", text: s.Period.From.String() + " to " + s.Period.To.String()},
		{name: "researchers", names: append([]string{}, s.Researchers...)},
		{name: "starts", text: s.Starts.String()},
		{name: "ends", text: s.Ends.String()},
		{name: "minimum_cell_count", text: text(s.MinimumCell)},
		{name: "maximum_rows", text: text(s.MaximumRows)},
		{name: "outputs", names: append([]string{}, s.Outputs...)},
		{name: "dominance", text: s.dominance()},
		{name: "checking", text: s.checking()},
		{name: "host_derogation", text: s.HostDerogation},
		{name: "dates", text: s.dates()},
		{name: "age", text: s.age()},
		{name: "geography", text: s.geography()},
		{name: "identifying", text: text(s.Identifying)},
	}
}

func (s *Spec) checking() string {
	if s.Checking == nil {
		return ""
	}
	return fmt.Sprintf("within %d days, by %d", s.WithinDays(), max(s.Checking.Checkers, 1))
}

func (s *Spec) dominance() string {
	if s.Dominance == nil {
		return ""
	}
	return fmt.Sprintf("largest %d, percent %g, p %g", s.Dominance.Largest, s.Dominance.Percent, s.Dominance.P)
}

func (s *Spec) dates() string {
	if s.Dates == nil {
		return ""
	}
	return fmt.Sprintf("shift %d", s.Dates.Shift)
}

func (s *Spec) age() string {
	if s.Age == nil {
		return ""
	}
	return fmt.Sprintf("band %d, top %d", s.Age.Band, s.Age.Top)
}

func (s *Spec) geography() string {
	if s.Geography == nil {
		return ""
	}
	return fmt.Sprintf("zip %d, keep %s", s.Geography.Zip, orNone(string(s.Geography.Keep)))
}

// columns lists what is asked for as table.column, or table.* for all of it.
func (s *Spec) columns() []string {
	all := []string{}
	for _, table := range slices.Sorted(maps.Keys(s.Tables)) {
		fields := s.Tables[table]
		if fields.All {
			all = append(all, table+".*")
		}
		for _, column := range fields.Columns {
			all = append(all, table+"."+column)
		}
	}
	return all
}

// without are the names of a that b does not have.
func without(a, b []string) (rest []string) {
	for _, name := range a {
		if !slices.Contains(b, name) {
			rest = append(rest, name)
		}
	}
	return rest
}

// sameData says whether two texts grant the same rows and columns.
func sameData(a, b *Spec) bool {
	return strings.TrimSpace(a.Persons) == strings.TrimSpace(b.Persons) && slices.Equal(sorted(a.columns()), sorted(b.columns())) &&
		a.Period.From.Equal(b.Period.From.Time) && a.Period.To.Equal(b.Period.To.Time) &&
		a.dates() == b.dates() && a.age() == b.age() && a.geography() == b.geography()
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
