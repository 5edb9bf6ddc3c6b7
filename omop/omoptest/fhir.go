package omoptest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
)

// loadFHIR checks a delivery of FHIR resources, makes the health table of each
// view, and names them. A refused line fails the test, but for those that the
// feed excludes.
func (l loader) loadFHIR(f Folder, i int, feed *intake.Feed) (views []string) {
	l.t.Helper()
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	delivery, err := feed.Deliver(names)
	if err != nil {
		l.t.Fatal(err)
	}
	open := func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(f.Dir, name)) }
	if err := delivery.LookInto(open); err != nil {
		l.t.Fatal(err)
	}
	people := &numbers{of: map[string]int64{}}
	checker := intake.NewChecker(delivery, people, intake.Options{})
	made := map[string]bool{}
	for _, s := range delivery.Sources {
		health := l.check(f, checker, s, open)
		for j, part := range s.Feeds {
			plain := table("plain", i, part.Resource.Name)
			if !made[plain] {
				made[plain] = true
				l.table(plain, part.Resource)
				views = append(views, part.Resource.Name)
			}
			err := l.db.FromCSV(l.t.Context(), part.Resource.HealthColumns(), &health[j], func(rows string) error {
				return l.db.Exec(l.t.Context(), fmt.Sprintf("INSERT INTO %s FROM %s", engine.Quote(plain), rows))
			})
			if err != nil {
				l.t.Fatalf("%s: %v", part.Resource.Name, err)
			}
		}
	}
	l.number(f, i, feed, people, made)
	return views
}

// check gives the health data of each view of a source.
func (l loader) check(f Folder, checker *intake.Checker, s intake.Source, open func(string) (io.ReadCloser, error)) []bytes.Buffer {
	health := make([]bytes.Buffer, len(s.Feeds))
	sinks := intake.Sinks{Refused: func(e intake.RowError) error {
		if f.Refused != nil {
			f.Refused(e)
		} else if !e.Excluded() {
			l.t.Errorf("refused: %v", &e)
		}
		return nil
	}}
	for j := range health {
		sinks.Health = append(sinks.Health, intaketest.NewText(&health[j], s.Feeds[j].Resource.HealthColumns()))
	}
	in, err := open(s.Name)
	if err != nil {
		l.t.Fatal(err)
	}
	defer in.Close()
	if _, err := checker.Check(l.t.Context(), s, s.Name, in, sinks); err != nil {
		l.t.Fatal(err)
	}
	return health
}

func (l loader) table(name string, r *intake.Resource) {
	var columns string
	for _, c := range r.HealthColumns() {
		columns += engine.Quote(c.Name) + " " + c.Type + ", "
	}
	l.exec(fmt.Sprintf("CREATE TABLE %s (%s)", engine.Quote(name), columns))
}

// number makes the health tables, with matching numbers as [Load] gives them.
func (l loader) number(f Folder, i int, feed *intake.Feed, people *numbers, made map[string]bool) {
	local := engine.Quote(table("number", i, "fhir"))
	l.exec("CREATE TABLE " + local + " (number BIGINT, local VARCHAR)")
	for n, key := range people.order {
		l.exec(fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", local, n, engine.Literal(key)))
		l.exec(fmt.Sprintf("INSERT INTO plain_person VALUES (%s, %s)", engine.Literal(f.Deposit), engine.Literal(key)))
	}
	for _, r := range feed.Resources {
		plain := table("plain", i, r.Name)
		if !made[plain] {
			continue
		}
		query := "FROM " + engine.Quote(plain)
		if r.AboutPersons() {
			query = fmt.Sprintf("SELECT p.* REPLACE (hash(%s, n.local) >> 1 AS person) FROM %s p JOIN %s n ON n.number = p.person",
				engine.Literal(f.Deposit), engine.Quote(plain), local)
		}
		l.exec(fmt.Sprintf("CREATE TABLE %s AS %s", engine.Quote(table("health", i, r.Name)), query))
	}
}

// numbers counts persons in the order in which they come.
type numbers struct {
	mu    sync.Mutex
	of    map[string]int64
	order []string
}

func (n *numbers) Person(local string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	number, known := n.of[local]
	if !known {
		number = int64(len(n.order))
		n.of[local] = number
		n.order = append(n.order, local)
	}
	return number
}

func (n *numbers) Key(domain, value string) string { return domain + "/" + value }
