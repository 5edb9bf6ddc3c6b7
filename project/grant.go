package project

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/omop"
)

// table is one table of a grant.
type table struct {
	name    string
	columns []string // as granted, in the CDM's order
}

// granted checks a request against a release and returns its tables in the
// CDM's order.
func granted(spec *governance.Spec, manifest *lake.Manifest) ([]table, error) {
	var has []string
	for _, t := range manifest.Tables {
		has = append(has, t.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Tables)) {
		if !slices.Contains(has, name) {
			return nil, suggest(name, has, "tables: the release has no table %q", name)
		}
	}
	var tables []table
	for _, name := range has {
		fields, asked := spec.Tables[name]
		if !asked {
			continue
		}
		var columns []string
		for _, f := range omop.Fields(name) {
			if fields.All || slices.Contains(fields.Columns, f.Name) {
				columns = append(columns, f.Name)
			}
		}
		for _, asked := range fields.Columns {
			if !slices.Contains(columns, asked) {
				return nil, suggest(asked, fieldNames(name), "tables.%s: there is no column %q", name, asked)
			}
		}
		tables = append(tables, table{name, columns})
	}
	return tables, nil
}

func fieldNames(table string) (names []string) {
	for _, f := range omop.Fields(table) {
		names = append(names, f.Name)
	}
	return names
}

// suggest is a refusal that names what was most likely meant.
func suggest(got string, known []string, format string, args ...any) error {
	refusal := &governance.Refusal{Reason: fmt.Sprintf(format, args...)}
	if near := nearest.Name(got, known); near != "" {
		refusal.Remedy = fmt.Sprintf("Did you mean %s?", near)
	}
	return refusal
}

// vocabulary tables, and what a release says of itself, speak of no person: they are
// granted whole.
var vocabulary = []string{"cdm_source", "concept", "concept_ancestor", "concept_relationship", "drug_strength", "metadata", "vocabulary"}

// facts are the tables whose rows fact_relationship tells of, by the concept that it
// has for them.
var facts = map[int]string{1147306: "specimen", 1147314: "person", 1147330: "measurement", 1147339: "drug_exposure"}

// paid are the tables whose events a row of cost may be about, by cost_domain_id.
var paid = map[string]string{
	"Condition": "condition_occurrence", "Device": "device_exposure", "Drug": "drug_exposure",
	"Measurement": "measurement", "Observation": "observation", "Procedure": "procedure_occurrence",
	"Visit": "visit_occurrence",
}

// supporting are the tables that must be read, beside those granted, to find
// out which rows belong to the grant.
func supporting(spec *governance.Spec, tables []table) (names []string) {
	places := false
	for _, t := range tables {
		names = append(names, t.name)
		places = places || slices.Contains(t.columns, "location_id")
	}
	if places && spec.Geography != nil {
		names = append(names, "location") // says which places are one when told coarsely
	}
	if slices.Contains(names, "cost") {
		for _, event := range paid {
			names = append(names, event)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// kept is the query for the rows of a table, all columns, that belong to a
// grant; those of persons with the column shift beside. chosen(person_id, shift)
// and period("from", "to", first, last) are tables; release.* the release,
// kept.* the tables that come before in the order of [keepOrder].
func kept(name string, present []string) string {
	from := "FROM release." + engine.Quote(name) + " AS t"
	fields := fieldNames(name)
	switch {
	case slices.Contains(vocabulary, name):
		return from
	case name == "cost":
		var events []string
		for _, domain := range slices.Sorted(maps.Keys(paid)) {
			if event := paid[domain]; slices.Contains(present, event) {
				events = append(events, fmt.Sprintf("(cost_domain_id = %s AND cost_event_id IN (SELECT %s FROM kept.%s))",
					engine.Literal(domain), engine.Quote(event+"_id"), engine.Quote(event)))
			}
		}
		return from + " WHERE " + strings.Join(append(events, "false"), " OR ")
	case name == "fact_relationship": // both are the grant's
		return from + " WHERE " + isKept(1, present) + " AND " + isKept(2, present)
	case slices.Contains(fields, "person_id"):
		return "SELECT t.*, chosen.shift " + from + " JOIN chosen USING (person_id) WHERE " + inPeriod(name)
	default: // provider, care_site, location: those that a kept row refers to
		key := name + "_id"
		var sources []string
		for _, other := range present {
			if other != name && slices.Contains(fieldNames(other), key) {
				sources = append(sources, fmt.Sprintf("SELECT %s FROM kept.%s", engine.Quote(key), engine.Quote(other)))
			}
		}
		if len(sources) == 0 {
			return from + " WHERE false"
		}
		return fmt.Sprintf("%s WHERE %s IN (%s)", from, engine.Quote(key), strings.Join(sources, " UNION ALL "))
	}
}

// isKept is the condition that the first or second fact of a relation is a person of the
// grant, or a kept row.
func isKept(place int, present []string) string {
	var any []string
	for _, domain := range slices.Sorted(maps.Keys(facts)) {
		theirs := "SELECT person_id FROM chosen"
		if table := facts[domain]; table != "person" {
			if !slices.Contains(present, table) {
				continue
			}
			theirs = fmt.Sprintf("SELECT %s FROM kept.%s", engine.Quote(table+"_id"), engine.Quote(table))
		}
		any = append(any, fmt.Sprintf("(domain_concept_id_%[1]d = %[2]d AND fact_id_%[1]d IN (%[3]s))", place, domain, theirs))
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// keepOrder puts tables after those that decide about their rows.
func keepOrder(names []string) []string {
	last := []string{"cost", "fact_relationship", "provider", "care_site", "location"}
	ordered := slices.Clone(names)
	slices.SortStableFunc(ordered, func(a, b string) int {
		return slices.Index(last, a) - slices.Index(last, b)
	})
	return ordered
}

// inPeriod keeps events that begin in the period, periods that touch it, and eras that
// lie in it: an era that reaches out of it tells of events that were not granted.
// Where dates are moved, what is shown must lie between first and last too, which
// a person's dates reach whatever the shift: no edge then tells it.
func inPeriod(name string) string {
	start, end := begins(name), ""
	for _, f := range fieldNames(name) {
		if strings.HasSuffix(f, "period_end_date") {
			end = engine.Quote(f)
		}
	}
	const from, to, first, last = `(SELECT "from" FROM period)`, `(SELECT "to" FROM period)`, `(SELECT first FROM period)`, `(SELECT last FROM period)`
	switch {
	case start == "":
		return "true"
	case strings.HasSuffix(name, "_era"):
		end = engine.Quote(name + "_end_date")
		return fmt.Sprintf("%[1]s >= %[3]s AND %[2]s <= %[4]s AND %[1]s + shift >= %[5]s AND %[2]s + shift <= %[6]s", start, end, from, to, first, last)
	case end != "":
		return fmt.Sprintf("%[1]s <= %[3]s AND %[2]s >= %[4]s AND %[1]s + shift <= %[5]s AND %[2]s + shift >= %[6]s", start, end, to, from, last, first)
	}
	return fmt.Sprintf("%[1]s BETWEEN %[2]s AND %[3]s AND %[1]s + shift BETWEEN %[4]s AND %[5]s", start, from, to, first, last)
}

// begins is the column with the date on which an event of a person begins, quoted, or "".
func begins(name string) string {
	fields := fieldNames(name)
	if !slices.Contains(fields, "person_id") {
		return ""
	}
	for _, f := range fields {
		if strings.HasSuffix(f, "_start_date") || f == "death_date" || f == strings.TrimSuffix(name, "_occurrence")+"_date" {
			return engine.Quote(f)
		}
	}
	return ""
}
