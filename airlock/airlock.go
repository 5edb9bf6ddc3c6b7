// Package airlock is the one door through which a result leaves a project.
//
// Every output of a run waits here. The disclosure check (package disclosure)
// has examined it when the run ended; what it refused, nobody can release. An
// output checker, never a researcher of the project, releases or refuses each
// of the others with a reason ([Release], [Refuse]). A released output is written
// to the warehouse's result folder with a receipt ([Receipt]): proof, from the
// ledger, of the release, the code, and the decisions that led to it.
package airlock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Released is where a released output lies.
type Released struct {
	Path, Receipt string
	Entry         uint64
}

// Release lets an output out on a checker's decision, if it discloses nothing together with
// what was released before.
func Release(ctx context.Context, w *warehouse.Warehouse, checker, id, reason string) (*Released, error) {
	_, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	e, err := w.Commit(ctx, checker, ledger.OutputReleased{Output: id, SHA256: output.SHA256, Reason: reason})
	if err != nil {
		return nil, err
	}
	released, err := deliver(ctx, w, id)
	if err != nil {
		return nil, fmt.Errorf("the output was released but not yet written: repeat that with rempart lake repair: %w", err)
	}
	released.Entry = e.Index
	return released, nil
}

// stateOf is the state of the warehouse, and an output in it.
func stateOf(ctx context.Context, w *warehouse.Warehouse, id string) (*governance.State, *governance.Output, error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, nil, err
	}
	output, err := state.Output(id)
	return state, output, err
}

// Whatever way a release is stated, here or in the portal, it is compared first.
func init() { warehouse.GuardReleases(stillPasses) }

// stillPasses examines an output again, against what its project was given until now:
// what was released since the run may tell, together with this, what neither tells alone.
// What cannot be opened is not said to be released either.
func stillPasses(ctx context.Context, w *warehouse.Warehouse, output *governance.Output) error {
	id := output.Output.Output
	report, err := project.Reexamine(ctx, w, output)
	if err != nil || report.Verdict != disclosure.Refused {
		return err
	}
	refuses := func(f disclosure.Finding) bool { return f.Severity == disclosure.Refuse }
	reason := fmt.Sprintf("output %s: ", id)
	i := slices.IndexFunc(report.Findings, func(f disclosure.Finding) bool { return refuses(f) && f.Rule == "differencing" })
	if i >= 0 {
		reason = fmt.Sprintf("output %s discloses together with what was released since its run: ", id)
	} else {
		i = slices.IndexFunc(report.Findings, refuses)
	}
	return &governance.Refusal{Reason: reason + report.Findings[i].Message, Remedy: fmt.Sprintf("Refuse it, and say what to hide: rempart airlock refuse %s", id)}
}

// Refuse keeps an output in.
func Refuse(ctx context.Context, w *warehouse.Warehouse, checker, id, reason string) (ledger.Entry, error) {
	return w.Commit(ctx, checker, ledger.OutputRefused{Output: id, Reason: reason})
}

// Peek opens a waiting output for a checker to look at, and records that it did.
func Peek(ctx context.Context, w *warehouse.Warehouse, checker, id string) ([]byte, error) {
	_, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	if _, err := w.Commit(ctx, checker, ledger.OutputViewed{Output: id}); err != nil {
		return nil, err
	}
	return project.Output(ctx, w, output)
}

// DeliverMissing writes released outputs whose writing was interrupted.
func DeliverMissing(ctx context.Context, w *warehouse.Warehouse) (paths []string, err error) {
	var missing []string
	err = w.Read(ctx, func(m *warehouse.Model) error { // mostly there are none
		for id, output := range m.State.Outputs.All() {
			if output.Released && !(exists(w.ResultPath(id, output.Name)) && exists(w.ReceiptPath(id, output.Name))) {
				missing = append(missing, id)
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range missing {
		output, err := state.Output(id)
		if err != nil {
			return paths, err
		}
		p, err := state.Project(output.Run.Project)
		if err != nil {
			return paths, err
		}
		if _, gone := state.Destroyed[p.Key()]; gone {
			continue // its key was destroyed before it was written
		}
		if done, err := w.Cosigned(ctx, state, *output.Decision, ledger.OutputReleased{}.Kind()); err != nil || !done {
			if err == nil { // the witnesses may be back
				err = w.InEffect(ctx, state, *output.Decision, ledger.OutputReleased{}.Kind())
			}
			var refusal *governance.Refusal
			if errors.As(err, &refusal) {
				continue
			}
			if err != nil {
				return paths, err
			}
		}
		released, err := deliver(ctx, w, id)
		if err != nil {
			return paths, err
		}
		paths = append(paths, released.Path)
	}
	return paths, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// deliver writes a released output and its receipt.
func deliver(ctx context.Context, w *warehouse.Warehouse, id string) (*Released, error) {
	state, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	data, receipt, err := withReceipt(ctx, w, state, output)
	if err != nil {
		return nil, err
	}
	r := &Released{Path: w.ResultPath(id, output.Name), Receipt: w.ReceiptPath(id, output.Name)}
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(r.Path, data, 0o644); err != nil {
		return nil, err
	}
	return r, atomicfile.Write(r.Receipt, receipt, 0o644)
}

// VerifyResults compares every released output and its receipt with the ledger.
func VerifyResults(ctx context.Context, w *warehouse.Warehouse, state *governance.State) (checked int, faults []error) {
	for id, output := range state.Outputs.All() {
		if !output.Released {
			continue
		}
		path := w.ResultPath(id, output.Name)
		if done, err := w.Cosigned(ctx, state, *output.Decision, ledger.OutputReleased{}.Kind()); err != nil {
			faults = append(faults, err)
			continue
		} else if !done {
			if exists(path) {
				faults = append(faults, fmt.Errorf("%s is out, but witnesses have not cosigned its release: ask them with rempart witness ask", path))
			}
			continue // it waits
		}
		checked++
		data, err := os.ReadFile(path)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("a released output: %w: write it again with rempart lake repair", err))
			continue
		case ledger.Sum(data) != output.SHA256:
			faults = append(faults, fmt.Errorf("%s was changed: it is not what was released", path))
		}
		if err := verifyReceipt(ctx, w, state, id, output); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", w.ReceiptPath(id, output.Name), err))
		}
	}
	return checked, faults
}

// verifyReceipt makes the receipt again, at its own checkpoint, and compares.
func verifyReceipt(ctx context.Context, w *warehouse.Warehouse, state *governance.State, id string, output *governance.Output) error {
	text, err := os.ReadFile(w.ReceiptPath(id, output.Name))
	if err != nil {
		return err
	}
	got, err := ReadReceipt(text)
	if err != nil {
		return err
	}
	want, err := NewReceipt(ctx, w.Log, state, id, []byte(got.Ledger.Checkpoint))
	if err != nil {
		return err
	}
	again, err := want.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, text) {
		return errors.New("was changed: the ledger gives another receipt")
	}
	return nil
}
