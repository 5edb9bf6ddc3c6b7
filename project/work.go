package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Worker runs what waits in the queue, several at a time. There may be several
// workers of a home, in several processes: a lock says who has a run, and ends with its
// process.
type Worker struct {
	Warehouse *warehouse.Warehouse
	Jobs      int          // runs at one time
	Log       *slog.Logger // for operators
	Told      func(run, project, outcome string)

	mu    sync.Mutex
	under map[string]int  // runs under way, by project
	has   map[string]bool // runs that this worker has, or cannot run
	wake  chan struct{}
}

// lookEvery is how often a worker that has nothing to do looks at the queue.
const lookEvery = time.Second

// Work works until the context is done; with drain also until nothing is left that can
// run. A run that the end of the context interrupts stays in the queue.
func (k *Worker) Work(ctx context.Context, drain bool) error {
	k.under, k.has, k.wake = map[string]int{}, map[string]bool{}, make(chan struct{}, 1)
	var all sync.WaitGroup
	defer all.Wait()
	err := k.Warehouse.Read(ctx, func(m *warehouse.Model) error {
		clearQueue(k.Warehouse, func(id string) bool {
			r, err := m.State.Run(id)
			return err == nil && r.Finished == nil && r.Cancelled == nil
		})
		return nil
	})
	if err == nil {
		var leaves func()
		if leaves, err = atWork(ctx, k.Warehouse, max(1, k.Jobs)); err == nil {
			defer leaves()
		}
	}
	for err == nil {
		var left int
		if left, err = k.start(ctx, &all); err != nil {
			break
		}
		if drain && left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		case <-time.After(lookEvery):
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// start starts what can run now, and says how many runs are under way or could be.
func (k *Worker) start(ctx context.Context, all *sync.WaitGroup) (left int, err error) {
	for {
		var ready []*governance.Run
		err := k.Warehouse.Read(ctx, func(m *warehouse.Model) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			ready = order(m.State, k.under)
			return nil
		})
		if err != nil {
			return 0, err
		}
		k.mu.Lock()
		busy := 0
		for _, n := range k.under {
			busy += n
		}
		var next *governance.Run
		left = busy
		for _, r := range ready {
			if !k.has[r.Run] {
				left++
				if next == nil {
					next = r
				}
			}
		}
		k.mu.Unlock()
		if next == nil || busy >= max(1, k.Jobs) {
			return left, nil
		}
		release, ok, err := claim(ctx, k.Warehouse, next.Run)
		if err != nil {
			return left, err
		}
		k.mu.Lock()
		k.has[next.Run] = true
		if ok {
			k.under[next.Project]++
		}
		k.mu.Unlock()
		if !ok { // another process has it: it is looked at again later
			time.AfterFunc(lookEvery, func() { k.forget(next.Run) })
			continue
		}
		all.Go(func() { k.one(ctx, next, release) })
	}
}

func (k *Worker) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.has, id)
}

// one sees a run to its end.
func (k *Worker) one(ctx context.Context, r *governance.Run, release func()) {
	made, err := k.perform(ctx, r.Run)
	release()
	k.mu.Lock()
	k.under[r.Project]--
	if err == nil {
		delete(k.has, r.Run) // the ledger says that it has ended
	}
	k.mu.Unlock()
	switch {
	case err != nil && ctx.Err() == nil:
		// It stays in the queue, and this worker leaves it alone: another, or the next, tries again.
		k.Log.Error("a run of the queue could not be run", "run", r.Run, "project", r.Project, "error", err)
	case made != nil && k.Told != nil:
		k.Told(r.Run, r.Project, made.Outcome)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// perform runs one run of the queue, which is claimed, and records its end.
func (k *Worker) perform(ctx context.Context, id string) (made *Ran, err error) {
	w := k.Warehouse
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	r, err := s.state.Run(id)
	if err != nil || !r.Waits() { // another worker was faster
		return nil, err
	}
	made = &Ran{Run: id}
	made.RunFinished.Run = id
	project, err := s.state.Project(r.Project)
	if err != nil {
		return nil, err
	}
	ends := func(outcome string) error {
		made.Outcome = outcome
		return s.finish(ctx, made, nil, nil)
	}
	for _, need := range r.Needs {
		if n, err := s.state.Run(need); err != nil || n.Finished == nil || n.Finished.Outcome != "done" || n.Finished.Bundle == nil {
			return made, ends("was not run: run " + need + ", which it needs, is not done")
		}
	}
	// What was asked when the run was requested is asked once more.
	if err := errors.Join(usable(ctx, w, s.state, r.Project), mayRun(s.state, r.Actor, r.Project, w.Now())); err != nil {
		var refusal *governance.Refusal
		if errors.As(err, &refusal) {
			return made, ends("was stopped: " + refusal.Reason)
		}
		return nil, err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	var document waiting
	if err := s.vault.ReadJSON(ctx, *r.Study, key, &document); err != nil {
		return nil, fmt.Errorf("open the study: %w", err)
	}
	if ledger.Sum(document.Step.Code) != r.Code {
		return nil, fmt.Errorf("the study of run %s is not what was requested", r.Run)
	}
	study, err := s.study(ctx, r.Actor, r.Project, document, key, s.state.Run)
	if err != nil {
		return nil, err
	}
	if study.language == run.Python {
		var refusal *governance.Refusal
		if err := goneSince(project, r.Index); errors.As(err, &refusal) {
			return made, ends("was stopped: " + refusal.Reason)
		}
	}
	if study.digest != r.Environment {
		return nil, fmt.Errorf("the environment of run %s has changed since it was requested: cancel it and queue it again", r.Run)
	}
	if err := mayUseGPU(w, study.Limits); err != nil { // what was let in when it was queued may not be any more
		return made, ends("was stopped: the warehouse lets no GPU into its sandboxes")
	}
	study.queued = true
	made.Decides = study.step.decides
	if before := unchanged(s.state, study); before != nil && !document.Again {
		made.Same, made.Bundle = before.Run, before.Finished.Bundle
		return made, ends("done")
	}
	bundle, err := s.execute(ctx, made, study, project, key)
	if err != nil {
		return nil, err
	}
	return made, s.finish(context.WithoutCancel(ctx), made, bundle, key)
}

// study is one that was handed in, with its environment as it is now and with what the runs that it
// needs wrote; need finds them.
func (s *space) study(ctx context.Context, researcher, project string, document waiting, key *keyring.Key, need func(id string) (*governance.Run, error)) (Study, error) {
	step := document.Step
	study := Study{Project: project, Researcher: researcher, Name: step.Run, Code: step.Code, Limits: step.Limits, R: s.w.Config.Run.R}
	language, err := languageOf(study)
	if err != nil {
		return study, err
	}
	if language == run.Python {
		if study.Environment, err = run.FindEnvironment(document.Python); err != nil {
			return study, err
		}
	}
	written := map[string][]run.File{}
	for step, id := range document.Needs {
		r, err := need(id)
		if err != nil {
			return study, err
		}
		if written[step], err = s.files(ctx, *r.Finished.Bundle, key, outputsPart, step); err != nil {
			return study, err
		}
	}
	return study, study.prepare(s.state, document, written)
}
