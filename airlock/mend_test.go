package airlock_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// small has a count under the minimum.
var small = file{"small.csv", "department,persons\nAin,120\nAisne,3\nAllier,40\nTotal,163\n"}

// TestATableIsChanged: what a method makes of an output is another output, with who wanted
// it and of which; it waits by itself, and is compared with what leaves later.
func TestATableIsChanged(t *testing.T) {
	for _, method := range disclosure.MethodsFor("small.csv") {
		t.Run(string(method), func(t *testing.T) {
			h := newHome(t, "flu")
			id := h.ran("flu", "s-1", "SELECT 1", small)[0]
			all, err := airlock.Suggest(t.Context(), h.Warehouse, id, method)
			if err != nil || len(all) != 1 || len(all[0].Changes) == 0 || all[0].Report.Verdict == disclosure.Refused {
				t.Fatalf("%+v, %v", all, err)
			}
			if _, err := airlock.Change(t.Context(), h.Warehouse, "carol", id, method); err == nil {
				t.Error("a researcher of another project had it changed")
			}
			if _, err := airlock.Change(t.Context(), h.Warehouse, "bob", id, method); err == nil {
				t.Error("a checker had it changed")
			}
			made, err := airlock.Change(t.Context(), h.Warehouse, "alice", id, method)
			if err != nil {
				t.Fatal(err)
			}
			o := h.output(made.Result.Output)
			if o.Handled().From != id || o.Handled().Method != string(method) || o.Handled().By != "alice" || o.Refused || o.Output.Output != id+"-"+string(method) {
				t.Errorf("%+v", o)
			}
			data, err := project.Output(t.Context(), h.Warehouse, o)
			if err != nil || strings.Contains(string(data), "Aisne,3\n") {
				t.Errorf("%s, %v", data, err)
			}
			released, err := airlock.Release(t.Context(), h.Warehouse, "bob", made.Result.Output, "read it")
			if err != nil {
				t.Fatal(err)
			}
			d, err := airlock.Deliver(t.Context(), h.Warehouse, "alice", made.Result.Output, airlock.ByPortal)
			if err != nil || string(d.Data) != string(data) {
				t.Fatalf("%v, %v", d, err)
			}
			receipt, err := airlock.ReadReceipt(d.Receipt)
			if err != nil {
				t.Fatal(err)
			}
			if err := receipt.Verify(t.Context(), h.Log, d.Data); err != nil {
				t.Errorf("the receipt of %s: %v", released.Path, err)
			}
			if _, err := airlock.Change(t.Context(), h.Warehouse, "alice", id, method); err == nil {
				t.Error("it was changed twice")
			}
			// What was hidden is compared too: the totals of the same table give it back.
			if method == disclosure.Suppress {
				other := h.ran("flu", "s-2", "SELECT 2", file{"more.csv", "department,persons\nAin,120\nAllier,40\nTotal,163\n"})[0]
				if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", other, "read it"); err == nil {
					t.Error("what was hidden was given back by a later output")
				}
			}
		})
	}
}

// TestAFigureIsStripped: what a figure carries beside what is drawn is taken out, as another output.
func TestAFigureIsStripped(t *testing.T) {
	h := newHome(t, "flu")
	id := h.ran("flu", "s-1", "SELECT 1", file{"figure.svg", `<svg xmlns="http://www.w3.org/2000/svg"><!-- patient 4711 --><rect width="3" height="4"/></svg>`})[0]
	if _, err := airlock.Change(t.Context(), h.Warehouse, "alice", id, disclosure.Round); err == nil {
		t.Error("a figure was rounded")
	}
	made, err := airlock.Change(t.Context(), h.Warehouse, "alice", id, disclosure.Strip)
	if err != nil {
		t.Fatal(err)
	}
	if o := h.output(made.Result.Output); o.Refused || o.Output.Output != id+"-strip" {
		t.Errorf("%+v", o)
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", made.Result.Output, "two bars"); err != nil {
		t.Error(err)
	}
}

// TestAnInterruptedChangeIsMade: the request is in the ledger, and what comes of it is made later, once.
func TestAnInterruptedChangeIsMade(t *testing.T) {
	h := newHome(t, "flu")
	ids := h.ran("flu", "s-1", "SELECT 1", small, file{"notes.txt", "Read the table.\n"})
	h.say("alice", ledger.OutputChangeRequested{Change: "c-1", Output: ids[0], Method: "suppress"})
	h.say("alice", ledger.OutputChangeRequested{Change: "c-2", Output: ids[1], Method: "round"})
	for _, want := range []int{2, 0} {
		made, err := airlock.ChangeMissing(t.Context(), h.Warehouse)
		if err != nil || len(made) != want {
			t.Errorf("%d made, %v; want %d", len(made), err, want)
		}
	}
	state, err := h.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := state.Changes.Get("c-2"); !ok || !strings.Contains(c.Failed, "only a table") {
		t.Errorf("%+v", c)
	}
	if _, err := airlock.Suggest(t.Context(), h.Warehouse, ids[1]); err == nil || !strings.Contains(err.Error(), "only a table") {
		t.Errorf("a text: %v", err)
	}
}

func TestCommentsHoldNoHealthData(t *testing.T) {
	h := newHome(t, "flu")
	id := h.ran("flu", "s-1", "SELECT 1", small)[0]
	for _, text := range []string{"why is Aisne told apart?", "the second line is under the minimum", "merged, as in table 2 of the protocol"} {
		for _, who := range []string{"alice", "bob"} {
			if _, err := airlock.Comment(t.Context(), h.Warehouse, who, id, text); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	before := len(h.output(id).Handled().Comments)
	for name, text := range map[string]string{
		"a person's number": "it is 2 85 05 78 006 084 41", "an address": "ask marie.dupont@example.fr", "a count": "there are 3 patients in Aisne", "a count, too": "n = 4",
		"nothing": "", "two lines": "one\ntwo", "a roman": strings.Repeat("long ", 200), "what nobody sees": "a\u202eb",
	} {
		if _, err := airlock.Comment(t.Context(), h.Warehouse, "bob", id, text); err == nil {
			t.Errorf("%s was recorded: %q", name, text)
		}
		if _, err := h.Submit(t.Context(), h.signed("bob", ledger.OutputCommented{Output: id, Text: text})); err == nil {
			t.Errorf("%s, signed elsewhere, was recorded", name)
		}
	}
	if _, err := airlock.Comment(t.Context(), h.Warehouse, "carol", id, "interesting"); err == nil {
		t.Error("a researcher of another project commented")
	}
	if _, err := airlock.Refuse(t.Context(), h.Warehouse, "bob", id, "line 3 is 2 85 05 78 006 084 41"); err == nil || !strings.Contains(err.Error(), "identifier") {
		t.Errorf("a reason with a person's number: %v", err)
	}
	if got := len(h.output(id).Handled().Comments); got != before {
		t.Errorf("%d comments, want %d", got, before)
	}
}

func TestWhoTakesAnOutputDecides(t *testing.T) {
	h := newHome(t, "flu")
	id := h.ran("flu", "s-1", "SELECT 1", bySex)[0]
	for _, wrong := range []struct{ who, to string }{{"alice", "bob"}, {"bob", "alice"}, {"bob", "nobody"}, {"diane", "bob"}} {
		if _, err := airlock.Assign(t.Context(), h.Warehouse, wrong.who, id, wrong.to); err == nil {
			t.Errorf("%s gave it to %s", wrong.who, wrong.to)
		}
	}
	if _, err := airlock.Assign(t.Context(), h.Warehouse, "bob", id, "brigitte"); err != nil {
		t.Fatal(err)
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", id, "large cells"); err == nil || !strings.Contains(err.Error(), "is with brigitte") {
		t.Errorf("bob: %v", err)
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "brigitte", id, "large cells"); err != nil {
		t.Error(err)
	}
}

// TestFourEyesByTheAuthorisation: a project that says so has two checkers for each output,
// though the warehouse's rules ask for one.
func TestFourEyesByTheAuthorisation(t *testing.T) {
	h := newHome(t)
	h.project("flu", "checking: {within: 2, checkers: 2}")
	h.project("other")
	id, other := h.ran("flu", "s-1", "SELECT 1", bySex)[0], h.ran("other", "s-2", "SELECT 1", bySex)[0]
	_, err := airlock.Release(t.Context(), h.Warehouse, "bob", id, "large cells")
	var second *warehouse.SecondWanted
	if !errors.As(err, &second) || h.output(id).Released {
		t.Fatalf("one person released it: %v", err)
	}
	h.say("brigitte", ledger.Countersigned{Entry: second.Entry.Index, Envelope: ledger.Sum(second.Entry.Envelope), Reason: "seen"})
	if !h.output(id).Released {
		t.Error("two persons did not release it")
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", other, "large cells"); err != nil {
		t.Errorf("of another project: %v", err)
	}
	later := h.ran("flu", "s-3", "SELECT 2", file{"a.csv", "season,persons\nwinter,400\n"})[0]
	o := h.output(later)
	if state, err := h.State(t.Context()); err != nil || state.Late(o, o.Time.Add(47*time.Hour)) || !state.Late(o, o.Time.Add(49*time.Hour)) {
		t.Errorf("two days were promised: %v", err)
	}
}

// TestAnOutputIsHandedOutOnce: at the same time too, and by whatever means.
func TestAnOutputIsHandedOutOnce(t *testing.T) {
	h := newHome(t, "flu")
	id := h.ran("flu", "s-1", "SELECT 1", bySex)[0]
	if _, err := airlock.Deliver(t.Context(), h.Warehouse, "alice", id, airlock.ByPortal); err == nil {
		t.Error("it was handed out before it was released")
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", id, "large cells"); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"carol", "bob", "chu", "nobody"} {
		if _, err := airlock.Deliver(t.Context(), h.Warehouse, who, id, airlock.ByPortal); err == nil {
			t.Errorf("it was handed to %s", who)
		}
	}
	hand := func() (handed int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for i := range 8 {
			w := h.Warehouse
			if i%2 == 0 {
				w = h.again()
			}
			wg.Go(func() {
				d, err := airlock.Deliver(t.Context(), w, "alice", id, airlock.ByPortal)
				var refusal *governance.Refusal
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && string(d.Data) == bySex.text:
					handed++
				case !errors.As(err, &refusal):
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		return handed
	}
	if n := hand(); n != 1 {
		t.Errorf("it was handed out %d times", n)
	}
	if _, err := airlock.Renew(t.Context(), h.Warehouse, "alice", id, "alice", "lost"); err == nil {
		t.Error("she let herself have it once more")
	}
	if _, err := airlock.Renew(t.Context(), h.Warehouse, "bob", id, "alice", "the download broke off"); err != nil {
		t.Fatal(err)
	}
	if _, err := airlock.Renew(t.Context(), h.Warehouse, "bob", id, "alice", "and once more for later"); err == nil {
		t.Error("deliveries were hoarded")
	}
	if n := hand(); n != 1 {
		t.Errorf("after that it was handed out %d times", n)
	}
	if got := h.output(id).Handled().Deliveries; len(got) != 2 || got[0].Party != "alice" || got[0].Means != airlock.ByPortal {
		t.Errorf("the ledger says %+v", got)
	}
}

// TestTheCheckerSeesTheCode: and what it changed since the last release.
func TestTheCheckerSeesTheCode(t *testing.T) {
	h := newHome(t, "flu")
	first := h.ran("flu", "s-1", "SELECT sex\nFROM person", bySex)[0]
	c, err := airlock.ContextOf(t.Context(), h.Warehouse, first)
	if err != nil || c.Since != "" || len(c.Code) != 1 || c.Code[0].Name != "study.sql" || c.Code[0].State != "" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := airlock.Release(t.Context(), h.Warehouse, "bob", first, "large cells"); err != nil {
		t.Fatal(err)
	}
	second := h.ran("flu", "s-2", "SELECT age\nFROM person", file{"a.csv", "age,persons\nold,400\n"})[0]
	if c, err = airlock.ContextOf(t.Context(), h.Warehouse, second); err != nil || c.Since != first {
		t.Fatalf("%+v, %v", c, err)
	}
	if diff := c.Code[0].Diff; !strings.Contains(diff, "-SELECT sex") || !strings.Contains(diff, "+SELECT age") || !strings.Contains(diff, " FROM person") {
		t.Errorf("the difference is\n%s", diff)
	}
}
