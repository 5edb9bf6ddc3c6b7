package people_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/warehouse"
)

// idp is a whole OpenID Connect provider, of zitadel/oidc, in this process; a test
// may have it say what it should not.
type idp struct {
	*storage.Storage
	t      *testing.T
	issuer string

	mu     sync.Mutex
	keys   []crypto.Signer // the last one signs
	forger *rsa.PrivateKey // signs in its place, under its name
	amr    []string
	spoil  func(*spoiled)
}

// spoiled is what the ID token is made of.
type spoiled struct {
	op.AuthRequest
	amr      []string
	nonce    string
	audience []string
}

func (s *spoiled) GetAMR() []string      { return s.amr }
func (s *spoiled) GetNonce() string      { return s.nonce }
func (s *spoiled) GetAudience() []string { return s.audience }

func (p *idp) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	r, err := p.Storage.AuthRequestByCode(ctx, code)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &spoiled{AuthRequest: r, amr: p.amr, nonce: r.GetNonce(), audience: r.GetAudience()}
	if p.spoil != nil {
		p.spoil(s)
	}
	return s, nil
}

// CreateAccessToken knows only the storage's own requests.
func (p *idp) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "token", time.Now().Add(time.Hour), nil
}

type signing struct {
	id  string
	key crypto.Signer
}

func (s signing) SignatureAlgorithm() jose.SignatureAlgorithm {
	switch s.key.(type) {
	case *ecdsa.PrivateKey:
		return jose.ES256
	case ed25519.PrivateKey:
		return jose.EdDSA
	}
	return jose.RS256
}
func (s signing) Key() any   { return s.key }
func (s signing) ID() string { return s.id }

type verifying struct{ signing }

func (v verifying) Algorithm() jose.SignatureAlgorithm { return v.SignatureAlgorithm() }
func (v verifying) Use() string                        { return "sig" }
func (v verifying) Key() any                           { return v.key.Public() }

func keyName(i int) string { return "key-" + string(rune('a'+i)) }

func (p *idp) SigningKey(context.Context) (op.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forger != nil {
		return signing{keyName(len(p.keys) - 1), p.forger}, nil
	}
	return signing{keyName(len(p.keys) - 1), p.keys[len(p.keys)-1]}, nil
}

func (p *idp) KeySet(context.Context) (all []op.Key, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, key := range p.keys {
		all = append(all, verifying{signing{keyName(i), key}})
	}
	return all, nil
}

func (p *idp) rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.t.Fatal(err)
	}
	p.add(key)
}

// add has the provider sign with another key from now on.
func (p *idp) add(key crypto.Signer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, key)
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, issuer: "http://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)}
	p.Storage = storage.NewStorage(storage.NewUserStore(p.issuer))
	p.rotate()
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}, CodeMethodS256: true, AuthMethodPost: true}, p, op.StaticIssuer(p.issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: provider, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// clients is one table in the whole provider.
var clients sync.Mutex

// siteWith is a site whose people log in with the provider; whoever logs in there
// is diane.
func siteWith(t *testing.T, p *idp, change ...func(*warehouse.LoginConfig)) *site {
	t.Helper()
	s := newSiteAt(t, time.Now(), func(c *warehouse.Config, _ *people.Options) {
		login := warehouse.LoginConfig{Name: "hospital", Issuer: p.issuer, ClientID: "portal-" + t.Name(), SecondFactor: []string{"mfa"}}
		for _, f := range change {
			f(&login)
		}
		c.Portal.Logins = []warehouse.LoginConfig{login}
		clients.Lock()
		defer clients.Unlock()
		storage.RegisterClients(storage.NativeClient(login.ClientID, c.Portal.URL+"/login/callback"))
	})
	s.say("controller", ledger.LoginLinked{Party: "diane", Issuer: p.issuer, Subject: "id1"})
	return s
}

// location follows no redirect, and says where it leads.
func (v *visitor) location(address string) *url.URL {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	answer, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	to, err := answer.Location()
	if err != nil {
		v.t.Fatalf("%s leads nowhere: %d", address, answer.StatusCode)
	}
	return to
}

// atProvider begins a login and comes as far as the way back.
func (v *visitor) atProvider(p *idp) *url.URL {
	v.t.Helper()
	login := v.location(v.location(v.url + "/login/with/hospital?to=/").String())
	id := login.Query().Get("authRequestID")
	if err := p.CheckUsernamePassword("test-user@localhost", "verysecure", id); err != nil {
		v.t.Fatal(err)
	}
	return v.location(p.issuer + "/authorize/callback?id=" + id)
}

// back comes back from the provider.
func (v *visitor) back(to *url.URL) (int, string) {
	v.t.Helper()
	return v.get(to.RequestURI())
}

func TestALoginWithAProviderThatAsksForTwoFactors(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"pwd", "mfa"}
	s := siteWith(t, p)
	v := s.visitor()
	asked := v.location(s.url + "/login/with/hospital").Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(asked.Get(name)) < 43 {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	want(t, "PKCE", asked.Get("code_challenge_method"), "S256")
	status, _ := v.back(v.atProvider(p))
	want(t, "back", status, http.StatusSeeOther)
	_, text := v.get("/")
	if !strings.HasPrefix(text, "diane hospital") {
		t.Errorf("logged in as %q", text)
	}
	// And out, also there.
	_, page := v.get("/account")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/logout", strings.NewReader(url.Values{"csrf": {csrf(t, page)}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	want(t, "logout", v.do(r, &text), http.StatusOK)
	if !strings.Contains(text, p.issuer+"/end_session?client_id=") {
		t.Errorf("no way out of the provider: %s", text)
	}
	want(t, "out", v.is(), "nobody")
}

// One factor is not enough: the passkey is the second, and it must be of the same person.
func TestALoginWithOneFactorNeedsAPasskey(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"pwd"}
	s := siteWith(t, p)
	owner, stranger := s.visitor(), s.visitor()
	want(t, "enrol", owner.enrol("diane", s.open("diane")), http.StatusOK)
	want(t, "enrol", stranger.enrol("alice", s.open("alice")), http.StatusOK)
	v := s.visitor()
	status, _ := v.back(v.atProvider(p))
	want(t, "back", status, http.StatusSeeOther)
	want(t, "with one factor", v.is(), "nobody")
	v.a = stranger.a
	want(t, "with a stranger's passkey", v.login(), http.StatusUnauthorized)
	want(t, "still", v.is(), "nobody")
	v.back(v.atProvider(p))
	v.a = owner.a
	want(t, "with the passkey", v.login(), http.StatusOK)
	want(t, "in", v.is(), "diane")
}

func TestWhatAProviderMustNotSay(t *testing.T) {
	for name, spoil := range map[string]func(*spoiled){
		"the nonce of another login": func(s *spoiled) { s.nonce = "another" },
		"no nonce":                   func(s *spoiled) { s.nonce = "" },
		"for another program":        func(s *spoiled) { s.audience = []string{"another"} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			p.amr, p.spoil = []string{"mfa"}, spoil
			v := siteWith(t, p).visitor()
			status, _ := v.back(v.atProvider(p))
			want(t, "back", status, http.StatusUnauthorized)
			want(t, "in", v.is(), "nobody")
		})
	}
}

func TestTheWayBackIsForOneBrowserOnce(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"mfa"}
	s := siteWith(t, p)
	v, victim := s.visitor(), s.visitor()
	to := v.atProvider(p)
	// Somebody's own code in another's browser: the victim would work as the attacker.
	status, _ := victim.back(to)
	want(t, "in another browser", status, http.StatusUnauthorized)
	victim.atProvider(p)
	status, _ = victim.back(to)
	want(t, "in another browser, where a login is under way", status, http.StatusUnauthorized)
	want(t, "the victim", victim.is(), "nobody")
	status, _ = v.back(to)
	want(t, "in its own", status, http.StatusSeeOther)
	out := s.visitor()
	out.Jar = v.Jar
	status, _ = out.back(to)
	want(t, "again", status, http.StatusUnauthorized)
	// What was changed on the way.
	for _, name := range []string{"state", "code"} {
		w := s.visitor()
		to := w.atProvider(p)
		q := to.Query()
		q.Set(name, "x"+q.Get(name))
		to.RawQuery = q.Encode()
		status, _ := w.back(to)
		want(t, "another "+name, status, http.StatusUnauthorized)
	}
	w := s.visitor()
	to = w.atProvider(p)
	to.RawQuery += "&iss=https%3A%2F%2Fevil.test"
	status, _ = w.back(to)
	want(t, "of another issuer", status, http.StatusUnauthorized)
}

func TestAProviderChangesItsKeys(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"mfa"}
	s := siteWith(t, p)
	v := s.visitor()
	v.back(v.atProvider(p))
	want(t, "with the first key", v.is(), "diane")
	p.rotate()
	w := s.visitor()
	w.back(w.atProvider(p))
	want(t, "with the next", w.is(), "diane")
	// A key that the provider does not publish signs nothing.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.forger = key
	p.mu.Unlock()
	x := s.visitor()
	status, _ := x.back(x.atProvider(p))
	want(t, "with a stranger's key", status, http.StatusUnauthorized)
}

func TestWhomTheLedgerDoesNotKnowIsNobody(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"mfa"}
	s := siteWith(t, p)
	s.say("controller", ledger.LoginUnlinked{Issuer: p.issuer, Subject: "id1", Reason: "left"})
	v := s.visitor()
	status, _ := v.back(v.atProvider(p))
	want(t, "unlinked", status, http.StatusUnauthorized)
	s.say("controller", ledger.LoginLinked{Party: "alice", Issuer: p.issuer, Subject: "id1"})
	v.back(v.atProvider(p))
	want(t, "linked to another", v.is(), "alice")
	s.say("controller", ledger.PartyLeft{Name: "alice", Reason: "left"})
	want(t, "who has left", v.is(), "nobody")
	status, _ = v.back(v.atProvider(p))
	want(t, "who has left, again", status, http.StatusUnauthorized)
}

// Another provider's person of the same subject is another person.
func TestASubjectIsOfItsIssuer(t *testing.T) {
	p, other := newIDP(t), newIDP(t)
	other.amr = []string{"mfa"}
	s := siteWith(t, p, func(l *warehouse.LoginConfig) { l.Issuer = other.issuer })
	v := s.visitor() // diane is linked at the first provider alone
	status, _ := v.back(v.atProvider(other))
	want(t, "at the other provider", status, http.StatusUnauthorized)
}

func TestAProviderThatDoesNotAnswer(t *testing.T) {
	p := newIDP(t)
	s := siteWith(t, p, func(l *warehouse.LoginConfig) { l.Issuer = "http://localhost:1" })
	status, text := s.visitor().get("/login/with/hospital")
	want(t, "begin", status, http.StatusBadGateway)
	if strings.Contains(text, "refused") || strings.Contains(text, "dial") {
		t.Errorf("the page tells of the inside: %s", text)
	}
	status, _ = s.visitor().get("/login/with/another")
	want(t, "no such provider", status, http.StatusNotFound)
}

// A provider may sign as it likes among what is known, or as the configuration says.
func TestHowAProviderSigns(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		key  crypto.Signer // nil: RSA
		only []string
		is   string
	}{
		{"RS256", nil, nil, "diane"}, {"ES256", curve, nil, "diane"}, {"EdDSA", edwards, nil, "diane"},
		{"ES256 where it must be", curve, []string{"ES256"}, "diane"}, {"RS256 where it must be ES256", nil, []string{"ES256", "EdDSA"}, "nobody"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newIDP(t)
			p.amr = []string{"mfa"}
			if c.key != nil {
				p.add(c.key)
			}
			v := siteWith(t, p, func(l *warehouse.LoginConfig) { l.Signing = c.only }).visitor()
			v.back(v.atProvider(p))
			want(t, "in", v.is(), c.is)
		})
	}
}

// logoutToken is what a provider sends where somebody has logged out there.
func (p *idp) logoutToken(change func(map[string]any)) string {
	p.t.Helper()
	claims := map[string]any{
		"iss": p.issuer, "aud": "portal-" + p.t.Name(), "sub": "id1", "jti": "j-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	change(claims)
	key, err := p.SigningKey(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.SignatureAlgorithm(), Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		p.t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

// Who logs out at the provider is out here too (OpenID Connect Back-Channel Logout).
func TestWhoLogsOutAtTheProviderIsOut(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"mfa"}
	s := siteWith(t, p)
	v, byPasskey, machine := s.visitor(), s.visitor(), s.visitor()
	v.back(v.atProvider(p))
	want(t, "enrol", byPasskey.enrol("diane", s.open("diane")), http.StatusOK)
	says := func(token string) int {
		return machine.form("/logout/provider", url.Values{"logout_token": {token}})
	}
	for name, change := range map[string]func(map[string]any){
		"of another issuer":    func(c map[string]any) { c["iss"] = "https://evil.test" },
		"for another program":  func(c map[string]any) { c["aud"] = "another" },
		"that has ended":       func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"that is an ID token":  func(c map[string]any) { c["nonce"] = "n" },
		"without the event":    func(c map[string]any) { delete(c, "events") },
		"of nobody":            func(c map[string]any) { delete(c, "sub") },
		"without a name of it": func(c map[string]any) { delete(c, "jti") },
	} {
		if status := says(p.logoutToken(change)); status == http.StatusOK {
			t.Errorf("a token %s was taken", name)
		}
		want(t, name, v.is(), "diane")
	}
	want(t, "no token", says(""), http.StatusBadRequest)
	want(t, "somebody else", says(p.logoutToken(func(c map[string]any) { c["sub"], c["jti"] = "id2", "j-2" })), http.StatusOK)
	want(t, "is still in", v.is(), "diane")
	token := p.logoutToken(func(map[string]any) {})
	want(t, "the logout", says(token), http.StatusOK)
	want(t, "out", v.is(), "nobody")
	want(t, "who came by passkey stays", byPasskey.is(), "diane")
	v.back(v.atProvider(p))
	want(t, "in again", v.is(), "diane")
	want(t, "the same token", says(token), http.StatusBadRequest)
	want(t, "still in", v.is(), "diane")
}

// Who has passkeys of another site alone cannot sign here: a login that is fresh ends sessions.
func TestAPasskeyOfAnotherSiteIsNoneHere(t *testing.T) {
	p := newIDP(t)
	p.amr = []string{"pwd", "mfa"}
	s := siteWith(t, p)
	elsewhere := passkeytest.New(t, "ES256", "old.example", "https://old.example")
	statement, err := ledger.New("diane", s.now(), ledger.PasskeyRegistered{Passkey: elsewhere.Passkey, Name: "of the old address", Code: s.open("diane")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.w.CommitSigned(t.Context(), elsewhere.Seal(statement)); err != nil {
		t.Fatal(err)
	}
	v, other := s.visitor(), s.visitor()
	v.back(v.atProvider(p))
	other.back(other.atProvider(p))
	want(t, "in", v.is(), "diane")
	want(t, "in another browser", other.is(), "diane")
	_, page := v.get("/account")
	want(t, "end the others", v.form("/account/sessions/end", url.Values{"csrf": {csrf(t, page)}}), http.StatusSeeOther)
	want(t, "this one", v.is(), "diane")
	want(t, "the other one", other.is(), "nobody")
}
