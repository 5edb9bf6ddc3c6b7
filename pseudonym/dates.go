package pseudonym

import (
	"strings"
	"time"
)

// BirthDate is a date of birth, as far as it is known.
type BirthDate struct {
	// Text is YYYY-MM-DD, with 00 for a day or a month that is not known (a
	// lunar date), or the empty string where nothing is known.
	Text string

	// Weak says that many persons who do not share a birthday share this text: a
	// part is not known, or the day is one that offices write in its place (1
	// January, 31 December). A weak date is no error; it makes no phonetic token.
	Weak bool
}

// ParseBirthDate reads YYYY-MM-DD, YYYYMMDD, the French DD/MM/YYYY, YYYY-MM and
// YYYY alone, and a date with a time, whose time it drops.
//
// Day 00 and month 00 are not known; nor are, by INSEE's convention for
// incomplete civil records, months 20, 30 and 50 to 99; 31 to 42 are January to
// December of such a record. 0000-00-00, 1900-01-01, 1900-12-31 and the year
// 9999 stand for a date of which nothing is known.
//
// The error is ErrDate, also for days outside the calendar and for years before
// 1850 or after 2199.
func ParseBirthDate(s string) (BirthDate, error) {
	var text [10]byte // YYYY-MM-DD
	if !dateText(&text, strings.TrimSpace(s)) {
		return BirthDate{}, ErrDate
	}
	number := func(from, to int) (n int) {
		for _, c := range text[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	switch date := string(text[:]); date {
	case "0000-00-00", "1900-01-01", "1900-12-31":
		return BirthDate{}, nil
	}
	switch {
	case year == 9999:
		return BirthDate{}, nil
	case year < 1850 || year > 2199 || day > 31:
		return BirthDate{}, ErrDate
	case month == 20 || month == 30 || month >= 50:
		month, day = 0, 0
	case month > 30 && month <= 42:
		month -= 30
	case month > 12:
		return BirthDate{}, ErrDate
	case month == 0:
		day = 0
	}
	if month > 0 && day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return BirthDate{}, ErrDate
	}
	put := func(at, n int) { text[at], text[at+1] = byte('0'+n/10), byte('0'+n%10) }
	put(5, month)
	put(8, day)
	weak := day == 0 || month == 1 && day == 1 || month == 12 && day == 31
	return BirthDate{string(text[:]), weak}, nil
}

// NormaliseDate is the text of ParseBirthDate.
func NormaliseDate(s string) (string, error) {
	d, err := ParseBirthDate(s)
	return d.Text, err
}

// dateText writes a date of one of the forms as YYYY-MM-DD.
func dateText(to *[10]byte, s string) bool {
	copy(to[:], "0000-00-00")
	fill := func(at int, digits string) { copy(to[at:], digits) }
	if len(s) > 10 {
		if !clock(s[10:]) {
			return false
		}
		s = s[:10]
	}
	switch {
	case len(s) == 4 && digits(s):
		fill(0, s)
	case len(s) == 7 && s[4] == '-' && digits(s[:4]) && digits(s[5:]):
		fill(0, s)
	case len(s) == 8 && digits(s):
		fill(0, s[:4])
		fill(5, s[4:6])
		fill(8, s[6:])
	case len(s) == 10 && s[4] == '-' && s[7] == '-' && digits(s[:4]) && digits(s[5:7]) && digits(s[8:]):
		fill(0, s)
	case len(s) == 10 && s[2] == '/' && s[5] == '/' && digits(s[:2]) && digits(s[3:5]) && digits(s[6:]):
		fill(0, s[6:])
		fill(5, s[3:5])
		fill(8, s[:2])
	default:
		return false
	}
	return true
}

// clock says whether s is the time that may follow a date.
func clock(s string) bool {
	for _, form := range []string{" 15:04:05", " 15:04", "T15:04:05Z07:00", "T15:04:05"} {
		if _, err := time.Parse(form, s); err == nil {
			return true
		}
	}
	return false
}
