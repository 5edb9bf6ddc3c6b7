package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/warehouse"
)

// TestAReceiptOfTwoPasskeys: an output is released by one checker's passkey and
// countersigned by another's; the receipt proves it from the ledger's key alone,
// and proves nothing without either.
func TestAReceiptOfTwoPasskeys(t *testing.T) {
	t.Parallel()
	home := homeAt(t, ran)
	must(t, home, "party", "add", "charles", "--role", "output-checker")
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	now, err := time.Parse(time.RFC3339, today)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return now }
	touch := func(a *passkeytest.Authenticator, actor string, body ledger.Body) (ledger.Entry, error) {
		t.Helper()
		s, err := ledger.New(actor, now, body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Submit(t.Context(), a.Seal(s))
	}
	enrol := func(party string) *passkeytest.Authenticator {
		t.Helper()
		code, _, err := w.Enrol(t.Context(), party, party, time.Hour, "joins")
		if err != nil {
			t.Fatal(err)
		}
		a := passkeytest.New(t, "ES256", "portal.example.eu", "https://portal.example.eu")
		if _, err := touch(a, party, ledger.PasskeyRegistered{Passkey: a.Passkey, Name: "key", Code: code}); err != nil {
			t.Fatal(err)
		}
		return a
	}
	bob, charles := enrol("bob"), enrol("charles")
	must(t, home, "people", "rules", "--two-persons", "output-released=output-checker", "--reason", "policy 4")

	var id string
	var digest ledger.Digest
	for output, o := range ledgerOf(t, home).Outputs.All() {
		if !o.Refused {
			id, digest = output, o.SHA256
		}
	}
	o := command(t, home, "airlock", "release", id, "--as", "bob", "--reason", "large cells")
	if o.code != exitWaits || !strings.Contains(o.stderr, "passkey") {
		t.Fatalf("the key file released it: %+v", o)
	}
	proposal, err := ledger.Propose(ledger.OutputReleased{Output: id, SHA256: digest, Reason: "large cells"})
	if err != nil {
		t.Fatal(err)
	}
	proposed, err := touch(bob, "bob", proposal)
	var second *warehouse.SecondWanted
	if !errors.As(err, &second) {
		t.Fatalf("one person released it: %v", err)
	}
	if delivered, err := airlock.DeliverMissing(t.Context(), w); err != nil || len(delivered) != 0 {
		t.Fatalf("one person's output is out: %v, %v", delivered, err)
	}
	yes := ledger.Countersigned{Entry: proposed.Index, Envelope: ledger.Sum(proposed.Envelope), Reason: "seen"}
	if _, err := touch(bob, "bob", yes); err == nil {
		t.Fatal("the first person was the second too")
	}
	if _, err := touch(charles, "charles", yes); err != nil {
		t.Fatal(err)
	}
	delivered, err := airlock.DeliverMissing(t.Context(), w)
	if err != nil || len(delivered) != 1 {
		t.Fatalf("%v, %v", delivered, err)
	}
	data := read(t, delivered[0])
	text := read(t, delivered[0]+".receipt.json")
	receipt, err := airlock.ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.Verify(t.Context(), w.Log, data); err != nil {
		t.Errorf("the receipt: %v", err)
	}
	if out := must(t, home, "audit", "verify", "--receipt", delivered[0]+".receipt.json"); !strings.Contains(out, "bob") {
		t.Errorf("rempart audit verify --receipt: %s", out)
	}
	// Without any one of the statements it proves nothing.
	for i := range receipt.Ledger.Proofs {
		var without airlock.Receipt
		if err := json.Unmarshal(text, &without); err != nil {
			t.Fatal(err)
		}
		gone, err := ledger.Read(without.Ledger.Proofs[i].Envelope)
		if err != nil {
			t.Fatal(err)
		}
		without.Ledger.Proofs = append(without.Ledger.Proofs[:i], without.Ledger.Proofs[i+1:]...)
		err = without.Verify(t.Context(), w.Log, data)
		switch gone.Kind {
		case "proposed", "countersigned", "passkey-registered", "enrolment-opened", "project-approved", "run-requested", "run-finished", "warehouse-created":
			if err == nil {
				t.Errorf("without %s of %s the receipt still proves it", gone.Kind, gone.Actor)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(home, "waiting")); err == nil {
		if left, err := os.ReadDir(filepath.Join(home, "waiting")); err != nil || len(left) > 0 {
			t.Errorf("%d requests wait, %v", len(left), err)
		}
	}
	must(t, home, "audit", "verify")
}
