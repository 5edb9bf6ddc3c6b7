package synth_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rempart.eu/rempart/synth"
)

const persons, seed = 4000, 7

// population is one population for all tests that only read.
type population struct {
	truth  synth.Truth
	tables map[string][]map[string]string // "hospital-1/patients.csv" → rows by column
}

var shared *population

func generate(t *testing.T) *population {
	t.Helper()
	if shared == nil {
		dir := t.TempDir()
		truth, err := synth.Generate(t.Context(), dir, synth.Options{Persons: persons, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		shared = &population{truth, tables(t, dir)}
	}
	return shared
}

func tables(t *testing.T, dir string) map[string][]map[string]string {
	t.Helper()
	all := map[string][]map[string]string{}
	for name, text := range texts(t, dir) {
		if !strings.HasSuffix(name, ".csv") {
			continue
		}
		r := csv.NewReader(strings.NewReader(text))
		header, err := r.Read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = nil
		for {
			line, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			row := map[string]string{}
			for i, column := range header {
				row[column] = line[i]
			}
			all[name] = append(all[name], row)
		}
	}
	return all
}

func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSameSeedSameBytes(t *testing.T) {
	first, second, other := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, seed := range map[string]uint64{first: 1, second: 1, other: 2} {
		if _, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 700, Seed: seed}); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := texts(t, first), texts(t, second), texts(t, other)
	if len(a) != 6*synth.Hospitals+5+3 {
		t.Errorf("%d files", len(a))
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs between two runs of the same seed", name)
		}
		if !strings.HasPrefix(name, "truth/") && a[name] == c[name] {
			t.Errorf("%s is the same for another seed", name)
		}
	}
}

// A person does not depend on how many others there are.
func TestLargerPopulationBeginsAlike(t *testing.T) {
	small, large := t.TempDir(), t.TempDir()
	for dir, n := range map[string]int{small: 300, large: 900} {
		if _, err := synth.Generate(t.Context(), dir, synth.Options{Persons: n, Seed: 3}); err != nil {
			t.Fatal(err)
		}
	}
	begin := texts(t, small)
	for name, text := range texts(t, large) {
		if strings.HasSuffix(name, ".csv") && !strings.HasPrefix(text, begin[name]) {
			t.Errorf("%s of 900 persons does not begin as that of 300", name)
		}
	}
}

func TestProgressCountsEveryPerson(t *testing.T) {
	last := 0
	_, err := synth.Generate(t.Context(), t.TempDir(), synth.Options{Persons: 1000, Seed: 1, Progress: func(done, total int) {
		if done <= last || total != 1000 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil || last != 1000 {
		t.Errorf("progress ended at %d: %v", last, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, n := range []int{0, -1, synth.MaxPersons + 1} {
		if _, err := synth.Generate(t.Context(), t.TempDir(), synth.Options{Persons: n}); err == nil {
			t.Errorf("%d persons were generated", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := synth.Generate(ctx, t.TempDir(), synth.Options{Persons: 100_000}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := synth.Generate(t.Context(), file, synth.Options{Persons: 10}); err == nil {
		t.Error("a population was written below a file")
	}
}

// Every key that a row refers to exists, no local number is given twice, no
// stay ends before it begins, and the truth knows every record.
func TestReferencesHold(t *testing.T) {
	p := generate(t)
	truth := map[string]map[string]string{}
	for _, row := range p.tables["truth/persons.csv"] {
		if truth[row["party"]] == nil {
			truth[row["party"]] = map[string]string{}
		}
		truth[row["party"]][row["local_key"]] = row["person"]
	}
	unique := func(table, column string) map[string]bool {
		seen := map[string]bool{}
		for _, row := range p.tables[table] {
			if row[column] == "" || seen[row[column]] {
				t.Fatalf("%s: %s %q is empty or given twice", table, column, row[column])
			}
			seen[row[column]] = true
		}
		return seen
	}
	refers := func(table, column string, to map[string]bool) {
		for i, row := range p.tables[table] {
			if !to[row[column]] {
				t.Fatalf("%s:%d: %s %q refers to nothing", table, i+2, column, row[column])
			}
		}
	}
	billed := map[string]bool{}
	for _, party := range synth.Parties()[:synth.Hospitals] {
		patients := unique(party+"/patients.csv", "patient_id")
		stays := unique(party+"/stays.csv", "stay_id")
		if len(patients) != len(truth[party]) {
			t.Errorf("%s: %d patients, truth knows %d", party, len(patients), len(truth[party]))
		}
		for patient := range patients {
			if truth[party][patient] == "" {
				t.Errorf("%s: truth does not know patient %s", party, patient)
			}
		}
		refers(party+"/stays.csv", "patient_id", patients)
		for _, file := range []string{"diagnoses", "procedures", "drugs", "observations"} {
			refers(party+"/"+file+".csv", "patient_id", patients)
			refers(party+"/"+file+".csv", "stay_id", stays)
		}
		for i, row := range p.tables[party+"/stays.csv"] {
			billed[row["stay_id"]] = true
			if row["exit"] < row["entry"] || row["entry"] < "2020-12" || row["exit"] >= "2025-01-01" {
				t.Errorf("%s stays:%d: from %s to %s", party, i+2, row["entry"], row["exit"])
			}
		}
	}
	beneficiaries := unique("insurer/beneficiaries.csv", "beneficiary_id")
	for file, id := range map[string]string{"care": "line_id", "dispensations": "line_id", "coverage": "coverage_id", "stays": "stay_id"} {
		unique("insurer/"+file+".csv", id)
		refers("insurer/"+file+".csv", "beneficiary_id", beneficiaries)
	}
	alone := 0
	for _, row := range p.tables["insurer/stays.csv"] {
		if !billed[row["stay_id"]] {
			alone++
		}
	}
	if want := p.truth.Errors["stay: insurer only"]; alone > want || alone < want*9/10 { // some of them reached neither
		t.Errorf("%d stays are the insurer's alone, of %d that hospitals lost", alone, want)
	}
	if len(beneficiaries) != p.truth.Insured {
		t.Errorf("%d beneficiaries, the summary says %d", len(beneficiaries), p.truth.Insured)
	}
	for name, rows := range p.tables {
		if p.truth.Rows[name] != len(rows) {
			t.Errorf("%s: %d rows, the summary says %d", name, len(rows), p.truth.Rows[name])
		}
	}
}

// The truth names every stay once a party, gives it to the person whose record it is under, and
// gives the same number to the same stay.
func TestTruthOfStays(t *testing.T) {
	p := generate(t)
	person, of := map[string]string{}, map[string]map[string]string{}
	for _, row := range p.tables["truth/persons.csv"] {
		person[row["party"]+" "+row["local_key"]] = row["person"]
	}
	kept, both := map[string]int{}, 0
	for _, row := range p.tables["truth/stays.csv"] {
		key := row["party"] + " " + row["stay"]
		if of[key] != nil {
			t.Fatalf("%s is told twice", key)
		}
		of[key] = row
		if kept[row["true_stay"]]++; kept[row["true_stay"]] == 2 {
			both++
		}
	}
	told := 0
	for _, party := range synth.Parties() {
		column := "patient_id"
		if party == "insurer" {
			column = "beneficiary_id"
		}
		for _, row := range p.tables[party+"/stays.csv"] {
			told++
			truth := of[party+" "+row["stay_id"]]
			if truth == nil || truth["person"] != person[party+" "+row[column]] {
				t.Fatalf("%s stay %s of %s: the truth says %v", party, row["stay_id"], row[column], truth)
			}
		}
	}
	if told != len(of) {
		t.Errorf("the truth tells of %d stays, there are %d", len(of), told)
	}
	if share := float64(both) / float64(len(kept)); share < 0.95 || share > 0.99 {
		t.Errorf("%.3f of the stays are kept on both sides", share)
	}
}

// Without rates there are no errors but those of the laboratory.
func TestNoRatesNoErrors(t *testing.T) {
	truth, err := synth.Generate(t.Context(), t.TempDir(), synth.Options{Persons: 500, Seed: 2, Rates: &synth.Rates{}})
	if err != nil {
		t.Fatal(err)
	}
	if n := sum(truth.Errors); n != 0 {
		t.Errorf("%d errors: %v", n, truth.Errors)
	}
}

// A hospital without national identifiers differs from what it would be in that column alone.
func TestAHospitalWithoutNIR(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	for dir, hospitals := range map[string][]string{with: nil, without: {"hospital-2"}} {
		if _, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 300, Seed: 2, WithoutNIR: hospitals}); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(with, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(with, path)
		a, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(without, name))
		if err != nil {
			return err
		}
		if name == filepath.Join("hospital-2", "patients.csv") {
			a = regexp.MustCompile(`(?m)^([^,]+),\d[0-9AB]+,`).ReplaceAll(a, []byte("$1,,"))
			if bytes.Count(a, []byte("\n")) < 20 {
				t.Errorf("%s has few rows", name)
			}
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := synth.Generate(t.Context(), t.TempDir(), synth.Options{Persons: 3, WithoutNIR: []string{"hospital-9"}}); err == nil || !strings.Contains(err.Error(), `no hospital "hospital-9"`) {
		t.Errorf("a hospital that there is not: %v", err)
	}
}

func TestReadRates(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"nir_missing: 0.5\n":       "",
		"nir_mising: 0.5\n":        `there is no rate "nir_mising": did you mean "nir_missing"?`,
		"stay_day_off: 1.5\n":      "rates are chances from 0 to 1: stay_day_off is 1.5",
		"twins: -0.1\n":            "rates are chances from 0 to 1: twins is -0.1",
		"twins: .nan\n":            "rates are chances from 0 to 1: twins is NaN",
		"twins: many\n":            "rates are a name and a chance a line",
		"twins: 0.1\ntwins: 0.2\n": "rates are a name and a chance a line",
	} {
		_, err := synth.ReadRates(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	var text strings.Builder
	want := synth.DefaultRates()
	want.NIRMissing, want.Twins = 0.5, 0
	if err := want.WriteYAML(&text); err != nil {
		t.Fatal(err)
	}
	if got, err := synth.ReadRates(strings.NewReader(text.String())); err != nil || got != want {
		t.Errorf("written and read again: %+v, %v", got, err)
	}
}

// Nothing is recorded of a person before the birth or after the death.
func TestNobodyIsTreatedBeforeBirthOrAfterDeath(t *testing.T) {
	p := generate(t)
	type span struct{ from, to string }
	lives := map[string]span{}
	for _, row := range p.tables["insurer/beneficiaries.csv"] {
		to := row["death_date"]
		if to == "" {
			to = "9999"
		}
		lives[row["beneficiary_id"]] = span{row["birth_date"], to}
	}
	for file, column := range map[string]string{"care": "date", "dispensations": "date", "stays": "exit"} {
		outside := 0
		for _, row := range p.tables["insurer/"+file+".csv"] {
			if l := lives[row["beneficiary_id"]]; row[column] < l.from || row[column] > l.to {
				outside++
			}
		}
		// Birth dates are recorded wrongly for one in a thousand: a row or two may look early.
		if outside > len(p.tables["insurer/"+file+".csv"])/500 {
			t.Errorf("%s: %d rows outside of the person's life", file, outside)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	rows := 0
	for b.Loop() {
		truth, err := synth.Generate(b.Context(), b.TempDir(), synth.Options{Persons: 2000, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		rows += sum(truth.Rows)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
