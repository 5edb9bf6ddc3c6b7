package people

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound what one address may ask for, and answer the later the more often
// it fails. Whoever shows what is right (a passkey's signature, a code or a token:
// secrets of 128 bits and more, which nobody guesses at that pace) is let in all the same,
// so that nobody is locked out by others, not even from the same address.
type limits struct {
	mu    sync.Mutex
	rates map[string]*rate.Limiter
	fails map[string]*failures
	now   func() time.Time
}

type failures struct {
	count int
	until time.Time // may try again
	last  time.Time
}

const (
	perSecond = 50 // requests of one address
	burst     = 200

	freeFailures = 5
	longest      = 15 * time.Minute // that anybody waits
	maxAddresses = 100_000          // that are remembered
)

func newLimits(now func() time.Time) *limits {
	return &limits{rates: map[string]*rate.Limiter{}, fails: map[string]*failures{}, now: now}
}

// addressOf is whose requests are counted together: an IPv4 address, or the /64
// of an IPv6 address, which one person has whole.
//
// A connection from this very machine is a proxy's, which ends TLS; whom it has it
// from stands last in X-Forwarded-For. From elsewhere that header says nothing.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	address = address.Unmap()
	if forwarded := r.Header.Values("X-Forwarded-For"); address.IsLoopback() && len(forwarded) > 0 {
		all := strings.Split(forwarded[len(forwarded)-1], ",")
		if from, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			address = from.Unmap()
		}
	}
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}

// ask takes one request of an address; it says how long to wait where that is too many.
func (l *limits) ask(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.rates[address]
	if !ok {
		if len(l.rates) >= maxAddresses { // forget: a bucket that is gone is a full one
			clear(l.rates)
		}
		limiter = rate.NewLimiter(perSecond, burst)
		l.rates[address] = limiter
	}
	if limiter.AllowN(l.now(), 1) {
		return 0
	}
	return time.Second
}

// failed counts a failure of a kind from an address.
func (l *limits) failed(kind, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.fails) >= maxAddresses {
		for key, f := range l.fails {
			if now.Sub(f.last) > longest {
				delete(l.fails, key)
			}
		}
		if len(l.fails) >= maxAddresses {
			clear(l.fails)
		}
	}
	f, ok := l.fails[kind+" "+address]
	if !ok || now.Sub(f.last) > 2*longest {
		f = &failures{}
		l.fails[kind+" "+address] = f
	}
	f.count++
	f.last = now
	if over := f.count - freeFailures; over > 0 {
		f.until = now.Add(min(longest, time.Second<<min(over, 20)))
	}
}

// succeeded forgets the failures of a kind from an address.
func (l *limits) succeeded(kind, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.fails, kind+" "+address)
}

// wait is how long an address has to wait before it may try again.
func (l *limits) wait(kind, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.fails[kind+" "+address]; ok {
		return max(0, f.until.Sub(l.now()))
	}
	return 0
}

// failure counts a failure and is what it is told as: that it was one, or, after
// many, to come back later.
func (l *limits) failure(kind, address string, err error) error {
	held := l.wait(kind, address) > 0
	l.failed(kind, address)
	if held {
		return &statusError{http.StatusTooManyRequests, errLater}
	}
	return err
}

var errLater = errors.New("too many failures from your address: try again later")

func tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	if strings.HasPrefix(r.URL.Path, "/api/") {
		Problem{Type: ProblemType("many"), Title: "too many requests: try again later", Status: http.StatusTooManyRequests}.Write(w)
		return
	}
	http.Error(w, "too many requests: try again later", http.StatusTooManyRequests)
}
