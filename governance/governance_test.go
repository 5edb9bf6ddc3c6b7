package governance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/schemas"
)

// world is a warehouse under construction: statements go through the gate.
type world struct {
	t     testing.TB
	state *governance.State
	keys  map[string]ledger.Key
	now   time.Time
}

const controller = "controller"

func newWorld(t testing.TB) *world {
	w := &world{t: t, state: governance.NewState(), keys: map[string]ledger.Key{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	w.must(controller, ledger.WarehouseCreated{Name: "test", Signing: w.key(controller).Public().String(), Recipient: "age1" + controller, Host: "test"})
	w.must(controller, ledger.HostRegistered{Host: "test", HostKind: "directory", URL: "host", Jurisdiction: "FR"})
	for name, role := range map[string]governance.Role{
		"chu": governance.Provider, "ttp": governance.LinkageAuthority, "alice": governance.Researcher, "eve": governance.Researcher,
		"bob": governance.OutputChecker, "diane": governance.Officer,
	} {
		w.must(controller, ledger.PartyAdded{Name: name, Role: string(role), Signing: w.key(name).Public().String(), Recipient: "age1" + name})
	}
	return w
}

func (w *world) key(name string) ledger.Key {
	if _, ok := w.keys[name]; !ok {
		key, err := ledger.NewKey()
		if err != nil {
			w.t.Fatal(err)
		}
		w.keys[name] = key
	}
	return w.keys[name]
}

// say takes a statement through the gate, signed by signer in the name of actor.
func (w *world) say(actor, signer string, body ledger.Body) error {
	s, err := ledger.New(actor, w.now, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := schemas.Validate(s); err != nil {
		w.t.Error(err)
	}
	envelope, err := ledger.Seal(w.t.Context(), s, w.key(signer))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.state.Admit(w.t.Context(), ledger.Entry{Index: w.state.Size, Envelope: envelope, Statement: s})
}

func (w *world) must(actor string, body ledger.Body) {
	w.t.Helper()
	if err := w.say(actor, actor, body); err != nil {
		w.t.Fatalf("%s, %s: %v", actor, body.Kind(), err)
	}
}

// The statements of a story that leads to a released output.
var (
	object   = ledger.Object{Name: "00", Key: "release-1"}
	deposit  = ledger.DepositMade{Deposit: "d-1", Authority: "ttp", Pseudonyms: "keyed"}
	linkage  = ledger.PersonsLinked{Linkage: "l-1", Pseudonyms: "keyed", Deposits: []string{"d-1"}}
	release  = ledger.ReleasePublished{Release: "r-1", Linkage: "l-1", Deposits: []string{"d-1"}, Manifest: object}
	request  = ledger.ProjectRequested{Project: "flu", Spec: spec}
	approve  = ledger.ProjectApproved{Project: "flu", Spec: ledger.Sum([]byte(spec)), Reason: "opinion 12"}
	extract  = ledger.ProjectExtracted{Project: "flu", Release: "r-1", Tables: []ledger.TableCount{{Table: "person"}}, Objects: []ledger.Object{{Name: "01", Key: "project-flu"}}}
	runIt    = ledger.RunRequested{Run: "s-1", Project: "flu"}
	finish   = ledger.RunFinished{Run: "s-1", Outcome: "done", Outputs: []ledger.Output{{Output: "s-1-1", SHA256: "aa"}, {Output: "s-1-2", SHA256: "bb", Refused: true}}}
	letGo    = ledger.OutputReleased{Output: "s-1-1", SHA256: "aa", Reason: "large cells"}
	keepIn   = ledger.OutputRefused{Output: "s-1-1", Reason: "unclear"}
	closeIt  = ledger.ProjectClosed{Project: "flu", Reason: "done"}
	eraseIt  = ledger.ReleaseErased{Release: "r-1", Reason: "old"}
	actor    = map[string]string{deposit.Kind(): "chu", linkage.Kind(): "ttp", request.Kind(): "alice", approve.Kind(): "diane", runIt.Kind(): "alice", letGo.Kind(): "bob", keepIn.Kind(): "bob"}
	allSteps = []ledger.Body{deposit, linkage, release, request, approve, extract, runIt, finish, letGo}
)

const spec = `
project: flu
title: Influenza
purpose: To know how often
legal_basis: {text: GDPR 9(2)(j), reference: DR-1}
persons: SELECT person_id FROM person
tables: {person: all}
period: {from: 2020-01-01, to: 2024-12-31}
researchers: [alice]
ends: 2026-12-31
minimum_cell_count: 11
`

func actorOf(body ledger.Body) string {
	if name, ok := actor[body.Kind()]; ok {
		return name
	}
	return controller
}

// until plays the story up to, and without, a step.
func until(t testing.TB, kind string) *world {
	w := newWorld(t)
	for _, body := range allSteps {
		if body.Kind() == kind {
			break
		}
		w.must(actorOf(body), body)
	}
	return w
}

func TestTheWholeStoryIsAdmitted(t *testing.T) {
	w := until(t, "")
	if o, err := w.state.Output("s-1-1"); err != nil || !o.Released || o.Decision.Actor != "bob" {
		t.Errorf("%+v, %v", o, err)
	}
}

// Each step belongs to one role, and nobody else can take it.
func TestNobodyTakesAnothersStep(t *testing.T) {
	for _, body := range append(allSteps, keepIn, closeIt, eraseIt) {
		w := until(t, body.Kind())
		for name, party := range w.state.Parties {
			allowed := name == actorOf(body) || body.Kind() == closeIt.Kind() && party.Role == governance.Officer
			if allowed {
				continue
			}
			var refusal *governance.Refusal
			if err := w.say(name, name, body); !errors.As(err, &refusal) {
				t.Errorf("%s by %s: %v", body.Kind(), name, err)
			}
		}
	}
}

// A statement in somebody's name needs that party's own key.
func TestSomebodyElsesKeyIsOfNoUse(t *testing.T) {
	for _, body := range allSteps {
		w := until(t, body.Kind())
		for name := range w.state.Parties {
			if name != actorOf(body) {
				if err := w.say(actorOf(body), name, body); err == nil {
					t.Errorf("%s in the name of %s is admitted with the key of %s", body.Kind(), actorOf(body), name)
				}
			}
		}
	}
}

func TestRefusalsSayWhyAndWhatToDo(t *testing.T) {
	cases := map[string]struct {
		before string // the step of the story that has not happened
		change func(*world)
		actor  string
		body   ledger.Body
		want   string
	}{
		"a project that is not approved": {"project-approved", nil, "alice", runIt, "not approved"},
		"a project that has ended":       {"run-requested", func(w *world) { w.now = w.now.AddDate(0, 2, 0) }, "alice", runIt, "the authorisation of project flu ended on 2026-12-31"},
		"the last second of the last day": {"run-requested", func(w *world) {
			w.now = time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
		}, "alice", runIt, ""},
		"an approval of another text":     {"project-approved", nil, "diane", ledger.ProjectApproved{Project: "flu", Spec: "00", Reason: "r"}, "not what was requested"},
		"a decision without a reason":     {"output-released", nil, "bob", ledger.OutputReleased{Output: "s-1-1", SHA256: "aa"}, "needs a reason"},
		"what disclosure refused":         {"output-released", nil, "bob", ledger.OutputReleased{Output: "s-1-2", SHA256: "bb", Reason: "r"}, "small counts"},
		"another file than was checked":   {"output-released", nil, "bob", ledger.OutputReleased{Output: "s-1-1", SHA256: "bb", Reason: "r"}, "not what the run wrote"},
		"a second decision":               {"", nil, "bob", keepIn, "already"},
		"a researcher of no project":      {"run-requested", nil, "eve", runIt, "may not make"},
		"a project for somebody else":     {"project-requested", nil, "eve", request, "may not make"},
		"the clock set back":              {"run-requested", func(w *world) { w.now = w.now.Add(-time.Minute) }, "alice", runIt, "clock"},
		"rows that do not add up":         {"deposit-made", nil, "chu", ledger.DepositMade{Deposit: "d", Authority: "ttp", Files: []ledger.FileCount{{Rows: 3, Accepted: 1, Refused: 1}}}, "3 rows"},
		"a release of what is not linked": {"release-published", nil, controller, ledger.ReleasePublished{Release: "r", Linkage: "l-1", Deposits: []string{"d-2"}}, "not part of linkage"},
		"an unknown project":              {"run-requested", nil, "alice", ledger.RunRequested{Run: "s", Project: "flo"}, `no project "flo"`},
		"a party twice":                   {"deposit-made", nil, controller, ledger.PartyAdded{Name: "bob", Role: "provider"}, "already"},
		"a second warehouse":              {"deposit-made", nil, controller, ledger.WarehouseCreated{}, "already"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := until(t, c.before)
			if c.change != nil {
				c.change(w)
			}
			err := w.say(c.actor, c.actor, c.body)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A party with another's keys could sign in its name.
func TestKeysBelongToOne(t *testing.T) {
	w := newWorld(t)
	for _, body := range []ledger.PartyAdded{
		{Name: "mallory", Role: "provider", Signing: w.key("chu").Public().String(), Recipient: "age1mallory"},
		{Name: "mallory", Role: "provider", Signing: w.key("mallory").Public().String(), Recipient: "age1chu"},
	} {
		if err := w.say(controller, controller, body); err == nil {
			t.Errorf("%+v is admitted", body)
		}
	}
}

// testdata/spec/*.txtar: a request and, in "error", parts of what it must say.
func TestRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		archive := txtar.Parse(data)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			parts := map[string]string{}
			for _, f := range archive.Files {
				parts[f.Name] = string(f.Data)
			}
			_, err := governance.ParseSpec([]byte(parts["request.yaml"]))
			want := strings.TrimSpace(parts["error"])
			if want == "" && err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(want) {
				if line = strings.TrimSpace(line); !strings.Contains(fmt.Sprint(err), line) {
					t.Errorf("got %v\nwant %s", err, line)
				}
			}
		})
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(spec))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if s, err := governance.ParseSpec(text); err == nil {
			_ = s.Ends.End()
		}
	})
}

// Leaving a host erases all that lay there and gives the controller another
// identity. What comes after it is a new life.
func TestWhoLeavesAHostStartsAnew(t *testing.T) {
	w := until(t, "output-released")
	leave := ledger.HostLeft{Host: "test", Reason: "the contract ended", Recipient: "age1new"}
	for name, c := range map[string]struct {
		actor, want string
		body        ledger.HostLeft
	}{
		"by a researcher":      {"alice", "may not make", leave},
		"without a reason":     {controller, "needs a reason", ledger.HostLeft{Recipient: "age1new"}},
		"without an identity":  {controller, "no new identity", ledger.HostLeft{Reason: "r"}},
		"with the old one":     {controller, "identity of", ledger.HostLeft{Reason: "r", Recipient: "age1" + controller}},
		"with somebody else's": {controller, "identity of", ledger.HostLeft{Reason: "r", Recipient: "age1chu"}},
	} {
		if err := w.say(c.actor, c.actor, c.body); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	w.must(controller, leave)
	if got := w.state.Parties[controller].Recipient; got != "age1new" {
		t.Errorf("the controller receives at %s", got)
	}
	for name, body := range map[string]ledger.Body{
		"a linkage of erased deposits":   ledger.PersonsLinked{Linkage: "l-2", Pseudonyms: "keyed", Deposits: []string{"d-1"}},
		"a release of an erased linkage": ledger.ReleasePublished{Release: "r-2", Linkage: "l-1", Deposits: []string{"d-1"}, Manifest: ledger.Object{Key: "release-2"}},
		"a run in a project that ended":  ledger.RunRequested{Run: "s-2", Project: "flu"},
		"a second erasure":               eraseIt,
	} {
		var refusal *governance.Refusal
		if err := w.say(actorOf(body), actorOf(body), body); !errors.As(err, &refusal) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, body := range []ledger.Body{
		ledger.DepositMade{Deposit: "d-2", Authority: "ttp", Pseudonyms: "keyed"},
		ledger.PersonsLinked{Linkage: "l-2", Pseudonyms: "keyed", Deposits: []string{"d-2"}},
		ledger.ReleasePublished{Release: "r-2", Linkage: "l-2", Deposits: []string{"d-2"}, Manifest: ledger.Object{Key: "release-2"}},
	} {
		w.must(actorOf(body), body)
	}
	if r, err := w.state.Release("latest"); err != nil || r.Release != "r-2" || r.Erased != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
