package scan

// ibanLength is the length of each country's IBANs.
// Source: SWIFT, IBAN Registry.
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
	"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
	"FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
	"SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// iban looks for an IBAN at i, at whose characters a space, a hyphen or a dot
// may stand between any two, and tests its check digits (modulo 97). Where it
// is in small letters, it has none, since words would look like it.
// Source: ISO 13616-1.
func iban(text []byte, i int) int {
	if len(text)-i < 15 || !letter(text[i+1]) || !digit(text[i+2]) || !digit(text[i+3]) {
		return 0
	}
	small := text[i] >= 'a'
	if small != (text[i+1] >= 'a') {
		return 0
	}
	country := [2]byte{text[i] &^ 0x20, text[i+1] &^ 0x20}
	length, known := ibanLength[string(country[:])]
	if !known {
		return 0
	}
	var number [34]byte
	n, digits, at := 0, 0, i
	for n < length {
		if n > 0 && at < len(text) && !small && (text[at] == ' ' || text[at] == '-' || text[at] == '.') {
			at++
		}
		if at >= len(text) || !alphanumeric(text[at]) || letter(text[at]) && (text[at] >= 'a') != small {
			return 0
		}
		number[n] = text[at]
		if digit(text[at]) {
			digits++
		} else {
			number[n] &^= 0x20
		}
		n++
		at++
	}
	if 2*digits < length || at < len(text) && alphanumeric(text[at]) {
		return 0
	}
	rest := 0
	for k := range length {
		if c := number[(k+4)%length]; c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return at
}
