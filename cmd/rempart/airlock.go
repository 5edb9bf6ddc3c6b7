package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
)

func (a *app) airlockCommand() *cobra.Command {
	var as, reason string
	var all bool
	list := &cobra.Command{
		Use: "list", Short: "List the outputs that wait", Args: exactly(0),
		Example: `  rempart airlock list
  rempart airlock list --all`,
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			outputs := []*governance.Output{}
			var rows [][]string
			for id, o := range state.Outputs.All() {
				if o.Decision != nil && !all {
					continue
				}
				outputs = append(outputs, o)
				rows = append(rows, []string{id, o.Run.Project, o.Run.Actor, o.Name, size(o.Size), o.Handled().Checker, a.wait(state, o), standing(o)})
			}
			return a.show(outputs, func() error {
				return a.table([]string{"output", "project", "of", "file", "size", "with", "waited", "status"}, rows)
			})
		},
	}
	list.Flags().BoolVar(&all, "all", false, "also those that were decided")
	show := &cobra.Command{
		Use: "show OUTPUT", Short: "Show what the disclosure check found, and the output itself to its checker", Args: exactly(1),
		Example: `  rempart airlock show s-19a333a2-1
  rempart airlock show s-19a333a2-1 --as bob`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, o, err := lookUp(c.Context(), a, (*governance.State).Output, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.show(o, nil)
			}
			a.say("Output %s: %s (%s), %s", args[0], o.Name, size(o.Size), standing(o))
			a.say("Run %s of project %s by %s, code %s", o.Run.Run, o.Run.Project, o.Run.Actor, o.Run.Code[:16])
			a.printContext(state, o)
			if as == "" {
				return nil
			}
			data, err := airlock.Peek(c.Context(), w, as, args[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(append([]byte("\n"), data...))
			return err
		},
	}
	asFlag(show, &as, "an output checker, who then sees the output's content")
	release := &cobra.Command{
		Use: "release OUTPUT --reason TEXT", Short: "Let an output out, with a receipt", Args: exactly(1),
		Example: `  rempart airlock release s-1f2e3d4c-1 --as bob --reason "all cells are above 11"`,
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.OutputChecker)
			if err != nil {
				return err
			}
			released, err := airlock.Release(c.Context(), w, as, args[0], reason)
			if err != nil {
				return err
			}
			return a.show(released, func() error {
				a.say("Output %s is released (statement %d):", args[0], released.Entry)
				a.say("  %s", released.Path)
				a.say("  %s", released.Receipt)
				return nil
			})
		},
	}
	asFlag(release, &as, "the output checker")
	release.Flags().StringVar(&reason, "reason", "", "why it may leave")
	refuse := &cobra.Command{
		Use: "refuse OUTPUT --reason TEXT", Short: "Keep an output in", Args: exactly(1),
		Example: "  rempart airlock refuse s-19a333a2-1 --as bob --reason \"one row is one person\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.OutputChecker)
			if err != nil {
				return err
			}
			e, err := airlock.Refuse(c.Context(), w, as, args[0], reason)
			if err != nil {
				return err
			}
			a.say("Output %s is refused (statement %d).", args[0], e.Index)
			return nil
		},
	}
	asFlag(refuse, &as, "the output checker")
	refuse.Flags().StringVar(&reason, "reason", "", "why it stays in")
	return group("airlock", "The one door for results", list, show, a.airlockCode(), a.airlockSuggest(), a.airlockComment(), a.airlockAssign(), release, refuse, a.airlockFetch(), a.airlockRenew())
}

// wait is how long an output has waited, and whether that is longer than was promised.
func (a *app) wait(state *governance.State, o *governance.Output) string {
	if o.Refused {
		return ""
	}
	waited := fmt.Sprintf("%.0f h", o.Waited(a.now()).Hours())
	if hours := o.Waited(a.now()).Hours(); hours >= 48 {
		waited = fmt.Sprintf("%.0f days", hours/24)
	}
	if state.Late(o, a.now()) {
		waited += ", late"
	}
	return waited
}

// printContext prints what is known of an output: what was found and what to change, who
// takes it, what was said about it, and what became of it.
func (a *app) printContext(state *governance.State, o *governance.Output) {
	done := o.Handled()
	if done.From != "" {
		a.say("Made of output %s for %s: %s", done.From, done.By, done.Method)
	}
	for _, f := range o.Findings {
		a.say("  %-6s %s", f.Severity, f.Message)
	}
	if o.Refused && disclosure.MethodsFor(o.Name) != nil {
		a.say("What would make it pass: rempart airlock suggest %s", o.Output.Output)
	}
	if done.Checker != "" {
		a.say("With %s since %s", done.Checker, moment(done.Assigned.Time))
	}
	if w := a.wait(state, o); w != "" && o.Decision == nil {
		a.say("Has waited %s", w)
	}
	for _, c := range done.Comments {
		a.say("%s, %s: %s", moment(c.Time), c.Actor, words.Plain(c.Text))
	}
	if o.Decision != nil {
		a.say("Decided by %s on %s: %s", o.Decision.Actor, moment(o.Decision.Time), words.Plain(o.Reason))
	}
	for _, d := range done.Deliveries {
		a.say("Handed to %s on %s (%s)", d.Party, moment(d.Time), d.Means)
	}
}

// standing says in words what became of an output.
func standing(o *governance.Output) string {
	switch {
	case o.Decision != nil && o.Released:
		return "released by " + o.Decision.Actor
	case o.Decision != nil:
		return "refused by " + o.Decision.Actor
	case o.Refused:
		return "refused by the disclosure check"
	}
	return "waits"
}
