package warehouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
)

// Witnessed is what witnesses said of the ledger's checkpoint.
type Witnessed struct {
	Statements uint64            `json:"statements"` // that the checkpoint covers
	Threshold  int               `json:"threshold"`
	Witnesses  []WitnessedAnswer `json:"witnesses"`
}

// WitnessedAnswer is what one of them said.
type WitnessedAnswer struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Cosigned time.Time `json:"cosigned,omitzero"`
	Error    string    `json:"error,omitempty"`
	Forked   bool      `json:"forked,omitempty"` // it has seen another history
}

// Enough says whether as many have cosigned as must.
func (w *Witnessed) Enough() bool {
	n := 0
	for _, a := range w.Witnesses {
		if !a.Cosigned.IsZero() {
			n++
		}
	}
	return n >= w.Threshold
}

// AskWitnesses has the witnesses that are named now cosign the ledger's last
// checkpoint, and keeps it with their lines where enough of them have. A witness
// that is slow or down holds the others up for as long as [witness.Client] waits.
func (w *Warehouse) AskWitnesses(ctx context.Context, state *governance.State) (*Witnessed, error) {
	if len(state.Witnessing) == 0 || len(state.Witnessing[len(state.Witnessing)-1].Witnesses) == 0 {
		return nil, &governance.Refusal{Reason: "the warehouse has no witnesses", Remedy: "Name some: rempart witness set"}
	}
	policy := state.Witnessing[len(state.Witnessing)-1]
	cp, checkpoint, err := w.Log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	var peers []witness.Peer
	for _, one := range policy.Witnesses {
		peers = append(peers, witness.Peer{URL: one.URL, Key: one.Key})
	}
	answers := w.witnesses().Ask(ctx, w.Log, checkpoint, peers)
	result := &Witnessed{Statements: cp.Size, Threshold: policy.Threshold}
	for _, a := range answers {
		one := WitnessedAnswer{URL: a.Peer.URL, Cosigned: a.Time}
		if verifier, err := witness.Verifier(a.Peer.Key); err == nil {
			one.Name = verifier.Name()
		}
		if a.Err != nil {
			var fork *witness.ForkError
			one.Error, one.Cosigned, one.Forked = a.Err.Error(), time.Time{}, errors.As(a.Err, &fork)
		}
		result.Witnesses = append(result.Witnesses, one)
	}
	if !result.Enough() {
		return result, nil
	}
	unlock, err := w.Log.Lock(ctx)
	if err != nil {
		return nil, err
	}
	if old, _, err := w.Log.Cosigned(ctx); err == nil && old.Size > cp.Size { // somebody was quicker
		return result, unlock()
	}
	return result, errors.Join(w.Log.KeepCosigned(witness.Cosigned(checkpoint, answers)), unlock())
}

// InEffect says whether a statement has taken effect, as far as witnesses are
// asked for: a checkpoint that covers it, and that this very ledger continues, bears
// the cosignatures of enough of those named when it was made. Where it does not,
// they are asked again. The error is a *governance.Refusal.
//
// Whoever lets somebody read on the strength of a statement calls it first.
func (w *Warehouse) InEffect(ctx context.Context, state *governance.State, made governance.Made, kind string) error {
	done, err := w.Cosigned(ctx, state, made, kind)
	if err != nil || done {
		return err
	}
	asked, err := w.AskWitnesses(ctx, state)
	if err != nil {
		return err
	}
	for _, a := range asked.Witnesses {
		if a.Forked {
			return errors.New(a.Error)
		}
	}
	if done, err = w.Cosigned(ctx, state, made, kind); err != nil || done {
		return err
	}
	policy := state.Witnesses(made.Index, kind)
	var answered int
	for _, a := range asked.Witnesses {
		if a.Error == "" {
			answered++
		}
	}
	return &governance.Refusal{
		Reason: fmt.Sprintf("statement %d (%s) has no effect yet: %d of %d witnesses must have cosigned it, and %d answered", made.Index, kind, policy.Threshold, len(policy.Witnesses), answered),
		Remedy: "Ask them again when they can be reached: rempart witness ask",
	}
}

// Cosigned is InEffect that asks nobody: it says whether a statement has what it
// waits for. One that was proposed and countersigned is covered where the
// countersignature is.
func (w *Warehouse) Cosigned(ctx context.Context, state *governance.State, made governance.Made, kind string) (bool, error) {
	policy := state.Witnesses(made.Index, kind)
	if policy == nil {
		return true, nil
	}
	last := made.Index
	if second, ok := state.People.Seconds[last]; ok {
		last = second.Index
	}
	have, err := w.cosigners(ctx, policy, last)
	return len(have) >= policy.Threshold, err
}

// Readable says whether a release, or else the space of a project, has taken
// effect, as far as witnesses are asked for.
func (w *Warehouse) Readable(ctx context.Context, state *governance.State, release, project string) error {
	if project != "" {
		p, err := state.Project(project)
		if err != nil || p.Extracted == nil {
			return err
		}
		return w.InEffect(ctx, state, *p.Extracted, ledger.ProjectExtracted{}.Kind())
	}
	r, err := state.Release(release)
	if err != nil {
		return err
	}
	return w.InEffect(ctx, state, r.Made, ledger.ReleasePublished{}.Kind())
}

// cosigners names the witnesses of a policy that have cosigned a checkpoint which
// covers a statement.
func (w *Warehouse) cosigners(ctx context.Context, policy *governance.Witnessing, index uint64) ([]string, error) {
	cp, raw, err := w.Log.Cosigned(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := w.continues(ctx, cp.Size, cp.Hash); err != nil {
		return nil, err
	}
	if cp.Size <= index {
		return nil, nil
	}
	var keys []string
	for _, one := range policy.Witnesses {
		keys = append(keys, one.Key)
	}
	return witness.Count(raw, keys)
}

// continues says whether the ledger continues a tree that witnesses have cosigned.
func (w *Warehouse) continues(ctx context.Context, size uint64, root []byte) error {
	cp, _, err := w.Log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	fork := &ledger.ForkError{Dir: w.path("ledger"), Size: size, Head: cp.Size}
	if cp.Size < size {
		return fork
	}
	ours, err := w.Log.RootAt(ctx, size)
	if err != nil {
		return err
	}
	if !bytes.Equal(ours, root) {
		return fork
	}
	return nil
}

// verifyWitnesses checks the cosigned checkpoint: that the ledger continues it,
// and that enough of the witnesses have cosigned it who were named by then.
func (w *Warehouse) verifyWitnesses(ctx context.Context, state *governance.State, v *Verified) {
	cp, raw, err := w.Log.Cosigned(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = w.continues(ctx, cp.Size, cp.Hash)
	}
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	for _, policy := range slices.Backward(state.Witnessing) {
		if policy.From > cp.Size {
			continue
		}
		var keys []string
		for _, one := range policy.Witnesses {
			keys = append(keys, one.Key)
		}
		names, err := witness.Count(raw, keys)
		if err != nil || len(names) < policy.Threshold {
			v.fault("%s was changed: it bears the cosignatures of %s, and %d must have cosigned: ask them again with rempart witness ask", w.path("ledger", "cosigned"), strings.Join(append(names, "nobody else"), ", "), policy.Threshold)
		}
		return
	}
}

// ask has witnesses cosign what was said, where it waits for them. Whether they
// did shows where it is read: see [Warehouse.InEffect].
func (w *Warehouse) ask(ctx context.Context, entries ...ledger.Entry) {
	waits := false
	var state governance.State // what asking needs of it
	err := w.Read(ctx, func(m *Model) error {
		for _, e := range entries {
			waits = waits || m.State.Witnesses(e.Index, e.Statement.Kind) != nil
		}
		state.Witnessing = slices.Clone(m.State.Witnessing)
		return nil
	})
	if err == nil && waits {
		_, _ = w.AskWitnesses(ctx, &state)
	}
}
