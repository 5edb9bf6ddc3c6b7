package scan

import "bytes"

// french looks for a number of the French plan at its 0: ten digits, in pairs
// or as freephone numbers are written; or 0033 and another country's after 00.
// Ten digits that are not grouped may be any number: a label that says so counts.
// Source: ARCEP, plan national de numérotation.
func (s *Scanner) french(text []byte, i int) int {
	if text[i] != '0' || i+1 >= len(text) {
		return 0
	}
	g := &s.number
	if text[i+1] == '0' {
		bare := g.count > 0 && g.sizes[0] >= 11
		if i+2 >= len(text) || bare && !bytes.HasPrefix(text[i:], []byte("0033")) && labelled(text, i) != phoneLabel {
			return 0
		}
		return s.international(text, i+2)
	}
	if g.count > 0 && g.sizes[0] == 10 {
		if end := g.ends[0]; ends(text, end) && labelled(text, i) != otherLabel && !measured(text, i, end) {
			return end
		}
		return 0
	}
	if g.alike < 2 || g.digits[1] == '0' {
		return 0
	}
	for _, sizes := range [...]string{"22222", "28", "433", "4222", "1333"} {
		if end := g.end(text, sizes); end > 0 {
			return end
		}
	}
	return 0
}

// international looks for a number at the first digit of its country code:
// nine to fifteen digits, in groups or not.
// Source: ITU-T E.164, section 6.
func (s *Scanner) international(text []byte, i int) int {
	if i >= len(text) || !digit(text[i]) || text[i] == '0' {
		return 0
	}
	if bytes.HasPrefix(text[i:], []byte("33")) {
		if end := s.afterFrance(text, i+2); end > 0 {
			return end
		}
	}
	digits, end := 0, 0
	for at, groups := i, 0; groups < 7; groups++ {
		stop := run(text, at, 16)
		if stop == at || digits+stop-at > 15 {
			break
		}
		digits += stop - at
		end, at = stop, stop
		for n := 0; n < 2 && at < len(text) && bytes.IndexByte([]byte(" .-()/"), text[at]) >= 0; n++ {
			at++
		}
		if at == stop {
			break
		}
	}
	if digits < 9 || !ends(text, end) {
		return 0
	}
	return end
}

// afterFrance reads what follows 33: an optional (0) and nine digits.
func (s *Scanner) afterFrance(text []byte, i int) int {
	if i < len(text) && separator(text[i]) {
		i++
	}
	if bytes.HasPrefix(text[i:], []byte("(0)")) {
		i += len("(0)")
		if i < len(text) && separator(text[i]) {
			i++
		}
	}
	if i >= len(text) || !digit(text[i]) || text[i] == '0' {
		return 0
	}
	s.number.read(text, i)
	for _, sizes := range [...]string{"9", "12222", "18", "333", "3222"} {
		if end := s.number.end(text, sizes); end > 0 {
			return end
		}
	}
	return 0
}

// american looks for a North American number such as 555-867-5309.
// Source: North American Numbering Plan.
func (s *Scanner) american(text []byte) int {
	g := &s.number
	if g.alike < 3 || g.sizes[0] != 3 || g.by != '-' && g.by != '.' || g.digits[0] < '2' || g.digits[3] < '2' {
		return 0
	}
	return g.end(text, "334")
}

// bracketed looks for a North American number such as (555) 867-5309.
func (s *Scanner) bracketed(text []byte, i int) int {
	if i+5 >= len(text) || run(text, i+1, 4) != i+4 || text[i+4] != ')' || text[i+1] < '2' {
		return 0
	}
	i += 5
	if text[i] == ' ' {
		i++
	}
	if i >= len(text) || !digit(text[i]) || text[i] < '2' {
		return 0
	}
	g := &s.number
	if g.read(text, i); g.by != '-' && g.by != '.' {
		return 0
	}
	return g.end(text, "34")
}
