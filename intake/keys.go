package intake

import (
	"hash/maphash"
)

// keys is a set of keys. It holds 63 keyed bits of each, in at most 24 bytes of
// memory: two of n different keys are taken for one with a probability below
// n²/2⁶⁴ (for a hundred million rows 0.06 %), and then one row too many is
// refused. The hash is seeded anew in every process, so nobody can make keys meet.
type keys struct {
	parts [256]part
}

// part is an open-addressing table of a power of two slots; 0 is a free slot.
type part struct {
	slots []uint64
	used  int
}

var seed = maphash.MakeSeed()

// hashKey hashes one key of one or several values.
func hashKey(values ...[]byte) uint64 {
	if len(values) == 1 {
		return maphash.Bytes(seed, values[0]) | 1
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, v := range values {
		h.Write(v)
		h.WriteByte(0) // no value holds it
	}
	return h.Sum64() | 1
}

func (k *keys) has(hash uint64) bool {
	p := &k.parts[hash>>56]
	if p.used == 0 {
		return false
	}
	mask := uint64(len(p.slots) - 1)
	for i := hash >> 1 & mask; ; i = (i + 1) & mask {
		switch p.slots[i] {
		case hash:
			return true
		case 0:
			return false
		}
	}
}

func (k *keys) add(hash uint64) {
	p := &k.parts[hash>>56]
	if p.used*4 >= len(p.slots)*3 {
		old := p.slots
		p.slots, p.used = make([]uint64, max(16, 2*len(old))), 0
		for _, h := range old {
			if h != 0 {
				p.insert(h)
			}
		}
	}
	p.insert(hash)
}

func (p *part) insert(hash uint64) {
	mask := uint64(len(p.slots) - 1)
	i := hash >> 1 & mask
	for p.slots[i] != 0 && p.slots[i] != hash {
		i = (i + 1) & mask
	}
	if p.slots[i] == 0 {
		p.slots[i] = hash
		p.used++
	}
}

// memo remembers the last results of a slow function of text: keys of records
// and persons come again and again in neighbouring rows.
type memo[V any] struct {
	of    func(text string) V
	slots [memoSlots]struct {
		text  string
		value V
	}
}

const memoSlots = 4096

func newMemo[V any](of func(text string) V) *memo[V] {
	m := &memo[V]{of: of}
	for i := range m.slots {
		m.slots[i].text = "\x00" // no value of a row
	}
	return m
}

func (m *memo[V]) get(text []byte) V {
	slot := &m.slots[maphash.Bytes(seed, text)%memoSlots]
	if slot.text != string(text) {
		slot.text = string(text)
		slot.value = m.of(slot.text)
	}
	return slot.value
}
