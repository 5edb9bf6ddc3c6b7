package project

import (
	"context"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// A space stays as it is, so that what a study has found can be found again. The data of a later release come in
// where a researcher of the project has asked for them and an officer has agreed: the next extraction takes them.

// RequestRenewal asks that a project's space be made anew from a later release ("" is the latest).
func RequestRenewal(ctx context.Context, w *warehouse.Warehouse, as, name, release, reason string) (e ledger.Entry, asked string, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, "", err
	}
	p, err := state.Project(name)
	if err != nil {
		return e, "", err
	}
	r, err := state.Release(release)
	if err != nil {
		return e, "", err
	}
	e, err = w.Commit(ctx, as, ledger.RenewalRequested{Project: p.Name, Release: r.Release, Reason: reason})
	return e, r.Release, err
}

// DecideRenewal lets a project have the release that it asked for, or not.
func DecideRenewal(ctx context.Context, w *warehouse.Warehouse, as, name string, approve bool, reason string) (e ledger.Entry, asked *governance.Renewal, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, nil, err
	}
	p, err := state.Project(name)
	if err != nil {
		return e, nil, err
	}
	if asked = p.Renewing(); asked == nil || !asked.Waits() {
		return e, nil, &governance.Refusal{Reason: "project " + name + " has asked for no other release that waits for a decision", Remedy: "See what it asked for: rempart project renewal list " + name}
	}
	var body ledger.Body = ledger.RenewalRefused{Project: p.Name, Release: asked.Release, Reason: reason}
	if approve {
		body = ledger.RenewalApproved{Project: p.Name, Release: asked.Release, Reason: reason}
	}
	e, err = w.Commit(ctx, as, body)
	return e, asked, err
}
