package scan_test

import (
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/pseudonym/scan"
)

const shared = "../../../shared/data/"

// values reads one column of a CSV file, each value once.
func values(t *testing.T, file string, comma rune, column string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skip("the real data are not at " + shared)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = comma, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], column)
	if at < 0 {
		t.Fatalf("%s has no column %s", file, column)
	}
	var all []string
	for _, row := range rows[1:] {
		all = append(all, norm.NFC.String(row[at]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// synthea gives every text of Synthea's files that a feed sends to health data, and the
// patients' names.
func syntheaTexts(t *testing.T) (texts []string, people *scan.People) {
	t.Helper()
	people = scan.NewPeople()
	for _, name := range []string{"synthea-hospital", "synthea-claims"} {
		feed, err := intake.LoadFeed(os.DirFS(filepath.Join("../../feeds", name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range feed.Order() {
			file := filepath.Join(shared, "synthea-27/csv", r.Path)
			for _, f := range r.Fields {
				if f.Role == intake.Health && f.Type == "string" {
					texts = append(texts, values(t, file, ',', f.Name)...)
				}
			}
		}
	}
	file := filepath.Join(shared, "synthea-27/csv/patients.csv")
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	first, last, maiden := slices.Index(rows[0], "FIRST"), slices.Index(rows[0], "LAST"), slices.Index(rows[0], "MAIDEN")
	for _, row := range rows[1:] {
		people.Add(strings.TrimRight(row[first], "0123456789"), strings.TrimRight(row[last], "0123456789"), strings.TrimRight(row[maiden], "0123456789"))
	}
	slices.Sort(texts)
	return slices.Compact(texts), people
}

// concepts gives names and codes of OMOP concepts.
func concepts(t *testing.T) (texts []string) {
	t.Helper()
	file := filepath.Join(shared, "omop-eunomia-gibleed/concept.parquet")
	if _, err := os.Stat(file); err != nil {
		t.Skip("the real data are not at " + shared)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(t.Context(), `WITH c AS (FROM read_parquet($file))
		SELECT concept_name FROM c UNION SELECT concept_code FROM c`, sql.Named("file", file))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

// Real labels and codes in which no person stands: what is found in them is wrong.
func TestRealTextsWithoutIdentifiers(t *testing.T) {
	french := deposit()
	synthea, theirs := syntheaTexts(t)
	for _, c := range []struct {
		name   string
		texts  []string
		people *scan.People
		most   map[scan.Rules]int // wrong findings that are known, by the rules
	}{
		{"CIM-10", values(t, shared+"schema-snds/nomenclatures/ORAVAL/IR_CIM_V.csv", ';', "CIM_LIB"), french, map[scan.Rules]int{scan.Code: 0, scan.Text: 0}},
		{"CCAM", values(t, shared+"schema-snds/nomenclatures/ATIH/IR_CCAM_V63.csv", ';', "CAM_PRS_IDE_LIB"), french, map[scan.Rules]int{scan.Code: 0, scan.Text: 0}},
		{"Synthea", synthea, theirs, map[scan.Rules]int{scan.Code: 0, scan.Text: 0}},
		{"OMOP concepts", concepts(t), theirs, map[scan.Rules]int{scan.Code: 0, scan.Text: 0}},
		{"OMOP concepts, French names", concepts(t), french, map[scan.Rules]int{scan.Code: 0, scan.Text: 0}},
	} {
		for rules, most := range c.most {
			s := scan.New(rules, c.people)
			var wrong []string
			for _, text := range c.texts {
				if f, found := s.First([]byte(text)); found {
					wrong = append(wrong, fmt.Sprintf("%s: %s", f.Kind, around(text, f.Start, f.End)))
				}
			}
			t.Logf("%s, rules %d: %d of %d", c.name, rules, len(wrong), len(c.texts))
			if len(wrong) > most {
				t.Errorf("%s, rules %d: %d of %d texts are refused wrongly, want %d or fewer:\n%s", c.name, rules, len(wrong), len(c.texts), most, strings.Join(wrong[:min(50, len(wrong))], "\n"))
			}
		}
	}
}
