package pseudonym_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

var aStay = pseudonym.Stay{FINESS: "690000001", Entry: "2023-03-04T10:00:00", Exit: "2023-03-09", Diagnosis: "S72.0", Commune: "69003", Sex: "M", BirthDate: "1985-05-17"}

// One stay written in two ways has the same tokens.
func TestStaysAreNormalised(t *testing.T) {
	key := must(pseudonym.NewProviderKey(bytes.Repeat([]byte{1}, 32)))
	tokens := func(s pseudonym.Stay) string {
		in, _ := pseudonym.ReadStay(s)
		return fmt.Sprintf("%x", key.StayTokensOf(in))
	}
	other := pseudonym.Stay{FINESS: "https://finess.esante.gouv.fr|690 000 001", Entry: "04/03/2023", Exit: "20230309", Diagnosis: "s7210", Commune: " 69003", Sex: "homme", BirthYear: "1985", BirthMonth: "5"}
	if tokens(aStay) != tokens(other) {
		t.Error("one stay has two sets of tokens")
	}
}

// What is no trait makes no token of the keys that ask for it, and is counted.
func TestMalformedTraitsOfStays(t *testing.T) {
	key := must(pseudonym.NewProviderKey(bytes.Repeat([]byte{1}, 32)))
	for name, change := range map[string]func(*pseudonym.Stay){
		"hospital": func(s *pseudonym.Stay) { s.FINESS = "69" }, "entry": func(s *pseudonym.Stay) { s.Entry = "2023-02-30" },
		"exit": func(s *pseudonym.Stay) { s.Exit = "2023-03" }, "sex": func(s *pseudonym.Stay) { s.Sex = "?" },
		"birth month": func(s *pseudonym.Stay) { s.BirthDate = "soon" }, "commune": func(s *pseudonym.Stay) { s.Commune = "?!" },
		"diagnosis": func(s *pseudonym.Stay) { s.Diagnosis = "72" },
	} {
		s := aStay
		change(&s)
		in, malformed := pseudonym.ReadStay(s)
		if malformed != 1 {
			t.Errorf("%s: %d malformed traits", name, malformed)
		}
		for i, token := range key.StayTokensOf(in) {
			k := pseudonym.StayKeys[i]
			if without := fmt.Sprint(k.Without()); token.Missing() == bytes.Contains([]byte(without), []byte(name)) {
				t.Errorf("%s is malformed: the token of %s is missing: %v", name, k, token.Missing())
			}
		}
	}
}

// The published keys and their first token are a format: others make the same.
func TestStayKeysAreAFormat(t *testing.T) {
	codes := ""
	for _, k := range pseudonym.StayKeys {
		codes += k.Code + " "
	}
	if want := "fexsbcd fexsbc fexsbd fexbcd fexscd fesbcd fxsbcd exsbcd fexsb fesbd fesbc fxsbd fxsbc exsbc "; codes != want {
		t.Errorf("the keys are %s", codes)
	}
	in, _ := pseudonym.ReadStay(aStay)
	key := must(pseudonym.NewProviderKey(bytes.Repeat([]byte{1}, 32)))
	first := key.StayTokensOf(in)[0]
	if got, want := hex.EncodeToString(first[:]), "4b143d7abc16c6ca7be4d0814fa6b9a9"; got != want { // made by another implementation of docs/pseudonyms.md
		t.Errorf("the first token is %s, want %s", got, want)
	}
	if got := in.Year(); got != 2023 {
		t.Errorf("the year is %d", got)
	}
	if s := fmt.Sprintf("%v %+v", in, aStay); s != "[withheld] [withheld]" {
		t.Errorf("a stay prints as %s", s)
	}
}
