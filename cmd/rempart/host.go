package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/warehouse"
)

func (a *app) hostCommand() *cobra.Command {
	return group("host", "Who stores the objects, what it sees of them, and how to leave it",
		a.hostListCommand(), a.hostShowCommand(), a.hostAddCommand(), a.hostUpdateCommand(), a.hostDerogateCommand(),
		a.hostOrderCommand(), a.hostMigrateCommand(), a.hostEraseCommand(), a.hostViewCommand(), a.hostLeaveCommand(),
		a.hostRequirementsCommand(), a.hostAssessCommand(), a.hostCompareCommand(), a.hostExitPlanCommand())
}

// bothViews are an object as its host and as its controller see it.
type bothViews struct {
	Host  warehouse.HostView `json:"host"`
	Owner warehouse.OwnView  `json:"owner"`
}

func (a *app) hostViewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "view [OBJECT]",
		Short: "Show what the host sees, beside what the controller sees of the same",
		Long: `Lists the objects with the names and sizes that the host sees, and with what
they are, which the host cannot see. With OBJECT, or the beginning of its name,
it shows the object's first bytes beside the rows and columns of the table in
it. No value of a table is shown.`,
		Example: "  rempart host view\n  rempart host view 3f2a",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("call it as: %s", c.UseLine())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.viewAll(c.Context())
			}
			return a.viewOne(c.Context(), args[0])
		},
	}
}

func (a *app) viewAll(ctx context.Context) error {
	w, state, err := a.state(ctx)
	if err != nil {
		return err
	}
	all, err := w.Placed(state)
	if err != nil {
		return err
	}
	views := []bothViews{}
	var rows [][]string
	for _, p := range all {
		seen, err := w.HostView(ctx, p.Name)
		if errors.Is(err, fs.ErrNotExist) { // a host that was left has deleted it
			continue
		}
		if err != nil {
			return err
		}
		v := bothViews{Host: seen, Owner: p.Own}
		views = append(views, v)
		rows = append(rows, []string{seen.Object, size(seen.Size), v.Owner.Of, v.Owner.Table, opener(v.Owner)})
	}
	return a.show(views, func() error {
		return a.table([]string{"the host sees", "size", "it is", "table", "opened by"}, rows)
	})
}

// opener says what opens an object.
func opener(v warehouse.OwnView) string {
	if v.Erased {
		return "nobody but the escrow: erased"
	}
	return v.Key
}

func (a *app) viewOne(ctx context.Context, start string) error {
	w, state, err := a.state(ctx)
	if err != nil {
		return err
	}
	all, err := w.Placed(state)
	if err != nil {
		return err
	}
	object, err := warehouse.Find(all, start)
	if err != nil {
		return err
	}
	var v bothViews
	if v.Host, err = w.HostView(ctx, object.Name); err != nil {
		return err
	}
	if v.Owner, err = w.Describe(ctx, state, object); err != nil {
		return err
	}
	return a.show(v, func() error {
		a.say("%s\n", paint(a.out, bold, "The host sees"))
		a.say("  name    %s\n  size    %s (%s bytes)", v.Host.Object, size(v.Host.Size), count(v.Host.Size))
		for i, line := range v.Host.Header {
			a.say("  %-7s %s", label(i, "header"), shorten(line))
		}
		for i := 0; i < len(v.Host.Sealed); i += 64 {
			a.say("  %-7s %s", label(i, "sealed"), v.Host.Sealed[i:min(i+64, len(v.Host.Sealed))])
		}
		a.say("\n%s\n", paint(a.out, bold, "The controller sees"))
		a.say("  it is   %s: %s\n  opened  %s", v.Owner.Of, v.Owner.Table, "by "+opener(v.Owner))
		if v.Owner.Columns != nil {
			a.say("  rows    %s", count(v.Owner.Rows))
		}
		for i, column := range v.Owner.Columns {
			a.say("  %-7s %s", label(i, "columns"), column)
		}
		return nil
	})
}

// label stands before the first line of several.
func label(line int, text string) string {
	if line > 0 {
		return ""
	}
	return text
}

// shorten cuts a line of a header, which may be long, to a terminal's width.
func shorten(line string) string {
	const width = 64
	if len(line) <= width {
		return line
	}
	return fmt.Sprintf("%s… (%d more characters)", strings.TrimSpace(line[:width]), len(line)-width)
}

func (a *app) hostLeaveCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "leave --reason TEXT",
		Short: "Erase a host: destroy whatever opens the objects that lie there",
		Long: `Destroys the key of every release and project, and replaces the controller's own
identity, to which deposits and linkages are sealed, by a new one. What is left
on the host then opens for nobody but the escrow, whether or not the host
deletes it. Projects end; deposits have to be made again. It cannot be undone.
Interrupted, it is ended by: rempart lake repair`,
		Example: `  rempart host leave --reason "the contract ended on 2027-12-31"`,
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if reason == "" {
				return usage("what is erased cannot be had back: say why with --reason")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			left, err := w.Leave(c.Context(), reason)
			if err != nil {
				return err
			}
			return a.show(left, func() error {
				a.say("Host %s is left (statement %d): %s keys and the controller's old identity are destroyed.", left.Host, left.Entry, count(left.Keys))
				a.say("What lies there opens for nobody but the escrow. For a new release: rempart deposit create")
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
