package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project/dataset"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/warehouse"
)

// Steps is a study of several steps that a researcher hands in to be run.
type Steps struct {
	Project     string
	Researcher  string
	Study       *steps.Study
	Environment run.Environment // for Python
	R           string          // see Study
	Again       bool            // also steps that have not changed

	// Follow is told the name of each step that is run, and says who is told of it: see Study. nil: nobody.
	Follow func(step string) func(Progress, string)
}

// StepRan is what came of a step.
type StepRan struct {
	Step      string `json:"step"`
	Unchanged bool   `json:"unchanged,omitempty"` // all that decides what it makes is as it was: Run is the run of then
	*Ran
}

// stepOf is a step under way: what its run knows beside its script. A study of
// one script has none (nil), sees all tables, and all that it writes asks to leave.
type stepOf struct {
	*steps.Step
	commit  string
	decides ledger.Digest
	given   []run.File        // what the steps that it needs wrote
	needs   map[string]string // the runs that wrote it, by step
}

// bring hands a job the step's files, and what it needs.
func (s *stepOf) bring(job *run.Job) {
	if s == nil {
		return
	}
	job.Name, job.Args, job.Files = s.Run, s.Args, s.Files
	for _, f := range s.given {
		job.Inputs = append(job.Inputs, run.Input{Name: f.Name, Content: bytes.NewReader(f.Content)})
		if path.Base(f.Name) == dataset.Description && job.Language == run.Python && !slices.ContainsFunc(job.Files, func(g run.File) bool { return g.Name == dataset.ModuleName }) {
			job.Files = append(slices.Clone(job.Files), run.File{Name: path.Join(path.Dir(job.Name), dataset.ModuleName), Content: dataset.Module})
		}
	}
}

func (s *stepOf) reads(table string) bool {
	return s == nil || len(s.Tables) == 0 || slices.Contains(s.Tables, table)
}

// of is the step of a language. A training table by itself is for nobody outside: it is no
// output.
func (s *stepOf) of(language run.Language) *stepOf {
	if s == nil && language == dataset.Language {
		return &stepOf{Step: &steps.Step{Outputs: []string{"-"}}}
	}
	return s
}

func (s *stepOf) leaves(name string) bool { return s == nil || s.Leaves(name) }

// RunSteps runs the steps of a study over its project's space, each as a run of
// its own ([Run]), and tells each when it has ended. A step that a run before has
// made of the very same script, files, arguments, environment, tables and needs is
// not run again: what that run wrote is taken. So a study that was interrupted
// goes on where it was. It ends at the first step that fails (see Ran.Err).
func RunSteps(ctx context.Context, w *warehouse.Warehouse, all Steps, told func(StepRan)) (ran []StepRan, err error) {
	made := map[string][]run.File{} // what each step wrote, below a folder of its name
	runs := map[string]string{}
	for _, step := range all.Study.Steps {
		state, err := w.State(ctx)
		if err != nil {
			return ran, err
		}
		needs := map[string]string{}
		for _, need := range step.Needs {
			needs[need] = runs[need]
		}
		study := Study{Project: all.Project, Researcher: all.Researcher, Name: step.Run, Code: step.Code, Environment: all.Environment, R: w.Config.Run.R, Limits: step.Limits}
		if err := study.prepare(state, waiting{Step: step, Commit: all.Study.Commit, Needs: needs}, made); err != nil {
			return ran, fmt.Errorf("step %s: %w", step.Name, err)
		}
		r := StepRan{Step: step.Name}
		if before := unchanged(state, study); before != nil && !all.Again {
			r.Unchanged, r.Ran = true, &Ran{Run: before.Run, RunFinished: *before.Finished}
		} else {
			if all.Follow != nil {
				study.Follow = all.Follow(step.Name)
			}
			if r.Ran, err = Run(ctx, w, study); err != nil {
				return ran, fmt.Errorf("step %s: %w", step.Name, err)
			}
		}
		ran = append(ran, r)
		if told != nil {
			told(r)
		}
		if r.Err != nil || r.Bundle == nil {
			return ran, nil //nolint:nilerr // a step that failed has run; it says why
		}
		runs[step.Name] = r.Run
		if made[step.Name], err = writtenOf(ctx, w, all.Project, step.Name, *r.Bundle); err != nil {
			return ran, err
		}
	}
	return ran, nil
}

// prepare brings a study that is a step its environment and what it reads, and takes the digest of
// both. made is what each step that it needs wrote.
func (study *Study) prepare(state *governance.State, document waiting, made map[string][]run.File) error {
	project, err := state.Project(study.Project)
	if err != nil {
		return err
	}
	if err := study.bring(project); err != nil {
		return err
	}
	environment := string(study.digest)
	if environment == "" {
		environment = string(study.language)
	}
	step := document.Step
	s := &stepOf{Step: step, commit: document.Commit, needs: document.Needs}
	var inputs []steps.Input
	var tables []string
	if x := project.Extraction; x != nil {
		for i, t := range x.Tables {
			tables = append(tables, t.Table)
			if s.reads(t.Table) {
				inputs = append(inputs, steps.Input{Name: t.Table, SHA256: string(x.Objects[i].SHA256)})
			}
		}
	}
	for _, t := range step.Tables {
		if project.Extraction != nil && !slices.Contains(tables, t) {
			return suggest(t, tables, "tables: the space has no table %q", t)
		}
	}
	for _, need := range step.Needs {
		for _, f := range made[need] {
			s.given = append(s.given, f)
			inputs = append(inputs, steps.Input{Name: f.Name, SHA256: string(ledger.Sum(f.Content))})
		}
	}
	s.decides = ledger.Digest(step.Digest(environment, inputs))
	study.step = s
	return nil
}

// unchanged finds the last run of the project that made the same of the same, or nil.
func unchanged(state *governance.State, study Study) *governance.Run {
	decides := study.step.decides
	for _, r := range state.Runs.Backward() {
		if r.Project == study.Project && r.Finished != nil && (r.Decides == decides || r.Finished.Decides == decides) && r.Finished.Outcome == "done" && r.Finished.Bundle != nil {
			return r
		}
	}
	return nil
}

// writtenOf opens what a step wrote, as the steps after it see it.
func writtenOf(ctx context.Context, w *warehouse.Warehouse, project, step string, bundle ledger.Object) (files []run.File, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	p, err := s.state.Project(project)
	if err != nil {
		return nil, err
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	return s.files(ctx, bundle, key, outputsPart, step)
}

// document is what is needed to run a step again, as its bundle keeps it.
func (s *stepOf) document(job run.Job) waiting {
	if s == nil {
		return waiting{Step: &steps.Step{Run: job.Name, Code: job.Code, Limits: job.Limits}}
	}
	return waiting{Step: s.Step, Commit: s.commit, Needs: s.needs}
}
