package omop_test

import (
	"slices"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop/quality"
)

// goldenQuality holds what the checks find in a build against a file. A mandatory
// check that fails would keep the release back, but for those that a waiver is for.
func goldenQuality(t *testing.T, db *engine.DB, file string, waived ...string) {
	t.Helper()
	results, err := quality.Run(t.Context(), db, quality.Options{Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range results.Blocking() {
		if slices.Contains(waived, c.Check) {
			continue
		}
		t.Errorf("the mandatory check %s fails: %d of %d", c.What(), c.Violated, c.Denominator)
	}
	golden.Text(t, file, results.Text())
}
