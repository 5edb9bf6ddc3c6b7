package project

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
)

// chance is the share of rows that a guess may join rightly before we say that
// a column joins.
const chance = 0.06

// TestTwoProjectsCannotBeJoined is an attack by somebody who has the spaces of
// two projects with the same grant over the same release, and tries each column
// of each table, and the places of the rows.
func TestTwoProjectsCannotBeJoined(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		joins       []string // what remains joinable, as docs/formats.md says
	}{
		{"as it is", "", []string{
			"care_site.care_site_name", "condition_era.condition_era_start_date", "condition_era.condition_era_end_date", "condition_occurrence.condition_start_datetime", "condition_occurrence.condition_end_date",
			"cost.total_paid", "death.death_date", "location.city", "location.zip", "location.latitude", "location.longitude",
			"measurement.measurement_date", "measurement.measurement_datetime", "measurement.measurement_time", "measurement.value_as_number",
			"person.birth_datetime", "provider.provider_name", "provider.year_of_birth",
			"visit_detail.visit_detail_start_date", "visit_detail.visit_detail_end_date",
			"visit_occurrence.visit_start_date", "visit_occurrence.visit_start_datetime", "visit_occurrence.visit_end_date",
		}},
		{"protected", "dates: {shift: 30}\nage: {band: 5, top: 90}\ngeography: {keep: state, zip: 2}", []string{
			"cost.total_paid", "location.zip", "measurement.measurement_time", "measurement.value_as_number",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := newEngine(t)
			for _, project := range []string{"winter", "summer"} {
				from, g := filled(t, "1", project, c.rules)
				given(t, from, g, db, project)
			}
			joins := joinable(t, db)
			if !slices.Equal(joins, c.joins) {
				t.Errorf("joinable:\n%s\nexpected:\n%s", strings.Join(joins, "\n"), strings.Join(c.joins, "\n"))
			}
			numbersTellNothing(t, db)
		})
	}
}

// joinable names the columns on which rows that are unique in both projects
// join with more than chance.
func joinable(t *testing.T, db *engine.DB) (columns []string) {
	for _, name := range texts(t, db, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'winter' ORDER BY ALL") {
		fields := omop.Fields(name)
		key := "person_id"
		for _, f := range fields {
			if f.PrimaryKey {
				key = f.Name
			}
		}
		if slices.Contains(vocabulary, name) {
			continue
		}
		series := strings.TrimSuffix(key, "_id")
		if name == "fact_relationship" { // whose facts are persons
			key, series = "fact_id_1", "person"
		}
		for _, column := range append(fieldNames(name), "row") {
			rows := number(t, db, "SELECT count(*) FROM winter."+name)
			if rows < 4 {
				t.Fatalf("%s has %v rows: the test shows nothing", name, rows)
			}
			right := number(t, db, fmt.Sprintf(`
SELECT count(DISTINCT w.row)
FROM (FROM winter.%[1]s QUALIFY count(*) OVER (PARTITION BY %[2]s) = 1) AS w
JOIN (FROM summer.%[1]s QUALIFY count(*) OVER (PARTITION BY %[2]s) = 1) AS s ON w.%[2]s = s.%[2]s
JOIN winter_truth.%[4]s AS wt ON wt.new = w.%[3]s
JOIN summer_truth.%[4]s AS st ON st.new = s.%[3]s AND st.id = wt.id`, name, column, key, series))
			if right > chance*max(rows, 50) {
				columns = append(columns, name+"."+column)
				t.Logf("%s.%s joins %.0f of %.0f rows", name, column, right, rows)
			}
		}
	}
	return columns
}

// numbersTellNothing compares the numbers of each two series: that two things
// share a number, or have near ones, in one project says nothing of the other.
func numbersTellNothing(t *testing.T, db *engine.DB) {
	series := texts(t, db, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'winter_truth' AND estimated_size > 100")
	if len(series) < 5 {
		t.Fatalf("only %v", series)
	}
	for i, a := range series {
		for j, b := range series {
			if c := number(t, db, fmt.Sprintf("SELECT abs(corr(a.new, b.new)) FROM winter_truth.%s AS a JOIN summer_truth.%s AS b USING (id)", a, b)); c > 0.2 {
				t.Errorf("the numbers of %s and, in the other project, of %s go together: %.2f", a, b, c)
			}
			if j <= i {
				continue
			}
			if c := number(t, db, fmt.Sprintf("SELECT abs(corr(a.new, b.new)) FROM winter_truth.%s AS a JOIN winter_truth.%s AS b USING (id)", a, b)); c > 0.2 {
				t.Errorf("the numbers of %s and %s go together: %.2f", a, b, c)
			}
			same := fmt.Sprintf("SELECT a.id AS a, b.id AS b FROM %%[1]s.%s AS a JOIN %%[1]s.%s AS b USING (new)", a, b)
			in := func(project string) string { return fmt.Sprintf(same, project+"_truth") }
			all, both := number(t, db, "SELECT count(*) FROM ("+in("winter")+")"), number(t, db, "SELECT count(*) FROM ("+in("winter")+" INTERSECT "+in("summer")+")")
			if both > chance*all {
				t.Errorf("%.0f of %.0f pairs of a %s and a %s with one number have one in both projects", both, all, a, b)
			}
		}
	}
}

// TestCodesAndIntervalsRemain measures what no rule of a request takes away:
// who has a whole person's rows in two projects knows her by her codes and the
// days between them. docs/formats.md and the officer's page say so.
func TestCodesAndIntervalsRemain(t *testing.T) {
	db := newEngine(t)
	for _, project := range []string{"winter", "summer"} {
		from, g := filled(t, "1", project, "dates: {shift: 30}")
		given(t, from, g, db, project)
	}
	const known = `
SELECT person_id, list((condition_concept_id, day) ORDER BY condition_start_datetime) AS known
FROM (SELECT *, condition_start_date - first_value(condition_start_date) OVER (PARTITION BY person_id ORDER BY condition_start_datetime) AS day
    FROM %s.condition_occurrence)
GROUP BY person_id HAVING count(*) > 3`
	right := number(t, db, fmt.Sprintf(`SELECT count(*) FROM (`+known+`) AS w JOIN (`+known+`) AS s USING (known)
JOIN winter_truth.person AS wt ON wt.new = w.person_id JOIN summer_truth.person AS st ON st.new = s.person_id AND st.id = wt.id`, "winter", "summer"))
	all := number(t, db, fmt.Sprintf("SELECT count(*) FROM ("+known+")", "winter"))
	t.Logf("codes and intervals join %.0f of %.0f persons", right, all)
	if right < all/10 {
		t.Error("hardly anybody is found by codes and intervals: then say so in the docs, which warn of it")
	}
}
