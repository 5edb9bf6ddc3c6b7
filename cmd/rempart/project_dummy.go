package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

func (a *app) projectDummy() *cobra.Command {
	var as string
	var persons int
	var seed uint64
	c := &cobra.Command{
		Use: "dummy PROJECT DIR", Short: "Make an invented twin of a project's space, to write studies with", Args: exactly(2),
		Long: `The twin has the space's tables, columns, types and codes, and rows that are invented
from the space's catalogue: no row is anybody's, and the folder may be taken home.
A study runs over it as it will over the space: the same command line with
--dummy DIR, or with REMPART_DUMMY set to it.`,
		Example: "  rempart project dummy diabetes twin\n  rempart project dummy diabetes twin --persons 5000 --seed 2\n  REMPART_DUMMY=twin rempart run --project diabetes study.sql",
		RunE: func(c *cobra.Command, args []string) error {
			if persons < 1 || persons > 1_000_000 {
				return usage("--persons must be 1 to 1000000, not %d", persons)
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, args[0]); err != nil {
				return err
			}
			twin, err := project.MakeTwin(c.Context(), w, as, args[0], args[1], persons, seed)
			if err != nil {
				return err
			}
			return a.show(twin, func() error {
				var rows [][]string
				for _, table := range slices.Sorted(maps.Keys(twin.Tables)) {
					rows = append(rows, []string{"  " + table, count(twin.Tables[table])})
				}
				a.say("%s resembles the space of project %s with %s invented persons:", args[1], twin.Project, count(int64(twin.Persons)))
				if err := a.table([]string{"  table", "rows"}, rows); err != nil {
					return err
				}
				a.say("Run a study over it: rempart run --project %s --dummy %s FILE", twin.Project, args[1])
				return nil
			})
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().IntVar(&persons, "persons", 1000, "about how `many` persons")
	c.Flags().Uint64Var(&seed, "seed", 1, "the same `number` gives the same rows")
	return c
}

// runTwin runs a study over a twin, with no warehouse.
func (a *app) runTwin(c *cobra.Command, dir, file, python string, study project.Study) error {
	if err := run.Available(); err != nil {
		return err
	}
	if language, _ := run.LanguageOf(file); language == run.Python {
		var err error
		if study.Environment, err = environmentOf(python, a.configured().Python); err != nil {
			return err
		}
	}
	twin, err := project.OpenTwin(dir, study.Project)
	if err != nil {
		return err
	}
	study.R = a.configured().R
	made, err := twin.Run(c.Context(), study)
	if err != nil {
		return err
	}
	err = a.show(made, func() error {
		a.say("A run over the twin in %s: %s, %.1f s. Nothing of it is anybody's.", dir, made.Outcome, made.Seconds)
		a.printStudyLog(made, nil)
		a.printTwinOutputs(filepath.Join(dir, "outputs"), made)
		return nil
	})
	if err == nil && made.Err != nil {
		err = &studyError{fmt.Errorf("the run over the twin: %w", made.Err)}
	}
	return err
}

// configured are the environments of the home's studies, where there is a home that has some.
func (a *app) configured() (run warehouse.RunConfig) {
	if a.home == "" {
		return run
	}
	w, err := a.open()
	if err != nil {
		return run
	}
	return w.Config.Run
}

// printTwinOutputs prints what the airlock would say.
func (a *app) printTwinOutputs(dir string, made *project.Ran) {
	for _, o := range made.Outputs {
		verdict := "would wait for an output checker"
		if o.Refused {
			verdict = "would be refused by the disclosure check"
		}
		a.say("  %s (%s): %s", filepath.Join(dir, o.Name), size(o.Size), verdict)
		for _, f := range o.Findings {
			a.say("      %s", f.Message)
		}
	}
}

// dummyFolder is the twin that runs are for, or "".
func dummyFolder(flag string) string {
	if flag == "" {
		return os.Getenv("REMPART_DUMMY")
	}
	return flag
}
