package main

import (
	"github.com/spf13/cobra"

	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
)

func (a *app) runsCrateCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "crate RUN DIR", Short: "Write a run's record as a Five Safes RO-Crate", Args: exactly(2),
		Long: `The crate holds the study's code, and names by digest its data, its environment and
its outputs, with who agreed to it and what was decided. It holds no data, and may
leave. rempart rerun makes the run again from it.`,
		Example: "  rempart runs crate s-19a333a2 crate",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.ofRun(c.Context(), &as, args[0])
			if err != nil {
				return err
			}
			if err := project.Crate(c.Context(), w, as, args[0], args[1]); err != nil {
				return err
			}
			a.say("The record of run %s is in %s.", args[0], args[1])
			return nil
		},
	}
	asFlag(c, &as, "a researcher of its project")
	return c
}

func (a *app) runsCardCommand() *cobra.Command {
	return a.tellsOfRun(&cobra.Command{
		Use: "card RUN", Short: "Write the card of a model from the record of the run that made it",
		Long: `The card tells the purpose and the legal basis, the release, cohort, features and split of the
training table, the figures that have been released, what the membership test said, and the
digests of the code, the environment and the model. It holds no data, and may leave.`,
		Example: "  rempart runs card s-19a333a2 --as alice > model-card.md",
	}, "card", project.Card)
}

func (a *app) rerunCommand() *cobra.Command {
	var as, python string
	c := &cobra.Command{
		Use:   "rerun CRATE",
		Short: "Make the run of a crate again, and say whether it gives the same bytes",
		Long: `The run is made again over the project's space, as a run of its own. Where an output
has other bytes, or the code, the data or the environment are not what they were, it
says so, and the exit code is 4.`,
		Example: "  rempart rerun crate --as alice",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if err := run.Available(); err != nil {
				return err
			}
			if python != "" || w.Config.Run.Python != "" {
				if python, err = pythonPath(python, w.Config.Run.Python); err != nil {
					return err
				}
			}
			made, err := project.Rerun(c.Context(), w, as, args[0], python)
			if err != nil {
				return err
			}
			if err := a.show(made, func() error {
				a.say("Run %s again, as run %s: %s, %.1f s", made.Of, made.Run, made.Outcome, made.Seconds)
				for _, d := range made.Differs {
					a.say("  %s", d)
				}
				if len(made.Differs) == 0 {
					a.say("  The same bytes: %d outputs", len(made.Outputs))
				}
				return nil
			}); err != nil {
				return err
			}
			if len(made.Differs) > 0 {
				return &damageError{len(made.Differs)}
			}
			return nil
		},
	}
	asFlag(c, &as, "a researcher of its project")
	c.Flags().StringVar(&python, "python", "", "the Python `environment` (default as configured)")
	return c
}
