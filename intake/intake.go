// Package intake takes a provider's files in: it checks each row against the
// feed and splits identity from health data, at the provider's own site.
//
// A [Feed] says what the files look like and where each column goes;
// [Feed.Deliver] finds its files in a folder. A [Checker] checks one delivery,
// file by file: Check reads a file once and hands every row on to one of the
// [Sinks]. An accepted row goes, as health data, into typed columns in which the
// person's key is replaced by a matching number, local keys by keyed hashes, and
// nothing else tells who it is; its identity traits, where it has any, go to
// linkage. A refused row goes to the [Quarantine], with its line, its
// field and the rule it broke, back to the provider alone.
//
// What is guaranteed: rows in = rows accepted + rows refused; the order of rows
// is kept; a column that the feed does not describe stops the file, because it
// may identify somebody; where the feed has a file of identities, no row of a
// person without one is accepted; the health stream is what the columns' types
// say; no text of it holds an identifier that the scan knows, or the name of
// a person of the deposit in a form that it knows (docs/identifier-scan.md);
// a line of FHIR is accepted in every view of its type or in none. What is not:
// that a free text tells nothing about who it is about.
//
// Files are RFC 4180 as encoding/csv reads them, in UTF-8 or the encoding that is
// declared, and may be compressed by gzip or zstd. Where a quote is broken, the
// line is refused and reading goes on at the next.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/scan"
)

// Pseudonyms replaces what names a person or a record in health data. Both
// methods are called from several goroutines at once.
type Pseudonyms interface {
	// Person returns the matching number of a local person key: the same number
	// for the same key within a deposit.
	Person(localKey string) int64
	// Key returns the keyed hash of a record's key in a key space.
	Key(domain, value string) string
}

// Sinks take what Check makes of a file. They are called one at a time, in
// the order of the rows; an error of theirs ends Check.
type Sinks struct {
	// Health takes the health data of each resource that the file feeds, in the
	// order of [Source.Feeds].
	Health []HealthSink
	// Identity takes who the matching number stands for, once for each person: from
	// the first accepted row. It may be nil where a resource has no traits.
	Identity func(person int64, who pseudonym.Identity) error
	// Stay takes what an accepted row tells of a hospital stay. It may be nil.
	Stay func(StayFact) error
	// Refused takes every refused row.
	Refused func(RowError) error
}

// HealthSink takes rows of health data, whose columns are [Resource.HealthColumns]. It
// must not keep them. A [parquet.Writer] is one.
type HealthSink interface {
	WriteRows(rows *parquet.Rows) error
}

// Counts of the rows that a file has for a resource: Rows = Accepted + Refused.
type Counts struct {
	Rows, Accepted, Refused int64
	Excluded                int64 // of Refused: by the feed's own exclude rules
}

// Options of a Checker. The zero value is good.
type Options struct {
	// Workers is how many goroutines check rows. 0 means one per core.
	Workers int
}

// Checker checks the files of one delivery. It remembers keys and aliases for as
// long as later files need them. It is not safe for concurrent use.
type Checker struct {
	delivery   *Delivery
	pseudonyms Pseudonyms
	options    Options
	next       int                // of the delivery's sources
	seen       map[string][]*keys // per resource, as its watched; nil where nothing needs them
	aliases    []*aliases         // of the identities, in their order; nil where nothing needs them
	texts      *keys              // lines of FHIR that were accepted
	people     *scan.People       // whose names no text may hold; gone with the Checker
	blockSize  int
}

// NewChecker returns a Checker for one delivery.
func NewChecker(delivery *Delivery, pseudonyms Pseudonyms, options Options) *Checker {
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	c := &Checker{delivery: delivery, pseudonyms: pseudonyms, options: options, seen: map[string][]*keys{}, texts: &keys{}, people: scan.NewPeople(), blockSize: defaultBlock}
	if id := delivery.Feed.identities(); id != nil {
		c.aliases = make([]*aliases, len(id.Aliases))
	}
	return c
}

// Check checks the next source of the delivery, named file in errors, and reads
// it to its end. It returns the counts for each resource that the source feeds,
// also those so far with an error. A *FileError says that the file as a whole
// was refused: what the sinks took must then be thrown away, and the deposit ends.
func (c *Checker) Check(ctx context.Context, source Source, file string, in io.Reader, sinks Sinks) (_ []Counts, err error) {
	if c.next >= len(c.delivery.Sources) || c.delivery.Sources[c.next].Name != source.Name {
		return nil, fmt.Errorf("check %s: it is not its turn: check each of Delivery.Sources once, in their order", file)
	}
	if len(sinks.Health) != len(source.Feeds) {
		return nil, fmt.Errorf("check %s: %d sinks for %d resources: give one each", file, len(sinks.Health), len(source.Feeds))
	}
	plans, err := c.plans(source, file)
	if err != nil {
		return nil, err
	}
	in, stop, err := decompress(source.compression, in)
	if err != nil {
		return nil, readError(file, 0, err)
	}
	defer stop()
	foreign := false
	if !formats[source.Format].binary {
		if in, foreign, err = plainText(file, source.Encoding, in); err != nil {
			return nil, err
		}
	}
	if source.bundle {
		if in, err = bundleLines(file, in, source.Feeds[0].Resource.Type()); err != nil {
			return nil, err
		}
	}
	rows, err := formats[source.Format].open(opening{file, in, foreign, c.blockSize, plans})
	if err != nil {
		return nil, err
	}
	if closer, ok := rows.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	keepers := c.keepers(plans, sinks)
	keep := tables(keepers)
	if source.Format == NDJSON {
		keep = (&lineKeeper{keepers, c.texts}).block
	}
	err = c.run(ctx, file, plans, rows, keep)
	counts := make([]Counts, len(keepers))
	for i, k := range keepers {
		counts[i] = k.counts
	}
	if err != nil {
		return counts, err
	}
	for i, k := range keepers {
		if err := judge(source.Feeds[i].Resource, file, counts[i], k.first); err != nil {
			return counts, err
		}
	}
	c.done()
	return counts, nil
}

// Skip passes the next source over, which was checked before: it is for deposits
// that are resumed. It says whether it may: where false, later files need what is
// remembered of the source, so that it must be checked again.
func (c *Checker) Skip() bool {
	for _, part := range c.delivery.Sources[c.next].Feeds {
		if part.Resource.named() { // no text of later files may hold its persons' names
			return false
		}
		for _, set := range part.Resource.watched {
			if c.needs(part.Resource, set, c.next+1) {
				return false
			}
		}
		for i := range part.Resource.Aliases {
			if c.needsAlias(i, c.next+1) {
				return false
			}
		}
	}
	c.done()
	return true
}

// judge fails a file of which too much was refused; first is the first such row.
func judge(r *Resource, file string, n Counts, first *RowError) error {
	faulty := n.Refused - n.Excluded
	if float64(faulty) <= r.Threshold*float64(n.Rows) {
		return nil
	}
	return &FileError{File: file, Err: ErrTooManyRefused,
		Problem: fmt.Sprintf("%d of %d rows break the feed's rules, more than %g %%, the first in line %d (%s)",
			faulty, n.Rows, 100*r.Threshold, first.Line, strings.TrimPrefix(first.Field+": "+first.Rule, ": ")),
		Remedy: "most likely it is not the file that the feed describes"}
}
