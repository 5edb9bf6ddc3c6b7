// Package project gives an authorised project its data and runs its studies.
//
// A request ([Request]) is a text that a person writes (governance.Spec). Once
// a data protection officer has approved it, [Extract] makes the project's
// space: the persons, tables, columns and period that were granted and no more,
// under pseudonyms of the project's own, sealed under the project's own key.
// [Run] executes a study over that space in a sandbox; what it writes waits at
// the airlock (package airlock).
//
// What is guaranteed: nothing that was not granted is sealed into the space;
// record numbers and row order of two projects cannot be joined; a request that
// asks for it has the dates of each person moved, birth and places made coarser;
// a researcher's SQL, the request's own included, runs in the sandbox alone.
// What is not: codes, values and the time between events that were granted may
// still single out a person; that is for the officer to weigh.
package project

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// Request asks for a project. The researcher who asks must be one of its
// researchers, and must give a reason to ask for several potential identifiers:
// that is refused here and not by the gate, which would then find fault with
// what ledgers hold already; the officer sees it in either case.
func Request(ctx context.Context, w *warehouse.Warehouse, researcher string, text []byte) (ledger.Entry, *governance.Spec, error) {
	spec, err := Check(text)
	if err != nil {
		return ledger.Entry{}, nil, err
	}
	e, err := w.Commit(ctx, researcher, ledger.ProjectRequested{Project: spec.Project, Spec: string(text)})
	return e, spec, err
}

// Check reads the text of a request, and says what it lacks.
func Check(text []byte) (*governance.Spec, error) {
	spec, err := governance.ParseSpec(text)
	if err == nil {
		err = errors.Join(spec.Missing(), oneAtATime(spec))
	}
	if err != nil {
		return nil, err
	}
	return spec, nil
}

// Amend asks for another text of a project's authorisation.
func Amend(ctx context.Context, w *warehouse.Warehouse, researcher, name string, text []byte, reason string) (ledger.Entry, error) {
	if _, err := Check(text); err != nil {
		return ledger.Entry{}, err
	}
	return w.Commit(ctx, researcher, ledger.ProjectAmended{Project: name, Spec: string(text), Reason: reason})
}

// Extend asks for a later end, and for nothing else.
func Extend(ctx context.Context, w *warehouse.Warehouse, researcher, name, until, reason string) (e ledger.Entry, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, err
	}
	project, err := state.Project(name)
	if err != nil {
		return e, err
	}
	text, err := project.Spec.Until(project.Text, until)
	if err != nil {
		return e, err
	}
	return w.Commit(ctx, researcher, ledger.ProjectAmended{Project: name, Spec: text, Reason: reason})
}

// Approve grants the text that waits, as it was written.
func Approve(ctx context.Context, w *warehouse.Warehouse, officer, name, reason string) (ledger.Entry, error) {
	state, err := w.State(ctx)
	if err != nil {
		return ledger.Entry{}, err
	}
	project, err := state.Project(name)
	if err != nil {
		return ledger.Entry{}, err
	}
	text := project.Text
	if v := project.Waits(); v != nil {
		text = v.Text
	}
	return w.Commit(ctx, officer, ledger.ProjectApproved{Project: name, Spec: ledger.Sum([]byte(text)), Reason: reason})
}

// Refuse denies the text that waits.
func Refuse(ctx context.Context, w *warehouse.Warehouse, officer, name, reason string) (ledger.Entry, error) {
	return w.Commit(ctx, officer, ledger.ProjectRefused{Project: name, Reason: reason})
}

// Close ends a project and destroys its key: its space and the outputs that
// were not released are gone for everybody but the escrow.
func Close(ctx context.Context, w *warehouse.Warehouse, as, name, reason string) (e ledger.Entry, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, err
	}
	project, err := state.Project(name)
	if err != nil {
		return e, err
	}
	if e, err = w.Commit(ctx, as, ledger.ProjectClosed{Project: name, Reason: reason}); err != nil || project.Key() == "" {
		return e, err
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return e, err
	}
	return e, errors.Join(ring.Destroy(ctx, project.Key()), ring.Close())
}

// space is what a step on a project's data needs.
type space struct {
	w     *warehouse.Warehouse
	state *governance.State
	vault *lake.Vault
	ring  *keyring.Keyring
}

// open opens a warehouse for a step, and close ends it. Uploads of the step are
// safe from a repair meanwhile.
func open(ctx context.Context, w *warehouse.Warehouse) (s *space, closed func() error, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, nil, err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return nil, nil, err
	}
	s, closed, err = openKeys(ctx, w)
	if err == nil {
		s.state, s.vault = state, vault
	}
	return s, closed, err
}

// openKeys is open without the state, for a step that looks at the one in memory.
func openKeys(ctx context.Context, w *warehouse.Warehouse) (s *space, closed func() error, err error) {
	s = &space{w: w}
	if s.ring, err = w.Keyring(ctx); err != nil {
		return nil, nil, err
	}
	done, err := w.Publishing(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, s.ring.Close())
	}
	return s, func() error { return errors.Join(done(), s.ring.Close()) }, nil
}

// mayRun says whether the policies let somebody run studies over a project's space at an hour.
func mayRun(state *governance.State, as, project string, now time.Time) error {
	body := &ledger.RunRequested{Project: project}
	return state.Authorise(ledger.Statement{Actor: as, Kind: body.Kind(), Time: now}, body)
}

// mayLook says whether somebody may see what a project's space holds, and what was asked of it: who may
// run studies over it, an officer, or the controller.
func (s *space) mayLook(as, project string) error {
	if role := s.state.Parties[as].Role; role == governance.Officer || role == governance.Controller {
		return nil
	}
	return mayRun(s.state, as, project, s.w.Now())
}

// usable says whether a project's space has taken effect, and holds nobody who has opted out since.
func usable(ctx context.Context, w *warehouse.Warehouse, state *governance.State, project string) error {
	if err := w.Heeded(ctx, state, "", project); err != nil {
		return err
	}
	return w.Readable(ctx, state, "", project)
}

// deleteAll removes objects that will not be named.
func (s *space) deleteAll(ctx context.Context, objects []ledger.Object) error {
	var err error
	for _, o := range objects {
		err = errors.Join(err, s.vault.Store.Delete(ctx, o.Name))
	}
	return err
}

// key opens the project's key.
func (s *space) key(ctx context.Context, p *governance.Project) (*keyring.Key, error) {
	key, err := s.ring.Key(ctx, p.Key())
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", p.Name, err)
	}
	return key, nil
}
