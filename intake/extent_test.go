package intake

import (
	"regexp"
	"slices"
	"testing"

	"rempart.eu/rempart/pseudonym/scan"
)

var allKinds = []scan.Kind{scan.NIR, scan.INS, scan.SSN, scan.IBAN, scan.Email, scan.Phone, scan.RPPS, scan.FINESS, scan.Name}

// What a pattern lets in is looked for.
func TestWithout(t *testing.T) {
	for _, c := range []struct {
		pattern string
		length  int
		may     []scan.Kind
	}{
		{"", 0, allKinds},
		{"", 3, nil},
		{"", 10, []scan.Kind{scan.Email, scan.Phone, scan.SSN, scan.FINESS, scan.Name}},
		{"[0-9]{1,6}-[0-9]", 0, nil},                                    // LOINC
		{"[A-Z][0-9]{2}(\\.[0-9A-Z]{1,4})?", 0, []scan.Kind{scan.Name}}, // CIM-10: letters, and a dot between them
		{"34009[0-9]{8}", 0, []scan.Kind{scan.NIR, scan.INS, scan.Phone, scan.RPPS, scan.FINESS}},
		{"[0-9AB]{9}", 0, []scan.Kind{scan.Phone, scan.FINESS, scan.Name}},
		{".*", 0, allKinds},
		{"(?i)[a-z ]+", 0, []scan.Kind{scan.Name}},
		{"\\d{15}|[0-9]{6}-[0-9]", 0, []scan.Kind{scan.NIR, scan.INS, scan.SSN, scan.Phone, scan.RPPS, scan.FINESS}},
		{"(?:ab){0}", 0, nil},
	} {
		not := without(c.pattern, c.length)
		for _, kind := range allKinds {
			if may := !slices.Contains(not, kind); may != slices.Contains(c.may, kind) {
				t.Errorf("%q, %d characters: may hold a %s: %v", c.pattern, c.length, kind, may)
			}
		}
	}
}

// No text that a pattern matches holds what without says that it cannot.
func FuzzWithout(f *testing.F) {
	for _, text := range []string{"295109912611193", "a@b.fr", "06 12 34 56 78", "FR7630006000011234567890189", "Marie Durand", "RPPS 10003456786", "999-17-5017"} {
		for _, pattern := range []string{"[0-9]{15}", "[a-z@.]+", "[0-9 ]*", "\\w+", "[A-Za-z]+ [A-Za-z]+", ".{4,20}", "(?i)[rps0-9 ]+", "[^a-z]+"} {
			f.Add(pattern, text)
		}
	}
	people := scan.NewPeople()
	people.Add("Marie", "Durand")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 {
			return
		}
		re, err := regexp.Compile(`^(?:` + pattern + `)$`)
		if err != nil || !re.MatchString(text) {
			return
		}
		not := without(pattern, 0)
		for _, found := range scan.New(scan.Text, people).All([]byte(text)) {
			if slices.Contains(not, found.Kind) {
				t.Errorf("%q matches %q, which holds a %s", text, pattern, found.Kind)
			}
		}
	})
}
