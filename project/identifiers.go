package project

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/omop"
)

// Identifiers names the kinds of potential identifiers that a request asks for,
// with the columns: what is no identity, but tells who somebody is once enough
// of it stands together. French practice grants one kind, and more for a reason
// (the SNDS's identifying variables; EHDS, Regulation (EU) 2025/327, recital 66).
func Identifiers(spec *governance.Spec) (kinds []string) {
	asked := map[string][]string{}
	for _, table := range slices.Sorted(maps.Keys(spec.Tables)) {
		for _, f := range omop.Fields(table) {
			kind := identifying(spec, table, f)
			if kind != "" && (spec.Tables[table].All || slices.Contains(spec.Tables[table].Columns, f.Name)) {
				asked[kind] = append(asked[kind], table+"."+f.Name)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(asked)) {
		columns := asked[kind]
		if more := len(columns) - 3; more > 0 {
			columns = append(columns[:3:3], fmt.Sprintf("%d more", more))
		}
		kinds = append(kinds, fmt.Sprintf("%s (%s)", kind, strings.Join(columns, ", ")))
	}
	return kinds
}

// identifying is the kind of potential identifier that a column is under the
// request's own rules, or "".
func identifying(spec *governance.Spec, table string, f omop.Field) string {
	date := f.Type == "DATE" || f.Type == "TIMESTAMP"
	switch {
	case slices.Contains(hidden(spec), f.Name):
		return ""
	case f.Name == "month_of_birth" || f.Name == "day_of_birth" || f.Name == "birth_datetime":
		return "birth closer than the year"
	case table == "location" && spec.Geography == nil && slices.Contains([]string{"address_1", "address_2", "city", "zip", "latitude", "longitude"}, f.Name):
		return "commune"
	case !date || spec.Dates != nil || !slices.Contains(fieldNames(table), "person_id"):
		return ""
	case table == "death":
		return "exact date of death"
	}
	return "exact dates of care"
}

// oneAtATime refuses a request for several potential identifiers that does not say why.
func oneAtATime(spec *governance.Spec) error {
	kinds := Identifiers(spec)
	if len(kinds) < 2 || strings.TrimSpace(spec.Identifying) != "" {
		return nil
	}
	return &governance.Refusal{
		Reason: fmt.Sprintf("the request asks for %d potential identifiers together: %s", len(kinds), strings.Join(kinds, "; ")),
		Remedy: "Ask for one of them, make the others coarser with dates, age or geography, or say under identifying: why they are needed together",
	}
}
