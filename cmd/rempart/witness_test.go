package main

import (
	"crypto/rand"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/ledger/witness"
	"rempart.eu/rempart/warehouse"
)

// aWitness runs beside a home until it is stopped; its memory lasts.
type aWitness struct {
	dir, secret, public string
	server              *httptest.Server
	stop                func()
}

func (w *aWitness) start(t *testing.T, log string) {
	t.Helper()
	handler, release, err := witness.Open(t.Context(), w.dir, w.secret, []string{log})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(handler)
	w.stop = func() { w.server.Close(); _ = release() }
}

// An output that waits for witnesses does not leave before enough have cosigned its
// release; nor is a space read, nor a rewritten ledger vouched for.
func TestNothingLeavesWithoutItsWitnesses(t *testing.T) {
	t.Parallel()
	home := homeAt(t, ran)
	opened, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	var all []*aWitness
	var set []string
	for _, name := range []string{"w.example/one", "w.example/two", "w.example/three"} {
		secret, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		w := &aWitness{dir: t.TempDir(), secret: secret, public: public}
		w.start(t, opened.Config.LedgerKey)
		all = append(all, w)
		set = append(set, "--witness", w.server.URL+"="+public)
	}
	var output string
	for id := range ledgerOf(t, home).Outputs.All() {
		output = id
	}
	must(t, home, append([]string{"witness", "set", "--threshold", "2", "--reason", "they watch"}, set...)...)
	must(t, home, "witness", "ask")
	older := filepath.Join(t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(filepath.Join(home, "ledger"))); err != nil {
		t.Fatal(err)
	}
	all[0].stop()
	all[1].stop()
	o := command(t, home, "airlock", "release", output, "--as", "bob", "--reason", "large cells")
	if o.code == exitOK || !strings.Contains(o.stderr, "2 of 3 witnesses must have cosigned it") {
		t.Errorf("released with one witness of two: %s", o)
	}
	if _, err := os.Stat(filepath.Join(home, "result", output)); err == nil {
		t.Error("the output is out")
	}
	sound(t, home)
	if o := command(t, home, "lake", "repair"); o.code != exitOK {
		t.Errorf("a repair: %s", o)
	}
	if _, err := os.Stat(filepath.Join(home, "result", output)); err == nil {
		t.Error("a repair lets the output out")
	}
	if o := command(t, home, "witness", "set", "--threshold", "1", set[0], set[1], "--reason", "less"); !strings.Contains(o.stdout+o.stderr, "second") {
		t.Errorf("less was asked for without a second person: %s", o)
	}
	// One comes back, at another address: that alone is no loosening.
	all[1].start(t, opened.Config.LedgerKey)
	set[3] = all[1].server.URL + "=" + all[1].public
	must(t, home, append([]string{"witness", "set", "--threshold", "2", "--reason", "it moved"}, set...)...)
	must(t, home, "lake", "repair")
	paths, err := filepath.Glob(filepath.Join(home, "result", output, "*.receipt.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the output is not out: %v, %v", paths, err)
	}
	must(t, home, "audit", "verify", "--receipt", paths[0])
	sound(t, home)
	// Without the cosignatures a receipt proves nothing.
	text := read(t, paths[0])
	at := strings.Index(string(text), "— w.example/")
	end := at + strings.Index(string(text[at:]), `\n`) + 2
	overwrite(t, paths[0], append(append([]byte(nil), text[:at]...), text[end:]...))
	if o := command(t, home, "audit", "verify", "--receipt", paths[0]); o.code != exitDamaged || !strings.Contains(o.stdout, "cosigned by 1 witnesses") {
		t.Errorf("a receipt with one cosignature of two: %s", o)
	}
	overwrite(t, paths[0], text)
	// Somebody puts the ledger back to an older day, and the cosigned checkpoint stays.
	cosigned := read(t, filepath.Join(home, "ledger", "cosigned"))
	if err := os.RemoveAll(filepath.Join(home, "ledger")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(home, "ledger"), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	if o := command(t, home, "witness", "ask"); o.code != exitDamaged || !strings.Contains(o.stdout, "this ledger does not continue") {
		t.Errorf("an older ledger: %s", o)
	}
	overwrite(t, filepath.Join(home, "ledger", "cosigned"), cosigned)
	found(t, home, filepath.Join(home, "ledger"), "was put back")
	for _, w := range all[1:] {
		w.stop()
	}
}

// A pass lets a worker elsewhere read: it is not written before enough witnesses have
// cosigned that it was issued. A mount on this machine does not wait for that.
func TestAPassWaitsForWitnesses(t *testing.T) {
	t.Parallel()
	home := homeAt(t, extracted)
	opened, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	secret, public, err := note.GenerateKey(rand.Reader, "w.example/one")
	if err != nil {
		t.Fatal(err)
	}
	w := &aWitness{dir: t.TempDir(), secret: secret, public: public}
	w.start(t, opened.Config.LedgerKey)
	must(t, home, "witness", "set", "--witness", w.server.URL+"="+public, "--kinds", "space-mounted,host-migrated", "--reason", "it watches")
	recipient := strings.TrimSpace(must(t, home, "mount", "identity", filepath.Join(t.TempDir(), "key")))
	pass := filepath.Join(t.TempDir(), "pass")
	ask := []string{"mount", "pass", "--project", "flu", "--worker", recipient, "--out", pass}
	w.stop()
	refused(t, exitRefused, "space-mounted) has no effect yet", home, ask...)
	if _, err := os.Stat(pass); err == nil {
		t.Error("the pass was written all the same")
	}
	for id, m := range ledgerOf(t, home).Mounts.All() {
		if m.End == nil {
			t.Errorf("mount %s is open, of which nobody has the pass", id)
		}
	}
	w.start(t, opened.Config.LedgerKey) // at another address
	must(t, home, "witness", "set", "--witness", w.server.URL+"="+public, "--kinds", "space-mounted,host-migrated", "--reason", "it moved")
	must(t, home, ask...)

	// The old host is erased once the move is cosigned, and not before.
	w.stop()
	must(t, home, "host", "add", "second", "--kind", "directory", "--path", t.TempDir(), "--jurisdiction", "FR")
	must(t, home, "host", "migrate", "--to", "second")
	refused(t, exitRefused, "host-migrated) has no effect yet", home, "host", "erase", "local", "--reason", "the disk is sold")
	w.start(t, opened.Config.LedgerKey)
	must(t, home, "witness", "set", "--witness", w.server.URL+"="+public, "--kinds", "space-mounted,host-migrated", "--reason", "it moved")
	must(t, home, "host", "erase", "local", "--reason", "the disk is sold")
	w.stop()
	sound(t, home)
}
