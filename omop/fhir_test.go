package omop_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

const (
	bulkDir    = "../../shared/data/raw-fhir-bulk-ndjson-10"
	bundlesDir = "../../shared/data/fhir-bundles-synthea-r4"
)

// A whole bulk export and sixteen whole Bundles become a CDM: every line that
// is not excluded is accepted, and every row is accounted for. Regenerate the
// reports with UPDATE=1 and read the difference.
func TestFHIRReports(t *testing.T) {
	for name, dir := range map[string]string{"fhir-bulk": bulkDir, "fhir-bundles": bundlesDir} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(dir); err != nil {
				t.Skipf("the FHIR resources are not here: %v", err)
			}
			db := omoptest.OpenAllCores(t)
			in := omoptest.Load(t, db, feeds.FS(), omoptest.Folder{
				Deposit: "hospital", Feed: "fhir", Dir: dir, Vocabulary: os.DirFS(syntheaDir + "/vocabulary"),
			})
			report, err := omop.Build(t.Context(), db, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !report.Accounted() {
				t.Error("some accepted rows are not accounted for")
			}
			goldenReport(t, "testdata/"+name+".txt", report)
			omoptest.SameInParts(t, db, in, report, 1000)
			goldenQuality(t, db, "testdata/"+name+".quality.txt")
			parts := omoptest.Split(t, db, in, 2, 1, func(_ omop.Deposit, resource string) bool { return resource == "patients" })
			omoptest.Aside(t, db)
			if report, err = omop.Build(t.Context(), db, parts, nil); err != nil {
				t.Fatal(err)
			}
			omoptest.SameOnBases(t, db, parts, report, omoptest.Step{Deposits: []string{"hospital.1"}})
		})
	}
}

func goldenReport(t *testing.T, file string, report *omop.Report) {
	t.Helper()
	var got strings.Builder
	if err := report.WriteText(&got); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, file, got.String())
}

// fhirCase is a golden case of HealthSamurai's fhir2omop: resources, and the
// CDM rows that its authors expect of them.
type fhirCase struct {
	Desc string
	FHIR []json.RawMessage           `json:"fhir"`
	OMOP map[string][]map[string]any `json:"omop"`
}

// reasons say why Rempart's rows differ from what a golden case expects: by
// table, by table.column, or by case and table.column.
func reasons(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/fhir-cases/reasons.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			where, why, ok := strings.Cut(line, " = ")
			if !ok {
				t.Fatalf("reasons.txt: want WHERE = WHY, got %q", line)
			}
			found[where] = why
		}
	}
	return found
}

// Every golden case is built; what differs has its reason, and every reason is
// needed.
func TestFHIRGoldenCases(t *testing.T) {
	files, err := filepath.Glob("../../shared/data/fhir2omop-cases/cases/*.json")
	if err != nil || len(files) == 0 {
		t.Skipf("the golden cases are not here: %v", err)
	}
	why, used := reasons(t), map[string]bool{}
	cases, exact, columns, same := 0, 0, 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Fixtures []json.RawMessage
			Cases    []fhirCase
		}
		if err := json.Unmarshal(raw, &suite); err != nil {
			t.Fatal(err)
		}
		got := buildCases(t, suite.Fixtures, suite.Cases)
		for i, c := range suite.Cases {
			name := strings.TrimSuffix(filepath.Base(file), ".json") + "#" + string(rune('a'+i))
			t.Run(name, func(t *testing.T) {
				cases++
				differs := false
				for _, d := range got.compare(i, c.OMOP) {
					columns++
					if d.same {
						same++
						continue
					}
					differs = true
					if !explained(why, used, name, d.table, d.column) {
						t.Errorf("%s.%s: want %v, got %v", d.table, d.column, d.want, d.got)
					}
				}
				if !differs {
					exact++
				}
			})
		}
	}
	for where := range why {
		if !used[where] {
			t.Errorf("reasons.txt: nothing differs any more at %s", where)
		}
	}
	t.Logf("%d cases, %d without any difference; %d of %d expected values are the same", cases, exact, same, columns)
}

func explained(why map[string]string, used map[string]bool, name, table, column string) bool {
	for _, where := range []string{name + " " + table + "." + column, name + " " + table, table + "." + column, table} {
		if why[where] != "" {
			used[where] = true
			return true
		}
	}
	return false
}

// built is the CDM of a file's cases.
type built struct {
	tables map[string][]map[string]any
	person map[float64]int // person_id to case
}

// buildCases builds one CDM of all cases of a file. Each case's resources have
// ids of their own.
func buildCases(t *testing.T, fixtures []json.RawMessage, cases []fhirCase) built {
	t.Helper()
	lines := map[string][]byte{"Patient": []byte(`{"resourceType":"Patient","id":"nobody-else","birthDate":"1950"}` + "\n")}
	owner := map[string]int{"nobody-else": -1}
	for i, c := range cases {
		prefix := fmt.Sprintf("%02d-", i)
		subjects := map[string]bool{} // of visits: some are nobody's
		for _, raw := range append(slices.Clone(fixtures), c.FHIR...) {
			var r map[string]any
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			rename(r, prefix)
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			kind := r["resourceType"].(string)
			if kind == "Patient" {
				owner[r["id"].(string)] = i
			}
			if subject, ok := r["subject"].(map[string]any); ok && kind == "Encounter" {
				subjects[strings.TrimPrefix(subject["reference"].(string), "Patient/")] = true
			}
			lines[kind] = append(append(lines[kind], line...), '\n')
		}
		for _, id := range slices.Sorted(maps.Keys(subjects)) {
			if _, known := owner[id]; !known {
				owner[id] = -1
				lines["Patient"] = fmt.Appendf(lines["Patient"], `{"resourceType":"Patient","id":%q,"birthDate":"1950"}`+"\n", id)
			}
		}
	}
	dir := t.TempDir()
	for kind, text := range lines {
		if err := os.WriteFile(filepath.Join(dir, kind+".ndjson"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, _ := omoptest.Build(t, feeds.FS(), omoptest.Folder{
		Deposit: "cases", Feed: "fhir", Dir: dir, Vocabulary: os.DirFS("testdata/fhir-cases"),
		Refused: func(e intake.RowError) {
			if !e.Excluded() {
				t.Errorf("refused: %v", &e)
			}
		},
	})
	b := built{tables: map[string][]map[string]any{}, person: map[float64]int{}}
	for i, local := range slices.Sorted(maps.Keys(owner)) { // as omoptest numbers them
		b.person[float64(i+1)] = owner[local]
	}
	for _, table := range omop.Tables() {
		var text string
		if err := db.Value(t.Context(), &text, "SELECT coalesce(to_json(list(t)), '[]')::VARCHAR FROM (SELECT * FROM cdm."+table+") t"); err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		if err := json.Unmarshal([]byte(text), &rows); err != nil {
			t.Fatal(err)
		}
		b.tables[table] = rows
	}
	return b
}

// rename puts a prefix before the ids of a resource and its references.
func rename(r map[string]any, prefix string) {
	r["id"] = prefix + r["id"].(string)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if text, ok := v["reference"].(string); ok {
				v["reference"] = strings.Replace(text, "/", "/"+prefix, 1)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(r)
}

// rows are those of a case, where they are about a person, else of all cases.
func (b built) rows(table string, i int) (rows []map[string]any, own bool) {
	for _, row := range b.tables[table] {
		person, about := row["person_id"].(float64)
		if about {
			own = true
		}
		if !about || b.person[person] == i {
			rows = append(rows, row)
		}
	}
	return rows, own
}

// difference is one expected value, or a table's number of rows (column "rows").
type difference struct {
	table, column string
	want, got     any
	same          bool
}

// compare holds every expected value against the row that has the most of them.
func (b built) compare(i int, want map[string][]map[string]any) (all []difference) {
	for _, table := range omop.Tables() {
		if rows, own := b.rows(table, i); own && len(want[table]) == 0 && !strings.HasSuffix(table, "_period") && len(rows) > 0 &&
			table != "person" && table != "visit_occurrence" { // which the fixtures have
			all = append(all, difference{table, "rows", 0, len(rows), false})
		}
	}
	for table, rows := range want {
		got, own := b.rows(table, i)
		if own || len(got) == 0 {
			all = append(all, difference{table, "rows", len(rows), len(got), len(rows) == len(got)})
		}
		for _, row := range rows {
			all = append(all, b.closest(table, row, got)...)
		}
	}
	return all
}

func (b built) closest(table string, row map[string]any, got []map[string]any) (best []difference) {
	most := -1
	for _, candidate := range append(slices.Clone(got), map[string]any{}) {
		var all []difference
		n := 0
		for column, want := range row {
			if strings.HasSuffix(column, "__name") {
				continue
			}
			d := difference{table: table, column: column, want: want, got: candidate[column]}
			if d.same = b.agrees(want, candidate[column]); d.same {
				n++
			}
			all = append(all, d)
		}
		if n > most {
			most, best = n, all
		}
	}
	return best
}

// agrees compares a value. Numbers of rows are not foreseeable: that one is
// there is what is compared.
func (b built) agrees(want, got any) bool {
	if text, ok := want.(string); ok {
		if strings.HasPrefix(text, "ref:") || strings.HasPrefix(text, "id:") {
			return got != nil
		}
		if found, ok := got.(string); ok {
			return strings.Replace(found, " ", "T", 1) == strings.Replace(text, " ", "T", 1)
		}
	}
	return cmp.Equal(want, got)
}
