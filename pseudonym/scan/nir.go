package scan

import (
	"bytes"

	"rempart.eu/rempart/pseudonym"
)

// nirGroups are the written groups of a NIR: sex, year, month, department,
// commune, order; the key follows.
var nirGroups = [...]int{1, 2, 2, 2, 3, 3}

// nir looks for a NIR at i: with a key that fits; or without one where words
// before it say what it is. It is an INS where its name or OID stands by it.
func (s *Scanner) nir(text []byte, i int) (Kind, int) {
	if c := text[i]; c == '0' || c == '5' || c == '6' || c == '9' {
		return "", 0
	}
	var number [15]byte
	n, at := 0, i
	for _, size := range nirGroups {
		if n > 0 && at < len(text) && nirSeparator(text[at]) {
			at++
		}
		if at+size > len(text) {
			return "", 0
		}
		for _, c := range text[at : at+size] {
			if !digit(c) && (n != 6 || c|0x20 != 'a' && c|0x20 != 'b') { // where Corsica has a letter
				return "", 0
			}
			number[n] = c &^ (c >> 1 & 0x20)
			n++
		}
		at += size
	}
	kind := NIR
	if end := nirKey(text, at); end > 0 && keyFits(number[:13], text[end-2:end]) {
		copy(number[13:], text[end-2:end])
		_, err := pseudonym.NormaliseNIR(string(number[:]))
		if err == nil && !s.isCode(text, i, end, number[:]) {
			if isINS(text, i, end) {
				kind = INS
			}
			return kind, end
		}
	}
	if !ends(text, at) || s.rules == Code {
		return "", 0
	}
	switch ins := isINS(text, i, at); {
	case ins:
		kind = INS
	case labelled(text, i) != nirLabel:
		return "", 0
	}
	if _, err := pseudonym.NormaliseNIR(string(number[:13])); err != nil {
		return "", 0
	}
	return kind, at
}

func nirSeparator(c byte) bool { return c == ' ' || c == '.' || c == '-' || c == '/' || c == '_' }

// nirKey returns the end of the key that follows the 13 characters which end at
// at: 93, / 93, (93), clé 93; or 0.
func nirKey(text []byte, at int) int {
	i := at
	skip := func(signs string, most int) {
		for n := 0; n < most && i < len(text) && bytes.IndexByte([]byte(signs), text[i]) >= 0; n++ {
			i++
		}
	}
	skip(" .-/_(,|", 3)
	for _, word := range []string{"clé", "clef", "cle", "Clé", "CLE", "CLÉ", "key"} {
		if i > at && bytes.HasPrefix(text[i:], []byte(word)) {
			i += len(word)
			skip(" :=.", 3)
			break
		}
	}
	if end := i + 2; run(text, i, 3) == end && (ends(text, end) || text[end] == '_') {
		return end
	}
	return 0
}

// keyFits tests the key quickly: 97 less the number modulo 97, with 2A read as 19 and
// 2B as 18.
func keyFits(body, key []byte) bool {
	rest := 0
	for n, c := range body {
		switch {
		case n == 5 && !digit(body[6]):
			c = '1'
		case c == 'A':
			c = '9'
		case c == 'B':
			c = '8'
		}
		rest = (rest*10 + int(c-'0')) % 97
	}
	return 97-rest == int(key[0]-'0')*10+int(key[1]-'0')
}

// insOIDs is what the OIDs of the INS start with: NIR, NIA, and both for tests.
// Source: ANS, Référentiel identifiant national de santé.
var insOIDs = []byte("1.2.250.1.213.1.4.")

// isINS says whether the number text[i:end] has the INS's name before it or its OID near it.
func isINS(text []byte, i, end int) bool {
	before, after := text[max(0, i-40):i], text[end:min(len(text), end+48)]
	before = before[bytes.LastIndexByte(before, '\n')+1:]
	next := bytes.IndexFunc(after, func(r rune) bool { return r == '\n' || r >= '0' && r <= '9' })
	return labelled(text, i) == insLabel || bytes.Contains(before, insOIDs) ||
		next >= 0 && bytes.HasPrefix(after[next:], insOIDs)
}

// isCode says whether a number is rather a SNOMED CT identifier: in a field of codes by its
// own form, elsewhere by the words before it or the |term| after it.
func (s *Scanner) isCode(text []byte, i, end int, number []byte) bool {
	if end-i != len(number) || !snomed(number) {
		return false
	}
	l := labelled(text, i)
	return l == snomedLabel || bytes.HasPrefix(bytes.TrimLeft(text[end:], " "), []byte("|")) || s.rules == Code && l != nirLabel && l != insLabel
}
