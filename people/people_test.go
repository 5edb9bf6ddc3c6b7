package people_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/warehouse"
)

// site is a portal on this machine: the service, and one page behind it.
type site struct {
	t      *testing.T
	w      *warehouse.Warehouse
	s      *people.Service
	url    string
	log    *bytes.Buffer
	clock  atomic.Int64 // seconds past the beginning
	server *httptest.Server
}

var begin = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func (s *site) now() time.Time { return begin.Add(time.Duration(s.clock.Load()) * time.Second) }

// later lets time pass.
func (s *site) later(d time.Duration) { s.clock.Add(int64(d / time.Second)) }

func newSite(t *testing.T, change ...func(*warehouse.Config, *people.Options)) *site {
	t.Helper()
	return newSiteAt(t, begin, change...)
}

// newSiteAt is a site whose clock begins at a time.
func newSiteAt(t *testing.T, at time.Time, change ...func(*warehouse.Config, *people.Options)) *site {
	t.Helper()
	s := &site{t: t, log: &bytes.Buffer{}}
	s.later(at.Sub(begin))
	ctx := t.Context()
	w, err := warehouse.Init(ctx, filepath.Join(t.TempDir(), "home"), warehouse.InitOptions{Name: "Test", Controller: "controller", Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	w.Now = s.now
	s.w = w
	for name, role := range map[string]governance.Role{"diane": governance.Officer, "denis": governance.Officer, "alice": governance.Researcher, "bob": governance.OutputChecker} {
		if _, err := w.AddParty(ctx, name, role); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	w.Config.Portal.URL = s.url
	o := people.Options{Warehouse: w, Log: slog.New(slog.NewTextHandler(s.log, nil))}
	for _, f := range change {
		f(&w.Config, &o)
	}
	if s.s, err = people.New(o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.s.Routes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		who := people.From(r.Context())
		if who == nil {
			fmt.Fprint(w, "nobody")
			return
		}
		fmt.Fprintf(w, "%s %s may ask in flu: %t, in other: %t, decide: %t", who.Party, who.Method, who.May("request", "flu"), who.May("request", "other"), who.May("decide", ""))
	})
	s.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.s.Protect(mux), ReadHeaderTimeout: time.Minute}}
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// say records a statement by key file.
func (s *site) say(actor string, body ledger.Body) {
	s.t.Helper()
	if _, err := s.w.Commit(s.t.Context(), actor, body); err != nil {
		s.t.Fatalf("%s: %v", body.Kind(), err)
	}
}

// visitor is somebody's browser.
type visitor struct {
	*site
	http.Client
	a *passkeytest.Authenticator
}

func (s *site) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{site: s, Client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		a: passkeytest.New(s.t, "ES256", "localhost", s.url)}
}

// send posts JSON as our script does, and reads the answer into to.
func (v *visitor) send(path string, body, to any, header ...string) int {
	v.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, bytes.NewReader(text))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r, to)
}

func (v *visitor) do(r *http.Request, to any) int {
	v.t.Helper()
	answer, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	switch to := to.(type) {
	case nil:
	case *string:
		*to = string(text)
	default:
		if answer.StatusCode == http.StatusOK {
			if err := json.Unmarshal(text, to); err != nil {
				v.t.Fatalf("%s: %v: %s", r.URL.Path, err, text)
			}
		}
	}
	return answer.StatusCode
}

// get is a page's text.
func (v *visitor) get(path string, header ...string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	var text string
	return v.do(r, &text), text
}

// form posts a form.
func (v *visitor) form(path string, values url.Values, header ...string) int {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r, nil)
}

type challenged struct{ Challenge ledger.URLBytes }

func (v *visitor) signed(challenge []byte) map[string]any {
	a := v.a.Sign(challenge)
	return map[string]any{"id": v.a.Credential, "authenticatorData": a.AuthenticatorData, "clientDataJSON": a.ClientDataJSON, "signature": a.Signature}
}

// open opens an enrolment of a party by its own key file, and returns the code.
func (s *site) open(party string) string {
	s.t.Helper()
	code := "code-of-" + party + fmt.Sprint(s.clock.Add(1))
	s.say(party, ledger.EnrolmentOpened{Party: party, Code: ledger.Sum([]byte(code)), Until: s.now().Add(time.Hour), Reason: "joins"})
	return code
}

// enrol registers the visitor's passkey.
func (v *visitor) enrol(party, code string) int {
	v.t.Helper()
	var made challenged
	if status := v.send("/enrol/begin", map[string]string{"party": party, "code": code, "name": "key ring"}, &made); status != http.StatusOK {
		return status
	}
	attestation, clientData := v.a.Create(made.Challenge)
	var again challenged
	if status := v.send("/enrol/create", map[string]any{"id": v.a.Credential, "attestationObject": ledger.URLBytes(attestation), "clientDataJSON": ledger.URLBytes(clientData)}, &again); status != http.StatusOK {
		return status
	}
	return v.send("/enrol/finish", v.signed(again.Challenge), nil)
}

// login logs the visitor in.
func (v *visitor) login() int {
	v.t.Helper()
	var c challenged
	if status := v.send("/login/passkey/begin", map[string]string{"to": "/"}, &c); status != http.StatusOK {
		return status
	}
	return v.send("/login/passkey/finish", v.signed(c.Challenge), nil)
}

func (v *visitor) is(header ...string) string {
	v.t.Helper()
	_, text := v.get("/", header...)
	name, _, _ := strings.Cut(text, " ")
	return name
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestSomebodyEnrolsLogsInAndLogsOut(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "before", v.is(), "nobody")
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	want(t, "after enrolment", v.is(), "diane")
	state, err := s.w.State(t.Context())
	if err != nil || len(state.PasskeysOf("diane")) != 1 || state.PasskeysOf("diane")[0].Name != "key ring" {
		t.Fatalf("the ledger has %+v, %v", state.PasskeysOf("diane"), err)
	}
	other := s.visitor()
	other.a = v.a
	want(t, "login", other.login(), http.StatusOK)
	want(t, "another browser", other.is(), "diane")
	_, page := other.get("/account")
	if !strings.Contains(page, "key ring") {
		t.Errorf("the account does not show the passkey: %s", page)
	}
	want(t, "logout without the form's token", other.form("/logout", url.Values{}), http.StatusForbidden)
	want(t, "still in", other.is(), "diane")
	want(t, "logout", other.form("/logout", url.Values{"csrf": {csrf(t, page)}}), http.StatusSeeOther)
	want(t, "out", other.is(), "nobody")
	want(t, "the other session", v.is(), "diane")
}

func csrf(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`(?:name="csrf" value|data-csrf)="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form: %s", page)
	}
	return found[1]
}

func TestALoginIsNotReplayed(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	thief := s.visitor()
	thief.a = v.a
	var c challenged
	thief.send("/login/passkey/begin", map[string]string{}, &c)
	answer := thief.signed(c.Challenge)
	want(t, "once", thief.send("/login/passkey/finish", answer, nil), http.StatusOK)
	want(t, "twice", thief.send("/login/passkey/finish", answer, nil), http.StatusUnauthorized)
	another := s.visitor()
	want(t, "in another browser", another.send("/login/passkey/finish", answer, nil), http.StatusUnauthorized)
	another.send("/login/passkey/begin", map[string]string{}, &c)
	want(t, "for another challenge", another.send("/login/passkey/finish", answer, nil), http.StatusUnauthorized)
	want(t, "nobody", another.is(), "nobody")
}

func TestWhoIsNotLetIn(t *testing.T) {
	s := newSite(t)
	diane := s.visitor()
	want(t, "enrol", diane.enrol("diane", s.open("diane")), http.StatusOK)
	for name, spoil := range map[string]func(v *visitor){
		"a stranger's passkey": func(v *visitor) { v.a = passkeytest.New(t, "ES256", "localhost", s.url) },
		"another key, the same id": func(v *visitor) {
			id := v.a.Credential
			v.a = passkeytest.New(t, "ES256", "localhost", s.url)
			v.a.Credential = id
		},
		"nobody's finger":            func(v *visitor) { v.a.Flags = passkeytest.Present },
		"a phisher's site":           func(v *visitor) { v.a.SignOrigin = "https://localhost.evil.test" },
		"another port of this host":  func(v *visitor) { v.a.SignOrigin = "http://localhost:1" },
		"a copy of an authenticator": func(v *visitor) { v.a.Counter = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s.later(time.Hour)
			v := s.visitor()
			copied := *diane.a
			v.a = &copied
			spoil(v)
			want(t, "login", v.login(), http.StatusUnauthorized)
			want(t, "in", v.is(), "nobody")
		})
	}
	s.say("controller", ledger.PasskeyRemoved{Party: "diane", Credential: diane.a.Credential, Reason: "lost"})
	v := s.visitor()
	v.a = diane.a
	want(t, "a passkey that was removed", v.login(), http.StatusUnauthorized)
}

func TestACodeIsNotGuessed(t *testing.T) {
	s := newSite(t)
	code := s.open("diane")
	v := s.visitor()
	want(t, "a wrong code", v.enrol("diane", "guess"), http.StatusUnauthorized)
	want(t, "another's code", v.enrol("alice", code), http.StatusUnauthorized)
	blocked := 0
	for range 20 {
		if v.enrol("diane", "guess") == http.StatusTooManyRequests {
			blocked++
		}
	}
	if blocked < 10 {
		t.Errorf("only %d of 20 guesses were held up", blocked)
	}
	// Whoever shares the address, and has the code, is let in all the same.
	want(t, "the right code", v.enrol("diane", code), http.StatusOK)
	want(t, "the code again", s.visitor().enrol("diane", code), http.StatusUnauthorized)
}

// A stranger who fails in somebody's name does not lock that person out: failures
// count against the address that they came from.
func TestNobodyLocksOutAnother(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	bad := s.visitor()
	bad.a = passkeytest.New(t, "ES256", "localhost", s.url)
	bad.a.Credential = v.a.Credential
	handler := s.server.Config.Handler
	from := func(address string) int {
		var last int
		for range 30 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login/passkey/finish", strings.NewReader(`{}`))
			r.Header.Set("Content-Type", "application/json")
			r.RemoteAddr = address
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			last = w.Code
		}
		return last
	}
	want(t, "the attacker's address", from("203.0.113.7:1234"), http.StatusTooManyRequests)
	want(t, "another of the attacker's /64", from("[2001:db8::1]:1"), http.StatusTooManyRequests)
	want(t, "the attacker, behind a proxy of this machine", from("127.0.0.1:5"), http.StatusTooManyRequests)
	want(t, "diane, from elsewhere and from there", v.login(), http.StatusOK)
}

// Behind a proxy of this machine an address is what the proxy says, and the proxy
// alone: what a browser adds in front of it counts for nothing.
func TestAnAddressIsNotForged(t *testing.T) {
	s := newSite(t)
	handler := s.server.Config.Handler
	ask := func(remote, forwarded string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = remote
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	for range 300 {
		ask("198.51.100.1:1", "")
	}
	want(t, "too many", ask("198.51.100.1:1", ""), http.StatusTooManyRequests)
	want(t, "with a header of its own", ask("198.51.100.1:1", "192.0.2.1"), http.StatusTooManyRequests)
	want(t, "the same, by the proxy", ask("127.0.0.1:1", "192.0.2.77, 198.51.100.1"), http.StatusTooManyRequests)
	want(t, "another, by the proxy", ask("127.0.0.1:1", "198.51.100.1, 192.0.2.77"), http.StatusOK)
}

func TestSessionsEnd(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	s.later(people.Idle - time.Minute)
	want(t, "before it is idle", v.is(), "diane")
	s.later(people.Idle - time.Minute)
	want(t, "it was used", v.is(), "diane")
	s.later(people.Idle)
	want(t, "idle", v.is(), "nobody")
	want(t, "again", v.login(), http.StatusOK)
	s.later(people.Idle - time.Minute)
	want(t, "a script looks", v.is(people.LiveHeader, "1"), "diane")
	s.later(time.Minute)
	want(t, "a script alone keeps no session", v.is(), "nobody")
	want(t, "once more", v.login(), http.StatusOK)
	for range int(people.Absolute / (20 * time.Minute)) {
		s.later(20 * time.Minute)
		v.is()
	}
	want(t, "after its absolute end", v.is(), "nobody")
}

func TestASessionIsANewOneAtEachLogin(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	home, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	cookie := func() string {
		for _, c := range v.Jar.Cookies(home) {
			if c.Name == "rempart" {
				return c.Value
			}
		}
		return ""
	}
	before := cookie()
	want(t, "login", v.login(), http.StatusOK)
	if after := cookie(); after == before || len(after) < 43 {
		t.Errorf("the session was %q and is %q", before, after)
	}
	thief := s.visitor()
	status, text := thief.get("/", "Cookie", "rempart="+before)
	if status != http.StatusOK || text != "nobody" {
		t.Errorf("the old session is %s", text)
	}
	// A cookie that somebody planted is no session, before and after.
	_, text = thief.get("/", "Cookie", "rempart=planted")
	want(t, "planted", text, "nobody")
	_, text = thief.get("/", "Cookie", "rempart=planted; rempart="+cookie())
	want(t, "planted beside the right one", text, "nobody")
}

func TestSessionsCanBeEndedFromAnother(t *testing.T) {
	s := newSite(t)
	v, other := s.visitor(), s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	other.a = v.a
	want(t, "login", other.login(), http.StatusOK)
	_, page := v.get("/account")
	form := csrf(t, page)
	want(t, "without the passkey", v.form("/account/sessions/end", url.Values{"csrf": {form}}), http.StatusForbidden)
	want(t, "with another's token", v.end("", "AAAA"), http.StatusForbidden)
	want(t, "not ended", other.is(), "diane")
	want(t, "end", v.end("", form), http.StatusOK)
	want(t, "this one", v.is(), "diane")
	want(t, "the other one", other.is(), "nobody")
}

// end ends a session of the visitor's, or all others, with the passkey.
func (v *visitor) end(session, csrf string) int {
	var c challenged
	if status := v.send("/account/sessions/begin", map[string]string{"session": session, "csrf": csrf}, &c); status != http.StatusOK {
		return status
	}
	return v.send("/account/sessions/finish", v.signed(c.Challenge), nil)
}

// Somebody sees each of her sessions, and ends one of them alone.
func TestOneSessionCanBeEnded(t *testing.T) {
	s := newSite(t)
	v, second, third := s.visitor(), s.visitor(), s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	second.a, third.a = v.a, v.a
	s.later(time.Minute)
	want(t, "second", second.login(), http.StatusOK)
	s.later(time.Minute)
	want(t, "third", third.login(), http.StatusOK)
	_, page := v.get("/account")
	names := regexp.MustCompile(`data-session="([0-9a-f]{16})"`).FindAllStringSubmatch(page, -1)
	if len(names) != 2 {
		t.Fatalf("%d sessions can be ended, want 2:\n%s", len(names), page)
	}
	want(t, "its browser and address are told", strings.Contains(page, "Go-http-client") && strings.Contains(page, "127.0.0.1"), true)
	stranger := s.visitor()
	want(t, "another enrols", stranger.enrol("bob", s.open("bob")), http.StatusOK)
	_, other := stranger.get("/account")
	want(t, "another's session", stranger.end(names[0][1], csrf(t, other)), http.StatusOK)
	want(t, "is not ended", second.is(), "diane")
	want(t, "end", v.end(names[0][1], csrf(t, page)), http.StatusOK)
	want(t, "the first", v.is(), "diane")
	want(t, "the second", second.is(), "nobody")
	want(t, "the third", third.is(), "diane")
}

func TestWhoLeavesIsOutAtOnce(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("alice", s.open("alice")), http.StatusOK)
	want(t, "in", v.is(), "alice")
	s.say("controller", ledger.PartyLeft{Name: "alice", Reason: "contract ended"})
	want(t, "out", v.is(), "nobody")
	want(t, "login", v.login(), http.StatusUnauthorized)
}

// What another site sends in somebody's name is refused, whatever its form.
func TestOtherSitesSendNothing(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("diane", s.open("diane")), http.StatusOK)
	_, page := v.get("/account")
	token := url.Values{"csrf": {csrf(t, page)}}
	want(t, "Sec-Fetch-Site", v.form("/logout", token, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	want(t, "a subdomain", v.form("/logout", token, "Sec-Fetch-Site", "same-site"), http.StatusForbidden)
	want(t, "Origin", v.form("/logout", token, "Origin", "https://evil.test"), http.StatusForbidden)
	want(t, "JSON from elsewhere", v.send("/login/passkey/begin", map[string]string{}, nil, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	want(t, "a form where JSON is due", v.form("/login/passkey/begin", url.Values{"to": {"/"}}), http.StatusUnsupportedMediaType)
	want(t, "another session's token", v.form("/logout", url.Values{"csrf": {"AAAA"}}), http.StatusForbidden)
	want(t, "in", v.is(), "diane")
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	answer, err := s.visitor().Get(s.url + "/login")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	policy := answer.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q has something unsafe", policy)
	}
	for name, value := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
		want(t, name, answer.Header.Get(name), value)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodTrace, s.url+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "TRACE", s.visitor().do(r, nil), http.StatusMethodNotAllowed)
	// Over TLS, cookies are this host's alone.
	secure := newSite(t, func(c *warehouse.Config, _ *people.Options) { c.Portal.URL = "https://portal.example.eu" })
	v := secure.visitor()
	r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, secure.url+"/login/passkey/begin", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err = v.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	cookie := answer.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-rempart", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q lacks %s", cookie, part)
		}
	}
	if strings.Contains(cookie, "Domain") || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("the cookie is %q, HSTS %q", cookie, answer.Header.Get("Strict-Transport-Security"))
	}
}

// Nobody is sent to another site after a login.
func TestALoginLeadsNowhereElse(t *testing.T) {
	s := newSite(t)
	for _, to := range []string{"https://evil.test/", "//evil.test", `/\evil.test`, "/\tx", "javascript:alert(1)", ""} {
		v := s.visitor()
		_, page := v.get("/login?to=" + url.QueryEscape(to))
		if !strings.Contains(page, `data-to="/"`) {
			t.Errorf("%q: %s", to, page)
		}
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	big := map[string]string{"to": strings.Repeat("x", 1<<19)}
	want(t, "a long body", v.send("/login/passkey/begin", big, nil), http.StatusBadRequest)
	want(t, "unknown fields", v.send("/login/passkey/begin", map[string]string{"admin": "true"}, nil), http.StatusBadRequest)
	held := 0
	for range 400 {
		if status, _ := v.get("/"); status == http.StatusTooManyRequests {
			held++
		}
	}
	if held == 0 {
		t.Error("400 requests at one moment were all answered")
	}
	s.later(10 * time.Second)
	want(t, "later", v.is(), "nobody")
}

func TestTokens(t *testing.T) {
	s := newSite(t)
	id, token, digest := people.NewToken()
	s.say("alice", ledger.TokenIssued{Token: id, Secret: digest, Name: "ci", Scopes: []string{"request"}, Until: s.now().Add(time.Hour)})
	v := s.visitor()
	bearer := func(header ...string) (int, string) { return v.get("/", header...) }
	status, text := bearer("Authorization", "Bearer "+token)
	if status != http.StatusOK || !strings.HasPrefix(text, "alice token may ask in flu: true") || !strings.HasSuffix(text, "decide: false") {
		t.Errorf("%d %s", status, text)
	}
	for name, value := range map[string]string{
		"another secret":  token + "A",
		"no secret":       "rempart_" + id + "_",
		"only the id":     "rempart_" + id,
		"another id":      strings.Replace(token, id, "t-0000000000000000", 1),
		"another's words": "x",
	} {
		if status, text := bearer("Authorization", "Bearer "+value); status == http.StatusOK {
			t.Errorf("%s: %s", name, text)
		}
	}
	s.later(16 * time.Minute)
	if status, _ := bearer("Authorization", "Basic "+token); status != http.StatusUnauthorized {
		t.Errorf("Basic: %d", status)
	}
	if status, _ := bearer("Authorization", "Bearer x"); status != http.StatusTooManyRequests {
		t.Errorf("after many failures: %d", status)
	}
	if status, _ := bearer("Authorization", "Bearer "+token); status != http.StatusOK {
		t.Errorf("before its end: %d", status)
	}
	s.later(time.Hour)
	if status, _ := bearer("Authorization", "Bearer "+token); status != http.StatusUnauthorized {
		t.Errorf("after its end: %d", status)
	}
	if strings.Contains(s.log.String(), token) {
		t.Error("a token is in the log")
	}
}

func TestATokenEndsWhenItIsRevokedOrItsOwnerLeaves(t *testing.T) {
	for _, end := range []ledger.Body{ledger.TokenRevoked{Token: "", Reason: "leaked"}, ledger.PartyLeft{Name: "alice", Reason: "gone"}} {
		s := newSite(t)
		id, token, digest := people.NewToken()
		s.say("alice", ledger.TokenIssued{Token: id, Secret: digest, Name: "ci", Scopes: []string{"read"}, Until: s.now().Add(time.Hour)})
		v := s.visitor()
		if status, _ := v.get("/", "Authorization", "Bearer "+token); status != http.StatusOK {
			t.Errorf("before: %d", status)
		}
		if revoked, ok := end.(ledger.TokenRevoked); ok {
			revoked.Token = id
			end = revoked
		}
		s.say("controller", end)
		if status, _ := v.get("/", "Authorization", "Bearer "+token); status != http.StatusUnauthorized {
			t.Errorf("after %s: %d", end.Kind(), status)
		}
	}
}

// A token opens no page that only a person may open.
func TestATokenIsNoPerson(t *testing.T) {
	s := newSite(t)
	id, token, digest := people.NewToken()
	s.say("alice", ledger.TokenIssued{Token: id, Secret: digest, Name: "ci", Scopes: []string{"read"}, Until: s.now().Add(time.Hour)})
	v := s.visitor()
	for _, path := range []string{"/account", "/sign/q-0123456789abcdef"} {
		if status, _ := v.get(path, "Authorization", "Bearer "+token); status == http.StatusOK {
			t.Errorf("%s is open to a token", path)
		}
	}
}

func TestWhatWaitsIsSignedByItsActor(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	want(t, "enrol", v.enrol("controller", s.open("controller")), http.StatusOK)
	// From the command line: it waits.
	_, err := s.w.Commit(t.Context(), "controller", ledger.PasskeyRemoved{Party: "bob", Credential: make([]byte, 16), Reason: "x"})
	var wanted *warehouse.SignatureWanted
	if !asError(err, &wanted) || !strings.HasPrefix(wanted.URL, s.url+"/sign/q-") {
		t.Fatalf("%v", err)
	}
	body := ledger.SigningRulesSet{Passkeys: governance.Required, Reason: "policy 4"}
	_, err = s.w.Commit(t.Context(), "controller", body)
	if !asError(err, &wanted) {
		t.Fatalf("%v", err)
	}
	path := strings.TrimPrefix(wanted.URL, s.url)
	stranger := s.visitor()
	want(t, "enrol a stranger", stranger.enrol("alice", s.open("alice")), http.StatusOK)
	status, _ := stranger.get(path)
	want(t, "another's request", status, http.StatusNotFound)
	status, page := v.get(path)
	if status != http.StatusOK || !strings.Contains(page, "policy 4") {
		t.Fatalf("%d %s", status, page)
	}
	digest := attribute(t, page, "data-digest")
	token := attribute(t, page, "data-csrf")
	var c challenged
	want(t, "begin without the form's token", v.send(path+"/begin", map[string]string{"csrf": "", "digest": digest}, &c), http.StatusForbidden)
	want(t, "begin with another text", v.send(path+"/begin", map[string]string{"csrf": token, "digest": "00"}, &c), http.StatusConflict)
	want(t, "begin as another", stranger.send(path+"/begin", map[string]string{"csrf": token, "digest": digest}, &c), http.StatusNotFound)
	want(t, "begin", v.send(path+"/begin", map[string]string{"csrf": token, "digest": digest}, &c), http.StatusOK)
	signed := v.signed(c.Challenge)
	want(t, "finish in another browser", stranger.send(path+"/finish", signed, nil), http.StatusNotFound)
	want(t, "finish", v.send(path+"/finish", signed, nil), http.StatusOK)
	status, _ = v.get(path)
	want(t, "it waits no more", status, http.StatusNotFound)
	state, err := s.w.State(t.Context())
	if err != nil || state.People.Rules.Passkeys != governance.Required {
		t.Errorf("%+v, %v", state.People.Rules, err)
	}
	faults, _ := s.w.Verify(context.WithoutCancel(t.Context()), -1, nil)
	for _, fault := range faults.Faults {
		if !strings.Contains(fault.Error(), "rempart.toml") { // changed in memory alone
			t.Error(fault)
		}
	}
}

func attribute(t *testing.T, page, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no %s: %s", name, page)
	}
	return value
}
