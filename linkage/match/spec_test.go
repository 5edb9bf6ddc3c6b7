package match_test

import (
	"reflect"
	"strings"
	"testing"

	"rempart.eu/rempart/linkage/match"
)

const spec = `
id: number
columns:
  - {name: last_name, as: name, from: [surname]}
  - {name: first_name, as: name}
  - {name: birth_date, as: date, from: [dob]}
comparisons:
  - column: last_name
    swapped_with: first_name
    levels: [exact, swapped, jaro_winkler: 0.9]
    term_frequency: true
  - {column: first_name, levels: [exact, jaro_winkler: 0.9]}
  - {column: birth_date, levels: [exact, day_month, damerau: 1, days: 31, same_year]}
blocking:
  - [birth_date]
  - [last_name, "prefix(first_name, 1)"]
  - [sound(last_name), year(birth_date)]
thresholds: {link: 0.9, clerical: 0.1}
one_to_one: true
`

func TestASpecIsReadAsItIsWritten(t *testing.T) {
	s, err := match.ParseSpec([]byte(spec))
	must(t, err)
	text, err := s.Format()
	must(t, err)
	again, err := match.ParseSpec(text)
	must(t, err)
	if !reflect.DeepEqual(s, again) {
		t.Errorf("got\n%+v\nwant\n%+v", again, s)
	}
}

func TestAWrongSpecSaysWhatToDo(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"as: date", "as: dat", `there is no form "dat": did you mean "date"?`},
		{"- [birth_date]", "- [birthdate]", `did you mean "birth_date"?`},
		{"jaro_winkler: 0.9]\n    term", "jaro_winkler: 90]\n    term", "takes a number from 0 to 1"},
		{"[exact, swapped,", "[swapped, exact,", "term_frequency needs exact as the first level"},
		{"    swapped_with: first_name\n", "", "needs swapped_with"},
		{"levels: [exact, jaro_winkler: 0.9]}", "levels: [exact, days: 2]}", "needs a column of another form than name"},
		{"prefix(first_name, 1)", "prefix(first_name)", "prefix and suffix take a number"},
		{"link: 0.9", "link: 1.9", "thresholds are probabilities"},
		{"one_to_one", "one_two_one", "one_two_one"},
		{"damerau: 1", "damerau: 1.5", "takes a whole number"},
		{"[exact, day_month", "[exact, exact, day_month", "twice"},
	} {
		text := strings.Replace(spec, c.old, c.new, 1)
		if text == spec {
			t.Fatalf("%q is not in the spec", c.old)
		}
		_, err := match.ParseSpec([]byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.new, err, c.want)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(spec))
	f.Add([]byte("columns: [{name: a}]\ncomparisons: [{column: a, levels: [exact]}]\nblocking: [[a]]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := match.ParseSpec(text)
		if err != nil {
			return
		}
		out, err := s.Format()
		must(t, err)
		if _, err := match.ParseSpec(out); err != nil {
			t.Errorf("%s\nis written as\n%s\nwhich is not read: %v", text, out, err)
		}
	})
}
