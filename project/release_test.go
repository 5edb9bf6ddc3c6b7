package project

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/omop"
)

// population fills release.* with persons whose rows are drawn from a seed: born
// at any hour or in a year only, in 60 communes of 12 departments, with visits, conditions,
// measurements, deaths and costs from 2018 to mid 2025. Persons 1 and 2 are seen every day.
const population = `
CREATE MACRO draw(a, b, n) AS (hash(a || '/' || b || '/SEED') % n)::INTEGER;
CREATE MACRO some_day(a, b) AS DATE '2018-01-01' + draw(a, b, 2737);
CREATE MACRO some_time(a, b) AS some_day(a, b)::TIMESTAMP + to_seconds(draw(a, b || 's', 86400));
CREATE TABLE people AS
    SELECT i AS id, DATE '1925-01-01' + draw(i, 'born', 34060) AS born FROM range(1, 301) AS r(i);
INSERT INTO release.location BY NAME
    SELECT i AS location_id, 'Commune ' || i AS city, printf('%02d%03d', 1 + i % 12, i) AS zip, printf('%02d', 1 + i % 12) AS county,
        (i % 3)::VARCHAR AS state, 46 + i / 100 AS latitude, 4 + i / 100 AS longitude, 'key ' || i AS location_source_value
    FROM range(1, 61) AS r(i);
INSERT INTO release.care_site BY NAME
    SELECT i AS care_site_id, 'Hospital of commune ' || i AS care_site_name, i AS location_id FROM range(1, 41) AS r(i);
INSERT INTO release.provider BY NAME
    SELECT i AS provider_id, 'Dr ' || i AS provider_name, 1 + draw(i, 'site', 40) AS care_site_id, 1950 + draw(i, 'age', 45) AS year_of_birth
    FROM range(1, 61) AS r(i);
INSERT INTO release.person BY NAME
    SELECT id AS person_id, 8507 + 25 * draw(id, 'sex', 2) AS gender_concept_id, year(born) AS year_of_birth,
        CASE WHEN id % 3 > 0 THEN month(born) END AS month_of_birth, CASE WHEN id % 3 > 0 THEN day(born) END AS day_of_birth,
        CASE WHEN id % 3 > 1 THEN born::TIMESTAMP + to_seconds(draw(id, 'b', 86400)) END AS birth_datetime,
        0 AS race_concept_id, 0 AS ethnicity_concept_id, 1 + draw(id, 'place', 60) AS location_id, 'name ' || id AS person_source_value
    FROM people;
INSERT INTO release.observation_period BY NAME
    SELECT id AS observation_period_id, id AS person_id, greatest(born, DATE '2018-01-01') AS observation_period_start_date,
        DATE '2025-06-30' AS observation_period_end_date, 32880 AS period_type_concept_id
    FROM people;
INSERT INTO release.visit_occurrence BY NAME
    SELECT row_number() OVER (ORDER BY id, moment) AS visit_occurrence_id, id AS person_id, moment::DATE AS visit_start_date, moment AS visit_start_datetime,
        moment::DATE + draw(moment, 'stay', 9) AS visit_end_date, 1 + draw(moment, 'who', 60) AS provider_id, 1 + draw(moment, 'where', 40) AS care_site_id,
        9201 + draw(moment, 'kind', 3) AS visit_concept_id, 32817 AS visit_type_concept_id
    FROM (SELECT id, some_time(id || 'v', n) AS moment, born FROM people, range(5) AS r(n)) WHERE moment::DATE >= born;
INSERT INTO release.condition_occurrence BY NAME
    SELECT row_number() OVER (ORDER BY id, moment) AS condition_occurrence_id, id AS person_id, moment::DATE AS condition_start_date,
        moment AS condition_start_datetime, CASE WHEN n % 2 > 0 THEN moment::DATE + draw(moment, 'ill', 30) END AS condition_end_date,
        1000 + draw(moment, 'what', 50) AS condition_concept_id, 32817 AS condition_type_concept_id,
        1 + draw(moment, 'visit', 1000) AS visit_occurrence_id
    FROM (SELECT id, n, some_time(id || 'c', n) AS moment, born FROM people, range(8) AS r(n)
        UNION ALL SELECT id, n, TIMESTAMP '2018-01-01 09:00:00' + to_days(n::INTEGER), born FROM people, range(2737) AS r(n) WHERE id <= 2)
    WHERE moment::DATE >= born;
INSERT INTO release.measurement BY NAME
    SELECT row_number() OVER (ORDER BY id, moment) AS measurement_id, id AS person_id, moment::DATE AS measurement_date, moment AS measurement_datetime,
        strftime(moment, '%H:%M:%S') AS measurement_time, 3000 + draw(moment, 'test', 9) AS measurement_concept_id, 32817 AS measurement_type_concept_id,
        draw(moment, 'value', 1000000) / 1000 AS value_as_number, draw(moment, 'event', 900) AS measurement_event_id
    FROM (SELECT id, some_time(id || 'm', n) AS moment, born FROM people, range(3) AS r(n)) WHERE moment::DATE >= born;
INSERT INTO release.death BY NAME
    SELECT id AS person_id, DATE '2025-06-30' - draw(id, 'death', 900) AS death_date FROM people WHERE id % 4 = 3 AND born < DATE '2018-01-01';
INSERT INTO release.cost BY NAME
    SELECT visit_occurrence_id AS cost_id, visit_occurrence_id AS cost_event_id, 'Visit' AS cost_domain_id, 32810 AS cost_type_concept_id,
        draw(visit_occurrence_id, 'cost', 1000000) / 100 AS total_paid
    FROM release.visit_occurrence;
INSERT INTO release.cost BY NAME
    SELECT 100000 + condition_occurrence_id AS cost_id, condition_occurrence_id AS cost_event_id, 'Condition' AS cost_domain_id,
        32810 AS cost_type_concept_id, draw(condition_occurrence_id, 'cost', 1000000) / 100 AS total_paid
    FROM release.condition_occurrence WHERE condition_occurrence_id % 5 = 0;
INSERT INTO release.condition_era BY NAME
    SELECT condition_occurrence_id AS condition_era_id, person_id, condition_concept_id, condition_start_date AS condition_era_start_date,
        coalesce(condition_end_date, condition_start_date + 1) AS condition_era_end_date, 1 AS condition_occurrence_count
    FROM release.condition_occurrence WHERE condition_occurrence_id % 3 = 0;
INSERT INTO release.visit_detail BY NAME
    SELECT visit_occurrence_id AS visit_detail_id, visit_occurrence_id, person_id, visit_start_date AS visit_detail_start_date, visit_end_date AS visit_detail_end_date,
        visit_concept_id AS visit_detail_concept_id, 32817 AS visit_detail_type_concept_id, care_site_id
    FROM release.visit_occurrence WHERE visit_occurrence_id % 2 = 0;
INSERT INTO release.fact_relationship BY NAME
    SELECT 1147314 AS domain_concept_id_1, id AS fact_id_1, 1147314 AS domain_concept_id_2, id + 1 AS fact_id_2, 4248584 AS relationship_concept_id
    FROM people WHERE id < 300 AND id % 5 = 0;
INSERT INTO release.concept BY NAME SELECT 1000 + i AS concept_id, 'illness ' || i AS concept_name FROM range(50) AS r(i);
`

// everything asks for each column of each table that the population has.
const everything = `
title: All
purpose: a test
legal_basis: {text: GDPR 9(2)(j), reference: DR-1}
persons: SELECT person_id FROM person
tables: {person: all, observation_period: all, visit_occurrence: all, condition_occurrence: all, measurement: all, death: all, condition_era: all, visit_detail: all, fact_relationship: all,
  cost: all, location: all, care_site: all, provider: all, concept: all}
period: {from: 2019-01-01, to: 2024-12-31}
researchers: [alice]
ends: 2030-12-31
minimum_cell_count: 11
identifying: a test
`

// newEngine is an engine that ends with the test.
func newEngine(t testing.TB) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t testing.TB, db *engine.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := db.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func number(t testing.TB, db *engine.DB, query string) (n float64) {
	t.Helper()
	if err := db.Value(t.Context(), &n, "SELECT coalesce(("+query+")::DOUBLE, 0)"); err != nil {
		t.Fatal(err)
	}
	return n
}

func texts(t testing.TB, db *engine.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// emptyRelease makes every table of the CDM, without rows.
func emptyRelease(t testing.TB, db *engine.DB) {
	t.Helper()
	exec(t, db, "CREATE SCHEMA release")
	for _, name := range omop.Tables() {
		var columns []string
		for _, f := range omop.Fields(name) {
			columns = append(columns, engine.Quote(f.Name)+" "+f.Type)
		}
		exec(t, db, fmt.Sprintf("CREATE TABLE release.%s (%s)", engine.Quote(name), strings.Join(columns, ", ")))
	}
}

// filled makes the grant of a project over the population of a seed.
func filled(t testing.TB, seed, project, rules string) (*engine.DB, *grant) {
	t.Helper()
	db := newEngine(t)
	emptyRelease(t, db)
	exec(t, db, strings.ReplaceAll(population, "SEED", seed))
	return db, fill(t, db, project, "project: "+project+everything+rules)
}

func fill(t testing.TB, db *engine.DB, project, request string) *grant {
	t.Helper()
	spec, err := governance.ParseSpec([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	g := &grant{spec: spec, numbering: []byte("the numbers of " + project), dates: []byte("the dates of " + project)}
	for _, name := range omop.Tables() {
		if asked, ok := spec.Tables[name]; ok {
			columns := asked.Columns
			if asked.All {
				columns = fieldNames(name)
			}
			g.tables = append(g.tables, table{name, columns})
		}
	}
	var ids []int64
	for i := range int64(number(t, db, "SELECT max(person_id) FROM release.person")) {
		ids = append(ids, i+1)
	}
	if err := g.fill(t.Context(), db, ids); err != nil {
		t.Fatal(err)
	}
	return g
}

// given makes what a project is given visible as tables of a schema of another
// engine, in the very files that are sealed, with the row's place as column row
// and, in truth.*, what the project's numbers stand for.
func given(t testing.TB, from *engine.DB, g *grant, to *engine.DB, schema string) {
	t.Helper()
	exec(t, to, "CREATE SCHEMA "+schema, "CREATE SCHEMA "+schema+"_truth")
	move := func(name, query string) {
		f, err := engine.LoadFile(name, func(w io.Writer) error { return from.CopyOut(t.Context(), query, engine.Parquet, w) })
		if err != nil {
			t.Fatal(err)
		}
		exec(t, to, fmt.Sprintf("CREATE TABLE %s AS SELECT * EXCLUDE file_row_number, file_row_number AS row FROM read_parquet(%s, file_row_number = true)",
			name, engine.Literal(f.Path())))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, granted := range g.tables {
		move(schema+"."+granted.name, export(g.spec, granted))
	}
	series := texts(t, from, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'renamed'")
	slices.Sort(series)
	for _, name := range series {
		move(schema+"_truth."+name, "SELECT id, new FROM renamed."+name)
	}
}
