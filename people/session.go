package people

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
)

// Session is who asks.
type Session struct {
	Party  string
	Role   governance.Role
	Method string    // how: "passkey", "token", or the name of an OpenID Connect provider
	Since  time.Time // of the login
	CSRF   string    // what forms of this session carry
	Token  *governance.Token

	id      [sha256.Size]byte // of the cookie
	seen    time.Time
	address string  // where it began from
	agent   string  // what its browser calls itself, shortened
	by      oidcSub // whom a provider has let in; empty for a passkey alone
}

// oidcSub is somebody's session at an OpenID Connect provider.
type oidcSub struct{ issuer, subject, session string }

// name tells a session from others to its owner. Nobody comes in with it.
func (s *Session) name() string { return hex.EncodeToString(s.id[:8]) }

// May says whether the session is good for a scope in a project, "" for none. A
// person's own is good for everything that the person may; a token's for what it
// was given.
func (s *Session) May(scope, project string) bool {
	if s == nil {
		return false
	}
	if s.Token == nil {
		return true
	}
	return slices.Contains(s.Token.Scopes, scope) &&
		(len(s.Token.Projects) == 0 || project != "" && slices.Contains(s.Token.Projects, project))
}

// Valid says whether a form was made for this session.
func (s *Session) Valid(csrf string) bool {
	return s != nil && s.CSRF != "" && subtle.ConstantTimeCompare([]byte(s.CSRF), []byte(csrf)) == 1
}

// How long sessions last: without a request, and at all.
const (
	Idle     = 30 * time.Minute
	Absolute = 12 * time.Hour
)

// maxSessions of one party; the oldest ends for a new one.
const maxSessions = 10

// sessions are in memory: they end with the process, and nobody finds them on a disk.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*Session // by the digest of what the cookie holds
	now func() time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{all: map[[sha256.Size]byte]*Session{}, now: now}
}

// secret is 256 bits for a cookie or a form.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin keeps a session, and returns what its cookie holds: always another.
func (s *sessions) begin(who *Session) string {
	value := secret()
	who.Since, who.CSRF, who.id, who.seen = s.now(), secret(), sha256.Sum256([]byte(value)), s.now()
	party := who.Party
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.of(party)
	for len(own) >= maxSessions {
		delete(s.all, own[0].id)
		own = own[1:]
	}
	s.all[who.id] = who
	return value
}

// of lists the sessions of a party, the oldest first, and forgets those that are
// over. The caller holds mu.
func (s *sessions) of(party string) (own []*Session) {
	for id, who := range s.all {
		if s.over(who) {
			delete(s.all, id)
		} else if who.Party == party {
			own = append(own, who)
		}
	}
	slices.SortFunc(own, func(a, b *Session) int { return cmp.Compare(a.Since.UnixNano(), b.Since.UnixNano()) })
	return own
}

func (s *sessions) over(who *Session) bool {
	now := s.now()
	return now.Sub(who.seen) >= Idle || now.Sub(who.Since) >= Absolute
}

// LiveHeader is what a page's script sends that looks again by itself: nobody need be there, so that it
// does not keep the session alive.
const LiveHeader = "Rempart-Live"

// find is a copy of the session of a cookie, or nil. Somebody is there, or a script alone.
func (s *sessions) find(value string, somebody bool) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.all[sha256.Sum256([]byte(value))]
	if who == nil {
		return nil
	}
	if s.over(who) {
		delete(s.all, who.id)
		return nil
	}
	if somebody {
		who.seen = s.now()
	}
	found := *who
	return &found
}

func (s *sessions) end(who *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, who.id)
}

// endOthers ends one of a party's other sessions by its name, or all of them
// where the name is empty, and counts them.
func (s *sessions) endOthers(but *Session, name string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range s.of(but.Party) {
		if who.id != but.id && (name == "" || who.name() == name) {
			delete(s.all, who.id)
			n++
		}
	}
	return n
}

// endBy ends the sessions that somebody has by a provider: one session there, or
// all where the provider names none.
func (s *sessions) endBy(by oidcSub) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, who := range s.all {
		of := who.by
		if of.issuer != by.issuer || by.subject != "" && of.subject != by.subject || by.session != "" && of.session != by.session {
			continue
		}
		if by.subject != "" || by.session != "" {
			delete(s.all, id)
			n++
		}
	}
	return n
}

// list is copies of a party's sessions, the oldest first.
func (s *sessions) list(party string) (own []Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range s.of(party) {
		own = append(own, *who)
	}
	return own
}

// cookie names: of the session, and of what is under way before there is one.
const (
	sessionCookie  = "rempart"
	ceremonyCookie = "rempart-step"
)

// setCookie sets a cookie of this host alone, that no script reads.
func (s *Service) setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(lasts.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookieName has a browser refuse the cookie from anywhere but this host over TLS.
func (s *Service) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Service) cookie(r *http.Request, name string) string {
	found := ""
	for _, c := range r.CookiesNamed(s.cookieName(name)) {
		if found != "" {
			return "" // two of one name: somebody has slipped one in
		}
		found = c.Value
	}
	return found
}

// who is the session of a request: by its token, or else by its cookie. It is nil
// where nobody is logged in; the error says that a token is no good. Who comes with
// a certificate is a program: a token is good there in its own party's hands alone.
func (s *Service) who(r *http.Request) (*Session, error) {
	by, certified := mutual.From(r.Context())
	if authorization := r.Header.Values("Authorization"); len(authorization) > 0 {
		who, err := s.bearer(r, authorization)
		if err == nil && certified && who.Party != by.Party {
			s.Log.WarnContext(r.Context(), "a token in another's hands", "party", who.Party, "certificate", by.Party, "address", addressOf(r))
			return nil, errDenied
		}
		return who, err
	}
	if certified {
		return nil, nil
	}
	value := s.cookie(r, sessionCookie)
	if value == "" {
		return nil, nil
	}
	who := s.sessions.find(value, r.Header.Get(LiveHeader) == "")
	if who == nil {
		return nil, nil
	}
	err := s.read(r.Context(), func(state *governance.State) error {
		party, known := state.Parties[who.Party]
		if !known || party.Left != nil || party.Role != who.Role {
			s.sessions.end(who)
			who = nil
		}
		return nil
	})
	return who, err
}

// tokenPrefix begins a token: "rempart_", its id and its secret, so that whoever
// looks for leaked secrets finds it.
const tokenPrefix = "rempart_"

// NewToken draws a token: its id, what its owner keeps, and what the ledger says
// of it.
func NewToken() (id, token string, digest ledger.Digest) {
	var b [8]byte
	_, _ = rand.Read(b[:])
	id = "t-" + hex.EncodeToString(b[:])
	value := secret()
	return id, tokenPrefix + id + "_" + value, ledger.Sum([]byte(value))
}

// bearer is the session of a request with a token.
func (s *Service) bearer(r *http.Request, authorization []string) (*Session, error) {
	scheme, token, _ := strings.Cut(authorization[0], " ")
	rest, ours := strings.CutPrefix(token, tokenPrefix)
	id, value, whole := strings.Cut(rest, "_")
	var who *Session
	err := s.read(r.Context(), func(state *governance.State) error {
		t, known := state.People.Tokens[id]
		digest := ledger.Sum([]byte(value))
		want := ledger.Sum(nil)
		if known {
			want = t.Secret
		}
		same := subtle.ConstantTimeCompare([]byte(digest), []byte(want)) == 1
		if len(authorization) != 1 || !strings.EqualFold(scheme, "Bearer") || !ours || !whole || !known || !same {
			return errDenied
		}
		party := state.Parties[t.Actor]
		if t.Revoked != nil || !s.now().Before(t.Until) || party.Left != nil {
			return errDenied
		}
		held := *t
		who = &Session{Party: t.Actor, Role: party.Role, Method: "token", Since: t.Time, Token: &held}
		return nil
	})
	if err != nil {
		return nil, s.limits.failure("token", addressOf(r), err)
	}
	return who, nil
}
