package people

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"rempart.eu/rempart/ledger"
)

// ceremony is something with several steps that is under way in one browser. It
// is used once.
type ceremony struct {
	kind      string // what comes next
	challenge []byte
	to        string // where to go on to

	party  string // who is to log in, or to be enrolled; "" for anybody
	method string // by which somebody has come so far
	by     oidcSub
	ends   string // the name of the session that is to end, "" for all others

	enrolment *enrolling
	draft     *ledger.Draft
	request   string // of the draft
	login     *oidcLogin

	until time.Time
}

// ceremonyLife is how long somebody may take, as the gate lets a signature take.
const ceremonyLife = 10 * time.Minute

// maxCeremonies are under way at a time; the next one ends the oldest.
const maxCeremonies = 20_000

type ceremonies struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*ceremony
	now func() time.Time
}

func newCeremonies(now func() time.Time) *ceremonies {
	return &ceremonies{all: map[[sha256.Size]byte]*ceremony{}, now: now}
}

// begin keeps a ceremony for the browser that holds the cookie.
func (s *Service) begin(w http.ResponseWriter, c *ceremony) {
	value := secret()
	c.until = s.now().Add(ceremonyLife)
	s.ceremonies.keep(sha256.Sum256([]byte(value)), c)
	s.setCookie(w, ceremonyCookie, value, ceremonyLife)
}

func (c *ceremonies) keep(id [sha256.Size]byte, one *ceremony) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= maxCeremonies {
		var oldest [sha256.Size]byte
		at := time.Time{}
		for id, other := range c.all {
			if at.IsZero() || other.until.Before(at) {
				oldest, at = id, other.until
			}
			if !c.now().Before(other.until) {
				delete(c.all, id)
			}
		}
		delete(c.all, oldest)
	}
	c.all[id] = one
}

// take ends the ceremony of a browser, if it is of a kind; nil where there is none.
func (s *Service) take(w http.ResponseWriter, r *http.Request, kind string) *ceremony {
	id := sha256.Sum256([]byte(s.cookie(r, ceremonyCookie)))
	s.setCookie(w, ceremonyCookie, "", 0)
	c := s.ceremonies
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.all[id]
	delete(c.all, id)
	if found == nil || found.kind != kind || !c.now().Before(found.until) {
		return nil
	}
	return found
}

// peek is the ceremony of a browser, which goes on.
func (s *Service) peek(r *http.Request, kind string) *ceremony {
	id := sha256.Sum256([]byte(s.cookie(r, ceremonyCookie)))
	c := s.ceremonies
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.all[id]; found != nil && found.kind == kind && c.now().Before(found.until) {
		return found
	}
	return nil
}

// counters are the highest counts of signatures that authenticators have shown
// here, by keyid.
type counters struct {
	mu  sync.Mutex
	all map[string]uint32
}

// follows says whether a count can come now, and keeps it.
func (c *counters) follows(keyID string, stated, count uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]uint32{}
	}
	before := max(stated, c.all[keyID])
	if count <= before && (before != 0 || count != 0) {
		return false
	}
	c.all[keyID] = count
	return true
}
