package disclosure

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"rempart.eu/rempart/internal/words"
)

// Catalogue is every text of the check, for [words.Load].
//
//go:embed messages.toml
var Catalogue string

// languages are those in which the check speaks by itself.
var languages = sync.OnceValue(func() map[string]*words.Language { return words.Load(Catalogue) })

// Values fill the places of a sentence, by their names. None is a value of the output.
type Values map[string]string

// values makes them of names and values in turn; a number of any kind is written in digits.
func values(pairs ...any) Values {
	if len(pairs) == 0 {
		return nil
	}
	v := Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	return v
}

// decimal matches what is written as numbers are in the language.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// wordPlaces are filled with words, whatever they look like. What stands in one of a group may
// have a text of that group.
var wordPlaces = map[string]string{"file": "", "output": "", "column": "", "element": "", "folder": "", "kinds": "kinds", "shadow": "", "error": "", "limit": "", "part": "", "place": "", "message": "", "kind": "identifier", "why": "untestable"}

// NotGranted refuses a kind of file that the authorisation does not let out; kinds are those that it does.
func NotGranted(kinds []string) Finding {
	return told(Finding{Rule: "not-granted", Code: "not-granted", Values: values("kinds", strings.Join(kinds, ", ")), Severity: Refuse})
}

// told fills in what a finding says in English.
func told(f Finding) Finding {
	f.Message = f.Say(languages()["en"])
	return f
}

// Say tells what a finding says, without its place, in a language that has the [Catalogue]. It
// is "" of a code that there is not.
func Say(l *words.Language, code string, v Values) string { return fill(l, "finding."+code, v) }

// SayChange tells what a suggestion does to a place.
func SayChange(l *words.Language, c Change) string { return fill(l, "change."+c.Code, c.Values) }

// SayPlace puts before a text where it is; line and column are 1-based, or 0.
func SayPlace(l *words.Language, line, column int, field, text string) string {
	var parts []string
	if line > 0 {
		parts = append(parts, l.Text("place.line", "n", line))
	}
	switch {
	case column > 0 && field != "":
		parts = append(parts, l.Text("place.column", "column", field))
	case column > 0:
		parts = append(parts, l.Text("place.number", "n", column))
	case field != "":
		parts = append(parts, field)
	}
	if len(parts) == 0 {
		return text
	}
	return l.Text("place.before", "place", strings.Join(parts, ", "), "message", text)
}

func fill(l *words.Language, key string, v Values) string {
	if !l.Has(key) {
		return ""
	}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs []any
	for _, name := range names {
		pairs = append(pairs, name, placed(l, name, v))
	}
	return l.Text(key, pairs...)
}

// placed is what fills a place in a language.
func placed(l *words.Language, name string, v Values) string {
	group, isWords := wordPlaces[name]
	value := v[name]
	switch {
	case group != "":
		rest := Values{}
		for other, what := range v {
			if wordPlaces[other] == "" { // no text stands in itself
				rest[other] = what
			}
		}
		all := strings.Split(value, ", ")
		for i, one := range all {
			if text := fill(l, group+"."+strings.ReplaceAll(strings.ToLower(one), " ", "-"), rest); text != "" {
				all[i] = text
			}
		}
		return strings.Join(all, ", ")
	case isWords || !decimal.MatchString(value):
		return value
	}
	whole, fraction, has := strings.Cut(value, ".")
	if !has {
		return l.Number(whole)
	}
	return l.Number(whole) + l.Point() + fraction
}
