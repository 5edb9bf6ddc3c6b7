package scan

import (
	"bytes"
	"strings"
)

// label is what the words before a number say that it is.
type label int

const (
	noLabel label = iota
	nirLabel
	insLabel
	rppsLabel
	finessLabel
	phoneLabel
	snomedLabel
	otherLabel // a number of another thing: a lot, a stay, a code
)

var labels = map[string]label{
	"RPPS": rppsLabel, "FINESS": finessLabel, "SNOMED": snomedLabel, "SCTID": snomedLabel, "SCT": snomedLabel,
}

func init() {
	for of, words := range map[label]string{
		nirLabel:   "NIR NIA NSS SS SECU SOCIALE SOCIAL ASSURE ASSUREE IMMATRICULATION INSEE",
		insLabel:   "INS INSI INSC",
		phoneLabel: "TEL TELEPHONE PORTABLE MOBILE FAX PHONE GSM FIXE JOINDRE JOIGNABLE APPELER RAPPELER",
		otherLabel: `LOT LOTS DOSSIER IPP IEP NDA SEJOUR RSA RSS RUM DEMANDE ECHANTILLON ACCESSION CIP UCD EAN GTIN LOINC
			REF REFERENCE REFERENCES SERIE FACTURE BORDEREAU UDI LPP ATC PMID DOI PROTOCOLE ETUDE NCT PRELEVEMENT EXAMEN
			COMMANDE STOCK INCLUSION SIREN SIRET CHEQUE CODE ETIQUETTE TUBE VERSION POCHE DON`,
	} {
		for word := range strings.FieldsSeq(words) {
			labels[word] = of
		}
	}
}

// fillers stand between a label and its number and say nothing.
var fillers = words("N NO NUM NUMERO DE DU D DES LA LE LES L EST SON SA SUR AU A CLE IDENTIFIANT PATIENT PATIENTE QUALIFIE QUALIFIEE SOUS")

// labelled reads the words before the number at i, the nearest first: fillers
// aside two of them, at most 48 bytes away, without another number between.
func labelled(text []byte, i int) label {
	before := text[max(0, i-48):i]
	if gs1(before) {
		return otherLabel
	}
	const between = " \t:=#.()/-'\"*|&^,\u00b0\u00ba"
	before = bytes.TrimRight(before, between+"\r\n") // a label may stand alone on the line before
	var room [48]byte
	found := noLabel
	for words := 0; words < 2; {
		before = bytes.TrimRight(before, between)
		start := len(before)
		for start > 0 && (letter(before[start-1]) || before[start-1] >= 0x80) {
			start--
		}
		if start == len(before) {
			return found // a digit, a sign, or the text's beginning
		}
		word := fold(room[:0], before[start:])
		switch l := labels[string(word)]; {
		case found == nirLabel && l != insLabel:
			return found
		case l == nirLabel: // it may be INS-NIR
			found = l
		case l != noLabel:
			return l
		}
		if len(word) > 0 && !fillers[string(word)] {
			words++
		}
		before = before[:start]
	}
	return found
}

// gs1 says whether text ends with an application identifier of GS1, such as
// (10) before a lot and (21) before a serial number.
// Source: GS1 General Specifications, section 3.2.
func gs1(text []byte) bool {
	if len(text) < 4 || text[len(text)-1] != ')' {
		return false
	}
	open := bytes.LastIndexByte(text, '(')
	n := len(text) - open - 2
	return open >= 0 && n >= 2 && n <= 4 && run(text, open+1, n) == len(text)-1
}

// glued says whether text ends with the name of a number that is written
// without a space before it.
func glued(text []byte) bool {
	start := len(text)
	for start > 0 && letter(text[start-1]) && len(text)-start < 9 {
		start--
	}
	l := labels[strings.ToUpper(string(text[start:]))]
	return l != noLabel && l != otherLabel
}

// measured says whether a number is a quantity: a unit follows, or it is round.
func measured(text []byte, i, end int) bool {
	if bytes.HasSuffix(text[i:end], []byte("00000")) {
		return true
	}
	after := bytes.TrimLeft(text[end:min(len(text), end+12)], " ")
	for _, unit := range []string{"copies", "UI", "UFC", "mL", "ml", "mm3", "cell", "log", "g/", "/m", "/L", "/l", "€", "euro", "%"} {
		if bytes.HasPrefix(after, []byte(unit)) {
			return true
		}
	}
	return false
}
