package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/synth"
)

// TestADepositOfManyFiles hands in more files than a statement of the ledger can name. Every step that
// reads the ledger knows them all, and one whose list was lost or changed is not relied upon.
func TestADepositOfManyFiles(t *testing.T) {
	t.Parallel()
	const parts = 1050
	data, delivery := t.TempDir(), t.TempDir()
	if _, err := synth.Generate(t.Context(), data, synth.Options{Persons: 400, Seed: 7, Layout: synth.National}); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(delivery, os.DirFS(filepath.Join(data, "hospital-1"))); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(delivery, "Observation.ndjson")
	var lines [][]byte
	for line := range bytes.Lines(read(t, whole)) {
		if !bytes.Contains(line, []byte("hémolysé")) { // the only row of a file may not be refused
			lines = append(lines, line)
		}
	}
	if err := os.Remove(whole); err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		part := bytes.Join(lines[i*len(lines)/parts:(i+1)*len(lines)/parts], nil)
		if err := os.WriteFile(filepath.Join(delivery, fmt.Sprintf("Observation-%04d.ndjson", i)), part, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	home := inMemory(t, homeAt(t, peopled))
	must(t, home, "deposit", "create", "--as", "chu-lyon", "--feed", "fhir", delivery)
	l := ledgerOf(t, home)
	var list string
	for _, d := range l.Deposits.All() {
		if list = string(d.List); len(d.Objects) < parts || list == "" {
			t.Fatalf("%d objects, list %q", len(d.Objects), list)
		}
	}
	for _, args := range [][]string{
		{"audit", "verify"}, {"state", "rebuild"}, {"lake", "repair"}, {"audit", "verify"},
		{"linkage", "run"}, {"release", "publish", "--vocabulary", filepath.Join("..", "..", "feeds", "hospital", "vocabulary")}, {"audit", "show", "9"},
	} {
		must(t, home, args...)
	}
	dir := inMemory(t, t.TempDir())
	must(t, home, "host", "add", "regional", "--kind", "directory", "--path", dir, "--jurisdiction", "FR", "--laws", "EU: GDPR")
	must(t, home, "host", "migrate", "--to", "regional")
	must(t, home, "host", "erase", "local", "--reason", "moved")
	if n := len(filesOf(t, dir)); n < parts {
		t.Errorf("%d objects were moved", n)
	}
	must(t, home, "audit", "verify")

	path := filepath.Join(home, "ledger", "attachments", list+".json")
	text := read(t, path)
	for what, change := range map[string]func() error{
		"lost": func() error { return os.Remove(path) },
		"forged": func() error {
			return os.WriteFile(path, bytes.Replace(text, []byte(`"accepted":`), []byte(`"accepted":1`), 1), 0o600)
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout+o.stderr, list) {
			t.Errorf("the list is %s: %s", what, o)
		}
		if o := command(t, home, "state", "rebuild"); o.code == exitOK || !strings.Contains(o.stderr, "without which the ledger cannot be followed") {
			t.Errorf("the list is %s: %s", what, o)
		}
		if o := command(t, home, "lake", "repair"); len(filesOf(t, dir)) < parts {
			t.Fatalf("a repair removed what a %s list named: %s", what, o)
		}
		overwrite(t, path, text)
	}
	must(t, home, "audit", "verify")
}

// inMemory moves a folder where writing a thousand files to the disk takes no time, if there is such a place.
func inMemory(t testing.TB, dir string) string {
	t.Helper()
	to, err := os.MkdirTemp("/dev/shm", "rempart-test-")
	if err != nil {
		return dir
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(to); err != nil {
			t.Error(err)
		}
	})
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
