package pseudonym

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NormaliseName returns a text in upper-case letters and nothing else: accents
// folded (É to E), ligatures opened (Œ to OE, ß to SS), and hyphens, apostrophes,
// spaces and digits dropped: "Anne-Laure" and "ANNE LAURE" are ANNELAURE.
// Letters of other scripts are kept in upper case. A text without letters gives
// the empty string, which is no name.
func NormaliseName(s string) string {
	b := make([]byte, 0, 64)
	return string(appendName(b, s))
}

// NormaliseSurname is NormaliseName without the particles "de" and "d'":
// "de la Tour d'Auvergne" gives LATOURAUVERGNE, "d'Ornano" and "D ORNANO" both
// ORNANO. A particle is a word of its own (between spaces, hyphens or
// apostrophes) that another word follows; DORNANO, written as one, stays. Articles
// and their contractions stay, as in French alphabetical order (Le Goff,
// La Fontaine, du Bellay, des Essarts), and so do the particles of other languages
// (van, von, di, da, dos, el), which are part of the name.
// Source: IFLA, "Names of Persons", France: entry under the part that follows
// the preposition, article included.
func NormaliseSurname(s string) string {
	b := make([]byte, 0, 64)
	return string(surname(b, s))
}

// surname writes the normal form of a surname over b.
func surname(b []byte, s string) []byte {
	name := b[:0]
	if strings.IndexFunc(s, betweenWords) < 0 {
		return appendName(name, s)
	}
	particle := 0 // how many bytes at the end of name are one
	for rest := s; rest != ""; {
		word := rest
		if i := strings.IndexFunc(rest, betweenWords); i >= 0 {
			_, width := utf8.DecodeRuneInString(rest[i:])
			word, rest = rest[:i], rest[i+width:]
		} else {
			rest = ""
		}
		before := len(name)
		name = appendName(name, word)
		added := len(name) - before
		if added == 0 {
			continue
		}
		if particle > 0 { // something follows it
			name = append(name[:before-particle], name[before:]...)
		}
		particle = 0
		if w := string(name[len(name)-added:]); w == "DE" || w == "D" {
			particle = added
		}
	}
	return name
}

func betweenWords(r rune) bool {
	switch r {
	case ' ', '\'', '’', '-', '`', '´', 'ʼ', '\u00a0', '\u202f', '\t':
		return true
	}
	return false
}

// NormaliseFirstName is NormaliseName of the first of the forenames, which end
// at a comma, semicolon or slash. What is apart by a space alone may be one
// forename (Jean Luc), so it is kept.
func NormaliseFirstName(s string) string {
	b := make([]byte, 0, 64)
	return string(appendFirstName(b, s))
}

func appendFirstName(b []byte, s string) []byte {
	for rest := s; rest != ""; {
		part := rest
		if i := strings.IndexAny(rest, ",;/"); i >= 0 {
			part, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if named := appendName(b, part); len(named) > len(b) {
			return named
		}
	}
	return b
}

// appendName appends the normal form of s.
func appendName(b []byte, s string) []byte {
	from := len(b)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return appendLetters(b[:from], s)
		case c >= 'A' && c <= 'Z':
			b = append(b, c)
		case c >= 'a' && c <= 'z':
			b = append(b, c-('a'-'A'))
		}
	}
	return b
}

// appendLetters is appendName for what is not ASCII.
func appendLetters(b []byte, s string) []byte {
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, "")) {
		if !unicode.IsLetter(r) || r == 'ʼ' {
			continue // marks and apostrophes that NFKD set free, too
		}
		r = unicode.ToUpper(r)
		if open, ok := opened[r]; ok {
			b = append(b, open...)
			continue
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// opened holds the Latin letters that Unicode does not decompose.
var opened = map[rune]string{
	'Œ': "OE", 'Æ': "AE", 'ß': "SS", 'ẞ': "SS", 'Ø': "O", 'Ł': "L",
	'Đ': "D", 'Ð': "D", 'Þ': "TH", 'Ħ': "H", 'ı': "I",
}

// Soundex returns the American Soundex code of a normalised name, such as L116
// for LEFEBVRE and LEFEVRE alike: its first letter and three digits, for the
// consonants that follow. Letters of other scripts are passed over; a name
// without a Latin letter gives the empty string.
// Source: US National Archives, "The Soundex Indexing System".
func Soundex(name string) string {
	return string(appendSoundex(make([]byte, 0, 4), name))
}

func appendSoundex(b []byte, name string) []byte {
	const (
		codes = "01230120022455012623010202" // of A to Z
		apart = "1...1...1.....1.....1...1." // A, E, I, O, U and Y part two equal consonants; H and W do not
	)
	from, last := len(b), byte('0')
	for _, r := range name {
		if r < 'A' || r > 'Z' {
			continue
		}
		digit := codes[r-'A']
		switch {
		case len(b) == from:
			b = append(b, byte(r))
			last = digit
		case digit != '0' && digit != last:
			b = append(b, digit)
			last = digit
		case apart[r-'A'] == '1':
			last = '0'
		}
		if len(b) == from+4 {
			return b
		}
	}
	if len(b) == from {
		return b
	}
	return append(b, "000"[len(b)-from-1:]...)
}
