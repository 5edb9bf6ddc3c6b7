package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage/match"
)

// matchOptions are the flags of linkage match.
type matchOptions struct {
	spec, truth, out, html, model, saveModel string
	printSpec                                bool
}

func (a *app) linkageMatchCommand() *cobra.Command {
	var o matchOptions
	c := &cobra.Command{
		Use:   "match LEFT [RIGHT]",
		Short: "Link two files of persons, or find a file's duplicates, by names and traits",
		Long: `Probabilistic linkage of files (CSV or Parquet) where no number says who is who.
Without --spec a recipe picks comparisons from well-known names of columns,
such as first_name, last_name, birth_date, postcode; --print-spec shows it, to be changed
and given with --spec. Nothing is sent anywhere, and nothing is kept but what
--out, --html and --save-model name.

Pairs that are probably one person are linked; those between the thresholds, and
ties, are for a person to decide: --out has both, with what each comparison adds.`,
		Example: `  rempart linkage match register.csv hospital.csv --out pairs.csv --html report.html
  rempart linkage match register.csv --print-spec > spec.yaml
  rempart linkage match register.csv hospital.csv --spec spec.yaml --truth known.csv --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error { return a.matchFiles(c, args, o) },
	}
	c.Flags().StringVar(&o.spec, "spec", "", "a `file` in YAML: columns, comparisons, blocking rules (default a recipe)")
	c.Flags().StringVar(&o.truth, "truth", "", "a CSV `file` of which pairs are one person, to measure against")
	c.Flags().StringVar(&o.out, "out", "", "write the pairs to this CSV `file`")
	c.Flags().StringVar(&o.html, "html", "", "write a report with charts to this `file`; no person's data is in it")
	c.Flags().StringVar(&o.model, "model", "", "use the model in this `file` and train none")
	c.Flags().StringVar(&o.saveModel, "save-model", "", "keep the trained model in this `file`")
	c.Flags().BoolVar(&o.printSpec, "print-spec", false, "print the spec that would be used, and link nothing")
	return c
}

func (a *app) matchFiles(c *cobra.Command, args []string, o matchOptions) error {
	ctx := c.Context()
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	files := match.Files{Left: "left_file"}
	columns, records, err := match.Load(ctx, db, files.Left, args[0])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		files.Right = "right_file"
		others, n, err := match.Load(ctx, db, files.Right, args[1])
		if err != nil {
			return err
		}
		columns = slices.DeleteFunc(columns, func(name string) bool { return !slices.Contains(others, name) })
		records = max(records, n)
	}
	spec, err := matchSpec(o.spec, columns, records, len(args) == 2)
	if err != nil {
		return err
	}
	if o.printSpec {
		text, err := spec.Format()
		if err != nil {
			return err
		}
		return a.show(spec, func() error { _, err := a.out.Write(text); return err })
	}
	var options match.Options
	if o.model != "" {
		f, err := os.Open(o.model)
		if err != nil {
			return err
		}
		defer f.Close()
		if options.Model, err = match.ReadModel(f); err != nil {
			return err
		}
	}
	if o.truth != "" {
		files.Truth = "truth"
		if err := match.LoadTruth(ctx, db, spec, len(args) == 1, o.truth); err != nil {
			return err
		}
	}
	progress, done := a.bar("linkage")
	if progress != nil {
		options.Progress = func(done, total int64) { progress("pairs", done, total) }
	}
	result, err := match.Link(ctx, db, spec, files, options)
	done()
	if err != nil {
		return err
	}
	err = errors.Join(
		writeFile(o.out, func(w io.Writer) error { return result.WritePairs(ctx, db, w) }),
		writeFile(o.saveModel, result.Model.Write),
		writeFile(o.html, func(w io.Writer) error { return result.Page("Linkage of files").Write(w) }))
	if err != nil {
		return err
	}
	return a.show(result, func() error { return a.printMatch(result) })
}

// matchSpec reads the spec, or makes one by the recipe.
func matchSpec(name string, columns []string, records int64, two bool) (match.Spec, error) {
	if name == "" {
		spec, err := match.Recipe(columns, records)
		spec.OneToOne = two
		return spec, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return match.Spec{}, err
	}
	spec, err := match.ParseSpec(text)
	if err != nil {
		return spec, fmt.Errorf("%s: %w", name, err)
	}
	return spec, nil
}

// writeFile writes a file that its owner alone reads; without a name there is none.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func (a *app) printMatch(r *match.Result) error {
	d := r.Decisions
	if r.Right > 0 {
		a.say("%s and %s records, %s pairs scored", count(r.Left), count(r.Right), count(r.Candidates))
	} else {
		a.say("%s records, %s pairs scored", count(r.Left), count(r.Candidates))
	}
	a.say("  linked     %s pairs", count(d.Linked))
	a.say("  to decide  %s pairs, %s of them ties", count(d.Clerical+d.Tied), count(d.Tied))
	if r.Right > 0 {
		a.say("  in no link %s and %s records", count(d.LeftAlone), count(d.RightAlone))
	} else {
		a.say("  in no link %s records; the others are %s persons", count(d.LeftAlone), count(d.Clusters))
	}
	a.say("  estimated  precision %.4f, recall %.4f", r.Estimated.Precision, r.Estimated.Recall)
	if m := r.Measured; m != nil {
		a.say("  measured   precision %.4f, recall %.4f, F1 %.4f, of %s true pairs", m.Precision, m.Recall, m.F1, count(m.True))
	}
	for _, w := range r.Warnings {
		a.say("  warning: %s", w)
	}
	return nil
}
