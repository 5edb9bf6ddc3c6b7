package people

import (
	"crypto/rand"
	"net/http"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

func (s *Service) loginPage(w http.ResponseWriter, r *http.Request) {
	to := local(r.URL.Query().Get("to"))
	if From(r.Context()) != nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	type offer struct{ Name, Href string }
	data := struct {
		To        string
		Providers []offer
	}{To: to}
	for _, p := range s.providers {
		data.Providers = append(data.Providers, offer{p.Name, p.begin(to)})
	}
	s.show(w, r, http.StatusOK, "login.title", "login", data)
}

// requestOptions is what a browser asks an authenticator to sign (WebAuthn,
// PublicKeyCredentialRequestOptions, as JSON).
type requestOptions struct {
	Challenge        ledger.URLBytes `json:"challenge"`
	RPID             string          `json:"rpId"`
	AllowCredentials []descriptor    `json:"allowCredentials,omitempty"`
	UserVerification string          `json:"userVerification"`
	Timeout          int             `json:"timeout"` // milliseconds
}

type descriptor struct {
	Type string          `json:"type"`
	ID   ledger.URLBytes `json:"id"`
}

func (s *Service) toSign(challenge []byte, keys ...ledger.Passkey) requestOptions {
	o := requestOptions{Challenge: challenge, RPID: s.rpID, UserVerification: "required", Timeout: int(ceremonyLife.Milliseconds())}
	for _, k := range keys {
		o.AllowCredentials = append(o.AllowCredentials, descriptor{"public-key", k.Credential})
	}
	return o
}

func challenge() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // crypto/rand does not fail: it ends the process
	return b
}

func (s *Service) loginBegin(w http.ResponseWriter, r *http.Request) {
	var in struct{ To string }
	if err := ask(r, &in); err != nil {
		s.fail(w, r, err)
		return
	}
	c := &ceremony{kind: "login", challenge: challenge(), to: local(in.To), method: "passkey"}
	if first := s.peek(r, "second"); first != nil { // after an OpenID Connect provider
		c.party, c.method, c.to, c.by = first.party, first.method, first.to, first.by
	}
	s.begin(w, c)
	answer(w, http.StatusOK, s.toSign(c.challenge))
}

// signedBy is what a browser hands on of an authenticator.
type signedBy struct {
	ID ledger.URLBytes
	ledger.Assertion
}

func (s *Service) loginFinish(w http.ResponseWriter, r *http.Request) {
	var in signedBy
	from := addressOf(r)
	c := s.take(w, r, "login")
	err := ask(r, &in)
	if err == nil && c == nil {
		err = errDenied
	}
	var party governance.Party
	if err == nil {
		party, err = s.passkeyOf(r, in, c)
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "a login failed", "from", from)
		s.fail(w, r, s.limits.failure("login", from, err))
		return
	}
	s.limits.succeeded("login", from)
	s.enter(w, r, party, c.method, c.by)
	answer(w, http.StatusOK, map[string]string{"to": c.to})
}

// passkeyOf is the party whose passkey has signed a ceremony's challenge.
func (s *Service) passkeyOf(r *http.Request, in signedBy, c *ceremony) (party governance.Party, err error) {
	err = s.read(r.Context(), func(state *governance.State) error {
		key := state.People.Passkeys[ledger.Passkey{Credential: in.ID}.KeyID()]
		if key == nil || key.Removed != nil || key.Origin != s.origin || c.party != "" && key.Party != c.party {
			return errDenied
		}
		count, err := key.VerifyChallenge(in.Assertion, c.challenge)
		if err != nil || !s.counters.follows(key.KeyID(), key.Counter, count) {
			return errDenied
		}
		if party = state.Parties[key.Party]; party.Left != nil {
			return errDenied
		}
		return nil
	})
	return party, err
}

// enter begins a session, and ends the one that the browser had.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, party governance.Party, method string, by oidcSub) {
	if old := s.sessions.find(s.cookie(r, sessionCookie), true); old != nil {
		s.sessions.end(old)
	}
	value := s.sessions.begin(&Session{Party: party.Name, Role: party.Role, Method: method, address: addressOf(r), agent: agentOf(r), by: by})
	s.setCookie(w, sessionCookie, value, Absolute)
	s.Log.InfoContext(r.Context(), "somebody logged in", "party", party.Name, "method", method, "from", addressOf(r))
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request) {
	who := From(r.Context())
	if who == nil || who.Token != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if !who.Valid(r.PostFormValue("csrf")) {
		s.fail(w, r, errForged)
		return
	}
	s.sessions.end(who)
	s.setCookie(w, sessionCookie, "", 0)
	// Not the storage: the verifier keeps the last checkpoint there, which is no secret.
	w.Header().Set("Clear-Site-Data", `"cache"`)
	s.Log.InfoContext(r.Context(), "somebody logged out", "party", who.Party)
	for _, p := range s.providers {
		if p.Name == who.Method {
			if to := p.goodbye(r.Context()); to != "" {
				s.show(w, r, http.StatusOK, "goodbye.title", "goodbye", map[string]string{"Name": p.Name, "To": to})
				return
			}
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
