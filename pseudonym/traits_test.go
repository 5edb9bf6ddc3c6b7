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

// TestTraitVectors holds the files of testdata/traits, one for each rule: raw text,
// normal form, and what it implies or the error.
func TestTraitVectors(t *testing.T) {
	refusals := map[string]error{
		"ErrLength": pseudonym.ErrLength, "ErrForm": pseudonym.ErrForm, "ErrCheckKey": pseudonym.ErrCheckKey,
		"ErrOID": pseudonym.ErrOID, "ErrTestNumber": pseudonym.ErrTestNumber, "ErrDate": pseudonym.ErrDate,
	}
	nir := func(n pseudonym.NIR, err error) (string, string, error) {
		if n.Provisional {
			return n.Number, "provisional", err
		}
		return n.Number, "", err
	}
	rules := map[string]func(string) (form, implies string, err error){
		"nir": func(s string) (string, string, error) { return nir(pseudonym.ParseNIR(s)) },
		"ins": func(s string) (string, string, error) {
			number, oid, _ := strings.Cut(s, "|")
			return nir(pseudonym.ParseINS(number, oid))
		},
		"surname":    func(s string) (string, string, error) { return pseudonym.NormaliseSurname(s), "", nil },
		"first_name": func(s string) (string, string, error) { return pseudonym.NormaliseFirstName(s), "", nil },
		"birth_date": func(s string) (string, string, error) {
			d, err := pseudonym.ParseBirthDate(s)
			if d.Weak {
				return d.Text, "weak", err
			}
			return d.Text, "", err
		},
		"foin": func(s string) (string, string, error) {
			f, err := pseudonym.NormaliseFOIN(s)
			return f, "", err
		},
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile("testdata/traits/" + name + ".tsv")
			if err != nil {
				t.Fatal(err)
			}
			rows := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")[1:] // after the heading
			for _, row := range rows {
				c := strings.Split(row, "\t")
				form, implies, err := rule(c[0])
				if refusal := refusals[c[2]]; refusal != nil {
					if !errors.Is(err, refusal) || form != "" {
						t.Errorf("%q: got %q, %v; want %s", c[0], form, err, c[2])
					}
					continue
				}
				if err != nil || form != c[1] || implies != c[2] {
					t.Errorf("%q: got %q %q, %v; want %q %q", c[0], form, implies, err, c[1], c[2])
				}
			}
		})
	}
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

func FuzzSurnameAndFirstNameAreStable(f *testing.F) {
	for _, s := range []string{"de la Tour d'Auvergne-3", "d'", "de de", "Jean-Luc, Pierre", ",;/", "D\xff'E", "\u02bc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []func(string) string{pseudonym.NormaliseSurname, pseudonym.NormaliseFirstName} {
			once := rule(s)
			if twice := rule(once); twice != once {
				t.Errorf("%q: %q becomes %q on the second pass", s, once, twice)
			}
			if len(once) > len(pseudonym.NormaliseName(s)) {
				t.Errorf("%q: %q is longer than the whole", s, once)
			}
		}
		if pseudonym.NormaliseName(s) != "" && pseudonym.NormaliseSurname(s) == "" {
			t.Errorf("%q: nothing is left of a name", s)
		}
	})
}

func FuzzNormaliseNIRIsStable(f *testing.F) {
	f.Add("2 95 10 99 126 111 93")
	f.Add("253072b07300470")
	f.Add("3850599212003")
	f.Fuzz(func(t *testing.T, s string) {
		once, err := pseudonym.ParseNIR(s)
		if err != nil {
			if once != (pseudonym.NIR{}) {
				t.Errorf("%q: a number with an error", s)
			}
			return
		}
		if twice, err := pseudonym.ParseNIR(once.Number); err != nil || twice != once || len(once.Number) != 13 {
			t.Errorf("%q: %v becomes %v, %v", s, once.Number, twice.Number, err)
		}
	})
}

func FuzzBirthDateIsStable(f *testing.F) {
	for _, s := range []string{"1955-08-02", "00/08/1955", "19553800", "1955", "1955-08-02T00:00:00Z", "1955-99-31"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := pseudonym.ParseBirthDate(s)
		if err != nil || once.Text == "" {
			return
		}
		if twice, err := pseudonym.ParseBirthDate(once.Text); err != nil || twice != once || len(once.Text) != 10 {
			t.Errorf("%q: %v becomes %v, %v", s, once, twice, err)
		}
	})
}
