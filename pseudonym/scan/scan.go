// Package scan says whether a text holds identifiers of persons: what health
// data, an output, a log line or a metric must not carry.
//
// A [Scanner] looks for forms (numbers with a check key, e-mail addresses,
// telephone numbers) and, where it is given [People], for the names of those
// people. What it looks for depends on the text: see [Rules]. [Find] is the
// scan of an output. Findings name a kind and a place and never hold the text
// of a match, so that they can be logged.
//
// Look-alike digits and invisible characters are resolved first (Unicode NFKC).
// docs/identifier-scan.md has the rules, measured precision and recall, and what is
// not found: misspelt names, nicknames, numbers in words, what stands in an image.
package scan

import (
	"cmp"
	"slices"
)

// Kind is the kind of an identifier. Its text can stand in a message.
type Kind string

// The kinds of identifiers that are found.
const (
	NIR    Kind = "NIR"                       // with a check key that fits, or labelled as one
	INS    Kind = "INS"                       // a NIR with the INS's OID or name
	SSN    Kind = "US social security number" // 999-99-9999
	IBAN   Kind = "IBAN"                      // with check digits that fit
	Email  Kind = "e-mail address"            //
	UUID   Kind = "UUID"                      // RFC 9562, any version
	Phone  Kind = "telephone number"          // French, North American, or with + or 00 and a country code
	IPv4   Kind = "IPv4 address"              // also what looks like one, such as a version of four numbers
	RPPS   Kind = "RPPS number"               // of a health professional
	FINESS Kind = "FINESS number"             // of a health establishment
	Name   Kind = "person's name"             // of one of the People
)

var kinds = []Kind{NIR, INS, SSN, IBAN, Email, UUID, Phone, IPv4, RPPS, FINESS, Name}

// Rules say what kind of text is scanned.
type Rules int

const (
	// Output is for what leaves the warehouse: all kinds of forms; RPPS and
	// FINESS numbers, which any number of their length may be, only with their name before them.
	Output Rules = iota
	// Code is for codes and labels, which must not be refused wrongly: NIR, INS,
	// US social security numbers, IBAN, e-mail addresses, full names. SNOMED CT
	// identifiers that look like a NIR pass.
	Code
	// Text is for free text: every rule but UUID and IPv4 address.
	Text
)

func (r Rules) kinds() set {
	switch r {
	case Code:
		return setOf(NIR, INS, SSN, IBAN, Email, Name)
	case Text:
		return setOf(NIR, INS, SSN, IBAN, Email, Phone, RPPS, FINESS, Name)
	default:
		return setOf(NIR, INS, SSN, IBAN, Email, UUID, Phone, IPv4, RPPS, FINESS)
	}
}

// set is a set of kinds, a bit each in the order of kinds.
type set uint16

func setOf(of ...Kind) (s set) {
	for _, k := range of {
		s |= 1 << slices.Index(kinds, k)
	}
	return s
}

var (
	numbers = setOf(NIR, INS, SSN, IBAN, Phone, IPv4, RPPS, FINESS)
	emails  = setOf(Email)
	uuids   = setOf(UUID)
	names   = setOf(Name)
	nirs    = setOf(NIR, INS)
	ssns    = setOf(SSN)
	ibans   = setOf(IBAN)
	phones  = setOf(Phone)
	ipv4s   = setOf(IPv4)
	rppss   = setOf(RPPS)
	finesss = setOf(FINESS)
)

// Finding is one identifier: text[Start:End] of the text that was scanned.
type Finding struct {
	Kind       Kind
	Start, End int
}

// Scanner looks for identifiers. It uses its memory again from text to text,
// so each goroutine has its own.
type Scanner struct {
	rules  Rules
	look   set
	people *People

	number  grouping // that is being looked at
	folded  []byte   // the text with look-alikes resolved, where it differs
	origin  []int32  // where each byte of folded comes from
	letters []byte
	atoms   []atom
	taken   int // atoms before this one are of names found
	found   []Finding
}

// New returns a scanner. Names are looked for among people, which may be nil
// and must not grow while they are read; kinds in except are passed over.
func New(rules Rules, people *People, except ...Kind) *Scanner {
	s := &Scanner{rules: rules, look: rules.kinds() &^ setOf(except...), people: people}
	if people == nil {
		s.look &^= names
	}
	return s
}

// Idle says that there is nothing that the scanner looks for.
func (s *Scanner) Idle() bool { return s.look == 0 }

// shortest is the length in bytes of the shortest identifier: an e-mail a@b.fr, a name Li Wu.
const shortest = 5

// First returns one finding of the text, of the kind that is soonest known.
func (s *Scanner) First(text []byte) (Finding, bool) {
	s.scan(text, true)
	if len(s.found) == 0 {
		return Finding{}, false
	}
	return s.found[0], true
}

// All returns the findings of the text in the order of their places. The slice
// is valid until the next call.
func (s *Scanner) All(text []byte) []Finding {
	s.scan(text, false)
	slices.SortStableFunc(s.found, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	return s.found
}

func (s *Scanner) scan(text []byte, one bool) {
	s.found = s.found[:0]
	if len(text) < shortest {
		return
	}
	sight, look := see(text), s.look
	if !sight.odd {
		look &= sight.may
	}
	if look&^names != 0 {
		if sight.odd {
			s.fold(text)
			s.forms(s.folded, look, one)
			for i := range s.found {
				f := &s.found[i]
				f.Start, f.End = int(s.origin[f.Start]), int(s.origin[f.End])
			}
		} else {
			s.forms(text, look, one)
		}
	}
	if look&names != 0 && (!one || len(s.found) == 0) {
		s.names(text, one)
	}
}

// Find returns the kinds of identifier that an output holds, each once, in the
// order of the constants above.
func Find(text string) []Kind {
	var found []Kind
	for _, f := range New(Output, nil).All([]byte(text)) {
		if !slices.Contains(found, f.Kind) {
			found = append(found, f.Kind)
		}
	}
	slices.SortFunc(found, func(a, b Kind) int { return cmp.Compare(slices.Index(kinds, a), slices.Index(kinds, b)) })
	return found
}
