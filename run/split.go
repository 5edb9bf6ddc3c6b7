package run

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// statement is one statement of a script.
type statement struct {
	text string
	line int // of its first word, 1-based
}

// token is what a script is made of where statements are concerned: comments,
// which nest in PostgreSQL's grammar but not in DuckDB's scanner's line
// comments, quoted text in its four forms, and the semicolon.
var token = regexp.MustCompile(`(?s)--[^\n]*|/\*|\*/|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$|;`)

// split cuts a script at the semicolons between its statements. What is not
// well formed (an open quote) stays with the statement it is in, for DuckDB to
// complain about.
func split(script string) []statement {
	var statements []statement
	start, at := 0, 0
	cut := func(end int) {
		if s, ok := trimmed(script, start, end); ok {
			statements = append(statements, s)
		}
		start = end + 1
	}
	for at < len(script) {
		found := token.FindStringIndex(script[at:])
		if found == nil {
			break
		}
		text := script[at+found[0] : at+found[1]]
		next := at + found[1]
		switch {
		case text == ";":
			cut(next - 1)
		case text == "/*":
			next = afterComment(script, next)
		case text[0] == '$':
			if end := strings.Index(script[next:], text); end >= 0 {
				next += end + len(text)
			}
		}
		at = next
	}
	cut(len(script))
	return statements
}

// afterComment is where a block comment that was opened before at ends; block
// comments nest.
func afterComment(script string, at int) int {
	for depth := 1; at < len(script); at++ {
		switch {
		case strings.HasPrefix(script[at:], "/*"):
			depth++
			at++
		case strings.HasPrefix(script[at:], "*/"):
			at++
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return len(script)
}

var blank = regexp.MustCompile(`^(?:\s|--[^\n]*(?:\n|$))+`)

// trimmed is the statement between two offsets without what comes before its
// first word; false where there is no word.
func trimmed(script string, start, end int) (statement, bool) {
	for {
		text := script[start:end]
		lead := len(blank.FindString(text))
		if strings.HasPrefix(text[lead:], "/*") {
			start = min(end, afterComment(script, start+lead+2))
			continue
		}
		start += lead
		break
	}
	text := strings.TrimSpace(script[start:end])
	return statement{text: text, line: 1 + strings.Count(script[:start], "\n")}, text != ""
}

// sqlError tells the researcher where a script failed, and why.
type sqlError struct {
	script    string
	number    int // of the statement, 1-based
	statement statement
	before    int // lines that we put before it
	cause     error
}

// place is how DuckDB shows where in a statement it stumbled.
var place = regexp.MustCompile(`(?s)^(.*?)\n+LINE (\d+): ([^\n]*)\n( *)\^`)

func (e *sqlError) Error() string {
	message, line, shown := strings.TrimSpace(e.cause.Error()), e.statement.line, ""
	if m := place.FindStringSubmatch(message); m != nil {
		message = m[1]
		within, _ := strconv.Atoi(m[2])
		line += within - 1 - e.before
		label := fmt.Sprintf("  %d | ", line)
		caret := max(0, len(m[4])-len("LINE : ")-len(m[2]))
		shown = "\n" + label + m[3] + "\n" + strings.Repeat(" ", len(label)+caret) + "^"
	} else {
		first, _, _ := strings.Cut(e.statement.text, "\n")
		shown = fmt.Sprintf("\n  %d | %s", line, first)
	}
	return fmt.Sprintf("%s:%d: statement %d failed: %s%s", e.script, line, e.number, message, shown)
}

func (e *sqlError) Unwrap() error { return e.cause }
