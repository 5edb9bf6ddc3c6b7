package scan_test

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/scan"
)

// The slow scan: a regular expression a kind, tried at every place, and a test
// of its digits. It has the forms without context that the scanner must find
// in any text; the scanner finds more.
var slow = []struct {
	kind  scan.Kind
	shape *regexp.Regexp
	holds func(match string) bool
}{
	{scan.NIR, regexp.MustCompile(`^[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?([0-9]{2}|2[ABab])[ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}`), func(m string) bool {
		_, err := pseudonym.NormaliseNIR(m)
		return err == nil
	}},
	{scan.SSN, regexp.MustCompile(`^[0-9]{3}-[0-9]{2}-[0-9]{4}`), func(m string) bool { _, err := pseudonym.NormaliseSSN(m); return err == nil }},
	{scan.IBAN, regexp.MustCompile(`^FR[0-9]{2}( ?[0-9]){23}`), ibanFits},
	{scan.Phone, regexp.MustCompile(`^0[1-9]( [0-9]{2}){4}`), nil},
	{scan.Phone, regexp.MustCompile(`^\+33[1-9][0-9]{8}`), nil},
	{scan.UUID, regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), nil},
	{scan.Email, regexp.MustCompile(`^[a-z]{1,9}@[a-z]{1,9}\.[a-z]{2,9}`), nil},
}

func ibanFits(s string) bool {
	s = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "").Replace(s))
	var digits strings.Builder
	for _, r := range s[4:] + s[:4] {
		if r >= 'A' {
			digits.WriteString(big.NewInt(int64(r - 'A' + 10)).String())
		} else {
			digits.WriteRune(r)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

// slowly returns what the slow scan finds in a text of ASCII, in words of their own.
func slowly(text string) (found []scan.Finding) {
	for i := range len(text) {
		if i > 0 && !strings.ContainsRune(" \n:;", rune(text[i-1])) {
			continue
		}
		for _, f := range slow {
			if m := f.shape.FindString(text[i:]); m != "" && (f.holds == nil || f.holds(m)) &&
				(i+len(m) == len(text) || strings.ContainsRune(" \n;", rune(text[i+len(m)]))) {
				found = append(found, scan.Finding{Kind: f.kind, Start: i, End: i + len(m)})
			}
		}
	}
	return found
}

func couple() *scan.People {
	people := scan.NewPeople()
	people.Add("Jean-Pierre", "de la Tour d'Auvergne")
	people.Add("Zoé", "Lefèvre", "Œuvrard")
	return people
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"２９５１０９９１２６１１１９３ a@b.fr", "FR76 3000 6000 0112 3456 7890 189 +33612345678", "06 12 34 56 78 12 rue Zoé Lefèvre",
		"INS-NIR 2951099126111^^^&1.2.250.1.213.1.4.8&ISO", "née ŒUVRARD; Z. Lefevre", "8d4c4326-e9de-4f45-9a4c-f8c36bff89ae 999-17-5017",
		"RPPS 10003456789, FINESS 2A0000014, 0049 30 901820", "(01)03400930000000(17)271231(10)0612345678", "e\u0301 \u00ad\u200b1.2.3.4",
	} {
		f.Add(seed)
	}
	rules := map[scan.Rules]*scan.Scanner{}
	for _, r := range []scan.Rules{scan.Output, scan.Code, scan.Text} {
		rules[r] = scan.New(r, couple())
	}
	f.Fuzz(func(t *testing.T, text string) {
		for r, s := range rules {
			found := slices.Clone(s.All([]byte(text)))
			for _, x := range found {
				if x.Start < 0 || x.Start >= x.End || x.End > len(text) {
					t.Fatalf("rules %d: %+v is not within the %d bytes of %q", r, x, len(text), text)
				}
				wrong(t, x, text)
			}
			first, ok := s.First([]byte(text))
			if ok != (len(found) > 0) || ok && !slices.ContainsFunc(found, func(x scan.Finding) bool { return x.Kind == first.Kind }) {
				t.Errorf("rules %d: %q: First gives %+v, All %+v", r, text, first, found)
			}
			if !ascii(text) {
				continue
			}
			for _, want := range slowly(text) {
				looked := r == scan.Output || want.Kind != scan.UUID && (r != scan.Code || want.Kind != scan.Phone && want.Kind != scan.NIR)
				if looked && !slices.ContainsFunc(found, func(x scan.Finding) bool { return x.Start < want.End && want.Start < x.End }) {
					t.Errorf("rules %d: %q: the slow scan finds %+v, this one %+v", r, text, want, found)
				}
			}
		}
		if utf8.ValidString(text) {
			if found := rules[scan.Text].All([]byte(text + "\n\nZoé LEFEVRE\n\n" + text)); !slices.ContainsFunc(found, func(x scan.Finding) bool { return x.Kind == scan.Name }) {
				t.Errorf("%q hides a name between them", text)
			}
		}
	})
}

// wrong reports a finding that a slow test of its own text does not bear out.
func wrong(t *testing.T, x scan.Finding, text string) {
	match := text[x.Start:x.End]
	if !ascii(text) {
		return
	}
	digits := regexp.MustCompile(`[^0-9]`).ReplaceAllString(match, "")
	bad := false
	switch x.Kind {
	case scan.NIR, scan.INS:
		_, err := pseudonym.NormaliseNIR(regexp.MustCompile(`[^0-9ABab]|cle|CLE`).ReplaceAllString(match, ""))
		bad = err != nil && !strings.Contains(strings.ToLower(match), "cle") && !strings.Contains(match, "key")
	case scan.IBAN:
		bad = !ibanFits(match)
	case scan.RPPS:
		bad = len(digits) != 11
	case scan.FINESS:
		bad = len(match) < 9 || len(digits) < 8 || len(digits) > 9
	case scan.Phone:
		bad = len(digits) < 9 || len(digits) > 17
	case scan.Email:
		bad = !strings.Contains(match, "@") || !strings.Contains(match, ".")
	case scan.Name:
		name := pseudonym.NormaliseName(match)
		bad = !strings.Contains(name, "LEFEVRE") && !strings.Contains(name, "OEUVRARD") && !strings.Contains(name, "DELATOURDAUVERGNE")
	}
	if bad {
		t.Errorf("%q: %q is no %s", text, match, x.Kind)
	}
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
