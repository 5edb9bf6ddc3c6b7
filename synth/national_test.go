package synth_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/synth"
)

// The same seed gives the same bytes in the layout national too, on one core and on several, plain and compressed.
func TestNationalSameBytes(t *testing.T) {
	for _, c := range []synth.Compression{synth.Plain, synth.Gzip, synth.Zstd} {
		var sums []string
		for _, cores := range []int{1, 3} {
			before := runtime.GOMAXPROCS(cores)
			sums = append(sums, digest(t, synth.Options{Persons: 2000, Seed: 3, Layout: synth.National, Compression: c}))
			runtime.GOMAXPROCS(before)
		}
		if sums[0] != sums[1] {
			t.Errorf("%q: the bytes depend on the number of cores", c)
		}
	}
}

func digest(t *testing.T, o synth.Options) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := synth.Generate(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(names) < 90 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(h, filepath.Base(name))
		if _, err := io.Copy(h, f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func BenchmarkNational(b *testing.B) {
	const n = 20_000
	rows, persons := 0, 0
	for b.Loop() {
		truth, err := synth.Generate(b.Context(), "", synth.Options{Persons: n, Seed: 1, Layout: synth.National, Discard: true})
		if err != nil {
			b.Fatal(err)
		}
		rows, persons = rows+sum(truth.Rows), persons+n
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/float64(persons), "rows/person")
}

// By month the DCIR has the rows that it has by year, each in the file of the month in which it reached the system.
func TestByMonth(t *testing.T) {
	byYear, byMonth := t.TempDir(), t.TempDir()
	o := synth.Options{Persons: 300, Seed: 5, Layout: synth.National}
	if _, err := synth.Generate(t.Context(), byYear, o); err != nil {
		t.Fatal(err)
	}
	o.ByMonth = true
	if _, err := synth.Generate(t.Context(), byMonth, o); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"ER_PRS_F", "ER_PHA_F", "ER_CAM_F", "ER_BIO_F", "ER_UCD_F", "ER_TIP_F", "ER_ETE_F"} {
		years, months := rowsOf(t, byYear, table), rowsOf(t, byMonth, table)
		if len(years) != 5 || len(months) != 60 {
			t.Errorf("%s: %d files by year, %d by month", table, len(years), len(months))
		}
		var want, got []string
		for _, rows := range years {
			want = append(want, rows...)
		}
		for name, rows := range months {
			got = append(got, rows...)
			month := name[len(table)+1:len(table)+5] + "-" + name[len(table)+5:len(table)+7] + "-01,"
			for _, row := range rows {
				if !strings.Contains(row, month) {
					t.Fatalf("%s has %s", name, row)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(want, got) {
			t.Errorf("%s: %d rows by year, %d by month", table, len(want), len(got))
		}
	}
	o.Layout = synth.Feeds
	if _, err := synth.Generate(t.Context(), t.TempDir(), o); err == nil || !strings.Contains(err.Error(), "layout national") {
		t.Errorf("by month in another layout: %v", err)
	}
}

// rowsOf reads the files of a table, without their header.
func rowsOf(t *testing.T, dir, table string) map[string][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "insurer", table+"_*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:]
	}
	return files
}
