package synth_test

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
	if len(a) != 6*synth.Hospitals+5+1 {
		t.Errorf("%d files", len(a))
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs between two runs of the same seed", name)
		}
		if name != "truth/persons.csv" && a[name] == c[name] {
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
		if !strings.HasPrefix(text, begin[name]) {
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
	refers("insurer/stays.csv", "stay_id", billed)
	if len(beneficiaries) != p.truth.Insured {
		t.Errorf("%d beneficiaries, the summary says %d", len(beneficiaries), p.truth.Insured)
	}
	for name, rows := range p.tables {
		if p.truth.Rows[name] != len(rows) {
			t.Errorf("%s: %d rows, the summary says %d", name, len(rows), p.truth.Rows[name])
		}
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

// Rates lie where the package's documentation says. The seed is fixed: the
// bounds are four standard errors or wider, and hold for other seeds too.
func TestRates(t *testing.T) {
	p := generate(t)
	count := func(suffix string, when func(map[string]string) bool) float64 {
		n := 0
		for name, rows := range p.tables {
			if strings.HasSuffix(name, suffix) && !(strings.HasPrefix(suffix, "/") && strings.HasPrefix(name, "insurer")) {
				for _, row := range rows {
					if when(row) {
						n++
					}
				}
			}
		}
		return float64(n)
	}
	all := func(map[string]string) bool { return true }
	is := func(column, value string) func(map[string]string) bool {
		return func(row map[string]string) bool { return row[column] == value }
	}
	inMonths := func(months ...time.Month) func(map[string]string) bool {
		return func(row map[string]string) bool {
			d, err := time.Parse(time.DateOnly, row["date"][:10])
			for _, m := range months {
				if err == nil && d.Month() == m {
					return true
				}
			}
			return false
		}
	}
	and := func(a, b func(map[string]string) bool) func(map[string]string) bool {
		return func(row map[string]string) bool { return a(row) && b(row) }
	}
	hospitalPersons := float64(p.truth.InHospital)
	patients := count("/patients.csv", all)
	stays := count("/stays.csv", all)
	diagnoses := count("/diagnoses.csv", all)
	insurerLines := 0.0
	for name, rows := range p.tables {
		if strings.HasPrefix(name, "insurer/") {
			insurerLines += float64(len(rows))
		}
	}
	beneficiaries := count("insurer/beneficiaries.csv", all)
	infections := and(is("atc", "J01CA04"), inMonths(12, 1, 2))
	for _, c := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"persons with a hospital record", hospitalPersons / persons, 0.52, 0.58},
		{"of these at several hospitals", float64(p.truth.InSeveral) / hospitalPersons, 0.04, 0.14},
		{"persons insured", float64(p.truth.Insured) / persons, 0.975, 0.995},
		{"stays a hospital person", stays / hospitalPersons, 1.6, 2.4},
		{"diagnoses a stay", diagnoses / stays, 2.5, 3.5},
		{"insurer rows a person", insurerLines / persons, 10, 14},
		{"hospital records without a NIR", count("/patients.csv", is("nir", "")) / patients, 0.055, 0.105},
		{"insurer records without a NIR", count("insurer/beneficiaries.csv", is("nir", "")) / beneficiaries, 0.004, 0.018},
		{"women among beneficiaries", count("insurer/beneficiaries.csv", is("sex", "F")) / beneficiaries, 0.48, 0.55},
		{"deaths in four years", count("insurer/beneficiaries.csv", func(r map[string]string) bool { return r["death_date"] != "" }) / beneficiaries, 0.022, 0.055},
		{"winter share of amoxicillin", count("insurer/dispensations.csv", infections) / count("insurer/dispensations.csv", is("atc", "J01CA04")), 0.4, 0.7},
		{"vaccines in October to December", count("insurer/dispensations.csv", and(is("atc", "J07BB02"), inMonths(10, 11, 12))) / count("insurer/dispensations.csv", is("atc", "J07BB02")), 1, 1},
		{"deliveries a thousand persons", 1000 * count("/diagnoses.csv", func(r map[string]string) bool { return strings.HasPrefix(r["code"], "O8") }) / persons, 25, 60},
		{"deaths of stays", count("/stays.csv", is("exit_mode", "death")) / stays, 0.005, 0.04},
		{"identity errors a record", float64(sum(p.truth.Errors)) / (patients + beneficiaries), 0.05, 0.25},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %.4f, want %.4f to %.4f", c.what, c.got, c.low, c.high)
		}
	}
	for kind, n := range p.truth.Errors {
		if n == 0 {
			t.Errorf("no %q", kind)
		}
	}
}

func sum(of map[string]int) int {
	n := 0
	for _, v := range of {
		n += v
	}
	return n
}

// Every identity number is of the right form; its key fits unless it was mistyped;
// the right ones belong to one person each.
func TestIdentityNumbers(t *testing.T) {
	p := generate(t)
	truth := map[string]string{}
	for _, row := range p.tables["truth/persons.csv"] {
		truth[row["party"]+row["local_key"]] = row["person"]
	}
	owner := map[string]string{}
	wrong, corsican := 0, 0
	check := func(party, nir, localKey string) {
		if nir == "" {
			return
		}
		if len(nir) != 15 {
			t.Fatalf("%s: identity number %q", party, nir)
		}
		if strings.ContainsAny(nir, "AB") {
			corsican++
		}
		if !fits(nir) {
			wrong++
			return
		}
		person := truth[party+localKey]
		if other := owner[nir]; other != "" && other != person {
			t.Errorf("%s is the number of persons %s and %s", nir, other, person)
		}
		owner[nir] = person
	}
	records := 0
	for _, party := range synth.Parties()[:synth.Hospitals] {
		for _, row := range p.tables[party+"/patients.csv"] {
			check(party, row["nir"], row["patient_id"])
			records++
		}
	}
	for _, row := range p.tables["insurer/beneficiaries.csv"] {
		check("insurer", row["nir"], row["beneficiary_id"])
		records++
	}
	if wrong != p.truth.Errors["nir typo"] || wrong == 0 {
		t.Errorf("%d numbers do not fit their key, the truth counts %d typing errors", wrong, p.truth.Errors["nir typo"])
	}
	if corsican == 0 {
		t.Error("nobody was born in Corsica")
	}
}

// fits is the rule of the key, written apart from the generator's.
func fits(nir string) bool {
	body := strings.Replace(strings.Replace(nir[:13], "2A", "19", 1), "2B", "18", 1)
	n, err := strconv.Atoi(body + nir[13:])
	key, err2 := strconv.Atoi(nir[13:])
	return err == nil && err2 == nil && (n/100+key)%97 == 0 && key >= 1 && key <= 97
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
