package synth_test

import (
	"math"
	"strings"
	"testing"

	"rempart.eu/rempart/synth"
)

// The population is one: its ages, births and deaths are those of France within what
// chance and rounding explain, and the report says so.
func TestReport(t *testing.T) {
	within := map[string]float64{ // of the published value
		"share below 20 years": 0.06, "share from 20 to 64 years": 0.03, "share of 65 years and above": 0.06, "share of 75 years and above": 0.1,
		"share of women": 0.03, "births a year": 0.15, "mean age of mothers": 0.05, "deliveries by caesarean section": 0.3,
		"children born as twins": 0.6, "deaths a year": 0.15, "life expectancy of men at birth": 0.03, "life expectancy of women at birth": 0.03,
		"persons treated for diabetes": 0.2,
	}
	for layout, persons := range map[synth.Layout]int{synth.Feeds: 12_000, synth.National: 1000} {
		dir := t.TempDir()
		if _, err := synth.Generate(t.Context(), dir, synth.Options{Persons: persons, Seed: 2, Layout: layout, Compression: synth.Zstd}); err != nil {
			t.Fatal(err)
		}
		m, err := synth.ReadMarginals(dir)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, c := range m.Report().Comparisons {
			if c.Source == "" || c.Year < 2013 {
				t.Errorf("%s: %+v", layout, c)
			}
			if c.Value == nil {
				if layout == synth.Feeds { // in which there are enough persons
					t.Errorf("%s is not known", c.Measure)
				}
				continue
			}
			if tolerance, ok := within[c.Measure]; ok {
				found++
				if off := math.Abs(*c.Value/c.Published - 1); layout == synth.Feeds && off > tolerance {
					t.Errorf("%s: %s is %.2f, published %.2f", layout, c.Measure, *c.Value, c.Published)
				}
			}
		}
		if layout == synth.Feeds && found != len(within) {
			t.Errorf("%d figures of %d were compared", found, len(within))
		}
		var page strings.Builder
		if err := m.Report().Page().Write(&page); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"life expectancy", "Births a day", "INSEE", "paracetamol"} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("the page says nothing of %q", want)
			}
		}
	}
}
