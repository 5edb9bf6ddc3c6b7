package omop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop/omoptest"
)

// A stay in a hospital has stays in units, and those in rooms (Encounter.partOf): the
// whole is a visit, the others are its parts, and a diagnosis made in a room belongs to
// both. An encounter that is part of somebody else's is a visit, and so are two that are
// parts of each other.
func TestVisitsNest(t *testing.T) {
	dir := t.TempDir()
	encounter := func(id, patient, partOf, start, end string) string {
		part := ""
		if partOf != "" {
			part = `"partOf":{"reference":"Encounter/` + partOf + `"},`
		}
		return `{"resourceType":"Encounter","id":"` + id + `","status":"finished","class":{"code":"IMP"},` + part +
			`"subject":{"reference":"Patient/` + patient + `"},"period":{"start":"` + start + `T08:00:00Z","end":"` + end + `T18:00:00Z"}}`
	}
	for name, lines := range map[string][]string{
		"Patient": {
			`{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1980-05-01"}`,
			`{"resourceType":"Patient","id":"p2","gender":"male","birthDate":"1981-05-01"}`,
		},
		"Encounter": {
			encounter("house", "p1", "", "2024-01-01", "2024-01-09"),
			encounter("ward", "p1", "house", "2024-01-02", "2024-01-05"),
			encounter("room", "p1", "ward", "2024-01-03", "2024-01-04"),
			encounter("bed", "p1", "room", "2024-01-03", "2024-01-03"),
			encounter("alone", "p2", "house", "2024-02-01", "2024-02-02"),
			encounter("one", "p2", "other", "2024-03-01", "2024-03-02"),
			encounter("other", "p2", "one", "2024-03-03", "2024-03-04"),
			encounter("lost", "p2", "elsewhere", "2024-04-03", "2024-04-04"),
		},
		"Condition": {
			`{"resourceType":"Condition","id":"c1","code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}]},"subject":{"reference":"Patient/p1"},` +
				`"encounter":{"reference":"Encounter/room"},"onsetDateTime":"2024-01-03T10:00:00Z"}`,
		},
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".ndjson"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, report := omoptest.Build(t, feeds.FS(), omoptest.Folder{Deposit: "d", Feed: "fhir", Dir: dir, Vocabulary: os.DirFS("testdata/fhir-cases")})
	if !report.Accounted() {
		t.Error("some rows are not accounted for")
	}
	wantRows(t, "visits", rowsOf(t, db, "person_id, visit_start_date, visit_end_date", "FROM cdm.visit_occurrence ORDER BY ALL"), `
		1 2024-01-01 2024-01-09
		2 2024-02-01 2024-02-02
		2 2024-03-01 2024-03-02
		2 2024-03-03 2024-03-04
		2 2024-04-03 2024-04-04`)
	wantRows(t, "their parts, each in which", rowsOf(t, db, "d.person_id, d.visit_detail_start_date, d.visit_detail_end_date, visit_start_date, coalesce(wider.visit_detail_end_date::VARCHAR, 'none')",
		"FROM cdm.visit_detail d JOIN cdm.visit_occurrence v ON v.visit_occurrence_id = d.visit_occurrence_id LEFT JOIN cdm.visit_detail wider ON wider.visit_detail_id = d.parent_visit_detail_id ORDER BY ALL"), `
		1 2024-01-02 2024-01-05 2024-01-01 none
		1 2024-01-03 2024-01-03 2024-01-01 2024-01-04
		1 2024-01-03 2024-01-04 2024-01-01 2024-01-05`)
	if n := count(t, db, "FROM cdm.visit_detail WHERE preceding_visit_detail_id IS NULL"); n != 1 {
		t.Errorf("%d parts are preceded by none, want 1: the first", n)
	}
	wantRows(t, "where the diagnosis was made", rowsOf(t, db, "visit_detail_start_date, visit_start_date",
		"FROM cdm.condition_occurrence JOIN cdm.visit_detail USING (visit_detail_id) JOIN cdm.visit_occurrence v ON v.visit_occurrence_id = condition_occurrence.visit_occurrence_id"), `
		2024-01-03 2024-01-01`)
}
