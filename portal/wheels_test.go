package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rempart.eu/rempart/ledger"
)

// withWheels has carol ask for two packages of grippe, one of which nobody can read, beside one that came in before
// there were requests.
func withWheels(t *testing.T, p *Portal) {
	t.Helper()
	sayAs(t, p.w, "chu", ledger.WheelApproved{Project: "grippe", Name: "oldstats-1.0-py3-none-any.whl", SHA256: ledger.Sum([]byte("old")), Object: ledger.Object{Name: "old", Size: 4096, SHA256: ledger.Sum(nil), Key: "release-grippe"}, Reason: "read by two"})
	for i, name := range []string{"tinystats-1.2-py3-none-any.whl", "fastmean-0.3-cp313-cp313-linux_x86_64.whl"} {
		sayAs(t, p.w, "carol", ledger.WheelRequested{
			Request: "w-0000000" + string(rune('1'+i)), Project: "grippe", Name: name, SHA256: ledger.Sum([]byte(name)), Object: ledger.Object{Name: name, Size: 4096, SHA256: ledger.Sum(nil), Key: "release-grippe"},
			Modules: []string{"tinystats"}, Native: i == 1, Found: []string{"modules: tinystats", "licence: MIT", "3 files, 2048 bytes", "uses the network: tinystats/__init__.py", evil}, Reason: "robust means for table 2",
		})
	}
}

// A package is asked for by one and let in by another, who reads what the scan found; and is withdrawn.
func TestAPackageComesInByTwoPeople(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	withContent(t, p.w)
	withWheels(t, p)
	decide, withdraw := "/projects/grippe/wheels/w-00000001/decide", "/projects/grippe/packages/"+string(ledger.Sum([]byte("tinystats-1.2-py3-none-any.whl")))+"/withdraw"
	if page := get(t, p, "diane", "/").Body.String(); !strings.Contains(page, "asks for the package tinystats") {
		t.Errorf("the officer is not told: %s", page)
	}
	for who, want := range map[string]int{"carol": http.StatusNotFound, "alice": http.StatusNotFound, "bob": http.StatusNotFound, "diane": http.StatusOK, "chu": http.StatusOK} {
		if got := get(t, p, who, decide).Code; got != want {
			t.Errorf("%s decides: status %d, want %d", who, got, want)
		}
	}
	page := get(t, p, "diane", "/projects/grippe/wheels").Body.String()
	for _, want := range []string{"uses the network", "robust means for table 2", "compiled code", decide, "&lt;script&gt;alert(1)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if form := get(t, p, "diane", strings.Replace(decide, "1/", "2/", 1)).Body.String(); !strings.Contains(form, "which nobody can read") || !strings.Contains(form, "uses the network") || strings.Contains(form, "<script>alert") {
		t.Errorf("who decides reads: %s", form)
	}
	diane := enrol(t, p, "diane", localhost)
	sign(t, p, "diane", decide, url.Values{"verdict": {"approve"}, "reason": {"read by two of us"}}, diane)
	grippe, err := stateOf(t, p).Project("grippe")
	if err != nil || len(grippe.Wheels) != 2 || grippe.Brings[0].Status() != "approved" || grippe.Brings[0].Decision.Actor != "diane" {
		t.Fatalf("the packages are %+v: %v", grippe.Wheels, err)
	}
	if got := get(t, p, "diane", decide).Code; got != http.StatusNotFound {
		t.Errorf("it can be decided on again: status %d", got)
	}
	for who, want := range map[string]int{"carol": http.StatusNotFound, "bob": http.StatusNotFound, "chu": http.StatusOK} {
		if got := get(t, p, who, withdraw).Code; got != want {
			t.Errorf("%s withdraws: status %d, want %d", who, got, want)
		}
	}
	sign(t, p, "diane", withdraw, url.Values{"verdict": {"withdraw"}, "reason": {"CVE-2026-1234"}}, diane)
	if grippe, err = stateOf(t, p).Project("grippe"); err != nil || len(grippe.Wheels) != 1 || grippe.Brings[0].Status() != "withdrawn" {
		t.Errorf("after the withdrawal: %+v: %v", grippe.Brings[0], err)
	}
	if page := get(t, p, "carol", "/projects/grippe/wheels").Body.String(); !strings.Contains(page, "Withdrawn by diane") || !strings.Contains(page, "CVE-2026-1234") {
		t.Errorf("its researcher reads: %s", page)
	}
	// What is handed in beside the forms: another package than was asked for, one's own request.
	asked := grippe.Brings[1]
	other := ledger.WheelApproved{Project: "grippe", Request: asked.Request, Name: asked.Name, SHA256: ledger.Sum([]byte("another")), Object: asked.Object, Reason: "x"}
	for _, actor := range []string{"chu", "carol"} {
		if _, err := p.w.Commit(t.Context(), actor, other); err == nil {
			t.Errorf("%s lets in another package than was asked for", actor)
		}
	}
	if _, err := p.w.Commit(t.Context(), "chu", ledger.WheelRefused{Project: "pneumonia", Request: asked.Request, Reason: "x"}); err == nil {
		t.Error("the request of one project is refused in another")
	}
}
