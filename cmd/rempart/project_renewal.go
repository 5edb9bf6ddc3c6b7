package main

import (
	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
)

func (a *app) projectRenewal() *cobra.Command {
	return group("renewal", "A project's data, made anew from a later release", a.renewalAsk(), a.renewalDecision("approve", true), a.renewalDecision("refuse", false), a.renewalList())
}

func (a *app) renewalAsk() *cobra.Command {
	var as, release, reason string
	c := &cobra.Command{
		Use: "ask PROJECT --reason TEXT", Short: "Ask for the data of a later release", Args: exactly(1),
		Long: `A space stays as it is until its researchers ask for another release and a data
protection officer agrees. Studies go on with what there is until the controller has made
it anew; what changed is then told by rempart project catalogue --since.`,
		Example: "  rempart project renewal ask diabetes --release r-1a2b3c4d --as alice --reason \"the follow-up needs 2026\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.Researcher)
			if err != nil {
				return err
			}
			e, asked, err := project.RequestRenewal(c.Context(), w, as, args[0], release, reason)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Project %s asks for the data of release %s (statement %d). A data protection officer decides: rempart project renewal approve %s", args[0], asked, e.Index, args[0])
				return nil
			})
		},
	}
	asFlag(c, &as, "a researcher of the project")
	c.Flags().StringVar(&release, "release", "", "the later `release` (default the latest)")
	c.Flags().StringVar(&reason, "reason", "", "what it is for")
	return c
}

// renewalDecision is a command by which an officer decides on a renewal.
func (a *app) renewalDecision(use string, approve bool) *cobra.Command {
	var as, reason string
	short := "Let a project have the release that it asked for"
	if !approve {
		short = "Leave a project the data that it has"
	}
	c := &cobra.Command{
		Use: use + " PROJECT --reason TEXT", Short: short, Args: exactly(1),
		Example: "  rempart project renewal " + use + " diabetes --as diane --reason \"opinion 12 of the committee\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.Officer)
			if err != nil {
				return err
			}
			e, asked, err := project.DecideRenewal(c.Context(), w, as, args[0], approve, reason)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				if approve {
					a.say("Project %s may have the data of release %s (statement %d): rempart project extract %s", args[0], asked.Release, e.Index, args[0])
				} else {
					a.say("Project %s keeps the data that it has (statement %d).", args[0], e.Index)
				}
				return nil
			})
		},
	}
	asFlag(c, &as, "the data protection officer")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) renewalList() *cobra.Command {
	return &cobra.Command{
		Use: "list PROJECT", Short: "List the later releases that a project asked for, and what came of it", Args: exactly(1),
		Example: "  rempart project renewal list diabetes",
		RunE: func(c *cobra.Command, args []string) error {
			_, state, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			renewals := append([]*governance.Renewal{}, p.Renewals...)
			var rows [][]string
			for _, r := range renewals {
				rows = append(rows, []string{r.Release, r.Status(), r.Actor, moment(r.Time), r.Reason, r.Why})
			}
			return a.show(renewals, func() error {
				for _, r := range state.Newer(p) {
					a.say("Release %s of %s is later than the project's data.", r.Release, moment(r.Time))
				}
				return a.table([]string{"release", "status", "asked by", "at", "for", "decided so since"}, rows)
			})
		},
	}
}
