package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
)

// source checks file i, seals the health data of each resource that it feeds into
// an object of its own, all at the same time, and notes in the journal what came
// of it.
func (d *deposit) source(ctx context.Context, i int) (err error) {
	file := journalFile{Name: d.Files[i].Name, Size: d.Files[i].Size, Sealed: true}
	_, err = sealFile(d.part("identities", i), d.provider, func(identities io.Writer) error {
		sender, err := linkage.NewFilterSender(ctx, identities, d.filters, d.makers...)
		if err != nil {
			return err
		}
		_, err = sealFile(d.part("quarantine", i), d.provider, func(refused io.Writer) error {
			d.quarantine = intake.NewQuarantine(refused)
			if !d.feed.HasStays() {
				return errors.Join(d.seal(ctx, i, &file, sender, nil), d.quarantine.Flush())
			}
			_, err = sealFile(d.part(staysPart, i), d.provider, func(stays io.Writer) error {
				facts, err := linkage.NewFactWriter(stays)
				if err != nil {
					return err
				}
				return errors.Join(d.seal(ctx, i, &file, sender, facts), facts.Flush())
			})
			return errors.Join(err, d.quarantine.Flush())
		})
		sent, closed := sender.Close()
		file.Persons, file.Unusable, file.Filters = sent.Persons, sent.Malformed, sent.Filters
		if closed != nil { // the cause of what else failed
			return closed
		}
		return err
	})
	if err == nil {
		d.Files[i] = file
		err = d.save()
	}
	if err != nil {
		for _, object := range file.Objects {
			err = errors.Join(err, d.vault.Store.Delete(context.WithoutCancel(ctx), object.Name))
		}
		d.Files[i] = journalFile{Name: file.Name, Size: file.Size}
	}
	return err
}

// seal fills in what came of file i; also where it fails, the objects that are there.
func (d *deposit) seal(ctx context.Context, i int, file *journalFile, sender *linkage.Sender, facts *linkage.FactWriter) (err error) {
	s := d.delivery.Sources[i]
	seals := make([]*seal, len(s.Feeds))
	sinks := intake.Sinks{Identity: sender.Send, Refused: d.quarantine.Refused}
	if facts != nil {
		sinks.Stay = func(f intake.StayFact) error { return facts.Write(f.Person, f.Stay, f.Place, f.Traits) }
	}
	for i, part := range s.Feeds {
		seals[i] = d.beginSeal(ctx, part.Resource)
		sinks.Health = append(sinks.Health, seals[i])
	}
	counts, digest, err := d.check(ctx, s, sinks)
	for _, seal := range seals {
		if sealed := seal.end(err); sealed != nil && (err == nil || errors.Is(err, errNoObject)) {
			err = sealed
		}
	}
	for _, seal := range seals {
		if seal.object.Name != "" {
			file.Objects = append(file.Objects, seal.object)
		}
	}
	file.SHA256, file.Counts = digest, counts
	return err
}

// check reads a file to its end and returns its digest as delivered.
func (d *deposit) check(ctx context.Context, s intake.Source, sinks intake.Sinks) (counts []ledger.FileCount, digest ledger.Digest, err error) {
	in, err := d.open(s.Name)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	found, err := d.checker.Check(ctx, s, s.Name, in, sinks)
	if err != nil {
		return nil, "", err
	}
	for i, n := range found {
		counts = append(counts, ledger.FileCount{Resource: s.Feeds[i].Resource.Name, Rows: n.Rows, Accepted: n.Accepted, Refused: n.Refused})
	}
	digest, err = in.digest()
	return counts, digest, err
}

// again goes over file i, which is sealed, and makes sure that it is still the
// same: where later files need its keys they are found again, by the same checks.
func (d *deposit) again(ctx context.Context, i int) error {
	s, file := d.delivery.Sources[i], d.Files[i]
	var digest ledger.Digest
	var err error
	if d.checker.Skip() {
		digest, err = d.sum(s.Name)
	} else {
		sinks := intake.Sinks{Refused: func(intake.RowError) error { return nil }}
		for range s.Feeds {
			sinks.Health = append(sinks.Health, nowhere{})
		}
		_, digest, err = d.check(ctx, s, sinks)
	}
	if err != nil {
		return err
	}
	if digest != file.SHA256 {
		return d.changed(s.Name)
	}
	return nil
}

// nowhere is where rows go that are sealed already.
type nowhere struct{}

func (nowhere) WriteRows(*parquet.Rows) error { return nil }

// sum is the digest of a file as delivered.
func (d *deposit) sum(name string) (digest ledger.Digest, err error) {
	in, err := d.open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return in.digest()
}

func (d *deposit) changed(name string) error {
	return &governance.Refusal{
		Reason: fmt.Sprintf("%s is not the file that deposit %s began with", filepath.Join(d.Dir, name), d.Deposit),
		Remedy: fmt.Sprintf("Put the old one back, or begin anew: rempart deposit discard %s", d.Deposit),
	}
}

// delivered is a file that is read: its digest is taken and progress is told.
type delivered struct {
	*os.File
	sum  hash.Hash
	told func(n int)
}

func (d *deposit) open(name string) (*delivered, error) {
	f, err := os.Open(filepath.Join(d.Dir, name))
	if err != nil {
		return nil, err
	}
	return &delivered{f, sha256.New(), func(n int) {
		d.done += int64(n)
		d.progress.Report(name, d.done, d.total)
	}}, nil
}

func (f *delivered) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.sum.Write(p[:n])
	f.told(n)
	return n, err
}

// digest reads what is left and returns the digest of all.
func (f *delivered) digest() (ledger.Digest, error) {
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{f}); err != nil {
		return "", err
	}
	return ledger.Digest(hex.EncodeToString(f.sum.Sum(nil))), nil
}

// seal is an object under way: what is written to it becomes Parquet on the host.
type seal struct {
	rows   chan *parquet.Writer // takes one: the object has begun
	to     *parquet.Writer
	check  chan error // takes one: what ended the check
	object ledger.Object
	ended  chan error // takes one
}

// beginSeal starts to seal health data of a resource.
func (d *deposit) beginSeal(ctx context.Context, r *intake.Resource) *seal {
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

// WriteRows implements [intake.HealthSink].
func (s *seal) WriteRows(rows *parquet.Rows) error {
	if s.to == nil {
		if s.to = <-s.rows; s.to == nil {
			return errNoObject
		}
	}
	return s.to.WriteRows(rows)
}

// errNoObject says that the object could not be begun; [seal.end] says why.
var errNoObject = errors.New("the object could not be begun")

// end ends the health data, with what ended the check where that failed, and
// returns why there is no object.
func (s *seal) end(check error) error {
	s.check <- check
	return <-s.ended
}
