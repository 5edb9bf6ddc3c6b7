package warehouse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
)

// base finds the release that this one goes on from: the latest that can be read, if it
// was mapped by the same words. What of it is used is opened, and held against the ledger,
// when it is.
func (p *publication) base(ctx context.Context, input *omop.Input) (err error) {
	latest := p.latestReadable()
	if p.options.Scratch || latest == nil {
		return nil
	}
	if latest.ReleasePublished.Vocabulary != p.made.ReleasePublished.Vocabulary || !slices.Equal(latest.Maps, p.made.Maps) {
		p.made.Continued.Why = fmt.Sprintf("release %s is not gone on from: it was mapped by another vocabulary, or other local maps", latest.Release)
		return nil
	}
	ring, err := p.w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	manifest, key, err := p.w.Manifest(ctx, p.state, latest, ring)
	if err != nil {
		return p.unusable(latest, err)
	}
	if manifest.Basis == nil || manifest.Lineage == nil {
		key.Wipe()
		p.made.Continued.Why = fmt.Sprintf("release %s is not gone on from: it was published before releases could be", latest.Release)
		return nil
	}
	p.baseKey = key
	input.Base, err = p.baseOf(latest, manifest)
	return err
}

// latestReadable is the release that was published last, of those that can be read.
func (p *publication) latestReadable() (latest *governance.Release) {
	for _, r := range p.state.Releases.All() {
		if readable(r, p.w.Now()) == nil {
			latest = r
		}
	}
	return latest
}

// baseOf hands a release to the build.
func (p *publication) baseOf(release *governance.Release, manifest *lake.Manifest) (*omop.Base, error) {
	base := &omop.Base{Release: release.Release, Report: &omop.Report{}, Deposits: manifest.Lineage.Deposits}
	if err := errors.Join(json.Unmarshal(manifest.Report, base.Report), json.Unmarshal(manifest.Basis.By, &base.Basis)); err != nil {
		return nil, p.unusable(release, err)
	}
	for _, m := range manifest.Lineage.Mappings {
		base.Mappings = append(base.Mappings, omop.MappingFile(m))
	}
	objects := map[string]ledger.Object{"lineage": manifest.Lineage.Object}
	for _, t := range slices.Concat(manifest.Tables, manifest.Basis.Tables) {
		objects[t.Name] = t.Object
	}
	base.Open = func(ctx context.Context, name string) (string, error) {
		p.options.Progress.Report("open release "+release.Release, 0, 0)
		object, there := objects[name]
		if !there {
			return "", p.unusable(release, fmt.Errorf("its manifest names no %s", name))
		}
		f, err := p.vault.Load(ctx, object, p.baseKey)
		if err != nil {
			return "", p.unusable(release, fmt.Errorf("%s: %w", name, err))
		}
		p.files = append(p.files, f)
		return engine.ReadParquet(f.Path()), nil
	}
	return base, nil
}

// unusable says what to do where a release cannot be opened.
func (p *publication) unusable(release *governance.Release, err error) error {
	return fmt.Errorf("release %s, which this one would go on from, cannot be opened; leave it aside with rempart release publish --from-scratch: %w", release.Release, err)
}

// basis seals what a later release needs to go on from this one.
func (p *publication) basis(ctx context.Context, key *keyring.Key) (*lake.Basis, error) {
	by, err := json.Marshal(p.made.Report.Basis)
	if err != nil {
		return nil, err
	}
	b := &lake.Basis{By: by, From: p.made.Continued.Release}
	for name, query := range omop.Kept() {
		t := lake.Table{Name: name}
		if err := p.db.Value(ctx, &t.Rows, "SELECT count(*) FROM ("+query+")"); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if t.Object, err = p.putRows(ctx, key, query); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.Tables = append(b.Tables, t)
	}
	slices.SortFunc(b.Tables, func(x, y lake.Table) int { return cmp.Compare(x.Name, y.Name) })
	return b, nil
}
