package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/omop/profile"
)

// profile counts what is in the release's tables while they are in memory, and seals it.
func (p *publication) profile(ctx context.Context, key *keyring.Key) (tables []lake.Table, err error) {
	p.options.Progress.Report("profile", 0, 0)
	err = profile.Make(ctx, p.db, profile.Source{Name: p.w.Config.Name, Version: profile.AchillesVersion, Now: p.w.Now().UTC()})
	if err != nil {
		return nil, err
	}
	for _, name := range profile.Tables() {
		t := lake.Table{Name: name}
		if err := p.db.Value(ctx, &t.Rows, "SELECT count(*) FROM ("+profile.Select(name)+")"); err != nil {
			return nil, err
		}
		if t.Object, err = p.putRows(ctx, key, profile.Select(name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// Profile opens what is in a release, held against another release: against, or the one
// published before it that can be read and has a profile, if there is any. use reads it; it
// is gone afterwards. Only the controller can.
func (w *Warehouse) Profile(ctx context.Context, state *governance.State, release, against *governance.Release, use func(*profile.Profile) error) (err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	o := &profiles{w: w, state: state, ring: ring, db: db}
	now, err := o.open(ctx, release, true)
	if err != nil {
		return err
	}
	name, before, err := o.before(ctx, release, against)
	if err != nil {
		return err
	}
	p, err := profile.Open(ctx, db, release.Release, now, name, before)
	if err != nil {
		return err
	}
	return use(p)
}

// profiles opens the profiles of releases.
type profiles struct {
	w     *Warehouse
	state *governance.State
	ring  *keyring.Keyring
	db    *engine.DB // which owns what is opened
}

// open decrypts a release's profile into memory, its concepts too where they are asked
// for.
func (o *profiles) open(ctx context.Context, release *governance.Release, concepts bool) (profile.Files, error) {
	manifest, key, err := o.w.Manifest(ctx, o.state, release, o.ring)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	if len(manifest.Profile) == 0 {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("release %s was published before releases had a profile", release.Release), Remedy: "Publish again: rempart release publish"}
	}
	vault, err := o.w.Vault(o.state)
	if err != nil {
		return nil, err
	}
	files := profile.Files{}
	wanted := slices.Clone(manifest.Profile)
	for _, t := range manifest.Tables {
		if concepts && t.Name == "concept" {
			wanted = append(wanted, t)
		}
	}
	for _, t := range wanted {
		f, err := vault.Load(ctx, t.Object, key)
		if err != nil {
			return nil, fmt.Errorf("release %s: %s: %w", release.Release, t.Name, err)
		}
		o.db.Own(f)
		files[t.Name] = engine.ReadParquet(f.Path())
	}
	return files, nil
}

// before opens the release that another is held against.
func (o *profiles) before(ctx context.Context, release, against *governance.Release) (string, profile.Files, error) {
	if against != nil {
		files, err := o.open(ctx, against, false)
		return against.Release, files, err
	}
	var last *governance.Release
	for _, r := range o.state.Releases.All() {
		if r.Index < release.Index && readable(r, o.w.Now()) == nil && (last == nil || r.Index > last.Index) {
			last = r
		}
	}
	if last == nil {
		return "", nil, nil
	}
	files, err := o.open(ctx, last, false)
	if refused := (*governance.Refusal)(nil); errors.As(err, &refused) { // it has none
		return "", nil, nil
	}
	return last.Release, files, err
}
