package people_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// TestPasskeysInABrowser: a real browser, with an authenticator that it emulates,
// registers a passkey, signs what waits, logs out and in; and the ledger alone
// proves what was signed.
func TestPasskeysInABrowser(t *testing.T) {
	b := browser.Start(t)
	s := newSite(t)
	for _, look := range []browser.Look{{}, {Width: 400, Height: 800, Dark: true, Language: "fr"}} {
		party := map[string]string{"": "controller", "fr": "diane"}[look.Language]
		tab := b.Open(look)
		tab.Authenticator()
		code := s.open(party)
		tab.Go(s.url + "/enrol?party=" + party)
		findings(t, tab, "enrol")
		tab.Fill(`[name="code"]`, code)
		tab.Fill(`[name="name"]`, "laptop")
		tab.Submit("form.passkey button")
		if got := tab.Text("body"); !strings.HasPrefix(got, party+" passkey") {
			t.Fatalf("after enrolment: %s", got)
		}
		var body ledger.Body = ledger.SigningRulesSet{Passkeys: governance.Required, Reason: "policy of " + party}
		if party != "controller" {
			body = ledger.EnrolmentOpened{Party: party, Code: ledger.Sum([]byte("second")), Until: s.now().Add(3600e9), Reason: "policy of " + party}
		}
		_, err := s.w.Commit(t.Context(), party, body)
		var wanted *warehouse.SignatureWanted
		if !asError(err, &wanted) {
			t.Fatalf("%s: %v", body.Kind(), err)
		}
		tab.Go(wanted.URL)
		if !strings.Contains(tab.Text("pre"), "policy of "+party) {
			t.Errorf("the page does not show what is signed: %s", tab.Text("pre"))
		}
		findings(t, tab, "sign")
		tab.Submit("form.passkey button")
		tab.Go(s.url + "/account")
		if !strings.Contains(tab.Text("main"), "laptop") {
			t.Errorf("the account: %s", tab.Text("main"))
		}
		findings(t, tab, "account")
		lasts := s.s.Elsewhere(party, map[string]governance.Role{"controller": governance.Controller, "diane": governance.Officer}[party])
		tab.Go(s.url + "/account")
		tab.Submit(`form.passkey[data-session]:not([data-session=""]) button`)
		if got := tab.Text("main"); !strings.Contains(got, "laptop") || lasts() {
			t.Errorf("after a session was ended: %s, and it goes on: %t", got, lasts())
		}
		browser.Eval[bool](tab, `fetch("/logout", {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: "csrf=" + document.querySelector("[data-csrf]").dataset.csrf}).then(r => true)`)
		tab.Go(s.url + "/login")
		findings(t, tab, "login")
		if dir := os.Getenv("REMPART_SCREENSHOTS"); dir != "" {
			tab.Screenshot(filepath.Join(dir, "login-"+party+".png"))
		}
		tab.Submit("form.passkey button")
		if got := tab.Text("body"); !strings.HasPrefix(got, party+" passkey") {
			t.Errorf("after login: %s", got)
		}
	}
	// What the browser signed, verified from the ledger alone.
	signed := 0
	state := governance.NewState()
	err := s.w.Log.Entries(t.Context(), func(e ledger.Entry) error {
		if id, err := ledger.PasskeyOf(e.Envelope); err != nil {
			return err
		} else if id != "" {
			signed++
		}
		return state.Admit(t.Context(), e)
	})
	if err != nil || signed != 4 {
		t.Errorf("%d statements are signed with passkeys, %v", signed, err)
	}
}

func findings(t *testing.T, tab *browser.Tab, page string) {
	t.Helper()
	for _, finding := range tab.Axe() {
		t.Errorf("%s: %s", page, finding)
	}
}
