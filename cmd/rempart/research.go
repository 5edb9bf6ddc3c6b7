package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

func (a *app) runCommand() *cobra.Command {
	var as, name, python, dummy, tablesAs string
	var only []string
	var again, queue, follow bool
	var limits run.Limits
	c := &cobra.Command{
		Use:   "run --project PROJECT FILE|FOLDER",
		Short: "Run a study (.sql, .py, .R, .sh, or steps) in the sandbox over a project's data",
		Long: `The study sees the project's tables and nothing else: no network, no files of
this machine. An SQL study has a view for each table; the result of each SELECT
is an output. A Python study reads data/<table>.parquet and writes to outputs/;
R, which reads no Parquet, is handed data/<table>.csv by --tables-as csv.
What it writes waits at the airlock.

A folder under git with a rempart.yaml is a study of steps, each with its script, what
it needs and what leaves. A step runs again where something that decides what it
makes has changed, and not else; what was interrupted goes on where it was.

With --dummy the study sees an invented twin of the space, made by rempart project
dummy, and its outputs lie in the twin's folder: no warehouse is needed.`,
		Example: `  rempart run --project diabetes --as alice study.sql
  rempart run --project diabetes --as alice train.py
  rempart run --project diabetes .
  rempart run --project diabetes --queue --follow .
  rempart run --project diabetes --dummy twin study.sql`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if name == "" {
				return usage("of which project? Give --project")
			}
			if info, err := os.Stat(args[0]); err == nil && !info.IsDir() && (len(only) > 0 || again) {
				return usage("--step and --again are for a study of steps: name its folder; one script is run whole, and each time")
			}
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
				if tablesAs != "" {
					return usage("--tables-as is for one script: a step of a study says so itself, tables_as: csv in its rempart.yaml")
				}
				return a.runSteps(c, args[0], stepsOptions{as: as, name: name, python: python, twin: dummyFolder(dummy), only: only, again: again, queue: queue, follow: follow})
			}
			code, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if twin := dummyFolder(dummy); twin != "" {
				if queue || follow {
					return usage("a run over a twin does not wait, and its log is yours: leave out --queue and --follow")
				}
				return a.runTwin(c, twin, args[0], python, project.Study{Project: name, Name: filepath.Base(args[0]), Code: code, TablesAs: tablesAs, Limits: limits})
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, name); err != nil {
				return err
			}
			if queue {
				return a.enqueue(c, w, project.Steps{Project: name, Researcher: as, Study: project.Single(filepath.Base(args[0]), code, tablesAs, limits), Again: true}, python, follow)
			}
			if err := run.Available(); err != nil {
				return err
			}
			study := project.Study{Project: name, Researcher: as, Name: filepath.Base(args[0]), Code: code, TablesAs: tablesAs, Limits: limits}
			if language, _ := run.LanguageOf(args[0]); language == run.Python {
				if study.Environment, err = environmentOf(python, w.Config.Run.Python); err != nil {
					return err
				}
			}
			var followed *follower
			if follow && !a.json {
				followed = a.newFollower()
				study.Follow = followed.follow
			}
			return a.runStudy(c.Context(), w, study, followed)
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&name, "project", "", "the `project` whose data the study sees")
	c.Flags().StringVar(&python, "python", "", "the Python `environment` (default as configured)")
	c.Flags().StringSliceVar(&only, "step", nil, "of a study of steps this `step` and what it needs; may be repeated")
	c.Flags().BoolVar(&again, "again", false, "run also steps that have not changed")
	c.Flags().BoolVar(&queue, "queue", false, "let it wait for its turn, and return")
	c.Flags().BoolVar(&follow, "follow", false, "print how far it is, and its log while it comes; with --queue until it has ended")
	c.Flags().StringVar(&dummy, "dummy", "", "run over the twin in this `folder` (or REMPART_DUMMY)")
	c.Flags().StringVar(&tablesAs, "tables-as", "", "hand a script the tables as csv, for R and what else reads no Parquet (`form`: csv, parquet)")
	c.Flags().DurationVar(&limits.Time, "time", run.DefaultLimits.Time, "how long the study may run")
	return c
}

// runStudy runs a study in its project's space, and says what came of it.
func (a *app) runStudy(ctx context.Context, w *warehouse.Warehouse, study project.Study, followed *follower) error {
	made, err := project.Run(ctx, w, study)
	if err != nil {
		return err
	}
	if err := a.show(made, func() error { return a.printRun(made, followed) }); err != nil {
		return err
	}
	if made.Err != nil {
		return &studyError{fmt.Errorf("run %s: %w", made.Run, made.Err)}
	}
	return nil
}

// environmentOf finds the Python of studies.
func environmentOf(flag, configured string) (run.Environment, error) {
	path, err := pythonPath(flag, configured)
	if err != nil {
		return run.Environment{}, err
	}
	return run.FindEnvironment(path)
}

func (a *app) printRun(made *project.Ran, followed *follower) error {
	a.say("Run %s: %s, %.1f s", made.Run, made.Outcome, made.Seconds)
	a.printStudyLog(made, followed)
	a.printOutputs(made)
	return nil
}

// printOutputs prints what waits at the airlock.
func (a *app) printOutputs(made *project.Ran) {
	for _, o := range made.Outputs {
		verdict := "waits for an output checker"
		if o.Refused {
			verdict = "refused by the disclosure check"
		}
		a.say("  %s  %s (%s): %s", o.Output, o.Name, size(o.Size), verdict)
		for _, f := range o.Findings {
			if f.Severity == "refuse" {
				a.say("      %s", f.Message)
			}
		}
	}
}

// printStudyLog prints what a study printed, of one that was followed what has come since, and what
// of its outputs was not taken.
func (a *app) printStudyLog(made *project.Ran, followed *follower) {
	if followed != nil {
		followed.print(made.Log)
		followed.endLine()
	} else if log := strings.TrimSpace(made.Log); log != "" && made.Err == nil {
		a.say("  │ %s", strings.ReplaceAll(log, "\n", "\n  │ "))
	}
	for _, r := range made.Refused {
		a.say("  %s was not taken: %s", r.Name, r.Reason)
	}
}
