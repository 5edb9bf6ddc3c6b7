package service

import (
	"sync"
	"time"
)

// maxNonces bounds what replays remembers: more requests than this in a window
// are refused.
const maxNonces = 1 << 20

// replays remembers the nonces of requests as long as their time would let them
// be sent again.
type replays struct {
	mu   sync.Mutex
	seen map[[2]string]time.Time // of party and nonce: when it can be forgotten
	next time.Time               // when to look for those
}

// fresh takes a nonce in, and says whether it is new and there is room for it.
func (r *replays) fresh(party, nonce string, created, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.After(r.next) || len(r.seen) >= maxNonces {
		for key, until := range r.seen {
			if now.After(until) {
				delete(r.seen, key)
			}
		}
		r.next = now.Add(window / 4)
	}
	key := [2]string{party, nonce}
	if _, taken := r.seen[key]; taken || len(r.seen) >= maxNonces {
		return false
	}
	if r.seen == nil {
		r.seen = map[[2]string]time.Time{}
	}
	r.seen[key] = created.Add(2 * window)
	return true
}
