// Package linkage finds out which records of several deposits are the same
// person, from tokens alone: it sees no identity and no health data.
//
// A [Sender] makes the tokens at the provider, in one or both modes of package
// pseudonym, and writes them for the authority. A [Linker] takes them in, passes
// over them under the authority's own key, joins them, and yields for every
// record's matching number a person_id. Hospital stays are tokens too: [SendStays]
// makes them, [Linker.AddStays] takes them in, and records without an identifier join
// the person whom their stays name; a [Report] says how well. The rules are in resolve.sql, which reads
// as their specification. person_id depends on the tokens and the authority's key
// alone: linking again, with more deposits, gives a person the same number as
// long as the same identifier stands for it.
package linkage

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"io"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/pseudonym"
)

//go:embed gather.sql
var gather string

//go:embed resolve.sql
var resolve string

//go:embed number.sql
var number string

//go:embed summary.sql
var summary string

// Linker joins the persons of deposits.
type Linker struct {
	db   *engine.DB
	key  *pseudonym.AuthorityKey
	mode pseudonym.Mode

	care   bool     // somebody told of stays that it gave
	payers []string // who told of stays that they paid for, by their sides
	passes []stayPass

	filterKeys map[string]string // deposit to the check value of its filters' key
	filters    FilterOptions
	filtered   *FilterReport // nil: fewer than two deposits have filters
}

// New starts a linkage with no deposit, over the tokens of one mode: those of two
// never meet. The database is the linker's own.
func New(ctx context.Context, db *engine.DB, key *pseudonym.AuthorityKey, mode pseudonym.Mode) (*Linker, error) {
	l := &Linker{db: db, key: key, mode: mode, filterKeys: map[string]string{}}
	if err := db.Exec(ctx, stayTable()); err != nil {
		return nil, err
	}
	if err := db.Exec(ctx, "CREATE TABLE record (deposit VARCHAR, person BIGINT, a VARCHAR, b VARCHAR, c VARCHAR, provisional BOOLEAN, filter BLOB)"); err != nil {
		return nil, err
	}
	if err := db.Exec(ctx, `CREATE TABLE person_key ("inner" BLOB, "outer" BLOB)`); err != nil {
		return nil, err
	}
	inner, outer := padded(key.PersonKey())
	return l, db.Exec(ctx, "INSERT INTO person_key VALUES (?, ?)", inner, outer)
}

// padded are the two keys of an HMAC-SHA-256 (RFC 2104, section 2).
func padded(key [sha256.Size]byte) (inner, outer []byte) {
	inner, outer = make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)
	copy(inner, key[:])
	copy(outer, key[:])
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	return inner, outer
}

var columns = []engine.Column{
	{Name: "person", Type: "BIGINT"}, {Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "VARCHAR"},
	{Name: "c", Type: "VARCHAR"}, {Name: "provisional", Type: "BOOLEAN"}, {Name: "filter", Type: "VARCHAR"},
}

// Add takes in the records of one deposit, as a [Writer] wrote them.
func (l *Linker) Add(ctx context.Context, deposit string, records io.Reader) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.second(records, w)) }()
	err := l.db.FromCSV(ctx, columns, r, func(rows string) error {
		return l.db.Exec(ctx, "INSERT INTO record SELECT ?, person, a, b, c, provisional, from_base64(filter) FROM "+rows, deposit)
	})
	r.CloseWithError(io.ErrClosedPipe) // ends second where the engine has stopped
	if err != nil {
		return fmt.Errorf("read the identities of deposit %s: %w", deposit, err)
	}
	return nil
}

// Summary counts what a linkage found.
type Summary struct {
	Records, Persons, Shared int64            // Shared: persons of two or more deposits
	Methods                  map[string]int64 // records by the rule that placed them
}

// Resolve decides who is who.
func (l *Linker) Resolve(ctx context.Context) (s Summary, err error) {
	if err := l.db.Exec(ctx, gather); err != nil {
		return s, err
	}
	if err := l.matchStays(ctx); err != nil {
		return s, err
	}
	if err := l.db.Exec(ctx, resolve); err != nil {
		return s, err
	}
	if err := l.compareFilters(ctx); err != nil {
		return s, err
	}
	if err := l.db.Exec(ctx, number); err != nil {
		return s, err
	}
	s.Methods = map[string]int64{}
	var name string
	var n int64
	err = l.db.Each(ctx, summary, nil, func() error {
		switch name {
		case "records":
			s.Records = n
		case "persons":
			s.Persons = n
		case "shared":
			s.Shared = n
		case "collisions":
			if n > 0 {
				return fmt.Errorf("%d person numbers collide: link again under a new key", n)
			}
		default:
			s.Methods[name] = n
		}
		return nil
	}, &name, &n)
	return s, err
}

// Write writes the result as Parquet: deposit, person (the matching number), person_id, and the
// method that found it.
func (l *Linker) Write(ctx context.Context, w io.Writer) error {
	return l.db.CopyOut(ctx, "SELECT deposit, person, person_id, method FROM link ORDER BY deposit, person", engine.Parquet, w)
}
