package scan

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// sight is what one quick look at a text says.
type sight struct {
	may set  // kinds that can stand in it, where it is not odd
	odd bool // it has characters that must be resolved first
}

// leastDigits is the number of digits of the shortest number, a FINESS of Corsica.
const leastDigits = 8

// leastDigitsIPv4 is that of 1.2.3.4, the one number that is shorter.
const leastDigitsIPv4 = 4

// see looks at a text once, quickly.
func see(text []byte) (s sight) {
	digits, hyphens, gaps, capitals := 0, 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b >= 'a' && b <= 'z':
		case b >= '0' && b <= '9':
			digits++
		case b >= 'A' && b <= 'Z':
			capitals++
		case b == '@':
			s.may |= emails
		case b == '-':
			hyphens++
			gaps++
		case b < utf8.RuneSelf:
			gaps++
		default:
			n := plainRune(text[i:])
			if n == 0 {
				s.odd = true
				return s
			}
			gaps++
			capitals++ // É, or a mark that needs no thought
			i += n - 1
		}
	}
	switch {
	case digits >= leastDigits:
		s.may |= numbers
	case digits >= leastDigitsIPv4:
		s.may |= ipv4s
	}
	if hyphens >= 4 {
		s.may |= uuids
	}
	if len(text)-digits-gaps >= 4 && gaps > 0 {
		s.may |= names
	}
	return s
}

// plainRune returns the length of the rune that text starts with where it is
// one of French writing that no form contains: it stands for itself.
func plainRune(text []byte) int {
	switch {
	case len(text) > 1 && text[0] == 0xc3 && text[1] >= 0x80 && text[1] <= 0xbf: // À to ÿ
		return 2
	case len(text) > 1 && text[0] == 0xc5 && (text[1] == 0x92 || text[1] == 0x93): // Œ œ
		return 2
	case len(text) > 1 && text[0] == 0xc2 && (text[1] == 0xab || text[1] == 0xbb || text[1] == 0xb0): // « » °
		return 2
	case len(text) > 2 && text[0] == 0xe2 && (text[1] == 0x80 && text[2] == 0x99 || text[1] == 0x82 && text[2] == 0xac): // ’ €
		return 3
	}
	return 0
}

// fold resolves look-alikes of a text into s.folded and drops what cannot be
// seen; s.origin says where each byte came from, and at its end how long the text is.
func (s *Scanner) fold(text []byte) {
	s.folded, s.origin = s.folded[:0], s.origin[:0]
	for i := 0; i < len(text); {
		size := 1
		if text[i] < utf8.RuneSelf {
			s.folded = append(s.folded, text[i])
		} else if size = plainRune(text[i:]); size > 0 {
			s.folded = append(s.folded, text[i:i+size]...)
		} else {
			_, size = utf8.DecodeRune(text[i:])
			s.foldRune(text[i : i+size])
		}
		for len(s.origin) < len(s.folded) {
			s.origin = append(s.origin, int32(i))
		}
		i += size
	}
	s.origin = append(s.origin, int32(len(text)))
}

func (s *Scanner) foldRune(b []byte) {
	for _, r := range string(norm.NFKC.Bytes(b)) {
		switch {
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
			continue
		case unicode.Is(unicode.Pd, r) || r == '\u2212': // the minus sign
			r = '-'
		case unicode.Is(unicode.Zs, r):
			r = ' '
		case r > unicode.MaxASCII && unicode.IsDigit(r):
			r = decimal(r)
		}
		s.folded = utf8.AppendRune(s.folded, r)
	}
}

// decimal returns the ASCII digit of a decimal digit of any script: Unicode
// lists each script's ten digits in a row, zero first.
func decimal(r rune) rune {
	zero := r
	for unicode.IsDigit(zero-1) && r-zero < 9 {
		zero--
	}
	return '0' + r - zero
}
