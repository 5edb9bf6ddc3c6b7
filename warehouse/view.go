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
	"rempart.eu/rempart/keyring"
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

// OwnViews says of every object that statements name what it is, by its name,
// and lists the objects in the order of the statements. No key is used.
func (w *Warehouse) OwnViews(state *governance.State) (views map[string]*OwnView, objects []ledger.Object, err error) {
	views = map[string]*OwnView{}
	add := func(o ledger.Object, of, table string, erased bool) {
		if _, gone := state.Destroyed[o.Key]; gone {
			erased = true
		}
		views[o.Name] = &OwnView{Of: of, Table: table, Key: o.Key, Erased: erased}
		objects = append(objects, o)
	}
	for id, d := range state.Deposits.All() {
		for i, o := range d.Objects {
			add(o, "deposit "+id+" of "+d.Actor, d.Resources[i], d.Erased != nil)
		}
	}
	for id, l := range state.Linkages.All() {
		add(l.Object, "linkage "+id, "matching number to person", l.Erased != nil)
	}
	for id, release := range state.Releases.All() {
		var all []ledger.Object
		if err := w.Log.Attached(release.Objects, &all); err != nil {
			return nil, nil, fmt.Errorf("release %s: %w", id, err)
		}
		for i, o := range all { // the tables in the order of the statement, then the manifest
			table := "manifest"
			if i < len(release.Tables) {
				table = release.Tables[i].Table
			}
			add(o, "release "+id, table, release.Erased != nil)
		}
	}
	for name, p := range state.Projects.All() {
		if p.Extraction != nil {
			for i, o := range p.Extraction.Objects {
				add(o, "project "+name, p.Extraction.Tables[i].Table, false)
			}
		}
	}
	for id, r := range state.Runs.All() {
		if r.Finished != nil && r.Finished.Bundle != nil {
			add(*r.Finished.Bundle, "run "+id, "outputs", false)
		}
	}
	return views, objects, nil
}

// Describe opens an object that is a table and adds its rows and columns to a
// view, but no value of it.
func (w *Warehouse) Describe(ctx context.Context, state *governance.State, object ledger.Object, v *OwnView) (err error) {
	if v.Erased || v.Table == "manifest" || v.Table == "outputs" {
		return nil
	}
	var key age.Identity
	if isKeyringKey(object.Key) {
		ring, err := w.Keyring(ctx)
		if err != nil {
			return err
		}
		k, err := ring.Key(ctx, object.Key)
		if err := errors.Join(err, ring.Close()); err != nil {
			return err
		}
		defer func(k *keyring.Key) { k.Wipe() }(k)
		key = k
	} else if key, err = w.reader(state); err != nil {
		return err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return err
	}
	file, err := vault.Load(ctx, object, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return describe(ctx, file, v)
}

func describe(ctx context.Context, file *engine.File, v *OwnView) (err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	table := "read_parquet(" + engine.Literal(file.Path()) + ")"
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

// FindObject finds an object by the beginning of its name.
func FindObject(objects []ledger.Object, start string) (ledger.Object, error) {
	match := slices.DeleteFunc(slices.Clone(objects), func(o ledger.Object) bool { return !strings.HasPrefix(o.Name, start) })
	switch {
	case len(match) == 1:
		return match[0], nil
	case len(match) > 1:
		return ledger.Object{}, &governance.Refusal{Reason: fmt.Sprintf("%d objects begin with %s", len(match), start), Remedy: "Give more of the name"}
	}
	return ledger.Object{}, &governance.Refusal{Reason: "no statement names an object " + start, Remedy: "See which there are: rempart host view"}
}
