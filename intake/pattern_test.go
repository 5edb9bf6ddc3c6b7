package intake

import (
	"testing"
)

// patterns of feeds, and of the kinds that make a table grow or are left to package regexp.
var patterns = []string{
	"[A-Z]{4}[0-9]{3}", "[1-8][0-9]{4}(2A|2B|[0-9]{2})[0-9]{8}", "[0-9]{2,3}|2A|2B", "[A-Z][0-9]{2}(\\.?[0-9A-Z]{1,4})?",
	"a*b|(ab)*", "", "a||b", "(?i)abc", ".*", "(a|b)*a(a|b){12}", "\\bx\\b", "^x$", "é+|[à-ü]", "[^a]", "\\d+\\s?\\w*",
}

func FuzzPatternsAgreeWithRegexp(f *testing.F) {
	for i := range patterns {
		for _, v := range []string{"ABCD123", "2A", "abab", "x", "", "é", "ABC", "bbabababababababa", "\n", "12 x"} {
			f.Add(uint8(i), v)
		}
	}
	compiled := make([]*pattern, len(patterns))
	for i, expression := range patterns {
		var err error
		if compiled[i], err = newPattern(expression); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, value string) {
		p := compiled[int(i)%len(compiled)]
		if got, want := p.match([]byte(value)), p.slow.MatchString(value); got != want {
			t.Errorf("pattern %q matches %q: %t, package regexp says %t", p.slow, value, got, want)
		}
	})
}

func TestPatternsOfFeedsHaveTables(t *testing.T) {
	for _, expression := range patterns[:5] {
		p, err := newPattern(expression)
		if err != nil || p.accept == nil {
			t.Errorf("%q has no table: %v", expression, err)
		}
	}
	for _, expression := range []string{"(a|b)*a(a|b){12}", `\bx\b`, "^x$"} {
		p, err := newPattern(expression)
		if err != nil || p.accept != nil {
			t.Errorf("%q should be left to package regexp: %v", expression, err)
		}
	}
}
