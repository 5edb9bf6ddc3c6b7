package governance_test

import (
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
)

// The hosts of the tests: one under European law alone, one that foreign law
// reaches though its seat is in Europe, one with its seat elsewhere.
var (
	home    = ledger.HostRegistered{Host: "home", HostKind: "s3", URL: "https://s3.home.example", Bucket: "b", Jurisdiction: "DE", Laws: []ledger.Law{{Country: "EU", Law: "GDPR"}}}
	reached = ledger.HostRegistered{Host: "reached", HostKind: "s3", URL: "https://s3.reached.example", Bucket: "b", Jurisdiction: "IE", Laws: []ledger.Law{{Country: "US", Law: "CLOUD Act"}}}
	abroad  = ledger.HostRegistered{Host: "test", HostKind: "directory", URL: "host", Jurisdiction: "US"}
)

// TestThreeYears plays the story that began with a derogation for three years.
func TestThreeYears(t *testing.T) {
	w := newWorld(t)
	deny := func(actor string, body ledger.Body, want string) {
		t.Helper()
		if err := w.say(actor, actor, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body.Kind(), err, want)
		}
	}
	const closed = "foreign law reaches the host"
	w.must(controller, abroad) // the host is described anew: its law is foreign
	deny("chu", deposit, closed)

	derogation := ledger.DerogationGranted{Host: "test", Conditions: []string{"a European host is sought"}, Until: w.now.AddDate(3, 0, 0), Reason: "with regret"}
	deny(controller, derogation, "may not make")
	deny("diane", ledger.DerogationGranted{Host: "test", Until: w.now, Reason: "r"}, "would have ended")
	deny("diane", ledger.DerogationGranted{Host: "test", Until: derogation.Until}, "needs a reason")
	deny("diane", ledger.DerogationGranted{Host: "tset", Until: derogation.Until, Reason: "r"}, "there is no host")
	deny("diane", ledger.DerogationGranted{Host: "test", Until: derogation.Until, Reason: "r"}, "a derogation has conditions")
	w.must("diane", derogation)
	w.must("chu", deposit)
	w.must("ttp", linkage)

	end := derogation.Until
	for _, c := range []struct{ before, days, threshold int }{{181, 0, 0}, {180, 180, 180}, {91, 91, 180}, {90, 90, 90}, {31, 31, 90}, {30, 30, 30}, {1, 1, 30}} {
		w.now = end.AddDate(0, 0, -c.before)
		host, err := w.state.HostByName("test")
		if err != nil {
			t.Fatal(err)
		}
		days, threshold, ok := host.Warning(w.now)
		if ok != (c.threshold > 0) || ok && (days != c.days || threshold != c.threshold) {
			t.Errorf("%d days before the end: %d days, threshold %d, %v", c.before, days, threshold, ok)
		}
	}
	w.now = end.Add(-time.Second)
	w.must(controller, release)
	w.now = end
	again := release
	again.Release = "r-2"
	deny(controller, again, closed)
	host, err := w.state.HostByName("test")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := host.Warning(w.now); ok || host.InForce(w.now) != nil {
		t.Error("the derogation is over, and said to be in force")
	}

	move := ledger.HostMigrated{From: "test", To: "home"}
	deny(controller, move, "not in the register")
	w.must(controller, home)
	w.must(controller, reached)
	deny(controller, ledger.HostMigrated{From: "test", To: "reached"}, closed)
	deny(controller, ledger.HostMigrated{From: "home", To: "test"}, closed)
	deny(controller, ledger.HostMigrated{From: "reached", To: "home"}, "lies with host test")
	deny("chu", move, "may not make")
	w.must(controller, move)
	deny(controller, move, "lies with host home")
	w.must(controller, again)

	erase := ledger.HostErased{Host: "test", Objects: 3, Reason: "the contract has ended"}
	deny(controller, ledger.HostErased{Host: "home", Reason: "r"}, "lies with host home")
	deny(controller, ledger.HostErased{Host: "test"}, "needs a reason")
	deny("chu", erase, "may not make")
	w.must(controller, erase)
	if host.Erased == nil || host.Erased.Objects != 3 || len(host.Versions) != 2 {
		t.Errorf("%+v", host)
	}
}

// TestHostsAreDescribedWell refuses descriptions that say nothing.
func TestHostsAreDescribedWell(t *testing.T) {
	w := newWorld(t)
	for want, change := range map[string]func(*ledger.HostRegistered){
		"no name of a host": func(h *ledger.HostRegistered) { h.Host = "A host" },
		"there is no kind":  func(h *ledger.HostRegistered) { h.HostKind = "tape" },
		"has no address":    func(h *ledger.HostRegistered) { h.URL = " " },
		"has no bucket":     func(h *ledger.HostRegistered) { h.Bucket = "" },
		"is no country":     func(h *ledger.HostRegistered) { h.Jurisdiction = "France" },
		"names no country":  func(h *ledger.HostRegistered) { h.Laws = []ledger.Law{{Law: "CLOUD Act"}} },
		"a qualification has": func(h *ledger.HostRegistered) {
			h.Qualifications = []ledger.Qualification{{Scheme: "hds", Until: "soon"}}
		},
		"the address holds cred": func(h *ledger.HostRegistered) { h.URL = "https://me:hush@s3.example" },
	} {
		h := home
		change(&h)
		if err := w.say(controller, controller, h); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
