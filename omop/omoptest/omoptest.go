// Package omoptest builds a CDM from a folder of a provider's plain CSV files,
// so that a feed's mapping can be tested alone.
//
// It plays the two steps before the builder in the shortest way that keeps their
// contract: a field's role decides what health data holds (a person key becomes
// a number, a local key its hash, a date its month), and two deposits' persons
// are one where their local keys are equal. It checks no row of a table; FHIR goes
// through package intake.
package omoptest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/omop"
)

// Folder is one provider's delivery.
type Folder struct {
	Deposit    string // its name
	Feed       string
	Dir        string // holds the files by the paths of the feed's resources
	Vocabulary fs.FS  // nil: the feed's own

	// Refused takes the lines of FHIR that were refused. Nil: one that the feed
	// does not exclude fails the test.
	Refused func(intake.RowError)
}

// Build loads the folders and builds schema cdm. Persons are linked by their
// local keys, numbered in the order of the keys.
func Build(t testing.TB, feeds fs.FS, folders ...Folder) (*engine.DB, *omop.Report) {
	t.Helper()
	db := Open(t)
	in := Load(t, db, feeds, folders...)
	report, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return db, report
}

// Open starts a database that ends with the test, for as few rows as tests have.
func Open(t testing.TB) *engine.DB {
	t.Helper()
	db := OpenAllCores(t)
	if err := db.Expect(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return db
}

// OpenAllCores is [Open] of a database as releases of many rows have it: what comes of them
// must not depend on who works when.
func OpenAllCores(t testing.TB) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Empty is a database with the tables of a release and no row.
func Empty(t testing.TB) *engine.DB {
	t.Helper()
	l := loader{t: t, db: Open(t)}
	l.exec("CREATE SCHEMA cdm")
	for _, table := range omop.Tables() {
		var columns []string
		for _, f := range omop.Fields(table) {
			columns = append(columns, f.Name+" "+f.Type)
		}
		l.exec(fmt.Sprintf("CREATE TABLE cdm.%s (%s)", table, strings.Join(columns, ", ")))
	}
	return l.db
}

// Load turns the folders into the input of a build.
func Load(t testing.TB, db *engine.DB, feeds fs.FS, folders ...Folder) omop.Input {
	t.Helper()
	l := loader{t: t, db: db}
	l.exec("CREATE TABLE plain_person (deposit VARCHAR, local VARCHAR)")
	in := omop.Input{Feeds: feeds, Links: "links"}
	for i, f := range folders {
		folder, err := fs.Sub(feeds, f.Feed)
		if err != nil {
			t.Fatal(err)
		}
		feed, err := intake.LoadFeed(folder)
		if err != nil {
			t.Fatal(err)
		}
		deposit := omop.Deposit{Name: f.Deposit, Feed: f.Feed, Tables: map[string]string{}, Vocabulary: f.Vocabulary}
		for _, r := range feed.Resources {
			if r.Type() == "" && l.load(f, i, r) {
				deposit.Tables[r.Name] = engine.Quote(table("health", i, r.Name))
			}
		}
		if slices.ContainsFunc(feed.Resources, func(r intake.Resource) bool { return r.Type() != "" }) {
			for _, name := range l.loadFHIR(f, i, feed) {
				deposit.Tables[name] = engine.Quote(table("health", i, name))
			}
		}
		in.Deposits = append(in.Deposits, deposit)
	}
	// A matching number differs from deposit to deposit: here by its sign and offset.
	l.exec(`CREATE TABLE links AS
		SELECT deposit, hash(deposit, local) >> 1 AS person, dense_rank() OVER (ORDER BY local) AS person_id
		FROM (SELECT DISTINCT deposit, local FROM plain_person)`)
	return in
}

// loader loads one delivery after the other.
type loader struct {
	t  testing.TB
	db *engine.DB
}

func (l loader) exec(query string) {
	l.t.Helper()
	if err := l.db.Exec(l.t.Context(), query); err != nil {
		l.t.Fatal(err)
	}
}

// load makes the health table of one resource; false where it was not delivered.
func (l loader) load(f Folder, i int, r intake.Resource) bool {
	l.t.Helper()
	file, err := os.Open(filepath.Join(f.Dir, r.Path))
	if errors.Is(err, fs.ErrNotExist) && r.Optional {
		return false
	}
	if err != nil {
		l.t.Fatal(err)
	}
	defer file.Close()
	columns := make([]engine.Column, len(r.Fields))
	for j, field := range r.Fields {
		columns[j] = engine.Column{Name: field.Name, Type: "VARCHAR"}
	}
	plain := table("plain", i, r.Name)
	if err := l.db.LoadCSV(l.t.Context(), plain, columns, file); err != nil {
		l.t.Fatalf("%s: %v", r.Path, err)
	}
	l.exec(fmt.Sprintf("CREATE TABLE %s AS SELECT %s FROM %s WHERE %s",
		engine.Quote(table("health", i, r.Name)), health(f, r), engine.Quote(plain), kept(r)))
	for _, field := range r.Fields {
		if field.Role == intake.Person {
			l.exec(fmt.Sprintf("INSERT INTO plain_person SELECT %s, %s FROM %s",
				engine.Literal(f.Deposit), engine.Quote(field.Name), engine.Quote(plain)))
		}
	}
	return true
}

// health selects what health data holds of a resource.
func health(f Folder, r intake.Resource) string {
	byName := map[string]intake.Field{}
	person := ""
	for _, field := range r.Fields {
		byName[strings.ToLower(field.Name)] = field
		if field.Role == intake.Person {
			person = field.Name
		}
	}
	var selected []string
	for _, c := range r.HealthColumns() {
		field := byName[c.Name]
		value := engine.Quote(field.Name)
		switch {
		case c.Name == "line":
			value = "rowid + 2"
		case c.Name == "person":
			value = fmt.Sprintf("hash(%s, %s) >> 1", engine.Literal(f.Deposit), engine.Quote(person))
		case field.Role == intake.Key:
			value = "md5(" + engine.Literal(field.Domain+":") + " || " + value + ")"
		case field.Generalise == "year":
			value = "year(CAST(" + value + " AS DATE))"
		case field.Generalise == "month":
			value = "date_trunc('month', CAST(" + value + " AS DATE))"
		}
		selected = append(selected, fmt.Sprintf("CAST(%s AS %s) AS %s", value, c.Type, engine.Quote(c.Name)))
	}
	return strings.Join(selected, ", ")
}

// kept is the condition of rows that the feed does not exclude.
func kept(r intake.Resource) string {
	conditions := []string{"true"}
	for _, x := range r.Exclude {
		values := slices.Clone(x.Values)
		for i, v := range values {
			values[i] = engine.Literal(v)
		}
		conditions = append(conditions, fmt.Sprintf("coalesce(%s, '') NOT IN (%s)", engine.Quote(x.Field), strings.Join(values, ", ")))
	}
	return strings.Join(conditions, " AND ")
}

func table(kind string, i int, resource string) string {
	return fmt.Sprintf("%s_%d_%s", kind, i, resource)
}
