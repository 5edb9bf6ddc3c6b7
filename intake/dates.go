package intake

import "time"

// moment is a date and time as written.
type moment struct {
	year, month, day, hour, minute, second, micro int
	offset                                        int // minutes east of UTC
}

func (m *moment) valid() bool {
	return m.year >= 1 && m.month >= 1 && m.month <= 12 && m.day >= 1 && m.day <= days(m.year, m.month) &&
		m.hour <= 23 && m.minute <= 59 && m.second <= 59
}

func days(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// appendDate writes YYYY-MM-DD.
func (m *moment) appendDate(dst []byte) []byte {
	y := m.year
	return append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10),
		'-', byte('0'+m.month/10), byte('0'+m.month%10), '-', byte('0'+m.day/10), byte('0'+m.day%10))
}

// appendTime writes YYYY-MM-DD hh:mm:ss and microseconds where there are any, in UTC.
func (m *moment) appendTime(dst []byte) []byte {
	if m.offset != 0 {
		t := time.Date(m.year, time.Month(m.month), m.day, m.hour, m.minute-m.offset, m.second, 0, time.UTC)
		m.year, m.month, m.day, m.hour, m.minute = t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute()
	}
	dst = append(m.appendDate(dst), ' ', byte('0'+m.hour/10), byte('0'+m.hour%10), ':',
		byte('0'+m.minute/10), byte('0'+m.minute%10), ':', byte('0'+m.second/10), byte('0'+m.second%10))
	if m.micro != 0 {
		dst = append(dst, '.')
		for unit := 100000; unit > 0; unit /= 10 {
			dst = append(dst, byte('0'+m.micro/unit%10))
		}
	}
	return dst
}

// isoDates reads YYYY-MM-DD.
func isoDates(dst, v []byte) ([]byte, bool) {
	var m moment
	if len(v) != 10 || !m.readISO(v) || !m.valid() {
		return dst, false
	}
	return append(dst, v...), true
}

// readISO reads the date that v starts with.
func (m *moment) readISO(v []byte) bool {
	var ok [3]bool
	m.year, _, ok[0] = readDigits(v[:4], 4, 4)
	m.month, _, ok[1] = readDigits(v[5:7], 2, 2)
	m.day, _, ok[2] = readDigits(v[8:10], 2, 2)
	return ok[0] && ok[1] && ok[2] && v[4] == '-' && v[7] == '-'
}

// isoTimes reads YYYY-MM-DDThh:mm:ss, with a space for the T, a fraction and Z
// or ±hh:mm where they are there. A time without a zone is taken as UTC.
func isoTimes(dst, v []byte) ([]byte, bool) {
	var m moment
	if len(v) < 19 || !m.readISO(v) || v[10] != 'T' && v[10] != ' ' || v[13] != ':' || v[16] != ':' {
		return dst, false
	}
	var ok [3]bool
	m.hour, _, ok[0] = readDigits(v[11:13], 2, 2)
	m.minute, _, ok[1] = readDigits(v[14:16], 2, 2)
	m.second, _, ok[2] = readDigits(v[17:19], 2, 2)
	good := ok[0] && ok[1] && ok[2]
	v = v[19:]
	if good && len(v) > 0 && (v[0] == '.' || v[0] == ',') {
		v, good = readFraction(v[1:], &m)
	}
	if good && len(v) > 0 {
		v, good = readOffset(v, &m)
	}
	if !good || len(v) > 0 || !m.valid() {
		return dst, false
	}
	return inRange(dst, &m)
}

// inRange appends a time whose year in UTC still has four digits.
func inRange(dst []byte, m *moment) ([]byte, bool) {
	out := m.appendTime(dst)
	return out, m.year >= 1 && m.year <= 9999
}

func readDigits(v []byte, least, most int) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(v) && i < most && digit(v[i]) {
		n = n*10 + int(v[i]-'0')
		i++
	}
	return n, v[i:], i >= least
}

// readFraction reads up to nine digits of a second; what is finer than a
// microsecond is cut off.
func readFraction(v []byte, m *moment) (rest []byte, ok bool) {
	i, unit := 0, 100000
	for i < len(v) && i < 9 && digit(v[i]) {
		m.micro += int(v[i]-'0') * unit
		unit /= 10
		i++
	}
	return v[i:], i > 0
}

// readOffset reads Z, ±hh, ±hhmm or ±hh:mm.
func readOffset(v []byte, m *moment) (rest []byte, ok bool) {
	if len(v) == 0 {
		return v, false
	}
	if v[0] == 'Z' {
		return v[1:], true
	}
	if v[0] != '+' && v[0] != '-' {
		return v, false
	}
	hours, rest, ok := readDigits(v[1:], 2, 2)
	if !ok || hours > 18 {
		return v, false
	}
	if len(rest) > 0 {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		var minutes int
		if minutes, rest, ok = readDigits(rest, 2, 2); !ok || minutes > 59 {
			return v, false
		}
		m.offset = minutes
	}
	m.offset += hours * 60
	if v[0] == '-' {
		m.offset = -m.offset
	}
	return rest, true
}
