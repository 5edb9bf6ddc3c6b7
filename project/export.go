package project

import (
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/omop"
)

// withheld are columns that hold a source's own key of a person, record or
// thing: they are empty in every project, or two projects could be joined on them.
var withheld = []string{
	"person_source_value", "provider_source_value", "care_site_source_value", "location_source_value",
	"family_source_value", "npi", "dea", "unique_device_id", "production_id",
}

// export is the query for the granted columns of a kept table as the project
// sees them, in the order of the project's own numbers.
func export(spec *governance.Spec, t table) string {
	var columns []string
	order := "ALL"
	for _, f := range omop.Fields(t.name) {
		value := shown(spec, t.name, f)
		if f.PrimaryKey && numbered(t.name, f) {
			order = value
		}
		if slices.Contains(t.columns, f.Name) {
			columns = append(columns, value+" AS "+engine.Quote(f.Name))
		}
	}
	return fmt.Sprintf("SELECT %s FROM kept.%s AS t ORDER BY %s", strings.Join(columns, ", "), engine.Quote(t.name), order)
}

// shown is a column of a kept table t as the project sees it.
func shown(spec *governance.Spec, name string, f omop.Field) string {
	column := "t." + engine.Quote(f.Name)
	switch {
	case numbered(name, f):
		return renamed(name, f)
	case slices.Contains(withheld, f.Name), slices.Contains(hidden(spec), f.Name):
		return "NULL::" + f.Type
	case f.Name == "zip" && spec.Geography != nil:
		return fmt.Sprintf("left(%s, %d)", column, spec.Geography.Zip)
	case f.Name == "year_of_birth":
		return birthYear(spec, name)
	case spec.Dates != nil && name == "person" && (f.Name == "month_of_birth" || f.Name == "day_of_birth"):
		return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN %s(%s) END", column, strings.TrimSuffix(f.Name, "_of_birth"), born)
	case strings.HasSuffix(f.Name, "period_start_date"):
		return fmt.Sprintf("greatest(%s + t.shift, (SELECT first FROM period))", column)
	case strings.HasSuffix(f.Name, "period_end_date"):
		return fmt.Sprintf("least(%s + t.shift, (SELECT last FROM period))", column)
	case spec.Dates != nil && slices.Contains(fieldNames(name), "person_id") && f.Type == "DATE":
		return column + " + t.shift"
	case spec.Dates != nil && slices.Contains(fieldNames(name), "person_id") && f.Type == "TIMESTAMP":
		return column + " + to_days(t.shift)"
	}
	return column
}

// hidden are the columns that the request's own rules leave empty.
func hidden(spec *governance.Spec) (names []string) {
	if spec.Age != nil {
		names = append(names, "month_of_birth", "day_of_birth", "birth_datetime")
	}
	g := spec.Geography
	if g == nil {
		return names
	}
	names = append(names, "address_1", "address_2", "city", "latitude", "longitude", "care_site_name", "provider_name")
	if g.Zip == 0 {
		names = append(names, "zip")
	}
	for _, p := range []governance.Place{governance.PlaceCounty, governance.PlaceState, governance.PlaceCountry} {
		if !g.Keeps(p) {
			names = append(names, string(p), string(p)+"_concept_id", string(p)+"_source_value")
		}
	}
	return names
}

// places is the statement that finds, for each kept location, the first of
// those that look the same: the number of persons of each commune would tell
// the commune.
func places(spec *governance.Spec) string {
	var same []string
	for _, f := range omop.Fields("location") {
		if !numbered("location", f) {
			same = append(same, shown(spec, "location", f))
		}
	}
	return fmt.Sprintf(`CREATE TABLE places AS
SELECT location_id AS id, min(location_id) OVER (PARTITION BY %s) AS place
FROM kept.location AS t`, strings.Join(same, ", "))
}

// born is a person's day of birth, moved.
const born = "(SELECT born FROM born WHERE person_id = t.person_id)"

// birthYear is a year of birth as the project sees it.
func birthYear(spec *governance.Spec, name string) string {
	year := "t.year_of_birth"
	if spec.Dates != nil && name == "person" {
		year = "year(" + born + ")"
	}
	if a := spec.Age; a != nil {
		if a.Top > 0 {
			year = fmt.Sprintf("greatest(%s, %d)", year, spec.Period.To.Year()-a.Top)
		}
		if a.Band > 1 {
			year = fmt.Sprintf("%s // %d * %d", year, a.Band, a.Band)
		}
	}
	return year + "::INTEGER"
}

// births is the statement that moves each kept person's day of birth. Where the
// day is not known, nobody is born after the first event that the project sees.
func births(tables []table) string {
	events := []string{"SELECT NULL::BIGINT AS person_id, NULL::DATE AS day"}
	for _, t := range tables {
		if start := begins(t.name); start != "" {
			events = append(events, fmt.Sprintf("SELECT person_id, %s + shift FROM kept.%s", start, engine.Quote(t.name)))
		}
	}
	return fmt.Sprintf(`CREATE TABLE born AS
WITH first AS (SELECT person_id, min(day) AS event FROM (%s) GROUP BY person_id),
birth AS (
    SELECT person_id, shift,
        try_cast(printf('%%04d-%%02d-%%02d', year_of_birth, month_of_birth, day_of_birth) AS DATE) AS known,
        make_date(year_of_birth, coalesce(month_of_birth, 7), 15) AS about
    FROM kept.person
)
SELECT person_id, coalesce(known + shift, least(about + shift, event)) AS born
FROM birth LEFT JOIN first USING (person_id)`, strings.Join(events, " UNION ALL "))
}
