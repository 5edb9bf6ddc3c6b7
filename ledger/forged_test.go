package ledger_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
)

// A ledger whose tree is as it must be may hold a statement that its actor has not signed. It is found wherever it
// is: at the ends of bundles and of batches, whose memory serves again, and nothing else is said of the others.
func TestAForgedSignatureIsFoundWhereverItIs(t *testing.T) {
	const count = 2600 // some bundles and two batches
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	forger, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	envelopes := make([][]byte, count)
	statements := make([]ledger.Statement, count)
	for i := range count {
		if statements[i], err = ledger.New("bob", time.Unix(int64(i), 0), ledger.OutputViewed{Output: fmt.Sprint("output-", i)}); err != nil {
			t.Fatal(err)
		}
		if envelopes[i], err = ledger.Seal(t.Context(), statements[i], key); err != nil {
			t.Fatal(err)
		}
	}
	id, err := key.Public().KeyID()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{-1, 0, 255, 256, 1000, 2047, 2048, 2303, 2304, count - 1} {
		_, l, signer, _ := newLog(t, 0)
		written := append([][]byte(nil), envelopes...)
		var want []string
		if at >= 0 {
			written[at] = forged(t, envelopes[at], statements[at], forger, id)
			want = []string{fmt.Sprintf("ledger entry %d: the statement is not signed by its actor's key", at)}
		}
		if _, err := l.AppendAll(t.Context(), written, signer); err != nil {
			t.Fatal(err)
		}
		checker := ledger.NewChecker()
		faults, err := l.Verify(t.Context(), func(e ledger.Entry) error {
			checker.Add(e, key.Public())
			return nil
		})
		if err != nil || len(faults) > 0 {
			t.Fatalf("the tree: %v, %v", faults, err)
		}
		var got []string
		for _, fault := range checker.Wait() {
			got = append(got, fault.Error())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("entry %d is forged, found %v", at, got)
		}
	}
}

// forged is an envelope with another key's signature in the place of the actor's.
func forged(t *testing.T, good []byte, s ledger.Statement, by ledger.Key, id string) []byte {
	t.Helper()
	theirs, err := ledger.Seal(t.Context(), s, by)
	if err != nil {
		t.Fatal(err)
	}
	other, err := by.Public().KeyID()
	if err != nil {
		t.Fatal(err)
	}
	envelope := bytes.Replace(theirs, []byte(other), []byte(id), 1)
	if len(envelope) != len(good) || bytes.Equal(envelope, good) {
		t.Fatal("the signature was not forged")
	}
	return envelope
}
