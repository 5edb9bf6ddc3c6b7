package synth

import (
	"context"
	"encoding/csv"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNIRKeyOfPublishedNumbers(t *testing.T) {
	for _, nir := range []string{"295109912611193", "253072B07300470", "253072A07300443", "255081416802538", "178059933010817"} {
		if got := nirKey(nir[:13]); got != nir[13:] {
			t.Errorf("key of %s: %s", nir, got)
		}
	}
}

// All the published vectors, where they are at hand.
func TestNIRKeyVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "testvectors", "nir", "nir_vectors.tsv"))
	if err != nil {
		t.Skip("the published vectors are not here:", err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) < 3 || f[1] != "valid" {
			continue
		}
		checked++
		if got := nirKey(f[2][:13]); got != f[2][13:] {
			t.Errorf("key of %s: %s", f[2], got)
		}
	}
	if checked == 0 {
		t.Error("no vector was read")
	}
}

// The worst case: everybody has the same sex, month and department of birth.
func TestNumbersAreDistinctInACell(t *testing.T) {
	month := time.Date(1980, 5, 1, 0, 0, 0, 0, time.UTC)
	for department, persons := range map[string]int{"75": 100_000, "974": 99 * orders} {
		seen := make(map[string]bool, persons)
		for i := range persons {
			n := nir(true, month, department, nirSlot(department, i))
			if seen[n] {
				t.Fatalf("person %d has the number of another: %s", i, n)
			}
			seen[n] = true
		}
	}
}

func TestKeyModulusIsPrime(t *testing.T) {
	if !big.NewInt(keyModulus).ProbablyPrime(0) { // exact below 2⁶⁴
		t.Error("local numbers may be given twice")
	}
	for party, f := range keyFactors {
		if f*(MaxPersons*eventsPerPerson) < 0 || f <= 0 || MaxPersons*eventsPerPerson >= keyModulus {
			t.Errorf("party %d: local numbers overflow", party)
		}
	}
}

// Every name that a line of the catalogue refers to is in it.
func TestCatalogueHoldsTogether(t *testing.T) {
	for _, c := range conditions {
		for _, atc := range c.drugs {
			if drugOf[atc].name == "" {
				t.Errorf("%s: drug %s is unknown", c.code, atc)
			}
		}
		for _, code := range c.acts {
			if actOf[code].code == "" {
				t.Errorf("%s: act %s is unknown", c.code, code)
			}
		}
		for _, code := range c.tests {
			if testOf[code].loinc == "" {
				t.Errorf("%s: test %s is unknown", c.code, code)
			}
		}
		if wardOf[c.ward].name == "" || seasons[c.season] == nil {
			t.Errorf("%s: ward %q or season %q is unknown", c.code, c.ward, c.season)
		}
	}
	for _, x := range testList {
		if _, ok := conditionOf[x.shiftedBy]; x.shiftedBy != "" && !ok {
			t.Errorf("%s: condition %s is unknown", x.loinc, x.shiftedBy)
		}
	}
	for _, p := range places {
		if _, ok := usual[p.region]; !ok {
			t.Errorf("%s: region %q has no hospital", p.city, p.region)
		}
	}
	if n := len(surnames); n < 200 {
		t.Errorf("%d surnames", n)
	}
}

// Every code that can be written is in the feeds' vocabulary, and maps to a
// standard concept or to nothing; SOURCES.md beside it says where each map comes from.
func TestVocabularyKnowsTheCatalogue(t *testing.T) {
	const folder = "../feeds/hospital/vocabulary/"
	known, standard := map[string]bool{}, map[string]bool{}
	for _, row := range vocabulary(t, folder+"CONCEPT.csv") {
		id, code := row[0], row[3]+" "+row[6]
		if known[code] {
			t.Errorf("%s has two concepts", code)
		}
		known[code] = true
		standard[id] = row[5] == "S"
		if local := len(id) == 10 && id > "2000000000"; local == standard[id] {
			t.Errorf("%s: concept %s should be standard, or local from 2,000,000,001 upwards", code, id)
		}
	}
	for _, row := range vocabulary(t, folder+"CONCEPT_RELATIONSHIP.csv") {
		if _, ok := standard[row[0]]; !ok || !standard[row[1]] {
			t.Errorf("concept %s maps to %s, which is no standard concept here", row[0], row[1])
		}
	}
	var codes []string
	for _, c := range conditions {
		codes = append(codes, "ICD10 "+c.code)
	}
	for _, a := range actList {
		codes = append(codes, "CCAM "+a.code)
	}
	for _, d := range drugList {
		codes = append(codes, "ATC "+d.atc)
	}
	for _, x := range testList {
		codes = append(codes, "LOINC "+x.loinc)
	}
	for _, code := range codes {
		if !known[code] {
			t.Errorf("the vocabulary does not know %s", code)
		}
	}
}

func vocabulary(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// Batches are made once, whatever the population: memory does not grow with it.
func TestMemoryDoesNotGrow(t *testing.T) {
	made := func(persons int) int64 {
		before := batchesMade.Load()
		if _, err := Generate(t.Context(), t.TempDir(), Options{Persons: persons, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		return batchesMade.Load() - before
	}
	if few, many := made(batchPersons), made(20*batchPersons); few != many || many == 0 {
		t.Errorf("%d batches for %d persons, %d for %d", few, batchPersons, many, 20*batchPersons)
	}
}

// A disk that is full, or a file that is gone, ends the run with the error.
func TestFailedWriteEndsTheRun(t *testing.T) {
	out, err := createFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.open {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(t.Context(), Options{Persons: 40 * batchPersons, Seed: 1}, out); !errors.Is(err, os.ErrClosed) {
		t.Errorf("run: %v", err)
	}
}

func TestCancelledInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := func(int, int) { cancel() }
	if _, err := Generate(ctx, t.TempDir(), Options{Persons: 400 * batchPersons, Seed: 1, Progress: stop}); !errors.Is(err, context.Canceled) {
		t.Errorf("generate: %v", err)
	}
}

// Every diagnosis and act is in the published nomenclatures, where they are at hand.
func TestNomenclaturesKnowTheCatalogue(t *testing.T) {
	codes := func(path, trim string) map[string]bool {
		text, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "schema-snds", "nomenclatures", path))
		if err != nil {
			t.Skip("the published nomenclatures are not here:", err)
		}
		known := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			code, _, _ := strings.Cut(line, ";")
			known[strings.Trim(code, trim)] = true
		}
		return known
	}
	cim, ccam := codes("ORAVAL/IR_CIM_V.csv", ""), codes("ATIH/IR_CCAM_V63.csv", `"`)
	for _, c := range append([]condition{{code: bornAlive}, {code: "P59.9"}, {code: "I46.9"}, {code: "Z50.1"}}, conditions...) {
		if code := undotted(c.code); !cim[code] {
			t.Errorf("CIM-10 does not know %s", code)
		}
	}
	for _, a := range actList {
		if !ccam[a.code] {
			t.Errorf("CCAM does not know %s", a.code)
		}
	}
}

// The check digit of a presentation code is that of an EAN-13.
func TestPresentationCodesCheck(t *testing.T) {
	for _, d := range drugList {
		sum := 0
		for i, c := range d.cip13 {
			sum += int(c-'0') * (1 + 2*(i%2))
		}
		if len(d.cip13) != 13 || sum%10 != 0 || !strings.HasPrefix(d.cip13, "34009") {
			t.Errorf("%s: %s is no presentation code", d.atc, d.cip13)
		}
	}
}
