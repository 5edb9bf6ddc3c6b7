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

// vocabulary tables speak of no person: they are granted whole.
var vocabulary = []string{"concept", "concept_ancestor", "concept_relationship", "vocabulary"}

// paid are the tables whose events a row of cost may be about, by cost_domain_id.
var paid = map[string]string{
	"Condition": "condition_occurrence", "Device": "device_exposure", "Drug": "drug_exposure",
	"Measurement": "measurement", "Observation": "observation", "Procedure": "procedure_occurrence",
	"Visit": "visit_occurrence",
}

// supporting are the tables that must be read, beside those granted, to find
// out which rows belong to the grant.
func supporting(tables []table) (names []string) {
	for _, t := range tables {
		names = append(names, t.name)
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
// grant. chosen(person_id) and period("from", "to") are tables; release.* the
// release, kept.* the tables that come before in the order of [keepOrder].
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
	case slices.Contains(fields, "person_id"):
		return from + " SEMI JOIN chosen USING (person_id) WHERE " + inPeriod(name, fields)
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

// keepOrder puts tables after those that decide about their rows.
func keepOrder(names []string) []string {
	last := []string{"cost", "provider", "care_site", "location"}
	ordered := slices.Clone(names)
	slices.SortStableFunc(ordered, func(a, b string) int {
		return slices.Index(last, a) - slices.Index(last, b)
	})
	return ordered
}

// inPeriod keeps events that begin in the period, and periods that touch it.
func inPeriod(name string, fields []string) string {
	start, end := "", ""
	for _, f := range fields {
		switch {
		case start == "" && (strings.HasSuffix(f, "_start_date") || f == "death_date" || f == strings.TrimSuffix(name, "_occurrence")+"_date"):
			start = engine.Quote(f)
		case strings.HasSuffix(f, "period_end_date"):
			end = engine.Quote(f)
		}
	}
	switch {
	case start == "":
		return "true"
	case end != "":
		return fmt.Sprintf(`%s <= (SELECT "to" FROM period) AND %s >= (SELECT "from" FROM period)`, start, end)
	}
	return fmt.Sprintf(`%s BETWEEN (SELECT "from" FROM period) AND (SELECT "to" FROM period)`, start)
}

// numbered says whether a column holds record numbers, which every project has its own of.
func numbered(name string, f omop.Field) bool {
	return strings.HasSuffix(f.Name, "_id") && !strings.HasSuffix(f.Name, "_concept_id") && f.Type != "VARCHAR" &&
		!slices.Contains(vocabulary, name)
}

// withheld are columns that hold a source's own key of a person, record or
// thing: they are empty in every project, or two projects could be joined on them.
var withheld = []string{
	"person_source_value", "provider_source_value", "care_site_source_value", "location_source_value",
	"family_source_value", "npi", "dea", "unique_device_id", "production_id",
}

// export is the query for the granted columns of a kept table under the
// project's own numbers, in the order of those numbers.
func export(t table) string {
	var columns []string
	order := "ALL"
	for _, f := range omop.Fields(t.name) {
		column := engine.Quote(f.Name)
		value := "t." + column
		switch {
		case numbered(t.name, f):
			value = "(SELECT new FROM renamed WHERE id = t." + column + ")"
		case slices.Contains(withheld, f.Name):
			value = "NULL::" + f.Type
		case strings.HasSuffix(f.Name, "period_start_date"):
			value = fmt.Sprintf(`greatest(t.%s, (SELECT "from" FROM period))`, column)
		case strings.HasSuffix(f.Name, "period_end_date"):
			value = fmt.Sprintf(`least(t.%s, (SELECT "to" FROM period))`, column)
		}
		if f.PrimaryKey && numbered(t.name, f) {
			order = value
		}
		if slices.Contains(t.columns, f.Name) {
			columns = append(columns, value+" AS "+column)
		}
	}
	return fmt.Sprintf("SELECT %s FROM kept.%s AS t ORDER BY %s", strings.Join(columns, ", "), engine.Quote(t.name), order)
}

// numbers are the queries for every record number that a kept table holds.
func numbers(name string) (queries []string) {
	for _, f := range omop.Fields(name) {
		if numbered(name, f) {
			queries = append(queries, fmt.Sprintf("SELECT %s::BIGINT AS id FROM kept.%s", engine.Quote(f.Name), engine.Quote(name)))
		}
	}
	return queries
}
