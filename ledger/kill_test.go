package ledger_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/ledger"
)

// writer appends until it kills itself at one of its writes: a process of the
// test's own.
func writer(dir, public, private string) error {
	ctx := context.Background()
	l, err := ledger.Open(dir, public)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	key, err := ledger.NewKey()
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(os.Getenv("LEDGER_TEST_SEED"), 10, 64)
	if err != nil {
		return err
	}
	chance := mathrand.New(mathrand.NewPCG(seed, 1))
	ledger.JournalLimit(20_000)
	left := chance.IntN(400)
	ledger.OnWrite(func() {
		if left--; left < 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	for {
		if err := write(ctx, l, signer, key, 1+chance.IntN(40)*chance.IntN(2)); err != nil {
			return err
		}
	}
}

// write appends statements that say how many there were before each.
func write(ctx context.Context, l *ledger.Log, signer note.Signer, key ledger.Key, count int) error {
	unlock, err := l.Lock(ctx)
	if err != nil {
		return err
	}
	if err := l.Recover(ctx); err != nil {
		return err
	}
	cp, _, err := l.Checkpoint(ctx)
	n := 0
	if err == nil {
		n = int(cp.Size)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var envelopes [][]byte
	for i := range count {
		s, err := ledger.New("bob", time.Unix(1700000000, 0), ledger.OutputRefused{Output: fmt.Sprint(n + i), Reason: "r"})
		if err != nil {
			return err
		}
		envelope, err := ledger.Seal(ctx, s, key)
		if err != nil {
			return err
		}
		envelopes = append(envelopes, envelope)
	}
	if at, err := l.AppendAll(ctx, envelopes, signer); err != nil || at != uint64(n) {
		return fmt.Errorf("entry %d was appended as %d: %w", n, at, err)
	}
	if os.Getenv("LEDGER_TEST_WRITER") != "" {
		fmt.Println(n + count) // acknowledged
	}
	return unlock()
}

// Writers are killed at each of their writes, at random; what the next one reads
// is all that was acknowledged, in order, once.
func TestAWriterKilledAtAnyWriteLosesNothing(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, "rempart.eu/test")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	defer ledger.JournalLimit(ledger.JournalLimit(20_000))
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	chance := mathrand.New(mathrand.NewPCG(seed, 0))
	l, err := ledger.Open(dir, public)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for round := range 15 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "LEDGER_TEST_WRITER="+dir, "LEDGER_TEST_PUBLIC="+public, "LEDGER_TEST_PRIVATE="+private, fmt.Sprint("LEDGER_TEST_SEED=", chance.Uint64()))
		out, err := cmd.Output()
		var killed *exec.ExitError
		if !errors.As(err, &killed) || killed.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the writer ended by itself: %v: %s", err, out)
		}
		for said := range lines(out) {
			acknowledged, _ = strconv.Atoi(said)
		}
		if size := entries(t, l); len(size) < acknowledged {
			t.Fatalf("round %d: %d entries, but %d were acknowledged", round, len(size), acknowledged)
		}
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), l, signer, key, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	all, faults, err := verified(t, l)
	if err != nil || len(faults) > 0 {
		t.Errorf("after the sweep: %v, %v", faults, err)
	}
	for i, e := range all {
		body, err := e.Statement.Decode()
		if err != nil || body.(*ledger.OutputRefused).Output != fmt.Sprint(i) {
			t.Errorf("entry %d says %v, %v", i, body, err)
		}
	}
}

// After a power failure, files that were not brought to disk are lost, or empty,
// or old. The journal has what they held.
func TestAPowerFailureLosesNothing(t *testing.T) {
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	chance := mathrand.New(mathrand.NewPCG(seed, 0))
	dir, l, signer, key := newLog(t, 3)
	// The end of the tiles at the journal's begin is on disk.
	if _, err := l.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	onDisk := files(t, dir)
	total := 3
	for range 12 {
		n := 1 + chance.IntN(200)
		if err := write(t.Context(), l, signer, key, n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	for path, data := range files(t, dir) {
		old, there := onDisk[path]
		var err error
		switch lost := chance.IntN(4); {
		case filepath.Base(path) == "journal" || there && string(old) == string(data):
		case lost == 0 && there:
			err = os.WriteFile(path, old, 0o600)
		case lost == 1 && !there:
			err = os.Remove(path)
		case lost == 2:
			err = os.Truncate(path, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ledger.Restart("another start")
	defer ledger.Restart("a third start")
	again, err := ledger.Open(dir, l.Key())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, faults, err := verified(t, again); err != nil || len(faults) > 0 || len(all) != total {
		t.Errorf("%d entries of %d; %v, %v", len(all), total, faults, err)
	}
}
