package scan

import "bytes"

// forms looks for identifiers that have a form, from left to right; what
// belongs to one is not looked at for another.
func (s *Scanner) forms(text []byte, look set, one bool) {
	from := 0 // where the last finding ended
	for i := 0; i < len(text); i++ {
		kind, start, end := s.formAt(text, i, from, look)
		if end == 0 {
			continue
		}
		s.found = append(s.found, Finding{kind, start, end})
		if one {
			return
		}
		i, from = end-1, end
	}
}

// formAt looks for an identifier at i: one that starts there, or an e-mail
// address whose @ is there. An end of 0 says that there is none.
func (s *Scanner) formAt(text []byte, i, from int, look set) (kind Kind, start, end int) {
	switch b := text[i]; {
	case digit(b):
		if look&numbers != 0 && s.startsNumber(text, i) {
			if kind, end = s.numberAt(text, i, look); end > 0 {
				return kind, i, end
			}
		}
	case b == '@' && look&emails != 0:
		start, end = email(text, i, from)
		return Email, start, end
	case b == '+' && look&phones != 0 && (i == 0 || !alphanumeric(text[i-1])):
		return Phone, i, s.international(text, i+1)
	case b == '(' && look&phones != 0 && (i == 0 || !alphanumeric(text[i-1])):
		return Phone, i, s.bracketed(text, i)
	}
	if i > 0 && alphanumeric(text[i-1]) {
		return "", 0, 0
	}
	if look&ibans != 0 && letter(text[i]) {
		if end := iban(text, i); end > 0 {
			return IBAN, i, end
		}
	}
	if look&uuids != 0 {
		if end := uuid(text, i); end > 0 {
			return UUID, i, end
		}
	}
	return "", 0, 0
}

// number looks for the numbers that start with a digit, those with a key first.
func (s *Scanner) numberAt(text []byte, i int, look set) (Kind, int) {
	s.number.read(text, i)
	if look&nirs != 0 {
		if kind, end := s.nir(text, i); end > 0 && look&setOf(kind) != 0 {
			return kind, end
		}
	}
	if look&phones != 0 {
		if end := s.french(text, i); end > 0 {
			return Phone, end
		}
		if end := s.american(text); end > 0 {
			return Phone, end
		}
	}
	if look&ssns != 0 {
		if end := s.ssn(text, s.rules == Output); end > 0 {
			return SSN, end
		}
	}
	if look&rppss != 0 {
		if end := s.rpps(text, i); end > 0 {
			return RPPS, end
		}
	}
	if look&finesss != 0 {
		if end := s.finess(text, i); end > 0 {
			return FINESS, end
		}
	}
	if look&ipv4s != 0 {
		if end := ipv4(text, i); end > 0 {
			return IPv4, end
		}
	}
	return "", 0
}

// startsNumber says whether the digit at i is the first of a number: not a
// later one, nor a decimal, nor a middle part of a date or an OID.
func (s *Scanner) startsNumber(text []byte, i int) bool {
	if i == 0 {
		return true
	}
	switch b := text[i-1]; {
	case digit(b):
		return false
	case letter(b): // NIR295109912611193
		return glued(text[:i])
	case b == '.' || b == '-':
		return i < 2 || !digit(text[i-2])
	case b == ',': // a French decimal has few digits before its comma
		n := 0
		for i-2-n >= 0 && digit(text[i-2-n]) {
			n++
		}
		return n == 0 || n > 3
	}
	return true
}

// ends says whether a number may end at end: no letter or digit touches it, and
// it is not followed by decimals or further parts.
func ends(text []byte, end int) bool {
	if end >= len(text) {
		return true
	}
	if alphanumeric(text[end]) {
		return false
	}
	return end+1 >= len(text) || text[end] != '.' && text[end] != '-' || !digit(text[end+1])
}

// run returns the end of the digits at i, at most most of them.
func run(text []byte, i, most int) int {
	end := i
	for end < len(text) && end-i < most && digit(text[end]) {
		end++
	}
	return end
}

// ssn looks for 999-99-9999, and where spaces is set 999 99 9999.
func (s *Scanner) ssn(text []byte, spaces bool) int {
	g := &s.number
	if g.by != '-' && (!spaces || g.by != ' ') {
		return 0
	}
	end := g.end(text, "324")
	if d := &g.digits; end == 0 || string(d[:3]) == "000" || string(d[3:5]) == "00" || string(d[5:9]) == "0000" {
		return 0
	}
	return end
}

func ipv4(text []byte, i int) int {
	for part := range 4 {
		if part > 0 {
			if i >= len(text) || text[i] != '.' {
				return 0
			}
			i++
		}
		end, n := run(text, i, 3), 0
		for ; i < end; i++ {
			n = n*10 + int(text[i]-'0')
		}
		if n > 255 || end == 0 || !digit(text[end-1]) {
			return 0
		}
	}
	if !ends(text, i) {
		return 0
	}
	return i
}

func uuid(text []byte, i int) int {
	const size = 36
	if len(text)-i < size || text[i+8] != '-' {
		return 0
	}
	for n, b := range text[i : i+size] {
		if dash := n == 8 || n == 13 || n == 18 || n == 23; dash != (b == '-') || !dash && !hexadecimal(b) {
			return 0
		}
	}
	if !ends(text, i+size) {
		return 0
	}
	return i + size
}

// email returns the bounds of the address around the @ at i, which begins at from or after.
func email(text []byte, i, from int) (start, end int) {
	const local = 64 // RFC 5321, section 4.5.3.1.1
	start = i
	for start > from && i-start < local && (alphanumeric(text[start-1]) || text[start-1] >= 0x80 || bytes.IndexByte([]byte("._%+-"), text[start-1]) >= 0) {
		start--
	}
	if start == i {
		return 0, 0
	}
	domain := i + 1
	for end = domain; end < len(text) && (alphanumeric(text[end]) || text[end] >= 0x80 || text[end] == '-' || text[end] == '.'); end++ {
	}
	for end > domain { // back to a top-level domain of letters
		end = domain + len(bytes.TrimRight(text[domain:end], ".-"))
		dot := bytes.LastIndexByte(text[domain:end], '.')
		if dot <= 0 || text[domain] == '.' {
			return 0, 0
		}
		top := text[domain+dot+1 : end]
		n := 0
		for n < len(top) && (letter(top[n]) || top[n] >= 0x80) {
			n++
		}
		if n >= 2 {
			return start, domain + dot + 1 + n
		}
		end = domain + dot
	}
	return 0, 0
}

func digit(b byte) bool        { return b-'0' <= 9 }
func letter(b byte) bool       { return (b|0x20)-'a' <= 'z'-'a' }
func alphanumeric(b byte) bool { return digit(b) || letter(b) }
func hexadecimal(b byte) bool  { return digit(b) || (b|0x20)-'a' <= 'f'-'a' }
