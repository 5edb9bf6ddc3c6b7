package query

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"
)

// remembered are histories that this process has opened, so that each question of a project opens
// only what was added since: of each entry the SHA-256 of its sealed bytes, and what it says. The chain
// of the file is verified each time all the same, and the last entry opened with the key. What was not
// asked for a while is forgotten: it is as secret as the space.
type remembered struct {
	mu  sync.Mutex
	all map[string]*history
}

type history struct {
	entries []Entry // nobody changes them
	sums    [][sha256.Size]byte
	forget  *time.Timer
}

const (
	rememberFor = 10 * time.Minute
	rememberMax = 16 // histories
)

var histories = remembered{all: map[string]*history{}}

// of is what is known of the history at path.
func (r *remembered) of(path string) (entries []Entry, sums [][sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.all[path]; h != nil {
		return h.entries, h.sums
	}
	return nil, nil
}

// keep remembers a history.
func (r *remembered) keep(path string, entries []Entry, sums [][sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.all[path]; old != nil {
		old.forget.Stop()
	} else if len(r.all) >= rememberMax {
		return
	}
	h := &history{entries: entries[:len(entries):len(entries)], sums: sums}
	h.forget = time.AfterFunc(rememberFor, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.all[path] == h {
			delete(r.all, path)
		}
	})
	r.all[path] = h
}

// openAll opens sealed entries, on all cores.
func openAll(sealed [][]byte, key age.Identity) ([]Entry, error) {
	entries := make([]Entry, len(sealed))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range sealed {
		group.Go(func() error {
			e, err := open(sealed[i], key)
			if err == nil {
				entries[i] = *e
			}
			return err
		})
	}
	return entries, group.Wait()
}
