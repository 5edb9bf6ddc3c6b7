package mount_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/lake/mount"
)

// The test binary is also the process that serves, and the processes that read:
// none of them may be the process of the tests (see the package's comment).
func TestMain(m *testing.M) {
	parts := map[string]func([]string) error{"serve": serve, "hold": hold, "query": query}
	if len(os.Args) > 1 {
		if part, ok := parts[os.Args[1]]; ok {
			time.AfterFunc(patience, func() { os.Exit(99) }) // whatever hangs
			if err := part(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// patience is how long any process of a test may take.
const patience = time.Minute

// The process that serves: a clock that stands still before the end, until
// SIGUSR1 sets it past the end.
var (
	before = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	end    = before.Add(time.Hour)
)

// plan is what the process that serves is to do. It is a file.
type plan struct {
	Host, Keyring, Key string
	Memory             bool
	Files              []mount.File
}

var passphrase = keyring.Secrets{Passphrase: func() (string, error) { return "p", nil }}

// serve PLAN DIR mounts, says so, and prints what was read when the mounting ends.
func serve(args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ring, err := keyring.Open(ctx, p.Keyring, passphrase)
	if err != nil {
		return err
	}
	key, err := ring.Key(ctx, p.Key)
	if err != nil {
		return err
	}
	var late atomic.Bool
	jump := make(chan os.Signal, 1)
	signal.Notify(jump, syscall.SIGUSR1)
	go func() { <-jump; late.Store(true) }()
	now := func() time.Time {
		if late.Load() {
			return end
		}
		return before
	}
	do := mount.Serve
	if p.Memory {
		do = mount.ServeMemory
	}
	space := mount.Space{Vault: &lake.Vault{Store: host.Dir(p.Host)}, Key: key, Files: p.Files}
	stats, err := do(ctx, args[1], space, mount.Options{Until: end, Now: now, Cache: 1 << 20, Ready: func() { fmt.Println("ready") }})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(stats)
}

// hold FILE reads a file, says so, waits for SIGUSR1 and reads it again.
func hold(args []string) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGUSR1)
	n, err := io.Copy(io.Discard, f)
	if err != nil {
		return err
	}
	fmt.Println("read", n)
	<-again
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err = io.Copy(io.Discard, f)
	fmt.Println("again", n, err)
	return nil
}

// query SQL prints the single value of a query.
func query(args []string) error {
	ctx := context.Background()
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var value string
	if err := db.Value(ctx, &value, args[0]); err != nil {
		return err
	}
	fmt.Println(value)
	return nil
}

// process is a process of a test, with all that it starts.
type process struct {
	*exec.Cmd
	lines  *bufio.Reader // of its output
	stderr bytes.Buffer
}

// start starts a program; it is gone when the test ends.
func start(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p, err := launch(t, program, args...)
	must(t, err)
	return p
}

// launch is start for goroutines of a test.
func launch(t testing.TB, program string, args ...string) (*process, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{Cmd: exec.CommandContext(ctx, program, args...)}
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	p.WaitDelay = 5 * time.Second
	p.Stderr = &p.stderr
	r, w, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, err
	}
	p.Stdout = w
	p.lines = bufio.NewReader(r)
	if err := errors.Join(p.Start(), w.Close()); err != nil {
		cancel()
		return nil, errors.Join(err, r.Close())
	}
	t.Cleanup(func() {
		cancel()
		_ = p.Wait() // it is an error where the test has waited already
		_ = r.Close()
	})
	return p, nil
}

func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	must(t, err)
	return path
}

// line is the next line of the process's output.
func (p *process) line(t testing.TB) string {
	t.Helper()
	text, err := p.lines.ReadString('\n')
	if err != nil {
		_ = p.Wait()
		t.Fatalf("%s ended: %s", p.Args[1], p.stderr.String())
	}
	return strings.TrimSpace(text)
}

// output runs a program to its end.
func output(t testing.TB, program string, args ...string) (string, error) {
	p, err := launch(t, program, args...)
	if err != nil {
		return "", err
	}
	text, readErr := io.ReadAll(p.lines)
	err = errors.Join(p.Wait(), readErr)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, p.stderr.String())
	}
	return strings.TrimSpace(string(text)), err
}

// mounted is a space that another process serves.
type mounted struct {
	*process
	dir  string
	host string
}

// sealed is a host with a space, not mounted yet.
type sealed struct {
	plan
	vault *lake.Vault
	key   *keyring.Key
}

func newSealed(t testing.TB) *sealed {
	t.Helper()
	escrow, err := age.GenerateHybridIdentity()
	must(t, err)
	s := &sealed{plan: plan{Host: t.TempDir(), Keyring: t.TempDir(), Key: "release-1"}}
	ring, err := keyring.Create(t.Context(), s.Keyring, keyring.Config{Kind: "file", WorkFactor: 2}, passphrase)
	must(t, err)
	s.key, err = ring.New(t.Context(), s.Key)
	must(t, err)
	s.vault = &lake.Vault{Store: host.Dir(s.Host), Escrow: escrow.Recipient()}
	return s
}

// add seals a file.
func (s *sealed) add(t testing.TB, name string, kind lake.Kind, write func(io.Writer) error) {
	t.Helper()
	object, err := s.vault.Put(t.Context(), kind, s.key, write)
	must(t, err)
	s.Files = append(s.Files, mount.File{Name: name, Object: object})
}

// addTable seals the rows of a query as Parquet.
func (s *sealed) addTable(t testing.TB, name, query string) {
	t.Helper()
	db, err := engine.Open(t.Context())
	must(t, err)
	defer db.Close()
	s.add(t, name, lake.Parquet, func(w io.Writer) error { return db.CopyOut(t.Context(), query, engine.Parquet, w) })
}

// mount starts the process that serves and waits until it does.
func (s *sealed) mount(t testing.TB) *mounted {
	t.Helper()
	if !s.Memory {
		if err := mount.Available(); err != nil {
			t.Skip("not tested: ", err)
		}
	}
	m := s.tryMount(t)
	if got := m.line(t); got != "ready" {
		t.Fatalf("the process that serves says %q", got)
	}
	return m
}

func (s *sealed) tryMount(t testing.TB) *mounted {
	t.Helper()
	text, err := json.Marshal(s.plan)
	must(t, err)
	file := filepath.Join(t.TempDir(), "plan.json")
	must(t, os.WriteFile(file, text, 0o600))
	dir := t.TempDir()
	t.Cleanup(func() { // after the process is killed, before the folder is removed
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = exec.CommandContext(ctx, "fusermount3", "-uz", dir).Run() // fails where it is unmounted, as it should be
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	})
	return &mounted{process: start(t, self(t), "serve", file, dir), dir: dir, host: s.Host}
}

// path is where other processes find a file.
func (m *mounted) path(name string) string { return filepath.Join(m.dir, name) }

// stop interrupts the process that serves and returns what was read.
func (m *mounted) stop(t testing.TB) mount.Stats {
	t.Helper()
	must(t, m.Process.Signal(os.Interrupt))
	return m.stats(t)
}

// stats waits for the end of the serving.
func (m *mounted) stats(t testing.TB) (s mount.Stats) {
	t.Helper()
	must(t, json.Unmarshal([]byte(m.line(t)), &s))
	if err := m.Wait(); err != nil {
		t.Fatalf("the process that serves: %v: %s", err, m.stderr.String())
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
