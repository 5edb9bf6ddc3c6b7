package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/dataset"
	"rempart.eu/rempart/run"
)

func (a *app) datasetCommand() *cobra.Command {
	var as, name, dummy string
	var check bool
	limits := run.Limits{OutputBytes: 2 << 30}
	c := &cobra.Command{
		Use: "dataset --project PROJECT FILE", Short: "Make a training table from a cohort and a specification of features",
		Long: `FILE is YAML: a cohort in SQL (person_id, index_date), features in windows before that
day, an outcome after it, and how persons are divided into train, valid and test.
docs/datasets.md tells each word. It is made in the sandbox, over the project's space, and
stays in it: a training table is no output. A step of a study makes it for those that need
it: name the file in rempart.yaml at run.

--check reads the specification and no data. With --dummy it is made over a twin, in the twin's
folder.`,
		Example: `  rempart dataset --project readmission features.yaml
  rempart dataset --project readmission --dummy twin features.yaml
  rempart dataset --check features.yaml`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			spec, err := dataset.Parse(text)
			if err != nil {
				return &governance.Refusal{Reason: err.Error(), Remedy: "docs/datasets.md tells each word"}
			}
			if check {
				return a.show(spec, func() error {
					a.say("%s is a specification of %d features.", args[0], len(spec.Features))
					return nil
				})
			}
			if name == "" {
				return usage("of which project? Give --project")
			}
			study := project.Study{Project: name, Name: filepath.Base(args[0]), Code: text, Limits: limits}
			if language, _ := run.LanguageOf(study.Name); language != dataset.Language {
				study.Name += ".yaml"
			}
			if twin := dummyFolder(dummy); twin != "" {
				return a.runTwin(c, twin, study.Name, "", study)
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if study.Researcher, err = a.projectActor(state, as, name); err != nil {
				return err
			}
			if err := run.Available(); err != nil {
				return err
			}
			return a.runStudy(c.Context(), w, study, nil)
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&name, "project", "", "the `project` whose data it is made of")
	c.Flags().StringVar(&dummy, "dummy", "", "make it over the twin in this `folder` (or REMPART_DUMMY)")
	c.Flags().BoolVar(&check, "check", false, "read the specification, and no data")
	c.Flags().DurationVar(&limits.Time, "time", run.DefaultLimits.Time, "how long it may take")
	return c
}
