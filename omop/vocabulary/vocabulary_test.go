package vocabulary_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop/vocabulary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const conceptHeader = "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\tvalid_start_date\tvalid_end_date\tinvalid_reason\n"

// bundle is the least that is one.
func bundle(changed map[string]string) map[string]string {
	files := map[string]string{
		"CONCEPT.csv": conceptHeader +
			"1\tAcute \"heart\" attack\tCondition\tSNOMED\tDisorder\tS\t22298006\t20020131\t20991231\t\n" +
			"2\tInfarctus\tCondition\tICD10\tICD10 code\t\tI21\t20020131\t20991231\t\n" +
			"3\tOld\tCondition\tICD10\tICD10 code\t\tI2X\t20020131\t20101231\tD\n",
		"CONCEPT_RELATIONSHIP.csv": "concept_id_1\tconcept_id_2\trelationship_id\tvalid_start_date\tvalid_end_date\tinvalid_reason\n2\t1\tMaps to\t20020131\t20991231\t\n",
		"VOCABULARY.csv":           "vocabulary_id\tvocabulary_name\tvocabulary_reference\tvocabulary_version\tvocabulary_concept_id\nNone\tOMOP Standardized Vocabularies\tOMOP generated\tv5.0 30-AUG-24\t44819096\nSNOMED\tSNOMED CT\t\t2024-02-01\t44819097\n",
	}
	for name, text := range changed {
		files[name] = text
	}
	return files
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads every table, and gives the rows of each as CSV, and what was refused.
func load(t *testing.T, name string) (tables map[string]string, refused []string, summary vocabulary.Summary) {
	t.Helper()
	b, err := vocabulary.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables = map[string]string{}
	for _, table := range vocabulary.Tables() {
		if !b.Has(table) {
			continue
		}
		var counts vocabulary.Loaded
		before := len(refused)
		f, err := engine.LoadFile("t", func(w io.Writer) (err error) {
			counts, err = b.Load(t.Context(), table, w, func(r vocabulary.Refused) error {
				refused = append(refused, r.Error())
				return nil
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if counts.Rows != counts.Accepted+counts.Refused || counts.Refused != int64(len(refused)-before) {
			t.Errorf("%s: %d rows, %d accepted, %d refused, %d told", table.Name, counts.Rows, counts.Accepted, counts.Refused, len(refused)-before)
		}
		var text bytes.Buffer
		if err := db.CopyOut(t.Context(), "FROM read_parquet("+engine.Literal(f.Path())+")", engine.CSV, &text); err != nil {
			t.Fatal(err)
		}
		tables[table.Name] = text.String()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return tables, refused, b.Summary()
}

func TestABundleAsAthenaWritesIt(t *testing.T) {
	tables, refused, summary := load(t, folder(t, bundle(nil)))
	if len(refused) > 0 {
		t.Error(refused)
	}
	want := "concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,standard_concept,concept_code,valid_start_date,valid_end_date,invalid_reason\n" +
		"1,\"Acute \"\"heart\"\" attack\",Condition,SNOMED,Disorder,S,22298006,2002-01-31,2099-12-31,\n" +
		"2,Infarctus,Condition,ICD10,ICD10 code,,I21,2002-01-31,2099-12-31,\n" +
		"3,Old,Condition,ICD10,ICD10 code,,I2X,2002-01-31,2010-12-31,D\n"
	if diff := cmp.Diff(want, tables["concept"]); diff != "" {
		t.Error(diff)
	}
	if summary.Version != "v5.0 30-AUG-24" || *summary.Vocabularies["ICD10"] != (vocabulary.Counts{Concepts: 2, Invalid: 1}) || *summary.Vocabularies["SNOMED"] != (vocabulary.Counts{Version: "2024-02-01", Concepts: 1, Standard: 1}) {
		t.Errorf("summary %+v", summary)
	}
}

func TestCommasAndAnyOrderOfColumns(t *testing.T) {
	tables, refused, _ := load(t, folder(t, bundle(map[string]string{
		"CONCEPT_RELATIONSHIP.csv": "\ufeffRelationship_id,concept_id_1,concept_id_2,valid_start_date,valid_end_date,invalid_reason\r\n\"Maps to\",2,1,2002-01-31,2099-12-31,\r\n",
	})))
	if want := "concept_id_1,concept_id_2,relationship_id,valid_start_date,valid_end_date,invalid_reason\n2,1,Maps to,2002-01-31,2099-12-31,\n"; tables["concept_relationship"] != want || len(refused) > 0 {
		t.Errorf("got %q, refused %q", tables["concept_relationship"], refused)
	}
}

func TestAZIPWithAFolderInIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bundle.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for file, text := range bundle(nil) {
		w, err := z.Create("vocabulary_download/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	inZIP, _, _ := load(t, name)
	inFolder, _, _ := load(t, folder(t, bundle(nil)))
	if diff := cmp.Diff(inFolder, inZIP); diff != "" {
		t.Error(diff)
	}
}

// TestEachRowIsAcceptedOrRefused says why, with file, line and field.
func TestEachRowIsAcceptedOrRefused(t *testing.T) {
	good := "9\tn\tCondition\tICD10\tc\t\tI9\t20020131\t20991231\t\n"
	for _, c := range []struct{ about, row, want string }{
		{"a number that is none", strings.Replace(good, "9\t", "x9\t", 1), `CONCEPT.csv:5: concept_id: want a whole number, got "x9"`},
		{"a number that is too large", strings.Replace(good, "9\t", "99999999999\t", 1), `CONCEPT.csv:5: concept_id: want a whole number, got "99999999999"`},
		{"a concept that was there", strings.Replace(good, "9\t", "1\t", 1), "CONCEPT.csv:5: concept_id: the concept 1 was there before"},
		{"nothing where a value is needed", strings.Replace(good, "\tn\t", "\t\t", 1), "CONCEPT.csv:5: concept_name: a value is needed"},
		{"a text that is too long", strings.Replace(good, "\tn\t", "\t"+strings.Repeat("é", 256)+"\t", 1), "CONCEPT.csv:5: concept_name: has 256 characters, at most 255 are allowed"},
		{"another encoding", strings.Replace(good, "\tn\t", "\tm\xe9decin\t", 1), "CONCEPT.csv:5: concept_name: is not UTF-8"},
		{"no date", strings.Replace(good, "20020131", "31/01/2002", 1), `CONCEPT.csv:5: valid_start_date: want a date, 19700101 or 1970-01-01, got "31/01/2002"`},
		{"no day of the calendar", strings.Replace(good, "20020131", "20020231", 1), `CONCEPT.csv:5: valid_start_date: want a date, 19700101 or 1970-01-01, got "20020231"`},
		{"too few fields", "9\tn\n", "CONCEPT.csv:5: : has 2 fields, the header has 10"},
		{"a line without an end", strings.Repeat("x", 2<<20) + "\n", "CONCEPT.csv:5: : the line is longer than 1048576 bytes"},
	} {
		t.Run(c.about, func(t *testing.T) {
			files := bundle(nil)
			files["CONCEPT.csv"] += c.row + good[:len(good)-1] // the last line has no end
			tables, refused, _ := load(t, folder(t, files))
			if len(refused) != 1 || refused[0] != c.want {
				t.Errorf("refused %q, want %q", refused, c.want)
			}
			if !strings.Contains(tables["concept"], "\n9,n,Condition") {
				t.Error("the row behind was lost")
			}
		})
	}
}

func TestRowsAreAboutConceptsThatAreThere(t *testing.T) {
	_, refused, _ := load(t, folder(t, bundle(map[string]string{
		"CONCEPT_ANCESTOR.csv": "ancestor_concept_id\tdescendant_concept_id\tmin_levels_of_separation\tmax_levels_of_separation\n1\t1\t0\t0\n7\t1\t1\t1\n",
	})))
	if diff := cmp.Diff([]string{"CONCEPT_ANCESTOR.csv:3: ancestor_concept_id: there is no concept 7 in CONCEPT.csv"}, refused); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoBundle(t *testing.T) {
	for _, c := range []struct{ about, name, want string }{
		{"no file of concepts", folder(t, bundle(map[string]string{"CONCEPT.csv": ""})), "there is no file CONCEPT.csv"},
		{"nothing", filepath.Join(t.TempDir(), "none"), "no such file"},
		{"no ZIP", filepath.Join(folder(t, bundle(nil)), "CONCEPT.csv"), "want a folder or a ZIP"},
	} {
		t.Run(c.about, func(t *testing.T) {
			if _, err := vocabulary.Open(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want: %s", err, c.want)
			}
		})
	}
}

func TestAColumnThatIsMissing(t *testing.T) {
	b, err := vocabulary.Open(folder(t, bundle(map[string]string{"CONCEPT.csv": strings.Replace(conceptHeader, "domain_id\t", "", 1)})))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Load(t.Context(), vocabulary.Tables()[0], io.Discard, nil)
	if err == nil || !strings.Contains(err.Error(), "CONCEPT.csv: column domain_id is missing") {
		t.Error(err)
	}
}

// TestRowsKeepTheirOrder also goes through several batches.
func TestRowsKeepTheirOrder(t *testing.T) {
	var text strings.Builder
	text.WriteString(conceptHeader)
	for i := range 30000 {
		fmt.Fprintf(&text, "%d\tn\tCondition\tICD10\tc\t\tI9\t20020131\t20991231\t\n", i)
	}
	tables, refused, summary := load(t, folder(t, bundle(map[string]string{"CONCEPT.csv": text.String()})))
	if len(refused) != 0 || summary.Vocabularies["ICD10"].Concepts != 30000 {
		t.Errorf("refused %d, counted %d", len(refused), summary.Vocabularies["ICD10"].Concepts)
	}
	for i, line := range strings.Split(strings.TrimSpace(tables["concept"]), "\n")[1:] {
		if !strings.HasPrefix(line, fmt.Sprintf("%d,", i)) {
			t.Fatalf("row %d is %s", i, line)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(bundle(nil)["CONCEPT.csv"])
	f.Add("concept_id,concept_name\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := vocabulary.Open(folder(t, bundle(map[string]string{"CONCEPT.csv": text + "\n"})))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var refused int64
		counts, err := b.Load(t.Context(), vocabulary.Tables()[0], io.Discard, func(vocabulary.Refused) error { refused++; return nil })
		if err == nil && (counts.Rows != counts.Accepted+counts.Refused || counts.Refused != refused) {
			t.Errorf("%+v, %d told", counts, refused)
		}
	})
}
