package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run/wheel"
	"rempart.eu/rempart/warehouse"
)

func (a *app) environmentWheelCommand() *cobra.Command {
	return group("wheel", "Wheels: Python packages that a project brings along", a.wheelScanCommand(), a.wheelApproveCommand(), a.wheelListCommand())
}

func (a *app) wheelScanCommand() *cobra.Command {
	var name string
	var native bool
	c := &cobra.Command{
		Use: "scan --project PROJECT FILE.whl", Short: "Say what a package is, and why it may not come in", Args: exactly(1),
		Long: `Looks at a wheel as the approval does, and records nothing: whether each file is what its record says,
whether something would run with the interpreter or take another module's place, native
code, links and paths, its licence, and what of its source a reader should look at.`,
		Example: "  rempart environment wheel scan --project pneumonia tinystats-1.2-py3-none-any.whl",
		RunE: func(c *cobra.Command, args []string) error {
			w, data, err := a.wheelFile(c, name, args[0])
			if err != nil {
				return err
			}
			report, err := project.ScanWheel(c.Context(), w, name, filepath.Base(args[0]), data, native)
			if err != nil {
				return err
			}
			if err := a.show(report, func() error { a.printWheel(report); return nil }); err != nil {
				return err
			}
			if !report.OK() {
				return &governance.Refusal{Reason: "the package " + report.File + " may not come in as it is"}
			}
			return nil
		},
	}
	c.Flags().StringVar(&name, "project", "", "the `project` whose studies would import it")
	c.Flags().BoolVar(&native, "allow-native", false, "allow code that nobody can read")
	return c
}

// wheelFile opens the warehouse, and reads a package.
func (a *app) wheelFile(c *cobra.Command, project, file string) (*warehouse.Warehouse, []byte, error) {
	if project == "" {
		return nil, nil, usage("of which project? Give --project")
	}
	w, _, err := a.state(c.Context())
	if err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(file); err == nil && info.Size() > wheel.MaxBytes {
		return nil, nil, &governance.Refusal{Reason: fmt.Sprintf("%s has %d bytes: a package has at most %d", file, info.Size(), wheel.MaxBytes)}
	}
	data, err := os.ReadFile(file)
	return w, data, err
}

func (a *app) printWheel(r *wheel.Report) {
	a.say("%s: %s %s, %d files, %s unpacked", r.File, r.Name, r.Version, r.Files, size(r.Unpacked))
	a.say("  SHA-256 %s", r.SHA256)
	a.say("  imported as %s", strings.Join(r.Modules, ", "))
	if r.Licence != "" {
		a.say("  licence: %s", r.Licence)
	}
	for _, n := range r.Needs {
		a.say("  needs %s", n)
	}
	for _, n := range r.Notes {
		a.say("  note: %s", n)
	}
	for _, n := range r.Refused {
		a.say("  refused: %s", n)
	}
}

func (a *app) wheelApproveCommand() *cobra.Command {
	var as, name, reason string
	var native bool
	c := &cobra.Command{
		Use: "approve --project PROJECT FILE.whl --reason TEXT", Short: "Let a project's studies import a package", Args: exactly(1),
		Long: `The package is scanned, and what was found is shown and kept in the ledger. Nobody lets in
what the scan refuses. Researchers ask and never approve: the controller or a data
protection officer does. The package lies sealed under the project's key, and is part of
the environment whose digest the record of each run has.`,
		Example: "  rempart environment wheel approve --project pneumonia tinystats-1.2-py3-none-any.whl --as diane --reason \"read by two of us\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, data, err := a.wheelFile(c, name, args[0])
			if err != nil {
				return err
			}
			e, report, err := project.ApproveWheel(c.Context(), w, as, name, filepath.Base(args[0]), data, native, reason)
			if report != nil && !a.json {
				a.printWheel(report)
			}
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Studies of project %s can import %s (statement %d).", name, strings.Join(report.Modules, ", "), e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the controller or a data protection officer")
	c.Flags().StringVar(&name, "project", "", "the `project` whose studies import it")
	c.Flags().StringVar(&reason, "reason", "", "why it may come in")
	c.Flags().BoolVar(&native, "allow-native", false, "allow code that nobody can read")
	return c
}

func (a *app) wheelListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list PROJECT", Short: "List the packages that a project has brought along", Args: exactly(1),
		Example: "  rempart environment wheel list pneumonia",
		RunE: func(c *cobra.Command, args []string) error {
			_, _, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			rows := [][]string{}
			for _, w := range p.Wheels {
				rows = append(rows, []string{w.Name, string(w.SHA256)[:16], w.Reason, strings.Join(w.Found, "; ")})
			}
			return a.show(p.Wheels, func() error {
				return a.table([]string{"package", "sha-256", "why", "found"}, rows)
			})
		},
	}
}
