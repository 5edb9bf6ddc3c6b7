package portal

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/people"
)

// copyOf copies the story's home for a test that writes.
func copyOf(t *testing.T) string {
	t.Helper()
	from, err := story()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// siteOf serves a portal where passkeys work: at localhost.
func siteOf(t *testing.T, p http.Handler) (site string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(p)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
}

// state reads the state of a portal's ledger.
func stateOf(t *testing.T, p *Portal) *governance.State {
	t.Helper()
	state, err := p.w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// openEnrolment lets a party register a passkey, and returns the code.
func openEnrolment(t *testing.T, p *Portal, party string) string {
	t.Helper()
	code := "code of " + party
	if _, err := p.w.Commit(t.Context(), party, ledger.EnrolmentOpened{Party: party, Code: ledger.Sum([]byte(code)), Until: today.Add(time.Hour), Reason: "joins"}); err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol gives a party a passkey that is of software.
func enrol(t *testing.T, p *Portal, party, site string) *passkeytest.Authenticator {
	t.Helper()
	code := openEnrolment(t, p, party)
	a := passkeytest.New(t, "ES256", "localhost", site)
	s, err := ledger.New(party, today, ledger.PasskeyRegistered{Passkey: a.Passkey, Name: "phone of " + party, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.w.CommitSigned(t.Context(), a.Seal(s)); err != nil {
		t.Fatal(err)
	}
	return a
}

// enrolInTab gives a party a passkey of the tab's virtual authenticator.
func enrolInTab(t *testing.T, p *Portal, tab *browser.Tab, party, site string) {
	t.Helper()
	code := openEnrolment(t, p, party)
	tab.Authenticator()
	var made struct{ ID, Key []byte }
	text := browser.Eval[string](tab, `(async () => {
		const c = await navigator.credentials.create({publicKey: {challenge: new Uint8Array(32), rp: {id: "localhost", name: "Rempart"},
			user: {id: new Uint8Array([1]), name: "x", displayName: "x"}, pubKeyCredParams: [{type: "public-key", alg: -7}],
			authenticatorSelection: {userVerification: "required", residentKey: "required"}}});
		const data = new Uint8Array(c.response.getAuthenticatorData());
		const length = data[53] * 256 + data[54];
		const base64 = b => btoa(String.fromCharCode(...b));
		return JSON.stringify({ID: base64(new Uint8Array(c.rawId)), Key: base64(data.slice(55 + length))});
	})()`)
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	passkey := ledger.Passkey{Credential: made.ID, PublicKey: made.Key, RPID: "localhost", Origin: site}
	s, err := ledger.New(party, today, ledger.PasskeyRegistered{Passkey: passkey, Name: "laptop", Code: code})
	if err != nil {
		t.Fatal(err)
	}
	draft, err := ledger.NewDraft(s)
	if err != nil {
		t.Fatal(err)
	}
	var a ledger.Assertion
	text = browser.Eval[string](tab, fmt.Sprintf(`(async () => {
		const bytes = t => Uint8Array.from(atob(t.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
		const url64 = b => btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
		const c = await navigator.credentials.get({publicKey: {challenge: bytes(%q), rpId: "localhost", userVerification: "required"}});
		return JSON.stringify({authenticatorData: url64(c.response.authenticatorData), clientDataJSON: url64(c.response.clientDataJSON), signature: url64(c.response.signature)});
	})()`, ledger.URLBytes(draft.Challenge())))
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	if err := draft.Assert(passkey, a); err != nil {
		t.Fatal(err)
	}
	envelope, err := draft.Envelope()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.w.CommitSigned(t.Context(), envelope); err != nil {
		t.Fatal(err)
	}
}

// TestAnOfficerDecidesWithAPasskey is the whole story, by the keyboard alone: what
// waits, the authorisation, the decision, the text that is signed, the passkey,
// and the proof of it in the browser.
func TestAnOfficerDecidesWithAPasskey(t *testing.T) {
	p := portalOf(t, copyOf(t))
	site := siteOf(t, p)
	tab := browser.Start(t).Open(browser.Look{})
	as(tab, site, "diane")
	tab.Go(site + "/")
	enrolInTab(t, p, tab, "diane", site)
	pictures := os.Getenv("REMPART_SCREENSHOTS")
	picture := func(name string) {
		if pictures == "" {
			return
		}
		for _, l := range looks {
			if l.look.Language == "en" { // a look in another language would be another page
				tab.Look(l.look)
				tab.Screenshot(filepath.Join(pictures, name+"-"+l.name+".png"))
			}
		}
		tab.Look(browser.Look{})
	}
	accessible := func() {
		t.Helper()
		for _, finding := range tab.Axe() {
			t.Errorf("%s: %s", tab.URL(), finding)
		}
	}
	press := func(text string) { // tabs to the link or button and presses Enter
		t.Helper()
		for range 60 {
			tab.Press(kb.Tab)
			if browser.Eval[string](tab, "document.activeElement.textContent.trim()") == text {
				before := tab.URL()
				tab.Press(kb.Enter)
				for range 200 {
					if tab.URL() != before || browser.Eval[bool](tab, "document.readyState !== 'complete'") {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				tab.Await("main")
				return
			}
		}
		t.Fatalf("the keyboard does not reach %q at %s", text, tab.URL())
	}

	tab.Go(site + "/projects/tabac")
	press("Decide")
	tab.Await("form.form")
	accessible()
	picture("decide")
	tab.Press(kb.Tab) // to the page's first element after what was clicked: the walk begins anew on a new page
	for browser.Eval[string](tab, "document.activeElement.name ?? ''") != "verdict" {
		tab.Press(kb.Tab)
	}
	tab.Press(" ") // approve
	tab.Press(kb.Tab)
	tab.Press("favourable opinion of the committee of 12 May")
	press("Read what will be signed")
	tab.Await("#sign button:not([disabled])")
	accessible()
	picture("sign")
	if text := tab.Text("main"); !strings.Contains(text, "approved project tabac: favourable opinion of the committee of 12 May") || !strings.Contains(text, `"kind": "project-approved"`) {
		t.Errorf("what is signed is not shown: %s", text)
	}
	press("Sign with my passkey")
	tab.Await(".notice.good")
	accessible()
	picture("signed")
	if text := tab.Text("main"); !strings.Contains(text, "Recorded.") || !strings.Contains(text, "laptop") {
		t.Errorf("after signing: %s", text)
	}
	if said := verifyIn(tab); !strings.Contains(said, "It is signed with a passkey of diane") {
		t.Errorf("the verifier says: %s", said)
	}
	tab.Go(site + "/verify")
	if said := verifyIn(tab); !strings.Contains(said, "2 with a passkey") || !strings.Contains(said, "Everything is as it was signed.") {
		t.Errorf("the verifier says of the whole ledger: %s", said)
	}
	state := stateOf(t, p)
	project, err := state.Project("tabac")
	if err != nil || project.Status != governance.Approved || project.Reason != "favourable opinion of the committee of 12 May" {
		t.Errorf("the project is %s: %v", project.Status, err)
	}
	if _, faults := p.w.Verify(t.Context(), 0, nil); faults == nil {
		t.Error("the ledger cannot be verified")
	}
}

// post sends a form as somebody.
func post(t *testing.T, p http.Handler, who, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "test-who", Value: who})
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, r)
	return answer
}

// field is the value of a hidden field of a page.
func valueOf(t *testing.T, page, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `name="`+name+`" value="`)
	value, _, ended := strings.Cut(rest, `"`)
	if !found || !ended {
		t.Fatalf("the page has no field %s: %s", name, page)
	}
	return strings.NewReplacer("&#43;", "+", "&#34;", `"`, "&amp;", "&").Replace(value)
}

// toSignAs fills a form of a decision and returns the statement that is to be signed.
func toSignAs(t *testing.T, p http.Handler, who, path string, form url.Values) (payload string, statement ledger.Statement) {
	t.Helper()
	form.Set("csrf", "token-of-"+who)
	answer := post(t, p, who, path, form, "Host", "localhost")
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", path, answer.Code, answer.Body)
	}
	payload = valueOf(t, answer.Body.String(), "payload")
	raw, err := decode64(payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &statement); err != nil {
		t.Fatal(err)
	}
	return payload, statement
}

// signedForm is what the page sends when a passkey has signed.
func signedForm(t *testing.T, who, payload string, s ledger.Statement, a *passkeytest.Authenticator) url.Values {
	t.Helper()
	draft, err := ledger.NewDraft(s)
	if err != nil {
		t.Fatal(err)
	}
	assertion := a.Sign(draft.Challenge())
	return url.Values{
		"csrf": {"token-of-" + who}, "payload": {payload}, "credential": {a.Credential.String()},
		"authenticatorData": {assertion.AuthenticatorData.String()}, "clientDataJSON": {assertion.ClientDataJSON.String()}, "signature": {assertion.Signature.String()},
	}
}

const localhost = "http://localhost:8080"

// TestEveryDecisionIsSignedAndRecorded makes each decision that the portal has.
func TestEveryDecisionIsSignedAndRecorded(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	keys := map[string]*passkeytest.Authenticator{}
	for _, who := range []string{"diane", "bob"} {
		keys[who] = enrol(t, p, who, localhost)
	}
	for _, c := range []struct {
		who, path, verdict string
		more               url.Values
		kind               string
	}{
		{"diane", "/projects/tabac/decide", "refuse", nil, "project-refused"},
		{"diane", "/projects/pneumonia/decide", "approve", nil, "project-approved"},
		{"diane", "/projects/pneumonia/hold", "suspend", nil, "project-suspended"},
		{"diane", "/projects/pneumonia/hold", "resume", nil, "project-resumed"},
		{"bob", "/outputs/s-grippe-1/decide", "refuse", nil, "output-refused"},
		{"diane", "/hosts/far-cloud/derogate", "derogate", url.Values{"until": {"2027-06-30"}, "conditions": {"Keys stay in Lyon\n\nReviewed monthly"}}, "derogation-granted"},
	} {
		form := url.Values{"verdict": {c.verdict}, "reason": {"because of " + evil}}
		for name, values := range c.more {
			form[name] = values
		}
		payload, s := toSignAs(t, p, c.who, c.path, form)
		if s.Kind != c.kind || s.Actor != c.who {
			t.Errorf("%s: asks %s to sign %s", c.path, s.Actor, s.Kind)
			continue
		}
		answer := post(t, p, c.who, "/sign", signedForm(t, c.who, payload, s, keys[c.who]))
		if answer.Code != http.StatusSeeOther {
			t.Errorf("%s %s: status %d: %s", c.path, c.verdict, answer.Code, answer.Body)
			continue
		}
		page := get(t, p, c.who, answer.Header().Get("Location")).Body.String()
		if !strings.Contains(page, "Recorded.") || strings.Contains(page, "<script>alert") {
			t.Errorf("%s: after it was signed: %s", c.path, page)
		}
	}
	state := stateOf(t, p)
	host, _ := state.HostByName("far-cloud")
	if got := host.Derogation; len(got.Conditions) != 2 || !got.Until.Equal(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the derogation is %+v", got.DerogationGranted)
	}
}

// TestNobodySignsWhatIsNotTheirs tries to decide in every wrong way.
func TestNobodySignsWhatIsNotTheirs(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	diane, alice := enrol(t, p, "diane", localhost), enrol(t, p, "alice", localhost)
	before := stateOf(t, p).Size
	approve := url.Values{"verdict": {"approve"}, "reason": {"lawful"}}
	payload, s := toSignAs(t, p, "diane", "/projects/tabac/decide", approve)
	good := func() url.Values { return signedForm(t, "diane", payload, s, diane) }
	with := func(form url.Values, name, value string) url.Values {
		form.Set(name, value)
		return form
	}
	other := s
	other.Body = json.RawMessage(`{"name":"eve","role":"controller"}`)
	other.Kind = "party-added"
	otherPayload := encode64(t, other)
	old := s
	old.Time = today.Add(-time.Hour)
	for _, c := range []struct {
		name, who string
		form      url.Values
		headers   []string
		want      int
	}{
		{"no token of the session", "diane", with(good(), "csrf", ""), nil, http.StatusForbidden},
		{"another's token", "diane", with(good(), "csrf", "token-of-alice"), nil, http.StatusForbidden},
		{"from another site", "diane", good(), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"from another origin", "diane", good(), []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"in another's session", "alice", with(good(), "csrf", "token-of-alice"), nil, http.StatusForbidden},
		{"in nobody's session", "", good(), nil, http.StatusSeeOther},
		{"with another's passkey", "diane", signedForm(t, "diane", payload, s, alice), nil, http.StatusConflict},
		{"another text than was signed", "diane", with(good(), "payload", encode64(t, old)), nil, http.StatusConflict},
		{"a kind that no form makes", "diane", signedForm(t, "diane", otherPayload, other, diane), nil, http.StatusForbidden},
		{"too long ago", "diane", signedForm(t, "diane", encode64(t, old), old, diane), nil, http.StatusConflict},
		{"no payload", "diane", with(good(), "payload", ""), nil, http.StatusBadRequest},
		{"a payload that is not ours", "diane", with(good(), "payload", "eyB9"), nil, http.StatusBadRequest},
		{"a form that is too long", "diane", with(good(), "more", strings.Repeat("x", people.MaxBody)), nil, http.StatusBadRequest},
	} {
		if answer := post(t, p, c.who, "/sign", c.form, c.headers...); answer.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, answer.Code, c.want, answer.Body)
		}
	}
	if size := stateOf(t, p).Size; size != before {
		t.Errorf("%d statements were recorded", size-before)
	}
	// Forms that are not there for whoever asks.
	for who, paths := range map[string][]string{
		"alice": {"/projects/tabac/decide", "/projects/pneumonia/hold", "/outputs/s-grippe-1/decide", "/hosts/far-cloud/derogate"},
		"bob":   {"/outputs/s-grippe-2/decide", "/outputs/s-pneumonia-1/decide", "/projects/tabac/decide"},
		"diane": {"/projects/grippe/decide", "/outputs/s-grippe-1/decide", "/hosts/local/derogate", "/emergencies/none/review", "/ledger/3/countersign"},
	} {
		for _, path := range paths {
			if answer := get(t, p, who, path); answer.Code != http.StatusNotFound {
				t.Errorf("%s gets %s: status %d", who, path, answer.Code)
			}
			if answer := post(t, p, who, path, url.Values{"csrf": {"token-of-" + who}, "verdict": {"approve"}, "reason": {"x"}}); answer.Code != http.StatusNotFound {
				t.Errorf("%s posts to %s: status %d", who, path, answer.Code)
			}
		}
	}
	// What is missing is asked for again, with what was written.
	for form, want := range map[string]string{"verdict=approve&reason=+": "Give a reason.", "reason=kept%3C": "Choose a decision."} {
		values, _ := url.ParseQuery(form + "&csrf=token-of-diane")
		answer := post(t, p, "diane", "/projects/tabac/decide", values).Body.String()
		if !strings.Contains(answer, want) || strings.Contains(form, "kept") && !strings.Contains(answer, "kept&lt;</textarea>") {
			t.Errorf("%s: %s", form, answer)
		}
	}
	// Once it is signed, it is not signed again.
	if answer := post(t, p, "diane", "/sign", good()); answer.Code != http.StatusSeeOther {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	if answer := post(t, p, "diane", "/sign", good()); answer.Code != http.StatusConflict {
		t.Errorf("the same decision twice: status %d", answer.Code)
	}
}
