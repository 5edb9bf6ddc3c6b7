package scan

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym"
)

// People are the persons whose names are looked for. They are kept as keyed
// hashes of name forms, of which no name can be read back without trying names;
// the key is drawn anew for each People and is nowhere else.
//
// A person with one surname adds a form of her own (surname and forename) and shares the
// others (each surname, forename, and surname with initial) with namesakes. A form
// takes 5 to 11 bytes: together 15 to 30 bytes a person, and 2.25 MiB for all.
//
// Of n forms, a text's words are taken for a form by chance with a probability
// of n/2⁴⁸ a trial.
type People struct {
	seed  maphash.Seed
	few   []uint64 // while there are few
	begin []uint64 // a bit for each startForm: most words are none, and cost little
	parts []part   // by the hash's first 16 bits, once there are more
}

// part is an open-addressing table of a power of two slots; 0 is a free slot.
type part struct {
	slots []uint32
	used  uint32
}

const (
	mostFew   = 64
	beginBits = 21
	partBits  = 16
	mostAtoms = 6  // words of one name
	mostName  = 64 // letters of one name, in bytes
)

// NewPeople returns a set of nobody.
func NewPeople() *People { return &People{seed: maphash.MakeSeed()} }

// Clear makes it a set of nobody again.
func (p *People) Clear() { p.few, p.begin, p.parts = p.few[:0], nil, nil }

// Add adds a person's names as a source has them. Any may be empty. Where there are several
// forenames, the first is the one that counts.
func (p *People) Add(forenames string, surnames ...string) {
	first := firstOf(forenames)
	forename := pseudonym.NormaliseName(first)
	if len(forename) > 1 {
		p.add(p.form(forenameForm, []byte(forename)))
	}
	for _, written := range surnames {
		p.addSurname(written, forename)
		if parts := strings.Split(written, "-"); len(parts) == 2 { // MARTIN-DUBOIS is often called Martin
			for _, part := range parts {
				if utf8.RuneCountInString(part) > 2 {
					p.addSurname(part, forename)
				}
			}
		}
	}
}

func (p *People) addSurname(written, forename string) {
	surname := pseudonym.NormaliseName(written)
	if len(surname) < 2 || len(surname) > mostName {
		return
	}
	whole := p.form(surnameForm, []byte(surname))
	p.add(whole)
	p.addStart(surname)
	start := strings.FieldsFunc(written, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })[0]
	p.addStart(pseudonym.NormaliseName(start))
	if len(forename) > 1 {
		p.add(pair(whole, p.form(forenameForm, []byte(forename))))
	}
	if forename != "" {
		_, size := utf8.DecodeRuneInString(forename)
		p.add(pair(whole, p.form(initialForm, []byte(forename[:size]))))
	}
}

// firstOf returns the first of several forenames: all that a hyphen joins.
func firstOf(forenames string) string {
	for name := range strings.FieldsFuncSeq(forenames, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		return name
	}
	return ""
}

// The forms that are kept of names.
const (
	surnameForm  = 0x9e3779b97f4a7c15
	startForm    = 0xbf58476d1ce4e5b9 // the first word of a surname, or all of it
	forenameForm = 0x94d049bb133111eb
	initialForm  = 0xd6e8feb86659fd93
)

func (p *People) form(form uint64, letters []byte) uint64 {
	return mix(maphash.Bytes(p.seed, letters) ^ form)
}

func pair(surname, other uint64) uint64 { return mix(surname ^ bits.RotateLeft64(other, 23)) }

// mix spreads a hash over its bits (the finaliser of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (p *People) has(h uint64) bool {
	if p.parts == nil {
		for _, x := range p.few {
			if x == h {
				return true
			}
		}
		return false
	}
	return p.parts[h>>(64-partBits)].has(uint32(h) | 1)
}

func (p *People) add(h uint64) {
	if p.parts == nil {
		if p.has(h) {
			return
		}
		if len(p.few) < mostFew {
			p.few = append(p.few, h)
			return
		}
		p.parts = make([]part, 1<<partBits)
		for _, x := range p.few {
			p.parts[x>>(64-partBits)].add(uint32(x) | 1)
		}
		p.begin = make([]uint64, 1<<(beginBits-6))
		for _, x := range p.few {
			p.mark(x)
		}
		p.few = nil
	}
	p.parts[h>>(64-partBits)].add(uint32(h) | 1)
}

func (p *People) addStart(word string) {
	h := p.form(startForm, []byte(word))
	p.add(h)
	if p.begin != nil {
		p.mark(h)
	}
}

func (p *People) mark(h uint64) { p.begin[h>>(64-beginBits)/64] |= 1 << (h >> (64 - beginBits) % 64) }

// begins says whether a surname begins with a word, or is it.
func (p *People) begins(letters []byte) bool {
	h := p.form(startForm, letters)
	if p.begin != nil && p.begin[h>>(64-beginBits)/64]>>(h>>(64-beginBits)%64)&1 == 0 {
		return false
	}
	return p.has(h)
}

func (t *part) has(x uint32) bool {
	if t.used == 0 {
		return false
	}
	mask := uint32(len(t.slots) - 1)
	for i := x >> 1 & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case x:
			return true
		case 0:
			return false
		}
	}
}

func (t *part) add(x uint32) {
	if t.has(x) {
		return
	}
	if t.used*4 >= uint32(len(t.slots))*3 {
		old := t.slots
		t.slots, t.used = make([]uint32, max(4, 2*len(old))), 0
		for _, y := range old {
			if y != 0 {
				t.insert(y)
			}
		}
	}
	t.insert(x)
}

func (t *part) insert(x uint32) {
	mask := uint32(len(t.slots) - 1)
	i := x >> 1 & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = x
	t.used++
}
