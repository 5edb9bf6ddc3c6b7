package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func keyedBatch(party string, n int) batch {
	return batch{time: noon, mode: pseudonym.Keyed, party: party, domain: "study", count: n, digest: sha256.Sum256([]byte(party))}
}

func names(from, n int) [][16]byte {
	list := make([][16]byte, n)
	for i := range list {
		copy(list[i][:], fmt.Sprintf("%016d", from+i))
	}
	return list
}

func openJournal(t testing.TB, path string, anchor ledger.JournalHead) *Journal {
	t.Helper()
	j, err := OpenJournal(t.Context(), path, anchor)
	must(t, err)
	t.Cleanup(func() { must(t, j.Close()) })
	return j
}

func given(t testing.TB, j *Journal, list [][16]byte) []Pseudonym {
	t.Helper()
	p, err := j.pseudonyms(t.Context(), keyedBatch("chu", len(list)), list)
	must(t, err)
	return p
}

// TestANameKeepsItsPseudonym, within a batch, across batches and after opening anew.
func TestANameKeepsItsPseudonym(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path, ledger.JournalHead{})
	first := given(t, j, append(names(0, 10), names(5, 10)...))
	for i := range 5 {
		if first[5+i] != first[10+i] {
			t.Errorf("name %d has two pseudonyms in one batch", 5+i)
		}
	}
	seen := map[Pseudonym]bool{}
	for _, p := range first {
		seen[p] = true
	}
	if len(seen) != 15 || seen[Pseudonym{}] {
		t.Errorf("%d pseudonyms for 15 names", len(seen))
	}
	must(t, j.Close())
	again := given(t, openJournal(t, path, ledger.JournalHead{}), names(0, 15))
	for i := range again {
		want := first[i]
		if i >= 10 {
			want = first[5+i]
		}
		if again[i] != want {
			t.Errorf("name %d has another pseudonym after opening anew", i)
		}
	}
}

// TestPseudonymsComeFromNothing: two journals give other ones to the same names.
func TestPseudonymsComeFromNothing(t *testing.T) {
	a := given(t, openJournal(t, filepath.Join(t.TempDir(), "journal"), ledger.JournalHead{}), names(0, 100))
	b := given(t, openJournal(t, filepath.Join(t.TempDir(), "journal"), ledger.JournalHead{}), names(0, 100))
	for i := range a {
		if a[i] == b[i] {
			t.Errorf("name %d has one pseudonym in two journals", i)
		}
	}
}

// TestManyAskAtOnce: everybody gets the same answers.
func TestManyAskAtOnce(t *testing.T) {
	j := openJournal(t, filepath.Join(t.TempDir(), "journal"), ledger.JournalHead{})
	const clients = 16
	var answers [clients][]Pseudonym
	var wait sync.WaitGroup
	for c := range clients {
		wait.Go(func() {
			list := names(0, 200)
			rand.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
			p, err := j.pseudonyms(t.Context(), keyedBatch("chu", len(list)), list)
			if err != nil {
				t.Error(err)
				return
			}
			answers[c] = make([]Pseudonym, len(list))
			for i, name := range list {
				var n int
				fmt.Sscanf(string(name[:]), "%d", &n)
				answers[c][n] = p[i]
			}
		})
	}
	wait.Wait()
	for c := range clients {
		for i := range answers[c] {
			if answers[c][i] != answers[0][i] {
				t.Fatalf("client %d has another pseudonym of name %d", c, i)
			}
		}
	}
	s := j.Summary()
	if len(s.Issued) != 1 || s.Issued[0].Batches != clients || s.Issued[0].Count != clients*200 {
		t.Errorf("got %+v", s)
	}
}

// whole is a journal of three commits, and where each ends.
func whole(t *testing.T) (data []byte, ends []int64, heads []ledger.JournalHead, last []Pseudonym) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path, ledger.JournalHead{})
	for i := range 3 {
		last = given(t, j, names(i*3, 3))
		s := j.Summary()
		for s == nil { // the commit is written, and noted next
			s = j.Summary()
		}
		heads = append(heads, s.Journal)
		ends = append(ends, s.Journal.Size)
	}
	must(t, j.Close())
	data, err := os.ReadFile(path)
	must(t, err)
	return data, ends, heads, last
}

// reopen opens a journal with these bytes.
func reopen(t *testing.T, data []byte, anchor ledger.JournalHead) (*Journal, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	must(t, os.WriteFile(path, data, 0o600))
	j, err := OpenJournal(t.Context(), path, anchor)
	if err == nil {
		t.Cleanup(func() { must(t, j.Close()) })
	}
	return j, err
}

// TestATornEndIsCutOff: at every byte of the last commit, which nobody was
// answered from; those before it stand.
func TestATornEndIsCutOff(t *testing.T) {
	data, ends, heads, _ := whole(t)
	for end := ends[1]; end < ends[2]; end++ {
		j, err := reopen(t, data[:end], heads[1])
		if err != nil {
			t.Fatalf("torn at %d of %d: %v", end, len(data), err)
		}
		if j.size != ends[1] || j.Size() != 6 {
			t.Fatalf("torn at %d: %d bytes and %d names stand", end, j.size, j.Size())
		}
		if got := given(t, j, names(0, 9)); len(got) != 9 {
			t.Fatal("a journal that was torn takes nothing")
		}
	}
	j, err := reopen(t, append(bytes.Clone(data[:ends[1]]), make([]byte, 5000)...), heads[1])
	if err != nil || j.size != ends[1] {
		t.Errorf("room that was never written: %v", err)
	}
}

// TestChangesAreFoundOut: any byte of what was answered, and any cut that the
// ledger knows of.
func TestChangesAreFoundOut(t *testing.T) {
	data, ends, heads, _ := whole(t)
	var damaged *DamagedError
	for at := range data {
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		if _, err := reopen(t, bad, ledger.JournalHead{}); !errors.As(err, &damaged) {
			t.Fatalf("byte %d: got %v", at, err)
		}
	}
	for end := range ends[2] {
		if _, err := reopen(t, data[:end], heads[2]); !errors.As(err, &damaged) {
			t.Fatalf("cut at %d, which the ledger knows of: got %v", end, err)
		}
	}
	other, _, _, _ := whole(t)
	if _, err := reopen(t, other, heads[2]); !errors.As(err, &damaged) {
		t.Errorf("another journal in its place: got %v", err)
	}
	swapped := bytes.Join([][]byte{data[:len(journalLine)], data[ends[0]:ends[1]], data[len(journalLine):ends[0]], data[ends[1]:]}, nil)
	if _, err := reopen(t, swapped, ledger.JournalHead{}); !errors.As(err, &damaged) {
		t.Errorf("two commits in each other's place: got %v", err)
	}
}

// TestAFailedWriteEndsIt: nothing is answered after it, not even what is known.
func TestAFailedWriteEndsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(t.Context(), path, ledger.JournalHead{})
	must(t, err)
	known := given(t, j, names(0, 3))
	good := j.file
	broken, err := os.Open(path) // for reading alone
	must(t, err)
	j.file = broken
	for range 2 {
		if _, err := j.pseudonyms(t.Context(), keyedBatch("chu", 3), names(0, 3)); err == nil {
			t.Error("an answer that is not on disk")
		}
	}
	if j.Healthy() == nil || j.Summary() != nil {
		t.Error("it seems healthy")
	}
	must(t, j.Close())
	must(t, good.Close())
	if got := given(t, openJournal(t, path, ledger.JournalHead{}), names(0, 3)); got[0] != known[0] || got[2] != known[2] {
		t.Error("what was answered is lost")
	}
}

// TestAJournalHasOneProcess, and takes nothing after its end.
func TestAJournalHasOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path, ledger.JournalHead{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := OpenJournal(ctx, path, ledger.JournalHead{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	must(t, j.Close())
	if _, err := j.pseudonyms(t.Context(), keyedBatch("chu", 1), names(0, 1)); err == nil {
		t.Error("a closed journal takes more")
	}
}

// TestSummariesAddUp: each batch is in one summary, also across a restart.
func TestSummariesAddUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path, ledger.JournalHead{})
	given(t, j, names(0, 5))
	must(t, j.record(t.Context(), batch{noon.Add(time.Hour), pseudonym.Oblivious, "cnam", "", 7, [32]byte{}}, func() []assignment { return nil }))
	var first *ledger.PseudonymsIssued
	for first == nil {
		first = j.Summary()
	}
	want := []ledger.Issued{{Party: "chu", Pseudonyms: "keyed", Domain: "study", Batches: 1, Count: 5}, {Party: "cnam", Pseudonyms: "oblivious", Batches: 1, Count: 7}}
	if fmt.Sprint(first.Issued) != fmt.Sprint(want) || !first.From.Equal(noon) || !first.Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %+v", first)
	}
	given(t, j, names(5, 2)) // while the statement is made
	j.Stated(first)
	var second *ledger.PseudonymsIssued
	for second == nil {
		second = j.Summary()
	}
	if len(second.Issued) != 1 || second.Issued[0].Batches != 1 || second.Issued[0].Count != 2 {
		t.Errorf("got %+v", second)
	}
	must(t, j.Close())
	third := openJournal(t, path, first.Journal).Summary() // the second was never stated
	if fmt.Sprint(third) != fmt.Sprint(second) {
		t.Errorf("after a restart %+v, before %+v", third, second)
	}
}

func FuzzJournal(f *testing.F) {
	one, link := seal(keyedBatch("chu", 1).appendTo(nil, []assignment{{[16]byte{1}, Pseudonym{2}}}), sha256.Sum256([]byte(journalLine)))
	two, _ := seal(keyedBatch("cnam", 3).appendTo(nil, nil), link)
	f.Add(bytes.Join([][]byte{[]byte(journalLine), one, two}, nil))
	f.Add(bytes.Join([][]byte{[]byte(journalLine), one, two[:20]}, nil))
	f.Add([]byte("rempart"))
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, data []byte) {
		must(t, os.WriteFile(path, data, 0o600))
		j, err := OpenJournal(t.Context(), path, ledger.JournalHead{})
		if err != nil {
			var damaged *DamagedError
			if !errors.As(err, &damaged) {
				t.Errorf("got %v", err)
			}
			return
		}
		n := j.Size()
		must(t, j.Close())
		again, err := OpenJournal(t.Context(), path, ledger.JournalHead{})
		must(t, err)
		if again.Size() != n {
			t.Errorf("%d names, then %d", n, again.Size())
		}
		must(t, again.Close())
	})
}
