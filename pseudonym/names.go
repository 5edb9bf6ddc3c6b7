package pseudonym

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NormaliseName returns a name in upper-case letters and nothing else: accents
// folded (É to E), ligatures opened (Œ to OE), and hyphens, apostrophes,
// spaces and digits dropped. Particles stay: "de la Tour d'Auvergne-3" gives
// DELATOURDAUVERGNE. Letters of other scripts are kept in upper case. A text
// without letters gives the empty string, which is no name.
func NormaliseName(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, "")) {
		if !unicode.IsLetter(r) {
			continue // marks that NFKD set free, too
		}
		if open, ok := opened[unicode.ToUpper(r)]; ok {
			b.WriteString(open)
			continue
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
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
	const (
		codes  = "01230120022455012623010202" // of A to Z
		vowels = "AEIOUY"                     // part two equal consonants; H and W do not
	)
	code := make([]byte, 0, 4)
	last := byte('0')
	for _, r := range name {
		if r < 'A' || r > 'Z' {
			continue
		}
		digit := codes[r-'A']
		switch {
		case len(code) == 0:
			code = append(code, byte(r))
			last = digit
		case digit != '0' && digit != last:
			code = append(code, digit)
			last = digit
		case strings.ContainsRune(vowels, r):
			last = '0'
		}
		if len(code) == 4 {
			return string(code)
		}
	}
	if len(code) == 0 {
		return ""
	}
	return string(append(code, "000"[len(code)-1:]...))
}
