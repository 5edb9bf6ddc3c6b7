package main

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/warehouse"
)

// migrateMemory is the memory that the process of a migration keeps to. Go then
// collects earlier; what is in use at four objects a time is half of it.
const migrateMemory = 192 << 20

func (a *app) hostMigrateCommand() *cobra.Command {
	var o warehouse.MigrateOptions
	var dry bool
	c := &cobra.Command{
		Use:   "migrate --to NAME",
		Short: "Move the warehouse to another host, with proof that nothing was lost",
		Long: `Copies every object that the ledger names to another host of the register, and
reads each back there: it counts when its SHA-256 is the one in the ledger. Work
goes on meanwhile; only the last moment, in which what came since is copied, lets
steps that write wait. Then the move is recorded, and rempart.toml follows.

If one object cannot be moved, the warehouse stays where it is. Interrupted or
killed, repeat the command: what is there is not copied again. What lies with the
old host stays until: rempart host erase`,
		Example: "  rempart host migrate --to regional --dry-run\n  rempart host migrate --to regional --parallel 8",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.To == "" {
				return usage("where to? Give --to with a host of: rempart host list")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			if dry {
				return a.plan(c, w, o.To)
			}
			debug.SetMemoryLimit(migrateMemory)
			progress, done := a.bar("migrate")
			o.Progress = progress
			m, err := w.Migrate(c.Context(), o)
			done()
			if err != nil {
				return err
			}
			if err := a.show(m, func() error { return a.migrated(m) }); err != nil {
				return err
			}
			if len(m.Failures) > 0 {
				return &damageError{len(m.Failures)}
			}
			return nil
		},
	}
	c.Flags().StringVar(&o.To, "to", "", "the `host` to move to")
	c.Flags().BoolVar(&dry, "dry-run", false, "say how much there is to move and how long it takes; move a sample only")
	c.Flags().IntVar(&o.Parallel, "parallel", 4, "how many objects at a time")
	return c
}

func (a *app) migrated(m *warehouse.Migration) error {
	for _, f := range m.Failures {
		a.say("%s %s: %s", paint(a.out, red, "not moved:"), f.Object, f.Reason)
	}
	if len(m.Failures) > 0 {
		a.say("%s objects could not be moved, %s could: the warehouse stays with host %s (statement %d).", count(len(m.Failures)), count(m.Objects), m.From, m.Entry)
		return nil
	}
	a.say("The warehouse lies with host %s now (statement %d): %s objects, %s, each read back there.", m.To, m.Entry, count(m.Objects), size(m.Bytes))
	a.say("%s were copied in %s. The list's SHA-256 is %s.", count(m.Copied), duration(m.Seconds), m.List)
	a.say("Host %s still holds its own. To delete them there: rempart host erase %s --reason TEXT", m.From, m.From)
	return nil
}

func (a *app) plan(c *cobra.Command, w *warehouse.Warehouse, to string) error {
	p, err := w.PlanMigration(c.Context(), to)
	if err != nil {
		return err
	}
	return a.show(p, func() error {
		a.say("From host %s to %s: %s objects, %s; %s are there already.", p.From, p.To, count(p.Objects), size(p.Bytes), count(p.There))
		a.say("To copy: %s, about %s by the pace of a sample of %s, one object at a time.", size(p.ToCopy), duration(p.Seconds), size(p.Sample))
		a.say("Nothing was moved.")
		return nil
	})
}

// duration writes seconds for people.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

func (a *app) hostEraseCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "erase NAME --reason TEXT",
		Short: "Delete every object of a host that the warehouse has left",
		Long: `Deletes every object there, with every version where the host keeps versions, and
records it once the host lists none. A host can keep what it was told to delete:
rempart host leave, before a migration, destroys the keys as well.`,
		Example: `  rempart host erase local --reason "the contract ended on 2027-12-31"`,
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("what is erased cannot be had back: say why with --reason")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			erased, err := w.EraseHost(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return a.show(erased, func() error {
				a.say("Host %s is erased (statement %d): %s objects, %s. It lists none now.", erased.Host, erased.Entry, count(erased.Objects), size(erased.Bytes))
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
