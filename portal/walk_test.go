package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/warehouse"
)

// notPages are routes that show no page, with what they are instead.
var notPages = map[string]string{
	"GET /static/": "files", "GET /people.js": "a script", "GET /tlog/{path...}": "the ledger's files",
	"GET /login/with/{provider}": "leads to a provider", "GET /login/callback": "comes from a provider",
}

// walker goes through the site as its people do.
type walker struct {
	t       *testing.T
	p       *Portal
	w       *warehouse.Warehouse
	site    string
	b       *browser.Browser
	tabs    map[string]*browser.Tab
	visited map[string]bool
	turn    int
}

// tab is the tab in which somebody is logged in, "" for nobody.
func (w *walker) tab(who string) *browser.Tab {
	w.t.Helper()
	if w.tabs[who] == nil {
		tab := w.b.Open(browser.Look{})
		w.tabs[who] = tab
		if who != "" {
			tab.Authenticator()
			code := openEnrolment(w.t, w.p, who)
			tab.Go(w.site + "/enrol")
			tab.Fill("input[name=party]", who)
			tab.Fill("input[name=code]", code)
			tab.Fill("input[name=name]", "laptop")
			tab.Submit("form.passkey button")
			tab.Await("header .who strong")
		}
	}
	return w.tabs[who]
}

// looks are those of the next page: all of them where pictures are taken, and else two
// that have both widths, schemes and languages, other ones from page to page.
func (w *walker) looks() (some []look) {
	w.turn++
	for _, l := range looks {
		dark, narrow, french := l.look.Dark, l.look.Width == 400, l.look.Language == "fr"
		if os.Getenv("REMPART_SCREENSHOTS") != "" || dark == (french != (w.turn%2 == 0)) && narrow == (french != (w.turn/2%2 == 0)) {
			some = append(some, l)
		}
	}
	return some
}

// visit opens a page as somebody and looks at it in every way.
func (w *walker) visit(name, who, path string) {
	w.t.Helper()
	tab := w.tab(who)
	_, pattern := w.p.mux.Handler(httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil))
	w.visited[pattern] = true
	language := ""
	for _, l := range w.looks() {
		tab.Look(l.look)
		if l.look.Language != language {
			tab.Go(w.site + path)
			language = l.look.Language
		}
		w.look(tab, name, path, l)
	}
	tab.Look(browser.Look{})
}

// look says what is wrong with the page that is open. With REMPART_SCREENSHOTS set to a
// directory, it leaves a picture there.
func (w *walker) look(tab *browser.Tab, name, path string, l look) {
	w.t.Helper()
	if pictures := os.Getenv("REMPART_SCREENSHOTS"); pictures != "" {
		tab.Screenshot(filepath.Join(pictures, name+"-"+l.name+".png"))
	}
	for _, fault := range tab.Faults() {
		w.t.Errorf("%s, %s: %s", path, l.name, fault)
	}
	for _, finding := range tab.Axe() {
		w.t.Errorf("%s, %s: %s", path, l.name, finding)
	}
	if stuck := browser.Eval[string](tab, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
		.filter(e => !e.disabled && e.checkVisibility() && (e.tabIndex < 0 || (e.focus(), document.activeElement !== e))).map(e => e.outerHTML.slice(0, 80)).join(" ")`); stuck != "" {
		w.t.Errorf("%s, %s: the keyboard does not reach %s", path, l.name, stuck)
	}
	if width := browser.Eval[int64](tab, "document.documentElement.scrollWidth"); width > l.look.Width {
		w.t.Errorf("%s, %s: the page is %d pixels wide", path, l.name, width)
	}
}

// TestEveryPageInABrowser walks every route of the site as people do, logged in with
// passkeys, in both widths, schemes and languages: nothing that the content security
// policy forbids, no script that fails, nothing that axe-core finds, nothing that is wider
// than the window. A route that is not visited fails the test.
func TestEveryPageInABrowser(t *testing.T) {
	w, err := warehouse.Open(copyOf(t))
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return today }
	var handler http.Handler
	url := siteOf(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	w.Config.Portal.URL = url
	p, protected, err := newSite(w, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// One browser asks more than the limit of an address lets a person ask.
	addresses := 0
	handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		addresses++
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1234", addresses%200+1)
		protected.ServeHTTP(rw, r)
	})
	withContent(t, w)
	sayAs(t, w, "chu", ledger.WitnessesSet{Witnesses: []ledger.Witness{{URL: "https://witness.example", Key: "witness.example+2f0a4f33+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"}}, Threshold: 1, Reason: "policy"})
	if _, err := w.AddParty(t.Context(), "brigitte", governance.OutputChecker); err != nil {
		t.Fatal(err)
	}
	sayAs(t, w, "chu", ledger.SigningRulesSet{Passkeys: governance.OnceRegistered, TwoPersons: map[string][]string{"output-released": {"output-checker"}}, Reason: "security policy 4"})
	_, err = w.Commit(t.Context(), "brigitte", ledger.OutputReleased{Output: "s-files-6", SHA256: ledger.Sum(written[5].data), Reason: "every count is of 11 persons or more"})
	var second *warehouse.SecondWanted
	if !errors.As(err, &second) {
		t.Fatal(err)
	}
	waiting, err := w.Ask(t.Context(), "diane", ledger.ProjectApproved{Project: "tabac", Spec: ledger.Sum([]byte(textOf(t, p, "tabac"))), Reason: "favourable opinion of the committee"})
	if err != nil {
		t.Fatal(err)
	}
	p.checks, p.profiles = checked, profiled
	withRuns(t, p)
	withWheels(t, p)
	withRenewals(t, p)
	p.history = questioned
	walk := &walker{t: t, p: p, w: w, site: url, b: browser.Start(t), tabs: map[string]*browser.Tab{}, visited: map[string]bool{}}
	for _, v := range pages {
		walk.visit(v.name, v.who, v.path)
	}
	for _, v := range []struct{ name, path, who string }{
		{"login", "/login", ""}, {"login-second", "/login/second", ""}, {"enrol", "/enrol?party=diane", ""}, {"account", "/account", "diane"},
		{"sign-request", "/sign/" + waiting.ID, "diane"}, {"sign-absent", "/sign/q-0000000000000000", "diane"},
		{"decide-project", "/projects/tabac/decide", "diane"}, {"decide-hold", "/projects/pneumonia/hold", "diane"}, {"decide-close", "/projects/pneumonia/close", "chu"},
		{"decide-emergency", "/projects/pneumonia/emergency", "chu"}, {"decide-output", "/outputs/s-grippe-1/decide", "bob"}, {"output-code", "/outputs/s-files-6/code", "bob"}, {"output-suggest", "/outputs/s-files-6/suggest", "carol"}, {"decide-derogate", "/hosts/far-cloud/derogate", "diane"},
		{"decide-order", "/hosts/local/order", "chu"}, {"decide-erase", "/releases/r-2026-03/erase", "chu"}, {"decide-key", "/keys/release-manifest/destroy", "chu"},
		{"decide-roles", "/parties/review", "diane"}, {"decide-second", fmt.Sprintf("/ledger/%d/countersign", second.Entry.Index), "bob"},
		{"runs", "/runs", "carol"}, {"runs-all", "/runs?status=all&project=grippe", "diane"}, {"run", "/runs/s-00000001", "carol"}, {"run-waits", "/runs/s-00000002", "carol"},
		{"run-ended", "/runs/s-grippe", "diane"}, {"questions", "/projects/pneumonia/questions", "alice"}, {"wheels", "/projects/grippe/wheels", "diane"}, {"decide-withdrawal", "/projects/grippe/packages/" + string(ledger.Sum([]byte("old"))) + "/withdraw", "chu"}, {"decide-wheel", "/projects/grippe/wheels/w-00000002/decide", "chu"}, {"decide-run", "/runs/s-00000001/cancel", "carol"},
		{"renewals", "/projects/grippe/renewals", "diane"}, {"renewal-ask", "/projects/grippe/renewals/ask", "carol"}, {"renewal-decide", "/projects/grippe/renewals/decide", "diane"}, {"extend", "/projects/grippe/extend", "carol"},
		{"statement-waits", fmt.Sprintf("/ledger/%d", second.Entry.Index), "bob"}, {"keys", "/keys", "chu"}, {"home-controller", "/", "chu"}, {"host-controller", "/hosts/local", "chu"},
	} {
		walk.visit(v.name, v.who, v.path)
	}
	// What comes of forms: something to mend, the text to sign, what was opened.
	bob := walk.tab("bob")
	for i := range 5 {
		id := fmt.Sprintf("s-files-%d", i+1)
		bob.Go(url + "/outputs/" + id)
		bob.Submit("form[action$='/view'] button")
		if i == 0 {
			walk.here("sign", bob)
		}
		bob.Submit("#sign button:not([disabled])")
		walk.visit("content-"+strings.TrimPrefix(filepath.Ext(written[i].name), "."), "bob", strings.TrimPrefix(bob.URL(), url))
	}
	chu := walk.tab("chu")
	chu.Go(url + "/hosts/local/order")
	chu.Click("input[value=move]")
	chu.Fill("#reason", "  ")
	browser.Eval[bool](chu, "(() => { document.querySelector('#until').value = '2020-01-01'; document.querySelector('#reason').value = 'x'; return true; })()")
	chu.Submit("form.form button")
	walk.here("decide-wrong", chu)
	chu.Go(url + "/releases/r-2026-03/erase")
	chu.Fill("#reason", "replaced by a later one")
	chu.Submit("form.form button")
	walk.here("sign-warned", chu)

	p.asks = func(context.Context, *warehouse.Warehouse, project.Question) (*project.Answered, error) {
		n, mean := 12_345.0, 51.25
		return &project.Answered{Number: 7, QuestionsLeft: 493, NumbersLeft: 1990, Answer: &query.Answer{Columns: []string{"born", "persons", "mean"}, Left: true, Hidden: true, Rows: [][]query.Value{
			{{Label: "1950"}, {Number: &n}, {Number: &mean}}, {{Null: true}, {Number: &n}, {Hidden: true}}, {{Total: true}, {Number: &n}, {Hidden: true}},
		}}}, nil
	}
	alice := walk.tab("alice")
	alice.Go(url + "/projects/pneumonia/query")
	alice.Submit("form.form button")
	walk.here("query-answer", alice)
	p.asks = func(context.Context, *warehouse.Warehouse, project.Question) (*project.Answered, error) {
		return nil, &governance.Refusal{Reason: "* asks for rows: none are shown", Remedy: "Ask for counts and summaries of groups"}
	}
	alice.Go(url + "/projects/pneumonia/query")
	alice.Fill("#sql", "SELECT * FROM person")
	alice.Submit("form.form button")
	walk.here("query-refused", alice)

	if _, err := w.AddParty(t.Context(), "emma", governance.Researcher); err != nil {
		t.Fatal(err)
	}
	e := sayAs(t, w, "emma", ledger.EmergencyOpened{Emergency: "e-00000001", Project: "grippe", Until: today.Add(4 * time.Hour), Reason: "a patient in danger must be found again"})
	walk.visit("emergency-home", "diane", "/")
	walk.visit("emergency", "diane", fmt.Sprintf("/ledger/%d", e))
	walk.visit("emergency-review", "diane", "/emergencies/e-00000001/review")

	for _, pattern := range p.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if method == http.MethodGet && !strings.HasPrefix(path, "/api/") && notPages[pattern] == "" && !walk.visited[pattern] {
			t.Errorf("nobody has looked at %s", pattern)
		}
	}
}

// here looks at the page that is open, which came of a form, in one language.
func (w *walker) here(name string, tab *browser.Tab) {
	w.t.Helper()
	for _, l := range looks {
		if l.look.Language == "en" && (os.Getenv("REMPART_SCREENSHOTS") != "" || (l.look.Width == 400) == l.look.Dark) { // a look in another language would be another page
			tab.Look(l.look)
			w.look(tab, name, tab.URL(), l)
		}
	}
	tab.Look(browser.Look{})
}

// textOf is the text of a project's authorisation that waits.
func textOf(t *testing.T, p *Portal, name string) string {
	t.Helper()
	project, err := stateOf(t, p).Project(name)
	if err != nil || project.Waits() == nil {
		t.Fatalf("project %s waits for no decision: %v", name, err)
	}
	return project.Waits().Text
}
