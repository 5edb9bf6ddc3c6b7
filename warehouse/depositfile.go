package warehouse

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/parquet"
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
	counted := &meter{r: in, done: done, report: func(n int64) { d.options.Progress.Report(s.Name, n, total) }}
	seals := make([]*seal, len(s.Feeds))
	sinks := intake.Sinks{Identity: d.identity, Refused: d.quarantine.Refused}
	for i, part := range s.Feeds {
		seals[i] = d.begin(ctx, part.Resource)
		sinks.Health = append(sinks.Health, seals[i])
	}
	counts, err := d.checker.Check(ctx, s, path, counted, sinks)
	for _, seal := range seals {
		if sealed := seal.end(err); sealed != nil && (err == nil || errors.Is(err, errNoObject) || errors.Is(err, parquet.ErrStopped)) {
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

// seal is an object under way: what is written to it becomes Parquet on the host.
type seal struct {
	rows   chan *parquet.Writer // takes one: the object has begun
	to     *parquet.Writer
	check  chan error // takes one: what ended the check
	object ledger.Object
	ended  chan error // takes one
}

// begin starts to seal health data of a resource.
func (d *deposit) begin(ctx context.Context, r *intake.Resource) *seal {
	s := &seal{rows: make(chan *parquet.Writer, 1), check: make(chan error, 1), ended: make(chan error, 1)}
	go func() {
		var err error
		s.object, err = d.vault.Put(ctx, lake.Parquet, d.reader, func(w io.Writer) error {
			rows, err := parquet.NewWriter(w, r.HealthColumns())
			if err != nil {
				return err
			}
			s.rows <- rows
			check := <-s.check
			if err := rows.Close(); err != nil { // the cause, where the check ended because of it
				return err
			}
			return check
		})
		close(s.rows)
		s.ended <- err
	}()
	return s
}

// Write implements [io.Writer].
func (s *seal) Write(rows []byte) (int, error) {
	if s.to == nil {
		if s.to = <-s.rows; s.to == nil {
			return 0, errNoObject
		}
	}
	return s.to.Write(rows)
}

// errNoObject says that the object could not be begun; [seal.end] says why.
var errNoObject = errors.New("the object could not be begun")

// end ends the health data, with what ended the check where that failed, and
// returns why there is no object.
func (s *seal) end(check error) error {
	s.check <- check
	return <-s.ended
}
