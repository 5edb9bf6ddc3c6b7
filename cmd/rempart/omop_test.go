package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
)

// TestOMOPInParquet deposits an OMOP CDM whose tables are Parquet, of persons
// whom a hospital knows too: the linkage finds them by their identities, and a
// project sees what both say.
func TestOMOPInParquet(t *testing.T) {
	t.Parallel()
	studies(t)
	const both = 20 // persons whom the hospital and the CDM know
	dir := t.TempDir()
	overwrite(t, filepath.Join(dir, "identities.csv"), []byte(identitiesOf(t, filepath.Join(population(t), "hospital-1", "patients.csv"), both)))
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, query := range map[string]string{
		"person.parquet":               fmt.Sprintf("SELECT i::INTEGER AS person_id, 8532 AS gender_concept_id, 1980 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id FROM range(1, %d) AS r(i)", both+1),
		"condition_occurrence.parquet": fmt.Sprintf("SELECT i AS condition_occurrence_id, i / 1.0 AS person_id, 4112343 AS condition_concept_id, DATE '2024-01-01' + i::INTEGER AS condition_start_date, NULL::DATE AS condition_end_date, 32817 AS condition_type_concept_id, '\"a, b\"' AS condition_source_value FROM range(1, %d) AS r(i)", both+2),
		"concept.parquet":              "SELECT 4112343 AS concept_id, 'Acute viral pharyngitis' AS concept_name, 'Condition' AS domain_id, 'SNOMED' AS vocabulary_id, 'Clinical Finding' AS concept_class_id, 'S' AS standard_concept, '195662009' AS concept_code, DATE '1970-01-01' AS valid_start_date, DATE '2099-12-31' AS valid_end_date",
	} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.CopyOut(t.Context(), query, engine.Parquet, f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	home := homeAt(t, deposited)
	must(t, home, "party", "add", "hcl", "--role", "provider")
	whole := read(t, filepath.Join(dir, "condition_occurrence.parquet"))
	overwrite(t, filepath.Join(dir, "condition_occurrence.parquet"), whole[:len(whole)-9])
	refused(t, exitError, "condition_occurrence.parquet: the file cannot be read: it is no Parquet file, or damaged or cut short", home,
		"deposit", "create", "--as", "hcl", "--feed", "omop", dir)
	sound(t, home)

	overwrite(t, filepath.Join(dir, "condition_occurrence.parquet"), whole)
	deposit := must(t, home, "deposit", "create", "--as", "hcl", "--feed", "omop", dir)
	if got := strings.Join(strings.Fields(deposit), " "); !strings.Contains(got, fmt.Sprintf("condition_occurrence %d %d 1", both+1, both)) {
		t.Fatalf("the last condition is of nobody and should be refused alone:\n%s", deposit)
	}
	must(t, home, "linkage", "run")
	must(t, home, "release", "publish")
	must(t, home, "project", "request", "--as", "alice", write(t, "omop.yaml", request("omop", map[string]string{
		"persons": "SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 4112343",
		"tables":  "{person: [person_id, year_of_birth], condition_occurrence: [person_id, condition_concept_id, condition_source_value], visit_occurrence: [person_id, visit_occurrence_id]}",
	})))
	must(t, home, "project", "approve", "omop", "--reason", "lawful")
	must(t, home, "project", "extract", "omop")
	space(t, db, home, "omop")
	for query, want := range map[string]int64{
		"SELECT count(*) FROM omop_person": both,
		`SELECT count(DISTINCT person_id) FROM omop_condition_occurrence WHERE condition_concept_id = 4112343 AND condition_source_value = '"a, b"'`: both,
	} {
		var got int64
		if err := db.Value(t.Context(), &got, query); err != nil || got != want {
			t.Errorf("%s: got %d (%v), want %d", query, got, err, want)
		}
	}
	var visits int64 // which the hospital alone has told of
	if err := db.Value(t.Context(), &visits, "SELECT count(DISTINCT person_id) FROM omop_visit_occurrence"); err != nil || visits < both/2 {
		t.Errorf("%d of %d persons have the hospital's visits (%v)", visits, both, err)
	}
	sound(t, home)
}

// identitiesOf writes the file of identities of a hospital's first n patients.
func identitiesOf(t *testing.T, patients string, n int) string {
	t.Helper()
	in, err := os.Open(patients)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows := csv.NewReader(in)
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	to := csv.NewWriter(&out)
	traits := []string{"nir", "birth_name", "last_name", "first_name", "birth_date", "sex", "postcode"}
	_ = to.Write(append([]string{"person_id"}, traits...))
	for id := 1; id <= n; id++ {
		patient, err := rows.Read()
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		row := []string{fmt.Sprint(id)}
		for _, trait := range traits {
			for i, name := range header {
				if name == trait {
					row = append(row, patient[i])
				}
			}
		}
		_ = to.Write(row)
	}
	to.Flush()
	return out.String()
}
