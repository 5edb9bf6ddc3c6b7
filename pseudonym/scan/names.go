package scan

import "slices"

// names looks for names of the people: full names, surnames with a title,
// surnames with an initial, and rare surnames alone; in codes and labels for full
// names only.
func (s *Scanner) names(text []byte, one bool) {
	s.split(text)
	s.taken = 0
	for i := 0; i < len(s.atoms); i++ {
		first, next, ok := s.nameAt(i)
		if !ok {
			continue
		}
		if start, end := s.atoms[first].start, s.atoms[next-1].end; slices.ContainsFunc(s.found, func(f Finding) bool { return f.Start < end && start < f.End }) {
			continue // of an e-mail address
		}
		s.found = append(s.found, Finding{Name, s.atoms[first].start, s.atoms[next-1].end})
		if one {
			return
		}
		i, s.taken = next-1, next
	}
}

// nameAt looks for a name whose surname starts with the atom at i, and returns
// the atoms that it takes: first to next, without next.
func (s *Scanner) nameAt(i int) (first, next int, ok bool) {
	a := &s.atoms[i]
	switch particle := isParticle(s.letters[a.from:a.to]); {
	case particle && !a.cap && !s.capitalNear(i):
		return 0, 0, false
	case !particle && !s.people.begins(s.letters[a.from:a.to]):
		return 0, 0, false
	}
	for n := min(mostAtoms, len(s.atoms)-i); n > 0; n-- {
		w, whole := s.window(i, i+n)
		if !whole || len(w.letters) < 2 || len(w.letters) > mostName {
			continue
		}
		if w.hash = s.people.form(surnameForm, w.letters); !s.people.has(w.hash) {
			continue
		}
		w.common = isCommon(w.letters)
		if first, next, ok = s.isName(&w); ok {
			return first, next, true
		}
	}
	return 0, 0, false
}

func (s *Scanner) capitalNear(i int) bool {
	for _, a := range s.atoms[i+1 : min(len(s.atoms), i+4)] {
		if a.cap {
			return true
		}
	}
	return false
}

// window is a surname in the text: atoms from to next, without next.
type window struct {
	from, next int
	letters    []byte
	hash       uint64
	cap, caps  bool // an atom of it has a capital; all are in capitals
	common     bool // it is also a frequent word
}

// window joins atoms; whole says that they can be one name.
func (s *Scanner) window(from, next int) (w window, whole bool) {
	w = window{from: from, next: next, caps: true, letters: s.letters[s.atoms[from].from:s.atoms[next-1].to]}
	for k := from; k < next; k++ {
		a := &s.atoms[k]
		if a.mixed || k > from && (a.stop || a.apart) {
			return w, false
		}
		if !isParticle(s.letters[a.from:a.to]) || next-from == 1 {
			w.cap = w.cap || a.cap
		}
		w.caps = w.caps && a.caps
	}
	return w, true
}

func (s *Scanner) isName(w *window) (first, next int, ok bool) {
	first, next, ok = s.withForename(w)
	if ok {
		return first, next, !s.namesakes(min(first, w.from))
	}
	if s.rules == Code {
		return 0, 0, false
	}
	if s.titled(w) {
		return w.from, w.next, true
	}
	if first, next, ok = s.withInitial(w); ok {
		return first, next, !s.namesakes(first)
	}
	alone := w.cap && !w.common && len(w.letters) >= 4 &&
		!s.people.has(s.people.form(forenameForm, w.letters)) && !s.namesakes(w.from)
	return w.from, w.next, alone
}

// withForename looks for the person's forename before or after the surname, at
// most two capitalised words away.
func (s *Scanner) withForename(w *window) (first, next int, ok bool) {
	gaps := 2
	if s.rules == Code || !w.cap {
		gaps = 0
	}
	for gap := 0; gap <= gaps; gap++ {
		if from := w.next + gap; s.joined(w.next, from+1) {
			for n := 1; n <= 3 && s.joined(w.next, from+n); n++ {
				if s.isForename(w, from, from+n) {
					return w.from, from + n, true
				}
			}
		}
		if to := w.from - gap; to > 0 && s.joined(to, w.from+1) {
			for n := 1; n <= 3 && to-n >= s.taken && s.joined(to-n+1, w.from+1); n++ {
				if s.isForename(w, to-n, to) {
					return to - n, w.next, true
				}
			}
		}
	}
	return 0, 0, false
}

// joined says whether the atoms from from up to, and without, next exist, and
// no sentence ends before any of them.
func (s *Scanner) joined(from, next int) bool {
	if next > len(s.atoms) {
		return false
	}
	for _, a := range s.atoms[from:next] {
		if a.stop {
			return false
		}
	}
	return true
}

func (s *Scanner) isForename(w *window, from, next int) bool {
	letters := s.letters[s.atoms[from].from:s.atoms[next-1].to]
	if len(letters) < 2 || len(letters) > mostName || !s.people.has(pair(w.hash, s.people.form(forenameForm, letters))) {
		return false
	}
	between := s.atoms[min(w.next, next):max(w.from, from)]
	for k := range between {
		if a := &between[k]; !a.cap && !isRole(s.letters[a.from:a.to]) {
			return false
		}
	}
	capital := s.atoms[from].cap
	switch {
	case capital && w.cap:
		return true
	case s.rules == Code:
		return false
	case w.cap:
		return !isCommon(letters)
	case capital:
		return !w.common
	}
	return !w.common || !isCommon(letters)
}

// titled says whether a title stands before the surname: Mme Dupont, nom de
// naissance : DUPONT, M. le professeur Dupont, Mme J. Dupont.
func (s *Scanner) titled(w *window) bool {
	passed, capitals, lines := 0, 0, 0
	for k := w.from - 1; k >= 0 && passed < 4; k-- {
		if after := &s.atoms[k+1]; after.stop {
			return false
		} else if after.line {
			lines++
		}
		if lines > 0 && capitals > 0 {
			return false
		}
		a := &s.atoms[k]
		letters := s.letters[a.from:a.to]
		switch s.title(a) {
		case civility:
			return (w.cap && (!w.common || capitals == 0) || !w.common && passed == 0) && !(a.cap && s.namesakes(k)) // rue du Docteur Roux
		case role:
			if w.cap && (!w.common || !a.caps || a.colon) && capitals == 0 {
				return true
			}
		case noTitle:
			switch {
			case isParticle(letters) || isRole(letters):
			case a.cap && !a.mixed && capitals < 2:
				capitals++
			default:
				return false
			}
		}
		passed++
	}
	return false
}

// withInitial looks for the initial of the person's forename beside the surname.
func (s *Scanner) withInitial(w *window) (first, next int, ok bool) {
	if !w.cap || len(w.letters) < 3 {
		return 0, 0, false
	}
	if k := w.next; k < len(s.atoms) && !s.atoms[k].stop && s.isInitial(w, k) {
		return w.from, k + 1, true
	}
	for k := w.from - 1; k >= s.taken && k >= w.from-2 && !s.atoms[k+1].stop; k-- { // J.-P. Dupont
		if s.isInitial(w, k) {
			return k, w.next, true
		}
		if s.atoms[k].end-s.atoms[k].start > 2 {
			break
		}
	}
	return 0, 0, false
}

func (s *Scanner) isInitial(w *window, k int) bool {
	a := &s.atoms[k]
	letters := s.letters[a.from:a.to]
	if !a.caps || a.mixed || a.apostrophe || a.end-a.start > 2 || len(letters) != 1 && len(letters) != a.end-a.start {
		return false
	}
	if !s.people.has(pair(w.hash, s.people.form(initialForm, letters))) {
		return false
	}
	if w.caps {
		return a.dot || !w.common
	}
	return a.dot && !w.common
}

// namesakes says whether the words before an atom make a name that of a place
// or a disease: rue Pasteur, maladie de Parkinson, syndrome de Guillain-Barré.
func (s *Scanner) namesakes(first int) bool {
	for k := first - 1; k >= 0 && k >= first-5 && !s.atoms[k+1].stop && !s.atoms[k+1].apart; k-- {
		a := &s.atoms[k]
		letters := s.letters[a.from:a.to]
		switch {
		case isThing(letters):
			return true
		case !a.cap && !isParticle(letters):
			return false
		}
	}
	return false
}
