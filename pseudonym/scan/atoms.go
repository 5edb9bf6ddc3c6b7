package scan

import (
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym"
)

// atom is a word of a text between anything that is no letter: d'Auvergne has two.
type atom struct {
	from, to   int  // its normal form: letters[from:to]
	start, end int  // where it stands in the text
	cap, caps  bool // it starts with a capital, has no other letters
	stop       bool // a sentence may have ended before it
	line       bool // it is the first of its line
	apart      bool // a comma, a bracket, a number, a line's end or the like stands before it
	dot        bool // a dot follows
	colon      bool // a colon follows
	apostrophe bool // an apostrophe follows
	mixed      bool // a digit or _ touches it, as in B12
}

// split splits a text into atoms, whose letters are as [pseudonym.NormaliseName] has them, one
// atom's after the other's: a name of several atoms is found as one stretch of letters.
func (s *Scanner) split(text []byte) {
	s.letters, s.atoms = s.letters[:0], s.atoms[:0]
	var a atom
	inside, stop, touched, line, apart := false, false, false, true, true
	for i := 0; i < len(text); {
		b := text[i]
		size := 1
		upper, isLetter := false, true
		from := len(s.letters)
		switch {
		case b >= 'a' && b <= 'z':
			s.letters = append(s.letters, b-0x20)
		case b >= 'A' && b <= 'Z':
			s.letters, upper = append(s.letters, b), true
		case b < utf8.RuneSelf:
			isLetter = false
		default:
			var r rune
			r, size = utf8.DecodeRune(text[i:])
			switch {
			case unicode.IsLetter(r):
				s.letters = appendLetters(s.letters, r)
				upper = !unicode.IsLower(r)
			case r == '\u2019' || r == '\u02bc':
				isLetter, b = false, '\''
			case r == '\u00aa' || r == '\u00ba' || unicode.Is(unicode.Cf, r) || unicode.IsMark(r):
				i += size // neither part of a word nor its end
				continue
			default:
				isLetter, b = false, ' '
			}
		}
		if isLetter {
			if !inside {
				a = atom{from: from, start: i, cap: upper, caps: true, stop: stop, line: line, apart: apart, mixed: touched}
				inside, stop, line, apart = true, false, false, false
			}
			a.caps = a.caps && upper
			i += size
			a.end, a.to = i, len(s.letters)
			touched = false
			continue
		}
		touched = digit(b) || b == '_'
		if inside {
			inside = false
			a.mixed, a.dot, a.colon, a.apostrophe = a.mixed || touched, b == '.', b == ':', b == '\''
			s.atoms = append(s.atoms, a)
			stop = b == '.' && !(a.cap && abbreviated(s.letters[a.from:a.to]))
		} else {
			stop = stop || b == '.'
			if b == ':' && len(s.atoms) > 0 {
				s.atoms[len(s.atoms)-1].colon = true
			}
		}
		stop = stop || b == '!' || b == '?'
		line = line || b == '\n'
		apart = apart || b < utf8.RuneSelf && (separates[b] || digit(b))
		i += size
	}
	if inside {
		s.atoms = append(s.atoms, a)
	}
}

// separates says which characters part what belongs together from the rest.
var separates = func() (table [utf8.RuneSelf]bool) {
	for _, c := range ",;:()[]{}|/\n\t\"=" {
		table[c] = true
	}
	return table
}()

// abbreviated says whether a dot after a word is more likely that of an
// abbreviation than a sentence's end.
func abbreviated(letters []byte) bool {
	return len(letters) == 1 || len(letters) <= 4 && (titles[string(letters)] == civility || string(letters) == "ST")
}

// fold appends the normal form of a word of letters.
func fold(dst, word []byte) []byte {
	for i := 0; i < len(word); {
		if b := word[i]; b < utf8.RuneSelf {
			dst = append(dst, b&^0x20)
			i++
			continue
		}
		r, size := utf8.DecodeRune(word[i:])
		dst = appendLetters(dst, r)
		i += size
	}
	return dst
}

// appendLetters appends the normal form of a letter outside of ASCII.
func appendLetters(dst []byte, r rune) []byte {
	if r >= 0xc0 && r <= 0xff && latin[r-0xc0] != 0 {
		return append(dst, latin[r-0xc0])
	}
	return append(dst, pseudonym.NormaliseName(string(r))...)
}

// latin holds the normal forms of À to ÿ that are one letter.
var latin = func() (table [64]byte) {
	for i := range table {
		if n := pseudonym.NormaliseName(string(rune(0xc0 + i))); len(n) == 1 {
			table[i] = n[0]
		}
	}
	return table
}()
