package pseudonym

import (
	"errors"
	"strings"
)

// What is wrong with a trait. A *TraitError wraps one of them.
var (
	ErrLength   = errors.New("wrong number of characters")
	ErrForm     = errors.New("characters in places where the form has others")
	ErrCheckKey = errors.New("the check key does not fit the number: ask the source for a typing error")
	ErrOID      = errors.New("the object identifier stands for no such number")
	ErrDate     = errors.New("no date of the calendar: want YYYY-MM-DD")
	// ErrTestNumber is refused: it names no person, and would join all who have it.
	ErrTestNumber = errors.New("a number of test or training: the source sends no real identity")
	ErrSex        = errors.New("want M or F (also H, 1 or 2), or U where it is not known")
)

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

// NormaliseFOIN returns the pseudonym that the French national insurance gave a
// person (BEN_IDT_ANO, BEN_NIR_PSA): 8 to 64 visible ASCII characters, upper and lower
// case apart; spaces around it are dropped. The error is ErrLength or ErrForm.
func NormaliseFOIN(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) < 8 || len(s) > 64 {
		return "", ErrLength
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return "", ErrForm
		}
	}
	return s, nil
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
	if sex, ok := sexes[s]; ok { // as most sources write it
		return sex, nil
	}
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
