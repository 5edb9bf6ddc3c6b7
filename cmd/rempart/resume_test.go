package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// TestADepositIsResumed kills a deposit, and its resumptions, at uploads and at
// random times. What comes of it in the end is, row for row, what an
// uninterrupted one makes: nothing is lost, nothing doubled.
func TestADepositIsResumed(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	whole := homeAt(t, peopled)
	create := []string{"deposit", "create", "--as", "chu-lyon", "--feed", "hospital", deliveryWithFaults(t)}
	must(t, whole, create...)
	want := depositOf(t, whole)
	for _, faults := range [][]string{
		{"before:1"}, {"within:2"}, {"after:6"}, {"after:2", "after:2", "after:2"}, {"within:4", "before:1", "within:2"}, {"time", "time", "time", "time"},
	} {
		first := "time"
		pause := time.Duration(chance.Int64N(int64(1200 * time.Millisecond)))
		if faults[0] != "time" {
			first = faults[0]
		}
		t.Run(fmt.Sprint(faults), func(t *testing.T) {
			t.Parallel()
			home := homeAt(t, peopled)
			interrupted := interrupt(t, first, pause, home, create...)
			for _, fault := range faults[1:] {
				if id := unfinishedOf(t, home); interrupted && id != "" {
					interrupted = interrupt(t, fault, pause/2, home, "deposit", "resume", id)
				}
			}
			if first != "time" && !interrupted {
				t.Fatal("the fault did not come")
			}
			sealed := sealedOf(t, home)
			if first != "time" && (len(sealed) == 0) != (first == "before:1") {
				t.Errorf("%d objects are sealed", len(sealed))
			}
			if interrupted {
				for line := range strings.Lines(command(t, home, "audit", "verify").stdout) {
					if strings.Contains(line, "✗") && !strings.Contains(line, "rempart lake repair") {
						t.Errorf("after a crash: %s", line)
					}
				}
				if id := unfinishedOf(t, home); id != "" {
					must(t, home, "deposit", "resume", id)
				} else if ledgerOf(t, home).Deposits.Len() == 0 {
					must(t, home, create...) // it was killed before it began
				}
			}
			for _, d := range ledgerOf(t, home).Deposits.All() {
				if diff := cmp.Diff(sealed, d.Objects[:len(sealed)]); diff != "" {
					t.Errorf("what was sealed is sealed again: want -, got +:\n%s", diff)
				}
			}
			if diff := cmp.Diff(want, depositOf(t, home)); diff != "" {
				t.Errorf("uninterrupted -, resumed +:\n%s", diff)
			}
			if left, _ := os.ReadDir(filepath.Join(home, "parties", "chu-lyon", "unfinished")); len(left) > 0 && unfinishedOf(t, home) == "" {
				must(t, home, "lake", "repair") // it was killed while it cleared away
			}
			must(t, home, "lake", "repair") // objects that a kill has left
			sound(t, home)
			if diff := cmp.Diff(want, depositOf(t, home)); diff != "" {
				t.Errorf("after a repair: uninterrupted -, resumed +:\n%s", diff)
			}
			must(t, home, "linkage", "run")
			must(t, home, "release", "publish")
		})
	}
}

// A process that is killed when its statement is in the ledger's journal, and not yet in
// the log, has made its deposit: who resumes it, or discards it, sees that and harms nothing.
func TestADepositThatTheJournalHasIsMade(t *testing.T) {
	t.Parallel()
	interrupted := homeAt(t, peopled)
	if !interrupt(t, "after:2", 0, interrupted, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", deliveryWithFaults(t)) {
		t.Fatal("the fault did not come")
	}
	id := unfinishedOf(t, interrupted)
	for _, command := range []string{"resume", "discard"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			home := filepath.Join(t.TempDir(), "home")
			if err := os.CopyFS(home, os.DirFS(interrupted)); err != nil {
				t.Fatal(err)
			}
			must(t, home, "deposit", "resume", id)
			journal := read(t, filepath.Join(home, "ledger", "journal"))
			want := depositOf(t, home)
			for _, part := range []string{"ledger", filepath.Join("parties", "chu-lyon", "unfinished")} { // as they were
				if err := os.RemoveAll(filepath.Join(home, part)); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(filepath.Join(home, part), os.DirFS(filepath.Join(interrupted, part))); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.RemoveAll(filepath.Join(home, "state.model")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, "ledger", "journal"), journal, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := ledgerOf(t, home).Deposits.Len(); n != 0 {
				t.Fatalf("%d deposits are in the log", n)
			}
			must(t, home, "deposit", command, id)
			must(t, home, "lake", "repair") // objects that the kill has left
			sound(t, home)
			if diff := cmp.Diff(want, depositOf(t, home)); diff != "" {
				t.Errorf("made -, %sd +:\n%s", command, diff)
			}
		})
	}
}

// deliveryWithFaults is a hospital's files with rows that are refused.
func deliveryWithFaults(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "delivery")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(population(t), "hospital-1"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"patients.csv", "stays.csv", "observations.csv"} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("this is no row\n"); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// interrupt runs a command that a fault, or a kill after a time, ends; it says
// whether it did.
func interrupt(t testing.TB, fault string, after time.Duration, home string, args ...string) bool {
	t.Helper()
	var p *process
	if fault == "time" {
		p = spawn(t, "", home, args...)
		time.AfterFunc(after, func() { _ = p.kill() })
	} else {
		p = spawn(t, fault, home, args...)
	}
	o := p.end()
	if o.code != -1 && o.code != exitOK {
		t.Fatalf("%v: %s", args, o)
	}
	return o.code == -1
}

// unfinishedOf is the id of the unfinished deposit, or "".
func unfinishedOf(t testing.TB, home string) string {
	t.Helper()
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	state, err := w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.Unfinished(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0].Deposit
	}
	t.Fatalf("%d unfinished deposits: %+v", len(all), all)
	return ""
}

// sealedOf are the objects that the journal of the unfinished deposit has.
func sealedOf(t testing.TB, home string) (objects []ledger.Object) {
	t.Helper()
	id := unfinishedOf(t, home)
	if id == "" {
		return []ledger.Object{}
	}
	var journal struct {
		Files []struct{ Objects []ledger.Object }
	}
	if err := json.Unmarshal(read(t, filepath.Join(journalOf(home, id), "journal.json")), &journal); err != nil {
		t.Fatal(err)
	}
	objects = []ledger.Object{}
	for _, f := range journal.Files {
		objects = append(objects, f.Objects...)
	}
	return objects
}

func journalOf(home, id string) string {
	return filepath.Join(home, "parties", "chu-lyon", "unfinished", id)
}

// depositOf is all that the one deposit of a home consists of: the rows of each
// object, the identities and the quarantine. Matching numbers, which differ from
// one deposit to the next, are replaced by the line of the person's identity.
func depositOf(t testing.TB, home string) map[string]string {
	t.Helper()
	ctx := t.Context()
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	state, err := w.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if state.Deposits.Len() != 1 {
		t.Fatalf("%d deposits", state.Deposits.Len())
	}
	var d *governance.Deposit
	for _, d = range state.Deposits.All() {
	}
	vault, err := w.Vault(state)
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := map[string]string{}
	for i, object := range d.Objects {
		f, err := vault.Load(ctx, object, identityIn(t, filepath.Join(home, "controller")))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		query := "FROM read_parquet(" + engine.Literal(f.Path()) + ")"
		if d.Resources[i] == "patients" {
			if err := db.Exec(ctx, "CREATE TABLE identity AS SELECT person, line AS of "+query); err != nil {
				t.Fatal(err)
			}
		}
		var hasPerson bool
		if err := db.Value(ctx, &hasPerson, "SELECT count(*) > 0 FROM (DESCRIBE "+query+") WHERE column_name = 'person'"); err != nil {
			t.Fatal(err)
		}
		if hasPerson {
			query = "SELECT identity.of, r.* EXCLUDE (person) FROM (" + query + ") r JOIN identity USING (person) ORDER BY line"
		}
		var text bytes.Buffer
		if err := db.CopyOut(ctx, query, engine.CSV, &text); err != nil {
			t.Fatal(err)
		}
		rows[d.Resources[i]] += text.String()
	}
	numbers := map[string]string{}
	identities, err := csv.NewReader(opened(t, home, d.Authority, filepath.Join("parties", d.Authority, "inbox", d.Deposit+".age"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range identities {
		if _, again := numbers[row[0]]; again {
			t.Errorf("identity %d is there twice", i)
		}
		numbers[row[0]] = fmt.Sprint(i)
		rows["identities"] += strings.Join(slices.Concat([]string{numbers[row[0]]}, row[1:]), ",") + "\n"
	}
	quarantine, err := io.ReadAll(opened(t, home, d.Actor, filepath.Join("parties", d.Actor, "quarantine", d.Deposit+".age")))
	if err != nil {
		t.Fatal(err)
	}
	rows["quarantine"] = string(quarantine)
	rows["statement"] = fmt.Sprint(d.Files, d.Persons, d.Resources)
	return rows
}

func identityIn(t testing.TB, dir string) age.Identity {
	t.Helper()
	line := strings.TrimSpace(string(read(t, filepath.Join(dir, "identity.agekey"))))
	identity, err := age.ParseHybridIdentity(line)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func opened(t testing.TB, home, party, path string) io.Reader {
	t.Helper()
	plain, err := age.Decrypt(bytes.NewReader(read(t, filepath.Join(home, path))), identityIn(t, filepath.Join(home, "parties", party)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// halfDeposited is a home with a deposit that was killed after its third object.
func halfDeposited(t testing.TB) (home, delivery, id string) {
	t.Helper()
	home, delivery = homeAt(t, peopled), deliveryWithFaults(t)
	if !interrupt(t, "after:4", 0, home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", delivery) {
		t.Fatal("the fault did not come")
	}
	if id = unfinishedOf(t, home); len(sealedOf(t, home)) != 3 {
		t.Fatalf("deposit %s has %d objects", id, len(sealedOf(t, home)))
	}
	return home, delivery, id
}

func TestAnUnfinishedDepositIsListedAndDiscarded(t *testing.T) {
	t.Parallel()
	home, _, id := halfDeposited(t)
	if list := must(t, home, "deposit", "list"); !strings.Contains(list, id) || !strings.Contains(list, "unfinished, 3 of 6 files") {
		t.Errorf("the list: %s", list)
	}
	if list := must(t, home, "deposit", "list", "--json"); !strings.Contains(list, `"unfinished": true`) {
		t.Errorf("the list: %s", list)
	}
	if o := command(t, home, "audit", "verify"); !strings.Contains(o.stdout, "rempart deposit resume "+id) {
		t.Errorf("the audit: %s", o)
	}
	must(t, home, "deposit", "discard", id)
	if list := must(t, home, "deposit", "list"); strings.Contains(list, id) {
		t.Errorf("the list: %s", list)
	}
	refused(t, exitRefused, "there is no unfinished deposit", home, "deposit", "resume", id)
	refused(t, exitRefused, "there is no unfinished deposit", home, "deposit", "discard", id)
	if _, err := os.Stat(journalOf(home, id)); err == nil {
		t.Error("the journal is still there")
	}
	must(t, home, "lake", "repair") // the object that the kill left unnamed
	sound(t, home)
}

// What was sealed stays only as long as its file is the same.
func TestAFileThatChangedIsNotResumed(t *testing.T) {
	t.Parallel()
	home, delivery, id := halfDeposited(t)
	for _, name := range []string{"patients.csv", "observations.csv"} { // sealed, and not
		path := filepath.Join(delivery, name)
		before := read(t, path)
		changed := bytes.Replace(before, []byte("2"), []byte("3"), 1)
		if name == "observations.csv" {
			changed = append(bytes.Clone(before), "\n"...)
		}
		for _, text := range [][]byte{changed, nil} {
			if text == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			o := command(t, home, "deposit", "resume", id)
			if o.code == exitOK || !strings.Contains(o.stderr, name) || unfinishedOf(t, home) != id {
				t.Errorf("%s changed: %s", name, o)
			}
			if text != nil && !strings.Contains(o.stderr, "rempart deposit discard "+id) {
				t.Errorf("%s changed, no remedy: %s", name, o)
			}
		}
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(delivery, moved); err != nil {
		t.Fatal(err)
	}
	must(t, home, "deposit", "resume", id, moved)
	must(t, home, "lake", "repair")
	sound(t, home)
}

// A journal that comes back, or that says what is not so, does no harm.
func TestAJournalCannotHarmADeposit(t *testing.T) {
	t.Parallel()
	home, _, id := halfDeposited(t)
	kept := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(kept, os.DirFS(journalOf(home, id))); err != nil {
		t.Fatal(err)
	}
	must(t, home, "deposit", "resume", id)
	want := depositOf(t, home)
	for _, verb := range []string{"discard", "resume"} {
		if err := os.CopyFS(journalOf(home, id), os.DirFS(kept)); err != nil {
			t.Fatal(err)
		}
		must(t, home, "deposit", verb, id)
		if diff := cmp.Diff(want, depositOf(t, home)); diff != "" {
			t.Errorf("after %s of a recorded deposit: want -, got +:\n%s", verb, diff)
		}
	}
	other := "d-00000000" // whose journal is that of the recorded one
	if err := os.CopyFS(journalOf(home, other), os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"discard", "resume"} {
		if o := command(t, home, "deposit", verb, other); o.code == exitOK {
			t.Errorf("%s under another name: %s", verb, o)
		}
	}
	if diff := cmp.Diff(want, depositOf(t, home)); diff != "" {
		t.Errorf("under another name: want -, got +:\n%s", diff)
	}
	must(t, home, "lake", "repair")
	sound(t, home)
}

func TestTheSecretOfADepositGoesWithIt(t *testing.T) {
	t.Parallel()
	home, _, id := halfDeposited(t)
	sealed := read(t, filepath.Join(journalOf(home, id), "secret.age"))
	for _, party := range []string{"controller", "parties/linkers", "parties/cnam"} {
		if _, err := age.Decrypt(bytes.NewReader(sealed), identityIn(t, filepath.Join(home, party))); err == nil {
			t.Errorf("%s opens the secret of chu-lyon's deposit", party)
		}
	}
	for _, path := range filesOf(t, journalOf(home, id)) {
		if name := filepath.Base(path); strings.HasSuffix(name, ".age") {
			if plain := read(t, path); !bytes.HasPrefix(plain, []byte("age-encryption.org/")) {
				t.Errorf("%s is not sealed", name)
			}
		}
	}
	must(t, home, "deposit", "resume", id)
	if _, err := os.Stat(journalOf(home, id)); err == nil {
		t.Error("the secret is still there")
	}
}

func TestADepositUnderWayIsLeftAlone(t *testing.T) {
	t.Parallel()
	home, _, id := halfDeposited(t)
	release, err := filelock.Exclusive(t.Context(), filepath.Join(journalOf(home, id), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"resume", "discard"} {
		refused(t, exitRefused, "under way in another process", home, "deposit", verb, id)
	}
	if list := must(t, home, "deposit", "list"); !strings.Contains(list, "under way, 3 of 6 files") {
		t.Errorf("the list: %s", list)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	must(t, home, "deposit", "resume", id)
}
