package warehouse

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
)

// source checks one file and seals the health data of each resource that it
// feeds into an object of its own, all at the same time.
func (d *deposit) source(ctx context.Context, s intake.Source, done *int64, total int64) (err error) {
	path := filepath.Join(d.options.Dir, s.Name)
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := d.engines(ctx, len(s.Feeds)); err != nil {
		return err
	}
	counted := &meter{r: in, done: done, report: func(n int64) { d.options.Progress.Report(s.Name, n, total) }}
	seals := make([]*seal, len(s.Feeds))
	sinks := intake.Sinks{Identity: d.identity, Refused: d.quarantine.Refused}
	for i, part := range s.Feeds {
		seals[i] = d.begin(ctx, d.dbs[i], part.Resource)
		sinks.Health = append(sinks.Health, seals[i].to)
	}
	counts, err := d.checker.Check(ctx, s, path, counted, sinks)
	for _, seal := range seals {
		if sealed := seal.end(err); sealed != nil && (err == nil || errors.Is(err, io.ErrClosedPipe)) {
			err = sealed
		}
	}
	if err != nil {
		for _, seal := range seals {
			if seal.object.Name != "" {
				err = errors.Join(err, d.vault.Store.Delete(context.WithoutCancel(ctx), seal.object.Name))
			}
		}
		return err
	}
	for i, seal := range seals {
		name := s.Feeds[i].Resource.Name
		d.made.Objects = append(d.made.Objects, seal.object)
		d.made.Resources = append(d.made.Resources, name)
		d.made.Files = append(d.made.Files, ledger.FileCount{
			Resource: name, Rows: counts[i].Rows, Accepted: counts[i].Accepted, Refused: counts[i].Refused,
		})
	}
	return nil
}

// engines starts as many databases as objects are sealed at the same time.
func (d *deposit) engines(ctx context.Context, n int) error {
	for len(d.dbs) < n {
		db, err := engine.Open(ctx)
		if err != nil {
			return err
		}
		d.dbs = append(d.dbs, db)
	}
	return nil
}

// seal is an object under way: what is written to it becomes Parquet on the host.
type seal struct {
	to     *io.PipeWriter
	object ledger.Object
	ended  chan error
}

// begin starts to seal health data of a resource.
func (d *deposit) begin(ctx context.Context, db *engine.DB, r *intake.Resource) *seal {
	health, to := io.Pipe()
	s := &seal{to: to, ended: make(chan error, 1)}
	go func() {
		var err error
		s.object, err = d.vault.Put(ctx, lake.Parquet, d.reader, func(w io.Writer) error {
			return db.FromCSV(ctx, r.HealthColumns(), health, func(rows string) error {
				return db.CopyOut(ctx, "FROM "+rows, engine.Parquet, w)
			})
		})
		health.CloseWithError(io.ErrClosedPipe) // ends the check where the engine or the host has failed
		s.ended <- err
	}()
	return s
}

// end ends the health data, with what ended the check where that failed, and
// returns why there is no object.
func (s *seal) end(check error) error {
	s.to.CloseWithError(check)
	return <-s.ended
}
