package nearest

import "testing"

func TestName(t *testing.T) {
	known := []string{"person", "identity", "birth_date", "PATIENT", "n"}
	for _, c := range []struct{ got, want string }{
		{"identy", "identity"},
		{"patient", "PATIENT"},
		{"presno", "person"},
		{"birthdate", "birth_date"},
		{"ident", "identity"},
		{"colour", ""},
		{"", ""},
		{"x", ""}, // one letter changed of one is another name
	} {
		if got := Name(c.got, known); got != c.want {
			t.Errorf("Name(%q) = %q, want %q", c.got, got, c.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got := Hint("rol", []string{"role", "trait"}); got != `did you mean "role"?` {
		t.Error(got)
	}
	if got := Hint("colour", []string{"role", "trait"}); got != "known are role, trait" {
		t.Error(got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"é", "e", 1}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance([]rune(c.b), []rune(c.a)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
