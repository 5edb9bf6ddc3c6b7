package ledger_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/ledger"
)

// writer appends until it is killed: a process of the test's own.
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
	for range 1000 {
		if err := write(ctx, l, signer, key); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, l *ledger.Log, signer note.Signer, key ledger.Key) error {
	unlock, err := l.Lock(ctx)
	if err != nil {
		return err
	}
	if err := l.Recover(ctx, signer); err != nil {
		return err
	}
	n := 0
	if err := l.Entries(ctx, func(ledger.Entry) error { n++; return nil }); err != nil {
		return err
	}
	s, err := ledger.New("bob", time.Unix(1700000000, 0), ledger.OutputRefused{Output: fmt.Sprint(n), Reason: "r"})
	if err != nil {
		return err
	}
	envelope, err := ledger.Seal(ctx, s, key)
	if err != nil {
		return err
	}
	if at, err := l.Append(ctx, envelope, signer); err != nil || at != uint64(n) {
		return fmt.Errorf("entry %d was appended as %d: %w", n, at, err)
	}
	fmt.Println(n)
	return unlock()
}

// Writers that decide by what they have read are killed at random moments;
// what the next one reads is all that was appended, in order, once.
func TestAWriterKilledAtAnyMomentLosesNothing(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, "rempart.eu/test")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	chance := mathrand.New(mathrand.NewPCG(seed, 0))
	for range 15 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(30+chance.IntN(300))*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), "LEDGER_TEST_WRITER="+dir, "LEDGER_TEST_PUBLIC="+public, "LEDGER_TEST_PRIVATE="+private)
		cmd.WaitDelay = 10 * time.Second
		out, err := cmd.CombinedOutput() // killed, or unable to start in time
		killed := ctx.Err() != nil
		cancel()
		if !killed {
			t.Fatalf("the writer ended by itself: %v: %s", err, out)
		}
	}
	l, err := ledger.Open(dir, public)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), l, signer, key); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	all, faults, err := l.Verify(t.Context())
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
