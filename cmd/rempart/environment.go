package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/run/environment"
)

func (a *app) environmentCommand() *cobra.Command {
	return group("environment", "Environments: what studies in Python and R run in", a.environmentBuildCommand(), a.environmentListCommand(), a.environmentShowCommand(), a.environmentWheelCommand())
}

func (a *app) environmentBuildCommand() *cobra.Command {
	var o environment.Options
	c := &cobra.Command{
		Use:   "build NAME|FILE.yaml",
		Short: "Build an environment once, and print where it lies",
		Long: `Every package has a version and a digest that are written down: in a lock beside the
description for Python, in Debian's signed index for R. The folder is named by the
digest of all that decides what is in it, cannot be written to afterwards, and is
built again only where it is not there yet.

The environments that come with Rempart: ` + strings.Join(environment.Names(), ", ") + `.
A file describes one of your own; docs/studies.md says how.`,
		Example: `  rempart environment build python
  rempart environment build r
  rempart environment build python --from wheels     # without a network`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := environment.Read(args[0])
			if err != nil {
				return err
			}
			o.Tells = a.err
			built, err := d.Build(c.Context(), o)
			if err != nil {
				return err
			}
			return a.show(built, func() error {
				a.say("%s", built.Dir)
				return nil
			})
		},
	}
	c.Flags().StringVar(&o.Root, "root", environment.Root(), "the `folder` of environments")
	c.Flags().StringVar(&o.From, "from", "", "a `folder` that holds the packages; nothing is fetched")
	return c
}

// listedEnvironment is a description, or an environment that was built of one.
type listedEnvironment struct {
	*environment.Description
	Built  *environment.Built `json:"built,omitempty"`
	Intact *bool              `json:"intact,omitempty"` // its files are what was built, where that was asked
}

func (a *app) environmentListCommand() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use: "list", Short: "List the environments that come with Rempart, and those that were built", Args: exactly(0),
		Example: "  rempart environment list",
		RunE: func(*cobra.Command, []string) error {
			built, err := environment.List(root)
			if err != nil {
				return err
			}
			all := []listedEnvironment{}
			var rows [][]string
			for _, name := range environment.Names() {
				d, err := environment.Read(name)
				if err != nil {
					return err
				}
				is := "not built (" + d.Size + ")"
				one := listedEnvironment{Description: d}
				if b, err := d.Find(root); err == nil {
					one.Built, is = b, b.Dir
				}
				all = append(all, one)
				rows = append(rows, []string{name, string(d.Language), d.About, is})
			}
			for _, b := range built {
				if slices.ContainsFunc(all, func(e listedEnvironment) bool { return e.Built != nil && e.Built.Dir == b.Dir }) {
					continue
				}
				all = append(all, listedEnvironment{Description: &environment.Description{Name: b.Name, Language: b.Language}, Built: b})
				rows = append(rows, []string{b.Name, string(b.Language), "another description, or an earlier one", b.Dir})
			}
			return a.show(all, func() error {
				return a.table([]string{"environment", "language", "for", "built"}, rows)
			})
		},
	}
	c.Flags().StringVar(&root, "root", environment.Root(), "the `folder` of environments")
	return c
}

func (a *app) environmentShowCommand() *cobra.Command {
	var root string
	var lock, verify bool
	c := &cobra.Command{
		Use: "show NAME|FILE.yaml", Short: "Show what an environment holds, and whether it is what was built", Args: exactly(1),
		Long: `With --lock it prints the lock, each package with its digests, for a machine that fetches
the packages for one without a network: pip download --no-deps --require-hashes -r LOCK`,
		Example: `  rempart environment show python
  rempart environment show python --verify
  rempart environment show python --lock`,
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := environment.Read(args[0])
			if err != nil {
				return err
			}
			if lock {
				_, err := a.out.Write(d.Lock)
				return err
			}
			one := listedEnvironment{Description: d}
			if one.Built, err = d.Find(root); err != nil && !errors.Is(err, environment.ErrNotBuilt) {
				return err
			}
			var damaged error
			if verify {
				if one.Built == nil {
					return err
				}
				damaged = one.Built.Verify()
				intact := damaged == nil
				one.Intact = &intact
			}
			if err := a.show(one, func() error { return a.printEnvironment(one) }); err != nil {
				return err
			}
			if damaged != nil {
				a.say("  %v", damaged)
				return &damageError{1}
			}
			return nil
		},
	}
	c.Flags().StringVar(&root, "root", environment.Root(), "the `folder` of environments")
	c.Flags().BoolVar(&lock, "lock", false, "print the lock alone")
	c.Flags().BoolVar(&verify, "verify", false, "compare each file with what was built")
	return c
}

func (a *app) printEnvironment(one listedEnvironment) error {
	a.say("%s (%s): %s", one.Name, one.Language, one.About)
	if one.Built == nil {
		for _, name := range slices.Sorted(maps.Keys(one.Packages)) {
			a.say("  %s", strings.TrimSpace(name+" "+one.Packages[name]))
		}
		a.say("  not built: %s; rempart environment build %s", one.Size, one.Name)
		return nil
	}
	a.say("  %s", one.Built.Dir)
	a.say("  %s, files %.16s", one.Built.Interpreter, one.Built.Files)
	for _, p := range one.Built.Packages {
		of := ""
		if _, named := one.Packages[p.Name]; !named {
			of = " (needed by others)"
		}
		a.say("  %s", fmt.Sprintf("%s %s%s", p.Name, p.Version, of))
	}
	if one.Intact != nil && *one.Intact {
		a.say("  Each file is what was built.")
	}
	return nil
}
