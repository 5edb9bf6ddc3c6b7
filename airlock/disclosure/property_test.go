package disclosure_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
)

// countNames are names that people and engines give to columns of counts.
var countNames = []string{
	"n", "N", "count", "count_star()", `count(DISTINCT person_id)`, "COUNT(*)", "persons", "n_persons", "nPatients",
	"num_events", "nb", "nb_sejours", "Effectif", "effectifs", "Décès (n)", "patients_n", "deaths", "n_2020",
	"number of stays", "total", "cases", "frequency", "N obs.", "hospitalisations", "sum(n)", "population",
}

// spellings write the same number in another way.
var spellings = []func(n int) string{
	func(n int) string { return fmt.Sprint(n) },
	func(n int) string { return fmt.Sprintf("%d.0", n) },
	func(n int) string { return fmt.Sprintf(" %d ", n) },
	func(n int) string { return fmt.Sprintf("%e", float64(n)) },
	func(n int) string { return fmt.Sprintf("+%d", n) },
	func(n int) string { return fmt.Sprintf("%d (4.2 %%)", n) },
	func(n int) string {
		return strings.Map(func(r rune) rune { return r - '0' + '０' }, fmt.Sprint(n))
	},
}

// TestASmallCountNeverPasses builds tables whose counts are all large or zero,
// which must not be refused, and plants one small count, which must be found in
// its line and column.
func TestASmallCountNeverPasses(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 73))
		rules := disclosure.Standard(2 + random.IntN(20))
		rows := countTable(random, rules.MinimumCell)
		name, delimiter := "t.csv", []rune{',', ';', '\t', '|'}[random.IntN(4)]
		if report := check(t, name, written(t, rows, delimiter), rules); report.Verdict == disclosure.Refused {
			t.Fatalf("seed %d: refused without a small count:\n%s\n%q", seed, describe(report, true), rows)
		}
		row, column := 1+random.IntN(len(rows)-1), 1+random.IntN(len(rows[0])-1)
		small := 1 + random.IntN(rules.MinimumCell-1)
		rows[row][column] = spellings[random.IntN(len(spellings))](small)
		report := check(t, name, written(t, rows, delimiter), rules)
		if !slices.ContainsFunc(report.Findings, func(f disclosure.Finding) bool {
			return f.Rule == "small-count" && f.Severity == disclosure.Refuse && f.Line == row+1 && f.Column == column+1
		}) || report.Verdict != disclosure.Refused {
			t.Fatalf("seed %d: %d in row %d, column %d was not found:\n%s\n%q", seed, small, row, column, describe(report, true), rows)
		}
	}
}

// countTable is a header and rows of one label and counts of 0 or at least minimum.
func countTable(random *rand.Rand, minimum int) [][]string {
	width, height := 1+random.IntN(4), 1+random.IntN(12)
	header := []string{"diagnosis"}
	for _, i := range random.Perm(len(countNames))[:width] {
		header = append(header, countNames[i])
	}
	rows := [][]string{header}
	for i := range height {
		row := []string{fmt.Sprintf("diagnosis %c", 'a'+i)}
		for range width {
			n := minimum + random.IntN(100_000)
			if random.IntN(10) == 0 {
				n = 0
			}
			row = append(row, spellings[random.IntN(len(spellings))](n))
		}
		rows = append(rows, row)
	}
	return rows
}

func written(t *testing.T, rows [][]string, delimiter rune) []byte {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = delimiter
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// TestRowLevelDataIsRefused holds the check against data sets of persons, some
// of them k-anonymous, that others published.
func TestRowLevelDataIsRefused(t *testing.T) {
	const folder = "../../../shared/data/testvectors/pycanon"
	files, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the published data sets are not here: " + folder)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if report := check(t, filepath.Base(file), data, disclosure.Standard(11)); report.Verdict != disclosure.Refused {
			t.Errorf("%s may pass: %s", filepath.Base(file), describe(report, true))
		}
	}
}

// FuzzCheck looks for a panic, for a report that quotes a secret, and for a way
// to hide a small count before or behind other rows.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{"a.csv", "a.tsv", "a.json", "a.txt", "a.svg", "a.png", "a.safetensors", "a.bin"} {
		f.Add(name, []byte("sex,persons\nF,3\nTotal,300\n"))
	}
	f.Add("a.json", []byte(`{"n": 3, "counts": [{"a": 1e1}, {"b": null}], "columns": [1], "data": [[2]]}`))
	f.Add("a.svg", []byte(`<svg><use href="#a"/><!----></svg>`))
	f.Add("a.csv", []byte("\xff\xfea\x00\n\x00"))
	f.Add("a.md", []byte("| a | n |\n|---|---|\n| x | 3 |\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		rules := disclosure.Standard(11)
		report := check(t, name, data, rules)
		if (report.Verdict == disclosure.Refused) != slices.ContainsFunc(report.Findings, func(f disclosure.Finding) bool {
			return f.Severity == disclosure.Refuse
		}) {
			t.Errorf("%q: the verdict does not follow from the findings: %s", name, describe(report, true))
		}
		for _, finding := range report.Findings {
			if finding.Message == "" || finding.Rule == "" {
				t.Errorf("%q: a finding without words: %+v", name, finding)
			}
		}
	})
}

// FuzzLabels puts any text beside a small count: the file must be refused.
func FuzzLabels(f *testing.F) {
	f.Add("diagnosis", "asthma")
	f.Add("", `"`)
	f.Add("total", "Total")
	f.Add("a;b", "1;2")
	f.Fuzz(func(t *testing.T, header, label string) {
		var b strings.Builder
		w := csv.NewWriter(&b)
		if err := w.WriteAll([][]string{{header, "persons"}, {label, "3"}, {"b", "300"}}); err != nil {
			t.Skip("not writable")
		}
		if report := check(t, "a.csv", []byte(b.String()), disclosure.Standard(11)); report.Verdict != disclosure.Refused {
			t.Errorf("passes: %q\n%s", b.String(), describe(report, true))
		}
	})
}
