package intake

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym/scan"
)

// without returns the kinds of identifier that no text of at most length
// characters (0: any length) which matches the pattern (empty: any text) can hold.
func without(pattern string, length int) []scan.Kind {
	e := extent{endless, endless, true, true, true}
	if pattern != "" {
		if re, err := syntax.Parse(pattern, syntax.Perl); err == nil { // as regexp.Compile has it
			e = measure(re)
		}
	}
	if length > 0 {
		e.length, e.digits = min(e.length, length), min(e.digits, length)
	}
	var kinds []scan.Kind
	for kind, fits := range map[scan.Kind]bool{
		scan.NIR:    e.digits >= 12, // of Corsica, without a key
		scan.INS:    e.digits >= 12,
		scan.SSN:    e.digits >= 9 && e.gap,
		scan.IBAN:   e.digits >= 8 && e.letter && e.length >= 15,
		scan.Email:  e.at && e.length >= 6,
		scan.Phone:  e.digits >= 9,
		scan.RPPS:   e.digits >= 11,
		scan.FINESS: e.digits >= 8,
		scan.Name:   e.letter && e.length >= 4,
	} {
		if !fits {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// extent bounds what texts of a pattern hold.
type extent struct {
	length, digits  int  // at most; endless where there is no bound
	at, letter, gap bool // an @, a letter, what is neither letter nor digit
}

const endless = 1 << 20

func measure(re *syntax.Regexp) extent {
	switch re.Op {
	case syntax.OpLiteral:
		var e extent
		for _, r := range re.Rune {
			e = e.then(of(r, r))
		}
		return e
	case syntax.OpCharClass:
		var e extent
		for i := 0; i+1 < len(re.Rune); i += 2 {
			e = e.or(of(re.Rune[i], re.Rune[i+1]))
		}
		return e
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return extent{1, 1, true, true, true}
	case syntax.OpCapture, syntax.OpQuest:
		return measure(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus:
		return measure(re.Sub[0]).times(endless)
	case syntax.OpRepeat:
		if re.Max < 0 {
			return measure(re.Sub[0]).times(endless)
		}
		return measure(re.Sub[0]).times(re.Max)
	case syntax.OpConcat:
		var e extent
		for _, sub := range re.Sub {
			e = e.then(measure(sub))
		}
		return e
	case syntax.OpAlternate:
		var e extent
		for _, sub := range re.Sub {
			e = e.or(measure(sub))
		}
		return e
	}
	return extent{} // what matches no character
}

// of is one character from low to high. What is not ASCII may look like anything.
func of(low, high rune) extent {
	if low == high && unicode.IsLetter(low) { // such as the long s, which (?i) pairs with s
		return extent{length: 1, letter: true}
	}
	if high >= utf8.RuneSelf {
		return extent{1, 1, true, true, true}
	}
	e := extent{length: 1}
	for r := low; r <= high; r++ {
		switch {
		case unicode.IsDigit(r):
			e.digits = 1
		case unicode.IsLetter(r):
			e.letter = true
		default:
			e.gap, e.at = true, e.at || r == '@'
		}
	}
	return e
}

func (e extent) then(o extent) extent {
	return extent{min(endless, e.length+o.length), min(endless, e.digits+o.digits), e.at || o.at, e.letter || o.letter, e.gap || o.gap}
}

func (e extent) or(o extent) extent {
	return extent{max(e.length, o.length), max(e.digits, o.digits), e.at || o.at, e.letter || o.letter, e.gap || o.gap}
}

func (e extent) times(n int) extent {
	if n == 0 {
		return extent{}
	}
	e.length, e.digits = min(endless, e.length*n), min(endless, e.digits*n)
	return e
}
