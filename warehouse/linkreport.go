package warehouse

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/linkage"
)

// LinkageReport is how well a linkage went, as the ledger keeps it, and beside the
// truth where that is known.
type LinkageReport struct {
	Linkage    string          `json:"linkage"`
	Release    string          `json:"release,omitempty"` // that was asked for
	Authority  string          `json:"authority"`
	Made       time.Time       `json:"made"`
	Pseudonyms string          `json:"pseudonyms"`
	Report     *linkage.Report `json:"report"`
	Truth      *linkage.Truth  `json:"truth,omitempty"`
}

// TruthFolder is where it is known who is who: a folder as synth writes it, with the
// files that were deposited.
type TruthFolder struct {
	Dir     string            // "" for none
	Parties map[string]string // provider to the folder of its files, where that has another name
}

func (t TruthFolder) party(provider string) string {
	if folder := t.Parties[provider]; folder != "" {
		return folder
	}
	return provider
}

// LinkageReport reads the report of a linkage, by its name or that of a release; ""
// is the latest release's, or else the latest linkage's. With the truth,
// the controller holds the linkage against what is true.
func (w *Warehouse) LinkageReport(ctx context.Context, id string, truth TruthFolder) (*LinkageReport, error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	r := &LinkageReport{}
	if id == "" {
		if id = state.Releases.Latest(); id == "" {
			id = state.Linkages.Latest()
		}
	}
	if id == "" {
		return nil, &governance.Refusal{Reason: "there is no linkage yet", Remedy: "Link the deposits first: rempart linkage run"}
	}
	if release, ok := state.Releases.Get(id); ok {
		r.Release, id = release.Release, release.Linkage
	}
	l, known := state.Linkages.Get(id)
	if !known {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("there is no linkage or release %q", id), Remedy: "See which there are: rempart audit log"}
	}
	if l.Report == "" {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("linkage %s was made before linkages were reported on", id), Remedy: "Link again: rempart linkage run"}
	}
	r.Linkage, r.Authority, r.Made, r.Pseudonyms = l.Linkage, l.Actor, l.Time, l.Pseudonyms
	if err := w.Log.Attached(l.Report, &r.Report); err != nil {
		return nil, fmt.Errorf("the report of linkage %s: %w", id, err)
	}
	if truth.Dir != "" {
		r.Truth, err = w.judge(ctx, state, l, truth)
	}
	return r, err
}

// judge holds a linkage against the truth: the lines of the files tell which record
// is whose.
func (w *Warehouse) judge(ctx context.Context, state *governance.State, l *governance.Linkage, truth TruthFolder) (_ *linkage.Truth, err error) {
	if err := l.Readable(); err != nil {
		return nil, err
	}
	p := &publication{w: w, state: state, made: &Published{}}
	defer func() {
		for _, f := range p.files {
			err = errors.Join(err, f.Close())
		}
	}()
	if p.vault, err = w.Vault(state); err != nil {
		return nil, err
	}
	if p.sender, err = w.reader(state); err != nil {
		return nil, err
	}
	if p.db, err = engine.Open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.db.Close()) }()
	seed := maphash.MakeSeed()
	if err := p.loadTruth(ctx, filepath.Join(truth.Dir, "truth", "persons.csv"), seed); err != nil {
		return nil, err
	}
	if err := p.db.Exec(ctx, "CREATE TABLE record_line (deposit VARCHAR, person BIGINT, local_hash BIGINT)"); err != nil {
		return nil, err
	}
	providers := map[string]string{}
	for _, id := range l.Deposits {
		d, _ := state.Deposits.Get(id)
		providers[id] = d.Actor
		if err := p.identify(ctx, d, truth.party(d.Actor), truth.Dir, seed); err != nil {
			return nil, fmt.Errorf("deposit %s of %s: %w", id, d.Actor, err)
		}
	}
	links, err := p.open(ctx, l.Object)
	if err != nil {
		return nil, err
	}
	var tellsMethod bool // linkages of before do not
	if err := p.db.Value(ctx, &tellsMethod, "SELECT count(*) > 0 FROM parquet_schema("+engine.Literal(links)+") WHERE name = 'method'"); err != nil {
		return nil, err
	}
	link := "FROM " + engine.ReadParquet(links)
	if !tellsMethod {
		link = "SELECT *, '' AS method " + link
	}
	return linkage.Compare(ctx, p.db, link,
		"SELECT DISTINCT deposit, person, true_person FROM record_line JOIN party USING (deposit) JOIN true_person USING (party, local_hash)", providers)
}

// loadTruth reads who is who, local keys as hashes.
func (p *publication) loadTruth(ctx context.Context, path string, seed maphash.Seed) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &governance.Refusal{Reason: fmt.Sprintf("%s is not there", path), Remedy: "Name the folder that rempart synth wrote"}
	}
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(hashKeys(f, w, seed)) }()
	err = p.db.LoadCSV(ctx, "true_person", []engine.Column{{Name: "party", Type: "VARCHAR"}, {Name: "local_hash", Type: "BIGINT"}, {Name: "true_person", Type: "VARCHAR"}}, r)
	r.CloseWithError(io.ErrClosedPipe)
	if err == nil {
		err = p.db.Exec(ctx, "CREATE TABLE party (deposit VARCHAR, party VARCHAR)")
	}
	return errors.Join(err, f.Close())
}

// identify finds out which local key each matching number of a deposit stood for, by
// the lines of the provider's files.
func (p *publication) identify(ctx context.Context, d *governance.Deposit, party, dir string, seed maphash.Seed) error {
	folder, _, err := p.w.Feed(d.Feed)
	if err != nil {
		return err
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, party)
	delivery, _, err := deliver(feed, dir)
	if err != nil {
		return err
	}
	if err := p.db.Exec(ctx, "INSERT INTO party VALUES (?, ?)", d.Deposit, party); err != nil {
		return err
	}
	at := slices.IndexFunc(feed.Order(), func(r intake.Resource) bool { return r.Traits() })
	if at < 0 {
		return nil // it tells of nobody
	}
	resource := feed.Order()[at].Name
	var theirs []string
	for i, object := range d.Objects {
		if d.Resources[i] != resource {
			continue
		}
		path, err := p.open(ctx, object)
		if err != nil {
			return err
		}
		theirs = append(theirs, path)
	}
	ours, err := p.lines(ctx, delivery, resource, dir, hashed{seed})
	if err != nil {
		return err
	}
	return p.db.Exec(ctx, "INSERT INTO record_line SELECT DISTINCT ?, t.person, o.person FROM "+engine.ReadParquet(theirs...)+" t JOIN "+engine.ReadParquet(ours...)+" o USING (line)", d.Deposit)
}

// hashed are pseudonyms that stand for local keys where the truth is known.
type hashed struct{ seed maphash.Seed }

// Person implements [intake.Pseudonyms].
func (h hashed) Person(local string) int64 { return int64(maphash.String(h.seed, local) >> 1) }

// Key implements [intake.Pseudonyms].
func (h hashed) Key(string, string) string { return "" }

// lines checks the files of a resource again and returns Parquet of their lines and
// persons, in memory.
func (p *publication) lines(ctx context.Context, delivery *intake.Delivery, resource, dir string, keys intake.Pseudonyms) (paths []string, err error) {
	checker := intake.NewChecker(delivery, keys, intake.Options{})
	for _, s := range delivery.Sources {
		at := slices.IndexFunc(s.Feeds, func(part intake.Part) bool { return part.Resource.Name == resource })
		if at < 0 {
			return paths, nil // identities come first
		}
		file, err := engine.LoadFile("lines", func(w io.Writer) error {
			rows, err := parquet.NewWriter(w, s.Feeds[at].Resource.HealthColumns())
			if err != nil {
				return err
			}
			sinks := intake.Sinks{Refused: func(intake.RowError) error { return nil }}
			for i := range s.Feeds {
				if i == at {
					sinks.Health = append(sinks.Health, rows)
				} else {
					sinks.Health = append(sinks.Health, nowhere{})
				}
			}
			in, err := os.Open(filepath.Join(dir, s.Name))
			if err != nil {
				return err
			}
			_, err = checker.Check(ctx, s, s.Name, in, sinks)
			return errors.Join(err, rows.Close(), in.Close())
		})
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, file)
		paths = append(paths, file.Path())
	}
	return paths, nil
}

// hashKeys copies a file of the truth with hashes in the place of local keys.
func hashKeys(from io.Reader, to io.Writer, seed maphash.Seed) error {
	in, out := csv.NewReader(from), csv.NewWriter(to)
	in.ReuseRecord = true
	for line := 0; ; line++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		if line > 0 && len(row) > 1 {
			row[1] = strconv.FormatInt(hashed{seed}.Person(row[1]), 10)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
}
