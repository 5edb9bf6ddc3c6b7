package pseudonym

import (
	"fmt"
	"strings"
)

// NIR is a French national identifier (numéro d'inscription au répertoire)
// as its own rules read it.
type NIR struct {
	Number string // 13 characters, the letters of Corsica in upper case

	// Provisional says that the person will get another number: a waiting
	// number (numéro identifiant d'attente: first digit 3 or 4, or named so by
	// its OID) or a temporary one (first digit 7 or 8). Two numbers of which one
	// is provisional may be one person's.
	Provisional bool
}

// The object identifiers of the French national health identity (INS): who
// gave a number. A message carries one beside the number, as "urn:oid:" too.
const (
	OIDNIR      = "1.2.250.1.213.1.4.8"
	OIDWaiting  = "1.2.250.1.213.1.4.9"  // NIA
	OIDTest     = "1.2.250.1.213.1.4.10" // refused
	OIDTraining = "1.2.250.1.213.1.4.11" // refused
)

// ParseNIR reads a number of 13 characters, or of 15 with its key. Spaces, dots
// and hyphens are dropped. The characters are: sex (1, 2; 3, 4 waiting; 7, 8
// temporary), year, month (01 to 12; 20, 30 to 42 and 50 to 99 where the month
// is not known or was full), department (2A, 2B; 91 to 96 and 99 abroad) and
// commune or country, order in the register. A temporary number has, after the
// month, digits of its own body's choice. The key is 97 minus the number modulo
// 97, with 2A read as 19 and 2B as 18; without a key a number is taken as it is.
//
// The error is ErrLength, ErrForm or ErrCheckKey.
// Source: décret n° 82-103 of 22 January 1982, articles 4 and 5; INSEE,
// "Le numéro d'inscription au répertoire"; INS référentiel 1.x, annex on OIDs.
func ParseNIR(s string) (NIR, error) {
	var buf [16]byte
	c, err := compact(buf[:0], s)
	if err != nil {
		return NIR{}, err
	}
	if len(c) != 13 && len(c) != 15 {
		return NIR{}, ErrLength
	}
	provisional, err := nirForm(c[:13])
	if err != nil {
		return NIR{}, err
	}
	if len(c) == 15 {
		if !isDigit(c[13]) || !isDigit(c[14]) {
			return NIR{}, ErrForm
		}
		if int(c[13]-'0')*10+int(c[14]-'0') != nirKey(c[:13]) {
			return NIR{}, ErrCheckKey
		}
	}
	return NIR{string(c[:13]), provisional}, nil
}

// ParseINS is ParseNIR for a number that came with an OID, which may be empty. A
// number of test or training is no person's: ErrTestNumber. ErrOID is an OID
// that stands for no such number, or a registered number that is provisional.
func ParseINS(number, oid string) (NIR, error) {
	oid = strings.TrimPrefix(strings.TrimSpace(oid), "urn:oid:")
	switch oid {
	case "", OIDNIR, OIDWaiting:
	case OIDTest, OIDTraining:
		return NIR{}, ErrTestNumber
	default:
		return NIR{}, ErrOID
	}
	n, err := ParseNIR(number)
	if err != nil {
		return NIR{}, err
	}
	if oid == OIDNIR && n.Provisional {
		return NIR{}, fmt.Errorf("%w: registered, but the number is provisional", ErrOID)
	}
	n.Provisional = n.Provisional || oid == OIDWaiting
	return n, nil
}

// NormaliseNIR is the number of ParseNIR.
func NormaliseNIR(s string) (string, error) {
	n, err := ParseNIR(s)
	return n.Number, err
}

// nirForm checks 13 characters, and says whether the number is provisional.
func nirForm(c []byte) (provisional bool, err error) {
	for i, b := range c {
		if !isDigit(b) && (i != 6 || c[5] != '2' || b != 'A' && b != 'B') {
			return false, ErrForm
		}
	}
	month := int(c[3]-'0')*10 + int(c[4]-'0')
	if month == 0 || month > 12 && month != 20 && (month < 30 || month > 42) && month < 50 {
		return false, ErrForm
	}
	switch c[0] {
	case '7', '8':
		return true, nil
	case '1', '2', '3', '4':
	default:
		return false, ErrForm
	}
	if string(c[5:7]) == "00" || string(c[7:10]) == "000" || string(c[10:13]) == "000" {
		return false, ErrForm
	}
	return c[0] >= '3', nil
}

// nirKey returns the key, 1 to 97, of 13 characters of the right form.
func nirKey(c []byte) int {
	var n int64
	for i, b := range c {
		if i == 5 || i == 6 {
			continue
		}
		n = 10*n + int64(b-'0')
		if i == 4 {
			n = 100*n + department(c[5], c[6])
		}
	}
	return 97 - int(n%97)
}

// department reads a department's two characters, Corsica's as the key does.
func department(a, b byte) int64 {
	switch b {
	case 'A':
		return 19
	case 'B':
		return 18
	}
	return 10*int64(a-'0') + int64(b-'0')
}

// compact appends s without separators and in upper case. What does not fit in
// the capacity of dst is too long.
func compact(dst []byte, s string) ([]byte, error) {
	for _, r := range s {
		switch {
		case r == ' ' || r == '.' || r == '-' || r == '\t' || r == '\u00a0' || r == '\u202f':
			continue
		case len(dst) == cap(dst):
			return nil, ErrLength
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case r > '~':
			r = '?' // no character of any number
		}
		dst = append(dst, byte(r))
	}
	return dst, nil
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
