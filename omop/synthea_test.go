package omop_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

const syntheaDir = "../../shared/data/synthea-27"

// syntheaFolders are the 27 patients' deposits by a hospital and an insurer. The
// insurer comes first: it is believed second all the same.
func syntheaFolders(t testing.TB) []omoptest.Folder {
	t.Helper()
	if _, err := os.Stat(syntheaDir); err != nil {
		t.Skipf("the Synthea files are not here: %v", err)
	}
	vocabulary := os.DirFS(syntheaDir + "/vocabulary")
	return []omoptest.Folder{
		{Deposit: "insurer", Feed: "synthea-claims", Dir: syntheaDir + "/csv", Vocabulary: vocabulary},
		{Deposit: "hospital", Feed: "synthea-hospital", Dir: syntheaDir + "/csv", Vocabulary: vocabulary},
	}
}

// synthea is a build of their deposits, made once for the tests that read it.
func synthea(t testing.TB) (*engine.DB, *omop.Report) {
	t.Helper()
	folders := syntheaFolders(t)
	builtSynthea.Do(func() {
		db, err := engine.Open(context.Background()) // it is there for as long as the process
		if err == nil {
			err = db.Expect(t.Context(), 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		in := omoptest.Load(t, db, feeds.FS(), folders...)
		if builtSynthea.report, err = omop.Build(t.Context(), db, in, nil); err != nil {
			t.Fatal(err)
		}
		builtSynthea.db = db
	})
	if builtSynthea.db == nil {
		t.Fatal("an earlier test could not make the build: see there")
	}
	return builtSynthea.db, builtSynthea.report
}

var builtSynthea struct {
	sync.Once
	db     *engine.DB
	report *omop.Report
}

// The golden report: rows in, rows per table, what was left and why, codes
// without a standard concept. Regenerate it with UPDATE=1 and read the
// difference.
func TestSyntheaReport(t *testing.T) {
	db, report := synthea(t)
	if !report.Accounted() {
		t.Error("some accepted rows are not accounted for")
	}
	for _, format := range []struct {
		file  string
		write func(io.Writer) error
	}{
		{"testdata/synthea-27.txt", report.WriteText},
		{"testdata/synthea-27.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", " ")
			return e.Encode(report)
		}},
	} {
		var got strings.Builder
		if err := format.write(&got); err != nil {
			t.Fatal(err)
		}
		golden.Text(t, format.file, got.String())
	}
	goldenQuality(t, db, "testdata/synthea-27.quality.txt")
}

// Each invariant is a query that must find nothing.
var invariants = map[string]string{
	"a visit ends after it starts":             "FROM cdm.visit_occurrence WHERE visit_end_date < visit_start_date",
	"a condition ends after it starts":         "FROM cdm.condition_occurrence WHERE condition_end_date < condition_start_date",
	"an exposure ends after it starts":         "FROM cdm.drug_exposure WHERE drug_exposure_end_date < drug_exposure_start_date",
	"a procedure ends after it starts":         "FROM cdm.procedure_occurrence WHERE procedure_end_date < procedure_date",
	"a plan ends after it starts":              "FROM cdm.payer_plan_period WHERE payer_plan_period_end_date < payer_plan_period_start_date",
	"observation ends after it starts":         "FROM cdm.observation_period WHERE observation_period_end_date < observation_period_start_date",
	"nobody is observed after death":           "FROM cdm.observation_period JOIN cdm.death USING (person_id) WHERE observation_period_end_date > death_date",
	"nobody dies before birth":                 "FROM cdm.person JOIN cdm.death USING (person_id) WHERE year(death_date) < year_of_birth",
	"observation periods do not touch":         "FROM cdm.observation_period a JOIN cdm.observation_period b ON a.person_id = b.person_id AND a.observation_period_id <> b.observation_period_id AND b.observation_period_start_date BETWEEN a.observation_period_start_date AND a.observation_period_end_date + 1",
	"a drug's concept is a drug":               "FROM cdm.drug_exposure JOIN cdm.concept ON concept_id = drug_concept_id WHERE concept_id <> 0 AND domain_id <> 'Drug'",
	"a condition's is a condition":             "FROM cdm.condition_occurrence JOIN cdm.concept ON concept_id = condition_concept_id WHERE concept_id <> 0 AND domain_id <> 'Condition'",
	"a measurement's is a measurement":         "FROM cdm.measurement JOIN cdm.concept ON concept_id = measurement_concept_id WHERE concept_id <> 0 AND domain_id <> 'Measurement'",
	"event concepts are standard":              "FROM cdm.condition_occurrence JOIN cdm.concept ON concept_id = condition_concept_id WHERE concept_id <> 0 AND standard_concept IS DISTINCT FROM 'S'",
	"a visit is its person's own":              "FROM cdm.measurement m JOIN cdm.visit_occurrence v USING (visit_occurrence_id) WHERE m.person_id <> v.person_id",
	"a cost's visit exists":                    "FROM cdm.cost c ANTI JOIN cdm.visit_occurrence v ON v.visit_occurrence_id = c.cost_event_id WHERE c.cost_domain_id = 'Visit'",
	"a cost's drug exists":                     "FROM cdm.cost c ANTI JOIN cdm.drug_exposure d ON d.drug_exposure_id = c.cost_event_id WHERE c.cost_domain_id = 'Drug'",
	"a cost is of its source's event":          "FROM cdm.cost c JOIN cdm.drug_exposure d ON d.drug_exposure_id = c.cost_event_id WHERE c.cost_domain_id = 'Drug' AND c.deposit <> d.deposit",
	"an insured cost falls in its plan":        "FROM cdm.cost c JOIN cdm.drug_exposure d ON d.drug_exposure_id = c.cost_event_id JOIN cdm.payer_plan_period p USING (payer_plan_period_id) WHERE c.cost_domain_id = 'Drug' AND d.drug_exposure_start_date NOT BETWEEN p.payer_plan_period_start_date AND p.payer_plan_period_end_date",
	"what is paid is paid by somebody":         "FROM cdm.cost WHERE cost_type_concept_id = 32810 AND abs(total_paid - coalesce(paid_by_payer, 0) - coalesce(paid_by_patient, 0)) > 0.001",
	"nobody's home address":                    "FROM cdm.observation WHERE observation_source_value = '56799-0'",
	"a birth date is no closer than the month": "FROM cdm.person WHERE day_of_birth IS NOT NULL OR birth_datetime IS NOT NULL",
}

func TestSyntheaInvariants(t *testing.T) {
	db, _ := synthea(t)
	for name, query := range invariants {
		if n := count(t, db, query); n != 0 {
			t.Errorf("%s: %d exceptions", name, n)
		}
	}
	for _, table := range omop.Tables() {
		for _, f := range omop.Fields(table) {
			if f.Required {
				if n := count(t, db, "FROM cdm."+table+" WHERE "+f.Name+" IS NULL"); n != 0 {
					t.Errorf("%s.%s is required and %d times NULL", table, f.Name, n)
				}
			}
			if key := reference(f); key != "" {
				n := count(t, db, "FROM cdm."+table+" a ANTI JOIN cdm."+f.References+" b ON a."+f.Name+" = b."+key+" WHERE a."+f.Name+" IS NOT NULL")
				if n != 0 {
					t.Errorf("%s.%s: %d references to nothing", table, f.Name, n)
				}
			}
		}
	}
}

// reference is the column that a foreign key to one of the exported tables
// points at.
func reference(f omop.Field) string {
	if f.Name == "vocabulary_concept_id" { // describes the vocabulary itself: not among the used concepts
		return ""
	}
	switch f.References {
	case "person", "visit_occurrence", "vocabulary", "provider", "care_site", "location":
		return f.References + "_id"
	case "concept":
		return "concept_id"
	}
	return ""
}

// What was counted in the files themselves, with another tool.
func TestSyntheaFacts(t *testing.T) {
	db, report := synthea(t)
	for fact, want := range map[string]int64{
		"FROM cdm.person WHERE gender_concept_id = 8507":                                 14,   // patients.csv: M
		"FROM cdm.visit_occurrence WHERE visit_concept_id = 9201":                        11,   // encounters.csv: inpatient
		"FROM cdm.visit_occurrence WHERE visit_concept_id = 9203":                        19,   // emergency 17, urgentcare 2
		"FROM cdm.drug_exposure WHERE drug_type_concept_id = 32838":                      663,  // medications.csv
		"FROM cdm.drug_exposure WHERE drug_type_concept_id = 32869":                      663,  // claims_transactions.csv: CHARGE of a drug that is not a vaccine
		"FROM cdm.cost WHERE cost_type_concept_id = 32810":                               1545, // claims_transactions.csv: CHARGE
		"FROM cdm.visit_occurrence WHERE provider_id IS NULL OR care_site_id IS NULL":    0,
		"FROM cdm.person JOIN cdm.location USING (location_id) WHERE county IS NOT NULL": 27,
	} {
		if got := count(t, db, fact); got != want {
			t.Errorf("%s: %d, want %d", fact, got, want)
		}
	}
	if report.Persons.Persons != 27 || report.Persons.SeveralDeposits != 27 {
		t.Errorf("persons %+v, want 27 of 27 in both deposits", report.Persons)
	}
}

// The same rows give the same bytes, on one core and on all.
func TestBuildsAreEqual(t *testing.T) {
	first, _ := synthea(t)
	second := omoptest.OpenAllCores(t)
	if _, err := omop.Build(t.Context(), second, omoptest.Load(t, second, feeds.FS(), syntheaFolders(t)...), nil); err != nil {
		t.Fatal(err)
	}
	for _, table := range omop.Tables() {
		if a, b := export(t, first, table), export(t, second, table); a != b {
			t.Errorf("two builds differ in %s", table)
		}
	}
}

// export is the CSV of a table as a release would hold it.
func export(t testing.TB, db *engine.DB, table string) string {
	t.Helper()
	var text strings.Builder
	if err := db.CopyOut(t.Context(), omop.Select(table), engine.CSV, &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// count is the number of rows of a FROM clause.
func count(t testing.TB, db *engine.DB, from string) int64 {
	t.Helper()
	var n int64
	if err := db.Value(context.WithoutCancel(t.Context()), &n, "SELECT count(*) "+from); err != nil {
		t.Fatal(err)
	}
	return n
}
