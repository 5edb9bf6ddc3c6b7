package benchmarks

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

//go:embed linkage_stays.sql
var stayQuality string

// stayPersons is the population in which stays are joined.
const stayPersons = 1_000_000

// withoutNIR is the hospital that holds no national identifier.
const withoutNIR = "hospital-2"

// linkageStays joins hospital stays with those of an insurer that gives neither names
// nor days of birth, as the national data: one hospital of four holds no identifier,
// the others make the generator's default errors.
func linkageStays(ctx context.Context, r *Run) (err error) {
	dir := filepath.Join(r.Dir, "stays")
	if _, err := synth.Generate(ctx, dir, synth.Options{Persons: stayPersons, Seed: 20_240_517}); err != nil {
		return err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), os.RemoveAll(dir)) }()
	s, err := newStayRun(ctx, db, dir)
	if err != nil {
		return err
	}
	for _, party := range synth.Parties() {
		if err := s.party(ctx, party); err != nil {
			return fmt.Errorf("%s: %w", party, err)
		}
	}
	if err := s.truth(ctx); err != nil {
		return err
	}
	resolved, err := seconds(func() error { _, err := s.linker.Resolve(ctx); return err })
	if err != nil {
		return err
	}
	if err := db.Exec(ctx, stayQuality); err != nil {
		return err
	}
	for _, kind := range []struct{ name, where string }{{"", "true"}, {", day cases", "day_case"}, {", maternity", "maternity"}, {", at the hospital without identifiers", "deposit = '" + withoutNIR + "'"}} {
		var recall, precision float64
		if err := db.Value(ctx, &recall, "SELECT avg(found::INT) FROM true_pair WHERE "+kind.where); err != nil {
			return err
		}
		if err := db.Value(ctx, &precision, "SELECT coalesce(avg(correct::INT), 1) FROM found_pair WHERE "+kind.where); err != nil {
			return err
		}
		if kind.name == "" {
			r.AtLeast("stays joined with the insurer's, recall", 100*recall, "%", 97)
			r.AtMost("the same, joined with another stay", 10_000*(1-precision), "in 10,000", 10)
			continue
		}
		r.Record("stays joined, recall"+kind.name, 100*recall, "%")
		r.Record("stays joined with another"+kind.name, 10_000*(1-precision), "in 10,000")
	}
	for _, kind := range []struct{ name, where string }{{"", "true"}, {", at the hospital without identifiers", "deposit = '" + withoutNIR + "'"}} {
		var linked, wrong float64
		if err := db.Value(ctx, &linked, "SELECT avg(linked::INT) FROM person_found WHERE "+kind.where); err != nil {
			return err
		}
		if err := db.Value(ctx, &wrong, "SELECT avg(mixed::INT) FROM person_found WHERE "+kind.where); err != nil {
			return err
		}
		if kind.name == "" {
			r.AtLeast("hospitals' persons joined with the insurer's, directly or by stays", 100*linked, "%", 98)
			r.AtMost("persons joined with another person", 10_000*wrong, "in 10,000", 10)
			continue
		}
		r.Record("persons joined"+kind.name, 100*linked, "%")
		r.Record("persons joined with another person"+kind.name, 10_000*wrong, "in 10,000")
	}
	var stays int64
	if err := db.Value(ctx, &stays, "SELECT count(*) FROM unit"); err != nil {
		return err
	}
	r.Record("tokens of stays, the provider's step", float64(stays)/s.sending, "stays/s")
	r.Record("the authority's pass over tokens of stays", float64(stays)/s.adding, "stays/s")
	r.Record("stays compared and persons resolved", float64(stays)/resolved, "stays/s")
	return nil
}

// stayRun is a linkage of a population whose truth is known.
type stayRun struct {
	db     *engine.DB
	dir    string
	linker *linkage.Linker
	keyed  linkage.Keyed
	local  *pseudonym.LocalKey
	seed   maphash.Seed

	kinds           *csv.Writer // what tells the kinds of stays apart
	kindRows        bytes.Buffer
	sending, adding float64 // seconds
}

func newStayRun(ctx context.Context, db *engine.DB, dir string) (*stayRun, error) {
	secret := bytes.Repeat([]byte{5}, pseudonym.SecretSize)
	provider, err := pseudonym.NewProviderKey(secret)
	if err != nil {
		return nil, err
	}
	authority, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{6}, pseudonym.SecretSize))
	if err != nil {
		return nil, err
	}
	s := &stayRun{db: db, dir: dir, keyed: linkage.Keyed{Key: provider}, seed: maphash.MakeSeed()}
	if s.local, err = pseudonym.NewLocalKey(secret); err != nil {
		return nil, err
	}
	s.linker, err = linkage.New(ctx, db, authority, pseudonym.Keyed)
	s.kinds = csv.NewWriter(&s.kindRows)
	return s, errors.Join(err, s.kinds.Write([]string{"provider", "stay", "entry", "exit", "diagnosis"}))
}

// Person implements [intake.Pseudonyms].
func (s *stayRun) Person(local string) int64 { return int64(maphash.String(s.seed, local) >> 1) }

// Key implements [intake.Pseudonyms].
func (s *stayRun) Key(domain, value string) string { return s.local.Hash(domain, value) }

// stayNumber is what linkage makes of a stay's keyed hash.
func stayNumber(hash string) string {
	b, _ := base64.RawURLEncoding.DecodeString(hash) // it is one
	return strconv.FormatUint(binary.BigEndian.Uint64(b), 10)
}

// party deposits a party's files: identities and stays go through intake and the
// provider's tokens to the linker.
func (s *stayRun) party(ctx context.Context, party string) (err error) {
	name, side := "hospital", linkage.Care
	if !strings.HasPrefix(party, name) {
		name, side = "insurer", linkage.Payer
	}
	folder, err := fs.Sub(feeds.FS(), name)
	if err != nil {
		return err
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return err
	}
	var identities, facts, stays bytes.Buffer
	sender, err := linkage.NewSender(ctx, &identities, s.keyed)
	if err != nil {
		return err
	}
	writer, err := linkage.NewFactWriter(&facts)
	if err != nil {
		return err
	}
	if err := s.check(ctx, feed, party, sender, writer); err != nil {
		return err
	}
	if _, err := sender.Close(); err != nil {
		return err
	}
	if err := errors.Join(writer.Flush(), s.linker.Add(ctx, party, &identities)); err != nil {
		return err
	}
	began := time.Now()
	if _, err := linkage.SendStays(ctx, &facts, &stays, s.keyed); err != nil {
		return err
	}
	s.sending += time.Since(began).Seconds()
	began = time.Now()
	err = s.linker.AddStays(ctx, party, party, side, &stays)
	s.adding += time.Since(began).Seconds()
	return err
}

// check reads the files that tell of persons and stays.
func (s *stayRun) check(ctx context.Context, feed *intake.Feed, party string, sender *linkage.Sender, facts *linkage.FactWriter) error {
	files, err := os.ReadDir(filepath.Join(s.dir, party))
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	delivery, err := feed.Deliver(names)
	if err != nil {
		return err
	}
	checker := intake.NewChecker(delivery, s, intake.Options{})
	for _, source := range delivery.Sources {
		f, err := os.Open(filepath.Join(s.dir, party, source.Name))
		if err != nil {
			return err
		}
		sinks := intake.Sinks{
			Identity: func(person int64, who pseudonym.Identity) error { return sender.Send(person, masked(party, who)) },
			Stay: func(fact intake.StayFact) error {
				if fact.Stay != "" {
					if err := s.kinds.Write([]string{party, stayNumber(fact.Stay), fact.Traits.Entry[:min(10, len(fact.Traits.Entry))], fact.Traits.Exit[:min(10, len(fact.Traits.Exit))], fact.Traits.Diagnosis}); err != nil {
						return err
					}
				}
				return facts.Write(fact.Person, fact.Stay, fact.Place, monthOnly(party, fact.Traits))
			},
			Refused: func(intake.RowError) error { return nil },
		}
		for range source.Feeds {
			sinks.Health = append(sinks.Health, nowhere{})
		}
		_, err = checker.Check(ctx, source, source.Name, f, sinks)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

type nowhere struct{}

func (nowhere) WriteRows(*parquet.Rows) error { return nil }

// masked leaves out what a party does not hold.
func masked(party string, who pseudonym.Identity) pseudonym.Identity {
	switch party {
	case withoutNIR:
		who.NIR = ""
	case "insurer": // as the national data: who is insured under which number, and nothing else
		who = pseudonym.Identity{NIR: who.NIR}
	}
	return who
}

// monthOnly leaves the insurer no day of birth.
func monthOnly(party string, stay pseudonym.Stay) pseudonym.Stay {
	if party == "insurer" && len(stay.BirthDate) == 10 {
		stay.BirthYear, stay.BirthMonth, stay.BirthDate = stay.BirthDate[:4], stay.BirthDate[5:7], ""
	}
	return stay
}

// truth loads who is who and which stay is which, under the numbers that linkage sees.
func (s *stayRun) truth(ctx context.Context) error {
	s.kinds.Flush()
	return errors.Join(
		s.db.LoadCSV(ctx, "kind_told", typed("VARCHAR provider", "UBIGINT stay", "VARCHAR entry", "VARCHAR exit", "VARCHAR diagnosis"), &s.kindRows),
		s.persons(ctx),
		s.load(ctx, "stays.csv", "true_stay", typed("VARCHAR provider", "UBIGINT stay", "BIGINT true_person", "BIGINT true_stay"), func(row []string) {
			row[1] = stayNumber(s.Key("stay of ", row[1]))
		}))
}

// persons loads who is who.
func (s *stayRun) persons(ctx context.Context) error {
	return s.load(ctx, "persons.csv", "true_person", typed("VARCHAR deposit", "BIGINT person", "BIGINT true_person"), func(row []string) {
		row[1] = strconv.FormatInt(s.Person(row[1]), 10)
	})
}

// typed is columns, each a type and a name.
func typed(names ...string) (columns []engine.Column) {
	for _, name := range names {
		kind, column, _ := strings.Cut(name, " ")
		columns = append(columns, engine.Column{Name: column, Type: kind})
	}
	return columns
}

// load loads a file of the truth, each row after a change.
func (s *stayRun) load(ctx context.Context, file, table string, columns []engine.Column, change func(row []string)) error {
	f, err := os.Open(filepath.Join(s.dir, "truth", file))
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() {
		in, out := csv.NewReader(f), csv.NewWriter(w)
		in.ReuseRecord = true
		for line := 0; ; line++ {
			row, err := in.Read()
			if err != nil {
				out.Flush()
				if errors.Is(err, io.EOF) {
					err = nil
				}
				w.CloseWithError(errors.Join(err, out.Error()))
				return
			}
			if line > 0 {
				change(row)
			}
			if err := out.Write(row); err != nil {
				w.CloseWithError(err)
				return
			}
		}
	}()
	return errors.Join(s.db.LoadCSV(ctx, table, columns, r), f.Close())
}
