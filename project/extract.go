package project

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Extracted is what a project was given.
type Extracted struct {
	ledger.ProjectExtracted
	Entry uint64
}

// extraction is one extraction under way.
type extraction struct {
	*space
	project  *governance.Project
	release  *governance.Release
	manifest *lake.Manifest
	key      *keyring.Key // of the release
	tables   []table
	db       *engine.DB
	files    []*engine.File
	made     *Extracted
}

// Extract makes the space of an approved project from a release ("" is the
// latest): whole, or not at all.
func Extract(ctx context.Context, w *warehouse.Warehouse, name, release string, progress warehouse.Progress) (_ *Extracted, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	x := &extraction{space: s, made: &Extracted{}}
	if x.project, err = s.state.Project(name); err != nil {
		return nil, err
	}
	if !s.state.Extractable(x.project, w.Now()) {
		// The gate says why, in its own words.
		_, err := w.Commit(ctx, s.state.ControllerName(), ledger.ProjectExtracted{Project: name})
		return nil, err
	}
	if release == "" {
		release = x.project.Renewed()
	}
	if had := x.project.Extraction; had != nil && release == "" { // a study goes on with what it has cited
		if r, err := s.state.Release(had.Release); err == nil && r.Erased == nil {
			release = had.Release
		}
	}
	if x.release, err = s.state.Release(release); err != nil {
		return nil, err
	}
	if err := s.state.Authorise(ledger.Statement{Actor: s.state.ControllerName(), Kind: x.made.Kind(), Time: w.Now()}, &ledger.ProjectExtracted{Project: name}); err != nil {
		return nil, err // before the long step, as the gate will say at its end
	}
	if err := w.Readable(ctx, s.state, x.release.Release, ""); err != nil {
		return nil, err
	}
	if x.manifest, x.key, err = w.Manifest(ctx, s.state, x.release, s.ring); err != nil {
		return nil, err
	}
	defer x.key.Wipe()
	if x.tables, err = granted(x.project.Spec, x.manifest); err != nil {
		return nil, err
	}
	return x.made, x.run(ctx, progress)
}

func (x *extraction) run(ctx context.Context, progress warehouse.Progress) (err error) {
	if x.db, err = engine.Open(ctx); err != nil {
		return err
	}
	defer func() {
		for _, f := range x.files {
			err = errors.Join(err, f.Close())
		}
		err = errors.Join(err, x.db.Close())
	}()
	var rows int64
	for _, t := range x.manifest.Tables {
		rows += t.Rows
	}
	if err := x.db.Expect(ctx, rows); err != nil {
		return err
	}
	progress.Report("persons", 0, 0)
	persons, err := x.persons(ctx)
	if err != nil {
		return err
	}
	if persons, err = x.heed(ctx, persons); err != nil {
		return err
	}
	progress.Report("rows", 0, 0)
	if err := x.keep(ctx, persons); err != nil {
		return err
	}
	key, forget, err := x.newKey(ctx)
	if err != nil {
		return err
	}
	defer key.Wipe()
	undo := func() error {
		ctx := context.WithoutCancel(ctx)
		err := errors.Join(forget(ctx), x.deleteAll(ctx, x.made.Objects))
		for _, o := range []*ledger.Object{x.made.Members, x.made.Catalogue} {
			if o != nil {
				err = errors.Join(err, x.deleteAll(ctx, []ledger.Object{*o}))
			}
		}
		return err
	}
	if err := x.seal(ctx, key, progress); err != nil {
		return errors.Join(err, undo())
	}
	members, err := x.w.SealPersons(ctx, x.db, x.state, x.vault, persons)
	if err != nil {
		return errors.Join(err, undo())
	}
	x.made.Members = &members
	progress.Report("catalogue", 0, 0)
	if err := x.describe(ctx, key, int64(len(persons))); err != nil {
		return errors.Join(err, undo())
	}
	x.made.Project, x.made.Release, x.made.Persons = x.project.Name, x.release.Release, int64(len(persons))
	e, err := x.w.CommitOr(ctx, x.state.ControllerName(), x.made.ProjectExtracted, undo)
	x.made.Entry = e.Index
	if err == nil && x.project.Extraction != nil { // what it had is nobody's from now on
		err = x.deleteAll(context.WithoutCancel(ctx), x.project.Extraction.Objects)
	}
	return err
}

// heed leaves out who has opted out.
func (x *extraction) heed(ctx context.Context, persons []int64) ([]int64, error) {
	excluded, err := x.w.Excluded(ctx, x.state)
	if err != nil {
		return nil, err
	}
	persons = slices.DeleteFunc(persons, func(id int64) bool {
		_, out := slices.BinarySearch(excluded, id)
		return out
	})
	if len(persons) == 0 {
		return nil, &governance.Refusal{Reason: "everybody who meets the criterion has opted out", Remedy: "Ask for a project with another criterion"}
	}
	return persons, nil
}

// newKey makes the project's key, or opens the one that it has: its outputs are
// sealed to it. forget destroys a new one.
func (x *extraction) newKey(ctx context.Context) (key *keyring.Key, forget func(context.Context) error, err error) {
	if x.project.Extraction != nil {
		key, err = x.space.key(ctx, x.project)
		return key, func(context.Context) error { return nil }, err
	}
	// A key's id stands in clear before each object: it says nothing of the project.
	key, err = x.ring.New(ctx, "project-"+warehouse.NewID("x"))
	return key, func(ctx context.Context) error { return x.ring.Destroy(ctx, key.ID) }, err
}

var word = regexp.MustCompile(`[a-z_]+`)

// persons runs the request's criterion, which is a researcher's SQL, in the
// sandbox, over the tables of the release that it names.
func (x *extraction) persons(ctx context.Context) (ids []int64, err error) {
	ctx, cancel := context.WithCancel(ctx) // ends inputs that the sandbox has not read
	defer cancel()
	criterion := x.project.Spec.Persons
	words := word.FindAllString(strings.ToLower(criterion), -1)
	job := run.Job{Name: "persons.sql", Language: run.SQL, Code: []byte(strings.TrimRight(criterion, "; \n\t") + ";\n"), Limits: run.Limits{Time: 10 * time.Minute}}
	for _, t := range x.manifest.Tables {
		if slices.Contains(words, t.Name) {
			in, _ := input(ctx, x.vault, t.Name, t.Object, x.key)
			job.Inputs = append(job.Inputs, in)
		}
	}
	var outputs, log bytes.Buffer
	if _, err := run.Execute(ctx, job, &outputs, &log); err != nil {
		return nil, fmt.Errorf("the query for the persons of project %s: %w", x.project.Name, err)
	}
	return readPersons(&outputs)
}

// readPersons reads the column person_id of the one result in a run's outputs.
func readPersons(outputs io.Reader) (ids []int64, err error) {
	archive := tar.NewReader(outputs)
	header, err := archive.Next()
	if err != nil || header.Name != "result.csv" {
		return nil, errors.New("persons: the query must be one SELECT that yields person_id")
	}
	rows := csv.NewReader(archive)
	for line := 0; ; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("persons: %w", err)
		}
		if line == 0 {
			if len(row) != 1 || row[0] != "person_id" {
				return nil, fmt.Errorf("persons: the query yields %v, want the one column person_id", row)
			}
			continue
		}
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, errors.New("persons: the query yields a person_id that is no number")
		}
		ids = append(ids, id)
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("persons: the query must be one SELECT that yields person_id, and write nothing else")
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil, &governance.Refusal{Reason: "no person of the release meets the criterion", Remedy: "Ask for a project with another criterion"}
	}
	return ids, nil
}

// input streams a sealed table into the sandbox. An object that is not what
// was sealed ends the run before the study starts. read is the number of bytes that
// the sandbox has taken.
func input(ctx context.Context, vault *lake.Vault, table string, object ledger.Object, key *keyring.Key) (_ run.Input, read *atomic.Int64) {
	plain := streamed(ctx, func(w io.Writer) error {
		return vault.Read(ctx, object, key, func(plain io.Reader) error {
			_, err := io.Copy(w, plain)
			return err
		})
	})
	read = new(atomic.Int64)
	return run.Input{Name: table + ".parquet", Content: readerFunc(func(p []byte) (int, error) {
		n, err := plain.Read(p)
		read.Add(int64(n))
		return n, err
	})}, read
}

// keep loads the tables of the release that the grant is about and fills kept.*.
func (x *extraction) keep(ctx context.Context, persons []int64) error {
	if err := x.db.Exec(ctx, "CREATE SCHEMA release"); err != nil {
		return err
	}
	g := &grant{spec: x.project.Spec, tables: x.tables}
	for _, name := range g.names() {
		if err := x.load(ctx, name); err != nil {
			return err
		}
	}
	var err error
	if g.numbering, err = x.key.Derive("project/" + x.project.Name); err != nil {
		return err
	}
	if g.dates, err = x.key.Derive("project/" + x.project.Name + "/dates"); err != nil {
		return err
	}
	return g.fill(ctx, x.db, persons)
}

// load makes a table of the release visible as release.<name>.
func (x *extraction) load(ctx context.Context, name string) error {
	for _, t := range x.manifest.Tables {
		if t.Name != name {
			continue
		}
		f, err := x.vault.Load(ctx, t.Object, x.key)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		x.files = append(x.files, f)
		return x.db.Exec(ctx, fmt.Sprintf("CREATE VIEW release.%s AS FROM %s", engine.Quote(name), engine.ReadParquet(f.Path())))
	}
	return fmt.Errorf("the release has no table %s", name)
}

// seal exports the granted tables to the host.
func (x *extraction) seal(ctx context.Context, key *keyring.Key, progress warehouse.Progress) error {
	for i, t := range x.tables {
		progress.Report(t.name, int64(i), int64(len(x.tables)))
		object, err := x.vault.Put(ctx, lake.Parquet, key, func(w io.Writer) error {
			return x.db.CopyOut(ctx, export(x.project.Spec, t), engine.Parquet, w)
		})
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		x.made.Objects = append(x.made.Objects, object)
		var rows int64
		if err := x.db.Value(ctx, &rows, "SELECT count(*) FROM kept."+engine.Quote(t.name)); err != nil {
			return err
		}
		x.made.Tables = append(x.made.Tables, ledger.TableCount{Table: t.name, Rows: rows})
	}
	progress.Report("done", int64(len(x.tables)), int64(len(x.tables)))
	return nil
}
