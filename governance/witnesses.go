package governance

import (
	"net/url"
	"slices"
	"strings"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
)

// Witnessing is who vouches for the ledger from a statement on.
type Witnessing struct {
	Made
	ledger.WitnessesSet
	From uint64 // the first statement that it holds for
}

// Witnessable are the kinds of statements that can be made to wait for
// witnesses: those after which data can be read somewhere where it could not be
// read before, and the move to another host, before the old one is erased. Of
// mounts, those of a worker elsewhere (a pass) wait.
func Witnessable() []string {
	return []string{"host-migrated", "output-released", "project-extracted", "release-published", "space-mounted"}
}

// Witnesses is what a statement of a kind waits for, nil where it waits for nobody.
func (s *State) Witnesses(index uint64, kind string) *Witnessing {
	for _, w := range slices.Backward(s.Witnessing) {
		if w.From <= index {
			if len(w.Witnesses) > 0 && slices.Contains(w.Kinds, kind) {
				return w
			}
			return nil
		}
	}
	return nil
}

// setWitnesses takes in who vouches from now on.
func (s *State) setWitnesses(made Made, b *ledger.WitnessesSet) error {
	names := map[string]bool{}
	for _, w := range b.Witnesses {
		verifier, err := witness.Verifier(w.Key)
		if err != nil {
			return refuse("Ask the witness for it: rempart witness init prints it", "%v", err)
		}
		if names[verifier.Name()] {
			return refuse("", "witness %s is named twice", verifier.Name())
		}
		names[verifier.Name()] = true
		if at, err := url.Parse(w.URL); err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.User != nil {
			return refuse("Write it as https://witness.example", "%q is no address of a witness", w.URL)
		}
	}
	for _, kind := range b.Kinds {
		if !slices.Contains(Witnessable(), kind) {
			return refuse("Choose among "+strings.Join(Witnessable(), ", "), "a statement %s does not wait for witnesses", kind)
		}
	}
	switch {
	case len(b.Witnesses) > 0 && (b.Threshold < 1 || b.Threshold > len(b.Witnesses)), len(b.Witnesses) == 0 && b.Threshold != 0:
		return refuse("", "%d of %d witnesses cannot vouch", b.Threshold, len(b.Witnesses))
	case len(b.Witnesses) > 20:
		return refuse("", "20 witnesses at most")
	case strings.TrimSpace(b.Reason) == "":
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	s.Witnessing = append(s.Witnessing, &Witnessing{made, *b, s.Size + 1})
	return nil
}

// loosensWitnesses says whether less would be asked for than before.
func (s *State) loosensWitnesses(b *ledger.WitnessesSet) bool {
	if len(s.Witnessing) == 0 {
		return false
	}
	old := s.Witnessing[len(s.Witnessing)-1]
	if b.Threshold < old.Threshold {
		return true
	}
	for _, kind := range old.Kinds {
		if !slices.Contains(b.Kinds, kind) {
			return true
		}
	}
	fresh := 0 // a witness of one's own is none
	for _, w := range b.Witnesses {
		if !slices.ContainsFunc(old.Witnesses, func(o ledger.Witness) bool { return o.Key == w.Key }) {
			fresh++
		}
	}
	return old.Threshold > 0 && fresh >= b.Threshold
}
