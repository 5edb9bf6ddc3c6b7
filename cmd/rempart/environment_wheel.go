package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run/wheel"
	"rempart.eu/rempart/warehouse"
)

func (a *app) environmentWheelCommand() *cobra.Command {
	return group("wheel", "Wheels: Python packages that a project brings along", a.wheelScanCommand(), a.wheelRequestCommand(), a.wheelApproveCommand(), a.wheelRefuseCommand(), a.wheelWithdrawCommand(), a.wheelListCommand())
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

func (a *app) wheelRequestCommand() *cobra.Command {
	var as, name, reason string
	var native bool
	c := &cobra.Command{
		Use: "request --project PROJECT FILE.whl --reason TEXT", Short: "Ask that a project's studies may import a package", Args: exactly(1),
		Long: `The package is scanned; what was found is shown, and goes into the ledger with the
request. Nobody can ask for what the scan refuses. It lies sealed under the project's key
until the controller or a data protection officer has decided.`,
		Example: "  rempart environment wheel request --project pneumonia tinystats-1.2-py3-none-any.whl --as alice --reason \"robust means\"",
		RunE: func(c *cobra.Command, args []string) error {
			w, data, err := a.wheelFile(c, name, args[0])
			if err != nil {
				return err
			}
			e, request, report, err := project.RequestWheel(c.Context(), w, as, name, filepath.Base(args[0]), data, native, reason)
			if report != nil && !a.json {
				a.printWheel(report)
			}
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Request %s waits for a decision (statement %d): rempart environment wheel approve --project %s %s", request, e.Index, name, request)
				return nil
			})
		},
	}
	asFlag(c, &as, "a researcher of the project")
	c.Flags().StringVar(&name, "project", "", "the `project` whose studies would import it")
	c.Flags().StringVar(&reason, "reason", "", "what it is for")
	c.Flags().BoolVar(&native, "allow-native", false, "ask for code that nobody can read")
	return c
}

func (a *app) wheelApproveCommand() *cobra.Command {
	return a.wheelDecision(&cobra.Command{
		Use: "approve --project PROJECT REQUEST --reason TEXT", Short: "Let a project's studies import a package that was asked for",
		Long: `Who asked never decides: the controller or a data protection officer does, on what the
scan found (rempart environment wheel list). The package is part of the environment whose
digest the record of each run has.`,
		Example: "  rempart environment wheel approve --project pneumonia w-1a2b3c4d --as diane --reason \"read by two of us\"",
	}, true)
}

func (a *app) wheelRefuseCommand() *cobra.Command {
	return a.wheelDecision(&cobra.Command{
		Use: "refuse --project PROJECT REQUEST --reason TEXT", Short: "Keep out a package that was asked for",
		Example: "  rempart environment wheel refuse --project pneumonia w-1a2b3c4d --as diane --reason \"polars has it\"",
	}, false)
}

// wheelDecision completes a command that decides on a request.
func (a *app) wheelDecision(c *cobra.Command, approve bool) *cobra.Command {
	var as, name, reason string
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if name == "" {
			return usage("of which project? Give --project")
		}
		w, err := a.open()
		if err != nil {
			return err
		}
		e, asked, err := project.DecideWheel(c.Context(), w, as, name, args[0], approve, reason)
		if err != nil {
			return err
		}
		return a.show(e.Statement, func() error {
			if approve {
				a.say("Studies of project %s can import %s (statement %d).", name, strings.Join(asked.Modules, ", "), e.Index)
			} else {
				a.say("The package %s stays out (statement %d).", asked.Name, e.Index)
			}
			return nil
		})
	}
	asFlag(c, &as, "the controller or a data protection officer")
	c.Flags().StringVar(&name, "project", "", "the `project` that asked for it")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (a *app) wheelWithdrawCommand() *cobra.Command {
	var as, name, reason string
	c := &cobra.Command{
		Use: "withdraw --project PROJECT FILE.whl --reason TEXT", Short: "Take a package from a project's studies", Args: exactly(1),
		Long: `No run starts with it any more, those that wait or are under way with it end, and a study
that imports it is refused with the reason.`,
		Example: "  rempart environment wheel withdraw --project pneumonia tinystats-1.2-py3-none-any.whl --as diane --reason \"CVE-2026-1234\"",
		RunE: func(c *cobra.Command, args []string) error {
			if name == "" {
				return usage("of which project? Give --project")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := project.WithdrawWheel(c.Context(), w, as, name, args[0], reason)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Studies of project %s can no longer import %s (statement %d).", name, args[0], e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the controller or a data protection officer")
	c.Flags().StringVar(&name, "project", "", "the `project` that has it")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

// listedWheel is a package as it is listed.
type listedWheel struct {
	Request string        `json:"request,omitempty"`
	Name    string        `json:"name"`
	SHA256  ledger.Digest `json:"sha256"`
	Status  string        `json:"status"` // waits, approved, refused, withdrawn
	By      string        `json:"asked_by,omitempty"`
	Decided string        `json:"decided_by,omitempty"`
	Why     string        `json:"why"`
	Found   []string      `json:"found"`
}

func (a *app) wheelListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list PROJECT", Short: "List the packages that a project has asked for or brought along", Args: exactly(1),
		Example: "  rempart environment wheel list pneumonia",
		RunE: func(c *cobra.Command, args []string) error {
			_, _, p, err := lookUp(c.Context(), a, (*governance.State).Project, args[0])
			if err != nil {
				return err
			}
			listed := []listedWheel{}
			for _, b := range p.Brings {
				l := listedWheel{b.Request, b.Name, b.SHA256, b.Status(), b.Actor, "", b.Last(), b.Found}
				if b.Decision != nil {
					l.Decided = b.Decision.Actor
				}
				listed = append(listed, l)
			}
			for _, w := range p.Wheels {
				if w.Request == "" {
					listed = append(listed, listedWheel{"", w.Name, w.SHA256, "approved", "", "", w.Reason, w.Found})
				}
			}
			rows := [][]string{}
			for _, l := range listed {
				rows = append(rows, []string{l.Request, l.Name, string(l.SHA256)[:16], l.Status, l.By, l.Why, strings.Join(l.Found, "; ")})
			}
			return a.show(listed, func() error {
				return a.table([]string{"request", "package", "sha-256", "status", "asked by", "why", "found"}, rows)
			})
		},
	}
}
