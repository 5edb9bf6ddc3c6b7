package warehouse

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/ledger"
)

// HostView is all that a host can know of an object.
type HostView struct {
	Object string   `json:"object"` // its name
	Size   int64    `json:"size"`   // bytes
	Header []string `json:"header"` // age's, line by line
	Sealed string   `json:"sealed"` // the first bytes after it, in hexadecimal
}

// OwnView is what the controller knows of the same object.
type OwnView struct {
	Of      string   `json:"of"`                // of which deposit, linkage, release, project or run
	Table   string   `json:"table,omitempty"`   // the table, or the resource of the feed
	Key     string   `json:"key"`               // what opens it
	Rows    int64    `json:"rows,omitempty"`    // of a table
	Columns []string `json:"columns,omitempty"` // of a table: name and type
	Erased  bool     `json:"erased"`            // nobody but the escrow opens it
}

// headerLimit is more than any age header of ours: two stanzas, the larger of
// them post-quantum with some 1.6 kB of text.
const headerLimit = 8 << 10

// HostView looks at an object with the host's eyes. No key is used.
func (w *Warehouse) HostView(ctx context.Context, name string) (v HostView, err error) {
	object, err := w.Host.Open(ctx, name)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	v.Object, v.Size = name, object.Size()
	start, err := head(object)
	if err != nil {
		return v, err
	}
	end := bytes.Index(start, []byte("\n--- ")) // the line with the header's MAC
	if end < 0 {
		v.Sealed = hex.EncodeToString(start[:min(len(start), 64)])
		return v, nil
	}
	end += 1 + bytes.IndexByte(start[end+1:], '\n')
	v.Header = strings.Split(string(start[:end]), "\n")
	body := start[end+1:]
	v.Sealed = hex.EncodeToString(body[:min(len(body), 64)])
	return v, nil
}

// head reads the first bytes of an object.
func head(object host.Object) ([]byte, error) {
	start := make([]byte, min(object.Size(), headerLimit))
	_, err := io.ReadFull(io.NewSectionReader(object, 0, object.Size()), start)
	return start, err
}

// Placed is an object that a statement put on a host, and what it is.
type Placed struct {
	ledger.Object
	Own OwnView
	at  uint64 // the statement
}

// Placed lists every object that statements name, those of one kind of statement
// together. No key is used.
func (w *Warehouse) Placed(state *governance.State) (all []Placed, err error) {
	add := func(at uint64, o ledger.Object, of, table string, erased *governance.Made) {
		_, gone := state.Destroyed[o.Key]
		all = append(all, Placed{o, OwnView{Of: of, Table: table, Key: o.Key, Erased: gone || erased != nil}, at})
	}
	for id, d := range state.Deposits.All() {
		for i, o := range d.Objects {
			add(d.Index, o, "deposit "+id+" of "+d.Actor, d.Resources[i], d.Erased)
		}
	}
	for id, l := range state.Linkages.All() {
		add(l.Index, l.Object, "linkage "+id, "matching number to person", l.Erased)
	}
	for id, v := range state.Vocabularies.All() {
		for i, o := range v.Objects {
			add(v.Index, o, "vocabulary "+id, v.Files[i].Resource, v.Erased)
		}
		add(v.Index, v.Manifest, "vocabulary "+id, manifest, v.Erased)
	}
	for id, release := range state.Releases.All() {
		var objects []ledger.Object
		if err := w.Log.Attached(release.Objects, &objects); err != nil {
			return nil, fmt.Errorf("release %s: %w", id, err)
		}
		for i, o := range objects { // the tables in the order of the statement, then the manifest
			table := manifest
			if i < len(release.Tables) {
				table = release.Tables[i].Table
			}
			add(release.Index, o, "release "+id, table, release.Erased)
		}
	}
	for name, p := range state.Projects.All() {
		if p.Extraction != nil {
			for i, o := range p.Extraction.Objects {
				add(p.Extracted.Index, o, "project "+name, p.Extraction.Tables[i].Table, nil)
			}
		}
		for _, x := range p.Wheels {
			add(p.Index, x.Object, "project "+name, wheel, nil)
		}
		for _, b := range p.Brings {
			if b.Waits() || b.Withdrawn != nil {
				add(b.Index, b.Object, "project "+name, wheel, nil)
			}
		}
		for _, g := range p.Given {
			if g.Members.Name != "" {
				add(g.Index, g.Members, "project "+name, "who is in it", leftSince(state, g.Index))
			}
			if g.Catalogue.Name != "" {
				add(g.Index, g.Catalogue, "project "+name, catalogued, nil)
			}
		}
	}
	if x := state.Excluded; x != nil {
		add(x.Index, x.Object, "linkage "+x.Linkage, "who has opted out", nil)
	}
	for id, r := range state.Runs.All() {
		if r.Study != nil {
			add(r.Index, *r.Study, "run "+id, studied, nil)
		}
		if r.Finished != nil && r.Finished.Bundle != nil && r.Finished.Same == "" {
			add(r.End.Index, *r.Finished.Bundle, "run "+id, outputs, nil)
		}
	}
	return all, nil
}

// leftSince says that the host was left after a statement: what it sealed to the
// controller opens no more.
func leftSince(state *governance.State, at uint64) *governance.Made {
	if state.Left != nil && at < state.Left.Index {
		return state.Left
	}
	return nil
}

// What objects hold that are no tables.
const (
	manifest   = "manifest"
	outputs    = "outputs"
	catalogued = "catalogue"
	studied    = "study"
	wheel      = "Python package"
)

// Describe opens an object that is a table and says how many rows and which
// columns it has, but no value of it.
func (w *Warehouse) Describe(ctx context.Context, state *governance.State, p Placed) (v OwnView, err error) {
	v = p.Own
	if v.Erased || slices.Contains([]string{manifest, outputs, catalogued, studied, wheel}, v.Table) {
		return v, nil
	}
	key, forget, err := w.opener(ctx, state, v.Key)
	if err != nil {
		return v, err
	}
	defer forget()
	vault, err := w.Vault(state)
	if err != nil {
		return v, err
	}
	file, err := vault.Load(ctx, p.Object, key)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = v.describe(ctx, file)
	return v, err
}

// opener is what opens the objects under a key, to be forgotten afterwards.
func (w *Warehouse) opener(ctx context.Context, state *governance.State, name string) (identity age.Identity, forget func(), err error) {
	if !isKeyringKey(name) {
		identity, err := w.reader(state)
		return identity, func() {}, err
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, nil, err
	}
	key, err := ring.Key(ctx, name)
	if err := errors.Join(err, ring.Close()); err != nil {
		return nil, nil, err
	}
	return key, key.Wipe, nil
}

// describe reads the rows and columns of a table.
func (v *OwnView) describe(ctx context.Context, file *engine.File) (err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	table := engine.ReadParquet(file.Path())
	if err := db.Value(ctx, &v.Rows, "SELECT count(*) FROM "+table); err != nil {
		return err
	}
	rows, err := db.Query(ctx, "SELECT column_name, column_type FROM (DESCRIBE FROM "+table+")")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return err
		}
		v.Columns = append(v.Columns, name+" "+kind)
	}
	return rows.Err()
}

// Find finds an object by the beginning of its name.
func Find(all []Placed, start string) (Placed, error) {
	match := slices.DeleteFunc(slices.Clone(all), func(p Placed) bool { return !strings.HasPrefix(p.Name, start) })
	switch {
	case len(match) == 1:
		return match[0], nil
	case len(match) > 1:
		return Placed{}, &governance.Refusal{Reason: fmt.Sprintf("%d objects begin with %s", len(match), start), Remedy: "Give more of the name"}
	}
	return Placed{}, &governance.Refusal{Reason: "no statement names an object " + start, Remedy: "See which there are: rempart host view"}
}
