package governance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// generator is a public key of an oblivious function: ristretto255's generator.
const generator = "ristretto255:4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY="

// TestTokensOfTwoKeysAreNotLinked: a linkage is over one kind of tokens.
func TestTokensOfTwoKeysAreNotLinked(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"eval-a", "eval-b"} {
		w.must(controller, ledger.PartyAdded{Name: name, Role: "linkage-authority", Signing: w.key(name).Public().String(), Recipient: "age1" + name, Oblivious: generator})
	}
	for id, d := range map[string]ledger.DepositMade{
		"d-k":  {Pseudonyms: "keyed"},
		"d-a":  {Pseudonyms: "oblivious", Evaluator: "eval-a"},
		"d-b":  {Pseudonyms: "oblivious", Evaluator: "eval-b"},
		"d-ka": {Pseudonyms: "both", Evaluator: "eval-a"},
	} {
		d.Deposit, d.Authority = id, "ttp"
		w.must("chu", d)
	}
	for name, c := range map[string]struct {
		mode, evaluator string
		deposits        []string
		want            string
	}{
		"keyed":                           {"keyed", "", []string{"d-k", "d-ka"}, ""},
		"oblivious":                       {"oblivious", "eval-a", []string{"d-a", "d-ka"}, ""},
		"keyed with oblivious":            {"keyed", "", []string{"d-k", "d-a"}, "deposit d-a does not have"},
		"oblivious with keyed":            {"oblivious", "eval-a", []string{"d-k"}, "deposit d-k does not have"},
		"oblivious under two keys":        {"oblivious", "eval-a", []string{"d-a", "d-b"}, "deposit d-b does not have"},
		"keyed by an evaluator":           {"keyed", "eval-a", []string{"d-k"}, "have no evaluator"},
		"an evaluator without a function": {"oblivious", "ttp", []string{"d-a"}, "committed to no key"},
		"both at once":                    {"both", "eval-a", []string{"d-ka"}, "not \"both\""},
		"no way":                          {"", "", []string{"d-k"}, "not \"\""},
	} {
		err := w.say("ttp", "ttp", ledger.PersonsLinked{Linkage: "l " + name, Pseudonyms: c.mode, Evaluator: c.evaluator, Deposits: c.deposits})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestOnlyAuthoritiesHaveAnObliviousFunction, with a key that is one.
func TestOnlyAuthoritiesHaveAnObliviousFunction(t *testing.T) {
	w := newWorld(t)
	for role, key := range map[string]string{"provider": generator, "linkage-authority": "ristretto255:AAAA"} {
		name := "new-" + role
		if err := w.say(controller, controller, ledger.PartyAdded{Name: name, Role: role, Signing: w.key(name).Public().String(), Recipient: "age1" + name, Oblivious: key}); err == nil {
			t.Errorf("a %s with the key %s was admitted", role, key)
		}
	}
}

// TestSummariesOfPseudonyms: an authority's own, over a journal that grows.
func TestSummariesOfPseudonyms(t *testing.T) {
	w := newWorld(t)
	good := func() ledger.PseudonymsIssued {
		return ledger.PseudonymsIssued{
			From: w.now.Add(-time.Hour), Until: w.now,
			Issued:  []ledger.Issued{{Party: "chu", Pseudonyms: "keyed", Domain: "study", Batches: 2, Count: 5}},
			Journal: ledger.JournalHead{Size: 100, Head: "aa"},
		}
	}
	w.must("ttp", good())
	for name, c := range map[string]struct {
		actor  string
		change func(*ledger.PseudonymsIssued)
	}{
		"another's":                {"chu", func(b *ledger.PseudonymsIssued) {}},
		"a journal that shrank":    {"ttp", func(b *ledger.PseudonymsIssued) { b.Journal.Size = 99 }},
		"a journal that stood":     {"ttp", func(b *ledger.PseudonymsIssued) { b.Journal.Size = 100 }},
		"nothing":                  {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued = nil }},
		"to a researcher":          {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued[0].Party = "alice" }},
		"to nobody who is known":   {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued[0].Party = "stranger" }},
		"less than a batch":        {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued[0].Batches = 0 }},
		"batches of nothing":       {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued[0].Count = 1 }},
		"a way that there is none": {"ttp", func(b *ledger.PseudonymsIssued) { b.Issued[0].Pseudonyms = "both" }},
		"a period to come":         {"ttp", func(b *ledger.PseudonymsIssued) { b.Until = w.now.Add(time.Hour) }},
		"a period that runs back":  {"ttp", func(b *ledger.PseudonymsIssued) { b.From = w.now.Add(time.Second) }},
	} {
		body := good()
		body.Journal.Size = 200
		c.change(&body)
		var refusal *governance.Refusal
		if err := w.say(c.actor, c.actor, body); !errors.As(err, &refusal) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	next := good()
	next.Journal.Size = 101
	w.must("ttp", next)
}
