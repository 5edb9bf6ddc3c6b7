package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/schemas"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// TestMain lets the test binary be rempart itself: for the stories, for the
// processes that tests kill, and for the sandbox, which runs its own program again.
func TestMain(m *testing.M) {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	testscript.Main(tests{m}, map[string]func(){"rempart": rempart})
}

// tests are all tests, and removes what they share.
type tests struct{ *testing.M }

// Run implements [testscript.TestingM].
func (t tests) Run() (status int) {
	harden()
	var err error
	if scratch, err = os.MkdirTemp("", "rempart-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(scratch); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}()
	return t.M.Run()
}

// A core dump would hold keys and data.
func TestNoCoreDumps(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("%+v, %v", limit, err)
	}
}

// scratch is a folder that is removed when all tests have run.
var scratch string

// patience is how long one command may take on the slowest of machines. What
// takes longer hangs, and is ended.
const patience = 2 * time.Minute

// rempart is the product's main, in the world that the environment describes.
func rempart() {
	time.AfterFunc(patience, func() {
		fmt.Fprintln(os.Stderr, "ended by its test: the command hangs")
		os.Exit(99)
	})
	in, err := worldOf(os.Getenv(clockVariable), os.Getenv(faultVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(98)
	}
	harden()
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, in))
}

// The environment of a command under test.
const (
	clockVariable = "REMPART_TEST_CLOCK" // RFC 3339; the clock stands still
	faultVariable = "REMPART_TEST_FAULT" // see parseFault
)

// today is when tests take place, unless they say otherwise: no test depends on
// the machine's own clock.
const today = "2026-06-01T12:00:00Z"

func worldOf(clock, fault string) (in world, err error) {
	if clock == "" {
		clock = today
	}
	now, err := time.Parse(time.RFC3339, clock)
	if err != nil {
		return in, fmt.Errorf("%s: %w", clockVariable, err)
	}
	in.now = func() time.Time { return now }
	if fault != "" {
		in.host, err = parseFault(fault)
	}
	return in, err
}

// outcome is what a command did.
type outcome struct {
	code           int
	stdout, stderr string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
}

// command runs one command within this process, today or at another time.
func command(t testing.TB, home string, args ...string) outcome {
	t.Helper()
	return commandAt(t, today, home, args...)
}

func commandAt(t testing.TB, clock, home string, args ...string) outcome {
	t.Helper()
	in, err := worldOf(clock, "")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := Main(append(args, "--home", home), &out, &errs, in)
	return outcome{code, out.String(), errs.String()}
}

// must runs a command that has to succeed and returns what it printed.
func must(t testing.TB, home string, args ...string) string {
	t.Helper()
	o := command(t, home, args...)
	if o.code != exitOK {
		t.Fatalf("rempart %s: %s", strings.Join(args, " "), o)
	}
	return o.stdout
}

// refused runs a command that has to fail with a code and a text.
func refused(t testing.TB, code int, text, home string, args ...string) {
	t.Helper()
	refusedAt(t, today, code, text, home, args...)
}

func refusedAt(t testing.TB, clock string, code int, text, home string, args ...string) {
	t.Helper()
	o := commandAt(t, clock, home, args...)
	if o.code != code || !strings.Contains(o.stderr, text) {
		t.Errorf("rempart %s: want exit %d and %q, got %s", strings.Join(args, " "), code, text, o)
	}
}

// sound fails the test unless all of a home is what its ledger says.
func sound(t testing.TB, home string) {
	t.Helper()
	if o := command(t, home, "audit", "verify"); o.code != exitOK {
		t.Errorf("rempart audit verify: %s", o)
	}
	w, err := warehouse.Open(home)
	if err == nil {
		err = w.Log.Entries(t.Context(), func(e ledger.Entry) error { return schemas.Validate(e.Statement) })
	}
	if err != nil {
		t.Error(err)
	}
}
