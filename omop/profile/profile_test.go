package profile_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/omop/omoptest"
	"rempart.eu/rempart/omop/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var source = profile.Source{Name: "Test", Version: "1", Now: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}

const syntheaDir = "../../../shared/data/synthea-27"

func exec(t *testing.T, db *engine.DB, query string) {
	t.Helper()
	if err := db.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// files are the tables of schema profile.
func files(schema string) profile.Files {
	f := profile.Files{}
	for _, table := range profile.Tables() {
		f[table] = schema + "." + table
	}
	return f
}

// TestSynthea holds the profile of the 27 patients against a file: each analysis with its
// rows and the sum of what it counted, and what does not become an analysis.
func TestSynthea(t *testing.T) {
	if _, err := os.Stat(syntheaDir); err != nil {
		t.Skipf("the Synthea files are not here: %v", err)
	}
	db, _ := omoptest.Build(t, feeds.FS(), omoptest.Folder{Deposit: "hospital", Feed: "synthea-hospital", Dir: syntheaDir + "/csv", Vocabulary: os.DirFS(syntheaDir + "/vocabulary")},
		omoptest.Folder{Deposit: "insurer", Feed: "synthea-claims", Dir: syntheaDir + "/csv", Vocabulary: os.DirFS(syntheaDir + "/vocabulary")})
	if err := profile.Make(t.Context(), db, source); err != nil {
		t.Fatal(err)
	}
	f := files("profile")
	f["concept"] = "cdm.concept"
	p, err := profile.Open(t.Context(), db, "r-1", f, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "testdata/synthea-27.txt", told(all))
	for lang, want := range map[string][]string{
		"en": {`<html lang="en">`, "Profile of release r-1", "Persons by year of birth", ">Figures<", "<td>Outpatient Visit</td>"},
		"fr": {`<html lang="fr">`, "Profil de la version r-1", "Personnes par année de naissance", ">Chiffres<", `<td lang="en">Outpatient Visit</td>`},
	} {
		doc, err := p.Page(t.Context(), lang)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := doc.Write(&out); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: the page lacks %q", lang, text)
			}
		}
		if strings.Contains(out.String(), "⟨") {
			t.Errorf("%s: a message is missing", lang)
		}
		if file := os.Getenv("PAGE"); file != "" {
			_ = os.WriteFile(file+"."+lang+".html", out.Bytes(), 0o600)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, fault := range words.Check(profile.Messages()) {
		t.Error(fault)
	}
}

// told is a line per analysis.
func told(r *profile.Results) string {
	rows, sums, values := map[int]int{}, map[int]int64{}, map[int]string{}
	for _, c := range r.Counts {
		rows[c.Analysis]++
		sums[c.Analysis] += c.Count
	}
	for _, d := range r.Distributions {
		if rows[d.Analysis] == 0 { // the stratum with most
			values[d.Analysis] = fmt.Sprintf(", the first of %d: %g to %g, median %g, mean %.2f, deviation %.2f", d.Count, d.Min, d.Max, d.Median, d.Average, d.Deviation)
		}
		rows[d.Analysis]++
		sums[d.Analysis] += d.Count
	}
	var b strings.Builder
	for _, a := range r.Analyses {
		switch {
		case rows[a.ID] > 0:
			fmt.Fprintf(&b, "%4d %s: %d rows, %d in all%s\n", a.ID, a.Name, rows[a.ID], sums[a.ID], values[a.ID])
		case a.Default == 1:
			fmt.Fprintf(&b, "%4d %s: nothing to count\n", a.ID, a.Name)
		}
	}
	return b.String()
}

// people are so many persons, half of them women, each with a visit in one of the months
// of 2024 and a measurement of that value.
func people(t *testing.T, n int, value string) *engine.DB {
	t.Helper()
	db := omoptest.Empty(t)
	exec(t, db, fmt.Sprintf(`
		INSERT INTO cdm.person BY NAME SELECT i AS person_id, 8507 + 25 * (i %% 2) AS gender_concept_id, 1950 + i %% 50 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id FROM range(%[1]d) r(i);
		INSERT INTO cdm.observation_period BY NAME SELECT i AS observation_period_id, i AS person_id, DATE '2024-01-15' AS observation_period_start_date, DATE '2025-12-30' AS observation_period_end_date, 0 AS period_type_concept_id FROM range(%[1]d) r(i);
		INSERT INTO cdm.visit_occurrence BY NAME SELECT i AS visit_occurrence_id, i AS person_id, 9201 AS visit_concept_id, DATE '2024-01-20' + INTERVAL (i %% 12) MONTH AS visit_start_date, visit_start_date + INTERVAL 3 DAY AS visit_end_date, 0 AS visit_type_concept_id FROM range(%[1]d) r(i);
		INSERT INTO cdm.measurement BY NAME SELECT i AS measurement_id, i AS person_id, 7 AS measurement_concept_id, DATE '2024-03-01' AS measurement_date, 0 AS measurement_type_concept_id, %[2]s AS value_as_number, 8 AS unit_concept_id, i AS visit_occurrence_id FROM range(%[1]d) r(i);
	`, n, value))
	return db
}

func made(t *testing.T, db *engine.DB) *profile.Profile {
	t.Helper()
	if err := profile.Make(t.Context(), db, source); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Open(t.Context(), db, "r-1", files("profile"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhatIsCounted holds single analyses against what somebody counts by hand.
func TestWhatIsCounted(t *testing.T) {
	db := people(t, 240, "i")
	exec(t, db, `
		INSERT INTO cdm.visit_detail BY NAME SELECT visit_occurrence_id AS visit_detail_id, person_id, 32037 AS visit_detail_concept_id, visit_start_date AS visit_detail_start_date, visit_start_date + INTERVAL 1 DAY AS visit_detail_end_date, 0 AS visit_detail_type_concept_id, visit_occurrence_id FROM cdm.visit_occurrence;
		UPDATE cdm.measurement SET visit_detail_id = visit_occurrence_id WHERE measurement_id % 2 = 0;
		INSERT INTO cdm.observation BY NAME SELECT i AS observation_id, 1000 + i AS person_id, 17 AS observation_concept_id, DATE '2024-04-01' AS observation_date, 0 AS observation_type_concept_id, i AS value_as_number, 5 AS value_as_concept_id, 6 AS qualifier_concept_id, 8 AS unit_concept_id FROM range(10) r(i);
		INSERT INTO cdm.drug_era BY NAME SELECT i AS drug_era_id, i AS person_id, 9 AS drug_concept_id, DATE '2024-02-01' AS drug_era_start_date, DATE '2024-02-08' AS drug_era_end_date FROM range(20) r(i);
	`)
	all, err := made(t, db).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return " " + *s
	}
	for _, r := range all.Counts {
		got[fmt.Sprintf("%d%s%s%s%s: %d", r.Analysis, text(r.Stratum1), text(r.Stratum2), text(r.Stratum3), text(r.Stratum4), r.Count)] = true
	}
	for _, d := range all.Distributions {
		got[fmt.Sprintf("%d%s%s: %d from %g, 10 %% %g, 25 %% %g, median %g, 75 %% %g, 90 %% %g, to %g, mean %g ± %.3f", d.Analysis, text(d.Stratum1), text(d.Stratum2), d.Count, d.Min, d.P10, d.P25, d.Median, d.P75, d.P90, d.Max, d.Average, d.Deviation)] = true
	}
	for _, want := range []string{
		"0 Test 1 2026-11-01: 240", "1: 240", "2 8507: 120", "2 8532: 120", "3 1950: 5",
		"109 2024: 0", "109 2025: 0", // no year is covered whole
		"110 202402: 240", "110 202412: 240", "117 202401: 240", "116 2024 8507 7: 15", "111 202401: 240", "113 1: 240",
		"200 9201: 240", "202 9201 202403: 20", "204 9201 2024 8507 7: 15", "220 202405: 20", "226 9201 measurement: 240", "221 2024: 240",
		"213 9201: 240 from 3, 10 % 3, 25 % 3, median 3, 75 % 3, 90 % 3, to 3, mean 3 ± 0.000",
		"1815 7 8: 240 from 0, 10 % 23, 25 % 59, median 119, 75 % 179, 90 % 215, to 239, mean 119.5 ± 69.426",
		"1312 2024 8507 7: 15", "1321 2024: 240", "1326 32037 measurement: 120", "807 17 8: 10", "822 17 5: 10", "823 17 6: 10", "826 5: 10", "827 8: 10",
		"1313 32037: 240 from 1, 10 % 1, 25 % 1, median 1, 75 % 1, 90 % 1, to 1, mean 1 ± 0.000",
		"815 17 8: 10 from 0, 10 % 0, 25 % 2, median 4, 75 % 7, 90 % 8, to 9, mean 4.5 ± 3.028",
		"907 9: 20 from 7, 10 % 7, 25 % 7, median 7, 75 % 7, 90 % 7, to 7, mean 7 ± 0.000",
		"1891 7 1: 240", "1811: 240", "1820 202403: 240", "2003: 240", "2004 0001000 1.0: 240",
	} {
		if strings.HasSuffix(want, ": 0") {
			for line := range got {
				if strings.HasPrefix(line, strings.TrimSuffix(want, "0")) {
					t.Errorf("there is %q", line)
				}
			}
		} else if !got[want] {
			t.Errorf("there is no %q", want)
		}
	}
	if t.Failed() {
		for line := range got {
			t.Log(line)
		}
	}
}

// TestPartsAddUp counts the same persons at once and a few at a time.
func TestPartsAddUp(t *testing.T) {
	whole := rows(t, people(t, 240, "i % 7"))
	defer profile.SetAtOnce(17)()
	if parts := rows(t, people(t, 240, "i % 7")); parts != whole {
		t.Errorf("in parts\n%s\nat once\n%s", parts, whole)
	}
}

func rows(t *testing.T, db *engine.DB) string {
	t.Helper()
	made(t, db)
	var b bytes.Buffer
	for _, table := range profile.Tables() {
		if err := db.CopyOut(t.Context(), profile.Select(table), engine.CSV, &b); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestTablesMayBeViews: of a release that was built in parts they are.
func TestTablesMayBeViews(t *testing.T) {
	whole := rows(t, people(t, 40, "i % 7"))
	db := people(t, 40, "i % 7")
	exec(t, db, "ALTER TABLE cdm.visit_occurrence RENAME TO kept; CREATE VIEW cdm.visit_occurrence AS FROM cdm.kept")
	if views := rows(t, db); views != whole {
		t.Errorf("of views\n%s\nof tables\n%s", views, whole)
	}
}

func TestNobodyIsCountedToo(t *testing.T) {
	all, err := made(t, omoptest.Empty(t)).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Counts {
		if c.Count != 0 {
			t.Errorf("analysis %d counts %d", c.Analysis, c.Count)
		}
	}
}

// TestDrift holds a release against one that differs from it in one thing.
func TestDrift(t *testing.T) {
	for _, c := range []struct {
		about, change string
		want          []string // analyses and measures
	}{
		{"nothing", "", nil},
		{"a month more", "INSERT INTO cdm.visit_occurrence BY NAME SELECT 100000 + person_id AS visit_occurrence_id, person_id, 9201 AS visit_concept_id, DATE '2025-01-20' AS visit_start_date, DATE '2025-01-23' AS visit_end_date, 0 AS visit_type_concept_id FROM cdm.person WHERE person_id < 200", nil},
		{"a fifth of the visits gone", "DELETE FROM cdm.visit_occurrence WHERE person_id % 5 = 0", []string{"201 total", "220 total", "2003 total"}},
		{"a month of visits gone", "DELETE FROM cdm.visit_occurrence WHERE month(visit_start_date) = 5", []string{"220 shape"}},
		{"visits of another kind", "UPDATE cdm.visit_occurrence SET visit_concept_id = 9202 WHERE person_id % 2 = 0", []string{"201 shape"}},
		{"another unit of a value", "UPDATE cdm.measurement SET value_as_number = value_as_number * 10", []string{"1815 mean"}},
		{"all measurements gone", "DELETE FROM cdm.measurement", []string{"1800 gone", "1820 gone"}},
		{"other births", "UPDATE cdm.person SET year_of_birth = year_of_birth - 20 WHERE person_id % 2 = 0", []string{"3 shape", "103 mean"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			db := people(t, 2400, "i % 7")
			if err := profile.Make(t.Context(), db, source); err != nil {
				t.Fatal(err)
			}
			exec(t, db, "CREATE SCHEMA before; "+c.change)
			for _, table := range profile.Tables() {
				exec(t, db, fmt.Sprintf("CREATE TABLE before.%[1]s AS FROM profile.%[1]s", table))
			}
			exec(t, db, "DROP SCHEMA profile CASCADE")
			if err := profile.Make(t.Context(), db, source); err != nil {
				t.Fatal(err)
			}
			p, err := profile.Open(t.Context(), db, "r-2", files("profile"), "r-1", files("before"))
			if err != nil {
				t.Fatal(err)
			}
			changes, err := p.Drift(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, change := range changes {
				got[fmt.Sprint(change.Analysis, " ", change.Measure)] = true
				t.Logf("%d %s %s %s", change.Analysis, change.Measure, change.What(), change.Strata)
			}
			for _, want := range c.want {
				if !got[want] {
					t.Errorf("%s is not told", want)
				}
			}
			if len(c.want) == 0 && len(changes) > 0 {
				t.Errorf("%d changes are told", len(changes))
			}
		})
	}
}

func TestSmallCountsAreHidden(t *testing.T) {
	for _, c := range []struct {
		counts []int64
		want   string
	}{
		{[]int64{20, 30, 0}, "[false false false]"},
		{[]int64{5, 30, 20, 0}, "[true false true false]"}, // a total would tell the 5
		{[]int64{5, 6, 30}, "[true true false]"},
		{[]int64{5, 1, 30, 40}, "[true true true false]"}, // 6 in all is too few
	} {
		if got := fmt.Sprint(profile.Hidden(c.counts...)); got != c.want {
			t.Errorf("%v: hidden %s, want %s", c.counts, got, c.want)
		}
	}
}
