package portal

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/omop/profile"
	"rempart.eu/rempart/omop/quality"
	"rempart.eu/rempart/warehouse"
)

// evil is what somebody writes who wants to run a script in others' browsers.
const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'><svg/onload=alert(3)>`

// clock is a clock that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// today is the day on which the tests look at the warehouse.
var today = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

// story is a warehouse's home with a story that has a bit of everything. It is
// made once; tests that write work on a copy.
var story = sync.OnceValues(func() (string, error) {
	parent, err := os.MkdirTemp("", "rempart-portal-")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(parent, "home")
	return dir, tellStory(context.Background(), dir)
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := story(); err == nil {
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(status)
}

func tellStory(ctx context.Context, dir string) error {
	c := &clock{time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	w, err := warehouse.Init(ctx, dir, warehouse.InitOptions{Name: "Entrepôt de démonstration", Controller: "chu", Jurisdiction: "FR", Now: c.now})
	if err != nil {
		return err
	}
	w.Now = c.now
	say := func(actor string, body ledger.Body) {
		if err != nil {
			return
		}
		c.at = c.at.Add(31 * time.Minute)
		if _, err = w.Commit(ctx, actor, body); err != nil {
			err = fmt.Errorf("%s by %s: %w", body.Kind(), actor, err)
		}
	}
	for _, p := range []struct {
		name string
		role governance.Role
	}{
		{"chu-lyon", governance.Provider}, {"caisse", governance.Provider}, {"tiers", governance.LinkageAuthority},
		{"alice", governance.Researcher}, {"carol", governance.Researcher}, {"bob", governance.OutputChecker}, {"diane", governance.Officer},
	} {
		if _, err := w.AddParty(ctx, p.name, p.role); err != nil {
			return err
		}
	}
	object := func(name string) ledger.Object {
		return ledger.Object{Name: name, Size: 4096, SHA256: ledger.Sum([]byte(name)), Key: "release-" + name}
	}
	for i, provider := range []string{"chu-lyon", "caisse"} {
		say(provider, ledger.DepositMade{Deposit: fmt.Sprintf("d-%04d", i+1), Feed: "hospital", FeedDigest: ledger.Sum(nil),
			Files:   []ledger.FileCount{{Resource: "stays", Rows: 120_345, Accepted: 120_301, Refused: 44}},
			Persons: 31_207, Objects: []ledger.Object{object(provider)}, Resources: []string{"stays"}, Identities: ledger.Sum(nil), Authority: "tiers", Pseudonyms: "keyed", Quarantine: ledger.Sum(nil)})
	}
	rate := 0.9634
	report, attached := w.Log.Attach(linkage.Report{
		Records: 62_414, Persons: 48_730, Shared: 13_684, Methods: map[string]linkage.Count{"identifier": 40_112, "identity": 22_302},
		Deposits: []linkage.DepositRates{{Deposit: "d-0001", Provider: "chu-lyon", Records: 31_207, Shared: 13_684, Linked: &rate}, {Deposit: "d-0002", Provider: "caisse", Records: 7}},
		Stays:    &linkage.StayReport{Estimates: []linkage.Estimate{{Measure: "precision", Value: &rate, Of: 80_211, Method: "agreements by chance"}}},
	})
	if attached != nil {
		return attached
	}
	say("tiers", ledger.PersonsLinked{Report: report, Linkage: "l-0001", Pseudonyms: "keyed", Deposits: []string{"d-0001", "d-0002"}, Records: 62_414, Persons: 48_730, Shared: 13_684, Methods: map[string]int64{"identifier": 40_112, "identity": 22_302}, Object: object("linkage")})
	say("chu", ledger.ReleasePublished{Release: "r-2026-03", Linkage: "l-0001", Deposits: []string{"d-0001", "d-0002"}, Persons: 48_730,
		Tables:   []ledger.TableCount{{Table: "person", Rows: 48_730}, {Table: "visit_occurrence", Rows: 240_602}, {Table: "condition_occurrence", Rows: 1_204_511}},
		Quality:  &ledger.Quality{Checks: 1_402, Failed: 3, Rules: ledger.Sum(nil), Results: object("quality")},
		Manifest: object("manifest"), Objects: ledger.Sum(nil), RetainUntil: time.Date(2046, 3, 2, 0, 0, 0, 0, time.UTC)})
	for i, r := range []struct{ name, title, researcher, ends string }{
		{"pneumonia", "Pneumonia and chronic diseases in adults", "alice", "2028-12-31"},
		{"grippe", "Grippe saisonnière chez les personnes âgées en Auvergne-Rhône-Alpes", "carol", "2026-12-20"},
		{"evil", evil, "carol", "2027-06-30"},
		{"tabac", "Tobacco and hospital stays", "alice", "2027-12-31"},
	} {
		c.at = c.at.AddDate(0, 0, 11)
		say(r.researcher, ledger.ProjectRequested{Project: r.name, Spec: spec(r.name, r.title, r.researcher, r.ends, "")})
		if i == 3 {
			continue // it waits
		}
		c.at = c.at.AddDate(0, 0, 5)
		say("diane", ledger.ProjectApproved{Project: r.name, Spec: ledger.Sum([]byte(spec(r.name, r.title, r.researcher, r.ends, ""))), Reason: "favourable opinion of the committee of 12 May " + map[bool]string{true: evil}[r.name == "evil"]})
		say("chu", ledger.ProjectExtracted{Project: r.name, Release: "r-2026-03", Persons: 12_873, Tables: []ledger.TableCount{{Table: "person", Rows: 12_873}}, Objects: []ledger.Object{object(r.name)}})
		say(r.researcher, ledger.RunRequested{Run: "s-" + r.name, Project: r.name, Language: "sql", Name: "seasons.sql", Code: ledger.Sum([]byte(r.name))})
		say("chu", ledger.RunFinished{Run: "s-" + r.name, Outcome: "done", Seconds: 2.5, Outputs: []ledger.Output{
			{Output: "s-" + r.name + "-1", Name: "seasons.csv", Size: 1840, SHA256: ledger.Sum([]byte(r.name))},
			{Output: "s-" + r.name + "-2", Name: "small.csv", Size: 240, SHA256: ledger.Sum(nil), Refused: true, Findings: []ledger.Finding{
				{Rule: "small-count", Code: "small-count", Values: map[string]string{"minimum": "11"}, Severity: "refuse", Line: 3, Field: "n", Message: "line 3, column n: the count is under the minimum of 11: merge categories, or drop the row"},
				{Rule: "dominance", Severity: "review", Field: "mean_cost", Message: "as findings were told before they had codes"}}},
		}})
	}
	amended := strings.Replace(spec("pneumonia", "Pneumonia and chronic diseases in adults", "alice", "2029-12-31", ""), "condition_start_date]", "condition_start_date]\n  visit_occurrence: [person_id, visit_start_date]", 1)
	amended = strings.Replace(amended, "diabetes, hypertension", "diabetes, asthma, hypertension", 1)
	say("alice", ledger.ProjectAmended{Project: "pneumonia", Spec: strings.Replace(amended, "[alice]", "[alice, carol]", 1), Reason: "asthma is asked for too, and a colleague joins"})
	say("bob", ledger.OutputViewed{Output: "s-pneumonia-1"})
	say("bob", ledger.OutputReleased{Output: "s-pneumonia-1", SHA256: ledger.Sum([]byte("pneumonia")), Reason: "every cell is 11 or more"})
	say("chu", ledger.HostRegistered{Host: "local", HostKind: "directory", URL: "host", Jurisdiction: "FR", Operator: "CHU de Lyon", Owner: "CHU de Lyon", Qualifications: []ledger.Qualification{{Scheme: "hds", Version: "2.0", Until: "2028-01-31"}}})
	say("chu", ledger.HostRegistered{Host: "far-cloud", HostKind: "s3", URL: "https://s3.example.com", Bucket: "warehouse", Jurisdiction: "FR", Operator: "Far Cloud France SAS", Owner: "Far Cloud Inc.", Laws: []ledger.Law{{Country: "US", Law: "CLOUD Act"}}})
	say("diane", ledger.DerogationGranted{Host: "far-cloud", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), Reason: "no other host has the processors", Conditions: []string{"Keys stay in Lyon", "Reviewed every three months"}})
	say("chu", ledger.HostMigrated{From: "local", To: "far-cloud", Objects: 1_204, Bytes: 98_304_112, List: ledger.Sum(nil), Copied: 1_204, Seconds: 71})
	return err
}

// spec is the text of a request.
func spec(project, title, researcher, ends, more string) string {
	return fmt.Sprintf(`project: %s
title: %q
purpose: >
  How often adults have pneumonia, by season and age; and a model of who is at
  risk among persons with diabetes, hypertension or heart failure.
legal_basis:
  text: GDPR articles 6(1)(e) and 9(2)(j), public interest and research
  reference: CNIL decision DR-2026-123
persons: SELECT person_id FROM person WHERE year_of_birth <= 2003
tables:
  person: [person_id, gender_concept_id, year_of_birth]
  condition_occurrence: [person_id, condition_concept_id, condition_start_date]
  observation_period: all
period:
  from: 2021-01-01
  to: 2024-12-31
researchers: [%s]
ends: %s
minimum_cell_count: 11
dates:
  shift: 30
%s`, project, title, researcher, ends, more)
}

// fakeSessions takes the name of the person from a cookie: only in tests.
type fakeSessions struct{}

func (fakeSessions) Who(r *http.Request) *Person {
	c, err := r.Cookie("test-who")
	if err != nil || c.Value == "" {
		return nil
	}
	return &Person{Party: c.Value, Token: "token-of-" + c.Value}
}

// open opens the story's home with a portal.
func open(t testing.TB) *Portal {
	t.Helper()
	dir, err := story()
	if err != nil {
		t.Fatal(err)
	}
	return portalOf(t, dir)
}

func portalOf(t testing.TB, dir string) *Portal {
	t.Helper()
	w, err := warehouse.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return today }
	p := New(Options{Warehouse: w, Sessions: fakeSessions{}, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	p.checks, p.profiles = checked, profiled
	return p
}

// checked is what the checks of the story's release found, which is not on its host.
func checked(context.Context, *warehouse.Warehouse, string) (*quality.Results, error) {
	fifth := 0.2
	r := &quality.Results{Metadata: []quality.Metadata{{DashboardVersion: quality.DashboardVersion}}}
	r.Overview.Passed, r.Overview.Failed, r.Overview.NotApplicable = [1]int{1_399}, [1]int{3}, [1]int{214}
	r.CheckResults = []quality.CheckResult{
		{Check: "isForeignKey", Table: "MEASUREMENT", Field: "UNIT_CONCEPT_ID", ID: "field_isforeignkey_measurement_unit_concept_id", Failed: 1, Violated: 6_012, Denominator: 1_204_511, Share: 0.004991, Mandatory: true},
		{Check: "plausibleGender", Table: "CONDITION_OCCURRENCE", Field: "CONDITION_CONCEPT_ID", Concept: "194420", ID: "concept_plausiblegender_condition_occurrence_condition_concept_id_194420", Failed: 1, Violated: 7, Denominator: 1_313, Share: 0.005331, Threshold: &fifth},
		{Check: "isRequired", Table: "DEATH", Field: "DEATH_DATE", ID: "field_isrequired_death_death_date", Failed: 1, Violated: 502, Denominator: 509, Share: 0.986248},
	}
	return r, nil
}

// profiled is what changed in the story's release.
func profiled(context.Context, *warehouse.Warehouse, string) (*profileData, error) {
	third, half, before, now := -0.33, 0.5, 3.02, 30.2
	return &profileData{Release: "r-2026-03", Made: 151, Of: 194, Against: "r-2026-02", Drift: []profile.Change{
		{Analysis: 220, Name: "Number of visit occurrence records by visit occurrence start month", Measure: "total", Before: &before, Now: &now, Change: &third},
		{Analysis: 201, Name: "Number of visit occurrence records, by visit_concept_id", Measure: "shape", Change: &half, Strata: "9201: 100.0 % → 50.0 %; 9202: 0.0 % → 50.0 %"},
		{Analysis: 1815, Name: "Distribution of numeric values, by measurement_concept_id and unit_concept_id", Measure: "mean", Before: &before, Now: &now, Change: &half, Strata: "3004249, 8876"},
		{Analysis: 720, Name: "Number of drug exposure records by drug exposure start month", Measure: "new", Now: &now},
	}}, nil
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// get asks for a page as somebody.
func get(t testing.TB, p http.Handler, who, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "test-who", Value: who})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, r)
	return answer
}

func decode64(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

func encode64(t testing.TB, s ledger.Statement) string {
	t.Helper()
	raw, err := s.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
