package omop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// exportOf writes FHIR resources, a line each, into the files of a bulk export.
func exportOf(t *testing.T, types map[string]string) omoptest.Folder {
	t.Helper()
	dir := t.TempDir()
	for name, lines := range types {
		if err := os.WriteFile(filepath.Join(dir, name+".ndjson"), []byte(strings.TrimSpace(lines)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return omoptest.Folder{Deposit: "d", Feed: "fhir", Dir: dir, Vocabulary: os.DirFS("testdata/fhir-cases")}
}

// The mother of a patient is a RelatedPerson, and Patient.link says which patient she is; a
// child, too, may be the related one. Of the father, of an aunt, of a mother who is no
// patient here, of a man whose child is told, there is no relation.
func TestMotherAndChildFromFHIR(t *testing.T) {
	const role = `"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"`
	db, report := omoptest.Build(t, feeds.FS(), exportOf(t, map[string]string{
		"Patient": `
{"resourceType":"Patient","id":"mother","gender":"female","birthDate":"1980-05-01","link":[{"other":{"reference":"RelatedPerson/r1"},"type":"seealso"},{"other":{"reference":"RelatedPerson/r2"},"type":"seealso"}]}
{"resourceType":"Patient","id":"first","gender":"male","birthDate":"2010-01-01"}
{"resourceType":"Patient","id":"second","gender":"female","birthDate":"2012-01-01","link":[{"other":{"reference":"RelatedPerson/r6"},"type":"seealso"},{"other":{"reference":"RelatedPerson/r7"},"type":"seealso"}]}
{"resourceType":"Patient","id":"father","gender":"male","birthDate":"1979-05-01","link":[{"other":{"reference":"RelatedPerson/r3"},"type":"seealso"},{"other":{"reference":"Patient/mother"},"type":"seealso"}]}
{"resourceType":"Patient","id":"third","gender":"female","birthDate":"2014-01-01","link":[{"other":{"reference":"RelatedPerson/r8"},"type":"replaced-by"}]}`,
		"RelatedPerson": `
{"resourceType":"RelatedPerson","id":"r1","patient":{"reference":"Patient/first"},` + role + `ECON"}]},{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"NMTH"}]}],"name":[{"family":"MARTIN"}]}
{"resourceType":"RelatedPerson","id":"r2","patient":{"reference":"Patient/second"},` + role + `MTH"}]}]}
{"resourceType":"RelatedPerson","id":"r3","patient":{"reference":"Patient/first"},` + role + `FTH"}]}]}
{"resourceType":"RelatedPerson","id":"r4","patient":{"reference":"Patient/first"},` + role + `MTH"}]}]}
{"resourceType":"RelatedPerson","id":"r5","patient":{"reference":"Patient/second"},` + role + `AUNT"}]}]}
{"resourceType":"RelatedPerson","id":"r6","patient":{"reference":"Patient/mother"},` + role + `DAU"}]}]}
{"resourceType":"RelatedPerson","id":"r7","patient":{"reference":"Patient/father"},` + role + `DAU"}]}]}
{"resourceType":"RelatedPerson","id":"r8","patient":{"reference":"Patient/mother"},` + role + `DAU"}]}]}`,
	}))
	if !report.Accounted() {
		t.Error("some rows are not accounted for")
	}
	wantRows(t, "mothers and their children", rowsOf(t, db, "m.year_of_birth, c.year_of_birth", `FROM cdm.fact_relationship f JOIN cdm.person m ON m.person_id = fact_id_1 JOIN cdm.person c ON c.person_id = fact_id_2
		WHERE relationship_concept_id = 4248584 AND domain_concept_id_1 = 1147314 AND domain_concept_id_2 = 1147314 ORDER BY ALL`), `
		1980 2010
		1980 2012`)
	if n := count(t, db, "FROM cdm.fact_relationship m JOIN cdm.fact_relationship c ON c.fact_id_1 = m.fact_id_2 AND c.fact_id_2 = m.fact_id_1 WHERE m.relationship_concept_id = 4248584 AND c.relationship_concept_id = 4285883"); n != 2 {
		t.Errorf("%d relations are told both ways, want 2", n)
	}
}

// A statement of use says who used a device and when, the Device what it is. A Device alone,
// and a use without a day, are counted as what is left.
func TestDevicesFromFHIR(t *testing.T) {
	device := func(id, code string) string {
		return `{"resourceType":"Device","id":"` + id + `","serialNumber":"9866037","type":{"coding":[{"system":"http://snomed.info/sct","code":"` + code + `"}]},"patient":{"reference":"Patient/p"}}` + "\n"
	}
	use := func(id, device, more string) string {
		return `{"resourceType":"DeviceUseStatement","id":"` + id + `","status":"completed","subject":{"reference":"Patient/p"},"device":{"reference":"Device/` + device + `"}` + more + "}\n"
	}
	db, report := omoptest.Build(t, feeds.FS(), exportOf(t, map[string]string{
		"Patient":            `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1980-05-01"}`,
		"Device":             device("chair", "228869008") + device("meter", "337414009"),
		"DeviceUseStatement": use("u1", "chair", `,"timingPeriod":{"start":"2024-01-02","end":"2024-02-03"}`) + use("u2", "meter", `,"recordedOn":"2024-03-04"`) + use("u3", "chair", "") + use("u4", "lost", `,"timingDateTime":"2024-05-06T07:08:09Z"`),
	}))
	if !report.Accounted() {
		t.Error("some rows are not accounted for")
	}
	wantRows(t, "devices", rowsOf(t, db, "coalesce(device_source_value, '-'), device_exposure_start_date, coalesce(device_exposure_end_date, '2099-01-01')", "FROM cdm.device_exposure ORDER BY device_exposure_start_date"), `
		228869008 2024-01-02 2024-02-03
		337414009 2024-03-04 2099-01-01
		- 2024-05-06 2099-01-01`)
}

// A specimen stands with the day when it was taken, or else came in; what was measured of it
// names it in fact_relationship, both ways, panels' components too. A measurement that names no
// specimen, one that is not there or somebody else's, is linked to none.
func TestSpecimensFromFHIR(t *testing.T) {
	specimen := func(id, patient, more string) string {
		return `{"resourceType":"Specimen","id":"` + id + `","subject":{"reference":"Patient/` + patient + `"}` + more + "}\n"
	}
	glucose := func(id, day, more string) string {
		return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"` + day + `"` + more + "}\n"
	}
	const kind = `,"type":{"coding":[{"system":"http://example.org/tubes","code":"red"},{"system":"http://snomed.info/sct","code":"119297000"}]}`
	folder := exportOf(t, map[string]string{
		"Patient": `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1980-05-01"}` + "\n" + `{"resourceType":"Patient","id":"q","gender":"male","birthDate":"1990-05-01"}`,
		"Specimen": specimen("drawn", "p", kind+`,"collection":{"collectedDateTime":"2024-01-02T08:00:00Z","quantity":{"value":5,"unit":"mL","code":"mL"},"bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"368208006"}]}}`) +
			specimen("gathered", "p", kind+`,"collection":{"collectedPeriod":{"start":"2024-02-03","end":"2024-02-04"}}`) +
			specimen("sent", "p", `,"type":{"coding":[{"system":"http://example.org/tubes","code":"blue"}]},"receivedTime":"2024-03-04T10:00:00Z"`) +
			specimen("when", "p", kind) + specimen("wrong", "p", kind+`,"status":"entered-in-error","receivedTime":"2024-03-04T10:00:00Z"`) +
			specimen("his", "q", kind+`,"receivedTime":"2024-05-04T10:00:00Z"`),
		"Observation": glucose("o1", "2024-01-02", `,"valueQuantity":{"value":5},"specimen":{"reference":"Specimen/drawn"}`) +
			glucose("o2", "2024-01-03", `,"specimen":{"reference":"Specimen/drawn"},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},"valueQuantity":{"value":6}}]`) +
			glucose("o3", "2024-01-04", `,"valueQuantity":{"value":5}`) + glucose("o4", "2024-01-05", `,"valueQuantity":{"value":5},"specimen":{"reference":"Specimen/his"}`) +
			glucose("o5", "2024-01-06", `,"valueQuantity":{"value":5},"specimen":{"reference":"Specimen/lost"}`) + glucose("o6", "2024-01-07", `,"valueQuantity":{"value":5},"specimen":{"reference":"Specimen/sent"}`),
	})
	folder.Refused = func(e intake.RowError) {
		if !e.Excluded() {
			t.Errorf("refused: %v", &e)
		}
	}
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, feeds.FS(), folder)
	report, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Accounted() {
		t.Error("some rows are not accounted for")
	}
	wantRows(t, "specimens", rowsOf(t, db, "person_id, specimen_date, specimen_concept_id, coalesce(anatomic_site_concept_id, -1), coalesce(quantity, 0), specimen_source_value", "FROM cdm.specimen ORDER BY ALL"), `
		1 2024-01-02 4001225 4283159 5.0 119297000
		1 2024-02-03 4001225 -1 0.0 119297000
		1 2024-03-04 0 -1 0.0 blue
		2 2024-05-04 4001225 -1 0.0 119297000`)
	wantRows(t, "what was measured of which", rowsOf(t, db, "measurement_date, specimen_date", `FROM cdm.fact_relationship f
		JOIN cdm.measurement m ON m.measurement_id = f.fact_id_1 JOIN cdm.specimen s ON s.specimen_id = f.fact_id_2
		WHERE f.domain_concept_id_1 = 1147330 AND f.domain_concept_id_2 = 1147306 AND f.relationship_concept_id = 32668 ORDER BY ALL`), `
		2024-01-02 2024-01-02
		2024-01-03 2024-01-02
		2024-01-07 2024-03-04`)
	if n := count(t, db, "FROM cdm.fact_relationship a JOIN cdm.fact_relationship b ON b.fact_id_1 = a.fact_id_2 AND b.fact_id_2 = a.fact_id_1 AND b.domain_concept_id_1 = 1147306 AND b.relationship_concept_id = 32669 WHERE a.relationship_concept_id = 32668"); n != 3 {
		t.Errorf("%d links are told both ways, want 3", n)
	}
	omoptest.SameInParts(t, db, in, report, 4)
	parts := omoptest.Split(t, db, in, 2, 1, func(_ omop.Deposit, resource string) bool { return resource == "patients" })
	omoptest.Aside(t, db)
	if report, err = omop.Build(t.Context(), db, parts, nil); err != nil {
		t.Fatal(err)
	}
	omoptest.SameOnBases(t, db, parts, report, omoptest.Step{Deposits: []string{"d.1"}})
}
