package pseudonym

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What is wrong with a trait. A *TraitError wraps one of them.
var (
	ErrLength   = errors.New("wrong number of characters")
	ErrForm     = errors.New("characters in places where the form has others")
	ErrCheckKey = errors.New("the check key does not fit the number: ask the source for a typing error")
	ErrDate     = errors.New("no date of the calendar: want YYYY-MM-DD")
	ErrSex      = errors.New("want M or F (also H, 1 or 2), or U where it is not known")
)

// nir is the form of the 13 characters: sex, year, month (20 to 42 and 50 to 99
// where the month of birth is not known), department, commune, order.
var nir = regexp.MustCompile(`^[1-478][0-9]{2}(0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])([0-9]{2}|2[AB])[0-9]{3}[0-9]{3}$`)

// NormaliseNIR returns the 13 characters of a French national identifier
// (numéro d'inscription au répertoire), the letters of Corsica in upper case.
// Spaces, dots and hyphens are dropped. Where the two digits of the key are
// given, they must be 97 minus the number modulo 97, with 2A read as 19 and 2B
// as 18; 13 characters without a key are taken as they are.
//
// The error is ErrLength, ErrForm or ErrCheckKey.
// Source: décret n° 82-103 of 22 January 1982, article 4.
func NormaliseNIR(s string) (string, error) {
	s = strings.ToUpper(dropSeparators(s))
	if len(s) != 13 && len(s) != 15 {
		return "", ErrLength
	}
	body, key := s[:13], s[13:]
	if !nir.MatchString(body) {
		return "", ErrForm
	}
	if key == "" {
		return body, nil
	}
	if !digits(key) {
		return "", ErrForm
	}
	if got, _ := strconv.Atoi(key); got != nirKey(body) {
		return "", ErrCheckKey
	}
	return body, nil
}

// nirKey returns the key, 1 to 97, of the 13 characters of a NIR.
func nirKey(body string) int {
	department := strings.NewReplacer("2A", "19", "2B", "18").Replace(body[5:7])
	rest := 0
	for _, d := range body[:5] + department + body[7:] {
		rest = (rest*10 + int(d-'0')) % 97
	}
	return 97 - rest
}

// NormaliseSSN returns the nine digits of a United States social security
// number; spaces and hyphens are dropped. Area 000, group 00 and serial 0000
// were never issued and give ErrForm; areas of 900 and more, which stand for
// test and taxpayer numbers, are accepted. The error is ErrLength or ErrForm.
func NormaliseSSN(s string) (string, error) {
	s = dropSeparators(s)
	if len(s) != 9 {
		return "", ErrLength
	}
	if !digits(s) || s[:3] == "000" || s[3:5] == "00" || s[5:] == "0000" {
		return "", ErrForm
	}
	return s, nil
}

// dateForms are the forms that sources write birth dates in.
var dateForms = []string{time.DateOnly, "20060102", "02/01/2006", time.DateTime, "2006-01-02T15:04:05Z07:00"}

// NormaliseDate returns a date as YYYY-MM-DD. It reads that form, YYYYMMDD, the
// French DD/MM/YYYY, and a date with a time, whose time it drops. Any other text
// gives ErrDate, as do days outside the calendar and years before 1850.
func NormaliseDate(s string) (string, error) {
	s = strings.TrimSpace(s)
	for _, form := range dateForms {
		if d, err := time.Parse(form, s); err == nil && d.Year() >= 1850 {
			return d.Format(time.DateOnly), nil
		}
	}
	return "", ErrDate
}

var sexes = map[string]string{
	"M": "M", "MALE": "M", "H": "M", "HOMME": "M", "MASCULIN": "M", "1": "M",
	"F": "F", "FEMALE": "F", "FEMME": "F", "FEMININ": "F", "2": "F",
	"U": "", "UNKNOWN": "", "INCONNU": "", "I": "", "O": "", "OTHER": "", "X": "", "0": "", "3": "", "9": "",
}

// NormaliseSex returns "M" or "F", or the empty string where the source says
// that it does not know or that neither applies. It reads the letters and words
// of English and French and the codes 1 and 2 of the NIR; any other text gives
// ErrSex.
func NormaliseSex(s string) (string, error) {
	s = strings.TrimSpace(s)
	if sex, ok := sexes[strings.ToUpper(s)]; ok {
		return sex, nil
	}
	if sex, ok := sexes[NormaliseName(s)]; ok { // féminin
		return sex, nil
	}
	return "", ErrSex
}

// NormalisePostcode returns five digits for a French postcode or a United
// States ZIP code: a leading zero that a spreadsheet dropped is put back, the
// four further digits of ZIP+4 are cut, and 00000 becomes the empty string.
// Postcodes of other countries, 3 to 10 letters and digits, come in upper case.
// The error is ErrLength or ErrForm.
func NormalisePostcode(s string) (string, error) {
	s = strings.ToUpper(dropSeparators(s))
	if len(s) < 3 || len(s) > 10 {
		return "", ErrLength
	}
	if strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) {
		return "", ErrForm
	}
	if !digits(s) {
		return s, nil
	}
	switch len(s) {
	case 4:
		s = "0" + s
	case 9:
		s = s[:5]
	}
	if s == "00000" {
		return "", nil
	}
	return s, nil
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

var separators = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "-", "", ".", "", "\t", "")

func dropSeparators(s string) string { return separators.Replace(s) }
