package governance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// The policies keep to their schema, and the cases beside them hold:
// policies/*_test.yaml, each question held against the schema too.
func TestPolicies(t *testing.T) {
	results, err := governance.TestPolicies()
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, r := range results {
		tried[r.Rule] = true
		if !r.Passed {
			t.Errorf("%s: %s: %s: want %s, got %s", r.File, r.It, r.Does, r.Rule, r.Got)
		}
	}
	for _, rule := range governance.Rules() {
		if !tried[rule.ID] {
			t.Errorf("no case tries the rule %s", rule.ID)
		}
		if rule.Says == "" {
			t.Errorf("rule %s says nothing to people: give it @says", rule.ID)
		}
	}
}

// What can be said is what can be asked: a kind of statement that the schema
// does not have is refused to everybody.
func TestTheSchemaKnowsEveryStatement(t *testing.T) {
	kinds := slices.DeleteFunc(ledger.Kinds(), func(kind string) bool {
		return kind == ledger.Proposed{}.Kind() // the policies are asked about what it would state
	})
	slices.Sort(kinds)
	if got := governance.Actions(); !slices.Equal(got, kinds) {
		t.Errorf("policies/rempart.cedarschema has the actions\n%v\nthe ledger the kinds\n%v", got, kinds)
	}
}

func TestCasesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"cases: [{it: x, actor: mallory, does: [deposit-made]}]":                           `no "mallory" among the people`,
		"cases: [{it: x, actor: chu, does: [deposit-made], with: {colour: red}}]":          `unknown field "colour"`,
		"cases: [{it: x, actor: chu, does: [dance], allowed: providers-deposit}]":          "dance",
		"cases: [{it: x, actor: chu, does: [deposit-made], with: {project: {name: flu}}}]": "deposit-made",
		"cases: [{it: x, actor: chu, does: [deposit-made], permitted: providers-deposit}]": `unknown field "permitted"`,
	} {
		if _, err := governance.RunCases("x_test.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	results, err := governance.RunCases("x_test.yaml", []byte("facts: {host_registered: true}\ncases: [{it: x, actor: chu, does: [deposit-made], refused: nothing permits it}]"))
	if err != nil || len(results) != 1 || results[0].Passed || results[0].Got != "allowed by providers-deposit" {
		t.Errorf("%+v, %v", results, err)
	}
}

// What would change a decision, by the rules and not by a guess.
func TestWhatWouldChangeADecision(t *testing.T) {
	w := until(t, "run-requested")
	ways := func(actor string, body ledger.Body) string {
		t.Helper()
		facts, err := w.state.Facts(ledger.Statement{Actor: actor, Kind: body.Kind(), Time: w.now}, body)
		if err != nil {
			t.Fatal(err)
		}
		found, err := facts.WhatWould()
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, way := range found {
			lines = append(lines, strings.Join(way.If, " and "))
		}
		return strings.Join(lines, "\n")
	}
	for _, c := range []struct {
		actor     string
		body      ledger.Body
		want, not string
	}{
		{"alice", &runIt, "when the authorisation has ended", "were a researcher"},
		{"eve", &runIt, "eve were a researcher of the project", "ended"},
		{"bob", &runIt, "bob were a researcher of the project and bob were a researcher", "ended"},
		{controller, &ledger.SpaceMounted{Project: "flu"}, "controller had opened an emergency", ""},
	} {
		if got := ways(c.actor, c.body); !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s, %s:\n%s\nwant %q and not %q", c.actor, c.body.Kind(), got, c.want, c.not)
		}
	}
}

// BenchmarkDecide decides about a run, facts collected each time.
func BenchmarkDecide(b *testing.B) {
	w := until(b, "run-requested")
	statement := ledger.Statement{Actor: "alice", Kind: runIt.Kind(), Time: w.now}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.state.Authorise(statement, &runIt); err != nil {
			b.Fatal(err)
		}
	}
}

// Sets are kept by what is in them: two lists that read the same, joined, are two sets.
func TestSetsAreWhatIsInThem(t *testing.T) {
	for _, reach := range [][]string{nil, {""}, {"FR\nUS"}, {"FR", "US"}, {"FR\nUS"}, nil, {""}} {
		facts := governance.Facts{Action: "host-derogated", HostReach: reach}
		request, _ := facts.Cedar()
		got, _ := request.Context.Get("host_reach")
		want := make([]types.Value, len(reach))
		for i, country := range reach {
			want[i] = types.String(country)
		}
		if !got.Equal(types.NewSet(want...)) {
			t.Errorf("%q: the policies see %s", reach, got)
		}
	}
}
