package words

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Plain makes a text that somebody else has written safe to print on a terminal:
// what would move the cursor, colour, hide or turn round what stands beside it
// (control and format characters, ends of lines) is shown as a sign of its own,
// so that nobody is told another thing than is written.
func Plain(text string) string { return strings.Map(plain, text) }

// PlainJSON is Plain for a JSON text: it stays the same JSON, with escapes for what
// a terminal would obey.
func PlainJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x20 || r == plain(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.String()
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
