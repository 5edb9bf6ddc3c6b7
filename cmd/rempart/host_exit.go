package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"rempart.eu/rempart/host/assess"
	"rempart.eu/rempart/ledger"
)

// exitFlags say how the way out is planned.
type exitFlags struct {
	tariff   string
	rehearse bool
	escrow   string
	to       string
	sample   int
	parallel int
}

func (a *app) hostExitPlanCommand() *cobra.Command {
	var f exitFlags
	c := &cobra.Command{
		Use:   "exit-plan",
		Short: "Say what leaving the host takes: volume, time, cost",
		Long: `Counts the objects and bytes that the ledger names, reads a sample of them to
measure how fast they come, and says how long all of them take and, by a tariff
file, what the host will ask for.

With --rehearse the sample is taken out for good: the sealed objects are copied
to a folder and opened there with the escrow's identity and the age library
alone, without the keyring, the ledger or the host. What is opened is counted and
kept nowhere.

The tariff is YAML: currency, egress_per_gb, egress_free_gb, reads_per_1000,
storage_per_gb_month, months_side_by_side, termination_fee. A GB is 10^9 bytes.`,
		Example: `  rempart host exit-plan --tariff tariff.yaml
  rempart host exit-plan --rehearse --to /mnt/exit --escrow escrow.agekey --sample 100`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return a.exitPlan(c.Context(), f) },
	}
	c.Flags().StringVar(&f.tariff, "tariff", "", "what the host asks for (YAML or JSON `file`)")
	c.Flags().BoolVar(&f.rehearse, "rehearse", false, "copy the sample and open it with the escrow alone")
	c.Flags().StringVar(&f.escrow, "escrow", "", "the escrow's identity (`file`; default the home's, where it still lies there)")
	c.Flags().StringVar(&f.to, "to", "", "the `folder` for the sealed sample")
	c.Flags().IntVar(&f.sample, "sample", 16, "how many objects to read, drawn at random")
	c.Flags().IntVar(&f.parallel, "parallel", 4, "how many at the same time")
	return c
}

func (a *app) exitPlan(ctx context.Context, f exitFlags) error {
	if f.sample < 1 || f.parallel < 1 {
		return usage("--sample and --parallel are at least 1")
	}
	if f.rehearse && f.to == "" {
		return usage("where does the sample go? Give --to DIR")
	}
	tariff, err := readTariff(f.tariff)
	if err != nil {
		return err
	}
	w, state, err := a.state(ctx)
	if err != nil {
		return err
	}
	placed, err := w.Placed(state)
	if err != nil {
		return err
	}
	var objects []ledger.Object
	for _, p := range placed {
		if !p.Own.Erased { // nobody needs them elsewhere
			objects = append(objects, p.Object)
		}
	}
	how := assess.RehearseOptions{Sample: f.sample, Parallel: f.parallel}
	if f.rehearse {
		how.Dir = f.to
		if how.Escrow, err = readEscrow(f.escrow, filepath.Join(w.Dir, "controller", "escrow.agekey")); err != nil {
			return err
		}
	}
	sample, err := assess.Rehearse(ctx, w.Host, objects, how)
	if err != nil {
		return err
	}
	plan := assess.PlanExit(state.Host, objects, sample, tariff)
	if err := a.show(plan, func() error { return a.printExit(plan, f.rehearse) }); err != nil {
		return err
	}
	if n := len(sample.Faults); n > 0 {
		return &damageError{n}
	}
	return nil
}

func readTariff(path string) (t *assess.Tariff, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	read, err := assess.ReadTariff(f)
	return &read, err
}

// readEscrow reads the identity that opens every object.
func readEscrow(path, home string) (identity age.Identity, err error) {
	if path == "" {
		path = home
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the escrow's identity: give --escrow FILE: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	all, err := age.ParseIdentities(f)
	if err != nil || len(all) != 1 {
		return nil, fmt.Errorf("the escrow's identity: %s does not hold one age identity", path) // the parser's text could show it
	}
	return all[0], nil
}

func (a *app) printExit(p assess.ExitPlan, rehearsed bool) error {
	a.say("Leaving %s: %s objects, %s, %s requests.", p.Host, count(p.Objects), size(p.Bytes), count(p.Reads))
	if p.Sample.Bytes > 0 {
		a.say("A sample of %d objects came at %.0f MB/s: all of them take %s. The new host may be slower: rempart host migrate --dry-run --to NAME.",
			p.Sample.Objects, p.Sample.Rate(), time.Duration(p.Seconds*float64(time.Second)).Round(time.Second))
	}
	if rehearsed {
		a.say("%d of %d objects, copied to %s, open with the escrow's identity alone (%s in clear, kept nowhere).", p.Sample.Opened, p.Sample.Objects, p.Sample.Dir, size(p.Sample.Plain))
	}
	for _, fault := range p.Sample.Faults {
		a.say("%s %s", paint(a.out, red, "✘"), fault)
	}
	if p.Cost == nil {
		a.say("What it costs: give the host's prices with --tariff FILE.")
		return nil
	}
	c := p.Cost
	price := func(v float64) string { return fmt.Sprintf("%.2f %s", v, c.Tariff.Currency) }
	return a.table([]string{"cost", "price"}, [][]string{
		{"taking the data out", price(c.Egress)},
		{"requests", price(c.Reads)},
		{fmt.Sprintf("storage, %g months at both", c.Tariff.SideBySide), price(c.Storage)},
		{"ending the contract", price(c.Termination)},
		{"all", price(c.Total)},
	})
}
