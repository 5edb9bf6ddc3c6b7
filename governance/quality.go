package governance

import (
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/ledger"
)

// Waiver lets releases of a linkage fail mandatory checks.
type Waiver struct {
	Made
	ledger.QualityWaived
}

// covers says whether the waiver allows that check to fail so often.
func (w *Waiver) covers(failed ledger.FailedCheck) bool {
	return slices.ContainsFunc(w.Checks, func(c ledger.FailedCheck) bool { return c.Check == failed.Check && failed.Share <= c.Share })
}

func (s *State) waive(made Made, b *ledger.QualityWaived) error {
	linkage, err := s.Linkages.find("linkage", b.Linkage)
	if err != nil {
		return err
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	if len(b.Checks) == 0 {
		return refuse("Name them: CHECK=PERCENT", "a waiver says which checks may fail, and up to which share of rows")
	}
	for _, c := range b.Checks {
		if c.Share < 1 || c.Share > 10_000 {
			return refuse("Write it as CHECK=PERCENT", "a waiver of check %s is for more than 0 and at most 100 percent of rows", c.Check)
		}
	}
	linkage.Waivers = append(linkage.Waivers, &Waiver{made, *b})
	return nil
}

// notWaived are the mandatory checks that a release fails without a waiver of its
// linkage, as a waiver would name them: CHECK=PERCENT.
func (s *State) notWaived(b *ledger.ReleasePublished) (checks []string) {
	if b.Quality == nil {
		return nil
	}
	var waivers []*Waiver
	if linkage, known := s.Linkages.Get(b.Linkage); known {
		waivers = linkage.Waivers
	}
	for _, failed := range b.Quality.Mandatory {
		if !slices.ContainsFunc(waivers, func(w *Waiver) bool { return w.covers(failed) }) {
			checks = append(checks, fmt.Sprintf("%s=%g", failed.Check, float64(failed.Share)/100))
		}
	}
	return checks
}

// several lists texts for people.
func several(texts []string) string {
	const shown = 5
	if len(texts) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:shown], ", "), len(texts)-shown)
	}
	return strings.Join(texts, ", ")
}
