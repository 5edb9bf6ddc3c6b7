package omop_test

import (
	"maps"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// plainRow writes rows of a resource of the feed omop, of which only some values
// are there.
func plainRow(t *testing.T, resource string, rows ...map[string]string) string {
	t.Helper()
	described := feedOf(t, "omop")
	r := described.Resource(resource)
	var names []string
	for _, f := range r.Fields {
		names = append(names, f.Name)
	}
	text := strings.Join(names, ",") + "\n"
	for _, row := range rows {
		known := 0
		values := make([]string, len(names))
		for i, name := range names {
			if v, ok := row[name]; ok {
				values[i] = v
				known++
			}
		}
		if known != len(row) {
			t.Fatalf("%s has no column of %v", resource, row)
		}
		text += strings.Join(values, ",") + "\n"
	}
	return text
}

type row = map[string]string

// TestFeedOMOP builds a release of two sources that are OMOP already and number
// their rows alike: one in the words of CDM 5.3, one in those of 5.4.
func TestFeedOMOP(t *testing.T) {
	source := func(person, came string, more row) map[string]string {
		visit := row{"visit_occurrence_id": "1", "person_id": person, "visit_concept_id": "9201", "visit_start_date": "2024-01-02", "visit_end_date": "2024-01-05",
			"visit_type_concept_id": "32817", "provider_id": "1", "care_site_id": "1", came: "8870", "visit_source_value": "the-visits-own-name"}
		with := func(all row) func(row) row {
			return func(more row) row { all := maps.Clone(all); maps.Copy(all, more); return all }
		}
		part := with(row{"person_id": person, "visit_detail_concept_id": "9201", "visit_detail_start_date": "2024-01-02", "visit_detail_type_concept_id": "32817", "visit_occurrence_id": "1"})
		measured := with(row{"person_id": person, "measurement_concept_id": "0", "measurement_date": "2024-01-03", "measurement_type_concept_id": "32856"})
		parent := "parent_visit_detail_id"
		if came == "admitting_source_concept_id" { // as CDM 5.3 says both
			parent = "visit_detail_parent_id"
		}
		return map[string]string{
			"person": plainRow(t, "person", row{"person_id": person, "gender_concept_id": "8532", "year_of_birth": "1980", "month_of_birth": "5", "day_of_birth": "17",
				"birth_datetime": "1980-05-17 10:00:00", "race_concept_id": "0", "ethnicity_concept_id": "0", "location_id": "1", "person_source_value": "MARTIN-1980"}),
			"location":         plainRow(t, "location", row{"location_id": "1", "address_1": "1 rue de la Paix", "city": "Lyon", "zip": "69001"}),
			"care_site":        plainRow(t, "care_site", row{"care_site_id": "1", "care_site_name": "CHU " + person, "location_id": "1"}),
			"provider":         plainRow(t, "provider", row{"provider_id": "1", "provider_name": "Dr Knock", "npi": "123", "specialty_concept_id": "38004446"}),
			"visit_occurrence": plainRow(t, "visit_occurrence", visit),
			"visit_detail": plainRow(t, "visit_detail",
				part(row{"visit_detail_id": "1", "visit_detail_end_date": "2024-01-05"}),
				part(row{"visit_detail_id": "2", "visit_detail_end_date": "2024-01-04", parent: "1"}),
				part(row{"visit_detail_id": "3", "visit_detail_end_date": "2024-01-03", parent: "9"}),
				part(row{"visit_detail_id": "4", "visit_detail_end_date": "2024-01-02", "visit_occurrence_id": "9"})),
			"specimen": plainRow(t, "specimen", row{"specimen_id": "1", "person_id": person, "specimen_concept_id": "0", "specimen_type_concept_id": "32856", "specimen_date": "2024-01-03",
				"specimen_source_id": "tube 7 of Mrs Martin", "specimen_source_value": "blood", "quantity": "5.5"}),
			"measurement": plainRow(t, "measurement",
				measured(row{"measurement_id": "1", "visit_occurrence_id": "1", "visit_detail_id": "2"}),
				measured(row{"measurement_id": "2", "visit_detail_id": "2"}),
				measured(row{"measurement_id": "3", "visit_occurrence_id": "1", "visit_detail_id": "4"})),
			"drug_exposure": plainRow(t, "drug_exposure",
				row{"drug_exposure_id": "7", "person_id": person, "drug_concept_id": "1127433", "drug_exposure_start_date": "2024-01-02", "drug_exposure_end_date": "2024-01-03",
					"drug_type_concept_id": "32817", "visit_occurrence_id": "1", "drug_source_value": "DOLIPRANE", "sig": "one for Mrs Martin"},
				row{"drug_exposure_id": "8", "person_id": person, "drug_concept_id": "1127433", "drug_exposure_start_date": "2024-02-02", "drug_exposure_end_date": "2024-02-03",
					"drug_type_concept_id": "32817", "provider_id": "", "drug_source_value": "DOLIPRANE"}),
			"cost": plainRow(t, "cost",
				row{"cost_id": "1", "cost_event_id": "7", "cost_domain_id": "Drug", "cost_type_concept_id": "32810", "total_paid": "2.5"},
				row{"cost_id": "2", "cost_event_id": "1", "cost_domain_id": "Visit", "cost_type_concept_id": "32810", "total_paid": "900"},
				row{"cost_id": "3", "cost_event_id": "9", "cost_domain_id": "Drug", "cost_type_concept_id": "32810", "total_paid": "1"}),
			"observation_period": plainRow(t, "observation_period", row{"observation_period_id": "1", "person_id": person, "observation_period_start_date": "2020-01-01",
				"observation_period_end_date": "2024-12-31", "period_type_concept_id": "32817"}),
			"concept": plainRow(t, "concept", more),
			"note":    plainRow(t, "note", row{"note_id": "1", "person_id": person, "note_text": "Mrs Martin"}),
		}
	}
	concept := func(name string) row {
		return row{"concept_id": "1127433", "concept_name": name, "domain_id": "Drug", "vocabulary_id": "RxNorm", "concept_class_id": "Clinical Drug", "standard_concept": "S",
			"concept_code": "313782", "valid_start_date": "1970-01-01", "valid_end_date": "2099-12-31"}
	}
	db, report := omoptest.Build(t, feeds.FS(),
		deliver(t, "old", "omop", source("10", "admitting_source_concept_id", concept("acetaminophen"))),
		deliver(t, "new", "omop", source("20", "admitted_from_concept_id", concept("paracetamol"))))
	if !report.Accounted() {
		t.Error("some accepted rows are not accounted for")
	}
	for query, want := range map[string]string{
		"SELECT string_agg(concat_ws(' ', year_of_birth, month_of_birth, gender_concept_id), ', ') FROM cdm.person":                                                                                                                       "1980 5 8532, 1980 5 8532",
		"SELECT count(day_of_birth) + count(birth_datetime) + count(person_source_value) || '' FROM cdm.person":                                                                                                                           "0",
		"SELECT count(*) || ' ' || count(provider_name) || ' ' || count(npi) FROM cdm.provider":                                                                                                                                           "2 0 0",
		"SELECT count(*) || ' ' || count(address_1) || ' ' || min(zip) FROM cdm.location":                                                                                                                                                 "2 0 69001",
		"SELECT string_agg(care_site_name, ', ' ORDER BY care_site_name) FROM cdm.care_site JOIN cdm.location USING (location_id)":                                                                                                        "CHU 10, CHU 20",
		"SELECT string_agg(concat_ws(' ', admitted_from_concept_id, visit_source_value), ', ') FROM cdm.visit_occurrence v JOIN cdm.provider p ON p.provider_id = v.provider_id JOIN cdm.care_site c ON c.care_site_id = v.care_site_id":  "8870, 8870",
		"SELECT count(*) || ' ' || count(visit_occurrence_id) || ' ' || count(sig) || ' ' || count(provider_id) FROM cdm.drug_exposure WHERE drug_concept_id = 1127433":                                                                   "4 2 0 0",
		"SELECT string_agg(concat_ws(' ', cost_domain_id, total_paid, drug_exposure_start_date), ', ' ORDER BY cost_domain_id) FROM cdm.cost LEFT JOIN cdm.drug_exposure ON cost_domain_id = 'Drug' AND drug_exposure_id = cost_event_id": "Drug 2.5 2024-01-02, Drug 2.5 2024-01-02, Visit 900.0, Visit 900.0",
		"SELECT string_agg(concat_ws(' ', observation_period_start_date, observation_period_end_date, period_type_concept_id), ', ') FROM cdm.observation_period":                                                                         "2020-01-01 2024-12-31 32817, 2020-01-01 2024-12-31 32817",
		"SELECT string_agg(concat_ws(' ', d.visit_detail_end_date, w.visit_detail_end_date), ', ' ORDER BY d.visit_detail_end_date) FROM cdm.visit_detail d LEFT JOIN cdm.visit_detail w ON w.visit_detail_id = d.parent_visit_detail_id": "2024-01-03, 2024-01-03, 2024-01-04 2024-01-05, 2024-01-04 2024-01-05, 2024-01-05, 2024-01-05",
		"SELECT count(*) || ' ' || count(m.visit_occurrence_id) || ' ' || count(d.visit_detail_id) || ' ' || min(d.visit_detail_end_date) FROM cdm.measurement m LEFT JOIN cdm.visit_detail d ON d.visit_detail_id = m.visit_detail_id":   "6 6 4 2024-01-04",
		"SELECT string_agg(concat_ws(' ', specimen_date, specimen_source_value, quantity, specimen_source_id), ', ') FROM cdm.specimen":                                                                                                   "2024-01-03 blood 5.5, 2024-01-03 blood 5.5",
		"SELECT string_agg(concept_name, ', ') FROM cdm.concept WHERE concept_id = 1127433":                                                                                                                                               "acetaminophen",
	} {
		var got string
		if err := db.Value(t.Context(), &got, query); err != nil || got != want {
			t.Errorf("%s\ngot %s (%v), want %s", query, got, err, want)
		}
	}
	for _, r := range report.Deposits[0].Resources {
		switch r.Name {
		case "cost":
			if r.Mapped != 2 || r.Left[omop.LeftEvent] != 1 {
				t.Errorf("costs: %+v", r)
			}
		case "note":
			if r.Left["free text does not leave the provider"] != 1 {
				t.Errorf("notes: %+v", r)
			}
		}
	}
}

// Each column of a release's tables is described, and by the role that keeps
// what identifies with the provider.
func TestFeedOMOPKnowsTheCDM(t *testing.T) {
	described := feedOf(t, "omop")
	for _, table := range omop.Tables() {
		r := described.Resource(table)
		if r == nil {
			t.Errorf("the feed does not know %s", table)
			continue
		}
		for _, f := range omop.Fields(table) {
			known := false
			for _, field := range r.Fields {
				known = known || field.Name == f.Name
			}
			if !known {
				t.Errorf("the feed does not know %s.%s", table, f.Name)
			}
		}
	}
	for resource, fields := range map[string][]string{
		"person": {"person_source_value", "day_of_birth", "birth_datetime"}, "provider": {"provider_name", "npi", "dea", "provider_source_value"},
		"location": {"address_1", "address_2", "latitude", "longitude", "location_source_value"}, "note": {"note_text", "note_title"},
		"device_exposure": {"unique_device_id", "production_id"}, "drug_exposure": {"sig"}, "payer_plan_period": {"family_source_value"},
		"visit_occurrence": {"visit_source_value"}, "specimen": {"specimen_source_id"}, "note_nlp": {"snippet", "lexical_variant"},
	} {
		for _, c := range described.Resource(resource).HealthColumns() {
			for _, name := range fields {
				if c.Name == name {
					t.Errorf("%s.%s leaves the provider", resource, name)
				}
			}
		}
	}
}
