package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/warehouse"
)

// stepsOptions are the flags of rempart run that a study of steps has.
type stepsOptions struct {
	as, name, python, twin string
	only                   []string
	again, queue, follow   bool
}

// runSteps runs a study of steps, over a space or a twin.
func (a *app) runSteps(c *cobra.Command, dir string, o stepsOptions) error {
	study, err := steps.Read(c.Context(), dir, o.twin != "")
	if err != nil {
		return &governance.Refusal{Reason: err.Error()}
	}
	if err := study.Only(o.only); err != nil {
		return &governance.Refusal{Reason: err.Error()}
	}
	if (o.queue || o.follow) && o.twin != "" {
		return usage("a run over a twin does not wait, and its log is yours: leave out --queue and --follow")
	}
	if err := run.Available(); err != nil && !o.queue {
		return err
	}
	all := project.Steps{Project: o.name, Study: study, Again: o.again}
	var w *warehouse.Warehouse
	if o.twin == "" {
		var state *governance.State
		if w, state, err = a.state(c.Context()); err != nil {
			return err
		}
		if all.Researcher, err = a.projectActor(state, o.as, o.name); err != nil {
			return err
		}
		if o.queue {
			return a.enqueue(c, w, all, o.python, o.follow)
		}
	}
	if slices.ContainsFunc(study.Steps, func(s *steps.Step) bool {
		language, _ := run.LanguageOf(s.Run)
		return language == run.Python
	}) {
		if all.Environment, err = environmentOf(o.python, a.configured().Python); err != nil {
			return err
		}
	}
	var followed *follower // of the step under way
	told := func(r project.StepRan) {
		if !a.json {
			a.printStep(r, o.twin, followed)
			followed = nil
		}
	}
	if o.follow && !a.json {
		all.Follow = func(step string) func(project.Progress, string) {
			a.say("%-16s runs since %s", step, time.Now().Format("15:04:05"))
			followed = a.newFollower()
			return followed.follow
		}
	}
	if !a.json {
		a.say("Commit %.12s, %d steps", study.Commit, len(study.Steps))
	}
	var ran []project.StepRan
	if o.twin != "" {
		folder, err := project.OpenTwin(o.twin, o.name)
		if err != nil {
			return err
		}
		all.R = a.configured().R
		ran, err = folder.RunSteps(c.Context(), all, told)
		return a.stepsEnded(study, ran, err)
	}
	ran, err = project.RunSteps(c.Context(), w, all, told)
	return a.stepsEnded(study, ran, err)
}

// printStep tells what came of a step as soon as it has ended.
func (a *app) printStep(r project.StepRan, twin string, followed *follower) {
	if r.Unchanged {
		a.say("%-16s unchanged since run %s: not run again", r.Step, r.Run)
		return
	}
	if twin != "" {
		a.say("%-16s %s, %.1f s", r.Step, r.Outcome, r.Seconds)
	} else {
		a.say("%-16s run %s: %s, %.1f s", r.Step, r.Run, r.Outcome, r.Seconds)
	}
	a.printStudyLog(r.Ran, followed)
	if twin != "" {
		a.printTwinOutputs(filepath.Join(twin, "outputs", r.Step), r.Ran)
	} else {
		a.printOutputs(r.Ran)
	}
}

// stepsEnded says which steps were not reached, and why.
func (a *app) stepsEnded(study *steps.Study, ran []project.StepRan, err error) error {
	if a.json {
		err = errors.Join(err, a.show(map[string]any{"commit": study.Commit, "steps": ran}, nil))
	}
	if err != nil || len(ran) == 0 {
		return err
	}
	last := ran[len(ran)-1]
	if last.Err == nil {
		return nil
	}
	left := ""
	if n := len(study.Steps) - len(ran); n > 0 {
		left = fmt.Sprintf(" (%d steps after it were not run)", n)
	}
	return &studyError{fmt.Errorf("step %s%s: %w", last.Step, left, last.Err)}
}
