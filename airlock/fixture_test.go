package airlock_test

import (
	"archive/tar"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// file is one that a run wrote.
type file struct{ name, text string }

// home is a warehouse whose project flu has runs by hand: nothing is executed.
type home struct {
	*warehouse.Warehouse
	t   *testing.T
	dir string
	now *atomic.Int64
}

const text = `project: %s
title: Influenza
purpose: To know
legal_basis: {text: Research, reference: "MR-004, 2026-1"}
persons: SELECT person_id FROM person
tables: {person: all}
period: {from: 2020-01-01, to: 2026-01-01}
researchers: [alice]
ends: 2027-12-31
minimum_cell_count: 11
`

// newHome has the projects of the given names, of alice.
func newHome(t *testing.T, projects ...string) *home {
	t.Helper()
	h := &home{t: t, dir: filepath.Join(t.TempDir(), "home"), now: &atomic.Int64{}}
	if _, err := warehouse.Init(t.Context(), h.dir, warehouse.InitOptions{Name: "test", Controller: "chu", Now: h.clock}); err != nil {
		t.Fatal(err)
	}
	h.Warehouse = h.again()
	for _, p := range []struct {
		name string
		role governance.Role
	}{
		{"lyon", governance.Provider}, {"tiers", governance.LinkageAuthority}, {"alice", governance.Researcher}, {"carol", governance.Researcher},
		{"bob", governance.OutputChecker}, {"brigitte", governance.OutputChecker}, {"diane", governance.Officer},
	} {
		if _, err := h.AddParty(t.Context(), p.name, p.role); err != nil {
			t.Fatal(err)
		}
	}
	object := func(name string) ledger.Object {
		return ledger.Object{Name: name, Size: 1, SHA256: ledger.Sum([]byte(name)), Key: name}
	}
	h.say("lyon", ledger.DepositMade{Deposit: "d-1", Feed: "hospital", Objects: []ledger.Object{object("d")}, Resources: []string{"stays"}, Authority: "tiers", Pseudonyms: "keyed"})
	h.say("tiers", ledger.PersonsLinked{Linkage: "l-1", Pseudonyms: "keyed", Deposits: []string{"d-1"}, Object: object("l")})
	h.say("chu", ledger.ReleasePublished{Release: "r-1", Linkage: "l-1", Deposits: []string{"d-1"}, Persons: 1000, Manifest: object("m"), RetainUntil: h.Now().AddDate(20, 0, 0)})
	for _, name := range projects {
		h.project(name)
	}
	return h
}

// project gives alice a project, with more lines in its authorisation.
func (h *home) project(name string, more ...string) {
	h.t.Helper()
	ring, err := h.Keyring(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	defer ring.Close()
	asked := fmt.Sprintf(text, name) + strings.Join(more, "\n")
	h.say("alice", ledger.ProjectRequested{Project: name, Spec: asked})
	h.say("diane", ledger.ProjectApproved{Project: name, Spec: ledger.Sum([]byte(asked)), Reason: "lawful"})
	key, err := ring.New(h.t.Context(), "project-"+name)
	if err != nil {
		h.t.Fatal(err)
	}
	key.Wipe()
	h.say("chu", ledger.ProjectExtracted{Project: name, Release: "r-1", Persons: 900, Tables: []ledger.TableCount{{Table: "person", Rows: 900}}, Objects: []ledger.Object{{Name: name, Size: 1, SHA256: ledger.Sum([]byte(name)), Key: "project-" + name}}})
}

// clock goes on by a second each time.
func (h *home) clock() time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(h.now.Add(1)) * time.Second)
}

// again opens the home once more, as another process does.
func (h *home) again() *warehouse.Warehouse {
	h.t.Helper()
	w, err := warehouse.Open(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	w.Now = h.clock
	return w
}

func (h *home) say(actor string, body ledger.Body) ledger.Entry {
	h.t.Helper()
	e, err := h.Commit(h.t.Context(), actor, body)
	if err != nil {
		h.t.Fatalf("%s by %s: %v", body.Kind(), actor, err)
	}
	return e
}

// ran has a run of alice's write files, and returns its outputs' ids. What is beside an
// output asks for nothing.
func (h *home) ran(project, run string, code string, files ...file) (ids []string) {
	h.t.Helper()
	ctx := h.t.Context()
	state, err := h.State(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	ring, err := h.Keyring(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	defer ring.Close()
	key, err := ring.Key(ctx, "project-"+project)
	if err != nil {
		h.t.Fatal(err)
	}
	defer key.Wipe()
	vault, err := h.Vault(state)
	if err != nil {
		h.t.Fatal(err)
	}
	var outputs []ledger.Output
	bundle, err := vault.Put(ctx, lake.Tar, key, func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for i, f := range append([]file{{"code/study.sql", code}}, files...) {
			name := f.name
			if i > 0 {
				name = "outputs/" + name
			}
			if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(f.text))}); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, f.text); err != nil {
				return err
			}
			if i > 0 && !strings.Contains(name, ".disclosure.") {
				outputs = append(outputs, ledger.Output{Output: fmt.Sprintf("%s-%d", run, i), Name: f.name, Size: int64(len(f.text)), SHA256: ledger.Sum([]byte(f.text))})
				ids = append(ids, outputs[len(outputs)-1].Output)
			}
		}
		return archive.Close()
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.say("alice", ledger.RunRequested{Run: run, Project: project, Language: "sql", Name: "study.sql", Code: ledger.Sum([]byte(code))})
	h.say("chu", ledger.RunFinished{Run: run, Outcome: "done", Seconds: 1, Bundle: &bundle, Outputs: outputs})
	return ids
}

// signed is a statement as its actor signs it elsewhere, with the key file.
func (h *home) signed(actor string, body ledger.Body) []byte {
	h.t.Helper()
	key, err := warehouse.ReadSigningKey(h.SigningKeyPath(actor))
	if err != nil {
		h.t.Fatal(err)
	}
	statement, err := ledger.New(actor, h.Now(), body)
	if err != nil {
		h.t.Fatal(err)
	}
	envelope, err := ledger.Seal(h.t.Context(), statement, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return envelope
}

// output is an output by its id, as the ledger tells it now.
func (h *home) output(id string) *governance.Output {
	h.t.Helper()
	state, err := h.State(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	o, err := state.Output(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}
