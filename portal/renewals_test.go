package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// withRenewals publishes two later releases, and has carol ask for the first of them for grippe.
func withRenewals(t *testing.T, p *Portal) {
	t.Helper()
	for _, id := range []string{"r-2026-09", "r-2026-10"} {
		sayAs(t, p.w, "chu", ledger.ReleasePublished{Release: id, Linkage: "l-0001", Deposits: []string{"d-0001", "d-0002"}, Persons: 50_002,
			Tables:   []ledger.TableCount{{Table: "person", Rows: 50_002}, {Table: "visit_occurrence", Rows: 250_602}, {Table: "condition_occurrence", Rows: 1_304_511}},
			Manifest: ledger.Object{Name: id, Size: 4096, SHA256: ledger.Sum([]byte(id)), Key: "release-" + id}, Objects: ledger.Sum(nil), RetainUntil: time.Date(2046, 3, 2, 0, 0, 0, 0, time.UTC)})
	}
	sayAs(t, p.w, "carol", ledger.RenewalRequested{Project: "grippe", Release: "r-2026-09", Reason: "the winter of 2025 is asked for " + evil})
}

// extracted is what the controller says when a project's space was made.
func extracted(project, release string) ledger.ProjectExtracted {
	return ledger.ProjectExtracted{Project: project, Release: release, Persons: 12_990, Tables: []ledger.TableCount{{Table: "person", Rows: 12_990}},
		Objects: []ledger.Object{{Name: "again", Size: 4096, SHA256: ledger.Sum([]byte("again")), Key: "release-" + project}}}
}

// TestLaterDataAreAskedForAndGranted follows a renewal from the wish to the data: who sees it, who may decide, what the
// gate takes of the controller.
func TestLaterDataAreAskedForAndGranted(t *testing.T) {
	p := portalOf(t, copyOf(t))
	page := func(who, path string, want int) string {
		t.Helper()
		answer := get(t, p, who, path)
		if answer.Code != want {
			t.Fatalf("%s as %s: %d", path, who, answer.Code)
		}
		return answer.Body.String()
	}
	holds := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("the page does not say %q", part)
			}
		}
	}
	holds(page("carol", "/projects/grippe/renewals", http.StatusOK), "No release is later")
	page("carol", "/projects/grippe/renewals/ask", http.StatusNotFound)
	if _, err := p.w.Commit(t.Context(), "chu", extracted("grippe", "r-2026-03")); err == nil {
		t.Fatal("a space is made anew that nobody asked for")
	}
	withRenewals(t, p)

	holds(page("carol", "/projects/grippe", http.StatusOK), "/projects/grippe/renewals")
	holds(page("carol", "/projects/grippe/renewals", http.StatusOK), "r-2026-10", "50,002", "waits")
	holds(page("carol", "/projects/grippe/renewals/ask", http.StatusOK), "r-2026-09 was asked for already", `value="r-2026-10"`)
	page("alice", "/projects/grippe/renewals", http.StatusNotFound)
	for _, who := range []string{"alice", "diane", "chu", "bob"} {
		page(who, "/projects/grippe/renewals/ask", http.StatusNotFound)
	}
	for _, who := range []string{"carol", "chu", "bob"} {
		page(who, "/projects/grippe/renewals/decide", http.StatusNotFound)
	}
	holds(page("diane", "/", http.StatusOK), "asks for the data of release", "/projects/grippe/renewals")
	if text := page("diane", "/projects/grippe/renewals/decide", http.StatusOK); strings.Contains(text, "<script>alert") {
		t.Error("a reason runs as a script")
	}
	asked := post(t, p, "carol", "/projects/grippe/renewals/ask", url.Values{"csrf": {"token-of-carol"}, "verdict": {"r-2026-10"}, "reason": {"the last winter, too"}})
	holds(asked.Body.String(), "r-2026-10", "the last winter, too")
	answer := post(t, p, "diane", "/projects/grippe/renewals/decide", url.Values{"csrf": {"token-of-diane"}, "verdict": {"approve"}, "reason": {"opinion 12"}})
	holds(answer.Body.String(), "r-2026-09", "opinion 12")

	if _, err := p.w.Commit(t.Context(), "diane", ledger.RenewalApproved{Project: "grippe", Release: "r-2026-10", Reason: "x"}); err == nil {
		t.Error("a release is granted that was not asked for")
	}
	if _, err := p.w.Commit(t.Context(), "chu", extracted("grippe", "r-2026-09")); err == nil {
		t.Error("a release is taken before it was granted")
	}
	sayAs(t, p.w, "diane", ledger.RenewalApproved{Project: "grippe", Release: "r-2026-09", Reason: "opinion 12"})
	holds(page("chu", "/", http.StatusOK), "may have the data of release")
	if _, err := p.w.Commit(t.Context(), "chu", extracted("grippe", "r-2026-10")); err == nil {
		t.Error("another release is taken than was granted")
	}
	sayAs(t, p.w, "chu", extracted("grippe", "r-2026-09"))
	if _, err := p.w.Commit(t.Context(), "chu", extracted("grippe", "r-2026-09")); err == nil {
		t.Error("what was granted once is taken twice")
	}
	holds(page("carol", "/projects/grippe/renewals", http.StatusOK), "given", "r-2026-10")
	if _, err := p.w.Commit(t.Context(), "carol", ledger.RenewalRequested{Project: "grippe", Release: "r-2026-03", Reason: "back"}); err == nil {
		t.Error("an earlier release is asked for")
	}
	sayAs(t, p.w, "carol", ledger.RenewalRequested{Project: "grippe", Release: "r-2026-10", Reason: "now"})
	sayAs(t, p.w, "diane", ledger.RenewalRefused{Project: "grippe", Release: "r-2026-10", Reason: "the study has ended"})
	holds(page("carol", "/projects/grippe/renewals", http.StatusOK), "refused", "the study has ended")
	project, err := stateOf(t, p).Project("grippe")
	if err != nil || project.Extractable(today) || len(project.Renewals) != 2 || project.Renewals[0].Status() != "done" {
		t.Errorf("%v: %+v", err, project.Renewals)
	}
}

// TestALaterEndIsAskedForInThePortal asks for an extension, which an officer then decides on as on any amendment.
func TestALaterEndIsAskedForInThePortal(t *testing.T) {
	p := portalOf(t, copyOf(t))
	for _, who := range []string{"alice", "diane", "chu"} {
		if answer := get(t, p, who, "/projects/grippe/extend"); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", who, answer.Code)
		}
	}
	if body := get(t, p, "carol", "/").Body.String(); !strings.Contains(body, "/projects/grippe/extend") {
		t.Error("the end that comes does not lead to the form")
	}
	for _, c := range []struct{ until, want string }{
		{"2027-12-20", "ends: 2027-12-20"},
		{"2026-12-01", "is not later than"},
		{"2020-01-01", "day"},
		{"2027-12-20\nminimum_cell_count: 1", "day"},
	} {
		answer := post(t, p, "carol", "/projects/grippe/extend", url.Values{"csrf": {"token-of-carol"}, "verdict": {"extend"}, "reason": {"a winter more"}, "until": {c.until}})
		if body := answer.Body.String(); !strings.Contains(body, c.want) {
			t.Errorf("%q: the answer does not say %q", c.until, c.want)
		}
	}
	project, err := stateOf(t, p).Project("grippe")
	if err != nil {
		t.Fatal(err)
	}
	text, err := project.Spec.Until(project.Text, "2027-12-20")
	if err != nil {
		t.Fatal(err)
	}
	sayAs(t, p.w, "carol", ledger.ProjectAmended{Project: "grippe", Spec: text, Reason: "a winter more"})
	if body := get(t, p, "diane", "/projects/grippe").Body.String(); !strings.Contains(body, "/projects/grippe/decide") {
		t.Error("the officer cannot decide")
	}
	if project, err = stateOf(t, p).Project("grippe"); err != nil || !governance.Extension(project.Spec, project.Waits().Spec) {
		t.Errorf("more than the end is asked for: %v", err)
	}
}
