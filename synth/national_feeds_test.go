package synth_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// noRows takes health data and keeps nothing.
type noRows struct{}

func (noRows) WriteRows(*parquet.Rows) error { return nil }

// What the feeds snds and fhir refuse of a national population is what was made wrong on purpose, file by file;
// everything else is accepted, and each file is read by the feed.
func TestNationalFeedsRefuseTheInjectedErrorsOnly(t *testing.T) {
	dir := t.TempDir()
	rates := synth.DefaultRates()
	rates.Twins = 0.1 // so that there are some
	truth, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 1500, Seed: 5, Layout: synth.National, ByMonth: true, Compression: synth.Zstd, Rates: &rates})
	if err != nil {
		t.Fatal(err)
	}
	refused, rules := map[string]int{}, map[string]int{}
	for _, party := range synth.Parties() {
		name := "fhir"
		if party == "insurer" {
			name = "snds"
		}
		folder, err := fs.Sub(feeds.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		feed, err := intake.LoadFeed(folder)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Join(dir, party))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		delivery, err := feed.Deliver(names)
		if err != nil {
			t.Fatal(err)
		}
		if len(delivery.Ignored) > 0 {
			t.Errorf("%s: the feed does not know %s", party, delivery.Ignored)
		}
		checker := intake.NewChecker(delivery, plainPseudonyms(party), intake.Options{})
		for _, s := range delivery.Sources {
			file, err := os.Open(filepath.Join(dir, party, s.Name))
			if err != nil {
				t.Fatal(err)
			}
			path := party + "/" + strings.TrimSuffix(s.Name, ".zst")
			sinks := intake.Sinks{
				Identity: func(int64, pseudonym.Identity) error { return nil },
				Refused: func(e intake.RowError) error {
					refused[path]++
					rule := path + " " + e.Field + " " + e.Rule
					if rules[rule]++; rules[rule] == 1 {
						t.Log(rule)
					}
					return nil
				},
			}
			for range s.Feeds {
				sinks.Health = append(sinks.Health, noRows{})
			}
			if _, err := checker.Check(t.Context(), s, s.Name, file, sinks); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			_ = file.Close()
		}
	}
	if len(truth.Refused) < 8 {
		t.Errorf("errors in few files: %v", truth.Refused)
	}
	if !maps.Equal(refused, truth.Refused) {
		for _, path := range slices.Sorted(maps.Keys(refused)) {
			if refused[path] != truth.Refused[path] {
				t.Errorf("%s: %d rows refused, %d made wrong", path, refused[path], truth.Refused[path])
			}
		}
		for path, n := range truth.Refused {
			if refused[path] != n {
				t.Errorf("%s: %d rows refused, %d made wrong", path, refused[path], n)
			}
		}
	}
}
