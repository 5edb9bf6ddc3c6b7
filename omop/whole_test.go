package omop_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// nothing is a folder of vocabulary files without a row.
var nothing = fstest.MapFS{
	"CONCEPT.csv":              {Data: []byte("concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,standard_concept,concept_code,valid_start_date,valid_end_date,invalid_reason\n")},
	"CONCEPT_RELATIONSHIP.csv": {Data: []byte("concept_id_1,concept_id_2,relationship_id,valid_start_date,valid_end_date,invalid_reason\n")},
}

// wholeOf makes tables of a folder of vocabulary files, as a loaded vocabulary is.
func wholeOf(t testing.TB, db *engine.DB, folder fs.FS) map[string]string {
	t.Helper()
	whole := map[string]string{}
	for _, table := range []string{"concept", "concept_relationship", "concept_ancestor", "vocabulary"} {
		text, err := fs.ReadFile(folder, strings.ToUpper(table)+".csv")
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(text), "\n")
		var columns []engine.Column
		for name := range strings.SplitSeq(strings.TrimSpace(header), ",") {
			columns = append(columns, engine.Column{Name: name, Type: "VARCHAR"})
		}
		if err := db.LoadCSV(t.Context(), "all_"+table, columns, bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		whole[table] = "all_" + table
	}
	return whole
}

// TestALoadedVocabularyMapsAsItsFilesDo: of a loaded vocabulary only what is used is taken,
// and the release is the same as if all of it had been.
func TestALoadedVocabularyMapsAsItsFilesDo(t *testing.T) {
	folders := syntheaFolders(t)
	byFiles, _ := omoptest.Build(t, feeds.FS(), folders...)
	vocabulary := folders[0].Vocabulary
	for i := range folders {
		folders[i].Vocabulary = nothing
	}
	loaded := omoptest.Open(t)
	in := omoptest.Load(t, loaded, feeds.FS(), folders...)
	in.Vocabulary = wholeOf(t, loaded, vocabulary)
	if _, err := omop.Build(t.Context(), loaded, in, nil); err != nil {
		t.Fatal(err)
	}
	for _, table := range omop.Tables() {
		if want, got := exported(t, byFiles, table), exported(t, loaded, table); want != got {
			t.Errorf("%s differs: %d bytes, want %d", table, len(got), len(want))
		}
	}
}

func exported(t *testing.T, db *engine.DB, table string) string {
	t.Helper()
	var out bytes.Buffer
	if err := db.CopyOut(t.Context(), omop.Select(table), engine.CSV, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestALocalMapSpeaksAlone: of a code that it has, before the vocabulary and before maps
// that came earlier; of an invalid row, and of a concept that is not standard, it does not.
func TestALocalMapSpeaksAlone(t *testing.T) {
	for _, c := range []struct {
		about string
		maps  []string // rows of each
		want  string   // concepts of the code, and rows of the release's source_to_concept_map
	}{
		{"no map", nil, "0: 0"},
		{"a map", []string{"(77, NULL)"}, "77: 1"},
		{"a later map", []string{"(77, NULL)", "(78, NULL)"}, "78: 1"},
		{"two concepts", []string{"(77, NULL), (78, NULL)"}, "77 78: 2"},
		{"an invalid row", []string{"(77, 'D')"}, "0: 0"},
		{"not standard", []string{"(79, NULL)"}, "0: 0"},
		{"a concept that nobody knows", []string{"(80, NULL)"}, "0: 0"},
	} {
		t.Run(c.about, func(t *testing.T) {
			db := omoptest.Open(t)
			in := omoptest.Load(t, db, oneFeed(), omoptest.Folder{Deposit: "d", Feed: "one", Dir: oneDelivery(t), Vocabulary: fstest.MapFS{
				"CONCEPT_RELATIONSHIP.csv": nothing["CONCEPT_RELATIONSHIP.csv"],
				"CONCEPT.csv": {Data: []byte(string(nothing["CONCEPT.csv"].Data) +
					"77,Flu,Condition,SNOMED,Disorder,S,f,1970-01-01,2099-12-31,\n78,Cold,Condition,SNOMED,Disorder,S,c,1970-01-01,2099-12-31,\n79,Old,Condition,SNOMED,Disorder,,o,1970-01-01,2099-12-31,\n")},
			}})
			for i, rows := range c.maps {
				if err := db.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE map%d AS SELECT 'X1' AS source_code, 0 AS source_concept_id, 'LOCAL' AS source_vocabulary_id, 'x' AS source_code_description,
					target_concept_id, 'SNOMED' AS target_vocabulary_id, DATE '1970-01-01' AS valid_start_date, DATE '2099-12-31' AS valid_end_date, invalid_reason FROM (VALUES %s) t(target_concept_id, invalid_reason)`, i, rows)); err != nil {
					t.Fatal(err)
				}
				in.Maps = append(in.Maps, fmt.Sprintf("map%d", i))
			}
			if _, err := omop.Build(t.Context(), db, in, nil); err != nil {
				t.Fatal(err)
			}
			var got string
			if err := db.Value(t.Context(), &got, "SELECT string_agg(condition_concept_id, ' ' ORDER BY condition_concept_id) || ': ' || (SELECT count(*) FROM cdm.source_to_concept_map) FROM cdm.condition_occurrence"); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// oneFeed is a feed of one table, whose codes are local.
func oneFeed() fs.FS {
	return fstest.MapFS{
		"one/datapackage.json": {Data: []byte(`{"name": "one", "title": "One", "version": "1", "rempart": {"kind": "hospital", "vocabularies": ["LOCAL"]}, "resources": [
			{"name": "people", "path": "people.csv", "schema": {"fields": [{"name": "id", "type": "string", "rempart": {"role": "person"}}, {"name": "code", "type": "string"}]}}]}`)},
		"one/map/person.sql":       {Data: []byte("SELECT DISTINCT person_id, 8507 AS gender_concept_id, 1980 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id, 'people' AS source_table, line AS source_line FROM people")},
		"one/map/event.people.sql": {Data: []byte("SELECT person_id, 'Condition' AS domain_id, 'LOCAL' AS vocabulary_id, code AS concept_code, 32817 AS type_concept_id, DATE '2024-01-01' AS start_date, 'people' AS source_table, line AS source_line FROM people")},
	}
}

func oneDelivery(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/people.csv", []byte("id,code\n1,X1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// BenchmarkWholeVocabulary builds from the 27 patients and a loaded vocabulary of CONCEPTS
// (default 100,000) concepts of fifty vocabularies, twice as many relationships and five
// times as many ancestors besides the patients' own, and tells by how much memory grew at
// most beyond the vocabulary's own files.
func BenchmarkWholeVocabulary(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("CONCEPTS"))
	if err != nil {
		n = 100_000
	}
	folders := syntheaFolders(b)
	vocabulary := folders[0].Vocabulary
	for i := range folders {
		folders[i].Vocabulary = nothing
	}
	for b.Loop() {
		b.StopTimer()
		db := omoptest.Open(b)
		in := omoptest.Load(b, db, feeds.FS(), folders...)
		in.Vocabulary = wholeOf(b, db, vocabulary)
		bundle(b, db, in.Vocabulary, n)
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
			b.Fatal(err)
		}
		before := memory(b, "VmRSS")
		b.StartTimer()
		if _, err := omop.Build(b.Context(), db, in, nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(memory(b, "VmHWM")-before, "MiB-more")
	}
}

// bundle puts generated rows beside those of a vocabulary, as Parquet in memory.
func bundle(b *testing.B, db *engine.DB, whole map[string]string, n int) {
	b.Helper()
	const first = 1_000_000_000
	for table, more := range map[string]string{
		"concept": fmt.Sprintf(`SELECT %[1]d + i AS concept_id, 'Some clinical drug ' || i || ' 500 MG Oral Tablet [Brand] by Maker' AS concept_name, 'Drug' AS domain_id, 'VOCABULARY ' || i %% 50 AS vocabulary_id,
			'Marketed Product' AS concept_class_id, 'S' AS standard_concept, 'OMOP' || i AS concept_code, '1970-01-01' AS valid_start_date, '2099-12-31' AS valid_end_date, NULL AS invalid_reason FROM range(%[2]d) r(i)`, first, n),
		"concept_relationship": fmt.Sprintf(`SELECT %[1]d + i // 2 AS concept_id_1, %[1]d + (i + 7) %% %[2]d AS concept_id_2, 'Maps to' AS relationship_id, '1970-01-01' AS valid_start_date, '2099-12-31' AS valid_end_date, NULL AS invalid_reason FROM range(2 * %[2]d) r(i)`, first, n),
		"concept_ancestor":     fmt.Sprintf(`SELECT %[1]d + (i * 7919) %% %[2]d AS ancestor_concept_id, %[1]d + i // 5 AS descendant_concept_id, 1 AS min_levels_of_separation, 1 AS max_levels_of_separation FROM range(5 * %[2]d) r(i)`, first, n),
	} {
		f, err := engine.LoadFile(table, func(w io.Writer) error {
			return db.CopyOut(b.Context(), "SELECT * FROM "+whole[table]+" UNION ALL BY NAME SELECT COLUMNS(*)::VARCHAR FROM ("+more+")", engine.Parquet, w)
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
		whole[table] = "read_parquet(" + engine.Literal(f.Path()) + ")"
	}
}

// memory is a figure of this process, in MiB.
func memory(b *testing.B, figure string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if _, err := fmt.Sscanf(line, figure+": %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	b.Fatalf("/proc/self/status has no %s", figure)
	return 0
}
