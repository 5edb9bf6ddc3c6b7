package pseudonym

import (
	"strconv"
	"strings"

	"rempart.eu/rempart/pseudonym/oblivious"
)

// Stay is what a source says of a hospital stay and whose it was: what the
// stay's records at two parties have in common where no identifier joins them.
// An empty string is a trait that the source does not have. It prints as
// "[withheld]".
type Stay struct {
	withheld

	FINESS     string // number of the establishment
	Entry      string // dates: what follows the day is dropped
	Exit       string
	Diagnosis  string // main one, ICD-10: its first three characters count
	Commune    string // of residence, by the postcode or code that all parties use
	Sex        string
	BirthDate  string // its day is not used: national data has none
	BirthYear  string // in the place of the date
	BirthMonth string
}

// stayTrait is one of the traits that keys are made of.
type stayTrait int

const (
	atHospital stayTrait = iota
	atEntry
	atExit
	ofSex
	ofBirth
	ofCommune
	ofDiagnosis
	stayTraits
)

// StayLetters stand for the traits in the codes of keys, in the order of StayTraits.
const StayLetters = "fexsbcd"

// StayTraits names the traits of stays, in the order of their letters in [StayKey.Code].
var StayTraits = [stayTraits]string{"hospital", "entry", "exit", "sex", "birth month", "commune", "diagnosis"}

// StayKey is a combination of traits that must be equal in two records of a stay.
type StayKey struct {
	Code   string // a letter for each trait: f e x s b c d
	traits []stayTrait
}

// StayKeys are the published keys, strictest first: all traits, then without one,
// then without two of those that differ most often. The order and the codes are
// part of the format: a token is made with its key's code.
var StayKeys = func() (keys []StayKey) {
	for _, code := range []string{
		"fexsbcd",
		"fexsbc", "fexsbd", "fexbcd", "fexscd", "fesbcd", "fxsbcd", "exsbcd",
		"fexsb", "fesbd", "fesbc", "fxsbd", "fxsbc", "exsbc",
	} {
		k := StayKey{Code: code}
		for _, letter := range code {
			k.traits = append(k.traits, stayTrait(strings.IndexRune(StayLetters, letter)))
		}
		keys = append(keys, k)
	}
	return keys
}()

// String names the key for people: "all traits", "without diagnosis".
func (k StayKey) String() string {
	without := k.Without()
	if len(without) == 0 {
		return "all traits"
	}
	return "without " + strings.Join(without, " and ")
}

// Without names the traits that the key does not ask for.
func (k StayKey) Without() (names []string) {
	for i, letter := range StayLetters {
		if !strings.ContainsRune(k.Code, letter) {
			names = append(names, StayTraits[i])
		}
	}
	return names
}

// StayTokens are the tokens of one stay, in the order of StayKeys. Where a trait of
// a key is missing, so is the token.
type StayTokens []ProviderToken

// StayInputs are what the tokens of a stay are made of: its traits, normalised. They
// print as "[withheld]".
type StayInputs struct {
	withheld
	traits [stayTraits]string
}

// ReadStay normalises a stay. What is malformed counts as missing; the number says
// how many traits were.
//
//	hospital   nine digits and letters, in upper case
//	entry, exit   YYYY-MM-DD
//	sex        M or F
//	birth      YYYY-MM; missing where the month is not known
//	commune    as NormalisePostcode: five digits in France
//	diagnosis  a letter and two digits
func ReadStay(s Stay) (in StayInputs, malformed int) {
	take := func(trait stayTrait, raw string, form func(string) (string, error)) {
		if raw == "" {
			return
		}
		text, err := form(raw)
		if err != nil {
			malformed++
			return
		}
		in.traits[trait] = text
	}
	take(atHospital, s.FINESS, normaliseFINESS)
	take(atEntry, s.Entry, normaliseDay)
	take(atExit, s.Exit, normaliseDay)
	take(ofSex, s.Sex, NormaliseSex)
	take(ofCommune, s.Commune, NormalisePostcode)
	take(ofDiagnosis, s.Diagnosis, normaliseDiagnosis)
	if s.BirthDate == "" && s.BirthYear != "" && s.BirthMonth != "" {
		month, err := strconv.Atoi(strings.TrimSpace(s.BirthMonth))
		if err != nil || month < 0 || month > 99 {
			return in, malformed + 1
		}
		s.BirthDate = strings.TrimSpace(s.BirthYear) + "-" + string([]byte{byte('0' + month/10), byte('0' + month%10)})
	}
	take(ofBirth, s.BirthDate, normaliseBirthMonth)
	return in, malformed
}

// Year is that of the entry, or 0 where that is missing.
func (in StayInputs) Year() int {
	entry := in.traits[atEntry]
	if entry == "" {
		return 0
	}
	year, _ := strconv.Atoi(entry[:4]) // it has been normalised
	return year
}

func normaliseFINESS(s string) (string, error) {
	s = strings.ToUpper(dropSeparators(s[strings.LastIndexByte(s, '|')+1:])) // FHIR: system|value
	if len(s) != 9 {
		return "", ErrLength
	}
	if strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) {
		return "", ErrForm
	}
	return s, nil
}

func normaliseDay(s string) (string, error) {
	date, err := ParseBirthDate(s) // any date of the calendar, in the same forms
	if err == nil && (date.Text == "" || strings.HasSuffix(date.Text, "-00")) {
		return "", ErrDate
	}
	return date.Text, err
}

func normaliseBirthMonth(s string) (string, error) {
	date, err := ParseBirthDate(s)
	if err != nil || date.Text == "" || date.Text[5:7] == "00" {
		return "", err
	}
	return date.Text[:7], nil
}

func normaliseDiagnosis(s string) (string, error) {
	s = strings.ToUpper(dropSeparators(s))
	if len(s) < 3 {
		return "", ErrLength
	}
	if s = s[:3]; s[0] < 'A' || s[0] > 'Z' || !digits(s[1:]) {
		return "", ErrForm
	}
	return s, nil
}

// each calls made for every key, with the traits that its token is made of, or
// nil where one of them is missing. It must not keep them.
func (in StayInputs) each(made func(key int, fields []string)) {
	var buffer [1 + stayTraits]string
	for i, k := range StayKeys {
		fields := append(buffer[:0], k.Code)
		for _, trait := range k.traits {
			if in.traits[trait] == "" {
				fields = nil
				break
			}
			fields = append(fields, in.traits[trait])
		}
		made(i, fields)
	}
}

// StayTokensOf makes the tokens of a stay: MAC(stays key, code US trait US trait …), the
// traits in the order of the code's letters.
func (k *ProviderKey) StayTokensOf(in StayInputs) StayTokens {
	tokens := make(StayTokens, len(StayKeys))
	in.each(func(key int, fields []string) {
		if fields != nil {
			tokens[key] = k.stays.token(fields...)
		}
	})
	return tokens
}

// AppendOblivious appends what the oblivious function is to be asked for, an input
// for each token that can be made: "stay" US code US trait US trait …
func (in StayInputs) AppendOblivious(to [][]byte) [][]byte {
	in.each(func(_ int, fields []string) {
		if fields == nil {
			return
		}
		message := append(make([]byte, 0, 96), "stay"...)
		for _, f := range fields {
			message = append(append(message, unitSeparator), f...)
		}
		to = append(to, message)
	})
	return to
}

// TakeOblivious makes the tokens of what AppendOblivious asked for, and returns the
// outputs that are left.
func (in StayInputs) TakeOblivious(outputs [][oblivious.OutputSize]byte) (StayTokens, [][oblivious.OutputSize]byte) {
	tokens := make(StayTokens, len(StayKeys))
	in.each(func(key int, fields []string) {
		if fields != nil {
			tokens[key] = ProviderToken(outputs[0][:])
			outputs = outputs[1:]
		}
	})
	return tokens, outputs
}
