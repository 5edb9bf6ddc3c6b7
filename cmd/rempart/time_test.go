package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/warehouse"
)

// TestClockSetBack lets the clock stand before the last statement: nothing is
// recorded, and the message says why.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	for _, args := range [][]string{
		{"party", "add", "eve", "--role", "researcher"},
		{"deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(population(t), "hospital-1")},
		{"linkage", "run"},
		{"release", "publish"},
		{"release", "erase", releasesOf(t, home)[0], "--reason", "by mistake"},
	} {
		refusedAt(t, "2026-05-31T12:00:00Z", exitRefused, "the clock says 2026-05-31T12:00:00Z, but the last statement is of 2026-06-01T12:00:00Z", home, args...)
		sound(t, home)
	}
	must(t, home, "release", "show")
}

// TestRetention lets the day pass until which a release was to be kept: it is
// refused from that minute on. Erased before, only the escrow opens it; once the
// retention is applied, its objects are gone for the escrow, too.
func TestRetention(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, approved)
	release := releasesOf(t, home)[0]
	objects := objectsOf(t, home, func(key string) bool { return key == "release-"+release })
	if o := commandAt(t, "2046-06-01T11:59:59Z", home, "release", "show", release); o.code != exitOK {
		t.Errorf("a second before the end: %s", o)
	}
	const end = "2046-06-01T12:00:00Z"
	for _, args := range [][]string{{"release", "show", release}, {"release", "verify", release}} {
		refusedAt(t, end, exitRefused, "was to be kept until 2046-06-01", home, args...)
	}
	kept := homeAt(t, approved)
	if o := commandAt(t, end, kept, "retention", "apply"); o.code != exitOK || !strings.Contains(o.stdout, releasesOf(t, kept)[0]) {
		t.Fatalf("rempart retention apply: %s", o)
	}

	must(t, home, "release", "erase", release, "--reason", "a test")
	refused(t, exitRefused, "was erased on 2026-06-01", home, "release", "show", release)
	refused(t, exitRefused, "was erased", home, "release", "verify", release)
	sound(t, home)
	escrow := escrowOf(t, home)
	for _, name := range objects {
		open(t, home, name, escrow)
	}
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := w.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := ring.IDs()
	if err != nil || strings.Contains(strings.Join(ids, " "), "release-") {
		t.Errorf("keys that are left: %v, %v", ids, err)
	}
	for _, id := range ids {
		key, err := ring.Key(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range objects {
			if _, err := age.Decrypt(strings.NewReader(string(read(t, filepath.Join(home, "host", name)))), key); err == nil {
				t.Errorf("object %s of an erased release opens with %s", name, id)
			}
		}
		key.Wipe()
	}
	if err := ring.Close(); err != nil {
		t.Error(err)
	}

	for _, home := range []string{home, kept} {
		if o := commandAt(t, end, home, "retention", "apply"); o.code != exitOK {
			t.Fatalf("rempart retention apply: %s", o)
		}
		for _, name := range objects {
			if _, err := os.Stat(filepath.Join(home, "host", name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("object %s is still there after its retention: %v", name, err)
			}
		}
		if o := commandAt(t, end, home, "audit", "verify"); o.code != exitOK {
			t.Errorf("after the retention: %s", o)
		}
	}
}

// TestClosedProject ends a project: its space is gone for everybody but the escrow.
func TestClosedProject(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, ran)
	output := outputOf(t, home)
	objects := objectsOf(t, home, func(key string) bool { return strings.HasPrefix(key, "project-") })
	must(t, home, "project", "close", "flu", "--reason", "the study is over")
	refused(t, exitRefused, "project flu is not approved: it is closed", home, "run", "--project", "flu", write(t, "sexes.sql", study))
	if o := command(t, home, "airlock", "release", output, "--reason", "after all"); o.code == exitOK {
		t.Errorf("an output of a closed project: %s", o)
	}
	for _, name := range objects {
		open(t, home, name, escrowOf(t, home))
	}
	sound(t, home)
}
