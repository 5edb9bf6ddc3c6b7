package disclosure

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym/scan"
)

// checkName examines the name of an output and returns what may be shown of it.
func (c *checker) checkName(name string) string {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-()+,=", r)
	})
	switch {
	case name == "" || name != path.Base(name) || strings.HasPrefix(name, ".") || odd || !utf8.ValidString(name) || len(name) > 100:
		c.report.File = "(a name that cannot be shown)"
		c.refuse(place{}, "name")
	case len(scan.Find(strings.ReplaceAll(name, "_", " "))) > 0:
		c.report.File = "(a name that cannot be shown)"
		c.refuse(place{}, "name_identifier")
	default:
		return name
	}
	return c.report.File
}

// checkCharacters refuses what a reader cannot see.
func (c *checker) checkCharacters(text string) {
	line := 1
	for i, r := range text {
		switch {
		case r == '\n':
			line++
		case r == '\t' || r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case r == '\uFEFF' || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) ||
			unicode.Is(unicode.Co, r) || unicode.Is(unicode.Variation_Selector, r) ||
			unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == '\u3164' || r == '\u115F':
			c.refuse(place{line: line}, "invisible")
		}
	}
}

// overlong is how many times Rules.MaxCell no text may exceed.
const overlong = 20

// checkWords examines one piece of text: a cell, a JSON text, a line. One that is
// overlong is refused unread.
func (c *checker) checkWords(at place, s string) {
	if limit := overlong * c.rules.MaxCell; len(s) > limit {
		c.refuse(at, "long-text_unread", "bytes", limit)
		return
	}
	for _, kind := range scan.Find(s) {
		switch kind {
		case scan.Phone, scan.IPv4:
			c.review(at, "identifier_maybe", "kind", kind)
		default:
			c.refuse(at, "identifier", "kind", kind)
		}
	}
	if utf8.RuneCountInString(s) > c.rules.MaxCell {
		c.review(at, "long-text", "n", c.rules.MaxCell)
	}
	c.checkPrecision(at, s)
}

// checkPrecision asks for rounding where a number has more digits than a
// statistic needs.
func (c *checker) checkPrecision(at place, s string) {
	if !strings.ContainsAny(s, ".,") || significant(s) <= c.rules.MaxDigits {
		return
	}
	at.line = 0 // once a column is enough
	c.review(at, "precision", "n", c.rules.MaxDigits)
}

// showable returns a column's name where it can stand in a report, or "".
func showable(name string) string {
	odd := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if odd || utf8.RuneCountInString(name) > 40 || len(scan.Find(name)) > 0 {
		return ""
	}
	return name
}
