package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/warehouse"
)

// waiting is a run in the queue, as it is sealed under its project's key: what the ledger
// does not say of it. The queue itself is the ledger: what was requested with a
// study, and has neither ended nor been cancelled, waits. So nothing is lost however a
// worker ends, and nobody but the ledger has to be asked.
type waiting struct {
	Step   *steps.Step       `json:"step"`            // a single script is a step without a name
	Commit string            `json:"commit"`          // of the study, in git
	Needs  map[string]string `json:"needs,omitempty"` // the runs of the steps that it needs, by step
	Python string            `json:"python,omitempty"`
	Again  bool              `json:"again,omitempty"`
}

// Enqueue puts every step of a study in the queue, and returns their runs, in order. python
// is where the Python environment lies, for the worker to find it again. All of them are
// there, or none.
func Enqueue(ctx context.Context, w *warehouse.Warehouse, all Steps, python string) (runs []string, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(all.Project)
	if err != nil {
		return nil, err
	}
	if err := s.state.AuthoriseKey(all.Researcher, w.Now(), &ledger.RunRequested{Project: all.Project}); err != nil {
		return nil, err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	var said []warehouse.Said
	var objects []ledger.Object
	defer func() {
		if err != nil {
			err = errors.Join(err, s.deleteAll(context.WithoutCancel(ctx), objects))
		}
	}()
	ids := map[string]string{}
	for _, step := range all.Study.Steps {
		if err := mayUseGPU(w, step.Limits); err != nil {
			return nil, err
		}
		study := Study{Name: step.Run, Code: step.Code, Environment: all.Environment, R: w.Config.Run.R, step: &stepOf{Step: step}}
		if err := study.bring(project); err != nil {
			return nil, err
		}
		if err := withdrawn(project, study); err != nil {
			return nil, err
		}
		asked := ledger.RunRequested{
			Run: warehouse.NewID("s"), Project: all.Project, Language: string(study.language), Name: filepath.Base(step.Run), Code: ledger.Sum(step.Code), Environment: study.digest, Step: step.Name, Commit: all.Study.Commit,
		}
		document := waiting{Step: step, Commit: all.Study.Commit, Python: python, Again: all.Again, Needs: map[string]string{}}
		for _, need := range step.Needs {
			document.Needs[need] = ids[need]
			asked.Needs = append(asked.Needs, ids[need])
		}
		object, err := s.vault.PutJSON(ctx, key, document)
		if err != nil {
			return nil, fmt.Errorf("seal the study: %w", err)
		}
		objects, asked.Study = append(objects, object), &object
		ids[step.Name], runs = asked.Run, append(runs, asked.Run)
		said = append(said, warehouse.Said{Actor: all.Researcher, Body: asked})
	}
	_, err = w.CommitAll(ctx, said)
	return runs, err
}

// Single is a study of one script, to which the space's tables are handed as tablesAs says (see steps.Step).
func Single(name string, code []byte, tablesAs string, limits run.Limits) *steps.Study {
	return &steps.Study{Steps: []*steps.Step{{Run: name, Code: code, TablesAs: tablesAs, Limits: limits}}}
}

// Cancel ends a run that waits or is under way; a worker that runs it notices within a second.
func Cancel(ctx context.Context, w *warehouse.Warehouse, as, id, reason string) (ledger.Entry, error) {
	return w.Commit(ctx, as, ledger.RunCancelled{Run: id, Reason: reason})
}

// claim holds a run for this process; ok is false where another one works on it.
func claim(ctx context.Context, w *warehouse.Warehouse, id string) (release func(), ok bool, err error) {
	path := queuePath(w, id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	unlock, err := filelock.Exclusive(ctx, path)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return func() {
		_ = os.Remove(path) // it is a lock and nothing else
		_ = unlock()
	}, true, nil
}

// queuePath is the lock of a run that is under way.
func queuePath(w *warehouse.Warehouse, id string) string {
	return filepath.Join(w.Dir, "queue", filepath.Base(id)+".lock")
}

// Standing says where a run is.
type Standing string

// Where a run can be.
const (
	Waiting   Standing = "waits"
	Running   Standing = "runs"
	Ended     Standing = "ended"
	Cancelled Standing = "cancelled"
	Unknown   Standing = "interrupted, or runs elsewhere" // not from the queue, and not ended
)

// StandingOf says where a run is. Of one that is under way it also says since when, and how
// much of the project's tables it has been given.
func StandingOf(ctx context.Context, w *warehouse.Warehouse, r *governance.Run) (Standing, *Progress) {
	switch {
	case r.Finished != nil:
		return Ended, nil
	case r.Cancelled != nil:
		return Cancelled, nil
	}
	idle := Waiting
	if r.Study == nil {
		idle = Unknown
	}
	if _, err := os.Stat(queuePath(w, r.Run)); err != nil {
		return idle, nil
	}
	release, free, err := claim(ctx, w, r.Run)
	if free {
		release()
	}
	if err != nil || free { // whoever worked on it was killed
		return idle, nil
	}
	return Running, readProgress(w, r.Run)
}

// order says which runs of the queue can start now, the fairest first: of the project
// that has the fewest under way, then of the one whose last turn ended longest ago by the
// ledger, whichever worker it had then, then the one that was asked for first. Runs of a
// suspended project wait on.
func order(state *governance.State, under map[string]int) (ready []*governance.Run) {
	turns := map[string]uint64{} // the statement that ended a project's last turn
	for _, r := range state.Runs.All() {
		if r.Study != nil && r.Finished != nil {
			turns[r.Project] = max(turns[r.Project], r.End.Index)
		}
		if !r.Waits() {
			continue
		}
		if p, err := state.Project(r.Project); err != nil || p.Status == governance.Suspended {
			continue
		}
		if slices.ContainsFunc(r.Needs, func(id string) bool {
			need, err := state.Run(id)
			return err == nil && need.Waits()
		}) {
			continue
		}
		ready = append(ready, r)
	}
	fairest(ready, under, turns)
	return ready
}

func fairest(ready []*governance.Run, under map[string]int, turns map[string]uint64) {
	slices.SortStableFunc(ready, func(a, b *governance.Run) int {
		if d := under[a.Project] - under[b.Project]; d != 0 {
			return d
		}
		return cmp.Compare(turns[a.Project], turns[b.Project])
	})
}
