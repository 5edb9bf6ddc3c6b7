package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rempart.eu/rempart/lake/mount"
)

// hands is a clock that a test moves, under a command that runs in this process.
type hands struct{ at atomic.Int64 }

func (h *hands) set(text string) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	h.at.Store(at.UnixNano())
}

func (h *hands) now() time.Time { return time.Unix(0, h.at.Load()).UTC() }

// background is a command that goes on in this process.
type background struct {
	*hands
	mu   sync.Mutex
	out  bytes.Buffer
	code chan int
}

// Write implements [io.Writer].
func (b *background) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *background) printed() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

func start(home string, args ...string) *background {
	b := &background{hands: &hands{}, code: make(chan int, 1)}
	b.set(today)
	go func() { b.code <- Main(append(args, "--home", home), b, b, world{now: b.now}) }()
	return b
}

// end waits for the command and returns its exit code.
func (b *background) end(t *testing.T) int {
	t.Helper()
	select {
	case code := <-b.code:
		return code
	case <-time.After(patience):
		t.Fatalf("it goes on: %s", b.printed())
		return 0
	}
}

// until waits for something that the ledger or a file is to say.
func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if there() {
			return
		}
	}
	t.Fatalf("there is no %s", what)
}

// endless is a study that would take years.
const endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b, person WHERE hash(a.range, b.range, person_id) = 1;"

// An authorisation ends while a study runs: by the clock, by suspension, by
// closing, by an amendment without the researcher. The study is stopped, nothing
// that it wrote is kept, and the ledger says why.
func TestWhatEndsAnAuthorisationEndsItsRuns(t *testing.T) {
	studies(t)
	for name, c := range map[string]struct {
		end  func(t *testing.T, home string, clock *hands)
		want string
	}{
		"the clock": {func(_ *testing.T, _ string, clock *hands) { clock.set("2028-01-01T00:00:00Z") }, "ended on 2027-12-31"},
		"suspension": {func(t *testing.T, home string, _ *hands) {
			must(t, home, "project", "suspend", "flu", "--reason", "a complaint")
		}, "suspended since 2026-06-01: a complaint"},
		"closing": {func(t *testing.T, home string, _ *hands) {
			must(t, home, "project", "close", "flu", "--reason", "it is over")
		}, "not approved: it is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := homeAt(t, extracted)
			b := start(home, "run", "--project", "flu", write(t, "endless.sql", endless))
			waitFor(t, "run", func() bool { return ledgerOf(t, home).Runs.Len() == 1 })
			time.Sleep(2 * time.Second) // it is in the sandbox
			select {
			case code := <-b.code:
				t.Fatalf("it ended by itself with %d: %s", code, b.printed())
			default:
			}
			c.end(t, home, b.hands)
			if code := b.end(t); code != exitRefused || !strings.Contains(b.printed(), c.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, exitRefused, c.want, b.printed())
			}
			o := commandAt(t, b.now().Format(time.RFC3339), home, "audit", "log")
			if !strings.Contains(o.stdout, "was stopped: ") || !strings.Contains(o.stdout, c.want) {
				t.Errorf("the ledger does not say why:\n%s", o.stdout)
			}
			if o := commandAt(t, b.now().Format(time.RFC3339), home, "audit", "verify"); o.code != exitOK {
				t.Error(o)
			}
		})
	}
}

// The same while a mount is open and a program has a file of it open: its
// reading fails within seconds, also of what it has read before.
func TestWhatEndsAnAuthorisationEndsItsMounts(t *testing.T) {
	if err := mount.Available(); err != nil {
		t.Skip("not tested: ", err)
	}
	for name, c := range map[string]struct {
		end  func(t *testing.T, home string, clock *hands)
		want string
	}{
		"the clock": {func(_ *testing.T, _ string, clock *hands) { clock.set("2028-01-01T00:00:00Z") }, "ended on"},
		"suspension": {func(t *testing.T, home string, _ *hands) {
			must(t, home, "project", "suspend", "flu", "--reason", "a complaint")
		}, "suspended since 2026-06-01: a complaint"},
		"her leaving": {func(t *testing.T, home string, _ *hands) {
			must(t, home, "party", "leave", "alice", "--reason", "her contract has ended")
		}, "alice left on 2026-06-01"},
		"an amendment without the researcher": {func(t *testing.T, home string, _ *hands) {
			must(t, home, "project", "amend", write(t, "flu.yaml", request("flu", map[string]string{"researchers": "[carol]"})), "--as", "alice", "--reason", "carol goes on")
			must(t, home, "project", "approve", "flu", "--reason", "granted")
		}, "by its own researchers alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, dir := homeAt(t, extracted), t.TempDir()
			b := start(home, "mount", "--project", "flu", dir)
			t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", "-l", dir).Run() })
			waitFor(t, "mount", func() bool { return strings.Contains(b.printed(), dir) })
			file := filepath.Join(dir, "person.parquet")
			// Another process: this one must not read what it serves.
			reader := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf(`exec 3<%[1]s; while head -c 4 %[1]s >/dev/null 2>&1 && head -c 1 /proc/self/fd/3 >/dev/null 2>&1; do sleep 0.05; done; echo over`, file))
			var said bytes.Buffer
			reader.Stdout = &said
			if err := reader.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			c.end(t, home, b.hands)
			began := time.Now()
			if err := reader.Wait(); err != nil || strings.TrimSpace(said.String()) != "over" {
				t.Errorf("the reader: %v, %s", err, said.String())
			}
			t.Logf("the reading ended after %v", time.Since(began).Round(100*time.Millisecond))
			if code := b.end(t); code != exitOK || !strings.Contains(b.printed(), c.want) {
				t.Errorf("exit code %d, want %q:\n%s", code, c.want, b.printed())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("the directory has %v, %v", left, err)
			}
		})
	}
}
