package synth

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// identifiers write what identifies somebody, by slot: its kind, its form and its text.
var identifiers = map[string]func(*noteWriter) (kind, form, text string){
	"patient": (*noteWriter).patientName,
	"surname": func(w *noteWriter) (string, string, string) {
		return "name", "labelled surname", w.styled(w.patient.usedName)
	},
	"birthname": func(w *noteWriter) (string, string, string) {
		return "name", "labelled surname", strings.ToUpper(w.patient.birthName)
	},
	"forename": func(w *noteWriter) (string, string, string) {
		return "forename", "after its label", w.patient.forenames[0]
	},
	"doctor":      (*noteWriter).professional,
	"nir":         (*noteWriter).writtenNIR,
	"ins":         (*noteWriter).writtenINS,
	"phone":       (*noteWriter).phone,
	"email":       (*noteWriter).email,
	"iban":        (*noteWriter).iban,
	"rpps":        func(w *noteWriter) (string, string, string) { return w.rpps("labelled") },
	"rpps-bare":   func(w *noteWriter) (string, string, string) { return w.rpps("bare") },
	"finess":      func(w *noteWriter) (string, string, string) { return w.finess("labelled") },
	"finess-bare": func(w *noteWriter) (string, string, string) { return w.finess("bare") },
}

// patientName writes the patient's name in one of the ways of hospitals.
func (w *noteWriter) patientName() (kind, form, text string) {
	p := w.patient
	first, last := p.forenames[0], p.usedName
	title := pick(w.source, []string{"M.", "Mr", "Monsieur", "M"})
	if p.female {
		title = pick(w.source, []string{"Mme", "Madame", "Mme.", "Mlle"})
	}
	initial := string([]rune(first)[:1])
	forms := []struct {
		weight     float64
		form, text string
	}{
		{14, "forename SURNAME", first + " " + w.styled(last)},
		{10, "SURNAME forename", strings.ToUpper(last) + " " + first},
		{4, "SURNAME, forename", strings.ToUpper(last) + ", " + first},
		{5, "all in capitals", strings.ToUpper(last + " " + first)},
		{4, "without accents", plainLetters(strings.ToUpper(last) + " " + first)},
		{14, "title and surname", title + " " + w.styled(last)},
		{8, "title, forename, surname", title + " " + first + " " + w.styled(last)},
		{4, "title, initial, surname", title + " " + initial + ". " + strings.ToUpper(last)},
		{5, "SURNAME and initial", strings.ToUpper(last) + " " + initial + "."},
		{4, "initial and SURNAME", initial + ". " + strings.ToUpper(last)},
		{4, "patient and surname", map[bool]string{false: "le patient ", true: "la patiente "}[p.female] + w.styled(last)},
		{3, "née", strings.ToUpper(last) + " née " + strings.ToUpper(p.birthName) + " " + first},
		{2, "several forenames", strings.ToUpper(last) + " " + strings.Join(p.forenames, " ")},
		{2, "hyphens and spaces changed", strings.NewReplacer("-", " ", " ", "-").Replace(first) + " " + strings.NewReplacer("-", " ").Replace(last)},
		{1.5, "small letters", strings.ToLower(first + " " + last)},
		{0.6, "surname alone", w.styled(last)},
		{0.6, "misspelt", title + " " + w.mistype(last)},
		{0.3, "surname in small letters", strings.ToLower(last)},
	}
	weights := make([]float64, len(forms))
	for i, f := range forms {
		weights[i] = f.weight
	}
	f := forms[w.weighted(weights)]
	return "name", f.form, f.text
}

// professional writes a name that is no patient's, though a patient may have the same surname.
func (w *noteWriter) professional() (kind, form, text string) {
	name := w.surname()
	return "professional", "titled", pick(w.source, []string{"Dr " + strings.ToUpper(name), "Dr. " + name, "Docteur " + w.forename(w.chance(0.5), 1970) + " " + strings.ToUpper(name), "Pr " + name})
}

// styled writes a surname in capitals or as a name.
func (w *noteWriter) styled(name string) string {
	if w.chance(0.5) {
		return strings.ToUpper(name)
	}
	return name
}

// mistype leaves out, doubles or swaps a letter.
func (w *noteWriter) mistype(name string) string {
	r := []rune(name)
	at := 1 + w.IntN(len(r)-2)
	switch w.IntN(3) {
	case 0:
		return string(r[:at]) + string(r[at+1:])
	case 1:
		return string(r[:at]) + "x" + string(r[at:])
	}
	r[at] = map[bool]rune{true: 'z', false: 'k'}[r[at] != 'z']
	return string(r)
}

// plainLetters takes the accents off.
func plainLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// grouped writes a text in groups of the given sizes.
func grouped(s, separator string, sizes ...int) string {
	var groups []string
	for _, n := range sizes {
		groups = append(groups, s[:n])
		s = s[n:]
	}
	if s != "" {
		groups = append(groups, s)
	}
	return strings.Join(groups, separator)
}

func (w *noteWriter) writtenNIR() (kind, form, text string) {
	n := w.patient.nir
	switch w.weighted([]float64{30, 30, 6, 6, 8, 6, 4, 3, 3, 0.3, 0.3}) {
	case 0:
		return "NIR", "together", n
	case 1:
		return "NIR", "in groups", grouped(n, " ", 1, 2, 2, 2, 3, 3, 2)
	case 2:
		return "NIR", "dots", grouped(n, ".", 1, 2, 2, 2, 3, 3, 2)
	case 3:
		return "NIR", "hyphens", grouped(n, "-", 1, 2, 2, 2, 3, 3, 2)
	case 4:
		return "NIR", "13 and key", n[:13] + " " + n[13:]
	case 5:
		return "NIR", "13 and key", n[:13] + " clé " + n[13:]
	case 6:
		return "NIR", "no-break spaces", grouped(n, "\u00a0", 1, 2, 2, 2, 3, 3, 2)
	case 7:
		return "NIR", "small letters", strings.ToLower(n)
	case 8:
		return "NIR", "13 and key", grouped(n[:13], " ", 1, 2, 2, 2, 3, 3) + " / " + n[13:]
	case 9:
		return "NIR", "key mistyped", n[:14] + string('0'+(n[14]-'0'+3)%10)
	}
	return "NIR", "over two lines", n[:7] + "\n" + n[7:]
}

func (w *noteWriter) writtenINS() (kind, form, text string) {
	n := w.patient.nir
	const oid = "1.2.250.1.213.1.4."
	switch w.IntN(5) {
	case 0:
		return "INS", "named", "INS : " + n
	case 1:
		return "INS", "named", "INS " + grouped(n, " ", 1, 2, 2, 2, 3, 3, 2)
	case 2:
		return "INS", "HL7", n + "^^^ASIP-SANTE-INS-NIR&" + oid + "8&ISO^INS"
	case 3:
		return "INS", "OID", n + " (" + oid + "8)"
	}
	return "INS", "without key", "INS-NIR " + n[:13]
}

func (w *noteWriter) phone() (kind, form, text string) {
	n := "0" + string("1234567679"[w.IntN(10)]) + w.digits(8)
	pairs := func(s, separator string) string { return grouped(s, separator, 2, 2, 2, 2, 2) }
	switch w.weighted([]float64{30, 15, 20, 5, 3, 8, 4, 4, 4, 3, 3, 0.2}) {
	case 0:
		return "phone", "pairs", pairs(n, " ")
	case 1:
		return "phone", "dots", pairs(n, ".")
	case 2:
		return "phone", "together", n
	case 3:
		return "phone", "hyphens", pairs(n, "-")
	case 4:
		return "phone", "slashes", pairs(n, "/")
	case 5:
		return "phone", "+33", "+33 " + grouped(n[1:], " ", 1, 2, 2, 2, 2)
	case 6:
		return "phone", "+33", "+33" + n[1:]
	case 7:
		return "phone", "+33", "+33 (0)" + grouped(n[1:], " ", 1, 2, 2, 2, 2)
	case 8:
		return "phone", "0033", "0033 " + grouped(n[1:], " ", 1, 2, 2, 2, 2)
	case 9:
		return "phone", "abroad", pick(w.source, []string{"+32 2 ", "+41 22 ", "+212 5", "+44 20 "}) + grouped(w.digits(7), " ", 3, 2, 2)
	case 10:
		return "phone", "abroad", "00" + pick(w.source, []string{"32 ", "41 ", "49 "}) + grouped(w.digits(9), " ", 3, 2, 2, 2)
	}
	return "phone", "over two lines", n[:4] + "\n" + n[4:]
}

func (w *noteWriter) email() (kind, form, text string) {
	first, last := strings.ToLower(plainLetters(w.patient.forenames[0])), strings.ToLower(plainLetters(strings.ReplaceAll(w.patient.usedName, " ", "")))
	domain := pick(w.source, []string{"orange.example.fr", "chu-lyon.example.fr", "example.org", "mail.example.com"})
	switch w.IntN(4) {
	case 0:
		return "e-mail", "first.last", first + "." + last + "@" + domain
	case 1:
		return "e-mail", "with a tag", last + "+sante" + w.digits(2) + "@" + domain
	case 2:
		return "e-mail", "capitals", strings.ToUpper(first + "_" + last + "@" + domain)
	}
	return "e-mail", "short", last[:2] + w.digits(2) + "@" + domain
}

func (w *noteWriter) iban() (kind, form, text string) {
	country, body := "FR", w.digits(11)+string(byte('A'+w.IntN(26)))+w.digits(11)
	switch w.IntN(6) {
	case 0:
		country, body = "DE", w.digits(18)
	case 1:
		country, body = "BE", w.digits(12)
	case 2:
		country, body = "GB", "NWBK"+w.digits(14)
	case 3:
		country, body = "TN", w.digits(20)
	}
	rest := 0
	for _, r := range body + country + "00" {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	n := fmt.Sprintf("%s%02d%s", country, 98-rest, body)
	switch w.IntN(3) {
	case 0:
		return "IBAN", "together", n
	case 1:
		return "IBAN", "small letters", strings.ToLower(n)
	}
	var groups []string
	for len(n) > 4 {
		groups, n = append(groups, n[:4]), n[4:]
	}
	return "IBAN", "groups of four", strings.Join(append(groups, n), " ")
}

func (w *noteWriter) rpps(form string) (string, string, string) {
	return "RPPS", form, withLuhn("10" + w.digits(8))
}

func (w *noteWriter) finess(form string) (string, string, string) {
	if form == "labelled" && w.chance(0.1) {
		n := withLuhn("21" + fmt.Sprintf("%06d", w.IntN(10000)))
		return "FINESS", "Corsica", "2A" + n[2:]
	}
	return "FINESS", form, withLuhn(fmt.Sprintf("%02d", 1+w.IntN(95)) + pick(w.source, []string{"078", "000", "001", "080"}) + w.digits(3))
}

// withLuhn appends the check digit of ISO/IEC 7812-1.
func withLuhn(s string) string {
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return s + string(byte('0'+(10-sum%10)%10))
}
