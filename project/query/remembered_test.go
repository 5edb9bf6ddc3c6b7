package query

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"rempart.eu/rempart/ledger"
)

// A history that this process has opened before is believed only as far as its bytes are the same, and
// opened by nobody without the key.
func TestAHistoryIsRememberedAsItIs(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "flu.journal"), newKey(t)
	j, err := reopen(t, path, key, ledger.JournalHead{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(j *Journal, text string) {
		t.Helper()
		if err := j.Add(&Entry{Text: text, Told: []ToldColumn{{Cells: []Vector{{Persons: []int64{1, 2, 5}}}}}}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		add(j, fmt.Sprint(n))
		again, err := reopen(t, path, key, ledger.JournalHead{})
		if err != nil || !reflect.DeepEqual(again.Entries, j.Entries) {
			t.Fatalf("after %d questions the history is %+v, %v", n+1, again, err)
		}
	}
	if _, sums := histories.of(path); len(sums) != 5 {
		t.Errorf("%d entries are remembered", len(sums))
	}
	if _, err := reopen(t, path, newKey(t), ledger.JournalHead{}); err == nil {
		t.Error("another key opened what was remembered")
	}

	// A history that is put in its place is another one.
	anothers := filepath.Join(t.TempDir(), "flu.journal")
	k, err := reopen(t, anothers, key, ledger.JournalHead{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		add(k, fmt.Sprint("another ", n))
	}
	data, err := os.ReadFile(anothers)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if now, err := reopen(t, path, key, ledger.JournalHead{}); err != nil || now.Entries[0].Text != "another 0" || len(now.Entries) != 5 {
		t.Errorf("the history that was put there is read as %+v, %v", now, err)
	}
}

func BenchmarkAHistoryOf500(b *testing.B) {
	path, key := filepath.Join(b.TempDir(), "flu.journal"), newKey(b)
	j, err := OpenJournal(b.Context(), path, key, ledger.JournalHead{})
	if err != nil {
		b.Fatal(err)
	}
	persons := make([]int64, 10_000)
	for i := range persons {
		persons[i] = int64(i * 7)
	}
	for range 500 {
		if err := j.Add(&Entry{Text: "SELECT count(*) FROM person", Told: []ToldColumn{{Cells: []Vector{{Persons: persons}, {Persons: persons[:3000]}}}}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for _, first := range []bool{true, false} {
		b.Run(map[bool]string{true: "first", false: "again"}[first], func(b *testing.B) {
			for b.Loop() {
				if first {
					histories.keep(path, nil, nil)
				}
				j, err := OpenJournal(b.Context(), path, key, ledger.JournalHead{})
				if err != nil {
					b.Fatal(err)
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
