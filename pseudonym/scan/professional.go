package scan

// rpps looks for the number of a health professional: eleven digits of which
// the last is Luhn's key; in groups only where its name stands before it.
// Source: ANS, Répertoire partagé des professionnels de santé.
func (s *Scanner) rpps(text []byte, i int) int {
	d, end := s.coded(text, i, rppsLabel, 11, []string{"2333", "443", "1334", "22223", "344", "56"})
	if end == 0 || d[0] == '0' || !luhn(d) {
		return 0
	}
	return end
}

// finess looks for the number of a health establishment: nine characters, of
// which the first two are the department and the last is Luhn's key. In those of Corsica
// (2A, 2B) A counts as 1 and B as 2; with the name before it the key is not asked for.
// Source: DREES, Fichier national des établissements sanitaires et sociaux.
func (s *Scanner) finess(text []byte, i int) int {
	if text[i] == '2' && i+9 <= len(text) && (text[i+1]|0x20 == 'a' || text[i+1]|0x20 == 'b') {
		number := [9]byte{'2', '1' + (text[i+1] | 0x20) - 'a'}
		if run(text, i+2, 8) != i+9 || !ends(text, i+9) {
			return 0
		}
		copy(number[2:], text[i+2:])
		if l := labelled(text, i); l == finessLabel || s.rules == Text && l == noLabel && luhn(number[:]) {
			return i + 9
		}
		return 0
	}
	d, end := s.coded(text, i, finessLabel, 9, []string{"27", "2331", "333", "261", "234"})
	if end == 0 || !luhn(d) {
		return 0
	}
	if department := 10*int(d[0]-'0') + int(d[1]-'0'); department == 0 || department == 96 || department == 99 {
		return 0
	}
	return end
}

// coded reads a number of so many digits that what stands around it lets be one of the kind.
func (s *Scanner) coded(text []byte, i int, want label, size int, grouped []string) (digits []byte, end int) {
	g := &s.number
	digits = g.digits[:size]
	switch {
	case g.count == 0:
		return nil, 0
	case int(g.sizes[0]) == size:
		if end := g.ends[0]; ends(text, end) && luhn(digits) && s.says(text, i, end, want) {
			return digits, end
		}
		return nil, 0
	case g.alike < 2 || g.by == '/':
		return nil, 0
	}
	for _, sizes := range grouped {
		if end := g.end(text, sizes); end > 0 && luhn(digits) && labelled(text, i) == want {
			return digits, end
		}
	}
	return nil, 0
}

// says tells whether the surroundings let the number text[i:end] be of the
// kind: its name stands before it, or the text is free and nothing speaks against it,
// as the words before it, a unit, or the form of a SNOMED CT identifier do.
func (s *Scanner) says(text []byte, i, end int, want label) bool {
	switch label := labelled(text, i); {
	case label == want:
		return true
	case s.rules != Text || label == otherLabel || label == nirLabel || label == insLabel || label == snomedLabel:
		return false
	}
	return !measured(text, i, end) && (want != finessLabel || !snomed(text[i:end]))
}

// luhn tests the check digit of ISO/IEC 7812-1, annex B.
func luhn(digits []byte) bool {
	sum := 0
	for n := range digits {
		d := int(digits[len(digits)-1-n] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
