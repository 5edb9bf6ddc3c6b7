// Package scan says whether a text holds identifiers of persons: what an
// output, a log line or a metric must not carry out of the warehouse.
//
// [Find] names the kinds that it sees and never returns the text of a match,
// so that its answer can be logged. Numbers with a check key (NIR, IBAN) count
// only where the key fits. Look-alike digits and invisible characters are
// resolved first (Unicode NFKC). It finds forms, not meanings: a name, or a
// number without its form (a NIR without its key, a social security number
// without hyphens), passes.
package scan

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rempart.eu/rempart/pseudonym"
)

// Kind is the kind of an identifier. Its text can stand in a message.
type Kind string

// The kinds of identifiers that are found.
const (
	NIR   Kind = "NIR"                       // 15 characters, with a check key that fits
	SSN   Kind = "US social security number" // 999-99-9999
	IBAN  Kind = "IBAN"                      // of a country of the SEPA, with a check that fits
	Email Kind = "e-mail address"            //
	UUID  Kind = "UUID"                      // RFC 9562, any version
	Phone Kind = "telephone number"          // French, North American, or with + and a country code
	IPv4  Kind = "IPv4 address"              // also what looks like one, such as a version of four numbers
)

// form is what one kind looks like; holds, where it is not nil, tests a match further.
type form struct {
	kind  Kind
	shape *regexp.Regexp
	holds func(match string) bool
}

var forms = []form{
	{NIR, regexp.MustCompile(`[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?([0-9]{2}|2[ABab])[ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}`), isNIR},
	{SSN, regexp.MustCompile(`[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}`), isSSN},
	{IBAN, regexp.MustCompile(`[A-Z]{2}[0-9]{2}( ?[A-Z0-9]){11,30}`), isIBAN},
	{Email, regexp.MustCompile(`[\pL\pN._%+-]{1,64}@[\pL\pN-]{1,63}(\.[\pL\pN-]{1,63}){0,8}\.\pL{2,24}`), nil},
	{UUID, regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), nil},
	{Phone, regexp.MustCompile(`((\+|00)33[ .-]?(\(0\))?|0)[1-9]([ .-]?[0-9]{2}){4}`), nil},
	{Phone, regexp.MustCompile(`(\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4}`), nil},
	{Phone, regexp.MustCompile(`\+[1-9][0-9]{0,2}([ .-]?\(?[0-9]{1,4}\)?){2,5}`), isInternationalPhone},
	{IPv4, regexp.MustCompile(`[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}`), isIPv4},
}

// shortest is the length in bytes of the shortest identifier, an e-mail a@b.fr.
const shortest = 6

// Find returns the kinds of identifier that s holds, each once, in the order of
// the constants above.
func Find(s string) []Kind {
	if len(s) < shortest {
		return nil
	}
	s = plain(s)
	if !worthALook(s) {
		return nil
	}
	var found []Kind
	for _, f := range forms {
		if (len(found) == 0 || found[len(found)-1] != f.kind) && f.in(s) {
			found = append(found, f.kind)
		}
	}
	return found
}

// in says whether the form stands in s, with no letter or digit touching it.
func (f form) in(s string) bool {
	for from := 0; from < len(s); {
		at := f.shape.FindStringIndex(s[from:])
		if at == nil {
			return false
		}
		start, end := from+at[0], from+at[1]
		if alone(s, start, end) && (f.holds == nil || f.holds(s[start:end])) {
			return true
		}
		from = start + 1
	}
	return false
}

// alone says whether s[start:end] is a word of its own, and not the decimals or
// a middle part of a longer number.
func alone(s string, start, end int) bool {
	word := func(b byte) bool {
		return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
	}
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	if start > 0 && word(s[start-1]) {
		return false
	}
	if start > 1 && s[start-1] == '.' && digit(s[start-2]) && digit(s[start]) {
		return false
	}
	if end < len(s) && word(s[end]) {
		return false
	}
	return end+1 >= len(s) || s[end] != '.' || !digit(s[end+1]) || !digit(s[end-1])
}

// plain returns s with look-alikes resolved and invisible characters dropped.
func plain(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
			return -1
		case unicode.Is(unicode.Pd, r):
			return '-'
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsDigit(r) && r > unicode.MaxASCII:
			return decimal(r)
		}
		return r
	}, norm.NFKC.String(s))
}

// decimal returns the ASCII digit of a decimal digit of any script: Unicode
// lists each script's ten digits in a row, zero first.
func decimal(r rune) rune {
	zero := r
	for unicode.IsDigit(zero-1) && r-zero < 9 {
		zero--
	}
	return '0' + r - zero
}

// worthALook says quickly whether any form can stand in s: each has an @ or
// at least four digits.
func worthALook(s string) bool {
	digits := 0
	for i := range len(s) {
		switch b := s[i]; {
		case b == '@':
			return true
		case b >= '0' && b <= '9':
			if digits++; digits == 4 {
				return true
			}
		}
	}
	return strings.Count(s, "-") >= 4 // a UUID of letters
}

func isNIR(s string) bool {
	_, err := pseudonym.NormaliseNIR(s)
	return err == nil
}

func isSSN(s string) bool {
	_, err := pseudonym.NormaliseSSN(s)
	return err == nil
}

func isIPv4(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if n, err := strconv.Atoi(part); err != nil || n > 255 {
			return false
		}
	}
	return true
}

// isInternationalPhone tests the number of digits (ITU-T E.164: at most 15).
func isInternationalPhone(s string) bool {
	digits := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 9 && digits <= 15
}

// ibanLength is the length of the IBANs of each country of the SEPA.
// Source: SWIFT, IBAN Registry.
var ibanLength = map[string]int{
	"AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
	"EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28,
	"IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31,
	"NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}

// isIBAN tests the check digits of ISO 13616 (modulo 97). The match may run on
// into the words that follow: the country says where the number ends.
func isIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	n, known := ibanLength[s[:2]]
	if !known || len(s) < n {
		return false
	}
	rest := 0
	for _, r := range s[4:n] + s[:4] {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return rest == 1
}
