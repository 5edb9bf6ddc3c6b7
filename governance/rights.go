package governance

import (
	"slices"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/ledger"
)

// OptOut is a person's wish that her data be not used. Who she is, nothing here
// says.
type OptOut struct {
	Made
	ledger.OptOutStated
	Revoked  *Made
	Resolved *Made // the last time that the authority looked, or nil
	Found    bool  // by then: the provider has deposited her
}

// Exclusion is who may not be seen, as the linkage authority resolved it last.
type Exclusion struct {
	Made
	ledger.OptOutsResolved
}

// Access is a person's question what was done with her data.
type Access struct {
	Made
	ledger.AccessRequested
	Forwarded *Made
	Named     ledger.Digest // who it is, sealed to the controller
	Answered  *Made
	Answer    ledger.Digest // sealed to the person
}

// Given is one extraction that a project has, or had until another replaced it.
type Given struct {
	Made
	Release   string
	Members   ledger.Object // which persons of the release, sealed to the controller; no name where the ledger is older
	Catalogue ledger.Object // what the space holds; no name where the ledger is older
	Until     *Made         // when it was replaced, or nil
}

// WaitingOptOuts lists the opt-outs that the linkage authority has not looked at yet:
// until it has, nobody knows whom to leave out.
func (s *State) WaitingOptOuts() (waiting []*OptOut) {
	for _, o := range s.OptOuts.All() {
		if o.Revoked == nil && o.Resolved == nil {
			waiting = append(waiting, o)
		}
	}
	return waiting
}

// optOutsWait says whether it is not known yet whom to leave out.
func (s *State) optOutsWait() bool {
	for _, o := range s.OptOuts.All() {
		if o.Revoked == nil && (o.Resolved == nil || s.Excluded == nil || s.Excluded.Linkage != s.Linkages.Latest()) {
			return true
		}
	}
	return false
}

// Unresolved says whether the linkage authority has something to look at: an
// opt-out, a revocation, or a linkage that came after it looked last.
func (s *State) Unresolved() bool {
	if s.OptOuts.Len() == 0 || s.Linkages.Len() == 0 {
		return false
	}
	if s.Excluded == nil || len(s.WaitingOptOuts()) > 0 || s.Excluded.Linkage != s.Linkages.Latest() {
		return true
	}
	for _, o := range s.OptOuts.All() {
		if o.Revoked != nil && o.Revoked.Index > s.Excluded.Index {
			return true
		}
	}
	return false
}

// Extractable says whether the project waits for data that it may have.
func (p *Project) Extractable(now time.Time) bool {
	return p.Status == Approved && !p.Ended(now) && !now.Before(p.Spec.Starts.Time) && (p.Extraction == nil || p.Outdated || p.Renewed() != "")
}

// Extractable says whether a project can be given data: for the first time, or
// anew because what it has is not what it may have, a renewal was granted, or somebody
// has opted out or come back since. Otherwise the gate says in words why not.
func (s *State) Extractable(p *Project, now time.Time) bool {
	return p.Extractable(now) || p.Status == Approved && !p.Ended(now) && !now.Before(p.Spec.Starts.Time) && s.mayExtract(p)
}

func (s *State) mayExtract(p *Project) bool {
	return p.stale(s) || p.Renewed() != ""
}

// stale says whether a project has no data, or not what it may have now.
func (p *Project) stale(s *State) bool {
	return p.Extraction == nil || p.Outdated || s.Excluded != nil && s.Excluded.Index > p.Extracted.Index
}

func (s *State) stateOptOut(made Made, b *ledger.OptOutStated) error {
	if err := s.checkSent(b.Authority, b.Pseudonyms, b.Evaluator, b.Sealed); err != nil {
		return err
	}
	return fresh(&s.OptOuts, "opt-out", b.OptOut, &OptOut{Made: made, OptOutStated: *b})
}

// checkSent refuses what no linkage authority could look at.
func (s *State) checkSent(authority, pseudonyms, evaluator string, sealed ledger.Digest) error {
	if party := s.Parties[authority]; party.Role != LinkageAuthority || party.Left != nil {
		return refuse("See who is: rempart party list", "%q is no linkage authority", authority)
	}
	if !digest.MatchString(string(sealed)) {
		return refuse("", "what was sealed to the linkage authority has no digest")
	}
	return s.checkPseudonyms(pseudonyms, evaluator, "keyed", "oblivious", "both")
}

func (s *State) revokeOptOut(made Made, b *ledger.OptOutRevoked) error {
	o, err := s.OptOuts.find("opt-out", b.OptOut)
	if err != nil {
		return err
	}
	if o.Revoked != nil {
		return refuse("", "opt-out %s was revoked on %s already", b.OptOut, day(o.Revoked.Time))
	}
	o.Revoked = &made
	return nil
}

// resolve takes in who may not be seen. It must speak of every opt-out that holds.
func (s *State) resolve(made Made, b *ledger.OptOutsResolved) error {
	linkage, err := s.Linkages.find("linkage", b.Linkage)
	if err != nil {
		return err
	}
	if err := linkage.Readable(); err != nil {
		return err
	}
	var holds []string
	for id, o := range s.OptOuts.All() {
		if o.Revoked == nil {
			holds = append(holds, id)
		}
	}
	said := append(slices.Clone(b.Found), b.Unknown...)
	slices.Sort(said)
	slices.Sort(holds)
	if !slices.Equal(said, holds) {
		return refuse("Look again: rempart rights resolve", "opt-outs were stated or revoked meanwhile")
	}
	for _, id := range holds {
		o, _ := s.OptOuts.Get(id)
		o.Resolved, o.Found = &made, slices.Contains(b.Found, id)
	}
	s.Excluded = &Exclusion{made, *b}
	return nil
}

func (s *State) requestAccess(made Made, b *ledger.AccessRequested) error {
	if err := s.checkSent(b.Authority, b.Pseudonyms, b.Evaluator, b.Sealed); err != nil {
		return err
	}
	if _, err := ParseRecipient(b.Recipient); err != nil {
		return err
	}
	return fresh(&s.Accesses, "access", b.Access, &Access{Made: made, AccessRequested: *b})
}

// ParseRecipient reads the age recipient of a person: post-quantum or not.
func ParseRecipient(text string) (age.Recipient, error) {
	if r, err := age.ParseHybridRecipient(text); err == nil {
		return r, nil
	}
	r, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, refuse("Make a key: age-keygen, or --key-out FILE", "%q is no age recipient", text)
	}
	return r, nil
}

func (s *State) forwardAccess(made Made, b *ledger.AccessForwarded) error {
	a, err := s.Accesses.find("access", b.Access)
	switch {
	case err != nil:
		return err
	case a.Forwarded != nil:
		return refuse("", "access request %s was forwarded already", b.Access)
	case a.Authority != made.Actor:
		return refuse("", "access request %s was sent to %s", b.Access, a.Authority)
	}
	a.Forwarded, a.Named = &made, b.Sealed
	return nil
}

func (s *State) answerAccess(made Made, b *ledger.AccessAnswered) error {
	a, err := s.Accesses.find("access", b.Access)
	switch {
	case err != nil:
		return err
	case a.Forwarded == nil:
		return refuse("The linkage authority looks first: rempart rights resolve", "nobody knows yet whose data access request %s is about", b.Access)
	case a.Answered != nil:
		return refuse("", "access request %s was answered already", b.Access)
	}
	a.Answered, a.Answer = &made, b.Sealed
	return nil
}
