package omop

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/lake/scratch"
)

//go:embed sql
var statements embed.FS

// Deposit is one provider's health rows.
type Deposit struct {
	Name string // as in Links and in the report; unique
	Feed string // name of its feed

	Provider string    // who made it; "" is not said
	Made     time.Time // when; zero is not said

	// Tables gives for each resource that was delivered an SQL table expression
	// whose columns are those of [intake.Resource.HealthColumns].
	Tables map[string]string

	// Files gives resources in the place of Tables, each in the files in which it came.
	Files map[string][]File

	// Vocabulary is a folder of OMOP vocabulary files (CONCEPT.csv and
	// CONCEPT_RELATIONSHIP.csv, and VOCABULARY.csv and CONCEPT_ANCESTOR.csv where
	// they are there; separated by commas). Nil: the feed's own.
	Vocabulary fs.FS
}

// Input is what a build reads.
type Input struct {
	Deposits []Deposit

	// Links is an SQL table expression with the columns deposit VARCHAR, person
	// BIGINT (the matching number within that deposit) and person_id BIGINT.
	Links string

	Feeds fs.FS // a folder a feed

	// Vocabulary gives SQL table expressions of a whole vocabulary by the names of
	// its tables (concept, concept_relationship, concept_ancestor, vocabulary…). Of a
	// vocabulary that it has, the deposits' own say nothing more. Taken from it is what
	// the build needs: the vocabularies that a feed names, and the concepts that rows
	// use, with what stands above them. May be nil.
	Vocabulary map[string]string

	// PartRows is about how many rows of sources are mapped at a time; 0: [PartRows].
	// It bounds memory, beside what the finished tables take as Parquet in memory, and
	// changes nothing in them.
	PartRows int64

	// Scratch is a folder on a disk for what has no room in memory where persons are mapped
	// part by part: the rows of all sources, sealed. "" is the system's for temporary files.
	Scratch string

	Base *Base // a release to go on from; nil: none

	Release Release // what cdm_source and metadata tell

	// Maps are SQL table expressions of local maps, each as source_to_concept_map is.
	// Of a code that a map has, it alone says what it means; a later map speaks before an
	// earlier one.
	Maps []string
}

// Release is what a release says of itself in its tables cdm_source and metadata,
// besides its deposits, feeds and mappings. Zero: nothing is said.
type Release struct {
	Name       string    // the warehouse's
	Holder     string    // its controller
	Vocabulary string    // the loaded vocabulary's version; "": the feeds' own
	Made       time.Time // when it is published
}

// builder is one build.
type builder struct {
	db       *engine.DB
	feeds    fs.FS
	whole    map[string]string // Input.Vocabulary
	release  Release
	maps     []string // Input.Maps
	deposits []loaded // hospitals first: the order in which they are believed
	report   *Report

	partRows int64
	parts    []part
	at       int                 // the part whose rows are mapped now
	columns  map[string][]string // that a mapping may give, by its target
	sound    map[string]bool     // files of mappings whose columns were found right
	numbered map[string]int64    // rows of a table that earlier parts have numbered
	kept     map[string][]string // files of earlier parts, by schema and table
	sameStay int64               // stays of the part that were known by person and days

	scratch *scratch.Space
	pieces  map[pieceKey][]scratch.Piece
	atEnd   []func() error // close what was opened

	again map[[2]string]again // by deposit and resource, what was delivered again

	base    *Base  // that is gone on from
	touched string // persons who are not the base's, for the progress
	before  bool   // rows are mapped as the base did, to be accounted for alone
}

// loaded is a deposit with its feed.
type loaded struct {
	Deposit
	ordinal int
	feed    *feed
	with    []*loaded       // the deposits that are mapped together with it, itself among them
	words   map[string]bool // that the feed's mappings are written in, where persons are mapped part by part
}

// Build fills schema cdm of db with the tables of [Tables] and accounts for
// every row. It makes the schemas vocabulary, source, stage, ready, lineage, basis, cdm,
// and with a base some more, which must not be there. progress, where it is not nil, hears the name of each
// step as it starts. An error names the file of the feed to mend.
func Build(ctx context.Context, db *engine.DB, in Input, progress func(step string)) (_ *Report, err error) {
	b := &builder{db: db, feeds: in.Feeds, whole: in.Vocabulary, maps: in.Maps, release: in.Release, base: in.Base, report: &Report{}, sound: map[string]bool{}, numbered: map[string]int64{}, kept: map[string][]string{}, scratch: scratch.In(in.Scratch)}
	defer func() { err = errors.Join(err, b.close()) }()
	if b.partRows = in.PartRows; b.partRows <= 0 {
		b.partRows = PartRows
	}
	if err := b.load(in.Deposits); err != nil {
		return nil, err
	}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"links", func(ctx context.Context) error { return b.links(ctx, in.Links) }},
		{"", b.beginBasis},
		{"plan", b.plan},
		{"vocabulary", b.vocabulary},
		{"", b.basis},
		{"", b.findAgain},
		{"places and providers", b.mapGlobal},
		{"", func(ctx context.Context) error { return b.persons(ctx, progress) }},
		{"release", b.tell},
		{"concepts", b.exportVocabulary},
		{"account", b.account},
		{"", b.endBasis},
	}
	if err := b.run(ctx, "prepare.sql"); err != nil {
		return nil, err
	}
	if err := b.createTables(ctx); err != nil {
		return nil, err
	}
	b.startReport()
	for _, s := range steps {
		if progress != nil && s.name != "" {
			progress(s.name)
		}
		if err := s.do(ctx); err != nil {
			return nil, err
		}
	}
	return b.report, b.sweep(ctx)
}

// close frees what the build alone needed outside its database.
func (b *builder) close() error {
	return errors.Join(b.scratch.Close(), b.closeOpened())
}

func (b *builder) closeOpened() (err error) {
	for _, closeAll := range b.atEnd {
		err = errors.Join(err, closeAll())
	}
	b.atEnd = nil
	return err
}

// load reads the feeds and puts the deposits in the order of belief.
func (b *builder) load(deposits []Deposit) error {
	if len(deposits) == 0 {
		return fmt.Errorf("there is no deposit to build from: deposit at least one")
	}
	names, feeds := map[string]bool{}, map[string]*feed{}
	for _, d := range deposits {
		if names[d.Name] {
			return fmt.Errorf("two deposits are called %q: give each its own name", d.Name)
		}
		names[d.Name] = true
		feed := feeds[d.Feed]
		if feed == nil {
			var err error
			if feed, err = loadFeed(b.feeds, d.Feed); err != nil {
				return fmt.Errorf("deposit %s: %w", d.Name, err)
			}
			feeds[d.Feed] = feed
		}
		d.Tables = maps.Clone(d.Tables)
		if d.Tables == nil {
			d.Tables = map[string]string{}
		}
		for resource := range d.Files {
			d.Tables[resource] = closed
		}
		for resource := range d.Tables {
			if feed.Resource(resource) == nil {
				return fmt.Errorf("deposit %s: feed %s has no resource %q: %s", d.Name, d.Feed, resource, nearest.Hint(resource, feed.resourceNames()))
			}
		}
		b.deposits = append(b.deposits, loaded{Deposit: d, feed: feed})
	}
	belief := map[string]int{"hospital": 0, "insurer": 1}
	slices.SortStableFunc(b.deposits, func(x, y loaded) int {
		return cmp.Compare(belief[x.feed.Kind], belief[y.feed.Kind])
	})
	inOrderMade(b.deposits)
	for i := range b.deposits {
		b.deposits[i].ordinal = i
	}
	b.group()
	return nil
}

// links keeps which matching number is which person.
func (b *builder) links(ctx context.Context, expression string) error {
	if err := b.db.Exec(ctx, "CREATE TABLE stage.link AS SELECT deposit, person, person_id FROM "+expression); err != nil {
		return fmt.Errorf("read the links: %w", err)
	}
	var twice int64
	err := b.db.Value(ctx, &twice, "SELECT count(*) FROM (SELECT person FROM stage.link GROUP BY deposit, person HAVING count(DISTINCT person_id) > 1)")
	if err != nil {
		return fmt.Errorf("check the links: %w", err)
	}
	if twice > 0 {
		return fmt.Errorf("%d matching numbers are linked to several persons: link again", twice)
	}
	return nil
}

// sweep drops what only the build needed.
func (b *builder) sweep(ctx context.Context) error {
	if b.base != nil {
		if err := b.db.Exec(ctx, "DROP SCHEMA base CASCADE; DROP SCHEMA reach CASCADE; DROP SCHEMA splice CASCADE"); err != nil {
			return err
		}
	}
	return b.db.Exec(ctx, "DROP SCHEMA source CASCADE; DROP SCHEMA ready CASCADE; DROP SCHEMA stage CASCADE; DROP SCHEMA vocabulary CASCADE; DROP MACRO deposit; RESET VARIABLE deposit; RESET search_path")
}

// exists says whether there is a file of sql/.
func exists(file string) bool {
	_, err := fs.Stat(statements, "sql/"+file)
	return err == nil
}

// run executes a file of sql/, with words of it replaced: old, new, and so on.
func (b *builder) run(ctx context.Context, file string, words ...string) error {
	text, err := statements.ReadFile("sql/" + file)
	if err != nil {
		return fmt.Errorf("read omop/sql/%s: %w", file, err)
	}
	if err := b.db.Exec(ctx, strings.NewReplacer(words...).Replace(string(text))); err != nil {
		return fmt.Errorf("omop/sql/%s: %w", file, err)
	}
	return nil
}
