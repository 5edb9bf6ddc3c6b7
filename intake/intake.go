// Package intake takes a provider's files in: it checks each row against the
// feed and splits identity from health data, at the provider's own site.
//
// A [Feed] says what the files look like and where each column goes. A
// [Checker] checks one deposit of that feed, file by file: Check reads a CSV
// stream once and hands every row on to one of the [Sinks]. An accepted row
// goes, as health data, into a clean CSV stream in which the person's key is
// replaced by a matching number, local keys by keyed hashes, and nothing else
// tells who it is; its identity traits, where it has any, go to linkage. A
// refused row goes to the [Quarantine], with its line, its field and the rule
// it broke, back to the provider alone.
//
// What is guaranteed: rows in = rows accepted + rows refused; the order of rows
// is kept; a column that the feed does not describe stops the file, because it
// may identify somebody; where the feed has a file of identities, no row of a
// person without one is accepted; the health stream is what the columns' types
// say. What is not: a name inside a free text is not found; give such fields
// the role drop.
//
// Files are RFC 4180 as encoding/csv reads them, in UTF-8. Where a quote is
// broken, the line is refused and reading goes on at the next.
package intake

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"rempart.eu/rempart/pseudonym"
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
	// Health takes the clean health data: a header and rows in the order of
	// [Resource.HealthColumns], as [engine.DB.LoadCSV] reads it.
	Health io.Writer
	// Identity takes who the matching number stands for, from accepted rows of
	// resources that have traits. It may be nil where a resource has none.
	Identity func(person int64, who pseudonym.Identity) error
	// Refused takes every refused row.
	Refused func(RowError) error
}

// Counts of a file's rows: Rows = Accepted + Refused.
type Counts struct {
	Rows, Accepted, Refused int64
	Excluded                int64 // of Refused: by the feed's own exclude rules
}

// Options of a Checker. The zero value is good.
type Options struct {
	// MaxRefused is the share of a file's rows, from 0 to 1, above which the
	// file fails; rows that the feed excludes do not count. 0 means 0.2.
	MaxRefused float64
	// Workers is how many goroutines check rows. 0 means one per core.
	Workers int
}

// Checker checks the files of one deposit. It remembers their keys, so the
// files are checked in the order of [Feed.Order]. It is not safe for
// concurrent use.
type Checker struct {
	feed       *Feed
	pseudonyms Pseudonyms
	options    Options
	seen       map[string][]*keys // per resource, as its watched
	files      map[string]int     // per view, how many were checked
	texts      *keys              // lines of FHIR
	blockSize  int
}

// NewChecker returns a Checker for one deposit.
func NewChecker(feed *Feed, pseudonyms Pseudonyms, options Options) *Checker {
	if options.MaxRefused <= 0 {
		options.MaxRefused = 0.2
	}
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	return &Checker{feed: feed, pseudonyms: pseudonyms, options: options, seen: map[string][]*keys{}, files: map[string]int{}, texts: &keys{}, blockSize: defaultBlock}
}

// Check checks one file of the deposit, named file in errors, and reads it to
// its end. A *FileError says that the file as a whole was refused: what the
// sinks took must then be thrown away. Check returns the counts so far with
// any error.
func (c *Checker) Check(ctx context.Context, resource Resource, file string, in io.Reader, sinks Sinks) (Counts, error) {
	r := c.feed.Resource(resource.Name)
	if r == nil || c.seen[r.Name] != nil {
		return Counts{}, fmt.Errorf("check %s: resource %q is not of this feed or was checked already: check each of Feed.Order once", file, resource.Name)
	}
	blocks := &blocks{in: in, size: c.blockSize, scan: scanner{delimiter: r.delimiter, text: make([]byte, 0, 1024)}}
	header, err := blocks.header()
	if err != nil {
		return Counts{}, readError(file, blocks.line, err)
	}
	p, err := c.plan(r, file, header)
	if err != nil {
		return Counts{}, err
	}
	blocks.scan.columns = p.columns
	if err := writeHeader(sinks.Health, r, file); err != nil {
		return Counts{}, err
	}
	keep := &keeper{plan: p, sinks: sinks, keys: make([]*keys, len(r.watched))}
	for i := range keep.keys {
		keep.keys[i] = &keys{}
	}
	if err := c.run(ctx, p, blocks, keep); err != nil {
		return keep.counts, err
	}
	c.seen[r.Name] = keep.keys
	return keep.counts, c.judge(file, keep.counts, keep.first)
}

// judge fails a file of which too much was refused; first is the first such row.
func (c *Checker) judge(file string, n Counts, first *RowError) error {
	faulty := n.Refused - n.Excluded
	if float64(faulty) <= c.options.MaxRefused*float64(n.Rows) {
		return nil
	}
	return &FileError{File: file, Err: ErrTooManyRefused,
		Problem: fmt.Sprintf("%d of %d rows break the feed's rules, more than %.0f %%, the first in line %d (%s)",
			faulty, n.Rows, 100*c.options.MaxRefused, first.Line, strings.TrimPrefix(first.Field+": "+first.Rule, ": ")),
		Remedy: "most likely it is not the file that the feed describes"}
}
