package ledger

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"golang.org/x/sync/errgroup"
)

// Checker verifies many signatures beside the work of its caller, in batches. A
// batch fails where a signature in it does, but for chance of 1 in 2^128; it is
// then verified one by one. Like RFC 8032 and unlike some programs it multiplies
// by the cofactor: a difference that only the key's holder can make.
type Checker struct {
	group   errgroup.Group
	batch   []signed
	mu      sync.Mutex
	keys    map[string]*ed25519.ExpandedPublicKey
	invalid []uint64
}

// signed is an entry and whose it must be.
type signed struct {
	index        uint64
	by           *ed25519.ExpandedPublicKey
	message, sig []byte
}

const batchSize = 512

// NewChecker starts with nothing to check.
func NewChecker() *Checker {
	c := &Checker{keys: map[string]*ed25519.ExpandedPublicKey{}}
	c.group.SetLimit(runtime.GOMAXPROCS(0))
	return c
}

// Add has the entry's signature verified against a key, now or later. It waits
// where the checker is far behind.
func (c *Checker) Add(e Entry, key PublicKey) {
	s := signed{index: e.Index}
	parsed, err := e.parsed()
	if err == nil {
		s.sig, err = parsed.by(key)
		s.message = parsed.message()
	}
	if err == nil {
		s.by, err = c.key(key)
	}
	if err != nil {
		c.fail(e.Index)
		return
	}
	if c.batch = append(c.batch, s); len(c.batch) == batchSize {
		c.flush()
	}
}

// key prepares a key; there are far fewer of them than entries.
func (c *Checker) key(key PublicKey) (*ed25519.ExpandedPublicKey, error) {
	if known, ok := c.keys[key.id]; ok {
		return known, nil
	}
	expanded, err := ed25519.NewExpandedPublicKey(ed25519.PublicKey(key.public))
	if err == nil {
		c.keys[key.id] = expanded
	}
	return expanded, err
}

func (c *Checker) flush() {
	batch := c.batch
	c.batch = nil
	if len(batch) == 0 {
		return
	}
	c.group.Go(func() error {
		v := ed25519.NewBatchVerifierWithCapacity(len(batch))
		for _, s := range batch {
			v.AddExpanded(s.by, s.message, s.sig)
		}
		if all, each := v.Verify(rand.Reader); !all {
			for i, good := range each {
				if !good {
					c.fail(batch[i].index)
				}
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
