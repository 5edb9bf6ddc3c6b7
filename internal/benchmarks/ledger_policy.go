package benchmarks

import (
	"context"
	"fmt"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// The warehouse of the decisions: as many projects and researchers.
const (
	decidedProjects    = 200
	decidedResearchers = 800
)

const decidedSpec = `project: %s
title: A project among many
purpose: to be decided about
use: scientific-research
controller: nobody
legal_basis: {text: GDPR 9(2)(j), reference: none}
persons: SELECT person_id FROM person
tables: {person: all}
period: {from: 2020-01-01, to: 2024-12-31}
researchers: [%s, %s]
ends: 2028-12-31
minimum_cell_count: 11
`

// decisions measures how long it takes to decide whether a researcher may run a
// study, from the state of a warehouse with many projects: facts collected and
// rules asked each time. Against it: the same rules, asked with every party and
// every project as entities, which are built for each decision.
func (b *ledgerRun) decisions(ctx context.Context) error {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	state, err := decidedState(ctx, now)
	if err != nil {
		return err
	}
	n := 0
	next := func() (ledger.Statement, *ledger.RunRequested) {
		n++
		body := &ledger.RunRequested{Project: fmt.Sprintf("project-%d", n%decidedProjects)}
		return ledger.Statement{Actor: fmt.Sprintf("researcher-%d", n%decidedProjects), Kind: body.Kind(), Time: now}, body
	}
	ours, err := onOneCore(func() error {
		statement, body := next()
		return state.Authorise(statement, body)
	})
	if err != nil {
		return err
	}
	all, err := cedar.NewPolicySetFromBytes("policies", governance.Policies)
	if err != nil {
		return err
	}
	anew, err := onOneCore(func() error {
		statement, body := next()
		facts, err := state.Facts(statement, body)
		if err != nil {
			return err
		}
		request, entities := facts.Cedar()
		everything(state, entities)
		if decision, why := cedar.Authorize(all, entities, request); decision != cedar.Allow {
			return fmt.Errorf("the alternative decides otherwise: %v", why)
		}
		return nil
	})
	if err != nil {
		return err
	}
	const micro = 1e6
	b.AtMost("a policy decision, facts collected, one core", micro/ours, "µs", 50)
	b.Ratio("the same; every rule, over entities of all parties and projects", micro/ours, micro/anew, "µs")
	return nil
}

// everything adds every party and every project to the entities of a decision.
func everything(state *governance.State, entities types.EntityMap) {
	for name, party := range state.Parties {
		uid := types.NewEntityUID("Party", types.String(name))
		entities[uid] = types.Entity{UID: uid, Attributes: types.NewRecord(types.RecordMap{
			"role": types.String(party.Role), "left": types.Boolean(party.Left != nil),
		})}
	}
	for name, p := range state.Projects.All() {
		uid := types.NewEntityUID("Project", types.String(name))
		var researchers []types.Value
		for _, r := range p.Spec.Researchers {
			researchers = append(researchers, types.NewEntityUID("Party", types.String(r)))
		}
		entities[uid] = types.Entity{UID: uid, Attributes: types.NewRecord(types.RecordMap{
			"researchers": types.NewSet(researchers...), "status": types.String(p.Status), "outdated": types.Boolean(p.Outdated),
			"starts": types.NewDatetimeFromMillis(0), "ends": types.NewDatetime(p.Spec.Ends.End()), "host_derogation": types.String("accepted"),
		})}
	}
}

// decidedState replays the life of a warehouse with its parties and approved projects.
func decidedState(ctx context.Context, now time.Time) (*governance.State, error) {
	state, keys := governance.NewState(), map[string]ledger.Key{}
	say := func(actor string, body ledger.Body) error {
		statement, err := ledger.New(actor, now, body)
		if err != nil {
			return err
		}
		envelope, err := ledger.Seal(ctx, statement, keys[actor])
		if err != nil {
			return err
		}
		return state.Admit(ctx, ledger.Entry{Index: state.Size, Envelope: envelope, Statement: statement})
	}
	key := func(name string) (string, error) {
		k, err := ledger.NewKey()
		keys[name] = k
		return k.Public().String(), err
	}
	signing, err := key("controller")
	if err != nil {
		return nil, err
	}
	if err := say("controller", ledger.WarehouseCreated{Name: "many", Signing: signing, Recipient: "controller", Host: "local"}); err != nil {
		return nil, err
	}
	if err := say("controller", ledger.HostRegistered{Host: "local", HostKind: "directory", URL: "host", Jurisdiction: "FR"}); err != nil {
		return nil, err
	}
	add := func(name string, role governance.Role) error {
		signing, err := key(name)
		if err != nil {
			return err
		}
		return say("controller", ledger.PartyAdded{Name: name, Role: string(role), Signing: signing, Recipient: name})
	}
	if err := add("officer", governance.Officer); err != nil {
		return nil, err
	}
	for i := range decidedResearchers {
		if err := add(fmt.Sprintf("researcher-%d", i), governance.Researcher); err != nil {
			return nil, err
		}
	}
	for i := range decidedProjects {
		name, asks := fmt.Sprintf("project-%d", i), fmt.Sprintf("researcher-%d", i)
		spec := fmt.Sprintf(decidedSpec, name, asks, fmt.Sprintf("researcher-%d", i+decidedProjects))
		if err := say(asks, ledger.ProjectRequested{Project: name, Spec: spec}); err != nil {
			return nil, err
		}
		if err := say("officer", ledger.ProjectApproved{Project: name, Spec: ledger.Sum([]byte(spec)), Reason: "lawful"}); err != nil {
			return nil, err
		}
	}
	return state, nil
}
