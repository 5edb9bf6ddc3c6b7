package people

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/warehouse"
)

// provider is an OpenID Connect provider. It is asked who it is when it is needed.
type provider struct {
	warehouse.LoginConfig
	secret string
	client *http.Client
	origin string

	mu    sync.Mutex
	found *oidc.Provider
}

// oidcLogin is a login at a provider that is under way.
type oidcLogin struct {
	provider               *provider
	state, nonce, verifier string
}

// patience is how long a provider may take to answer.
const patience = 10 * time.Second

func (s *Service) newProvider(l warehouse.LoginConfig) (*provider, error) {
	p := &provider{LoginConfig: l, origin: s.origin, client: &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	at := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(s.Warehouse.Dir, path)
	}
	if l.ClientSecretFile != "" {
		text, err := os.ReadFile(at(l.ClientSecretFile))
		if err != nil {
			return nil, fmt.Errorf("portal.logins: the client secret of %s: %w", l.Name, err)
		}
		p.secret = strings.TrimSpace(string(text))
	}
	for _, algorithm := range l.Signing {
		if !slices.Contains(signings, algorithm) {
			return nil, fmt.Errorf("portal.logins: signing of %s: %q is none of %s", l.Name, algorithm, strings.Join(signings, ", "))
		}
	}
	issuer, err := url.Parse(l.Issuer)
	if err != nil || issuer.Scheme != "https" && issuer.Hostname() != "localhost" && issuer.Hostname() != "127.0.0.1" {
		return nil, fmt.Errorf("portal.logins: the issuer of %s must be an https address", l.Name)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if l.CAFile != "" {
		text, err := os.ReadFile(at(l.CAFile))
		if err != nil {
			return nil, fmt.Errorf("portal.logins: the authorities of %s: %w", l.Name, err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("portal.logins: %s holds no certificate", l.CAFile)
		}
	}
	p.client.Transport = transport
	if s.Transport != nil {
		p.client.Transport = s.Transport
	}
	return p, nil
}

// begin is the address where a login with the provider begins.
func (p *provider) begin(to string) string {
	return "/login/with/" + url.PathEscape(p.Name) + "?to=" + url.QueryEscape(to)
}

// discover asks the provider who it is, once it has answered.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// Keys are fetched with this context later too: it must not end with the request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s who it is: %w", p.Name, err)
	}
	p.found = found
	return found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.secret, Endpoint: found.Endpoint(), RedirectURL: p.origin + "/login/callback", Scopes: []string{oidc.ScopeOpenID}}
}

// goodbye is where somebody logs out of the provider too, or "".
func (p *provider) goodbye(ctx context.Context) string {
	found, err := p.discover(ctx)
	if err != nil {
		return ""
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return ""
	}
	u, err := url.Parse(more.EndSession)
	if err != nil || u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", p.origin+"/")
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Service) oidcBegin(w http.ResponseWriter, r *http.Request) {
	at := slices.IndexFunc(s.providers, func(p *provider) bool { return p.Name == r.PathValue("provider") })
	if at < 0 {
		s.fail(w, r, errAbsent)
		return
	}
	p := s.providers[at]
	found, err := p.discover(r.Context())
	if err != nil {
		s.Log.ErrorContext(r.Context(), "log in with a provider", "provider", p.Name, "error", err)
		s.fail(w, r, &statusError{http.StatusBadGateway, errors.New(s.text(r, "error.provider"))})
		return
	}
	login := &oidcLogin{provider: p, state: secret(), nonce: secret(), verifier: oauth2.GenerateVerifier()}
	s.begin(w, &ceremony{kind: "oidc", to: local(r.URL.Query().Get("to")), login: login})
	http.Redirect(w, r, p.oauth(found).AuthCodeURL(login.state, oidc.Nonce(login.nonce), oauth2.S256ChallengeOption(login.verifier)), http.StatusSeeOther)
}

func (s *Service) oidcCallback(w http.ResponseWriter, r *http.Request) {
	from := addressOf(r)
	c := s.take(w, r, "oidc")
	party, by, second, err := s.oidcParty(r, c)
	if err != nil {
		s.Log.WarnContext(r.Context(), "a login failed", "from", from, "error", err)
		s.fail(w, r, s.limits.failure("login", from, errDenied))
		return
	}
	s.limits.succeeded("login", from)
	if second {
		s.enter(w, r, party, c.login.provider.Name, by)
		// Not by a redirect of the provider's: the browser would see the new session
		// cookie as another site's.
		http.Redirect(w, r, c.to, http.StatusSeeOther)
		return
	}
	s.begin(w, &ceremony{kind: "second", to: c.to, party: party.Name, method: c.login.provider.Name, by: by})
	http.Redirect(w, r, "/login/second", http.StatusSeeOther)
}

// oidcParty is whom the provider means, and whether it has asked for a second factor.
func (s *Service) oidcParty(r *http.Request, c *ceremony) (party governance.Party, by oidcSub, second bool, err error) {
	q := r.URL.Query()
	switch {
	case c == nil:
		return party, by, false, errors.New("no login is under way in this browser")
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(c.login.state)) != 1:
		return party, by, false, errors.New("the answer is to another question")
	case q.Get("error") != "":
		return party, by, false, fmt.Errorf("the provider says no: %.100q", q.Get("error"))
	case q.Has("iss") && q.Get("iss") != c.login.provider.Issuer: // RFC 9207
		return party, by, false, errors.New("the answer is of another provider")
	}
	p := c.login.provider
	found, err := p.discover(r.Context())
	if err != nil {
		return party, by, false, err
	}
	ctx := oidc.ClientContext(r.Context(), p.client)
	token, err := p.oauth(found).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(c.login.verifier))
	if err != nil {
		return party, by, false, err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return party, by, false, errors.New("the provider has sent no ID token")
	}
	id, err := found.Verifier(p.verification(s.now)).Verify(ctx, raw)
	if err != nil {
		return party, by, false, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(c.login.nonce)) != 1 {
		return party, by, false, errors.New("the ID token is of another login")
	}
	var claims struct {
		AMR []string `json:"amr"`
		ACR string   `json:"acr"`
		AZP string   `json:"azp"`
		SID string   `json:"sid"`
	}
	if err := id.Claims(&claims); err != nil {
		return party, by, false, err
	}
	if claims.AZP != "" && claims.AZP != p.ClientID || len(id.Audience) != 1 { // others we trust in nothing
		return party, by, false, errors.New("the ID token is for another program too")
	}
	by = oidcSub{id.Issuer, id.Subject, claims.SID}
	second = slices.ContainsFunc(append(claims.AMR, claims.ACR), func(value string) bool {
		return value != "" && slices.Contains(p.SecondFactor, value)
	})
	err = s.read(r.Context(), func(state *governance.State) error {
		name, known := state.People.Logins[governance.Login{Issuer: id.Issuer, Subject: id.Subject}]
		if party = state.Parties[name]; !known || party.Left != nil {
			return errors.New("the ledger knows nobody by this login")
		}
		return nil
	})
	return party, by, second, err
}

func (s *Service) secondPage(w http.ResponseWriter, r *http.Request) {
	if s.peek(r, "second") == nil {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	s.show(w, r, http.StatusOK, "second.title", "second", nil)
}
