package portal

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/warehouse"
)

// wholeSite serves a copy of the story with its logins, at localhost.
func wholeSite(t *testing.T) (w *warehouse.Warehouse, site http.Handler, url string) {
	t.Helper()
	w, err := warehouse.Open(copyOf(t))
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return today }
	var handler http.Handler
	url = siteOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	w.Config.Portal.URL = url
	if handler, err = Site(w, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return w, handler, url
}

// TestSomebodyComesInDecidesAndLeaves is the way of an officer from the code that
// the controller gave her to the logout.
func TestSomebodyComesInDecidesAndLeaves(t *testing.T) {
	w, _, site := wholeSite(t)
	if _, err := w.Commit(t.Context(), "diane", ledger.EnrolmentOpened{Party: "diane", Code: ledger.Sum([]byte("the code")), Until: today.Add(time.Hour), Reason: "joins"}); err != nil {
		t.Fatal(err)
	}
	tab := browser.Start(t).Open(browser.Look{})
	tab.Authenticator()
	pictures := os.Getenv("REMPART_SCREENSHOTS")
	look := func(name string) {
		t.Helper()
		for _, finding := range tab.Axe() {
			t.Errorf("%s: %s", tab.URL(), finding)
		}
		if pictures == "" {
			return
		}
		for _, l := range looks {
			if l.look.Language == "en" {
				tab.Look(l.look)
				tab.Screenshot(filepath.Join(pictures, name+"-"+l.name+".png"))
			}
		}
		tab.Look(browser.Look{})
	}
	tab.Go(site + "/projects/tabac")
	if !strings.Contains(tab.URL(), "/login?to=%2Fprojects%2Ftabac") {
		t.Fatalf("who is not logged in is led to %s", tab.URL())
	}
	look("login")
	tab.Submit(`a[href="/enrol"]`)
	look("enrol")
	tab.Fill("input[name=party]", "diane")
	tab.Fill("input[name=code]", "the code")
	tab.Fill("input[name=name]", "laptop")
	tab.Submit("form.passkey button")
	tab.Await(".waiting")
	tab.Go(site + "/account")
	look("account")
	if text := tab.Text("main"); !strings.Contains(text, "laptop") {
		t.Errorf("the account says %s", text)
	}
	tab.Go(site + "/projects/tabac/decide")
	tab.Click("input[value=approve]")
	tab.Fill("#reason", "lawful")
	tab.Submit("form.form button")
	tab.Submit("#sign button:not([disabled])")
	if text := tab.Text("main"); !strings.Contains(text, "Recorded.") {
		t.Errorf("after signing: %s", text)
	}
	// What a command has left to be signed waits on the first page.
	if _, err := w.Ask(t.Context(), "diane", ledger.ProjectSuspended{Project: "tabac", Reason: "a complaint"}); err != nil {
		t.Fatal(err)
	}
	tab.Go(site + "/")
	if text := tab.Text(".waiting"); !strings.Contains(text, "diane suspended project tabac: a complaint") {
		t.Errorf("what waits: %s", text)
	}
	tab.Submit(".waiting .sign .button")
	look("sign-request")
	tab.Submit("header.site form button")
	tab.Go(site + "/projects/tabac")
	if !strings.Contains(tab.URL(), "/login") {
		t.Errorf("after the logout: %s", tab.URL())
	}
	tab.Submit("form.passkey button")
	tab.Await("dl.fields")
	if text := tab.Text("main"); !strings.Contains(text, "Tobacco and hospital stays") {
		t.Errorf("the login leads to %s", text)
	}
}

// TestATokenReadsWhatItWasGivenFor reads the API with tokens.
func TestATokenReadsWhatItWasGivenFor(t *testing.T) {
	w, site, _ := wholeSite(t)
	token := func(actor string, scopes, projects []string) string {
		id, text, digest := people.NewToken()
		if _, err := w.Commit(t.Context(), actor, ledger.TokenIssued{Token: id, Secret: digest, Name: "script", Scopes: scopes, Projects: projects, Until: today.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		return text
	}
	all, one, run := token("diane", []string{"read"}, nil), token("diane", []string{"read"}, []string{"grippe"}), token("alice", []string{"request"}, nil)
	for _, c := range []struct {
		token, path string
		want        int
	}{
		{all, "/api/v1/projects/grippe", http.StatusOK}, {all, "/api/v1/projects/tabac", http.StatusOK}, {all, "/api/v1/ledger/3", http.StatusOK},
		{one, "/api/v1/projects/grippe", http.StatusOK}, {one, "/api/v1/projects/tabac", http.StatusNotFound}, {one, "/api/v1/ledger/3", http.StatusNotFound},
		{one, "/api/v1/hosts", http.StatusForbidden}, {one, "/tlog/checkpoint", http.StatusForbidden}, {one, "/api/v1/waiting", http.StatusOK},
		{run, "/api/v1/projects/pneumonia", http.StatusForbidden}, {run, "/api/v1/register", http.StatusOK}, {all + "x", "/api/v1/projects", http.StatusUnauthorized},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		if answer.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.path, answer.Code, c.want, answer.Body)
		}
	}
	// A token signs nothing, and sends no form.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/projects/tabac/decide", strings.NewReader("verdict=approve&reason=x&csrf="))
	r.Header.Set("Authorization", "Bearer "+all)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	site.ServeHTTP(answer, r)
	if answer.Code != http.StatusForbidden {
		t.Errorf("a form with a token: status %d", answer.Code)
	}
}
