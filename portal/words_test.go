package portal

import (
	"strings"
	"testing"
)

func TestTextsAreComparedWordByWord(t *testing.T) {
	tell := func(parts []part) string {
		var b strings.Builder
		for _, p := range parts {
			if p.Marked {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		return b.String()
	}
	for _, c := range []struct{ old, to, before, now string }{
		{"persons with asthma", "persons with asthma", "persons with asthma", "persons with asthma"},
		{"with diabetes or asthma", "with diabetes, gout or asthma", "with[diabetes]or asthma", "with[diabetes, gout]or asthma"},
		{"", "something", "", "[something]"},
		{"something", "", "[something]", ""},
		{"a b c", "x b y", "[a]b[c]", "[x]b[y]"},
	} {
		before, now := compare(c.old, c.to)
		if tell(before) != c.before || tell(now) != c.now {
			t.Errorf("%q and %q: %s and %s", c.old, c.to, tell(before), tell(now))
		}
	}
}
