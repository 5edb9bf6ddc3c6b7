package register_test

import (
	"testing"
	"time"

	"rempart.eu/rempart/ledger/register"
)

func TestPeriods(t *testing.T) {
	for text, want := range map[string][2]string{
		"2026": {"2026-01-01", "2027-01-01"}, "2026Q3": {"2026-07-01", "2026-10-01"}, "2026-T4": {"2026-10-01", "2027-01-01"},
		"2026-07": {"2026-07-01", "2026-08-01"}, "2024-02-29": {"2024-02-29", "2024-03-01"},
		"2026-02..2026Q2": {"2026-02-01", "2026-07-01"}, "2026..": {"2026-01-01", "0001-01-01"}, "..2026": {"0001-01-01", "2027-01-01"},
		"2026-12-31..2026-12-31": {"2026-12-31", "2027-01-01"},
	} {
		p, err := register.ParsePeriod(text)
		if err != nil || p.From.Format(time.DateOnly) != want[0] || p.Until.Format(time.DateOnly) != want[1] || p.Name != text {
			t.Errorf("%s: %v to %v, %v", text, p.From, p.Until, err)
		}
	}
	for _, text := range []string{"", "..", "26", "2026Q5", "2026-13", "2026-02-30", "2027..2026", "yesterday", "2026Q1..Q2"} {
		if p, err := register.ParsePeriod(text); err == nil {
			t.Errorf("%q is taken as %v to %v", text, p.From, p.Until)
		}
	}
}
