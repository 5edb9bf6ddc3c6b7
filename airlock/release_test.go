package airlock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// Two tables, each harmless: together the first gives the hidden counts of the second back.
var (
	bySex    = file{"sex.csv", "sex,persons\nF,305\nM,700\n"}
	bySexAge = file{"age.csv", "sex,age,persons\nF,young,\nF,old,300\nM,young,200\nM,old,\n"}
)

// doors are all ways to state that an output may leave.
var doors = map[string]func(h *home, w *warehouse.Warehouse, id string, digest ledger.Digest) error{
	"the command": func(h *home, w *warehouse.Warehouse, id string, _ ledger.Digest) error {
		_, err := airlock.Release(h.t.Context(), w, "bob", id, "large cells")
		return err
	},
	"a statement that is made here": func(h *home, w *warehouse.Warehouse, id string, digest ledger.Digest) error {
		_, err := w.Commit(h.t.Context(), "bob", ledger.OutputReleased{Output: id, SHA256: digest, Reason: "large cells"})
		return err
	},
	"one that was signed elsewhere, as the portal and its API take it": func(h *home, w *warehouse.Warehouse, id string, digest ledger.Digest) error {
		_, err := w.Submit(h.t.Context(), h.signed("bob", ledger.OutputReleased{Output: id, SHA256: digest, Reason: "large cells"}))
		return err
	},
}

// TestNothingIsReleasedUncompared: whatever the door, an output is compared with what was
// released since its run.
func TestNothingIsReleasedUncompared(t *testing.T) {
	for name, release := range doors {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "flu", "other")
			first, second := h.ran("flu", "s-1", "SELECT 1", bySex)[0], h.ran("flu", "s-2", "SELECT 2", bySexAge)[0]
			elsewhere := h.ran("other", "s-3", "SELECT 2", bySexAge)[0]
			if err := release(h, h.Warehouse, first, h.output(first).SHA256); err != nil {
				t.Fatal(err)
			}
			err := release(h, h.Warehouse, second, h.output(second).SHA256)
			if err == nil || !strings.Contains(err.Error(), "discloses together with what was released since its run") {
				t.Errorf("got %v", err)
			}
			if h.output(second).Released {
				t.Error("it is out")
			}
			if err := release(h, h.Warehouse, elsewhere, h.output(elsewhere).SHA256); err != nil {
				t.Errorf("another project's: %v", err)
			}
		})
	}
}

// TestASecondPersonIsNoWayRound: what was harmless when it was proposed is compared again
// when it is countersigned.
func TestASecondPersonIsNoWayRound(t *testing.T) {
	h := newHome(t, "flu")
	h.say("chu", ledger.SigningRulesSet{Passkeys: "once-registered", TwoPersons: map[string][]string{"output-released": {"output-checker"}}, Reason: "policy"})
	proposals := map[string]ledger.Entry{}
	ids := []string{h.ran("flu", "s-1", "SELECT 1", bySex)[0], h.ran("flu", "s-2", "SELECT 2", bySexAge)[0]}
	for _, id := range ids {
		_, err := airlock.Release(t.Context(), h.Warehouse, "bob", id, "large cells")
		var second *warehouse.SecondWanted
		if !errors.As(err, &second) {
			t.Fatal(err)
		}
		proposals[id] = second.Entry
	}
	agree := func(id string) error {
		e := proposals[id]
		_, err := h.Commit(t.Context(), "brigitte", ledger.Countersigned{Entry: e.Index, Envelope: ledger.Sum(e.Envelope), Reason: "seen"})
		return err
	}
	if err := agree(ids[0]); err != nil {
		t.Fatal(err)
	}
	if err := agree(ids[1]); err == nil || !strings.Contains(err.Error(), "discloses together") {
		t.Errorf("the second one: %v", err)
	}
	if h.output(ids[1]).Released {
		t.Error("it is out")
	}
	e := proposals[ids[1]]
	h.say("brigitte", ledger.Countersigned{Entry: e.Index, Envelope: ledger.Sum(e.Envelope), Refused: true, Reason: "it discloses"})
}

// TestTwoReleasesCannotPassEachOther releases two outputs at the same time, from two
// processes and by all doors: whoever comes second is compared with the first.
func TestTwoReleasesCannotPassEachOther(t *testing.T) {
	h := newHome(t, "flu")
	n := 0
	for name, release := range doors {
		for round := range 3 {
			n++
			project := fmt.Sprintf("p%d", n)
			h.project(project)
			ids := []string{h.ran(project, project+"-1", "SELECT 1", bySex)[0], h.ran(project, project+"-2", "SELECT 2", bySexAge)[0]}
			var wg sync.WaitGroup
			errs := make([]error, len(ids))
			other := h.again()
			digests := []ledger.Digest{h.output(ids[0]).SHA256, h.output(ids[1]).SHA256}
			for i, w := range []*warehouse.Warehouse{h.Warehouse, other} {
				if round == 2 {
					w = h.Warehouse // two requests of one server
				}
				wg.Go(func() { errs[i] = release(h, w, ids[i], digests[i]) })
			}
			wg.Wait()
			if out := []bool{h.output(ids[0]).Released, h.output(ids[1]).Released}; out[0] && out[1] || !out[0] && !out[1] {
				t.Errorf("%s: released %v, %v", name, out, errs)
			}
		}
	}
}

// TestSomethingElseMeanwhile releases many harmless outputs at once: each is compared until
// nothing has come between.
func TestSomethingElseMeanwhile(t *testing.T) {
	h := newHome(t, "flu")
	var wg sync.WaitGroup
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = h.ran("flu", fmt.Sprintf("s-%d", i), "SELECT 1", file{"a.csv", fmt.Sprintf("season%d,persons\nwinter,%d\n", i, 100+i)})[0]
	}
	for _, id := range ids {
		wg.Go(func() {
			if _, err := airlock.Release(context.WithoutCancel(t.Context()), h.Warehouse, "bob", id, "large cells"); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
}

// TestManyAtOnceReleaseNothing: statements that are recorded together are not compared.
func TestManyAtOnceReleaseNothing(t *testing.T) {
	h := newHome(t, "flu")
	id := h.ran("flu", "s-1", "SELECT 1", bySex)[0]
	if _, err := h.CommitAll(t.Context(), []warehouse.Said{{Actor: "bob", Body: ledger.OutputReleased{Output: id, SHA256: h.output(id).SHA256, Reason: "large cells"}}}); err == nil {
		t.Error("it is out")
	}
}
