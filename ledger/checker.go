package ledger

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Checker verifies many signatures beside the work of its caller, in batches
// ([verifyBatch]). A batch fails where a signature in it does; it is then verified
// one by one. Like RFC 8032 and unlike some programs it multiplies by the
// cofactor: a difference that only the key's holder can make.
type Checker struct {
	group   errgroup.Group
	batch   []signed
	mu      sync.Mutex
	keys    map[string]*signer // nil: no signature can be that key's
	invalid []uint64
}

// batchSize is large, since what a batch costs beside its signatures does not grow.
const batchSize = 2048

// NewChecker starts with nothing to check.
func NewChecker() *Checker {
	c := &Checker{keys: map[string]*signer{}}
	c.group.SetLimit(runtime.GOMAXPROCS(0))
	return c
}

// Add has the entry's signature verified against a key, now or later. It waits
// where the checker is far behind.
func (c *Checker) Add(e Entry, key PublicKey) {
	s := signed{index: e.Index}
	parsed, err := e.parsed()
	if err == nil {
		s.payload = parsed.Payload
		s.sig, err = parsed.by(key)
	}
	if s.by = c.signer(key); s.by == nil || err != nil {
		c.fail(e.Index)
		return
	}
	if c.batch == nil {
		c.batch = make([]signed, 0, batchSize)
	}
	if c.batch = append(c.batch, s); len(c.batch) == batchSize {
		c.flush()
	}
}

// signer prepares a key; there are far fewer of them than entries.
func (c *Checker) signer(key PublicKey) *signer {
	known, ok := c.keys[key.id]
	if !ok {
		known, _ = newSigner(key)
		c.keys[key.id] = known
	}
	return known
}

func (c *Checker) flush() {
	batch := c.batch
	c.batch = nil
	if len(batch) == 0 {
		return
	}
	c.group.Go(func() error {
		if verifyBatch(batch) {
			return nil
		}
		for _, s := range batch {
			if !s.verify() {
				c.fail(s.index)
			}
		}
		return nil
	})
}

func (c *Checker) fail(index uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.invalid = append(c.invalid, index)
}

// Wait ends the work and returns an error for each entry that is not signed by the key.
func (c *Checker) Wait() (faults []error) {
	c.flush()
	_ = c.group.Wait() // no batch returns an error
	slices.Sort(c.invalid)
	for _, index := range c.invalid {
		faults = append(faults, fmt.Errorf("ledger entry %d: %w", index, errSignature))
	}
	return faults
}
