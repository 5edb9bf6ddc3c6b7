package governance

import (
	"slices"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
)

// Has says whether a deposit has tokens of a mode, and in the oblivious mode
// whether they are of that evaluator's key: others would never meet.
func (d *Deposit) Has(mode pseudonym.Mode, evaluator string) bool {
	if d.Pseudonyms != string(mode) && d.Pseudonyms != "both" {
		return false
	}
	return mode == pseudonym.Keyed || d.Evaluator == evaluator
}

// checkPseudonyms refuses ways of making tokens that are none.
func (s *State) checkPseudonyms(way, evaluator string, ways ...string) error {
	if !slices.Contains(ways, way) {
		return refuse("", "tokens are %v, not %q", ways, way)
	}
	switch {
	case way == string(pseudonym.Keyed) && evaluator != "":
		return refuse("", "keyed tokens have no evaluator, but %q is named", evaluator)
	case way != string(pseudonym.Keyed) && s.Parties[evaluator].Oblivious == "":
		return refuse("", "%q has committed to no key of an oblivious function", evaluator)
	}
	return nil
}

// issue takes in what a service answered: its journal only grows, and periods
// follow each other.
func (s *State) issue(made Made, b *ledger.PseudonymsIssued) error {
	if len(b.Issued) == 0 || b.Until.Before(b.From) || b.Until.After(made.Time) {
		return refuse("", "a summary of pseudonyms is of a period that is over, and of something")
	}
	for _, i := range b.Issued {
		if s.Parties[i.Party].Role != Provider {
			return refuse("", "pseudonyms were issued to %q, who is no provider", i.Party)
		}
		if i.Batches < 1 || i.Count < i.Batches || i.Pseudonyms != string(pseudonym.Keyed) && i.Pseudonyms != string(pseudonym.Oblivious) {
			return refuse("", "a summary of pseudonyms does not add up for %q", i.Party)
		}
	}
	if last := s.Journals[made.Actor]; b.Journal.Size <= last.Size {
		return refuse("Restore the journal from its copy", "the journal of %q has shrunk from %d bytes to %d", made.Actor, last.Size, b.Journal.Size)
	}
	s.Journals[made.Actor] = b.Journal
	return nil
}
