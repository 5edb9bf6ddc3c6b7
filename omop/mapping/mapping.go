// Package mapping tells a feed's mapping as a document that a data manager reads:
// table by table, column by column, from which fields of the source and by which rule.
//
// Read takes a feed's map/*.sql apart with DuckDB's own parser and follows each
// column through joins, subqueries and the feed's views down to the fields of the
// delivered files. Nothing is written twice: the rules come from the SELECT, and
// what no SQL says (what for, by which reference) from the header of the file:
//
//	-- event.acts: acts done in hospitals.
//	-- Source: pmsi_act.
//	-- Rule: a number of times that is none is not known.
//	-- Reference: Guide méthodologique …, chapter II.
//	SELECT …
//
// A header that lacks a part, or whose source is not what the SELECT reads, is an
// error. Document.Markdown is what stands in docs/mappings.
package mapping

import (
	"context"
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// Document is a feed's mapping.
type Document struct {
	Folder               string // of its files, in the repository: feeds/snds
	Name, Title, Version string // Version is "" where it is no feed's
	Files                []File // tables and events, then views, then what is left out
	Resources            []Resource
}

// File is one file of the mapping: the rows of one target that one rule makes.
type File struct {
	Path         string // map/event.acts.sql
	Target, What string
	Header       Header
	Columns      []Column
	Rows         string // which rows of the source it makes rows of, in words; "" is all
	Per          string // what one row stands for, where rows are summed up
}

// Header is what a file says of itself before its SELECT.
type Header struct {
	Title, Rule, Reference string
	Source                 string   // in the file's own words
	Reads                  []string // the resources, views and lists that it names
}

// Column is a column of the target.
type Column struct {
	Name   string
	Fields []string // fields of delivered files, as resource.FIELD
	Rule   string   // in words
	Note   string   // what the SELECT's comment says
}

// Resource is a file of the source, and which of its fields the mapping reads.
type Resource struct {
	Name, Title  string
	Used, Unused []string
	Reason       string // why no row of it is mapped
	Tables       []string
}

// reader reads one feed.
type reader struct {
	db      *engine.DB
	feed    *intake.Feed
	queries map[string]*query   // by file
	views   map[string]string   // view: its file
	lists   map[string][]string // lookup: its columns
	made    map[string]*relation
	used    map[string]bool // fields that anything reads
}

// query is a file that was parsed.
type query struct {
	file, target, what, text string
	header                   Header
	node                     *node
}

// Read reads the mapping of the feed in a folder.
func Read(ctx context.Context, db *engine.DB, folder fs.FS) (*Document, error) {
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return nil, err
	}
	r := &reader{db: db, feed: feed, queries: map[string]*query{}, views: map[string]string{}, lists: map[string][]string{}, made: map[string]*relation{}, used: map[string]bool{}}
	files, err := fs.Glob(folder, "map/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, err
		}
		if err := r.parse(ctx, file, string(text)); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", feed.Name, file, err)
		}
	}
	if err := r.readLists(folder); err != nil {
		return nil, err
	}
	d := &Document{Folder: "feeds/" + feed.Name, Name: feed.Name, Title: feed.Title, Version: feed.Version}
	for _, file := range files {
		f, err := r.file(r.queries[file])
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", feed.Name, file, err)
		}
		d.Files = append(d.Files, *f)
	}
	slices.SortStableFunc(d.Files, func(a, b File) int { return rank(a.Target) - rank(b.Target) })
	d.Resources = r.resources(d.Files)
	return d, nil
}

// rank puts tables before the views they read, and what is left out last.
func rank(target string) int {
	switch target {
	case "view":
		return 1
	case "unmapped":
		return 2
	}
	return 0
}

func (r *reader) parse(ctx context.Context, file, text string) error {
	header, err := readHeader(file, text)
	if err != nil {
		return err
	}
	q := &query{file: file, text: text, header: header}
	q.target, q.what, _ = strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), ".")
	if q.node, err = parse(ctx, r.db, text); err != nil {
		return err
	}
	r.queries[file] = q
	if q.target == "view" {
		r.views[q.what] = file
	}
	return nil
}

func (r *reader) readLists(folder fs.FS) error {
	files, err := fs.Glob(folder, "lookup/*.csv")
	if err != nil {
		return err
	}
	for _, file := range files {
		f, err := folder.Open(file)
		if err != nil {
			return err
		}
		header, err := csv.NewReader(f).Read()
		if err := f.Close(); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("%s: read the header: %w", file, err)
		}
		r.lists[strings.TrimSuffix(path.Base(file), ".csv")] = header
	}
	return nil
}

func (r *reader) file(q *query) (*File, error) {
	f := &File{Path: q.file, Target: q.target, What: q.what, Header: q.header}
	reads := q.node.tables()
	if missing := difference(reads, q.header.Reads); len(missing) > 0 {
		return nil, fmt.Errorf("the header's source does not name %s, which the SELECT reads", strings.Join(missing, ", "))
	}
	if alien := difference(q.header.Reads, reads); len(alien) > 0 {
		return nil, fmt.Errorf("the header's source names %s, which the SELECT does not read", strings.Join(alien, ", "))
	}
	out, err := r.relation(*q.node, scope{})
	if err != nil {
		return nil, err
	}
	notes := q.notes()
	for _, c := range out.columns {
		rule := c.full()
		if before, _, found := strings.Cut(rule, unknownConcept); found {
			return nil, fmt.Errorf("column %s writes concept %s, which omop/cdm/concept.csv lacks: add it there, with its source", c.name, before[strings.LastIndexAny(before, " ")+1:])
		}
		f.Columns = append(f.Columns, Column{Name: c.name, Fields: c.fields, Rule: rule, Note: notes[c.name]})
	}
	f.Rows, f.Per, err = r.which(*q.node)
	return f, err
}

// difference is what is in a and not in b, sorted.
func difference(a, b []string) (only []string) {
	for _, x := range a {
		if !slices.Contains(b, x) && !slices.Contains(only, x) {
			only = append(only, x)
		}
	}
	slices.Sort(only)
	return only
}

// resources tells of each delivered file what of it is read.
func (r *reader) resources(files []File) (all []Resource) {
	for i := range r.feed.Resources {
		of := &r.feed.Resources[i]
		told := Resource{Name: of.Name, Title: of.Title, Reason: of.Unmapped}
		for j := range of.Fields {
			f := &of.Fields[j]
			if f.Role != intake.Health && f.Role != intake.Key {
				continue
			}
			if r.used[of.Name+"."+f.Name] {
				told.Used = append(told.Used, f.Name)
			} else {
				told.Unused = append(told.Unused, f.Name)
			}
		}
		for _, f := range files {
			if f.Target != "view" && f.Target != "unmapped" && slices.Contains(r.below(f.Header.Reads), of.Name) && !slices.Contains(told.Tables, f.Target) {
				told.Tables = append(told.Tables, f.Target)
			}
		}
		all = append(all, told)
	}
	return all
}

// below names what a file reads, its views' sources included.
func (r *reader) below(reads []string) (all []string) {
	for _, name := range reads {
		all = append(all, name)
		if file, view := r.views[name]; view {
			all = append(all, r.below(r.queries[file].header.Reads)...)
		}
	}
	return all
}
