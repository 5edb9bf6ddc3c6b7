package feeds_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
	"rempart.eu/rempart/pseudonym"
)

// delivery is what intake made of one provider's files: the real checks, and
// pseudonyms that a reader can foresee. Persons are numbered from 1 in the order
// in which the files first name them.
type delivery struct {
	name    string // of the deposit
	db      *engine.DB
	tables  map[string][]string // resource: its files' tables
	counts  map[string]intake.Counts
	refused []intake.RowError
	persons map[int64][]pseudonym.Identity
	numbers map[string]int64 // persons' by their keys
	in      omop.Input       // of the build
}

// deliver checks files as a deposit of a feed.
func deliver(t *testing.T, feed *intake.Feed, files map[string]string) *delivery {
	t.Helper()
	return deliverAs(t, omoptest.Open(t), "cnam", feed, files)
}

// deliverAs checks files as one of several deposits.
func deliverAs(t *testing.T, db *engine.DB, name string, feed *intake.Feed, files map[string]string) *delivery {
	t.Helper()
	d := &delivery{name: name, db: db, tables: map[string][]string{}, counts: map[string]intake.Counts{}, persons: map[int64][]pseudonym.Identity{}, numbers: map[string]int64{}}
	found, err := feed.Deliver(slices.Sorted(maps.Keys(files)))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Ignored) > 0 {
		t.Fatalf("the feed does not know the files %s", found.Ignored)
	}
	checker := intake.NewChecker(found, &numbered{numbers: d.numbers}, intake.Options{Workers: 1})
	for _, s := range found.Sources {
		d.check(t, checker, s, files[s.Name])
	}
	return d
}

func (d *delivery) check(t *testing.T, checker *intake.Checker, s intake.Source, text string) {
	t.Helper()
	health := make([]bytes.Buffer, len(s.Feeds))
	sinks := intake.Sinks{
		Identity: func(person int64, who pseudonym.Identity) error {
			d.persons[person] = append(d.persons[person], who)
			return nil
		},
		Refused: func(e intake.RowError) error {
			d.refused = append(d.refused, e)
			return nil
		},
	}
	for i := range health {
		sinks.Health = append(sinks.Health, intaketest.NewText(&health[i], s.Feeds[i].Resource.HealthColumns()))
	}
	counts, err := checker.Check(t.Context(), s, s.Name, strings.NewReader(text), sinks)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range s.Feeds {
		name := part.Resource.Name
		total := d.counts[name]
		total.Rows += counts[i].Rows
		total.Accepted += counts[i].Accepted
		total.Refused += counts[i].Refused
		total.Excluded += counts[i].Excluded
		d.counts[name] = total
		table := fmt.Sprintf("%s_%s_%d", d.name, name, part.Ordinal)
		if err := d.db.LoadCSV(t.Context(), table, part.Resource.HealthColumns(), &health[i]); err != nil {
			t.Fatal(err)
		}
		d.tables[name] = append(d.tables[name], "FROM "+engine.Quote(table))
	}
}

// deposit is the delivery as a build takes it.
func (d *delivery) deposit(feed string) omop.Deposit {
	tables := map[string]string{}
	for name, parts := range d.tables {
		tables[name] = "(" + strings.Join(parts, " UNION ALL ") + ")"
	}
	return omop.Deposit{Name: d.name, Feed: feed, Provider: "cnam", Tables: tables}
}

// input is that of a build of the deposit.
func (d *delivery) input(feed string) omop.Input {
	return omop.Input{
		Deposits: []omop.Deposit{d.deposit(feed)},
		Links:    "(SELECT 'cnam' AS deposit, n AS person, n AS person_id FROM range(1, 10000) AS t(n))",
		Feeds:    feeds.FS(),
	}
}

// build makes the CDM of the delivery; person n of the files is person_id n.
func (d *delivery) build(t *testing.T, feed string) *omop.Report {
	t.Helper()
	d.in = d.input(feed)
	report, err := omop.Build(t.Context(), d.db, d.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Accounted() {
		t.Error("some accepted rows are not accounted for")
	}
	return report
}

// accepted counts the rows that a build is handed.
func (d *delivery) accepted() (rows int64) {
	for _, c := range d.counts {
		rows += c.Accepted
	}
	return rows
}

// query returns the rows of a query as CSV, with the names of its columns.
func (d *delivery) query(t *testing.T, query string) string {
	t.Helper()
	var out strings.Builder
	if err := d.db.CopyOut(t.Context(), query, engine.CSV, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// numbered numbers persons as they come.
type numbered struct {
	mu      sync.Mutex
	numbers map[string]int64
}

func (n *numbered) Person(localKey string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.numbers[localKey]; !ok {
		n.numbers[localKey] = int64(len(n.numbers)) + 1
	}
	return n.numbers[localKey]
}

func (n *numbered) Key(domain, value string) string {
	return domain + ":" + strings.ReplaceAll(value, "\x00", "/")
}

// loadFeed reads an embedded feed, its descriptor changed by the pairs of old
// and new text.
func loadFeed(t *testing.T, name string, change ...string) *intake.Feed {
	t.Helper()
	folder, err := fs.Sub(feeds.FS(), name)
	if err != nil {
		t.Fatal(err)
	}
	if len(change) > 0 {
		folder = changed{folder, strings.NewReplacer(change...)}
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// changed is a feed's folder with another descriptor.
type changed struct {
	fs.FS
	by *strings.Replacer
}

func (c changed) ReadFile(name string) ([]byte, error) {
	text, err := fs.ReadFile(c.FS, name)
	return []byte(c.by.Replace(string(text))), err
}
