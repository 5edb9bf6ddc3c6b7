package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/environment"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/warehouse"
)

// listedRun is a run as it is listed.
type listedRun struct {
	*governance.Run
	Standing project.Standing  `json:"standing"`
	Progress *project.Progress `json:"progress,omitempty"`
	Place    *project.Place    `json:"place,omitempty"`
}

func (a *app) runsCommand() *cobra.Command {
	return group("runs", "Runs: what waits, runs and has run", a.runsListCommand(), a.runsShowCommand(), a.runsLogsCommand(), a.runsWatchCommand(), a.runsCancelCommand(), a.runsWorkCommand(), a.runsCrateCommand(), a.runsCardCommand())
}

func (a *app) runsListCommand() *cobra.Command {
	var name string
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "List the runs that wait or are under way", Args: exactly(0),
		Example: `  rempart runs list
  rempart runs list --project pneumonia --all`,
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			listed := []listedRun{}
			var rows [][]string
			for id, r := range state.Runs.All() {
				if name != "" && r.Project != name || !all && !r.Waits() {
					continue
				}
				standing, progress := project.StandingOf(c.Context(), w, r)
				listed = append(listed, listedRun{r, standing, progress, nil})
				rows = append(rows, []string{id, r.Project, r.Actor, orStep(r), a.standingOf(r, standing, progress), r.Time.Format("2006-01-02 15:04:05")})
			}
			return a.show(listed, func() error {
				return a.table([]string{"run", "project", "of", "study", "status", "requested"}, rows)
			})
		},
	}
	c.Flags().StringVar(&name, "project", "", "of this `project` alone")
	c.Flags().BoolVar(&all, "all", false, "also those that have ended")
	return c
}

// orStep is what a run runs: a step of a study, or a script.
func orStep(r *governance.Run) string {
	if r.Step != "" {
		return r.Step + " (" + r.Name + ")"
	}
	return r.Name
}

// standingOf says in words where a run is.
func (a *app) standingOf(r *governance.Run, standing project.Standing, p *project.Progress) string {
	switch {
	case r.Finished != nil && r.Finished.Same != "":
		return "unchanged since run " + r.Finished.Same
	case r.Finished != nil:
		return r.Finished.Outcome
	case r.Cancelled != nil:
		return "cancelled by " + r.Cancelled.Actor
	case p != nil:
		return figuresOf(*p)
	case standing == project.Waiting && len(r.Needs) > 0:
		return "waits for " + strings.Join(r.Needs, ", ")
	}
	return string(standing)
}

func (a *app) runsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: "Show a run: how far it is, or what its record says", Args: exactly(1),
		Example: "  rempart runs show s-19a333a2",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, r, err := lookUp(c.Context(), a, (*governance.State).Run, args[0])
			if err != nil {
				return err
			}
			seen, err := project.Glance(c.Context(), w, args[0])
			if err != nil {
				return err
			}
			return a.show(listedRun{r, seen.Standing, seen.Progress, seen.Place}, func() error {
				a.say("Run %s of project %s by %s: %s", r.Run, r.Project, r.Actor, a.standingOf(r, seen.Standing, seen.Progress))
				if seen.Place != nil {
					a.say("  %s", placeOf(seen.Place))
				}
				a.say("  %s (%s), code %.16s, requested %s", orStep(r), r.Language, r.Code, r.Time.Format("2006-01-02 15:04:05"))
				if r.Environment != "" {
					a.say("  environment %.16s", r.Environment)
				}
				if r.Commit != "" {
					a.say("  commit %.12s", r.Commit)
				}
				if r.Cancelled != nil {
					a.say("  cancelled by %s: %s", r.Cancelled.Actor, r.Why)
				}
				f := r.Finished
				if f == nil {
					return nil
				}
				a.say("  took %.1f s; held by %s", f.Seconds, strings.Join(f.Walls, ", "))
				if len(f.Calls) > 0 {
					a.say("  was refused the system calls %s", strings.Join(f.Calls, ", "))
				}
				for _, reason := range f.Left {
					a.say("  left behind in outputs/: %s", reason)
				}
				if f.Log != nil {
					a.say("  printed %d lines (%s)", f.Log.Lines, size(f.Log.Bytes))
					for why, n := range f.Log.Withheld {
						a.say("    %d withheld: %s", n, why)
					}
				}
				for _, o := range f.Outputs {
					a.say("  %s  %s (%s)", o.Output, o.Name, size(o.Size))
				}
				return nil
			})
		},
	}
}

func (a *app) runsLogsCommand() *cobra.Command {
	return a.tellsOfRun(&cobra.Command{
		Use: "logs RUN", Short: "Print what a run has printed until now, without rows and identifiers",
		Example: "  rempart runs logs s-19a333a2 --as alice",
	}, "log", project.Log)
}

// tellsOfRun has a command print what a researcher reads of a run; name is its field in JSON.
func (a *app) tellsOfRun(c *cobra.Command, name string, read func(ctx context.Context, w *warehouse.Warehouse, as, run string) (string, error)) *cobra.Command {
	var as string
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		w, err := a.ofRun(c.Context(), &as, args[0])
		if err != nil {
			return err
		}
		text, err := read(c.Context(), w, as, args[0])
		if err != nil {
			return err
		}
		return a.show(map[string]string{"run": args[0], name: text}, func() error {
			_, err := fmt.Fprint(a.out, text)
			return err
		})
	}
	asFlag(c, &as, "a researcher of its project")
	return c
}

// ofRun opens the home for who acts in a run's project.
func (a *app) ofRun(ctx context.Context, as *string, id string) (*warehouse.Warehouse, error) {
	w, state, r, err := lookUp(ctx, a, (*governance.State).Run, id)
	if err != nil {
		return nil, err
	}
	*as, err = a.projectActor(state, *as, r.Project)
	return w, err
}

func (a *app) runsCancelCommand() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use: "cancel RUN --reason TEXT", Short: "End a run that waits or is under way", Args: exactly(1),
		Example: "  rempart runs cancel s-19a333a2 --as alice --reason \"a wrong cohort\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.ofRun(c.Context(), &as, args[0])
			if err != nil {
				return err
			}
			e, err := project.Cancel(c.Context(), w, as, args[0], reason)
			if err != nil {
				return err
			}
			a.say("Run %s is cancelled (statement %d).", args[0], e.Index)
			return nil
		},
	}
	asFlag(c, &as, "a researcher of its project, the controller or a data protection officer")
	c.Flags().StringVar(&reason, "reason", "", "why it ends")
	return c
}

func (a *app) runsWorkCommand() *cobra.Command {
	var jobs int
	var drain bool
	c := &cobra.Command{
		Use:   "work",
		Short: "Run what waits in the queue, fairly between projects",
		Long: `The project with the fewest runs under way has the next turn, then the one whose
last turn is longest ago. Several workers may share a home. A run whose worker was
killed is run again; Ctrl-C leaves what is under way in the queue.
rempart serve has a worker too.`,
		Example: `  rempart runs work --jobs 4
  rempart runs work --drain`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if err := run.Available(); err != nil {
				return err
			}
			worker := project.Worker{Warehouse: w, Jobs: jobs, Log: slog.New(slog.NewTextHandler(a.err, nil))}
			worker.Told = func(id, of, outcome string) { a.say("Run %s of project %s: %s", id, of, outcome) }
			return worker.Work(c.Context(), drain)
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 1, "how `many` runs at one time")
	c.Flags().BoolVar(&drain, "drain", false, "end when nothing is left that can run")
	return c
}

// enqueue puts a study in the queue.
func (a *app) enqueue(c *cobra.Command, w *warehouse.Warehouse, all project.Steps, python string, follow bool) error {
	for _, s := range all.Study.Steps {
		if language, _ := run.LanguageOf(s.Run); language == run.Python {
			path, err := pythonPath(python, w.Config.Run.Python)
			if err != nil {
				return err
			}
			if all.Environment, err = run.FindEnvironment(path); err != nil {
				return err
			}
			python = path
			break
		}
	}
	runs, err := project.Enqueue(c.Context(), w, all, python)
	if err != nil {
		return err
	}
	if follow {
		return a.watch(c, w, all.Researcher, runs)
	}
	return a.show(runs, func() error {
		for i, id := range runs {
			a.say("Run %s waits: %s", id, nameOf(all.Study.Steps[i]))
		}
		a.say("See how far they are: rempart runs watch %s --as %s", strings.Join(runs, " "), all.Researcher)
		return nil
	})
}

func nameOf(s *steps.Step) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Run
}

// pythonPath is where the Python of studies lies, from anywhere.
func pythonPath(flag, configured string) (string, error) {
	for _, path := range []string{flag, configured} {
		if path != "" {
			return environment.Resolve(environment.Root(), path)
		}
	}
	return "", errors.New("no Python environment is configured: build one with rempart environment build python, and name it in rempart.toml at [run] python, or with --python")
}
