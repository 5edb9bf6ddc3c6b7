package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

func (a *app) partyLeave() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use: "leave NAME --reason TEXT", Short: "Say that a party has left: its key signs nothing from now on", Args: exactly(1),
		Long: `The signing key is destroyed; open mounts and running studies of that person end
within a second. What it stated before stays. The party itself says so, an officer
or the controller.`,
		Example: "  rempart party leave alice --reason \"her contract has ended\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as == "" {
				as = state.ControllerName()
			}
			e, err := w.PartyLeaves(c.Context(), as, args[0], reason)
			if err != nil {
				return err
			}
			if state, err = w.State(c.Context()); err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("%s has left (statement %d): its signing key is destroyed.", args[0], e.Index)
				for _, p := range state.Unstaffed(a.now()) {
					a.say("Project %s has no researcher left: close it, or have it amended.", p.Name)
				}
				return nil
			})
		},
	}
	asFlag(c, &as, "the party itself, an officer, or the controller (default)")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) partyReview() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use: "review --reason TEXT", Short: "Say that you looked at who has which role, and found it right", Args: exactly(0),
		Long:    "Prints who takes part, and records that an officer found it right: once a year, and\nwhen somebody has left.",
		Example: "  rempart party review --as diane --reason \"the yearly review\"",
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.acting(c.Context(), &as, governance.Officer)
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), as, ledger.RolesReviewed{Parties: state.Taking(), Reason: reason})
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("The roles of %d parties are reviewed (statement %d). Next by %s.", len(state.Taking()), e.Index, day(a.now().AddDate(0, 0, governance.ReviewEvery)))
				return nil
			})
		},
	}
	asFlag(c, &as, "the data protection officer")
	c.Flags().StringVar(&reason, "reason", "", "what was looked at")
	return c
}

// alarm tells whoever works with the warehouse of the emergencies that nobody has reviewed.
func (a *app) alarm(state *governance.State) {
	for _, e := range state.Unreviewed() {
		fmt.Fprintln(a.err, paint(a.err, red, fmt.Sprintf("EMERGENCY %s: %s broke the glass of project %s on %s, until %s: %s", e.Emergency, e.Actor, e.Project, moment(e.Time), moment(e.Until), e.Reason)))
		fmt.Fprintln(a.err, "No officer has reviewed it: rempart emergency review "+e.Emergency)
	}
}

// alarmFirst is alarm for a command that reads the ledger itself. Where it cannot
// be read, that command says so.
func (a *app) alarmFirst(ctx context.Context, w *warehouse.Warehouse) {
	_ = w.Read(ctx, func(m *warehouse.Model) error {
		a.alarm(m.State)
		return nil
	})
}

func (a *app) emergencyCommand() *cobra.Command {
	return group("emergency", "Reading in an emergency, before anybody has agreed", a.emergencyOpen(), a.emergencyReview(), a.emergencyList())
}

func (a *app) emergencyOpen() *cobra.Command {
	var as, reason, name string
	var lasts time.Duration
	c := &cobra.Command{
		Use: "open --project PROJECT --reason TEXT", Short: "Break the glass: read a project's space for some hours, loudly", Args: exactly(0),
		Long: `Whoever opens an emergency may mount the project's space until it ends, without
being one of its researchers. It is told to everybody who works with the warehouse,
on every page and before every command, until an officer has reviewed it; the same
person opens no other before.`,
		Example: "  rempart emergency open --project diabetes --for 4h --reason \"a patient in danger must be found again\"",
		RunE: func(c *cobra.Command, _ []string) error {
			if name == "" {
				return usage("of which project? Give --project")
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as == "" {
				as = state.ControllerName()
			}
			id := warehouse.NewID("e")
			e, err := w.Commit(c.Context(), as, ledger.EmergencyOpened{Emergency: id, Project: name, Until: a.now().UTC().Add(lasts).Truncate(time.Second), Reason: reason})
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Emergency %s is open until %s (statement %d). Read: rempart mount --project %s --as %s DIR", id, moment(a.now().Add(lasts)), e.Index, name, as)
				a.say("Everybody is told until an officer has reviewed it.")
				return nil
			})
		},
	}
	asFlag(c, &as, "the controller (default), or a researcher")
	c.Flags().StringVar(&name, "project", "", "the `project` whose space is to be read")
	c.Flags().StringVar(&reason, "reason", "", "why it cannot wait, in words that somebody can review")
	c.Flags().DurationVar(&lasts, "for", 4*time.Hour, "how long, 24h at most")
	return c
}

func (a *app) emergencyReview() *cobra.Command {
	var as, reason string
	var justified, unjustified bool
	c := &cobra.Command{
		Use: "review EMERGENCY --justified|--unjustified --reason TEXT", Short: "Say what you found of an emergency; it ends with that", Args: exactly(1),
		Example: "  rempart emergency review e-1f2e3d4c --justified --as diane --reason \"the patient was found\"",
		RunE: func(c *cobra.Command, args []string) error {
			if justified == unjustified {
				return usage("what did you find? Give --justified or --unjustified")
			}
			w, _, err := a.acting(c.Context(), &as, governance.Officer)
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), as, ledger.EmergencyReviewed{Emergency: args[0], Justified: justified, Reason: reason})
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Emergency %s is reviewed (statement %d).", args[0], e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the data protection officer")
	c.Flags().BoolVar(&justified, "justified", false, "it could not wait")
	c.Flags().BoolVar(&unjustified, "unjustified", false, "it could have waited")
	c.Flags().StringVar(&reason, "reason", "", "what you found")
	return c
}

func (a *app) emergencyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the emergencies and their reviews", Args: exactly(0),
		Example: "  rempart emergency list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			all := []*governance.Emergency{}
			var rows [][]string
			for id, e := range state.Emergencies.All() {
				all = append(all, e)
				verdict := "waits for its review"
				if e.Review != nil {
					verdict = map[bool]string{true: "justified", false: "NOT justified"}[e.Justified] + ", by " + e.Review.Actor + ": " + e.Finding
				}
				rows = append(rows, []string{id, e.Project, e.Actor, moment(e.Time), moment(e.Until), e.Reason, verdict})
			}
			return a.show(all, func() error {
				return a.table([]string{"emergency", "project", "who", "from", "until", "reason", "review"}, rows)
			})
		},
	}
}
