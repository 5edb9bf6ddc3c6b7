package governance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
)

const (
	rpID   = "portal.example.eu"
	origin = "https://portal.example.eu"
	code   = "a code of sixteen and more letters"
)

// touches takes a statement through the gate, signed with a passkey.
func (w *world) touches(a *passkeytest.Authenticator, actor string, body ledger.Body) error {
	w.t.Helper()
	s, err := ledger.New(actor, w.now, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.state.Admit(w.t.Context(), ledger.Entry{Index: w.state.Size, Envelope: a.Seal(s), Statement: s})
}

func (w *world) enrolment(party, code string) ledger.EnrolmentOpened {
	return ledger.EnrolmentOpened{Party: party, Code: ledger.Sum([]byte(code)), Until: w.now.Add(time.Hour), Reason: "joins"}
}

// proposes makes a proposal.
func (w *world) proposes(body ledger.Body) ledger.Proposed {
	w.t.Helper()
	p, err := ledger.Propose(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func registration(a *passkeytest.Authenticator, code string) ledger.PasskeyRegistered {
	return ledger.PasskeyRegistered{Passkey: a.Passkey, Name: "key ring", Code: code}
}

// enrol gives a party a passkey, by its own key file.
func (w *world) enrol(party string) *passkeytest.Authenticator {
	w.t.Helper()
	a := passkeytest.New(w.t, "ES256", rpID, origin)
	w.must(party, w.enrolment(party, code+party))
	if err := w.touches(a, party, registration(a, code+party)); err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) refused(err error, want string) {
	w.t.Helper()
	var refusal *governance.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
		w.t.Errorf("%v: want a refusal with %q", err, want)
	}
}

func (w *world) admitted(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

func TestWhoHasAPasskeyDecidesWithIt(t *testing.T) {
	w := until(t, approve.Kind())
	if due := w.state.Due("diane", w.now, approve); due.Passkey || due.Second != nil {
		t.Errorf("before there is a passkey: %+v", due)
	}
	a := w.enrol("diane")
	if due := w.state.Due("diane", w.now, approve); !due.Passkey {
		t.Errorf("with a passkey: %+v", due)
	}
	w.refused(w.say("diane", "diane", approve), "a key file does not do")
	w.refused(w.touches(passkeytest.New(t, "ES256", rpID, origin), "diane", approve), "no passkey of diane")
	w.admitted(w.touches(a, "diane", approve))
	p, err := w.state.Project("flu")
	if err != nil || p.Status != governance.Approved || p.Decision.Actor != "diane" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAPasskeyIsItsOwnersAlone(t *testing.T) {
	w := until(t, approve.Kind())
	a := w.enrol("alice")
	w.refused(w.touches(a, "diane", approve), "no passkey of diane")
	w.refused(w.touches(a, "alice", approve), "may not")
	// The same authenticator for two people would be one person.
	w.must("bob", w.enrolment("bob", "bob's code"))
	w.refused(w.touches(a, "bob", registration(a, "bob's code")), "no passkey of bob")
}

func TestARemovedPasskeySignsNothing(t *testing.T) {
	w := until(t, approve.Kind())
	a := w.enrol("diane")
	w.must(controller, ledger.PasskeyRemoved{Party: "diane", Credential: a.Credential, Reason: "lost on a train"})
	w.refused(w.touches(a, "diane", approve), "was removed")
	// And the key file decides nothing either: else losing a passkey would be a way in.
	w.refused(w.say("diane", "diane", approve), "a key file does not do")
	w.refused(w.say("diane", "diane", w.enrolment("diane", "another code")), "the key file alone does not do")
	// The way back needs two people.
	w.refused(w.say(controller, controller, w.enrolment("diane", "another code")), "needs a second person")
	w.must(controller, w.proposes(w.enrolment("diane", "another code")))
	again := passkeytest.New(t, "EdDSA", rpID, origin)
	w.refused(w.touches(again, "diane", registration(again, "another code")), "no code that diane was given")
	entry, waiting := w.waits()
	w.refused(w.say(controller, controller, ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "met her"}), "")
	w.refused(w.say("diane", "diane", ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "it is me"}), "")
	w.must("bob", ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "met her"})
	w.admitted(w.touches(again, "diane", registration(again, "another code")))
	w.admitted(w.touches(again, "diane", approve))
}

// waits is the one statement that waits for a second person.
func (w *world) waits() (uint64, *governance.Waiting) {
	w.t.Helper()
	for entry, waiting := range w.state.People.Waiting {
		return entry, waiting
	}
	w.t.Fatal("nothing waits")
	return 0, nil
}

// A controller cannot slip a passkey of its own under somebody who is at work.
func TestNobodyIsReplacedUnseen(t *testing.T) {
	w := until(t, approve.Kind()) // diane has said nothing yet
	evil := passkeytest.New(t, "ES256", rpID, origin)
	w.must("diane", w.enrolment("diane", "hers")) // now she has
	w.refused(w.say(controller, controller, w.enrolment("diane", "not hers")), "needs a second person")
	w.must(controller, w.proposes(w.enrolment("diane", "not hers")))
	w.refused(w.touches(evil, "diane", registration(evil, "not hers")), "no code that diane was given")
	w.must(controller, w.enrolment("eve", "eve's")) // who never spoke: as when she was added
	fresh := passkeytest.New(t, "ES256", rpID, origin)
	w.admitted(w.touches(fresh, "eve", registration(fresh, "eve's")))
	w.refused(w.say("alice", "alice", w.enrolment("diane", "alice's")), "may not make")
}

func TestACodeIsGoodOnceAndNotForLong(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("diane")
	b := passkeytest.New(t, "ES256", rpID, origin)
	w.refused(w.touches(b, "diane", registration(b, code+"diane")), "was used")
	w.refused(w.touches(b, "diane", registration(b, "guessed")), "no code that diane was given")
	w.admitted(w.touches(a, "diane", w.enrolment("diane", "second")))
	w.refused(w.touches(b, "bob", registration(b, "second")), "no code that bob was given")
	w.now = w.now.Add(2 * time.Hour)
	w.refused(w.touches(b, "diane", registration(b, "second")), "ended")
	long := w.enrolment("diane", "third")
	long.Until = w.now.Add(8 * 24 * time.Hour)
	w.refused(w.touches(a, "diane", long), "7 days at most")
	again := w.enrolment("diane", "second")
	w.refused(w.touches(a, "diane", again), "was used before")
}

func TestARegistrationIsSignedByThePasskeyItself(t *testing.T) {
	w := newWorld(t)
	a, b := passkeytest.New(t, "ES256", rpID, origin), passkeytest.New(t, "ES256", rpID, origin)
	w.must("diane", w.enrolment("diane", code))
	w.refused(w.say("diane", "diane", registration(a, code)), "signs itself")
	w.refused(w.touches(b, "diane", registration(a, code)), "no passkey of diane")
	swapped := registration(a, code)
	swapped.PublicKey = b.PublicKey
	w.refused(w.touches(a, "diane", swapped), "does not fit")
	w.admitted(w.touches(a, "diane", registration(a, code)))
}

func TestACopiedAuthenticatorIsFound(t *testing.T) {
	w := until(t, approve.Kind())
	a := w.enrol("diane")
	before := *a
	before.Counter-- // the count of its registration once more
	w.refused(w.touches(&before, "diane", approve), "may have been copied")
	copied := *a
	w.admitted(w.touches(a, "diane", w.enrolment("diane", "x")))
	w.refused(w.touches(&copied, "diane", approve), "may have been copied")
	a.Counter = 0 // back to a count that was
	w.refused(w.touches(a, "diane", approve), "may have been copied")
	a.Counts, a.Counter = false, 0 // it no longer counts
	w.refused(w.touches(a, "diane", approve), "may have been copied")
	a.Counts, a.Counter = true, 7
	w.admitted(w.touches(a, "diane", approve))
}

// A statement in the log is no statement for later: a signature is for one time.
func TestAnEnvelopeIsNotReplayed(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("diane")
	a.Counts, a.Counter = true, 10
	s, err := ledger.New("diane", w.now, w.enrolment("diane", "once"))
	if err != nil {
		t.Fatal(err)
	}
	e := ledger.Entry{Index: w.state.Size, Envelope: a.Seal(s), Statement: s}
	w.admitted(w.state.Admit(t.Context(), e))
	e.Index = w.state.Size
	w.refused(w.state.Admit(t.Context(), e), "may have been copied")
}

func TestAPersonMayTakeTenMinutesToSign(t *testing.T) {
	w := until(t, approve.Kind())
	a := w.enrol("diane")
	before := w.now
	w.now = before.Add(5 * time.Minute)
	w.must("alice", w.enrolment("alice", "meanwhile"))
	w.now = before
	w.refused(w.say("bob", "bob", w.enrolment("bob", "late")), "the clock says") // a machine may not
	w.admitted(w.touches(a, "diane", approve))
	if at := w.state.Last; !at.Equal(before.Add(5 * time.Minute)) {
		t.Errorf("time went back to %s", at)
	}
	w.now = before.Add(20 * time.Minute)
	w.must("alice", w.enrolment("alice", "much later"))
	w.now = before.Add(5 * time.Minute)
	w.refused(w.touches(a, "diane", closeIt), "too long ago")
}

// What ended while somebody was looking for the key ring stays ended.
func TestATouchDoesNotTurnBackTheClock(t *testing.T) {
	w := until(t, letGo.Kind())
	a := w.enrol("bob")
	w.now = time.Date(2027, 1, 1, 0, 1, 0, 0, time.UTC) // one minute past the end
	w.must("alice", w.enrolment("alice", "new year"))
	w.now = w.now.Add(-5 * time.Minute)
	w.refused(w.touches(a, "bob", letGo), "ended on 2026-12-31")
}

func rules(passkeys string, two map[string][]string) ledger.SigningRulesSet {
	return ledger.SigningRulesSet{Passkeys: passkeys, TwoPersons: two, Reason: "security policy 4"}
}

func TestPasskeysCanBeRequiredOfEverybody(t *testing.T) {
	w := until(t, approve.Kind())
	grace := rules(governance.Required, nil)
	grace.From = w.now.Add(24 * time.Hour)
	w.must(controller, grace)
	w.now = w.now.Add(23 * time.Hour)
	w.must("diane", approve) // still
	w.now = w.now.Add(2 * time.Hour)
	w.refused(w.say("diane", "diane", closeIt), "a key file does not do")
	a := w.enrol("diane") // the way in stays open for who never had one
	w.admitted(w.touches(a, "diane", closeIt))
}

func TestTwoPersons(t *testing.T) {
	w := until(t, letGo.Kind())
	w.must(controller, ledger.PartyAdded{Name: "carol", Role: "output-checker", Signing: w.key("carol").Public().String(), Recipient: "age1carol"})
	w.must(controller, rules(governance.OnceRegistered, map[string][]string{"output-released": {"output-checker", "researcher"}}))
	w.refused(w.say("bob", "bob", letGo), "needs a second person")
	w.refused(w.say("diane", "diane", w.proposes(letGo)), "may not make a statement output-released")
	w.must("bob", w.proposes(letGo))
	output, err := w.state.Output("s-1-1")
	if err != nil || output.Decision != nil {
		t.Fatalf("one person released it: %+v, %v", output, err)
	}
	entry, waiting := w.waits()
	yes := ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "seen"}
	w.refused(w.say("bob", "bob", yes), "neither the one who signed")
	w.refused(w.say("alice", "alice", yes), "nor the one who asked") // a researcher of the project, whose role would do
	w.refused(w.say("diane", "diane", yes), "may not make")
	other := yes
	other.Envelope = ledger.Sum([]byte("another text"))
	w.refused(w.say("carol", "carol", other), "not what entry")
	wrong := yes
	wrong.Entry++
	w.refused(w.say("carol", "carol", wrong), "may not make")
	if got := w.state.WaitingFor("carol", w.now); len(got) != 1 {
		t.Errorf("carol sees %d", len(got))
	}
	if got := w.state.WaitingFor("bob", w.now); len(got) != 0 {
		t.Errorf("bob sees %d", len(got))
	}
	w.must("carol", yes)
	if !output.Released || output.Decision.Actor != "bob" || w.state.People.Seconds[entry].Actor != "carol" {
		t.Errorf("%+v, second %+v", output, w.state.People.Seconds[entry])
	}
	w.refused(w.say("carol", "carol", yes), "may not make") // once
}

func TestASecondPersonCanRefuseAndTheFirstWithdraw(t *testing.T) {
	for _, who := range []string{"carol", "bob"} {
		w := until(t, letGo.Kind())
		w.must(controller, ledger.PartyAdded{Name: "carol", Role: "output-checker", Signing: w.key("carol").Public().String(), Recipient: "age1carol"})
		w.must(controller, rules(governance.OnceRegistered, map[string][]string{"output-released": {"output-checker"}}))
		w.must("bob", w.proposes(letGo))
		entry, waiting := w.waits()
		w.must(who, ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Refused: true, Reason: "small cells"})
		if output, err := w.state.Output("s-1-1"); err != nil || output.Decision != nil || len(w.state.People.Waiting) != 0 {
			t.Errorf("%s: %+v, %v", who, output, err)
		}
	}
}

// What waited too long, or has ended meanwhile, is not woken by a second person.
func TestWhatWaitsEndsToo(t *testing.T) {
	w := until(t, letGo.Kind())
	w.must(controller, ledger.PartyAdded{Name: "carol", Role: "output-checker", Signing: w.key("carol").Public().String(), Recipient: "age1carol"})
	w.must(controller, rules(governance.OnceRegistered, map[string][]string{"output-released": {"output-checker"}}))
	w.must("bob", w.proposes(letGo))
	entry, waiting := w.waits()
	yes := ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "seen"}
	w.now = w.now.Add(31 * 24 * time.Hour)
	w.refused(w.say("carol", "carol", yes), "waited for a second person until")
	w.now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	w.refused(w.say("carol", "carol", yes), "")
}

// Whoever could loosen the rules alone would need nobody.
func TestRulesAreLoosenedByTwo(t *testing.T) {
	strict := rules(governance.Required, map[string][]string{"output-released": {"output-checker"}})
	for name, loose := range map[string]ledger.SigningRulesSet{
		"no passkeys":        rules(governance.OnceRegistered, strict.TwoPersons),
		"one person":         rules(governance.Required, nil),
		"more who may":       rules(governance.Required, map[string][]string{"output-released": {"output-checker", "controller"}}),
		"someday, passkeys":  {Passkeys: governance.Required, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), TwoPersons: strict.TwoPersons, Reason: "x"},
		"another kind alone": rules(governance.Required, map[string][]string{"project-approved": {"output-checker"}}),
	} {
		w := newWorld(t)
		w.must(controller, strict)
		w.refused(w.say(controller, controller, loose), "needs a second person")
		w.must(controller, w.proposes(loose))
		if got := w.state.People.Rules; got.Passkeys != governance.Required || !got.From.IsZero() || len(got.TwoPersons["output-released"]) != 1 {
			t.Errorf("%s: one person loosened the rules to %+v", name, got)
		}
		entry, waiting := w.waits()
		yes := ledger.Countersigned{Entry: entry, Envelope: waiting.Envelope, Reason: "agreed"}
		a := w.enrol("diane")
		w.refused(w.say("diane", "diane", yes), "a key file does not do")
		w.admitted(w.touches(a, "diane", yes))
		if got := w.state.People.Rules; got.Reason != loose.Reason || len(w.state.People.Waiting) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	w := newWorld(t)
	w.must(controller, strict)
	w.must(controller, rules(governance.Required, map[string][]string{"output-released": {"output-checker"}, "project-approved": {"output-checker"}}))
	if len(w.state.People.Waiting) != 0 {
		t.Error("stricter rules wait")
	}
	w.refused(w.say(controller, controller, w.proposes(rules("never", nil))), "want once-registered or required")
	more := map[string][]string{"output-released": {"output-checker"}, "project-approved": {"output-checker"}, "run-finished": {"controller"}}
	w.refused(w.say(controller, controller, rules(governance.Required, more)), "cannot wait")
	w.refused(w.say(controller, controller, w.proposes(ledger.KeysRotated{Root: "file"})), "no second person is needed")
	w.refused(w.say(controller, controller, w.proposes(w.proposes(closeIt))), "may not make a statement proposed")
	w.refused(w.say("diane", "diane", strict), "may not make")
}

func TestAMachineMovesTheWarehouseUnderAPersonsOrder(t *testing.T) {
	w := newWorld(t)
	w.must(controller, ledger.HostRegistered{Host: "other", HostKind: "directory", URL: "other", Jurisdiction: "FR"})
	move := ledger.HostMigrated{From: "test", To: "other"}
	a := w.enrol(controller)
	w.refused(w.say(controller, controller, move), "ordered with a passkey first")
	order := ledger.StepOrdered{Step: "host-migrated", Host: "other", Until: w.now.Add(time.Hour), Reason: "contract ends"}
	w.refused(w.say(controller, controller, order), "a key file does not do")
	w.admitted(w.touches(a, controller, order))
	w.refused(w.say(controller, controller, ledger.HostLeft{Host: "test", Recipient: "age1new", Reason: "x"}), "ordered with a passkey first")
	w.now = w.now.Add(2 * time.Hour)
	w.refused(w.say(controller, controller, move), "ordered with a passkey first") // the order has ended
	order.Until = w.now.Add(time.Hour)
	w.admitted(w.touches(a, controller, order))
	w.must(controller, move)
	// An order is for one step.
	w.refused(w.say(controller, controller, ledger.HostMigrated{From: "other", To: "test"}), "ordered with a passkey first")
	w.refused(w.say(controller, controller, ledger.HostErased{Host: "test", Reason: "left"}), "ordered with a passkey first")
}

// What the clock decides needs nobody's hand.
func TestARetentionEndsWithoutAPasskey(t *testing.T) {
	w := until(t, request.Kind())
	a := w.enrol(controller)
	w.refused(w.say(controller, controller, ledger.PasskeyRemoved{Party: controller, Credential: a.Credential, Reason: "x"}), "the key file alone does not do")
	w.must(controller, eraseIt) // its retention date, zero in this story, is past
}

func TestLoginsAreLinkedByTheControllerAndOnce(t *testing.T) {
	w := newWorld(t)
	link := ledger.LoginLinked{Party: "diane", Issuer: "https://id.example.eu", Subject: "42"}
	w.refused(w.say("diane", "diane", link), "may not make")
	w.must(controller, link)
	again := link
	again.Party = "bob"
	w.refused(w.say(controller, controller, again), "is diane already")
	plain := ledger.LoginLinked{Party: "bob", Issuer: "http://id.example.eu", Subject: "43"}
	w.refused(w.say(controller, controller, plain), "want an https address")
	nobody := ledger.LoginLinked{Party: "nobody", Issuer: "https://id.example.eu", Subject: "43"}
	w.refused(w.say(controller, controller, nobody), "is no party")
	w.must(controller, ledger.LoginUnlinked{Issuer: link.Issuer, Subject: link.Subject, Reason: "left"})
	w.must(controller, again)
}

func TestTokens(t *testing.T) {
	w := until(t, "")
	token := func() ledger.TokenIssued {
		return ledger.TokenIssued{Token: "t-0123456789abcdef", Secret: ledger.Sum([]byte("secret")), Name: "ci", Scopes: []string{"request"}, Projects: []string{"flu"}, Until: w.now.Add(time.Hour)}
	}
	for name, change := range map[string]func(*ledger.TokenIssued){
		"a token lasts 7 days":     func(b *ledger.TokenIssued) { b.Until = w.now.Add(8 * 24 * time.Hour) },
		"a nearer end":             func(b *ledger.TokenIssued) { b.Until = w.now },
		"without a scope":          func(b *ledger.TokenIssued) { b.Scopes = nil },
		"cannot give a token":      func(b *ledger.TokenIssued) { b.Scopes = []string{"read", "run"} },
		"the scope \"everything\"": func(b *ledger.TokenIssued) { b.Scopes = []string{"everything"} },
		"no project":               func(b *ledger.TokenIssued) { b.Projects = []string{"flu", "other"} },
		"no id of a token":         func(b *ledger.TokenIssued) { b.Token = "../../etc" },
		"no secret":                func(b *ledger.TokenIssued) { b.Secret = "" },
		"on one line":              func(b *ledger.TokenIssued) { b.Name = "a\nb" },
	} {
		b := token()
		change(&b)
		err := w.say("alice", "alice", b)
		var refusal *governance.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.refused(w.say("eve", "eve", token()), "no researcher of project flu")
	w.must("alice", token())
	w.refused(w.say("alice", "alice", token()), "is taken")
	w.refused(w.say("eve", "eve", ledger.TokenRevoked{Token: token().Token, Reason: "x"}), "may not make")
	w.must(controller, ledger.TokenRevoked{Token: token().Token, Reason: "leaked"})
	if w.state.People.Tokens[token().Token].Revoked == nil {
		t.Error("not revoked")
	}
	// With a passkey, the key file gives no tokens away.
	w.enrol("alice")
	other := token()
	other.Token = "t-fedcba9876543210"
	w.refused(w.say("alice", "alice", other), "the key file alone does not do")
}
