package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/portal"
	"rempart.eu/rempart/warehouse"
)

// The warehouse that the portal's pages are measured over.
const (
	portalStatements = 100_000
	portalProjects   = 200
)

// portalPages measures how long the server takes for each page of the portal, with
// 100,000 statements and 200 projects: the median of each page's times, and of the
// slowest page.
func (r *ledgerRun) portalPages(ctx context.Context) error {
	dir := filepath.Join(r.Dir, "portal")
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	w, err := warehouse.Init(ctx, dir, warehouse.InitOptions{Name: "Portal", Controller: "controller", Now: func() time.Time { return now }})
	if err != nil {
		return err
	}
	w.Now = func() time.Time { return now }
	if err := busyWarehouse(ctx, w, &now); err != nil {
		return err
	}
	w, err = warehouse.Open(dir)
	if err != nil {
		return err
	}
	w.Now = func() time.Time { return now }
	site := portal.New(portal.Options{Warehouse: w, Sessions: everybody{}, Log: slog.New(slog.DiscardHandler)})
	began := time.Now()
	if err := w.Read(ctx, func(*warehouse.Model) error { return nil }); err != nil { // as rempart serve does before it answers
		return err
	}
	r.Record(fmt.Sprintf("portal: its start, %d statements read", portalStatements), time.Since(began).Seconds(), "s")
	first, err := pageTime(ctx, site, "diane", "/register")
	if err != nil {
		return err
	}
	r.AtMost("portal: the first page after that", first*1000, "ms", 50)
	slowest := 0.0
	for _, page := range []struct{ name, who, path string }{
		{"what waits, officer", "diane", "/"}, {"what waits, checker", "bob", "/"}, {"what waits, researcher", "alice", "/"},
		{"public register", "", "/register"}, {"projects", "diane", "/projects"}, {"a project", "diane", "/projects/p-0007"}, {"a project, researcher", "alice", "/projects/p-0008"},
		{"outputs", "bob", "/outputs"}, {"all outputs", "diane", "/outputs?status=all"}, {"an output", "bob", "/outputs/s-000700-1"},
		{"releases", "diane", "/releases"}, {"a release", "diane", "/releases/r-1"}, {"keys", "controller", "/keys"}, {"the form of a decision", "diane", "/projects/p-0190/decide"}, {"hosts", "diane", "/hosts"}, {"parties", "diane", "/parties"},
		{"ledger", "diane", "/ledger"}, {"ledger, far back", "diane", "/ledger?skip=80000"}, {"ledger, one project", "diane", "/ledger?project=p-0007"},
		{"ledger, one kind and period", "diane", "/ledger?kind=run-finished&from=2026-01-06&to=2026-01-20"}, {"ledger, researcher", "alice", "/ledger"},
		{"a statement", "diane", "/ledger/54321"}, {"a receipt", "diane", "/api/v1/receipt/54321"}, {"verify", "diane", "/verify"},
	} {
		took, err := medianOf(15, func() (float64, error) { return pageTime(ctx, site, page.who, page.path) })
		if err != nil {
			return err
		}
		r.AtMost("portal: "+page.name, took*1000, "ms", 50)
		slowest = max(slowest, took)
	}
	r.AtMost("portal: the slowest page", slowest*1000, "ms", 50)
	return nil
}

// pageTime is how long a page takes at the server, in seconds.
func pageTime(ctx context.Context, site http.Handler, who, path string) (float64, error) {
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	request.Header.Set("X-Who", who)
	answer := httptest.NewRecorder()
	took, _ := seconds(func() error {
		site.ServeHTTP(answer, request)
		return nil
	})
	if answer.Code != http.StatusOK {
		return took, fmt.Errorf("%s: status %d", path, answer.Code)
	}
	return took, nil
}

// everybody is whom the request says: nothing is measured of logins.
type everybody struct{}

func (everybody) Who(r *http.Request) *portal.Person {
	if name := r.Header.Get("X-Who"); name != "" {
		return &portal.Person{Party: name, Token: "token"}
	}
	return nil
}

// busyWarehouse states what makes up 200 projects and 100,000 statements: requests,
// decisions, extractions, and runs with outputs, most of them decided on.
func busyWarehouse(ctx context.Context, w *warehouse.Warehouse, now *time.Time) error {
	for _, p := range []struct {
		name string
		role governance.Role
	}{
		{"hospital", governance.Provider}, {"linkers", governance.LinkageAuthority}, {"alice", governance.Researcher}, {"carol", governance.Researcher},
		{"bob", governance.OutputChecker}, {"diane", governance.Officer},
	} {
		if _, err := w.AddParty(ctx, p.name, p.role); err != nil {
			return err
		}
	}
	var batch []warehouse.Said
	count := 0
	say := func(actor string, body ledger.Body) {
		batch, count = append(batch, warehouse.Said{Actor: actor, Body: body}), count+1
	}
	flush := func() error {
		_, err := w.CommitAll(ctx, batch)
		batch, *now = nil, now.Add(time.Minute)
		return err
	}
	object := func(name string) ledger.Object {
		return ledger.Object{Name: name, Size: 4096, SHA256: ledger.Sum([]byte(name)), Key: "key-" + name}
	}
	say("controller", ledger.HostRegistered{Host: "local", HostKind: "directory", URL: "host", Jurisdiction: "FR"})
	say("hospital", ledger.DepositMade{Deposit: "d-1", Feed: "hospital", Files: []ledger.FileCount{{Resource: "stays", Rows: 10, Accepted: 10}}, Persons: 9,
		Objects: []ledger.Object{object("d")}, Resources: []string{"stays"}, Authority: "linkers", Pseudonyms: "keyed"})
	say("linkers", ledger.PersonsLinked{Linkage: "l-1", Pseudonyms: "keyed", Deposits: []string{"d-1"}, Records: 9, Persons: 9, Object: object("l")})
	say("controller", ledger.ReleasePublished{Release: "r-1", Linkage: "l-1", Deposits: []string{"d-1"}, Persons: 9, Tables: []ledger.TableCount{{Table: "person", Rows: 9}},
		Manifest: object("m"), Objects: ledger.Sum(nil), RetainUntil: now.AddDate(20, 0, 0)})
	names := make([]string, portalProjects)
	for i := range names {
		names[i] = fmt.Sprintf("p-%04d", i)
		researcher := []string{"alice", "carol"}[i%2]
		spec := fmt.Sprintf(portalSpec, names[i], i, researcher)
		say(researcher, ledger.ProjectRequested{Project: names[i], Spec: spec})
		if i >= portalProjects-20 {
			continue // these wait
		}
		say("diane", ledger.ProjectApproved{Project: names[i], Spec: ledger.Sum([]byte(spec)), Reason: "favourable opinion of the committee"})
		say("controller", ledger.ProjectExtracted{Project: names[i], Release: "r-1", Persons: 9, Tables: []ledger.TableCount{{Table: "person", Rows: 9}}, Objects: []ledger.Object{object(names[i])}})
	}
	if err := flush(); err != nil {
		return err
	}
	running := names[:portalProjects-20]
	for run := 0; count < portalStatements-10; run++ {
		i := run % len(running)
		id, researcher := fmt.Sprintf("s-%06d", run), []string{"alice", "carol"}[i%2]
		output := ledger.Output{Output: id + "-1", Name: "result.csv", Size: 1840, SHA256: ledger.Sum([]byte(id))}
		say(researcher, ledger.RunRequested{Run: id, Project: running[i], Language: "sql", Name: "study.sql", Code: output.SHA256})
		say("controller", ledger.RunFinished{Run: id, Outcome: "done", Seconds: 1, Outputs: []ledger.Output{output}})
		if run%50 != 0 { // the others wait
			say("bob", ledger.OutputReleased{Output: output.Output, SHA256: output.SHA256, Reason: "every cell is 11 or more"})
		}
		if len(batch) >= 3000 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	for count+6+2 < portalStatements { // the parties and the creation are statements too
		say("controller", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
	}
	if err := flush(); err != nil {
		return err
	}
	return w.Read(ctx, func(m *warehouse.Model) error {
		if m.Size() < portalStatements-100 || !slices.Contains([]int{portalProjects}, m.State.Projects.Len()) {
			return errors.Join(fmt.Errorf("%d statements and %d projects are not what is to be measured", m.Size(), m.State.Projects.Len()))
		}
		return nil
	})
}

const portalSpec = `project: %s
title: Pneumonia and chronic diseases, study %d
purpose: How often adults have pneumonia, by season and age.
use: scientific-research
controller: University hospital
legal_basis:
  text: GDPR articles 6(1)(e) and 9(2)(j)
  reference: decision DR-2026-123
persons: SELECT person_id FROM person
tables:
  person: [person_id, gender_concept_id, year_of_birth]
  condition_occurrence: [person_id, condition_concept_id, condition_start_date]
period:
  from: 2021-01-01
  to: 2024-12-31
researchers: [%s]
ends: 2028-12-31
minimum_cell_count: 11
`
