package intake

// aliases maps the keys under which persons are known to other files to their
// matching numbers. Like [keys] it holds 63 keyed bits of each key, so that its
// memory does not tell who they are; an alias takes 44 bytes or less. Two of n
// different aliases are taken for one with a probability below n²/2⁶⁴, and
// are then ambiguous: rows that use them are refused, none goes to a wrong person.
type aliases struct {
	parts [256]aliasPart
}

// aliasPart is an open-addressing table of a power of two slots.
type aliasPart struct {
	slots []aliasSlot
	used  int
}

// aliasSlot is free where its hash is 0.
type aliasSlot struct {
	hash   uint64
	number int64
}

// several stands for the number where an alias names several persons: matching
// numbers are not negative.
const several = -1

// get returns the matching number of an alias, several, or false.
func (a *aliases) get(hash uint64) (int64, bool) {
	p := &a.parts[hash>>56]
	if p.used == 0 {
		return 0, false
	}
	s := p.slot(hash)
	return s.number, s.hash != 0
}

// slot is the one with that hash, or the free one where it belongs.
func (p *aliasPart) slot(hash uint64) *aliasSlot {
	mask := uint64(len(p.slots) - 1)
	i := hash >> 1 & mask
	for p.slots[i].hash != 0 && p.slots[i].hash != hash {
		i = (i + 1) & mask
	}
	return &p.slots[i]
}

// add makes an alias name a person, too.
func (a *aliases) add(hash uint64, number int64) {
	p := &a.parts[hash>>56]
	if p.used*4 >= len(p.slots)*3 {
		old := p.slots
		p.slots = make([]aliasSlot, max(16, 2*len(old)))
		for _, s := range old {
			if s.hash != 0 {
				*p.slot(s.hash) = s
			}
		}
	}
	s := p.slot(hash)
	switch {
	case s.hash == 0:
		*s = aliasSlot{hash, number}
		p.used++
	case s.number != number:
		s.number = several
	}
}
