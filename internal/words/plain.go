package words

import (
	"strings"
	"unicode"
)

// Plain makes a text that somebody else has written safe to print on a terminal:
// what would move the cursor, colour, hide or turn round what stands beside it
// (control and format characters, ends of lines) is shown as a sign of its own,
// so that nobody is told another thing than is written.
func Plain(text string) string { return strings.Map(plain, text) }

// PlainLines is Plain for a text of several lines: ends of lines and tabs stay.
func PlainLines(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return plain(r)
	}, text)
}

func plain(r rune) rune {
	switch {
	case r < 0x20:
		return 0x2400 + r // ␀ … ␛
	case r == 0x7f:
		return '␡'
	case r == '\u2028' || r == '\u2029' || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return unicode.ReplacementChar
	}
	return r
}
