// Command rempart runs a sovereign health data warehouse: deposits, linkage,
// releases, project spaces, runs, the airlock, and the ledger of all of it.
//
// Each subcommand parses its flags, calls one function of a domain package and
// prints what came of it. docs/cli.md lists them and the exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// The exit codes: what a script can tell apart.
const (
	exitOK      = 0
	exitError   = 1
	exitUsage   = 2
	exitRefused = 3 // a rule says no
	exitDamaged = 4 // something is not what the ledger says
	exitStudy   = 5 // a study failed
	exitWaits   = 6 // a person has to sign first
)

func main() {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	harden()
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, world{now: time.Now}))
}

// harden is done once in a process, before anything else.
func harden() {
	// A core dump would hold keys and data.
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // lowering a limit is always allowed
}

// world is what a command cannot choose: tests put another in its place.
type world struct {
	now  func() time.Time
	host func(host.Store) host.Store // stands between the warehouse and its host; may be nil
}

// Main runs one command and returns its exit code.
func Main(args []string, stdout, stderr io.Writer, in world) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: stdout, err: stderr, world: in}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return a.fail(err)
}

// app is what every command shares.
type app struct {
	world
	out, err io.Writer
	home     string
	json     bool
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rempart",
		Short: "A health data warehouse that its host cannot read",
		Long: `Rempart takes hospital records and insurance claims in, links them without
anyone holding both identity and health data, makes OMOP releases that lie
sealed on any host, and lets authorised researchers work on them in spaces
that only results leave.

The way of the data, and who takes each step:

  rempart deposit create   a provider          files in, identities apart
  rempart linkage run      linkage authority   who is one person
  rempart release publish  controller          OMOP tables, sealed
  rempart project …        researcher, data protection officer
  rempart run              researcher          a study, in the sandbox
  rempart airlock …        output checker      results out
  rempart audit …          anybody             what happened, proved`,
		Example: `  rempart init --home warehouse --name "Demo"
  rempart party add chu-lyon --role provider --home warehouse
  export REMPART_HOME=warehouse
  rempart audit log`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		Args:          subcommand,
		RunE:          help,
	}
	root.PersistentFlags().StringVar(&a.home, "home", os.Getenv("REMPART_HOME"), "the warehouse's home `directory` (or REMPART_HOME)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(
		a.initCommand(), a.partyCommand(), a.peopleCommand(), a.tokenCommand(), a.configCommand(),
		a.feedCommand(), a.depositCommand(), a.linkageCommand(), a.releaseCommand(),
		a.projectCommand(), a.policyCommand(), a.rightsCommand(), a.registerCommand(), a.emergencyCommand(), a.runCommand(), a.queryCommand(), a.datasetCommand(), a.mountCommand(), a.airlockCommand(),
		a.runsCommand(), a.rerunCommand(), a.environmentCommand(),
		a.vocabularyCommand(),
		a.auditCommand(), a.stateCommand(), a.witnessCommand(), a.tlsCommand(), a.lakeCommand(), a.hostCommand(), a.keyCommand(), a.retentionCommand(),
		a.synthCommand(), a.serveCommand(),
	)
	return root
}

// version is set by the build.
var version = "devel"

// usageError says that a command was called wrongly.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// damageError says that a verification found faults, which are printed already.
type damageError struct{ faults int }

func (e *damageError) Error() string {
	if e.faults == 1 {
		return "1 fault was found"
	}
	return fmt.Sprintf("%d faults were found", e.faults)
}

// studyError says that a study failed.
type studyError struct{ error }

func (e *studyError) Unwrap() error { return e.error }

// fail prints an error as one sentence and what to do next, and returns its exit code.
func (a *app) fail(err error) int {
	var (
		refusal *governance.Refusal
		usage   *usageError
		damage  *damageError
		object  *lake.IntegrityError
		study   *studyError
		passkey *warehouse.SignatureWanted
		second  *warehouse.SecondWanted
	)
	code := exitError
	remedy, why := "", ""
	switch {
	case errors.As(err, &passkey):
		code, remedy = exitWaits, "Open the address, and sign there"
		if passkey.URL == "" {
			remedy = "Say at [portal] of rempart.toml under which url people open it, run rempart config record, and start it: rempart serve"
		}
	case errors.As(err, &second):
		code, remedy = exitWaits, "Who may: rempart people waiting"
	case errors.As(err, &refusal):
		code, remedy = exitRefused, refusal.Remedy
		if refusal.Case != nil {
			why = askedAgain(refusal.Case)
		}
	case errors.As(err, &usage):
		code, remedy = exitUsage, "See: rempart --help, or any command with --help"
	case errors.As(err, &damage), errors.As(err, &object):
		code, remedy = exitDamaged, "See what else is wrong: rempart audit verify"
		if damage != nil {
			remedy = ""
		}
	case errors.As(err, &study):
		code = exitStudy
	case errors.Is(err, syscall.ENOSPC):
		remedy = "Make room and repeat the command: nothing was half done"
	case errors.Is(err, syscall.EROFS):
		remedy = "Make the disk writable and repeat the command: nothing was half done"
	case errors.Is(err, context.Canceled):
		remedy = "Interrupted. Nothing was half done; what was uploaded is removed by: rempart lake repair"
	}
	fmt.Fprintln(a.err, paint(a.err, red, "rempart: ")+err.Error())
	if remedy != "" {
		fmt.Fprintln(a.err, remedy)
	}
	if why != "" {
		fmt.Fprintln(a.err, "Why: "+why)
	}
	return code
}

// open opens the home.
func (a *app) open() (*warehouse.Warehouse, error) {
	if a.home == "" {
		return nil, usage("which warehouse? Give --home DIR or set REMPART_HOME")
	}
	w, err := warehouse.Open(a.home)
	if err != nil {
		return nil, err
	}
	w.Now = a.now
	if a.host != nil {
		w.Host = a.host(w.Host)
	}
	return w, nil
}

// state opens the home and replays its ledger.
func (a *app) state(ctx context.Context) (*warehouse.Warehouse, *governance.State, error) {
	w, err := a.open()
	if err != nil {
		return nil, nil, err
	}
	state, err := w.State(ctx)
	if err == nil {
		a.alarm(state)
	}
	return w, state, err
}

// actor is the party that was named, or the only one of a role.
func (a *app) actor(state *governance.State, as string, role governance.Role) (string, error) {
	if as != "" {
		return as, nil
	}
	holders := state.Holders(role)
	switch len(holders) {
	case 0:
		return "", &governance.Refusal{Reason: fmt.Sprintf("the warehouse has no %s yet", role), Remedy: fmt.Sprintf("Add one: rempart party add NAME --role %s", role)}
	case 1:
		return holders[0], nil
	}
	return "", usage("who acts? Give --as with one of %v", holders)
}

// acting opens the home for a party that acts: the one that is named, or the only one of a role.
func (a *app) acting(ctx context.Context, as *string, role governance.Role) (*warehouse.Warehouse, *governance.State, error) {
	w, state, err := a.state(ctx)
	if err != nil {
		return nil, nil, err
	}
	*as, err = a.actor(state, *as, role)
	return w, state, err
}

// lookUp opens the home, and finds in its state what is named: a release, a run, an output.
func lookUp[T any](ctx context.Context, a *app, find func(*governance.State, string) (T, error), name string) (w *warehouse.Warehouse, state *governance.State, it T, err error) {
	if w, state, err = a.state(ctx); err != nil {
		return nil, nil, it, err
	}
	it, err = find(state, name)
	return w, state, it, err
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: subcommand, RunE: help}
	c.AddCommand(commands...)
	return c
}

func help(c *cobra.Command, _ []string) error { return c.Help() }

// subcommand refuses what a command that only holds others does not hold.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2 // letters
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("%s has no command %q: did you mean %q?", c.CommandPath(), args[0], near[0])
	}
	return usage("%s has no command %q", c.CommandPath(), args[0])
}

// exactly is cobra.ExactArgs with an error that shows how to call.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

func atMost(n int) cobra.PositionalArgs { return between(0, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage("call it as: %s", c.UseLine())
		}
		return nil
	}
}
