package people

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// fresh is how long after a login somebody without a passkey may end sessions.
const fresh = 5 * time.Minute

// maxAgent bounds what is kept of a browser's name for itself.
const maxAgent = 120

// agentOf is what a browser calls itself, in plain characters.
func agentOf(r *http.Request) string {
	plain := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, r.UserAgent())
	return plain[:min(len(plain), maxAgent)]
}

// endBegin asks for the passkey of who wants to end a session of hers, or all others.
func (s *Service) endBegin(w http.ResponseWriter, r *http.Request) {
	who := From(r.Context())
	var in struct{ Session, CSRF string }
	err := ask(r, &in)
	if err == nil && !who.Valid(in.CSRF) {
		err = errForged
	}
	var keys []ledger.Passkey
	if err == nil {
		err = s.read(r.Context(), func(state *governance.State) error {
			keys = s.keysOf(state, who.Party)
			return nil
		})
	}
	if err == nil && len(keys) == 0 {
		err = errDenied
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := &ceremony{kind: "end", challenge: challenge(), party: who.Party, ends: in.Session}
	s.begin(w, c)
	answer(w, http.StatusOK, s.toSign(c.challenge, keys...))
}

func (s *Service) endFinish(w http.ResponseWriter, r *http.Request) {
	var in signedBy
	who, from := From(r.Context()), addressOf(r)
	c := s.take(w, r, "end")
	err := ask(r, &in)
	if err == nil && (who == nil || who.Token != nil || c == nil || c.party != who.Party) {
		err = errDenied
	}
	if err == nil {
		_, err = s.passkeyOf(r, in, c)
	}
	if err != nil {
		s.fail(w, r, s.limits.failure("login", from, err))
		return
	}
	s.endOthers(r, who, c.ends)
	answer(w, http.StatusOK, map[string]string{"to": "/account"})
}

// endFresh ends sessions of who has no passkey of this site, and has just logged in.
func (s *Service) endFresh(w http.ResponseWriter, r *http.Request) {
	who := From(r.Context())
	if !who.Valid(r.PostFormValue("csrf")) {
		s.fail(w, r, errForged)
		return
	}
	err := s.read(r.Context(), func(state *governance.State) error {
		if len(s.keysOf(state, who.Party)) > 0 || s.now().Sub(who.Since) > fresh {
			return &statusError{http.StatusForbidden, errors.New(s.text(r, "account.fresh"))}
		}
		return nil
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.endOthers(r, who, r.PostFormValue("session"))
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

func (s *Service) endOthers(r *http.Request, who *Session, name string) {
	n := s.sessions.endOthers(who, name)
	s.Log.InfoContext(r.Context(), "sessions were ended", "party", who.Party, "number", n)
}

// signings are the algorithms of ID tokens and logout tokens that are taken. Those
// of RSA are taken since many providers have no others.
var signings = []string{oidc.EdDSA, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.RS256, oidc.RS384, oidc.RS512}

// heard are the logout tokens that were taken, until they end: each counts once.
type heard struct {
	mu  sync.Mutex
	all map[string]time.Time
}

// first says whether a token comes for the first time.
func (h *heard) first(id string, now, until time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]time.Time{}
	}
	for other, end := range h.all {
		if now.After(end) {
			delete(h.all, other)
		}
	}
	_, known := h.all[id]
	h.all[id] = until
	return !known
}

// providerLogout takes an OpenID Connect provider's word that somebody has logged
// out there (OpenID Connect Back-Channel Logout 1.0).
func (s *Service) providerLogout(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	from, raw := addressOf(r), r.PostFormValue("logout_token")
	for _, p := range s.providers {
		found, err := p.discover(r.Context())
		if err != nil {
			continue
		}
		token, err := found.Verifier(p.verification(s.now)).VerifyLogout(oidc.ClientContext(r.Context(), p.client), raw)
		if err != nil {
			s.Log.WarnContext(r.Context(), "a logout of a provider was refused", "provider", p.Name, "from", from, "error", err)
			continue
		}
		if !s.heard.first(token.Issuer+" "+token.TokenID, s.now(), token.Expiry) {
			break
		}
		n := s.sessions.endBy(oidcSub{token.Issuer, token.Subject, token.SessionID})
		s.Log.InfoContext(r.Context(), "a provider has ended sessions", "provider", p.Name, "number", n)
		w.WriteHeader(http.StatusOK)
		return
	}
	answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
}

// verification is how a provider's tokens are verified.
func (p *provider) verification(now func() time.Time) *oidc.Config {
	c := &oidc.Config{ClientID: p.ClientID, Now: now, SupportedSigningAlgs: signings}
	if len(p.Signing) > 0 {
		c.SupportedSigningAlgs = p.Signing
	}
	return c
}
