package synth_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
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
