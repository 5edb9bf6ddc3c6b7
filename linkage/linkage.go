// Package linkage finds out which records of several deposits are the same
// person, from tokens alone: it sees no identity and no health data.
//
// A [Linker] takes the tokens of each deposit (see package pseudonym: first
// keyed at the provider, then here under the authority's own key), joins them,
// and yields for every record's matching number a person_id. The rules are in
// resolve.sql, which reads as their specification. person_id depends on the
// tokens and the authority's key alone: linking again, with more deposits,
// gives a person the same number as long as the same identifier stands for it.
package linkage

import (
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/pseudonym"
)

//go:embed gather.sql
var gather string

//go:embed resolve.sql
var resolve string

//go:embed summary.sql
var summary string

// Record is what a provider sends of one person.
type Record struct {
	Person int64 // the matching number
	Tokens pseudonym.Tokens
}

// Linker joins the persons of deposits.
type Linker struct {
	db  *engine.DB
	key *pseudonym.AuthorityKey
}

// New starts a linkage with no deposit. The database is the linker's own.
func New(ctx context.Context, db *engine.DB, key *pseudonym.AuthorityKey) (*Linker, error) {
	err := db.Exec(ctx, "CREATE TABLE record (deposit VARCHAR, person BIGINT, a VARCHAR, b VARCHAR, c VARCHAR)")
	return &Linker{db, key}, err
}

var columns = []engine.Column{{Name: "person", Type: "BIGINT"}, {Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "VARCHAR"}, {Name: "c", Type: "VARCHAR"}}

// Add takes in the records of one deposit, as [Writer] wrote them.
func (l *Linker) Add(ctx context.Context, deposit string, records io.Reader) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.second(records, w)) }()
	err := l.db.FromCSV(ctx, columns, r, func(rows string) error {
		return l.db.Exec(ctx, "INSERT INTO record SELECT ?, person, a, b, c FROM "+rows, deposit)
	})
	r.CloseWithError(io.ErrClosedPipe) // ends second where the engine has stopped
	if err != nil {
		return fmt.Errorf("read the identities of deposit %s: %w", deposit, err)
	}
	return nil
}

// second turns provider tokens into linkage tokens.
func (l *Linker) second(records io.Reader, to io.Writer) error {
	reader, writer := csv.NewReader(records), csv.NewWriter(to)
	reader.FieldsPerRecord, reader.ReuseRecord = len(columns), true
	kinds := []pseudonym.Kind{pseudonym.ByIdentifier, pseudonym.ByTraits, pseudonym.ByPhonetics}
	for line := 1; ; line++ {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			writer.Flush()
			return writer.Error()
		}
		if err != nil {
			return err
		}
		if line > 1 {
			for i, kind := range kinds {
				if row[i+1] == "" {
					continue
				}
				var token pseudonym.ProviderToken
				if n, err := hex.Decode(token[:], []byte(row[i+1])); err != nil || n != len(token) {
					return fmt.Errorf("line %d: %q is no token", line, row[i+1])
				}
				linked := l.key.Second(token, kind)
				row[i+1] = hex.EncodeToString(linked[:])
			}
		}
		if err := writer.Write(row); err != nil {
			return err
		}
	}
}

// Summary counts what a linkage found.
type Summary struct {
	Records, Persons, Shared int64            // Shared: persons of two or more deposits
	Methods                  map[string]int64 // records by the rule that placed them
}

// Resolve decides who is who.
func (l *Linker) Resolve(ctx context.Context) (s Summary, err error) {
	for _, step := range []string{gather, resolve} {
		if err := l.db.Exec(ctx, step); err != nil {
			return s, err
		}
	}
	rows, err := l.db.Query(ctx, summary)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	s.Methods = map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return s, err
		}
		switch name {
		case "records":
			s.Records = n
		case "persons":
			s.Persons = n
		case "shared":
			s.Shared = n
		case "collisions":
			if n > 0 {
				return s, fmt.Errorf("%d person numbers collide: link again under a new key", n)
			}
		default:
			s.Methods[name] = n
		}
	}
	return s, rows.Err()
}

// Write writes the result as Parquet: deposit, person (the matching number), person_id.
func (l *Linker) Write(ctx context.Context, w io.Writer) error {
	return l.db.CopyOut(ctx, "SELECT deposit, person, person_id FROM link ORDER BY deposit, person", engine.Parquet, w)
}

// Writer writes records for [Linker.Add]: CSV with a header.
type Writer struct{ csv *csv.Writer }

// NewWriter writes the header.
func NewWriter(w io.Writer) (*Writer, error) {
	c := csv.NewWriter(w)
	return &Writer{c}, c.Write([]string{"person", "a", "b", "c"})
}

// Write writes one record.
func (w *Writer) Write(r Record) error {
	return w.csv.Write([]string{strconv.FormatInt(r.Person, 10), text(r.Tokens.A), text(r.Tokens.B), text(r.Tokens.C)})
}

func text(t pseudonym.ProviderToken) string {
	if t.Missing() {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// Flush ends the writing.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
