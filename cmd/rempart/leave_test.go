package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/warehouse"
)

// TestHostLeft leaves a host with everything on it: nothing there opens any
// more, but for the escrow.
func TestHostLeft(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, released)
	must(t, home, "host", "leave", "--reason", "the contract ended")
	sound(t, home)
	objects := objectNames(t, home)
	opensForNobody(t, home, objects)
	for _, name := range objects { // a host may delete what it was left with
		if err := os.Remove(filepath.Join(home, "host", name)); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, home)
}

// TestHostLeftHalf interrupts the leaving of a host where it can be
// interrupted; a repair ends what was begun.
func TestHostLeftHalf(t *testing.T) {
	t.Parallel()
	studies(t)
	for name, interrupt := range map[string]func(t *testing.T, home string){
		"before the statement": func(t *testing.T, home string) {
			next, err := age.GenerateHybridIdentity()
			if err != nil {
				t.Fatal(err)
			}
			writeNext(t, home, next.String()+"\n")
		},
		"before a key is destroyed": func(t *testing.T, home string) {
			leaveAndRestore(t, home, func(old string) { replace(t, old, filepath.Join(home, "controller")) })
		},
		"before the new identity is in its place": func(t *testing.T, home string) {
			leaveAndRestore(t, home, func(old string) {
				replace(t, filepath.Join(old, "identity.agekey"), filepath.Join(home, "controller", "identity.agekey"))
			})
		},
		"while the old identity is overwritten": func(t *testing.T, home string) {
			leaveAndRestore(t, home, func(string) {
				path := filepath.Join(home, "controller", "identity.agekey")
				if err := os.WriteFile(path, make([]byte, len(read(t, path))), 0o600); err != nil {
					t.Fatal(err)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := homeAt(t, extracted)
			interrupt(t, home)
			if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout, "lake repair") {
				t.Errorf("before the repair: %s", o)
			}
			must(t, home, "lake", "repair")
			sound(t, home)
			if ledgerOf(t, home).Left == nil {
				must(t, home, "release", "show")
				must(t, home, "release", "publish")
				return
			}
			opensForNobody(t, home, objectNames(t, home))
			refused(t, exitRefused, "was erased when the host was left", home, "release", "publish")
		})
	}
}

// leaveAndRestore leaves the host and puts the home back to an earlier state: the
// new identity waits beside the old one. restore is given the controller's folder
// as it was.
func leaveAndRestore(t *testing.T, home string, restore func(old string)) {
	t.Helper()
	controller := filepath.Join(home, "controller")
	old := filepath.Join(t.TempDir(), "controller")
	if err := os.CopyFS(old, os.DirFS(controller)); err != nil {
		t.Fatal(err)
	}
	must(t, home, "host", "leave", "--reason", "the contract ended")
	next := string(read(t, filepath.Join(controller, "identity.agekey")))
	restore(old)
	writeNext(t, home, next)
}

func writeNext(t *testing.T, home, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(home, "controller", "identity.agekey.next"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace puts one file or folder in the place of another.
func replace(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func objectNames(t *testing.T, home string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(home, "host"))
	if err != nil || len(files) == 0 {
		t.Fatal("no objects", err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// opensForNobody tries every key that is in a home on objects: only the escrow's
// may open them.
func opensForNobody(t *testing.T, home string, objects []string) {
	t.Helper()
	for name, key := range everyKey(t, home) {
		for _, object := range objects {
			if _, err := age.Decrypt(bytes.NewReader(read(t, filepath.Join(home, "host", object))), key); err == nil {
				t.Errorf("object %s opens with %s", object, name)
			}
		}
	}
	for _, object := range objects {
		open(t, home, object, escrowOf(t, home))
	}
}

// everyKey is what a home has that opens age files, but for the escrow's.
func everyKey(t *testing.T, home string) map[string]age.Identity {
	t.Helper()
	keys := map[string]age.Identity{}
	files, err := filepath.Glob(filepath.Join(home, "parties", "*", "identity.agekey"))
	if err != nil || len(files) == 0 {
		t.Fatal("no parties", err)
	}
	for _, file := range append(files, filepath.Join(home, "controller", "identity.agekey")) {
		identities, err := age.ParseIdentities(bytes.NewReader(read(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		keys[file] = identities[0]
	}
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := w.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	})
	ids, err := ring.IDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		key, err := ring.Key(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(key.Wipe)
		keys[id] = key
	}
	return keys
}
