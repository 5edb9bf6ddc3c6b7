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
	"rempart.eu/rempart/intake/fhir"
)

// loadFHIR checks the FHIR resources of a delivery, makes the health table of
// each view, and names them. A refused line fails the test, but for those that
// the feed excludes.
func (l loader) loadFHIR(f Folder, i int, feed *intake.Feed) (views []string) {
	l.t.Helper()
	var types []string
	for _, g := range feed.Groups() {
		if g[0].Type() != "" {
			types = append(types, g[0].Type())
		}
	}
	if len(types) == 0 {
		return nil
	}
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	delivery, err := fhir.NewDelivery(names, types, func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(f.Dir, name)) })
	if err != nil {
		l.t.Fatal(err)
	}
	people := &numbers{deposit: f.Deposit, of: map[string]int64{}}
	checker := intake.NewChecker(feed, people, intake.Options{MaxRefused: 1})
	l.exec(fmt.Sprintf("CREATE TABLE %s (number BIGINT, local VARCHAR)", engine.Quote(table("number", i, "fhir"))))
	known := 0
	for _, g := range feed.Groups() {
		files := delivery.Files(g[0].Type())
		if g[0].Type() == "" || len(files) == 0 {
			continue
		}
		health := l.check(f, checker, g, files)
		for ; known < len(people.order); known++ {
			l.exec(fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", engine.Quote(table("number", i, "fhir")), known, engine.Literal(people.order[known])))
			l.exec(fmt.Sprintf("INSERT INTO plain_person VALUES (%s, %s)", engine.Literal(f.Deposit), engine.Literal(people.order[known])))
		}
		for j, r := range g {
			l.table(f, i, r, &health[j])
			views = append(views, r.Name)
		}
	}
	return views
}

// check gives the health data of each view of a group.
func (l loader) check(f Folder, checker *intake.Checker, g []intake.Resource, files []fhir.File) []bytes.Buffer {
	health := make([]bytes.Buffer, len(g))
	sinks := intake.ViewSinks{Refused: func(e intake.RowError) error {
		if f.Refused != nil {
			f.Refused(e)
		} else if !e.Excluded() {
			l.t.Errorf("refused: %v", &e)
		}
		return nil
	}}
	for j := range health {
		sinks.Health = append(sinks.Health, &health[j])
	}
	for _, file := range files {
		in, err := file.Open()
		if err != nil {
			l.t.Fatal(err)
		}
		if _, err := checker.CheckViews(l.t.Context(), g, file.Name, in, sinks); err != nil {
			l.t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			l.t.Fatal(err)
		}
	}
	return health
}

// table makes the health table of a view, with matching numbers as [Load] gives them.
func (l loader) table(f Folder, i int, r intake.Resource, health io.Reader) {
	plain := table("plain", i, r.Name)
	if err := l.db.LoadCSV(l.t.Context(), plain, r.HealthColumns(), health); err != nil {
		l.t.Fatalf("%s: %v", r.Name, err)
	}
	query := "FROM " + engine.Quote(plain)
	for _, c := range r.HealthColumns() {
		if c.Name == "person" {
			query = fmt.Sprintf("SELECT p.* REPLACE (hash(%s, n.local) >> 1 AS person) FROM %s p JOIN %s n ON n.number = p.person",
				engine.Literal(f.Deposit), engine.Quote(plain), engine.Quote(table("number", i, "fhir")))
		}
	}
	l.exec(fmt.Sprintf("CREATE TABLE %s AS %s", engine.Quote(table("health", i, r.Name)), query))
}

// numbers counts persons in the order in which they come.
type numbers struct {
	deposit string
	mu      sync.Mutex
	of      map[string]int64
	order   []string
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
