package catalogue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/project/catalogue"
)

const least = 5

// sources describe the tables that space makes.
var sources = []catalogue.Source{
	{Table: "person", From: "person AS t", Person: "t.person_id", Columns: []catalogue.SourceColumn{
		{Name: "person_id", Type: "BIGINT", Value: "t.person_id", Role: catalogue.Key, References: "person"},
		{Name: "gender_concept_id", Type: "INTEGER", Value: "t.gender_concept_id", Role: catalogue.Code},
		{Name: "year_of_birth", Type: "INTEGER", Value: "t.year_of_birth", Role: catalogue.Number},
	}},
	{Table: "visit_occurrence", From: "visit_occurrence AS t", Person: "t.person_id", Start: "visit_start_date", Columns: []catalogue.SourceColumn{
		{Name: "visit_occurrence_id", Type: "BIGINT", Value: "t.visit_occurrence_id", Role: catalogue.Key, References: "visit_occurrence"},
		{Name: "person_id", Type: "BIGINT", Value: "t.person_id", Role: catalogue.Reference, References: "person"},
		{Name: "visit_start_date", Type: "DATE", Value: "t.visit_start_date", Role: catalogue.Date},
		{Name: "visit_end_date", Type: "DATE", Value: "t.visit_end_date", Role: catalogue.Date},
	}},
	{Table: "measurement", From: "measurement AS t", Person: "t.person_id", Start: "measurement_date", Columns: []catalogue.SourceColumn{
		{Name: "measurement_id", Type: "BIGINT", Value: "t.measurement_id", Role: catalogue.Key, References: "measurement"},
		{Name: "person_id", Type: "BIGINT", Value: "t.person_id", Role: catalogue.Reference, References: "person"},
		{Name: "measurement_concept_id", Type: "INTEGER", Value: "t.measurement_concept_id", Role: catalogue.Code},
		{Name: "measurement_date", Type: "DATE", Value: "t.measurement_date", Role: catalogue.Date},
		{Name: "value_as_number", Type: "DOUBLE", Value: "t.value_as_number", Role: catalogue.Number},
		{Name: "unit_concept_id", Type: "INTEGER", Value: "t.unit_concept_id", Role: catalogue.Code},
		{Name: "measurement_source_value", Type: "VARCHAR", Value: "t.measurement_source_value", Role: catalogue.Text},
		{Name: "visit_occurrence_id", Type: "BIGINT", Value: "t.visit_occurrence_id", Role: catalogue.Reference, References: "visit_occurrence"},
	}},
}

// space makes the tables of some persons, each with two visits and three
// measurements, of which every 40th has a value of its own.
func space(t testing.TB, persons int) *engine.DB {
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
	err = db.Exec(t.Context(), fmt.Sprintf(`
CREATE TABLE person AS SELECT i AS person_id, CASE i %% 3 WHEN 0 THEN 8507 ELSE 8532 END AS gender_concept_id, (1930 + i %% 70)::INTEGER AS year_of_birth
FROM range(1, %d) AS r(i);
CREATE TABLE visit_occurrence AS SELECT 2 * person_id + k AS visit_occurrence_id, person_id,
    DATE '2020-01-01' + (person_id * 7 %% 1400)::INTEGER AS visit_start_date, DATE '2020-01-01' + (person_id * 7 %% 1400 + person_id %% 9)::INTEGER AS visit_end_date
FROM person, range(2) AS r(k);
CREATE TABLE measurement AS SELECT 3 * person_id + k AS measurement_id, person_id, (3004249 + k)::INTEGER AS measurement_concept_id,
    DATE '2020-01-01' + (person_id * 7 %% 1400)::INTEGER AS measurement_date,
    (CASE WHEN person_id %% 40 = 0 THEN 900000 + person_id ELSE 100 * k + person_id %% 50 END)::DOUBLE AS value_as_number, (8876 + k)::INTEGER AS unit_concept_id,
    CASE WHEN person_id %% 40 = 0 THEN 'only ' || person_id ELSE 'code ' || k END AS measurement_source_value,
    CASE WHEN person_id %% 4 > 0 THEN 2 * person_id END AS visit_occurrence_id
FROM person, range(3) AS r(k)`, persons+1))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func describe(t testing.TB, db *engine.DB, persons int) *catalogue.Catalogue {
	t.Helper()
	c := &catalogue.Catalogue{
		Project: "p", Release: "r", Least: least,
		From: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	if err := c.Describe(t.Context(), db, int64(persons), sources, ""); err != nil {
		t.Fatal(err)
	}
	return c
}

// What a catalogue names is many persons', and every count is rounded.
func TestNobodyIsNamed(t *testing.T) {
	const persons = 2000
	db := space(t, persons)
	c := describe(t, db, persons)
	if c.Rounding != 10 {
		t.Errorf("rounded to %d", c.Rounding)
	}
	var named int
	for _, table := range c.Tables {
		for _, column := range table.Columns {
			for _, v := range column.Values {
				named++
				expr := "t." + column.Name
				if column.Role == catalogue.Date {
					expr = "year(" + expr + ")"
				}
				var have, rows int64
				query := fmt.Sprintf("SELECT count(DISTINCT person_id) FROM %s AS t WHERE (%s)::VARCHAR = ?", table.Name, expr)
				if err := db.Value(t.Context(), &have, query, v.Value); err != nil {
					t.Fatal(err)
				}
				if err := db.Value(t.Context(), &rows, strings.Replace(query, "DISTINCT person_id", "*", 1), v.Value); err != nil {
					t.Fatal(err)
				}
				if have < least {
					t.Errorf("%s.%s: %s is that of %d persons", table.Name, column.Name, v.Value, have)
				}
				if v.Rows%c.Rounding != 0 || v.Rows-rows > c.Rounding/2 || rows-v.Rows > c.Rounding/2 {
					t.Errorf("%s.%s: %s in %d rows, told %d", table.Name, column.Name, v.Value, rows, v.Rows)
				}
			}
			if len(column.Values) > 0 && (column.Role == catalogue.Key || column.Role == catalogue.Reference) {
				t.Errorf("%s.%s: record numbers are told", table.Name, column.Name)
			}
		}
	}
	if named < 50 {
		t.Fatalf("only %d values are told", named)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"only ", "9000", "9020"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the catalogue tells what one person alone has: %s", secret)
		}
	}
}

// Quantiles are told where enough persons lie beyond them.
func TestQuantilesNeedPersons(t *testing.T) {
	for _, test := range []struct {
		persons int
		want    []float64
	}{{9, nil}, {10, []float64{0.5}}, {19, []float64{0.5}}, {20, []float64{0.25, 0.5, 0.75}}, {100, []float64{0.05, 0.25, 0.5, 0.75, 0.95}}} {
		c := describe(t, space(t, test.persons), test.persons)
		var got []float64
		for _, q := range c.Table("person").Column("year_of_birth").Quantiles {
			got = append(got, q.Share)
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%d persons: quantiles %v, want %v", test.persons, got, test.want)
		}
	}
}

// rowsOf makes a twin and returns its tables, as lines of text.
func rowsOf(t testing.TB, c *catalogue.Catalogue, seed uint64, persons int) map[string][]string {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	tables := map[string][]string{}
	err = c.Twin(t.Context(), db, seed, persons, func(table, query string) error {
		var text bytes.Buffer
		if err := db.CopyOut(t.Context(), query, engine.CSV, &text); err != nil {
			return err
		}
		tables[table] = strings.Split(strings.TrimSpace(text.String()), "\n")[1:]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// A twin has the tables' shape, the same for the same seed, and holds together.
func TestATwinHoldsTogether(t *testing.T) {
	c := describe(t, space(t, 2000), 2000)
	twin, again, other := rowsOf(t, c, 7, 300), rowsOf(t, c, 7, 300), rowsOf(t, c, 8, 300)
	if fmt.Sprint(twin) != fmt.Sprint(again) {
		t.Error("the same seed gave two twins")
	}
	if fmt.Sprint(twin) == fmt.Sprint(other) {
		t.Error("two seeds gave the same twin")
	}
	for table, want := range map[string]int{"person": 300, "visit_occurrence": 600, "measurement": 900} {
		if got := len(twin[table]); got != want {
			t.Errorf("%s: %d rows, want %d", table, got, want)
		}
	}
	visitor, begins, ends, born := map[string]string{}, map[string]string{}, map[string]string{}, map[string]int{}
	for _, row := range twin["person"] {
		f := strings.Split(row, ",")
		born[f[0]], _ = strconv.Atoi(f[2])
	}
	for _, row := range twin["visit_occurrence"] {
		f := strings.Split(row, ",")
		visitor[f[0]], begins[f[0]], ends[f[0]] = f[1], f[2], f[3]
		if f[2] > f[3] || f[2] < "2020" || f[3] > "2023-12-31" {
			t.Errorf("a visit from %s to %s", f[2], f[3])
		}
	}
	var within int
	for _, row := range twin["measurement"] {
		f := strings.Split(row, ",")
		if unit := map[string]string{"3004249": "8876", "3004250": "8877", "3004251": "8878"}[f[2]]; unit != f[5] {
			t.Errorf("a measurement of %s in %s", f[2], f[5])
		}
		if v := f[7]; v != "" {
			if within++; visitor[v] != f[1] || f[3] < begins[v] || f[3] > ends[v] {
				t.Errorf("a measurement of person %s on %s in a visit of person %s from %s to %s", f[1], f[3], visitor[v], begins[v], ends[v])
			}
		}
		if born[f[1]] == 0 {
			t.Errorf("a measurement of person %s, whom nobody knows", f[1])
		}
	}
	if within < 500 || within > 800 {
		t.Errorf("%d of 900 measurements lie in a visit; three quarters do in the space", within)
	}
}

// No value that one person alone has is in a twin, whatever the seed.
func TestATwinIsNobodys(t *testing.T) {
	c := describe(t, space(t, 2000), 2000)
	for seed := range uint64(20) {
		for table, rows := range rowsOf(t, c, seed, 1+int(seed)*3) {
			for _, row := range rows {
				if strings.Contains(row, "only ") || strings.Contains(row, "9000") {
					t.Errorf("seed %d: %s: %s", seed, table, row)
				}
			}
		}
	}
}

// What changed between two extractions is told, to the value.
func TestSince(t *testing.T) {
	before := describe(t, space(t, 1000), 1000)
	if changes := before.Since(before); len(changes) > 0 {
		t.Errorf("nothing changed, and %v is told", changes)
	}
	db := space(t, 1500)
	if err := db.Exec(t.Context(), "UPDATE person SET gender_concept_id = 8521 WHERE person_id > 1000; UPDATE measurement SET measurement_source_value = 'code 9' WHERE measurement_source_value = 'code 0'"); err != nil {
		t.Fatal(err)
	}
	after := describe(t, db, 1500)
	got := map[string]string{}
	for _, c := range after.Since(before) {
		got[c.Table+"."+c.Column+" "+c.What] = c.Before + " → " + c.After
	}
	for what, want := range map[string]string{
		". persons":                           "1000 → 1500",
		"person. rows":                        "1000 → 1500",
		"person.gender_concept_id value 8521": "not shown → 500",
		"measurement.measurement_source_value value code 9": "not shown → 1460",
		"measurement.measurement_source_value value code 0": "980 → not shown any more",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}
