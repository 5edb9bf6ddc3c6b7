package people

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound what one address may ask for, and how soon after failures it may
// try again. A failure counts against the address it came from and nobody else:
// so nobody is locked out by others, and nobody guesses for long.
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

func tooMany(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	http.Error(w, "too many requests: try again later", http.StatusTooManyRequests)
}
