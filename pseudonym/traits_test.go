package pseudonym_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"rempart.eu/rempart/pseudonym"
)

// TestNIRVectors runs the published examples of other implementations.
func TestNIRVectors(t *testing.T) {
	const path = "../../shared/data/testvectors/nir/nir_vectors.tsv"
	file, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the published NIR vectors are not here: " + path)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]error{
		"valid": nil, "invalid_checksum": pseudonym.ErrCheckKey,
		"invalid_format": pseudonym.ErrForm, "invalid_length": pseudonym.ErrLength,
	}
	rows := strings.Split(strings.TrimSpace(string(file)), "\n")[1:]
	if len(rows) < 11 {
		t.Errorf("read %d vectors, want at least 11", len(rows))
	}
	for _, row := range rows {
		c := strings.Split(row, "\t")
		got, err := pseudonym.NormaliseNIR(c[0])
		if !errors.Is(err, want[c[1]]) {
			t.Errorf("%s: got %v, want %s", c[0], err, c[1])
		}
		if c[1] == "valid" && got != c[2][:13] {
			t.Errorf("%s: got %s, want %s", c[0], got, c[2][:13])
		}
	}
}

// form is one function's table: raw text, normal form, error.
type form struct {
	in, want string
	err      error
}

func check(t *testing.T, f func(string) (string, error), cases []form) {
	t.Helper()
	for _, c := range cases {
		got, err := f(c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: got %q, %v; want %q, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestNIR(t *testing.T) {
	check(t, pseudonym.NormaliseNIR, []form{
		{"2 95 10 99 126 111 93", "2951099126111", nil},
		{"2.95.10.99.126.111-93", "2951099126111", nil},
		{"2951099126111", "2951099126111", nil},
		{"253072b07300470", "253072B073004", nil},
		{"253072A07300470", "", pseudonym.ErrCheckKey}, // the key of 2B
		{"2951399126111", "", pseudonym.ErrForm},       // month 13
		{"5951099126111", "", pseudonym.ErrForm},       // no such sex
		{"2A5109912611193", "", pseudonym.ErrForm},     // a letter where Corsica is not
		{"2951099126111XX", "", pseudonym.ErrForm},
		{"29510991261", "", pseudonym.ErrLength},
		{"", "", pseudonym.ErrLength},
	})
}

func TestSSN(t *testing.T) {
	check(t, pseudonym.NormaliseSSN, []form{
		{"999-17-5017", "999175017", nil},
		{"999 17 5017", "999175017", nil},
		{"000-17-5017", "", pseudonym.ErrForm},
		{"999-00-5017", "", pseudonym.ErrForm},
		{"999-17-0000", "", pseudonym.ErrForm},
		{"999-17-50l7", "", pseudonym.ErrForm},
		{"999-17-501", "", pseudonym.ErrLength},
	})
}

func TestDate(t *testing.T) {
	check(t, pseudonym.NormaliseDate, []form{
		{"1955-08-01", "1955-08-01", nil},
		{"01/08/1955", "1955-08-01", nil},
		{"19550801", "1955-08-01", nil},
		{" 1955-08-01 00:00:00", "1955-08-01", nil},
		{"1955-08-01T00:00:00Z", "1955-08-01", nil},
		{"1955-02-30", "", pseudonym.ErrDate},
		{"1955-08-00", "", pseudonym.ErrDate},
		{"0001-01-01", "", pseudonym.ErrDate},
		{"08/01/55", "", pseudonym.ErrDate},
	})
}

func TestSex(t *testing.T) {
	check(t, pseudonym.NormaliseSex, []form{
		{"M", "M", nil}, {"h", "M", nil}, {"1", "M", nil}, {"Masculin", "M", nil}, {"male", "M", nil},
		{"F", "F", nil}, {"2", "F", nil}, {"Féminin", "F", nil}, {"female", "F", nil},
		{"U", "", nil}, {"unknown", "", nil}, {"9", "", nil},
		{"", "", pseudonym.ErrSex}, {"MF", "", pseudonym.ErrSex}, {"7", "", pseudonym.ErrSex},
	})
}

func TestPostcode(t *testing.T) {
	check(t, pseudonym.NormalisePostcode, []form{
		{"75013", "75013", nil}, {"1000", "01000", nil}, {"2A 004", "2A004", nil},
		{"02138-1234", "02138", nil}, {"sw1a 1aa", "SW1A1AA", nil}, {"00000", "", nil},
		{"1", "", pseudonym.ErrLength}, {"75#13", "", pseudonym.ErrForm},
	})
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"de la Tour d'Auvergne-3": "DELATOURDAUVERGNE",
		"d’Ornano":                "DORNANO",
		"José Eduardo181":         "JOSEEDUARDO",
		"Gómez206":                "GOMEZ",
		"Gómez":                   "GOMEZ", // an accent of its own
		"Œstberg":                 "OESTBERG",
		"Groß":                    "GROSS",
		"Łukasz":                  "LUKASZ",
		"Ædil":                    "AEDIL",
		"Jean-Luc":                "JEANLUC",
		"Иванов":                  "ИВАНОВ",
		" 12 ":                    "",
	} {
		if got := pseudonym.NormaliseName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestSoundex holds the examples that the US National Archives publish, and
// French spellings that sound alike.
func TestSoundex(t *testing.T) {
	for in, want := range map[string]string{
		"WASHINGTON": "W252", "LEE": "L000", "GUTIERREZ": "G362", "PFISTER": "P236",
		"JACKSON": "J250", "TYMCZAK": "T522", "VANDEUSEN": "V532", "ASHCRAFT": "A261",
		"ROBERT": "R163", "RUPERT": "R163", "RUBIN": "R150",
		"LEFEBVRE": "L116", "LEFEVRE": "L116", "DUPONT": "D153", "DUPOND": "D153",
		"": "", "ИВАНОВ": "",
	} {
		if got := pseudonym.Soundex(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzNormaliseNameIsStable(f *testing.F) {
	for _, s := range []string{"de la Tour d'Auvergne-3", "Œstberg", "ŉ", "ΐ", "ﬁ", "İ", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := pseudonym.NormaliseName(s)
		if strings.ContainsFunc(once, func(r rune) bool { return !unicode.IsLetter(r) }) {
			t.Errorf("%q: %q holds more than letters", s, once)
		}
		if twice := pseudonym.NormaliseName(once); twice != once {
			t.Errorf("%q: %q becomes %q on the second pass", s, once, twice)
		}
	})
}

func FuzzNormaliseNIRIsStable(f *testing.F) {
	f.Add("2 95 10 99 126 111 93")
	f.Add("253072b07300470")
	f.Fuzz(func(t *testing.T, s string) {
		once, err := pseudonym.NormaliseNIR(s)
		if err != nil {
			return
		}
		if twice, err := pseudonym.NormaliseNIR(once); err != nil || twice != once || len(once) != 13 {
			t.Errorf("%q: %q becomes %q, %v", s, once, twice, err)
		}
	})
}
