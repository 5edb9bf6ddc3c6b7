package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// account is what a home's ledger says of it.
type account struct {
	*governance.State
	objects []ledger.Object
}

func ledgerOf(t testing.TB, home string) account {
	t.Helper()
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	state, err := w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := state.Objects()
	for _, release := range state.Releases.All() {
		var more []ledger.Object
		if err := w.Log.Attached(release.ReleasePublished.Objects, &more); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, more...)
	}
	return account{state, objects}
}

// escrowOf is the identity that opens everything.
func escrowOf(t testing.TB, home string) age.Identity {
	t.Helper()
	identities, err := age.ParseIdentities(bytes.NewReader(read(t, filepath.Join(home, "controller", "escrow.agekey"))))
	if err != nil || len(identities) != 1 {
		t.Fatalf("the escrow's key: %v", err)
	}
	return identities[0]
}

// open decrypts an object with stock age.
func open(t testing.TB, home, name string, with age.Identity) []byte {
	t.Helper()
	plain, err := age.Decrypt(bytes.NewReader(read(t, filepath.Join(home, "host", name))), with)
	if err != nil {
		t.Fatalf("object %s: %v", name, err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		t.Fatalf("object %s: %v", name, err)
	}
	return data
}

// space opens the tables of a project as views of an engine, named project_table,
// with the escrow's key and without any of rempart's own way.
func space(t testing.TB, db *engine.DB, home, project string) {
	t.Helper()
	p, err := ledgerOf(t, home).Project(project)
	if err != nil {
		t.Fatal(err)
	}
	for i, table := range p.Extraction.Tables {
		f, err := engine.NewFile(table.Table)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		if _, err := f.Write(open(t, home, p.Extraction.Objects[i].Name, escrowOf(t, home))); err != nil {
			t.Fatal(err)
		}
		view := strings.ReplaceAll(project, "-", "_") + "_" + table.Table
		if err := db.Exec(t.Context(), "CREATE VIEW "+engine.Quote(view)+" AS FROM read_parquet("+engine.Literal(f.Path())+")"); err != nil {
			t.Fatal(err)
		}
	}
}
