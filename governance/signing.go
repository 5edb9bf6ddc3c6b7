package governance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// People is what the ledger knows of how people come in and sign.
type People struct {
	Passkeys   map[string]*Passkey          // by ledger.Passkey.KeyID; also those that were removed
	Enrolments map[ledger.Digest]*Enrolment // by the digest of the code
	Logins     map[Login]string             // whom a subject of an OpenID Connect provider is
	Tokens     map[string]*Token            // by id
	Rules      ledger.SigningRulesSet
	Waiting    map[uint64]*Waiting // proposals that wait for a second person, by entry
	Seconds    map[uint64]Made     // who was the second, by the entry that waited for it
	Orders     []Order

	spoke map[string]bool // who has made a statement
	held  map[string]bool // who has had a passkey
}

func newPeople() People {
	return People{
		Passkeys: map[string]*Passkey{}, Enrolments: map[ledger.Digest]*Enrolment{}, Logins: map[Login]string{}, Tokens: map[string]*Token{},
		Rules: ledger.SigningRulesSet{Passkeys: OnceRegistered}, Waiting: map[uint64]*Waiting{}, Seconds: map[uint64]Made{}, spoke: map[string]bool{}, held: map[string]bool{},
	}
}

// When decisions need a passkey: of a party from its first passkey on, or of
// everybody.
const (
	OnceRegistered = "once-registered"
	Required       = "required"
)

// Passkey is a party's passkey.
type Passkey struct {
	Made
	ledger.PasskeyRegistered
	Party   string
	Counter uint32 // of the last statement that it signed
	Removed *Made
}

// Enrolment lets a party register a passkey.
type Enrolment struct {
	Made
	ledger.EnrolmentOpened
	Spent *Made
}

// Open says whether the enrolment can be used at a time.
func (e *Enrolment) Open(now time.Time) bool { return e.Spent == nil && now.Before(e.Until) }

// Login is a person at an OpenID Connect provider.
type Login struct{ Issuer, Subject string }

// Token is an API token.
type Token struct {
	Made
	ledger.TokenIssued
	Revoked *Made
}

// Waiting is a proposal, which has no effect before a second person has
// countersigned it.
type Waiting struct {
	Made
	Body     ledger.Body // that it would state
	Envelope ledger.Digest
	Roles    []string  // of whom the second person may be
	Until    time.Time // by when
}

// Order is a person's decision on a step that a machine takes.
type Order struct {
	Made
	ledger.StepOrdered
	Done bool
}

// Limits of what people are given.
const (
	MaxEnrolment = 7 * 24 * time.Hour
	MaxToken     = 7 * 24 * time.Hour
	MaxWaiting   = 30 * 24 * time.Hour
	MaxOrder     = 30 * 24 * time.Hour
	maxPasskeys  = 10 // of a party
	maxLabel     = 100
)

// Touch is how long a person may take to sign: until then a statement may be
// older than the ledger's last one.
const Touch = 10 * time.Minute

// PasskeysOf lists the passkeys that a party can sign with, the first one first.
func (s *State) PasskeysOf(party string) (keys []*Passkey) {
	for _, k := range s.People.Passkeys {
		if k.Party == party && k.Removed == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b *Passkey) int { return cmp.Compare(a.Index, b.Index) })
	return keys
}

// HasHadPasskey says whether a party ever had a passkey: from then on its key
// file alone decides nothing any more, also where all its passkeys are lost.
func (s *State) HasHadPasskey(party string) bool { return s.People.held[party] }

// Due is how a statement has to be signed.
type Due struct {
	Passkey bool     // by its actor's passkey; the key file does not do
	Second  []string // it is proposed, and countersigned by a second person of one of these roles; nil: it is stated
}

// Due says how an actor has to sign something now. Whether it may say it is
// another question (see [State.Authorise]).
func (s *State) Due(actor string, now time.Time, body ledger.Body) Due {
	if !s.People.held[actor] && s.People.Rules.Passkeys != Required && len(s.People.Rules.TwoPersons) == 0 {
		if kind := body.Kind(); kind != (ledger.EnrolmentOpened{}).Kind() && kind != (ledger.OutputReleased{}).Kind() {
			return Due{} // as in every home without a portal
		}
	}
	if statement, err := ledger.New(actor, now, body); err == nil {
		if as, err := statement.Decode(); err == nil {
			body = as // the type that the gate sees
		}
	}
	due := Due{Second: s.second(Made{Actor: actor, Time: now}, body)}
	if s.authorise(actor, now, body, true) == nil {
		due.Passkey = s.authorise(actor, now, body, false) != nil
	}
	return due
}

// signature is how a statement is signed.
type signature struct {
	passkey *Passkey // nil: by the key file
	counter uint32
}

// count takes in the passkey's count of signatures, also of one that has just
// registered itself.
func (s *State) count(signed signature) {
	if signed.passkey != nil {
		s.People.Passkeys[signed.passkey.KeyID()].Counter = signed.counter
	}
}

// Defer has the signatures of key files verified by a checker, in batches beside
// the replay: what the state says counts once the checker finds nothing wrong.
func (s *State) Defer(checker *ledger.Checker) { s.checker = checker }

// signature verifies that a statement is signed by its actor.
func (s *State) signature(ctx context.Context, e ledger.Entry, body ledger.Body) (signed signature, err error) {
	actor := e.Statement.Actor
	if _, known := s.Parties[actor]; !known {
		return signed, refuse("See who is known: rempart party list", "%q is no party of this warehouse", actor)
	}
	id, err := ledger.PasskeyOf(e.Envelope)
	if err != nil {
		return signed, err
	}
	if id == "" {
		if s.checker != nil {
			s.checker.Add(e, s.Parties[actor].Signing)
			return signed, nil
		}
		if err := e.VerifyBy(s.Parties[actor].Signing); err != nil {
			return signed, refuse("Sign with the key of "+actor, "%v", err)
		}
		return signed, nil
	}
	signed.passkey = s.People.Passkeys[id]
	if b, ok := body.(*ledger.PasskeyRegistered); ok && signed.passkey == nil && b.KeyID() == id {
		signed.passkey = &Passkey{Party: actor, PasskeyRegistered: *b}
	}
	switch k := signed.passkey; {
	case k == nil || k.Party != actor:
		return signed, refuse("Register it: rempart people enrol", "this is no passkey of %s", actor)
	case k.Removed != nil:
		return signed, refuse("Sign with another one", "this passkey of %s was removed on %s", actor, k.Removed.Time.Format(time.DateOnly))
	}
	if signed.counter, err = ledger.VerifyByPasskey(ctx, e.Envelope, signed.passkey.Passkey); err != nil {
		return signed, refuse("Sign again", "%v", err)
	}
	if !Counts(signed.passkey.Counter, signed.counter) {
		return signed, refuse("Sign again; where that does not help, remove this passkey: rempart people remove",
			"the authenticator has counted %d signatures, and had counted %d before: it may have been copied", signed.counter, signed.passkey.Counter)
	}
	return signed, nil
}

// Counts says whether an authenticator's count of signatures can follow another:
// it grows, or the authenticator does not count and says 0 (WebAuthn Level 3,
// section 6.1.1).
func Counts(before, after uint32) bool { return after > before || before == 0 && after == 0 }

// clock is when a statement takes effect: not before the one before it. Only a
// person who takes her time to sign may be overtaken by other statements.
func (s *State) clock(statement ledger.Statement, signed signature) (time.Time, error) {
	late := s.Last.Sub(statement.Time)
	switch {
	case late <= 0:
		return statement.Time, nil
	case signed.passkey != nil && late <= Touch:
		return s.Last, nil
	case signed.passkey != nil:
		return s.Last, refuse("Sign again", "the statement is of %s: it was signed too long ago", statement.Time.Format(time.RFC3339))
	}
	return s.Last, refuse("Set the clock of this machine", "the clock says %s, but the last statement is of %s",
		statement.Time.Format(time.RFC3339), s.Last.Format(time.RFC3339))
}

// peopleFacts are what the rules know of people.
func (s *State) peopleFacts(f *Facts, body ledger.Body, passkey bool) {
	f.Passkey, f.PasskeyHeld = passkey, s.HasHadPasskey(f.Actor)
	f.PasskeyRequired = f.PasskeyHeld || s.People.Rules.Passkeys == Required && !f.Now.Before(s.People.Rules.From)
	if b, ok := body.(*ledger.ReleaseErased); ok {
		if release, known := s.Releases.Get(b.Release); known {
			f.Overdue = !f.Now.Before(release.RetainUntil)
		}
	}
	f.Ordered, f.Subject = s.order(f.Now, body) != nil, s.subject(f.Actor, body)
	if b, ok := body.(*ledger.Countersigned); ok {
		if waiting, known := s.People.Waiting[b.Entry]; known {
			f.First, f.SecondRoles, f.Askers, f.Withdrawn = waiting.Actor, waiting.Roles, s.askers(waiting.Body), b.Refused
		}
	}
}

// subject is the party that a statement about people is about.
func (s *State) subject(actor string, body ledger.Body) string {
	switch b := body.(type) {
	case *ledger.EnrolmentOpened:
		return b.Party
	case *ledger.PasskeyRemoved:
		return b.Party
	case *ledger.PasskeyRegistered, *ledger.TokenIssued:
		return actor
	case *ledger.TokenRevoked:
		if token, ok := s.People.Tokens[b.Token]; ok {
			return token.Actor
		}
	}
	return ""
}

// askers are those who want what a statement grants.
func (s *State) askers(body ledger.Body) (names []string) {
	if project, err := s.projectOf(body); err == nil && project != nil {
		names = append(names, project.Actor)
		names = append(names, project.Spec.Researchers...)
	}
	if b, ok := body.(*ledger.OutputReleased); ok {
		if output, err := s.Output(b.Output); err == nil {
			names = append(names, output.Run.Actor)
		}
	}
	if name := s.subject("", body); name != "" {
		names = append(names, name)
	}
	return names
}

// Askers are those who want what a statement that waits would grant.
func (s *State) Askers(w *Waiting) []string { return s.askers(w.Body) }

// watchers may be the second person where somebody's way in is at stake.
var watchers = []string{string(Officer), string(OutputChecker)}

// Countersignable lists the kinds of statements that a warehouse can have wait
// for a second person.
func Countersignable() []string {
	return []string{
		"derogation-granted", "enrolment-opened", "key-destroyed", "login-linked", "output-released", "party-added",
		"project-approved", "project-closed", "project-resumed", "quality-waived", "release-erased", "signing-rules-set", "step-ordered",
	}
}

// second lists the roles that the second person of a statement may have, nil
// where it needs none.
func (s *State) second(made Made, body ledger.Body) []string {
	switch b := body.(type) {
	case *ledger.EnrolmentOpened:
		// A new passkey in the place of what somebody has is a way to become them.
		if made.Actor != b.Party && (s.People.spoke[b.Party] || s.HasHadPasskey(b.Party)) {
			return watchers
		}
	case *ledger.SigningRulesSet:
		if s.loosens(b, made.Time) {
			return []string{string(Officer)}
		}
	case *ledger.WitnessesSet:
		if s.loosensWitnesses(b) {
			return []string{string(Officer)}
		}
	case *ledger.OutputReleased:
		if roles := s.People.Rules.TwoPersons[b.Kind()]; len(roles) > 0 {
			return roles
		}
		if p, err := s.projectOfOutput(b.Output); err == nil && p.Spec.Checking != nil && p.Spec.Checking.Checkers > 1 {
			return []string{string(OutputChecker)} // four eyes, by the authorisation
		}
		return nil
	case *ledger.ReleaseErased:
		if release, ok := s.Releases.Get(b.Release); ok && !made.Time.Before(release.RetainUntil) {
			return nil // its time has come
		}
	}
	return s.People.Rules.TwoPersons[body.Kind()]
}

// loosens says whether rules ask for less than those in force.
func (s *State) loosens(b *ledger.SigningRulesSet, now time.Time) bool {
	old := s.People.Rules
	if old.Passkeys == Required && (b.Passkeys != Required || b.From.After(old.From) && b.From.After(now)) {
		return true
	}
	for kind, roles := range old.TwoPersons {
		if len(b.TwoPersons[kind]) == 0 {
			return true
		}
		for _, role := range b.TwoPersons[kind] {
			if !slices.Contains(roles, role) {
				return true
			}
		}
	}
	return false
}

// effect takes in what was said: at once, or as a proposal where a second person
// is needed.
func (s *State) effect(made Made, e ledger.Entry, body, said ledger.Body) error {
	roles := s.second(made, said)
	switch proposed := body != said; {
	case proposed && len(roles) == 0:
		return refuse("State it", "no second person is needed for a statement %s", said.Kind())
	case !proposed && len(roles) > 0:
		return refuse("Propose it, and have it countersigned", "a statement %s needs a second person", said.Kind())
	case !proposed:
		return s.apply(made, body)
	}
	if rules, ok := said.(*ledger.SigningRulesSet); ok {
		if err := checkRules(rules); err != nil {
			return err
		}
	}
	s.People.Waiting[made.Index] = &Waiting{made, said, ledger.Sum(e.Envelope), roles, made.Time.Add(MaxWaiting)}
	return nil
}

// WaitingFor lists the statements that a party may countersign now, the oldest first.
func (s *State) WaitingFor(party string, now time.Time) (all []*Waiting) {
	for _, index := range slices.Sorted(maps.Keys(s.People.Waiting)) {
		w := s.People.Waiting[index]
		body := &ledger.Countersigned{Entry: index, Envelope: w.Envelope, Reason: "-"}
		if now.Before(w.Until) && s.authorise(party, now, body, true) == nil {
			all = append(all, w)
		}
	}
	return all
}

func (s *State) countersign(made Made, b *ledger.Countersigned) error {
	w, ok := s.People.Waiting[b.Entry]
	switch {
	case !ok:
		return refuse("See what waits: rempart people waiting", "entry %d does not wait for a second person", b.Entry)
	case b.Envelope != w.Envelope:
		return refuse("", "what was countersigned is not what entry %d says", b.Entry)
	case strings.TrimSpace(b.Reason) == "":
		return refuse("Give one: --reason", "a decision needs a reason")
	case !made.Time.Before(w.Until):
		return refuse("Decide again", "entry %d waited for a second person until %s", b.Entry, w.Until.Format(time.DateOnly))
	}
	if !b.Refused {
		// What was right when it was signed may have ended since.
		if err := s.authorise(w.Actor, made.Time, w.Body, true); err != nil {
			return err
		}
		if err := s.apply(Made{w.Index, w.Actor, made.Time}, w.Body); err != nil {
			return err
		}
		s.People.Seconds[b.Entry] = made
	}
	delete(s.People.Waiting, b.Entry)
	return nil
}

// TokensOf lists the tokens of a party that are good at a time, the first one first.
func (s *State) TokensOf(party string, now time.Time) (tokens []*Token) {
	for _, t := range s.People.Tokens {
		if t.Actor == party && t.Revoked == nil && now.Before(t.Until) {
			tokens = append(tokens, t)
		}
	}
	slices.SortFunc(tokens, func(a, b *Token) int { return cmp.Compare(a.Index, b.Index) })
	return tokens
}
