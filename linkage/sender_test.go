package linkage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// local evaluates in this process.
type local struct{ *oblivious.Key }

func (l local) Evaluate(_ context.Context, blinded []byte) (evaluated, proof []byte, err error) {
	return l.Key.Evaluate(blinded)
}

func obliviousKey(t *testing.T, first byte) *oblivious.Key {
	t.Helper()
	key, err := pseudonym.ObliviousKey(bytes.Repeat([]byte{first}, 32))
	must(t, err)
	return key
}

func providerKey(t testing.TB) *pseudonym.ProviderKey {
	t.Helper()
	key, err := pseudonym.NewProviderKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestASenderWritesEveryPersonInOrder, over several batches and both modes.
func TestASenderWritesEveryPersonInOrder(t *testing.T) {
	key := obliviousKey(t, 1)
	var file bytes.Buffer
	sender, err := linkage.NewSender(t.Context(), &file, linkage.Keyed{Key: providerKey(t)}, linkage.Oblivious{Public: key.Public(), Evaluator: local{key}})
	must(t, err)
	const n = 2500
	for i := range n {
		must(t, sender.Send(int64(i), pseudonym.Identity{SSN: fmt.Sprintf("99917%04d", 1+i), Sex: map[bool]string{true: "?", false: "F"}[i == 7]}))
	}
	sent, err := sender.Close()
	must(t, err)
	if sent != (linkage.Sent{Persons: n, Malformed: 1}) {
		t.Errorf("got %+v", sent)
	}
	rows := strings.Split(strings.TrimSpace(file.String()), "\n")
	if rows[0] != "person,provisional,keyed_a,keyed_b,keyed_c,oblivious_a,oblivious_b,oblivious_c" {
		t.Errorf("the header is %s", rows[0])
	}
	seen := map[string]bool{}
	for i, row := range rows[1:] {
		c := strings.Split(row, ",")
		if c[0] != fmt.Sprint(i) || len(c[2]) != 32 || len(c[5]) != 32 || c[3]+c[4]+c[6]+c[7] != "" || seen[c[2]] || seen[c[5]] {
			t.Fatalf("row %d is %s", i, row)
		}
		seen[c[2]], seen[c[5]] = true, true
	}
	if len(rows) != n+1 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestBothModesLinkTheSamePersons: a migration changes no answer.
func TestBothModesLinkTheSamePersons(t *testing.T) {
	key := obliviousKey(t, 1)
	people := []known{
		{"h1", 1, identity(nirA, "Lefèvre", "Anne", "1985-05-03", "F"), ""},
		{"h1", 2, identity("", "Martin", "Luc", "1985-05-03", "M"), ""},
		{"h2", 1, identity(nirA, "", "", "", ""), ""},
		{"h2", 2, identity("", "de Martin", "Luc", "03/05/1985", "1"), ""},
	}
	files := map[string]*bytes.Buffer{}
	for _, deposit := range []string{"h1", "h2"} {
		files[deposit] = &bytes.Buffer{}
		sender, err := linkage.NewSender(t.Context(), files[deposit], linkage.Keyed{Key: providerKey(t)}, linkage.Oblivious{Public: key.Public(), Evaluator: local{key}})
		must(t, err)
		for _, p := range people {
			if p.deposit == deposit {
				must(t, sender.Send(p.person, p.id))
			}
		}
		_, err = sender.Close()
		must(t, err)
	}
	for _, mode := range []pseudonym.Mode{pseudonym.Keyed, pseudonym.Oblivious} {
		db := engineDB(t)
		linker, err := linkage.New(t.Context(), db, authorityKey(t), mode)
		must(t, err)
		for deposit, file := range files {
			must(t, linker.Add(t.Context(), deposit, bytes.NewReader(file.Bytes())))
		}
		summary, err := linker.Resolve(t.Context())
		must(t, err)
		if summary.Persons != 2 || summary.Shared != 2 {
			t.Errorf("%s: %+v", mode, summary)
		}
	}
}

// TestAnAuthorityThatLiesStopsTheSending: no token of a wrong key is written.
func TestAnAuthorityThatLiesStopsTheSending(t *testing.T) {
	promised, used := obliviousKey(t, 1), obliviousKey(t, 2)
	var file bytes.Buffer
	sender, err := linkage.NewSender(t.Context(), &file, linkage.Oblivious{Public: promised.Public(), Evaluator: local{used}})
	must(t, err)
	must(t, sender.Send(1, pseudonym.Identity{SSN: "999175017"}))
	if _, err := sender.Close(); !errors.Is(err, oblivious.ErrProof) {
		t.Errorf("got %v", err)
	}
	if n := strings.Count(file.String(), "\n"); n > 1 {
		t.Errorf("%d rows are written", n-1)
	}
}

// TestAnInterruptedSenderSaysSo: it never looks complete.
func TestAnInterruptedSenderSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sender, err := linkage.NewSender(ctx, &bytes.Buffer{}, linkage.Keyed{Key: providerKey(t)})
	must(t, err)
	must(t, sender.Send(1, pseudonym.Identity{SSN: "999175017"}))
	cancel()
	if _, err := sender.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	sender, err = linkage.NewSender(t.Context(), full{}, linkage.Keyed{Key: providerKey(t)})
	must(t, err)
	for i := range 100_000 {
		if err = sender.Send(int64(i), pseudonym.Identity{SSN: "999175017"}); err != nil {
			break
		}
	}
	if _, err := sender.Close(); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("the disk is full")

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// BenchmarkSender makes the tokens of persons on all cores and writes them.
func BenchmarkSender(b *testing.B) {
	sender, err := linkage.NewSender(b.Context(), &bytes.Buffer{}, linkage.Keyed{Key: providerKey(b)})
	if err != nil {
		b.Fatal(err)
	}
	id := identity(nirA, "Bertrand", "Anne-Laure", "1995-10-14", "F")
	for i := range b.N {
		if err := sender.Send(int64(i), id); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := sender.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "persons/s")
}
