package omop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
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
