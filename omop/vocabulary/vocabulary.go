// Package vocabulary reads the standardised vocabularies of OHDSI as Athena gives
// them (https://athena.ohdsi.org): a folder or ZIP of files such as CONCEPT.csv.
//
// Open finds the files, Bundle.Load checks one of them row by row and writes the
// good rows as Parquet. Every row is accepted or refused, with file, line and
// field; nothing is guessed. Files are read as streams: besides a row group, what
// stays in memory is one bit for each concept, so that rows about concepts that
// the bundle does not have are found.
//
// A file is separated by tabs, without any quoting, as Athena writes it, or by
// commas (RFC 4180). Columns may stand in any order. Dates are 19700101 or 1970-01-01.
package vocabulary

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"rempart.eu/rempart/engine"
)

// Table is a table of the vocabulary (https://ohdsi.github.io/CommonDataModel/cdm54.html).
type Table struct {
	Name     string
	Required bool // a bundle is none without it
	Fields   []Field
}

// Field is a column of a table.
type Field struct {
	engine.Column
	MaxLength int  // in characters; 0: no limit
	Concept   bool // the number of a concept, which the bundle must have
	Unique    bool // names the row
}

// File is the name of the table's file.
func (t Table) File() string { return strings.ToUpper(t.Name) + ".csv" }

// columns of the tables: name, type (a number: text of at most that length), then
// ? may be empty, > names a concept, ! is unique.
var layout = []struct{ name, columns string }{
	{"concept", "concept_id INTEGER!,concept_name 255,domain_id 20,vocabulary_id 20,concept_class_id 20,standard_concept 1?,concept_code 50,valid_start_date DATE,valid_end_date DATE,invalid_reason 1?"},
	{"vocabulary", "vocabulary_id 20,vocabulary_name 255,vocabulary_reference 255?,vocabulary_version 255?,vocabulary_concept_id INTEGER"},
	{"domain", "domain_id 20,domain_name 255,domain_concept_id INTEGER"},
	{"concept_class", "concept_class_id 20,concept_class_name 255,concept_class_concept_id INTEGER"},
	{"relationship", "relationship_id 20,relationship_name 255,is_hierarchical 1,defines_ancestry 1,reverse_relationship_id 20,relationship_concept_id INTEGER"},
	{"concept_relationship", "concept_id_1 INTEGER>,concept_id_2 INTEGER>,relationship_id 20,valid_start_date DATE,valid_end_date DATE,invalid_reason 1?"},
	{"concept_synonym", "concept_id INTEGER>,concept_synonym_name 1000,language_concept_id INTEGER"},
	{"concept_ancestor", "ancestor_concept_id INTEGER>,descendant_concept_id INTEGER>,min_levels_of_separation INTEGER,max_levels_of_separation INTEGER"},
	{"drug_strength", "drug_concept_id INTEGER>,ingredient_concept_id INTEGER>,amount_value DOUBLE?,amount_unit_concept_id INTEGER?,numerator_value DOUBLE?,numerator_unit_concept_id INTEGER?,denominator_value DOUBLE?,denominator_unit_concept_id INTEGER?,box_size INTEGER?,valid_start_date DATE,valid_end_date DATE,invalid_reason 1?"},
}

var tables = readLayout()

// Tables are the tables of a bundle, concepts first.
func Tables() []Table { return tables }

func readLayout() (all []Table) {
	for _, l := range layout {
		t := Table{Name: l.name, Required: l.name == "concept" || l.name == "concept_relationship" || l.name == "vocabulary"}
		for column := range strings.SplitSeq(l.columns, ",") {
			name, kind, _ := strings.Cut(column, " ")
			f := Field{Concept: strings.HasSuffix(kind, ">"), Unique: strings.HasSuffix(kind, "!")}
			optional := strings.HasSuffix(kind, "?")
			kind = strings.TrimRight(kind, "?>!")
			if _, err := fmt.Sscanf(kind, "%d", &f.MaxLength); err == nil {
				kind = "VARCHAR"
			}
			f.Column = engine.Column{Name: name, Type: kind, Required: !optional}
			t.Fields = append(t.Fields, f)
		}
		all = append(all, t)
	}
	return all
}

// Bundle is a folder or ZIP of vocabulary files.
type Bundle struct {
	folder fs.FS
	closer io.Closer
	names  map[string]string // table: its file
	known  concepts
	made   Summary
}

// Summary is what a bundle says of itself, as far as it was loaded.
type Summary struct {
	Version      string             `json:"version"` // of the whole, as VOCABULARY.csv has it for "None"
	Vocabularies map[string]*Counts `json:"vocabularies"`
}

// Counts counts the concepts of one vocabulary.
type Counts struct {
	Version  string `json:"version,omitempty"`
	Concepts int64  `json:"concepts"`
	Standard int64  `json:"standard"` // of those
	Invalid  int64  `json:"invalid"`  // of those, replaced or deleted
}

// Open finds the files of a bundle: a folder, or a ZIP in which they may lie in a
// folder. Other files are left alone.
func Open(name string) (*Bundle, error) {
	b := newBundle()
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		b.folder = os.DirFS(name)
	} else {
		archive, err := zip.OpenReader(name)
		if err != nil {
			return nil, fmt.Errorf("%s: want a folder or a ZIP of vocabulary files: %w", name, err)
		}
		b.folder, b.closer = archive, archive
	}
	if err := b.find(info.IsDir()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), b.Close())
	}
	return b, nil
}

func newBundle() *Bundle {
	return &Bundle{names: map[string]string{}, known: concepts{}, made: Summary{Vocabularies: map[string]*Counts{}}}
}

func (b *Bundle) find(flat bool) error {
	err := fs.WalkDir(b.folder, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && flat && file != "." {
			return fs.SkipDir
		}
		for _, t := range tables {
			if d.IsDir() || !strings.EqualFold(path.Base(file), t.File()) {
				continue
			}
			if other, twice := b.names[t.Name]; twice {
				return fmt.Errorf("%s is there twice: %s and %s", t.File(), other, file)
			}
			b.names[t.Name] = file
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Required && b.names[t.Name] == "" {
			return fmt.Errorf("there is no file %s: want a bundle as Athena gives it", t.File())
		}
	}
	return nil
}

// Has says whether the bundle has a table.
func (b *Bundle) Has(table Table) bool { return b.names[table.Name] != "" }

// Summary is what was learnt of the concepts that were accepted.
func (b *Bundle) Summary() Summary { return b.made }

// Close closes the bundle.
func (b *Bundle) Close() error {
	if b.closer == nil {
		return nil
	}
	return b.closer.Close()
}

// concepts is a set of concept numbers, a bit each, by pages.
type concepts map[int32]*[1 << 10]uint64

const pageBits = 16

// add says whether the number was not there.
func (c concepts) add(id int32) bool {
	page := c[id>>pageBits]
	if page == nil {
		page = new([1 << 10]uint64)
		c[id>>pageBits] = page
	}
	at := uint32(id) & (1<<pageBits - 1) //nolint:gosec // the lower bits of the number
	if page[at/64]&(1<<(at%64)) != 0 {
		return false
	}
	page[at/64] |= 1 << (at % 64)
	return true
}

func (c concepts) has(id int32) bool {
	page := c[id>>pageBits]
	at := uint32(id) & (1<<pageBits - 1) //nolint:gosec // the lower bits of the number
	return page != nil && page[at/64]&(1<<(at%64)) != 0
}
