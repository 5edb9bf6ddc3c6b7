package warehouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/schemas"
)

// newHome is a warehouse with its parties, whose clock goes on by a minute each time.
func newHome(t testing.TB) *Warehouse {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	var ticks atomic.Int64
	clock := func() time.Time {
		return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(ticks.Add(1)) * time.Minute)
	}
	_, err := Init(t.Context(), dir, InitOptions{Name: "test", Controller: "controller", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	w := reopened(t, dir, clock)
	for name, role := range map[string]governance.Role{
		"chu": governance.Provider, "ttp": governance.LinkageAuthority, "alice": governance.Researcher,
		"eve": governance.Researcher, "bob": governance.OutputChecker, "diane": governance.Officer,
	} {
		if _, err := w.AddParty(t.Context(), name, role); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func reopened(t testing.TB, dir string, clock func() time.Time) *Warehouse {
	t.Helper()
	w, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = clock
	return w
}

const spec = `project: %s
title: Influenza
purpose: To know
legal_basis: {text: Research, reference: "MR-004, 2026-1"}
persons: SELECT person_id FROM person
tables: {person: all}
period: {from: 2020-01-01, to: 2026-01-01}
researchers: [alice]
ends: %s
minimum_cell_count: 11
`

// anything is a statement that may or may not be one that can be made now.
func anything(chance *rand.Rand) Said {
	actors := []string{"controller", "chu", "ttp", "alice", "eve", "bob", "diane", "nobody"}
	pick := func(kind string) string { return fmt.Sprint(kind, chance.IntN(5)) }
	word := func(of ...string) string { return of[chance.IntN(len(of))] }
	project := word("pa", "pb", "pc")
	text := fmt.Sprintf(spec, project, word("2026-11-24", "2027-01-01", "2027-01-01", "2020-01-01"))
	digest := ledger.Sum([]byte(text))
	object := ledger.Object{Name: pick("o"), Size: 9, SHA256: digest, Key: word("release-1", "project-1", "party-ttp")}
	run := pick("r")
	could := []struct {
		by   string
		body ledger.Body
	}{
		{"chu", ledger.DepositMade{
			Deposit: pick("d"), Feed: "f", Files: []ledger.FileCount{{Resource: "p", Rows: 5, Accepted: 4, Refused: int64(chance.IntN(2))}}, Authority: word("ttp", "ttp", "bob"),
			Objects: []ledger.Object{object}, Resources: []string{"p"}, Pseudonyms: word("keyed", "keyed", "oblivious"),
		}},
		{"ttp", ledger.PersonsLinked{Linkage: pick("l"), Pseudonyms: "keyed", Deposits: []string{pick("d")}, Methods: map[string]int64{"token": 3, "traits": 2}, Object: object}},
		{"controller", ledger.ReleasePublished{Release: pick("e"), Linkage: pick("l"), Deposits: []string{pick("d")}, Manifest: object, RetainUntil: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"controller", ledger.ReleaseErased{Release: pick("e"), Reason: "r"}},
		{"alice", ledger.ProjectRequested{Project: project, Spec: text}},
		{"diane", ledger.ProjectApproved{Project: project, Spec: digest, Reason: word("yes", "yes", "")}},
		{"diane", ledger.ProjectRefused{Project: project, Reason: "no"}},
		{"controller", ledger.ProjectExtracted{Project: project, Release: pick("e"), Tables: []ledger.TableCount{{Table: "person", Rows: 4}}, Objects: []ledger.Object{object}}},
		{"diane", ledger.ProjectClosed{Project: project, Reason: "over"}},
		{"alice", ledger.RunRequested{Run: run, Project: project, Language: "sql", Name: "a.sql", Code: digest}},
		{"controller", ledger.RunFinished{Run: run, Outcome: "done", Seconds: 1.5, Bundle: &object, Outputs: []ledger.Output{{Output: pick("t"), Name: "a.csv", SHA256: digest}, {Output: pick("t"), Name: "b.csv", SHA256: digest}}}},
		{"bob", ledger.OutputViewed{Output: pick("t")}},
		{"bob", ledger.OutputReleased{Output: pick("t"), SHA256: digest, Reason: "fine"}},
		{"bob", ledger.OutputRefused{Output: pick("t"), Reason: "small"}},
		{"alice", ledger.SpaceMounted{Mount: pick("m"), Project: project, Until: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}},
		{"alice", ledger.SpaceUnmounted{Mount: pick("m"), Opens: map[string]int64{"person": 2}}},
		{"controller", ledger.KeyDestroyed{Key: word("release-1", "project-1"), Reason: "r"}},
		{"controller", ledger.HostRegistered{Host: word("local", "away"), HostKind: "directory", URL: "u", Jurisdiction: word("FR", "US", "?")}},
		{"diane", ledger.DerogationGranted{Host: word("local", "away"), Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Reason: "r"}},
		{"controller", ledger.HostMigrated{From: word("local", "away"), To: word("local", "away")}},
		{"controller", ledger.ConfigRecorded{SHA256: digest}},
	}
	c := could[chance.IntN(len(could))]
	if chance.IntN(10) == 0 {
		c.by = actors[chance.IntN(len(actors))]
	}
	return Said{c.by, c.body}
}

func encoded(t testing.TB, w *Warehouse, m *Model) []byte {
	t.Helper()
	signer, err := w.checkpointSigner()
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.encode(w.Log.Origin(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Random histories, of statements that can be made and of such that cannot, by
// several goroutines at once and across restarts: what was followed statement by
// statement, what was kept in a file and gone on from, and what is computed from the
// whole ledger are the same bytes.
func TestTheStateIsAFunctionOfTheLedger(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	w := newHome(t)
	made, refused := 0, 0
	for round := range 8 {
		var group sync.WaitGroup
		var mu sync.Mutex
		for g := range 4 {
			mine := rand.New(rand.NewPCG(seed, uint64(round*10+g+1)))
			group.Go(func() {
				for range 40 {
					said := anything(mine)
					_, err := w.Commit(t.Context(), said.Actor, said.Body)
					mu.Lock()
					if err == nil {
						made++
					} else {
						refused++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		whole := newModel()
		if err := whole.follow(t.Context(), w.Log); err != nil {
			t.Fatal(err)
		}
		want := encoded(t, w, whole)
		err := w.Read(t.Context(), func(m *Model) error {
			if !bytes.Equal(encoded(t, w, m), want) {
				t.Errorf("round %d: what was followed is not what the ledger says", round)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := w.loadModel(t.Context()); err == nil {
			if err := kept.follow(t.Context(), w.Log); err != nil || !bytes.Equal(encoded(t, w, kept), want) {
				t.Errorf("round %d: what was kept and gone on from is not what the ledger says: %v", round, err)
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		switch chance.IntN(3) {
		case 0:
			w = reopened(t, w.Dir, w.Now)
		case 1:
			if r, err := w.Rebuild(t.Context()); err != nil || r.Before == "different" || r.Before == "stale" {
				t.Errorf("round %d: %+v, %v", round, r, err)
			}
		}
	}
	if made < 100 || refused < 100 {
		t.Errorf("%d statements were made and %d refused: the histories are not what they should be", made, refused)
	}
	err := w.Log.Entries(t.Context(), func(e ledger.Entry) error { return schemas.Validate(e.Statement) })
	if err != nil {
		t.Error(err)
	}
	if v, _ := w.Verify(t.Context(), 0, nil); v.Statements == 0 {
		t.Errorf("%v", v.Faults)
	}
}

// A refused statement changes nothing, whatever it was refused for.
func TestARefusedStatementLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newHome(t)
	chance := rand.New(rand.NewPCG(7, rand.Uint64()))
	for range 300 {
		var before, after []byte
		look := func(to *[]byte) {
			if err := w.Read(t.Context(), func(m *Model) error { *to = encoded(t, w, m); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		look(&before)
		said := anything(chance)
		_, err := w.Commit(t.Context(), said.Actor, said.Body)
		look(&after)
		if refused := err != nil; refused != bytes.Equal(before, after) {
			t.Fatalf("%s by %s: %v, and the state is the same: %v", said.Body.Kind(), said.Actor, err, bytes.Equal(before, after))
		}
	}
}

// Somebody edits the file of the model, or puts that of another day or another
// ledger in its place: it is not used, or what it says is right.
func TestAModelThatWasTamperedWithIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newHome(t)
	if _, err := w.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(w.ModelPath())
	if err != nil {
		t.Fatal(err)
	}
	other := newHome(t)
	if _, err := other.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other.ModelPath())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), "controller", ledger.ConfigRecorded{SHA256: "later"}); err != nil {
		t.Fatal(err)
	}
	elevated := bytes.Replace(good, []byte("researcher"), []byte("controller"), 1)
	if bytes.Equal(elevated, good) {
		t.Fatal("the role is not where this test looks for it")
	}
	for name, file := range map[string][]byte{
		"of an older day": good, "with another role": elevated, "of another ledger": foreign, "cut": good[:len(good)-1],
		"with more": append(bytes.Clone(good), 0), "empty": nil, "nonsense": []byte("12\nrempart model\n"),
	} {
		if err := os.WriteFile(w.ModelPath(), file, 0o600); err != nil {
			t.Fatal(err)
		}
		again := reopened(t, w.Dir, w.Now)
		state, err := again.State(t.Context())
		if err != nil || state.Config != "later" || state.Parties["alice"].Role != governance.Researcher {
			t.Errorf("a model %s: %v", name, err)
		}
		changed := again.checkModel() != nil
		if want := name != "of an older day" && name != "of another ledger"; changed != want && name != "of another ledger" {
			t.Errorf("a model %s: verification finds it changed: %v", name, changed)
		}
		if r, err := again.Rebuild(t.Context()); err != nil || (name == "of an older day") != (r.Before == "older") {
			t.Errorf("a model %s: %+v, %v", name, r, err)
		}
	}
}

// The ledger is put back to an older copy, or to one that went another way: what
// was in memory is not mixed with it.
func TestAReaderNoticesThatTheLedgerWasRewritten(t *testing.T) {
	t.Parallel()
	w := newHome(t)
	ledgerDir, copied := filepath.Join(w.Dir, "ledger"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(ledgerDir)); err != nil {
		t.Fatal(err)
	}
	say := func(w *Warehouse, text ledger.Digest) {
		if _, err := w.Commit(t.Context(), "controller", ledger.ConfigRecorded{SHA256: text}); err != nil {
			t.Fatal(err)
		}
	}
	look := func() error { return w.Read(t.Context(), func(*Model) error { return nil }) }
	say(w, "one")
	if err := look(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(ledgerDir), os.CopyFS(ledgerDir, os.DirFS(copied))); err != nil {
		t.Fatal(err)
	}
	var fork *ledger.ForkError
	if err := look(); !errors.As(err, &fork) {
		t.Errorf("an older ledger: %v", err)
	}
	if err := look(); !errors.As(err, &fork) {
		t.Errorf("at the second look: %v", err)
	}
	if _, err := w.Commit(t.Context(), "controller", ledger.ConfigRecorded{SHA256: "x"}); !errors.As(err, &fork) {
		t.Errorf("a writer that has seen another ledger: %v", err)
	}
	again := reopened(t, w.Dir, w.Now)
	say(again, "two")
	say(again, "three")
	w = reopened(t, w.Dir, w.Now)
	if err := look(); err != nil { // it knows of nothing else
		t.Error(err)
	}
}

// Many at once: each statement is in the ledger once, and far fewer checkpoints
// were made than statements.
func TestCommitsAtTheSameTimeGoTogether(t *testing.T) {
	t.Parallel()
	w := newHome(t)
	before, _, err := w.Log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	seen := sync.Map{}
	for range 8 {
		group.Go(func() {
			for range 20 {
				e, err := w.Commit(context.WithoutCancel(t.Context()), "controller", ledger.ConfigRecorded{SHA256: "x"})
				if _, twice := seen.LoadOrStore(e.Index, true); twice || err != nil {
					t.Errorf("entry %d: %v", e.Index, err)
				}
			}
		})
	}
	group.Wait()
	after, _, err := w.Log.Checkpoint(t.Context())
	if err != nil || after.Size != before.Size+160 {
		t.Errorf("%d entries after %d: %v", after.Size, before.Size, err)
	}
	_, err = w.CommitAll(t.Context(), []Said{{"controller", ledger.ConfigRecorded{SHA256: "y"}}, {"alice", ledger.ConfigRecorded{SHA256: "z"}}})
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	state, err := w.State(t.Context())
	if err != nil || state.Config != "x" {
		t.Errorf("half of what must go together was recorded: %s, %v", state.Config, err)
	}
}
