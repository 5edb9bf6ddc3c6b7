package query

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/ledger"
)

// pair is a key of age's own.
type pairKey struct {
	age.Recipient
	age.Identity
}

func newKey(t testing.TB) Key {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return pairKey{identity.Recipient(), identity}
}

func reopen(t *testing.T, path string, key Key, anchor ledger.JournalHead) (*Journal, error) {
	t.Helper()
	j, err := OpenJournal(t.Context(), path, key, anchor)
	if err == nil {
		t.Cleanup(func() { _ = j.file.Close() })
		if err := j.release(); err != nil {
			t.Fatal(err)
		}
	}
	return j, err
}

func TestAHistoryOnlyGrows(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "flu.journal"), newKey(t)
	j, err := reopen(t, path, key, ledger.JournalHead{})
	if err != nil {
		t.Fatal(err)
	}
	var heads []ledger.JournalHead
	for n := range 3 {
		e := &Entry{Time: time.Unix(int64(n), 0).UTC(), Text: "SELECT count(*) FROM person", Release: "r", Space: 7, Told: []ToldColumn{{Cells: []Vector{{Persons: []int64{1, 2, 5}, Weights: []float64{1, 2, 3}}}}}}
		if err := j.Add(e); err != nil || e.Number != n+1 {
			t.Fatal(e.Number, err)
		}
		heads = append(heads, j.Head())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := reopen(t, path, key, heads[1])
	if err != nil || len(again.Entries) != 3 || len(again.Since()) != 1 || again.Head() != heads[2] {
		t.Fatal(again, err)
	}
	if h := again.Of(7, "r"); h.Questions != 3 || h.Numbers != 3 || len(h.Columns) != 3 || !alike(h.Columns[2].Cells[0], Vector{[]int64{1, 2, 5}, []float64{1, 2, 3}}) {
		t.Errorf("%+v", h)
	}
	for n := len(whole) - 1; int64(n) >= heads[1].Size; n -= 7 { // torn, after what the ledger knows
		put(whole[:n])
		if j, err := reopen(t, path, key, heads[1]); err != nil || len(j.Entries) != 2 {
			t.Fatalf("torn at %d: %v", n, err)
		}
	}
	for n := int(heads[1].Size) - 1; n >= 0; n -= 31 { // shorter than the ledger knows
		put(whole[:n])
		if _, err := reopen(t, path, key, heads[1]); err == nil {
			t.Fatalf("shortened to %d bytes", n)
		}
	}
	for n := 0; n < len(whole); n += 13 {
		bad := append([]byte{}, whole...)
		bad[n] ^= 1
		put(bad)
		if j, err := reopen(t, path, key, heads[2]); err == nil {
			t.Fatalf("changed at %d: %d entries", n, len(j.Entries))
		}
	}
	put(whole)
	if _, err := reopen(t, path, newKey(t), heads[2]); err == nil {
		t.Error("opened with another key")
	}
}
