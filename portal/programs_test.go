package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/warehouse"
)

// program is a program that has a token, and what its owner signs with.
type program struct {
	t    *testing.T
	w    *warehouse.Warehouse
	site http.Handler
	doc  *openapi3.T
	who  string
	with string // the token
	key  *passkeytest.Authenticator
}

// programOf makes a program with a token of some scopes.
func programOf(t *testing.T, w *warehouse.Warehouse, site http.Handler, who string, projects []string, scopes ...string) *program {
	t.Helper()
	id, text, digest := people.NewToken()
	if _, err := w.Commit(t.Context(), who, ledger.TokenIssued{Token: id, Secret: digest, Name: "script", Scopes: scopes, Projects: projects, Until: today.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	return &program{t: t, w: w, site: site, doc: doc, who: who, with: text}
}

// send sends JSON and holds the answer against the API's description.
func (p *program) send(method, path string, body any) (status int, answer map[string]any) {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(p.t.Context(), method, path, bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.with)
	got := httptest.NewRecorder()
	p.site.ServeHTTP(got, r)
	if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil {
		p.t.Fatalf("%s %s: status %d: %s", method, path, got.Code, got.Body)
	}
	path, _, _ = strings.Cut(path, "?")
	conforms(p.t, p.doc, method, path, got.Code, got.Body.Bytes())
	return got.Code, answer
}

// prepared asks for a statement to sign.
func (p *program) prepared(path string, body any) ledger.Statement {
	p.t.Helper()
	status, answer := p.send(http.MethodPost, path, body)
	if status != http.StatusOK {
		p.t.Fatalf("%s: status %d: %v", path, status, answer)
	}
	var s ledger.Statement
	if err := json.Unmarshal(mustDecode64(p.t, answer["payload"]), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func mustDecode64(t *testing.T, v any) []byte {
	t.Helper()
	text, _ := v.(string)
	raw, err := decode64(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// signed signs a statement: with the passkey, or else with the key file.
func (p *program) signed(s ledger.Statement) json.RawMessage {
	p.t.Helper()
	if p.key != nil {
		return p.key.Seal(s)
	}
	return sealedBy(p.t, p.w, p.who, s)
}

// sealedBy signs with a party's key file, as a program on its own machine would.
func sealedBy(t *testing.T, w *warehouse.Warehouse, party string, s ledger.Statement) []byte {
	t.Helper()
	key, err := warehouse.ReadSigningKey(w.SigningKeyPath(party))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := ledger.Seal(t.Context(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// give gives the program's owner a passkey.
func (p *program) give(site string) *program {
	p.t.Helper()
	code := "code of " + p.who
	if _, err := p.w.Commit(p.t.Context(), p.who, ledger.EnrolmentOpened{Party: p.who, Code: ledger.Sum([]byte(code)), Until: today.Add(time.Hour), Reason: "joins"}); err != nil {
		p.t.Fatal(err)
	}
	p.key = passkeytest.New(p.t, "ES256", "localhost", site)
	s, err := ledger.New(p.who, today, ledger.PasskeyRegistered{Passkey: p.key.Passkey, Name: "key", Code: code})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.w.CommitSigned(p.t.Context(), p.key.Seal(s)); err != nil {
		p.t.Fatal(err)
	}
	return p
}

type object = map[string]any

// TestAProgramDecides goes the way of the pages over the API: with a passkey, and
// with a key file where the party has no passkey.
func TestAProgramDecides(t *testing.T) {
	w, site, url := wholeSite(t)
	diane := programOf(t, w, site, "diane", nil, "read", "decide").give(url)
	bob := programOf(t, w, site, "bob", nil, "read", "decide")
	if _, form := diane.send(http.MethodGet, "/api/v1/projects/tabac/decide", nil); len(form["choices"].([]any)) != 2 {
		t.Errorf("the form: %v", form)
	}
	for _, c := range []struct {
		by   *program
		path string
		body object
		kind string
	}{
		{diane, "/api/v1/projects/tabac/decide", object{"verdict": "approve", "reason": "lawful"}, "project-approved"},
		{diane, "/api/v1/projects/pneumonia/hold", object{"verdict": "suspend", "reason": "a complaint"}, "project-suspended"},
		{diane, "/api/v1/hosts/far-cloud/derogate", object{"verdict": "derogate", "reason": "no other", "until": "2027-06-30", "conditions": []string{"Keys stay"}}, "derogation-granted"},
		{bob, "/api/v1/outputs/s-grippe-1/decide", object{"verdict": "refuse", "reason": "small cells"}, "output-refused"},
	} {
		s := c.by.prepared(c.path, c.body)
		envelope := c.by.signed(s)
		status, answer := c.by.send(http.MethodPost, "/api/v1/statements", envelope)
		if status != http.StatusCreated || answer["kind"] != c.kind {
			t.Errorf("%s: status %d: %v", c.path, status, answer)
			continue
		}
		again, same := c.by.send(http.MethodPost, "/api/v1/statements", json.RawMessage(strings.Replace(string(envelope), ",", " , ", 1)))
		if again != http.StatusOK || same["index"] != answer["index"] {
			t.Errorf("%s, sent again: status %d: %v", c.path, again, same)
		}
		receipt, _ := answer["receipt"].(string)
		if status, _ := c.by.send(http.MethodGet, receipt, nil); status != http.StatusOK {
			t.Errorf("%s: its receipt: status %d", c.path, status)
		}
	}
	// At the same time, many times: once.
	envelope := diane.signed(diane.prepared("/api/v1/projects/pneumonia/hold", object{"verdict": "resume", "reason": "settled"}))
	before := sizeOf(t, w)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, answer := diane.send(http.MethodPost, "/api/v1/statements", envelope); status != http.StatusOK && status != http.StatusCreated {
				t.Errorf("status %d: %v", status, answer)
			}
		})
	}
	all.Wait()
	if n := sizeOf(t, w) - before; n != 1 {
		t.Errorf("it was recorded %d times", n)
	}
}

// TestAResearcherAsksByAProgram requests a project, and a change of it.
func TestAResearcherAsksByAProgram(t *testing.T) {
	w, site, _ := wholeSite(t)
	alice := programOf(t, w, site, "alice", nil, "read", "request")
	text := spec("asthme", "Asthma", "alice", "2027-12-31", "") + "use: scientific-research\ncontroller: University hospital\n"
	for path, body := range map[string]object{"/api/v1/projects": {"spec": text}, "/api/v1/projects/tabac/amend": {"spec": strings.Replace(text, "asthme", "tabac", 1), "reason": "another title"}} {
		if status, answer := alice.send(http.MethodPost, "/api/v1/statements", alice.signed(alice.prepared(path, body))); status != http.StatusCreated {
			t.Errorf("%s: status %d: %v", path, status, answer)
		}
	}
	if status, answer := alice.send(http.MethodPost, "/api/v1/projects", object{"spec": "project: x\n"}); status != http.StatusUnprocessableEntity {
		t.Errorf("a text that lacks nearly everything: status %d: %v", status, answer)
	}
}

// TestAnAuthorisationThatHasEndedTakesNothing: a program asks, or posts what it signed, after the end of its project,
// by the clock alone; nothing has been said since.
func TestAnAuthorisationThatHasEndedTakesNothing(t *testing.T) {
	w, site, _ := wholeSite(t)
	at := func(moment string) {
		t.Helper()
		now, err := time.Parse(time.RFC3339, moment)
		if err != nil {
			t.Fatal(err)
		}
		w.Now = func() time.Time { return now }
	}
	at("2026-12-20T23:00:00Z")
	id, text, digest := people.NewToken()
	if _, err := w.Commit(t.Context(), "carol", ledger.TokenIssued{Token: id, Secret: digest, Name: "script", Scopes: []string{"read", "request"}, Until: today.AddDate(0, 0, 30)}); err != nil {
		t.Fatal(err)
	}
	carol := &program{t: t, w: w, site: site, who: "carol", with: text}
	var err error
	if carol.doc, err = openapi3.NewLoader().LoadFromData(description); err != nil {
		t.Fatal(err)
	}
	const path = "/api/v1/outputs/s-grippe-1/change"
	method := object{"method": "round"}
	early := carol.signed(carol.prepared(path, method))
	late := carol.prepared(path, method)
	size := sizeOf(t, w)

	at("2026-12-21T00:30:00Z")
	late.Time = w.Now()
	for what, body := range map[string]any{"what was signed before the end": early, "what was signed after it": carol.signed(late)} {
		if status, answer := carol.send(http.MethodPost, "/api/v1/statements", body); status != http.StatusConflict || answer["type"] == nil {
			t.Errorf("%s: status %d: %v", what, status, answer)
		}
	}
	status, answer := carol.send(http.MethodPost, path, method)
	if detail, _ := answer["detail"].(string); status != http.StatusConflict || !strings.Contains(detail, "the authorisation of project grippe ended on 2026-12-20") {
		t.Errorf("asked after the end: status %d: %v", status, answer)
	}
	if now := sizeOf(t, w); now != size {
		t.Errorf("%d statements were recorded", now-size)
	}
}

func sizeOf(t *testing.T, w *warehouse.Warehouse) uint64 {
	t.Helper()
	state, err := w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state.Size
}

// TestAProgramDecidesNothingElse tries what a token is not for, and what nobody may.
func TestAProgramDecidesNothingElse(t *testing.T) {
	w, site, url := wholeSite(t)
	diane := programOf(t, w, site, "diane", nil, "read", "decide").give(url)
	reader := *diane
	other := *diane
	reader.with, other.with = tokenOf(t, diane, nil, "read"), tokenOf(t, diane, []string{"grippe"}, "read", "decide")
	bob := programOf(t, w, site, "bob", nil, "read", "decide")
	decider := programOf(t, w, site, "alice", nil, "decide")
	approve := object{"verdict": "approve", "reason": "lawful"}
	s := diane.prepared("/api/v1/projects/tabac/decide", approve)
	good := diane.signed(s)
	before := sizeOf(t, w)

	leave, err := ledger.New("diane", today, ledger.PartyLeft{Name: "diane", Reason: "x"})
	if err != nil {
		t.Fatal(err)
	}
	old := s
	old.Time = today.Add(-time.Hour)
	changed := s
	changed.Body = json.RawMessage(strings.Replace(string(s.Body), "lawful", "awful", 1))
	forged := bytes.Replace(good, payloadOf(t, s), payloadOf(t, changed), 1)
	for _, c := range []struct {
		name    string
		by      *program
		path    string
		body    any
		want    int
		problem string
	}{
		{"with a token that reads", &reader, "/api/v1/projects/tabac/decide", approve, http.StatusForbidden, "scope"},
		{"with a token that decides", decider, "/api/v1/projects/pneumonia/amend", object{"spec": "x"}, http.StatusForbidden, "scope"},
		{"in another project than the token's", &other, "/api/v1/projects/tabac/decide", approve, http.StatusNotFound, "absent"},
		{"of no project, with a token of one", &other, "/api/v1/hosts/far-cloud/derogate", object{"verdict": "derogate", "reason": "x", "until": "2027-06-30", "conditions": []string{"x"}}, http.StatusForbidden, "hidden"},
		{"by another role", bob, "/api/v1/projects/tabac/decide", approve, http.StatusNotFound, "absent"},
		{"without a reason", diane, "/api/v1/projects/tabac/decide", object{"verdict": "approve"}, http.StatusUnprocessableEntity, "wrong"},
		{"with an unknown verdict", diane, "/api/v1/projects/tabac/decide", object{"verdict": "destroy", "reason": "x"}, http.StatusUnprocessableEntity, "wrong"},
		{"with an unknown field", diane, "/api/v1/projects/tabac/decide", object{"verdict": "approve", "reason": "x", "as": "bob"}, http.StatusBadRequest, "unreadable"},
		{"no JSON", diane, "/api/v1/statements", "x", http.StatusBadRequest, "unreadable"},
		{"no envelope", diane, "/api/v1/statements", object{"payload": "", "payloadType": "text/plain", "signatures": nil}, http.StatusUnprocessableEntity, "wrong"},
		{"another's statement", bob, "/api/v1/statements", good, http.StatusForbidden, "hidden"},
		{"signed with a key file where a passkey is due", diane, "/api/v1/statements", json.RawMessage(sealedBy(t, w, "diane", s)), http.StatusConflict, "refused"},
		{"another text than was signed", diane, "/api/v1/statements", json.RawMessage(forged), http.StatusConflict, "refused"},
		{"signed too long ago", diane, "/api/v1/statements", diane.signed(old), http.StatusConflict, "refused"},
		{"a kind that is not taken here", diane, "/api/v1/statements", diane.signed(leave), http.StatusForbidden, "hidden"},
		{"a signed decision, with a token that reads", &reader, "/api/v1/statements", good, http.StatusForbidden, "scope"},
		{"a signed decision of another project than the token's", &other, "/api/v1/statements", good, http.StatusForbidden, "hidden"},
		{"with a token that is none", &program{t: t, w: w, site: site, doc: diane.doc, with: "rempart_t-0123456789abcdef_x"}, "/api/v1/statements", good, http.StatusUnauthorized, "token"},
	} {
		status, answer := c.by.send(http.MethodPost, c.path, c.body)
		if status != c.want || answer["type"] != people.ProblemType(c.problem) || answer["title"] == "" {
			t.Errorf("%s: status %d, want %d and %s: %v", c.name, status, c.want, c.problem, answer)
		}
		if status == http.StatusConflict && answer["detail"] == nil {
			t.Errorf("%s: it does not say why: %v", c.name, answer)
		}
		explained := httptest.NewRecorder()
		site.ServeHTTP(explained, httptest.NewRequestWithContext(t.Context(), http.MethodGet, people.ProblemType(c.problem), nil))
		if explained.Code != http.StatusOK || strings.Contains(explained.Body.String(), "no such page") && c.problem != "absent" {
			t.Errorf("the problem %s is not explained: %s", c.problem, explained.Body)
		}
	}
	if size := sizeOf(t, w); size != before {
		t.Errorf("%d statements were recorded", size-before)
	}
	// A browser's session sends no JSON of another site, nor of its own.
	p := portalOf(t, copyOf(t))
	for _, path := range []string{"/api/v1/projects/tabac/decide", "/api/v1/statements"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(good))
		r.Header.Set("Content-Type", "application/json")
		r.AddCookie(&http.Cookie{Name: "test-who", Value: "diane"})
		answer := httptest.NewRecorder()
		if p.ServeHTTP(answer, r); answer.Code != http.StatusForbidden {
			t.Errorf("%s with a browser's session: status %d: %s", path, answer.Code, answer.Body)
		}
	}
	// What was good is good still.
	if status, answer := diane.send(http.MethodPost, "/api/v1/statements", good); status != http.StatusCreated {
		t.Errorf("status %d: %v", status, answer)
	}
	// The gate's refusals are told whole: what, and what to do.
	status, answer := diane.send(http.MethodPost, "/api/v1/projects/grippe/hold", object{"verdict": "suspend", "reason": "x"})
	if status != http.StatusOK {
		t.Errorf("status %d: %v", status, answer)
	}
	if _, err := w.Commit(t.Context(), "chu", ledger.SigningRulesSet{Passkeys: governance.OnceRegistered, TwoPersons: map[string][]string{"project-resumed": {"controller"}}, Reason: "policy"}); err != nil {
		t.Fatal(err)
	}
	if status, answer := diane.send(http.MethodPost, "/api/v1/statements", diane.signed(diane.prepared("/api/v1/projects/grippe/hold", object{"verdict": "suspend", "reason": "x"}))); status != http.StatusCreated {
		t.Fatalf("status %d: %v", status, answer)
	}
	status, answer = diane.send(http.MethodPost, "/api/v1/statements", diane.signed(diane.prepared("/api/v1/projects/grippe/hold", object{"verdict": "resume", "reason": "settled"})))
	if status != http.StatusCreated || answer["waits"] != true {
		t.Errorf("what needs a second person: status %d: %v", status, answer)
	}
	chu := programOf(t, w, site, "chu", nil, "decide")
	path := "/api/v1/ledger/" + jsonNumber(answer["index"]) + "/countersign"
	if status, answer := chu.send(http.MethodPost, "/api/v1/statements", chu.signed(chu.prepared(path, object{"verdict": "agree", "reason": "read it"}))); status != http.StatusCreated {
		t.Errorf("the second person: status %d: %v", status, answer)
	}
}

func jsonNumber(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

func payloadOf(t *testing.T, s ledger.Statement) []byte { return []byte(encode64(t, s)) }

// tokenOf issues another token of a program's owner, which her passkey signs.
func tokenOf(t *testing.T, p *program, projects []string, scopes ...string) string {
	t.Helper()
	id, text, digest := people.NewToken()
	s, err := ledger.New(p.who, today, ledger.TokenIssued{Token: id, Secret: digest, Name: "another", Scopes: scopes, Projects: projects, Until: today.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.w.CommitSigned(t.Context(), p.key.Seal(s)); err != nil {
		t.Fatal(err)
	}
	return text
}
