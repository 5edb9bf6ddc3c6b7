package omop_test

import (
	"fmt"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// What the vocabulary of these tests knows: two ingredients, drugs of one of them,
// of both, one that RxNorm's relation alone tells, and one that nothing tells.
const (
	paracetamol, codeine, ibuprofen      = "101", "102", "103" // ingredients
	doliprane, codoliprane, advil, patch = "201", "202", "203", "204"
	unknown                              = "209"
	asthma, flu                          = "301", "302"
	milligram, hour                      = "8576", "8505"
)

func erasVocabulary(t *testing.T) map[string]string {
	t.Helper()
	concept := func(id, domain, class string) row {
		return row{"concept_id": id, "concept_name": "c" + id, "domain_id": domain, "vocabulary_id": "RxNorm", "concept_class_id": class, "standard_concept": "S",
			"concept_code": "c" + id, "valid_start_date": "1970-01-01", "valid_end_date": "2099-12-31"}
	}
	above := func(ingredient, drug string) row {
		return row{"ancestor_concept_id": ingredient, "descendant_concept_id": drug, "min_levels_of_separation": "1", "max_levels_of_separation": "1"}
	}
	strength := func(drug, ingredient string, more row) row {
		r := row{"drug_concept_id": drug, "ingredient_concept_id": ingredient, "valid_start_date": "1970-01-01", "valid_end_date": "2099-12-31"}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	return map[string]string{
		"concept": plainRow(t, "concept", concept(paracetamol, "Drug", "Ingredient"), concept(codeine, "Drug", "Ingredient"), concept(ibuprofen, "Drug", "Ingredient"),
			concept(doliprane, "Drug", "Clinical Drug"), concept(codoliprane, "Drug", "Clinical Drug"), concept(advil, "Drug", "Branded Drug"), concept(patch, "Drug", "Clinical Drug"),
			concept(unknown, "Drug", "Clinical Drug"), concept(asthma, "Condition", "Clinical Finding"), concept(flu, "Condition", "Clinical Finding"),
			concept(milligram, "Unit", "Unit"), concept(hour, "Unit", "Unit")),
		"concept_ancestor": plainRow(t, "concept_ancestor", above(paracetamol, doliprane), above(paracetamol, codoliprane), above(codeine, codoliprane), above(codeine, patch)),
		"concept_relationship": plainRow(t, "concept_relationship", row{"concept_id_1": advil, "concept_id_2": ibuprofen, "relationship_id": "RxNorm has ing",
			"valid_start_date": "1970-01-01", "valid_end_date": "2099-12-31"}),
		"drug_strength": plainRow(t, "drug_strength",
			strength(doliprane, paracetamol, row{"amount_value": "500", "amount_unit_concept_id": milligram}),
			strength(codoliprane, paracetamol, row{"amount_value": "400", "amount_unit_concept_id": milligram}),
			strength(codoliprane, codeine, row{"amount_value": "20", "amount_unit_concept_id": milligram}),
			strength(patch, codeine, row{"numerator_value": "0.5", "numerator_unit_concept_id": milligram, "denominator_value": "1", "denominator_unit_concept_id": hour})),
	}
}

// erasOf builds a release of persons' events, written one an event:
// "person concept first last quantity days", - for what is not known.
func erasOf(t *testing.T, conditions, drugs string) (*engine.DB, *omop.Report) {
	t.Helper()
	files := erasVocabulary(t)
	known := func(r row, name, value string) {
		if value != "-" {
			r[name] = value
		}
	}
	var persons, conditionRows, drugRows []row
	seen := map[string]bool{}
	person := func(id string) {
		if !seen[id] {
			seen[id] = true
			persons = append(persons, row{"person_id": id, "gender_concept_id": "8532", "year_of_birth": "1980", "race_concept_id": "0", "ethnicity_concept_id": "0"})
		}
	}
	for line := range strings.Lines(strings.TrimSpace(conditions)) {
		f := strings.Fields(line)
		person(f[0])
		r := row{"condition_occurrence_id": fmt.Sprint(len(conditionRows) + 1), "person_id": f[0], "condition_concept_id": f[1], "condition_start_date": f[2], "condition_type_concept_id": "32817"}
		known(r, "condition_end_date", f[3])
		conditionRows = append(conditionRows, r)
	}
	for line := range strings.Lines(strings.TrimSpace(drugs)) {
		f := strings.Fields(line)
		person(f[0])
		r := row{"drug_exposure_id": fmt.Sprint(len(drugRows) + 1), "person_id": f[0], "drug_concept_id": f[1], "drug_exposure_start_date": f[2], "drug_exposure_end_date": f[3], "drug_type_concept_id": "32817"}
		known(r, "quantity", f[4])
		known(r, "days_supply", f[5])
		drugRows = append(drugRows, r)
	}
	files["person"] = plainRow(t, "person", persons...)
	files["condition_occurrence"] = plainRow(t, "condition_occurrence", conditionRows...)
	files["drug_exposure"] = plainRow(t, "drug_exposure", drugRows...)
	return omoptest.Build(t, feeds.FS(), deliver(t, "d", "omop", files))
}

// rowsOf writes the rows of a query, their columns apart by blanks.
func rowsOf(t *testing.T, db *engine.DB, columns, from string, args ...any) (lines []string) {
	t.Helper()
	var line string
	err := db.Each(t.Context(), fmt.Sprintf("SELECT concat_ws(' ', %s) %s", columns, from), args, func() error { lines = append(lines, line); return nil }, &line)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func wantRows(t *testing.T, what string, got []string, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(want)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

const erasConditions = `
	1 301 2024-01-01 2024-01-10
	1 301 2024-02-09 2024-02-12
	1 301 2024-03-14 -
	2 301 2024-01-01 2024-12-31
	2 301 2024-03-01 2024-03-02
	2 301 2025-01-30 2025-01-30
	3 301 2024-01-01 -
	3 301 2024-02-01 2024-02-01
	3 302 2024-01-15 2024-01-15
	4 0   2024-01-15 2024-01-15`

// Each era of a condition is worked by hand. Of person 1 the second starts 30 days
// after the first ended, and the third 31 days after the second; of person 2 the
// second lies within the first, whose end holds on; of person 3 the first has no end,
// so that it lasts until the 2nd of January, 30 days before the next; what person 4
// has is not known.
func TestConditionEras(t *testing.T) {
	db, _ := erasOf(t, erasConditions, "")
	wantRows(t, "condition_era", rowsOf(t, db, "condition_era_id, person_id, condition_concept_id, condition_era_start_date, condition_era_end_date, condition_occurrence_count", "FROM cdm.condition_era ORDER BY 1"), `
		1 1 301 2024-01-01 2024-02-12 2
		2 1 301 2024-03-14 2024-03-15 1
		3 2 301 2024-01-01 2025-01-30 3
		4 3 301 2024-01-01 2024-02-01 2
		5 3 302 2024-01-15 2024-01-15 1`)
	wantRows(t, "members of era 3", members(t, db, "condition_era", 3), `
		condition_occurrence 2 2024-01-01
		condition_occurrence 2 2024-03-01
		condition_occurrence 2 2025-01-30`)
}

const erasDrugs = `
	1 201 2024-01-01 2024-01-10 20 10
	1 202 2024-01-16 2024-01-25 10 10
	1 201 2024-03-01 2024-03-05 10 5
	2 201 2024-01-01 2024-01-30 60 30
	2 201 2024-01-11 2024-02-09 60 30
	2 201 2024-03-10 2024-03-10 8 -
	3 203 2024-01-01 2024-01-01 - -
	3 209 2024-01-01 2024-01-05 5 5
	3 0   2024-01-01 2024-01-05 5 5
	4 204 2024-05-01 2024-05-03 1 3
	4 101 2024-05-01 2024-05-03 1 3`

// Each era of an ingredient is worked by hand. Person 1 took two drugs that hold
// paracetamol, five days apart (11 to 15 January), and one again 35 days after, which is
// an era of its own; one held codeine too. Person 2 fetched a second month after ten
// days: what was left is not added, and the era ends when the second month does, then
// comes one box whose days nobody knows, 29 days later. Person 3 took a drug whose
// ingredient RxNorm's relation tells, and two that nothing tells. Person 4 took an
// ingredient as such.
func TestDrugEras(t *testing.T) {
	db, _ := erasOf(t, "", erasDrugs)
	wantRows(t, "drug_era", rowsOf(t, db, "person_id, drug_concept_id, drug_era_start_date, drug_era_end_date, drug_exposure_count, gap_days", "FROM cdm.drug_era ORDER BY person_id, drug_concept_id, drug_era_start_date"), `
		1 101 2024-01-01 2024-01-25 2 5
		1 101 2024-03-01 2024-03-05 1 0
		1 102 2024-01-16 2024-01-25 1 0
		2 101 2024-01-01 2024-03-10 3 29
		3 103 2024-01-01 2024-01-01 1 0
		4 101 2024-05-01 2024-05-03 1 0
		4 102 2024-05-01 2024-05-03 1 0`)
	wantRows(t, "members of an era", members(t, db, "drug_era", lastOf(t, db, "drug_era", 2)), `
		drug_exposure 2 2024-01-01
		drug_exposure 2 2024-01-11
		drug_exposure 2 2024-03-10`)
	if n := count(t, db, "FROM cdm.drug_era e ANTI JOIN cdm.concept c ON c.concept_id = e.drug_concept_id"); n != 0 {
		t.Errorf("%d ingredients are not among the release's concepts", n)
	}
}

// Each dose is worked by hand. Person 1: 20 tablets of 500 mg in 10 days, 10 of 400
// mg (and 20 mg of codeine) in 10 days, 10 of 500 mg in 5 days, which is the first dose
// again but 50 days later. Person 2: 60 tablets in 30 days twice; the box without days
// has no dose. Person 4: half a milligram an hour.
func TestDoseEras(t *testing.T) {
	db, _ := erasOf(t, "", erasDrugs)
	wantRows(t, "dose_era", rowsOf(t, db, "person_id, drug_concept_id, dose_value, unit_concept_id, dose_era_start_date, dose_era_end_date", "FROM cdm.dose_era ORDER BY person_id, drug_concept_id, dose_era_start_date"), `
		1 101 1000.0 8576 2024-01-01 2024-01-10
		1 101 400.0 8576 2024-01-16 2024-01-25
		1 101 1000.0 8576 2024-03-01 2024-03-05
		1 102 20.0 8576 2024-01-16 2024-01-25
		2 101 1000.0 8576 2024-01-01 2024-02-09
		4 102 12.0 8576 2024-05-01 2024-05-03`)
	wantRows(t, "members of an era", members(t, db, "dose_era", lastOf(t, db, "dose_era", 2)), `
		drug_exposure 2 2024-01-01
		drug_exposure 2 2024-01-11`)
	if n := count(t, db, "FROM cdm.drug_strength"); n != 4 {
		t.Errorf("the release has %d strengths, want those of its drugs, 4", n)
	}
}

// Eras are the same however many persons are taken at once.
func TestErasArePersonByPerson(t *testing.T) {
	all := func() (lines []string) {
		db, _ := erasOf(t, erasConditions, erasDrugs)
		for _, table := range []string{"condition_era", "drug_era", "dose_era"} {
			lines = append(lines, rowsOf(t, db, "*COLUMNS(*)", "FROM cdm."+table+" ORDER BY ALL")...)
		}
		return lines
	}
	whole := all()
	defer omop.TakeAtOnce(omop.TakeAtOnce(2))
	if parts := all(); strings.Join(parts, "\n") != strings.Join(whole, "\n") {
		t.Errorf("two rows at a time:\n%s\nall at once:\n%s", strings.Join(parts, "\n"), strings.Join(whole, "\n"))
	}
}

// A period of observation that nobody states is made of the first event and of the last, where
// death ends it of the death; one that insurance states, of that.
func TestAPeriodIsMadeOfItsEnds(t *testing.T) {
	files := erasVocabulary(t)
	files["person"] = plainRow(t, "person", row{"person_id": "1", "gender_concept_id": "8532", "year_of_birth": "1980", "race_concept_id": "0", "ethnicity_concept_id": "0"},
		row{"person_id": "2", "gender_concept_id": "8532", "year_of_birth": "1980", "race_concept_id": "0", "ethnicity_concept_id": "0"},
		row{"person_id": "3", "gender_concept_id": "8532", "year_of_birth": "1980", "race_concept_id": "0", "ethnicity_concept_id": "0"})
	condition := func(id, person, first, last string) row {
		return row{"condition_occurrence_id": id, "person_id": person, "condition_concept_id": flu, "condition_start_date": first, "condition_end_date": last, "condition_type_concept_id": "32817"}
	}
	files["condition_occurrence"] = plainRow(t, "condition_occurrence",
		condition("1", "1", "2020-02-01", "2020-12-31"), condition("2", "1", "2020-01-01", "2020-01-02"), condition("3", "1", "2020-03-01", "2020-03-02"),
		condition("4", "2", "2020-01-01", "2020-12-31"), condition("5", "2", "2020-08-01", "2020-08-02"), condition("6", "3", "2020-01-01", "2020-01-02"))
	files["drug_exposure"] = plainRow(t, "drug_exposure", row{"drug_exposure_id": "1", "person_id": "1", "drug_concept_id": doliprane, "drug_exposure_start_date": "2020-05-01", "drug_exposure_end_date": "2020-05-02", "drug_type_concept_id": "32817"})
	files["death"] = plainRow(t, "death", row{"person_id": "2", "death_date": "2020-06-01"})
	files["payer_plan_period"] = plainRow(t, "payer_plan_period", row{"payer_plan_period_id": "1", "person_id": "3", "payer_plan_period_start_date": "2019-01-01", "payer_plan_period_end_date": "2020-12-31"})
	db, _ := omoptest.Build(t, feeds.FS(), deliver(t, "d", "omop", files))
	query, tables, _ := omop.Members("observation_period")
	for _, name := range tables {
		if err := db.Exec(t.Context(), fmt.Sprintf("CREATE VIEW %s AS FROM cdm.%[1]s", name)); err != nil {
			t.Fatal(err)
		}
	}
	for person, want := range map[int]string{
		1: "condition_occurrence 2020-01-01\ncondition_occurrence 2020-02-01",
		2: "condition_occurrence 2020-01-01\ndeath 2020-06-01",
		3: "payer_plan_period 2019-01-01",
	} {
		wantRows(t, fmt.Sprintf("members of person %d", person), rowsOf(t, db, `m."table", coalesce(c.condition_start_date, d.death_date, p.payer_plan_period_start_date)`, "FROM ("+query+`) m
			LEFT JOIN cdm.condition_occurrence c ON m."table" = 'condition_occurrence' AND m.id = c.condition_occurrence_id
			LEFT JOIN cdm.death d ON m."table" = 'death' AND m.id = d.person_id
			LEFT JOIN cdm.payer_plan_period p ON m."table" = 'payer_plan_period' AND m.id = p.payer_plan_period_id ORDER BY 1`, lastOf(t, db, "observation_period", person)), want)
	}
}

// lastOf is the number of a person's last row of a table.
func lastOf(t *testing.T, db *engine.DB, table string, person int) (id int64) {
	t.Helper()
	if err := db.Value(t.Context(), &id, fmt.Sprintf("SELECT max(%s_id) FROM cdm.%[1]s WHERE person_id = ?", table), person); err != nil {
		t.Fatal(err)
	}
	return id
}

// members writes what a derived row was made of: table, person, first day.
func members(t *testing.T, db *engine.DB, table string, id int64) []string {
	t.Helper()
	query, tables, ok := omop.Members(table)
	if !ok {
		t.Fatalf("%s is not derived", table)
	}
	for _, name := range tables {
		if err := db.Exec(t.Context(), fmt.Sprintf("CREATE OR REPLACE VIEW %s AS FROM cdm.%[1]s", name)); err != nil {
			t.Fatal(err)
		}
	}
	of := "condition_occurrence"
	day := "condition_start_date"
	if table != "condition_era" {
		of, day = "drug_exposure", "drug_exposure_start_date"
	}
	return rowsOf(t, db, `m."table", person_id, `+day, "FROM ("+query+") m JOIN cdm."+of+" o ON m.id = o."+of+"_id ORDER BY m.id", id)
}
