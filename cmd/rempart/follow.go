package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// follower prints how far runs are, and what is shown of their logs while it comes.
type follower struct {
	a       *app
	shown   int       // bytes of the log that were printed
	within  bool      // the last byte was no end of a line
	said    string    // of where a run is
	figures time.Time // when what it uses was printed last
}

func (a *app) newFollower() *follower { return &follower{a: a, figures: time.Now()} }

// figuresEvery is how often what a run uses is printed.
const figuresEvery = 10 * time.Second

// follow tells of a run that is under way.
func (f *follower) follow(p project.Progress, log string) {
	f.print(log)
	if time.Since(f.figures) >= figuresEvery {
		f.figures = time.Now()
		f.endLine()
		f.a.say("  %s", figuresOf(p))
	}
}

// print prints what has come to the log.
func (f *follower) print(log string) {
	if f.shown > len(log) {
		f.shown = 0 // the run was begun again
	}
	for line := range strings.Lines(log[f.shown:]) {
		if !f.within {
			fmt.Fprint(f.a.out, "  │ ")
		}
		fmt.Fprint(f.a.out, line)
		f.within = !strings.HasSuffix(line, "\n")
	}
	f.shown = len(log)
}

// endLine ends a line of the log that has no end.
func (f *follower) endLine() {
	if f.within {
		fmt.Fprintln(f.a.out)
		f.within = false
	}
}

// figuresOf says in words how far a run is, and what it uses.
func figuresOf(p project.Progress) string {
	text := fmt.Sprintf("runs for %.0f s of %.0f: given %s, %d lines of log", p.Seconds, p.Time, size(p.Given), p.Lines)
	if p.Withheld > 0 {
		text += fmt.Sprintf(" (%d withheld)", p.Withheld)
	}
	if p.Memory > 0 || p.CPU > 0 {
		text += fmt.Sprintf(", %.1f cores, %s of %s of memory", p.CPU, size(p.Memory), size(p.Limit))
	}
	return text
}

// placeOf says in words where a run stands in the queue.
func placeOf(p *project.Place) string {
	switch {
	case p.Held != "":
		return "waits: " + p.Held
	case p.Number == 0:
		return "waits"
	}
	text := fmt.Sprintf("waits: %d of %d in the queue, %d under way", p.Number, p.Of, p.Under)
	switch {
	case p.Jobs == 0:
		text += "; no worker is at work here: rempart runs work, or rempart serve"
	case p.Starts != nil:
		text += ", starts at about " + p.Starts.Local().Format("15:04")
	}
	return text
}

// see tells of a run of the queue.
func (f *follower) see(seen *project.Seen) {
	where := string(seen.Standing)
	switch {
	case seen.Place != nil:
		where = placeOf(seen.Place)
	case seen.Progress != nil:
		where = "runs since " + seen.Progress.Started.Local().Format("15:04:05")
	case seen.Outcome != "":
		where = seen.Outcome
	}
	ended := seen.Standing == project.Ended || seen.Standing == project.Cancelled
	if ended {
		f.print(seen.Log)
	}
	f.endLine()
	if where != f.said {
		f.said = where
		name := seen.Study
		if seen.Step != "" {
			name = seen.Step
		}
		f.a.say("Run %s (%s): %s", seen.Run, name, where)
	}
	if seen.Progress != nil {
		f.follow(*seen.Progress, seen.Log)
	}
}

// watch follows runs to their ends, one after the other, and says in the end whether one has failed.
func (a *app) watch(c *cobra.Command, w *warehouse.Warehouse, as string, runs []string) error {
	var failed error
	for _, id := range runs {
		f := a.newFollower()
		var last *project.Seen
		err := project.Watch(c.Context(), w, as, id, func(seen *project.Seen) error {
			last = seen
			if a.json {
				return json.NewEncoder(a.out).Encode(seen)
			}
			f.see(seen)
			return nil
		})
		if err != nil {
			return err
		}
		if last.Outcome != "done" && failed == nil {
			failed = &studyError{fmt.Errorf("run %s: %s", id, orCancelled(last))}
		}
	}
	return failed
}

func orCancelled(s *project.Seen) string {
	if s.Standing == project.Cancelled {
		return "was cancelled"
	}
	return s.Outcome
}

func (a *app) runsWatchCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "watch RUN...", Short: "Follow runs until they have ended: their turn, progress and log", Args: cobra.MinimumNArgs(1),
		Long: `Prints where each run is, when its turn comes at about, how far it is, what it uses, and what
it prints, without rows and identifiers: a line is shown once it and the two after it
were looked through, and no line is shown that its log in the end does not show.
With --json it prints a line of JSON for each change. Ctrl-C leaves the run alone.`,
		Example: `  rempart runs watch s-19a333a2 --as alice
  rempart runs watch s-19a333a2 --json`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, r, err := lookUp(c.Context(), a, (*governance.State).Run, args[0])
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, r.Project); err != nil {
				return err
			}
			return a.watch(c, w, as, args)
		},
	}
	asFlag(c, &as, "a researcher of their project")
	return c
}
