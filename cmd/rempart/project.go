package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

func (a *app) projectCommand() *cobra.Command {
	return group("project", "Authorised uses of the data",
		a.projectRequest(), a.projectAmend(), a.projectExtend(),
		a.decision("approve", "Grant the text that waits, until the day that it names", "approved", governance.Officer, project.Approve),
		a.decision("refuse", "Deny the text that waits", "refused", governance.Officer, project.Refuse),
		a.decision("suspend", "End every use of a project's data, for the time being", "suspended", governance.Officer, func(ctx context.Context, w *warehouse.Warehouse, as, name, reason string) (ledger.Entry, error) {
			return w.Commit(ctx, as, ledger.ProjectSuspended{Project: name, Reason: reason})
		}),
		a.decision("resume", "Let a suspended project go on", "approved again", governance.Officer, func(ctx context.Context, w *warehouse.Warehouse, as, name, reason string) (ledger.Entry, error) {
			return w.Commit(ctx, as, ledger.ProjectResumed{Project: name, Reason: reason})
		}),
		a.projectExtract(), a.projectRenewal(), a.projectCatalogue(), a.projectDummy(), a.projectList(), a.projectShow(), a.projectHistory(), a.projectDiff(), a.projectUses(),
		a.decision("close", "End a project and destroy its key", "closed", governance.Controller, project.Close),
	)
}

func (a *app) projectRequest() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "request FILE",
		Short: "Ask for a project with a text that people can read",
		Long: `FILE is YAML: project, title, purpose, use (see rempart project uses), controller,
legal_basis, persons (an SQL query), tables and columns, period, researchers,
ends, minimum_cell_count; and where needed starts, outputs, maximum_rows,
host_derogation, and dates, age, geography, which make what is seen coarser.
docs/authorisations.md tells each.`,
		Example: "  rempart project request diabetes.yaml --as alice",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			w, _, err := a.acting(c.Context(), &as, governance.Researcher)
			if err != nil {
				return err
			}
			e, spec, err := project.Request(c.Context(), w, as, text)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.printProtection(spec)
				a.say("Project %s is requested (statement %d). A data protection officer decides: rempart project approve %s", spec.Project, e.Index, spec.Project)
				return nil
			})
		},
	}
	asFlag(c, &as, "the researcher")
	return c
}

func (a *app) projectAmend() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use:   "amend FILE --reason TEXT",
		Short: "Ask for another text of a project's authorisation",
		Long: `FILE is the whole text as it is to be. What was granted before stays in force
until the data protection officer has decided. A text that still waits is replaced.`,
		Example: "  rempart project amend diabetes.yaml --as alice --reason \"a second hospital takes part\"",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			spec, err := governance.ParseSpec(text)
			if err != nil {
				return err
			}
			w, _, err := a.acting(c.Context(), &as, governance.Researcher)
			if err != nil {
				return err
			}
			e, err := project.Amend(c.Context(), w, as, spec.Project, text, reason)
			if err != nil {
				return err
			}
			return a.asked(c, w, spec.Project, e)
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) projectExtend() *cobra.Command {
	var as, reason, until string
	c := &cobra.Command{
		Use: "extend PROJECT --until DATE --reason TEXT", Short: "Ask for a later end of a project, and for nothing else", Args: exactly(1),
		Example: "  rempart project extend diabetes --until 2028-12-31 --as alice --reason \"the follow-up takes a year more\"",
		RunE: func(c *cobra.Command, args []string) error {
			if until == "" {
				return usage("until when? Give --until 2028-12-31")
			}
			w, _, err := a.acting(c.Context(), &as, governance.Researcher)
			if err != nil {
				return err
			}
			e, err := project.Extend(c.Context(), w, as, args[0], until, reason)
			if err != nil {
				return err
			}
			return a.asked(c, w, args[0], e)
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&until, "until", "", "the last `day`, or a point in time")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

// asked prints what an amendment would change.
func (a *app) asked(c *cobra.Command, w *warehouse.Warehouse, name string, e ledger.Entry) error {
	state, err := w.State(c.Context())
	if err != nil {
		return err
	}
	p, err := state.Project(name)
	if err != nil {
		return err
	}
	return a.show(e.Statement, func() error {
		if v := p.Waits(); v != nil {
			a.printChanges(p, v)
		}
		a.say("Asked for (statement %d). A data protection officer decides: rempart project approve %s", e.Index, name)
		return nil
	})
}

// decision is a command by which somebody decides on a project.
func (a *app) decision(use, short, done string, role governance.Role, do func(ctx context.Context, w *warehouse.Warehouse, as, name, reason string) (ledger.Entry, error)) *cobra.Command {
	var as, reason string
	c := &cobra.Command{Use: use + " PROJECT --reason TEXT", Short: short, Args: exactly(1),
		Example: fmt.Sprintf("  rempart project %s diabetes --reason \"the opinion of the committee\"", use),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as, err = a.actor(state, as, role); err != nil {
				return err
			}
			if p, err := state.Project(args[0]); err == nil && use == "approve" {
				if v := p.Waits(); v != nil {
					a.printChanges(p, v)
					a.printProtection(v.Spec)
				}
			}
			e, err := do(c.Context(), w, as, args[0], reason)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Project %s is %s (statement %d).", args[0], done, e.Index)
				return nil
			})
		}}
	asFlag(c, &as, "the data protection officer")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) projectExtract() *cobra.Command {
	var release string
	c := &cobra.Command{
		Use:   "extract PROJECT",
		Short: "Give an approved project its data: what was granted and no more",
		Long: `Makes the project's space. Where an amendment grants other data than the space
holds, or a later release was granted (rempart project renewal), it is made anew; its
old objects are deleted.`,
		Args:    exactly(1),
		Example: "  rempart project extract diabetes",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			progress, done := a.bar("extract")
			made, err := project.Extract(c.Context(), w, args[0], release, progress)
			done()
			if err != nil {
				return err
			}
			return a.show(made, func() error {
				a.say("Project %s has its data from release %s (statement %d): %s persons", args[0], made.Release, made.Entry, count(made.Persons))
				var rows [][]string
				for _, t := range made.Tables {
					rows = append(rows, []string{"  " + t.Table, count(t.Rows)})
				}
				return a.table([]string{"  table", "rows"}, rows)
			})
		},
	}
	c.Flags().StringVar(&release, "release", "", "the release to take from (default the one that was granted, or the latest)")
	return c
}

func (a *app) projectList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the projects, and what waits for a decision", Args: exactly(0),
		Example: "  rempart project list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			var projects []*governance.Project
			var rows [][]string
			for name, p := range state.Projects.All() {
				projects = append(projects, p)
				waits := ""
				if v := p.Waits(); v != nil && v.Number > 1 {
					waits = fmt.Sprintf("version %d waits", v.Number)
				}
				rows = append(rows, []string{name, p.At(a.now()), p.Spec.Ends.String(), strings.Join(p.Spec.Researchers, ", "), p.Spec.Title, waits})
			}
			return a.show(projects, func() error {
				if err := a.table([]string{"project", "status", "ends", "researchers", "title", ""}, rows); err != nil {
					return err
				}
				for _, p := range state.Unstaffed(a.now()) {
					a.say("Project %s has no researcher left: close it, or have it amended.", p.Name)
				}
				return nil
			})
		},
	}
}

func (a *app) projectShow() *cobra.Command {
	return &cobra.Command{
		Use: "show PROJECT", Short: "Show a project's authorisation, and what waits beside it", Args: exactly(1),
		Example: "  rempart project show diabetes",
		RunE: func(c *cobra.Command, args []string) error {
			_, _, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			return a.show(p, func() error {
				a.say("Project %s: %s, requested by %s on %s", p.Name, p.At(a.now()), p.Actor, moment(p.Time))
				if v := p.InForce(); v != nil {
					a.say("Version %d is in force since %s: %s by %s: %s", v.Number, moment(v.Decision.Time), v.Status, v.Decision.Actor, v.Reason)
				}
				if p.Suspended != nil {
					a.say("Suspended by %s on %s: %s", p.Suspended.Actor, moment(p.Suspended.Time), p.Reason)
				}
				if (p.Status == governance.Refused || p.Status == governance.Closed) && p.Decision != nil {
					a.say("%s by %s on %s: %s", title(string(p.Status)), p.Decision.Actor, moment(p.Decision.Time), p.Reason)
				}
				if p.Extraction != nil {
					a.say("Has the data of %s persons from release %s", count(p.Extraction.Persons), p.Extraction.Release)
				}
				if p.Outdated {
					a.say("Its data is not what is granted now: rempart project extract %s", p.Name)
				}
				a.printProtection(p.Spec)
				a.say("\n%s", strings.TrimSpace(p.Text))
				if v := p.Waits(); v != nil && v.Number > 1 {
					a.say("\nVersion %d waits for a decision, asked for by %s on %s: %s", v.Number, v.Actor, moment(v.Time), v.Why)
					a.printChanges(p, v)
				}
				return nil
			})
		},
	}
}

// toldVersion is one text as it is shown: with what it changes.
type toldVersion struct {
	*governance.Version
	Against int                 `json:",omitempty"` // the number of the version that the changes are told from
	Changes []governance.Change `json:",omitempty"`
}

func versions(p *governance.Project) (all []toldVersion) {
	for _, v := range p.Versions {
		shown := toldVersion{Version: v}
		if before := p.Before(v); before != nil {
			shown.Against, shown.Changes = before.Number, governance.Changes(before.Spec, v.Spec)
		}
		all = append(all, shown)
	}
	return all
}

func (a *app) projectHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history PROJECT", Short: "Tell every version of a project's authorisation, and what each changed", Args: exactly(1),
		Example: "  rempart project history diabetes",
		RunE: func(c *cobra.Command, args []string) error {
			_, _, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			return a.show(versions(p), func() error {
				for _, v := range p.Versions {
					a.say("Version %d: asked for by %s on %s%s", v.Number, v.Actor, moment(v.Time), because(v.Why))
					a.printChanges(p, v)
					switch {
					case v.Status == governance.Superseded:
						a.say("  superseded before it was decided on")
					case v.Decision != nil:
						a.say("  %s by %s on %s%s", v.Status, v.Decision.Actor, moment(v.Decision.Time), because(v.Reason))
					default:
						a.say("  waits for a decision")
					}
				}
				return nil
			})
		},
	}
}

func (a *app) projectDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff PROJECT [VERSION [VERSION]]", Short: "Compare two versions of a project's authorisation",
		Long: `Without a version: the last one against the one that was in force before it.
With one: that one against the one before. With two: the second against the first.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 3 {
				return usage("call it as: %s", c.UseLine())
			}
			return nil
		},
		Example: "  rempart project diff diabetes\n  rempart project diff diabetes 1 3",
		RunE: func(c *cobra.Command, args []string) error {
			_, _, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			to := p.Versions[len(p.Versions)-1]
			if len(args) > 1 {
				if to, err = numbered(p, args[len(args)-1]); err != nil {
					return err
				}
			}
			from := p.Before(to)
			if len(args) == 3 {
				if from, err = numbered(p, args[1]); err != nil {
					return err
				}
			}
			if from == nil {
				return usage("version %d of project %s is the first: there is nothing to compare it with", to.Number, p.Name)
			}
			changes := governance.Changes(from.Spec, to.Spec)
			return a.show(map[string]any{"from": from.Number, "to": to.Number, "changes": changes}, func() error {
				a.say("Project %s, version %d (%s) → version %d (%s)", p.Name, from.Number, from.Status, to.Number, to.Status)
				for _, change := range changes {
					a.say("  %s", change)
				}
				if len(changes) == 0 {
					a.say("  nothing but how it is written")
				}
				return nil
			})
		},
	}
}

func numbered(p *governance.Project, text string) (*governance.Version, error) {
	for _, v := range p.Versions {
		if fmt.Sprint(v.Number) == strings.TrimPrefix(text, "v") {
			return v, nil
		}
	}
	return nil, usage("project %s has no version %q: it has %d", p.Name, text, len(p.Versions))
}

func (a *app) projectUses() *cobra.Command {
	return &cobra.Command{
		Use: "uses", Short: "List what data may be used for, and what never", Args: exactly(0),
		Example: "  rempart project uses",
		RunE: func(*cobra.Command, []string) error {
			var uses []governance.Use
			var rows [][]string
			for _, name := range governance.UseNames() {
				use := governance.Uses[name]
				uses = append(uses, use)
				verdict := "allowed"
				if use.Public {
					verdict = "allowed, to public bodies"
				}
				if use.Prohibited {
					verdict = "prohibited"
				}
				rows = append(rows, []string{name, verdict, use.Article, use.Says})
			}
			return a.show(uses, func() error { return a.table([]string{"use", "", "EHDS", "what it is"}, rows) })
		},
	}
}

// printChanges says what a version changes against the one before it.
func (a *app) printChanges(p *governance.Project, v *governance.Version) {
	before := p.Before(v)
	if before == nil {
		return
	}
	for _, change := range governance.Changes(before.Spec, v.Spec) {
		a.say("  %s", change)
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// printProtection says what of the persons a request shows less exactly, and
// what in it may tell who they are.
func (a *app) printProtection(spec *governance.Spec) {
	for _, line := range spec.Protection() {
		a.say("  %s", line)
	}
	kinds := project.Identifiers(spec)
	for _, kind := range kinds {
		a.say("  potential identifier: %s", kind)
	}
	if len(kinds) > 1 && spec.Identifying == "" {
		a.say("  no reason is given why they are needed together")
	}
}
