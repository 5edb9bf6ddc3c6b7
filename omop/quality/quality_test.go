package quality

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop/omoptest"
)

var today = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

func exec(t *testing.T, db *engine.DB, query string) {
	t.Helper()
	if err := db.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, r *Results, id string) CheckResult {
	t.Helper()
	at := slices.IndexFunc(r.CheckResults, func(c CheckResult) bool { return c.ID == id })
	if at < 0 {
		t.Fatalf("there is no check %s", id)
	}
	return r.CheckResults[at]
}

// Two persons and what each check must find. 1 is a man born in May 1980, who died
// on 1 March 2020; 2 a woman born in 1990.
const persons = `
INSERT INTO cdm.person BY NAME SELECT 1 AS person_id, 8507 AS gender_concept_id, 1980 AS year_of_birth, 5 AS month_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id
    UNION ALL SELECT 2, 8532, 1990, NULL, 0, 0;
INSERT INTO cdm.death BY NAME SELECT 1 AS person_id, DATE '2020-03-01' AS death_date;
INSERT INTO cdm.concept BY NAME SELECT * FROM (VALUES
    (0, 'Metadata', 'None', NULL, NULL), (8507, 'Gender', 'Gender', 'S', NULL), (8532, 'Gender', 'Gender', 'S', NULL), (26662, 'Condition', 'Disorder', 'S', NULL),
    (26935, 'Condition', 'Disorder', NULL, NULL), (7, 'Drug', 'Ingredient', 'S', NULL), (9, 'Condition', 'Disorder', 'S', 'D'), (3006315, 'Measurement', 'Lab Test', 'S', NULL),
    (8784, 'Unit', 'Unit', 'S', NULL), (8587, 'Unit', 'Unit', 'S', NULL))
    t(concept_id, domain_id, concept_class_id, standard_concept, invalid_reason);
`

func occurrences(rows string) string {
	return "INSERT INTO cdm.condition_occurrence BY NAME SELECT * FROM (VALUES " + rows + ") t(condition_occurrence_id, person_id, condition_concept_id, condition_start_date, condition_end_date, condition_type_concept_id, condition_source_value)"
}

func TestEachCheckFindsWhatItLooksFor(t *testing.T) {
	conditions := occurrences(`
        (1, 1, 26662, DATE '2019-01-01', DATE '2019-01-09', 0, 'a'),
        (1, 2, 26662, DATE '2019-02-01', DATE '2019-01-09', 0, 'a'),
        (3, 2, 0,     DATE '1989-02-01', NULL,              0, 'b'),
        (4, 1, 7,     DATE '2021-02-01', NULL,              0, 'b'),
        (5, 1, 9,     DATE '1949-02-01', NULL,              0, NULL),
        (6, 3, 12345, DATE '2030-02-01', NULL,              0, 'c')`)
	for _, c := range []struct {
		name, rows, id        string
		violated, denominator int64
	}{
		{"nobody of two is seen", "", "table_measurepersoncompleteness_visit_occurrence", 2, 2},
		{"a condition without an era", "CREATE TABLE IF NOT EXISTS cdm.condition_era (person_id BIGINT); " + conditions, "table_measureconditioneracompleteness_condition_era", 3, 3},
		{"two periods touch, two do not", `INSERT INTO cdm.observation_period BY NAME SELECT * FROM (VALUES
            (1, 1, DATE '2019-01-01', DATE '2019-12-31'), (2, 1, DATE '2020-01-01', DATE '2020-02-01'), (3, 2, DATE '2019-01-01', DATE '2019-02-01'), (4, 2, DATE '2019-02-03', DATE '2019-03-01'))
            t(observation_period_id, person_id, observation_period_start_date, observation_period_end_date)`, "table_measureobservationperiodoverlap_observation_period", 1, 2},
		{"a value is missing", conditions, "field_measurevaluecompleteness_condition_occurrence_condition_end_date", 4, 6},
		{"a required value is missing", conditions + "; UPDATE cdm.condition_occurrence SET condition_type_concept_id = NULL WHERE person_id = 2", "field_isrequired_condition_occurrence_condition_type_concept_id", 2, 6},
		{"whole numbers are whole", conditions, "field_cdmdatatype_condition_occurrence_condition_occurrence_id", 0, 6},
		{"a half is not whole", "ALTER TABLE cdm.person ALTER location_id TYPE DOUBLE; UPDATE cdm.person SET location_id = 4.0 + person_id / 2", "field_cdmdatatype_person_location_id", 1, 2},
		{"a key stands twice", conditions, "field_isprimarykey_condition_occurrence_condition_occurrence_id", 2, 6},
		{"a person is not there", conditions, "field_isforeignkey_condition_occurrence_person_id", 1, 6},
		{"a concept is not there", conditions, "field_isforeignkey_condition_occurrence_condition_concept_id", 1, 6},
		{"a drug is no condition", conditions, "field_fkdomain_condition_occurrence_condition_concept_id", 1, 6},
		{"an invalid concept", conditions, "field_isstandardvalidconcept_condition_occurrence_condition_concept_id", 1, 6},
		{"a code has no standard concept", conditions, "field_standardconceptrecordcompleteness_condition_occurrence_condition_concept_id", 1, 6},
		{"one of three codes is not mapped everywhere", conditions, "field_sourcevaluecompleteness_condition_occurrence_condition_source_value", 1, 3},
		{"before 1950", conditions, "field_plausiblevaluelow_condition_occurrence_condition_start_date", 1, 6},
		{"in the future", conditions, "field_plausiblevaluehigh_condition_occurrence_condition_start_date", 1, 6},
		{"an end before its start", conditions, "field_plausibletemporalafter_condition_occurrence_condition_end_date", 1, 6},
		{"before birth, of persons who are there", conditions, "field_plausibletemporalafter_condition_occurrence_condition_start_date", 2, 5},
		{"before birth", conditions, "field_plausibleafterbirth_condition_occurrence_condition_start_date", 2, 5},
		{"after death", conditions, "field_plausibleduringlife_condition_occurrence_condition_start_date", 1, 3},
		{"after death, too", conditions, "field_plausiblebeforedeath_condition_occurrence_condition_start_date", 1, 3},
		{"a start after its end", conditions, "field_plausiblestartbeforeend_condition_occurrence_condition_start_date", 1, 6},
		{"a woman with a man's condition", conditions, "concept_plausiblegender_condition_occurrence_condition_concept_id_26662", 1, 2},
		{"and with one below others", conditions + "; INSERT INTO cdm.concept_ancestor BY NAME SELECT 4090861 AS ancestor_concept_id, 26662 AS descendant_concept_id",
			"concept_plausiblegenderusedescendants_condition_occurrence_condition_concept_id_4090861,4025213", 1, 2},
		{"eight days after the visit", `INSERT INTO cdm.visit_occurrence BY NAME SELECT 1 AS visit_occurrence_id, 1 AS person_id, DATE '2019-01-01' AS visit_start_date, DATE '2019-01-02' AS visit_end_date;` +
			conditions + "; UPDATE cdm.condition_occurrence SET visit_occurrence_id = 1", "field_withinvisitdates_condition_occurrence_condition_start_date", 5, 6},
		{"a unit that does not suit", `INSERT INTO cdm.measurement BY NAME SELECT * FROM (VALUES (1, 1, 3006315, 5.0, 8784, 'u'), (2, 1, 3006315, 5.0, 8587, 'v'), (3, 1, 3006315, NULL, 8587, 'v'), (4, 2, 3006315, 1.0, NULL, NULL))
            t(measurement_id, person_id, measurement_concept_id, value_as_number, unit_concept_id, unit_source_value)`, "concept_plausibleunitconceptids_measurement_measurement_concept_id_3006315", 1, 2},
		{"units count where there is a number", `INSERT INTO cdm.measurement BY NAME SELECT * FROM (VALUES (1, 1, 1.0, 0), (2, 1, NULL, 0), (3, 1, 2.0, 8587)) t(measurement_id, person_id, value_as_number, unit_concept_id)`,
			"field_standardconceptrecordcompleteness_measurement_unit_concept_id", 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := omoptest.Empty(t)
			exec(t, db, persons+c.rows)
			results, err := Run(t.Context(), db, Options{Now: today, Settings: &Settings{}})
			if err != nil {
				t.Fatal(err)
			}
			got := find(t, results, c.id)
			if got.Violated != c.violated || got.Denominator != c.denominator {
				t.Errorf("%s: %d of %d (%s), want %d of %d\n%s", c.id, got.Violated, got.Denominator, got.Why, c.violated, c.denominator, got.Query)
			}
		})
	}
}

// What has nothing to look at is neither passed nor failed.
func TestNotApplicable(t *testing.T) {
	db := omoptest.Empty(t)
	exec(t, db, persons+"; DROP TABLE cdm.device_exposure; ALTER TABLE cdm.location DROP county;"+
		occurrences("(1, 1, 26662, DATE '2019-01-01', NULL, 0, 'a')"))
	results, err := Run(t.Context(), db, Options{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"table_cdmtable_device_exposure":                                                          "failed",
		"table_measurepersoncompleteness_device_exposure":                                         "Table DEVICE_EXPOSURE does not exist.",
		"field_cdmfield_device_exposure_person_id":                                                "Table DEVICE_EXPOSURE does not exist.",
		"field_cdmfield_location_county":                                                          "failed",
		"field_measurevaluecompleteness_location_county":                                          "Field LOCATION.COUNTY does not exist.",
		"field_isrequired_visit_occurrence_visit_occurrence_id":                                   "Table VISIT_OCCURRENCE is empty.",
		"field_plausiblevaluelow_condition_occurrence_condition_end_date":                         "Field CONDITION_OCCURRENCE.CONDITION_END_DATE is not populated.",
		"concept_plausiblegender_condition_occurrence_condition_concept_id_26935":                 "CONDITION_CONCEPT_ID=26935 is missing from the CONDITION_OCCURRENCE table.",
		"concept_plausiblegenderusedescendants_procedure_occurrence_procedure_concept_id_4041261": "Table PROCEDURE_OCCURRENCE is empty.",
	} {
		got := find(t, results, id)
		is := got.Why
		if got.Failed == 1 {
			is = "failed"
		}
		if is != want {
			t.Errorf("%s: %q, want %q", id, is, want)
		}
		if got.NotApplicable+got.Failed+got.Passed != 1 {
			t.Errorf("%s is %d passed, %d failed, %d not applicable", id, got.Passed, got.Failed, got.NotApplicable)
		}
	}
}

// Checks share scans; each one's own query finds the same.
func TestQueriesStandAlone(t *testing.T) {
	const dir = "../../../shared/data/synthea-27"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the Synthea files are not here: ../shared/data/synthea-27")
	}
	vocabulary := os.DirFS(dir + "/vocabulary")
	db, _ := omoptest.Build(t, feeds.FS(),
		omoptest.Folder{Deposit: "hospital", Feed: "synthea-hospital", Dir: dir + "/csv", Vocabulary: vocabulary},
		omoptest.Folder{Deposit: "insurer", Feed: "synthea-claims", Dir: dir + "/csv", Vocabulary: vocabulary})
	results, err := Run(t.Context(), db, Options{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	alone := 0
	for _, c := range results.CheckResults {
		if c.NotApplicable == 1 {
			continue
		}
		var violated, denominator int64
		if err := db.Each(t.Context(), "SELECT CAST(violated AS BIGINT), CAST(denominator AS BIGINT) FROM ("+c.Query+")", nil, func() error { return nil }, &violated, &denominator); err != nil {
			t.Fatalf("%s: %v\n%s", c.ID, err, c.Query)
		}
		if alone++; violated != c.Violated || denominator != c.Denominator {
			t.Errorf("%s: %d of %d, alone %d of %d", c.ID, c.Violated, c.Denominator, violated, denominator)
		}
	}
	if alone < 300 {
		t.Errorf("only %d checks were made", alone)
	}
	t.Log(results.Text())
}

// Every published kind of check is made, and has a template.
func TestEveryPublishedCheckIsPlanned(t *testing.T) {
	kinds := map[string]int{}
	ids := map[string]bool{}
	for _, c := range published().checks {
		kinds[c.name()]++
		if ids[c.id()] {
			t.Errorf("%s stands twice", c.id())
		}
		ids[c.id()] = true
		if q := c.query(today).text(); strings.ContainsAny(q, "{}") {
			t.Errorf("%s: %s", c.id(), q)
		}
		if d := c.description(); strings.Contains(d, "@") {
			t.Errorf("%s: %s", c.id(), d)
		}
	}
	for _, name := range published().names {
		if kinds[name] == 0 {
			t.Errorf("no check %s is made", name)
		}
	}
	if got := len(slices.Sorted(maps.Keys(kinds))); got != 27 {
		t.Errorf("%d kinds of checks, want the 27 that are published", got)
	}
}

// The layout of the dashboard's results: what its viewer reads stands where it reads it.
func TestResultsAreInTheDashboardsLayout(t *testing.T) {
	db := omoptest.Empty(t)
	exec(t, db, persons)
	results, err := Run(t.Context(), db, Options{Now: today, Source: Metadata{Name: "r-1", CDMVersion: "5.4"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	var layout struct {
		StartTimestamp []string
		CheckResults   []map[string]any
		Metadata       []map[string]any
		Overview       map[string][]float64
	}
	if err := json.Unmarshal(text, &layout); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"numViolatedRows", "pctViolatedRows", "numDenominatorRows", "executionTime", "queryText", "checkName", "checkLevel", "checkDescription", "cdmTableName", "sqlFile", "category", "context", "checkId", "failed", "passed", "isError", "notApplicable"} {
		if _, there := layout.CheckResults[0][key]; !there {
			t.Errorf("CheckResults have no %s", key)
		}
	}
	o := layout.Overview
	if sum := o["countPassed"][0] + o["countOverallFailed"][0] + o["countNotApplicable"][0]; sum != o["countTotal"][0] || int(sum) != len(layout.CheckResults) {
		t.Errorf("the overview counts %v of %d", o, len(layout.CheckResults))
	}
	if layout.Metadata[0]["cdmSourceName"] != "r-1" || layout.Metadata[0]["dqdVersion"] != DashboardVersion || layout.StartTimestamp[0] != "2026-11-01 09:00:00" {
		t.Errorf("metadata %v, start %v", layout.Metadata, layout.StartTimestamp)
	}
}

func TestSettings(t *testing.T) {
	s, err := ReadSettings(`
mandatory = ["isPrimaryKey", "measurePersonCompleteness:visit_occurrence", "measurePersonCompleteness:condition_occurrence"]
[[threshold]]
check = "measurePersonCompleteness"
table = "visit_occurrence"
percent = 100
note = "half of the sources know of no visits"
`)
	if err != nil {
		t.Fatal(err)
	}
	db := omoptest.Empty(t)
	exec(t, db, persons)
	results, err := Run(t.Context(), db, Options{Now: today, Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	visits, conditions := find(t, results, "table_measurepersoncompleteness_visit_occurrence"), find(t, results, "table_measurepersoncompleteness_condition_occurrence")
	if visits.Failed != 0 || visits.Note != "half of the sources know of no visits" || !visits.Mandatory || conditions.Failed != 1 {
		t.Errorf("visits %+v, conditions %+v", visits, conditions)
	}
	if blocking := results.Blocking(); !slices.ContainsFunc(blocking, func(c CheckResult) bool { return c.ID == conditions.ID }) {
		t.Errorf("%v do not block", blocking)
	}
	for text, want := range map[string]string{
		`mandatory = ["isPrimaryKeys"]`:        `there is no check "isPrimaryKeys": did you mean "isPrimaryKey"?`,
		`mandatory = ["isPrimaryKey:persons"]`: `there is no table "persons": did you mean "person"?`,
		`exclude = ["notes"]`:                  `there is no table "notes"`,
		`mandatry = []`:                        `unknown key "mandatry": did you mean "mandatory"?`,
		"[[threshold]]\ncheck = \"isRequired\"\ntable = \"person\"\nfield = \"person_id\"\npercent = 101\nnote = \"x\"":                  "want 0 to 100",
		"[[threshold]]\ncheck = \"isRequired\"\ntable = \"person\"\nfield = \"person_id\"\npercent = 1":                                  "say why in note",
		"[[threshold]]\ncheck = \"isRequired\"\ntable = \"person\"\nfield = \"day_of_birth\"\npercent = 1\nnote = \"never asked there\"": "is not made of",
	} {
		if _, err := ReadSettings(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestPeopleSeeNoCountOfFew: what is not shown does not follow from what is.
func TestPeopleSeeNoCountOfFew(t *testing.T) {
	for _, c := range []struct {
		violated, of int64
		want         string
	}{
		{6_012, 1_204_511, "6 012 of 1 204 511"}, {509, 509, "509 of 509"}, {11, 22, "11 of 22"},
		{7, 1_313, "– of 1 313"}, {502, 509, "– of 509"}, {3, 9, "– of –"}, {9, 9, "– of –"}, {5, 12, "– of 12"},
	} {
		violated, of := CheckResult{Violated: c.violated, Denominator: c.of}.Shown()
		if got := counted(violated) + " of " + counted(of); got != c.want {
			t.Errorf("%d of %d rows are shown as %s, want %s", c.violated, c.of, got, c.want)
		}
	}
}
