package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/quality"
)

// CDMVersion is the version of the OMOP Common Data Model of a release's tables.
const CDMVersion = omop.Version

// PublishOptions say what a release is made of.
type PublishOptions struct {
	Linkage    string // "" is the latest
	Vocabulary fs.FS  // OMOP vocabulary files, in the place of a loaded vocabulary
	Loaded     string // the loaded vocabulary; "" is the latest
	Own        bool   // each feed's own vocabulary alone, whatever is loaded
	Scratch    bool   // every person is mapped, and no row is taken from a release before
	Progress   Progress
}

// Published is a release that was published.
type Published struct {
	ledger.ReleasePublished
	Entry     uint64
	Report    *omop.Report
	Continued omop.Continuation // whose rows are those of a release before
}

// publication is one release under way.
type publication struct {
	w       *Warehouse
	options PublishOptions
	state   *governance.State
	vault   *lake.Vault
	sender  age.Identity // the controller's, which opens deposits and linkages
	db      *engine.DB
	files   []*engine.File
	made    *Published
	quality *quality.Results
	baseKey *keyring.Key    // of the release that this one goes on from
	put     []ledger.Object // all that is on the host so far
}

// Publish builds the OMOP tables from every deposit of a linkage, seals them
// and makes them a release: whole, or not at all.
func (w *Warehouse) Publish(ctx context.Context, o PublishOptions) (_ *Published, err error) {
	p := &publication{w: w, options: o, made: &Published{}}
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	if p.state, err = w.State(ctx); err == nil {
		err = p.run(ctx)
	}
	return p.made, errors.Join(err, p.release(), release())
}

// release frees the memory of what was opened, and forgets the key of the release before.
func (p *publication) release() (err error) {
	for _, f := range p.files {
		err = errors.Join(err, f.Close())
	}
	p.files = nil
	if p.baseKey != nil {
		p.baseKey.Wipe()
		p.baseKey = nil
	}
	return err
}

func (p *publication) run(ctx context.Context) (err error) {
	if err := p.w.may(p.state, p.state.ControllerName(), &ledger.ReleasePublished{}); err != nil {
		return err
	}
	id := p.options.Linkage
	if id == "" {
		id = p.state.Linkages.Latest()
	}
	if id == "" {
		return &governance.Refusal{Reason: "there is no linkage yet", Remedy: "Link the deposits first: rempart linkage run"}
	}
	linkage, known := p.state.Linkages.Get(id)
	if !known {
		return &governance.Refusal{Reason: fmt.Sprintf("there is no linkage %q", id), Remedy: "See which there are: rempart audit log"}
	}
	if err := linkage.Readable(); err != nil {
		return err
	}
	if p.vault, err = p.w.Vault(p.state); err != nil {
		return err
	}
	if p.sender, err = p.w.reader(p.state); err != nil {
		return err
	}
	if p.db, err = engine.Open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.db.Close()) }()
	input, err := p.input(ctx, linkage)
	if err != nil {
		return err
	}
	if err := p.vocabulary(ctx, &input); err != nil {
		return err
	}
	if err := p.base(ctx, &input); err != nil {
		return err
	}
	if err := p.expect(ctx, input); err != nil {
		return err
	}
	if p.made.Report, err = omop.Build(ctx, p.db, input, func(step string) { p.options.Progress.Report(step, 0, 0) }); err != nil {
		return err
	}
	if input.Base != nil {
		p.made.Continued = p.made.Report.Continued
	}
	if err := p.release(); err != nil { // what the tables were made of
		return err
	}
	if err := p.examine(ctx, linkage); err != nil {
		return err
	}
	return p.seal(ctx, linkage)
}

// expect tells the engine how many rows there are: of a whole vocabulary, many.
func (p *publication) expect(ctx context.Context, input omop.Input) error {
	if input.Vocabulary != nil {
		return nil
	}
	var rows int64
	for _, d := range input.Deposits {
		for _, files := range d.Files {
			for _, f := range files {
				rows += f.Rows
			}
		}
	}
	return p.db.Expect(ctx, rows)
}

// input says what the release is built from. The deposits' objects are opened only while
// they are read.
func (p *publication) input(ctx context.Context, linkage *governance.Linkage) (omop.Input, error) {
	input := omop.Input{Feeds: p.w.Feeds(), Scratch: p.w.scratch(), Release: omop.Release{Name: p.w.Config.Name, Holder: p.state.ControllerName(), Made: p.w.Now()}}
	for _, id := range linkage.Deposits {
		d, _ := p.state.Deposits.Get(id)
		if _, digest, err := p.w.Feed(d.Feed); err != nil || digest != d.FeedDigest {
			return input, errors.Join(err, fmt.Errorf("feed %s has changed since deposit %s was made: deposit again, or use the rempart that made it", d.Feed, id))
		}
		deposit := omop.Deposit{Name: id, Feed: d.Feed, Provider: d.Actor, Made: d.Time, Files: map[string][]omop.File{}, Vocabulary: p.options.Vocabulary}
		if len(d.Files) != len(d.Objects) {
			return input, fmt.Errorf("deposit %s counts the rows of %d files for %d objects", id, len(d.Files), len(d.Objects))
		}
		for i, object := range d.Objects {
			resource := d.Resources[i]
			deposit.Files[resource] = append(deposit.Files[resource], omop.File{Rows: d.Files[i].Accepted, Open: func(ctx context.Context) (*engine.File, error) {
				p.options.Progress.Report("open "+id+", "+resource, 0, 0)
				return p.vault.Load(ctx, object, p.sender)
			}})
		}
		input.Deposits = append(input.Deposits, deposit)
	}
	links, err := p.open(ctx, linkage.Object)
	if err != nil {
		return input, fmt.Errorf("linkage %s: %w", linkage.Linkage, err)
	}
	input.Links = engine.ReadParquet(links)
	if x := p.state.Excluded; x != nil && x.Persons > 0 { // who has opted out is linked to nobody
		excluded, err := p.open(ctx, x.Object)
		if err != nil {
			return input, fmt.Errorf("the list of persons who have opted out: %w", err)
		}
		input.Links = fmt.Sprintf("(FROM %s WHERE person_id NOT IN (SELECT person_id FROM %s))", input.Links, engine.ReadParquet(excluded))
	}
	return input, nil
}

// open decrypts an object into memory and returns the path of its Parquet file.
func (p *publication) open(ctx context.Context, object ledger.Object) (string, error) {
	f, err := p.vault.Load(ctx, object, p.sender)
	if err != nil {
		return "", err
	}
	p.files = append(p.files, f)
	return f.Path(), nil
}

// seal uploads the tables and the manifest and records the release.
func (p *publication) seal(ctx context.Context, linkage *governance.Linkage) (err error) {
	ring, err := p.w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	id := NewID("r")
	key, err := ring.New(ctx, "release-"+id)
	if err != nil {
		return err
	}
	defer key.Wipe()
	undo := func() error { return p.undo(context.WithoutCancel(ctx), ring, key.ID) }
	if err := p.upload(ctx, id, key); err != nil {
		return errors.Join(err, undo())
	}
	p.made.Linkage, p.made.Deposits = linkage.Linkage, linkage.Deposits
	p.made.RetainUntil = p.w.Now().UTC().Truncate(0).AddDate(p.w.Config.Retention.Years, 0, 0).Truncate(1e9)
	if p.made.Objects, err = p.w.Log.Attach(p.put); err != nil {
		return errors.Join(err, undo())
	}
	e, err := p.w.CommitOr(ctx, p.state.ControllerName(), p.made.ReleasePublished, undo)
	p.made.Entry = e.Index
	return err
}

func (p *publication) upload(ctx context.Context, id string, key *keyring.Key) error {
	report, err := json.Marshal(p.made.Report)
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	manifest := lake.Manifest{Release: id, CDM: CDMVersion, Report: report}
	tables := omop.Tables()
	for i, table := range tables {
		p.options.Progress.Report(table, int64(i), int64(len(tables)))
		object, err := p.putRows(ctx, key, omop.Select(table))
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		rows := p.made.Report.Rows(table)
		manifest.Tables = append(manifest.Tables, lake.Table{Name: table, Rows: rows, Object: object})
		p.made.Tables = append(p.made.Tables, ledger.TableCount{Table: table, Rows: rows})
	}
	if manifest.Lineage, err = p.lineage(ctx, key); err != nil {
		return fmt.Errorf("the lineage: %w", err)
	}
	if manifest.Basis, err = p.basis(ctx, key); err != nil {
		return fmt.Errorf("what the next release goes on from: %w", err)
	}
	if manifest.Profile, err = p.profile(ctx, key); err != nil {
		return fmt.Errorf("the profile: %w", err)
	}
	if p.made.Quality.Results, err = p.vault.PutJSON(ctx, key, p.quality); err != nil {
		return fmt.Errorf("the results of the checks: %w", err)
	}
	p.put = append(p.put, p.made.Quality.Results)
	object, err := p.vault.PutJSON(ctx, key, manifest)
	if err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	p.put = append(p.put, object)
	p.made.Release, p.made.Manifest, p.made.Persons = id, object, p.made.Report.Rows("person")
	p.options.Progress.Report("done", int64(len(tables)), int64(len(tables)))
	return nil
}

// putRows seals the rows of a query to the host.
func (p *publication) putRows(ctx context.Context, key *keyring.Key, query string) (ledger.Object, error) {
	object, err := p.vault.Put(ctx, lake.Parquet, key, func(w io.Writer) error {
		return p.db.CopyOut(ctx, query, engine.Parquet, w)
	})
	if err == nil {
		p.put = append(p.put, object)
	}
	return object, err
}

// undo removes what a release that does not come about has made. Its
// attachment, if it got that far, is harmless: it lists names of objects.
func (p *publication) undo(ctx context.Context, ring *keyring.Keyring, key string) error {
	err := ring.Destroy(ctx, key)
	for _, object := range p.put {
		err = errors.Join(err, p.vault.Store.Delete(ctx, object.Name))
	}
	return err
}

// Manifest opens a release's manifest. Only the controller can.
func (w *Warehouse) Manifest(ctx context.Context, state *governance.State, release *governance.Release, ring *keyring.Keyring) (*lake.Manifest, *keyring.Key, error) {
	if err := readable(release, w.Now()); err != nil {
		return nil, nil, err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return nil, nil, err
	}
	key, err := ring.Key(ctx, release.Manifest.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("release %s: %w", release.Release, err)
	}
	var m lake.Manifest
	if err := vault.ReadJSON(ctx, release.Manifest, key, &m); err != nil {
		return nil, nil, fmt.Errorf("release %s: %w", release.Release, err)
	}
	return &m, key, nil
}

// VerifyRelease reads every object of a release and compares it with the
// ledger. It needs no key. The error says that the release may not be read.
func (w *Warehouse) VerifyRelease(ctx context.Context, state *governance.State, release *governance.Release) (objects int, faults []error, err error) {
	if err := readable(release, w.Now()); err != nil {
		return 0, nil, err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return 0, nil, err
	}
	var all []ledger.Object
	if err := w.Log.Attached(release.Objects, &all); err != nil {
		return 0, []error{err}, nil //nolint:nilerr // a changed attachment is a fault that was found
	}
	for _, o := range all {
		if err := vault.Verify(ctx, o); err != nil {
			faults = append(faults, err)
		}
	}
	return len(all), faults, nil
}
