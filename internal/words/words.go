// Package words writes texts for people in English and in French: messages from
// catalogues, numbers, dates, and sentences of which some words lead somewhere.
//
// A catalogue is TOML: groups of names with a text in each language.
//
//	[home]
//	left = { en = "{n} days left", en_one = "{n} day left", fr = "…", fr_one = "…" }
//
// {n} is a place that is filled. Where a text counts {n}, *_one is the form for
// one (in French, also for none).
package words

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Language is one in which a program speaks.
type Language struct {
	Code   string // BCP 47
	Name   string // in itself
	texts  map[string]string
	months []string
}

// Load reads catalogues, which are part of the program: a mistake in one panics.
// They are one catalogue together, with the languages "en" and "fr".
func Load(catalogues ...string) map[string]*Language {
	all := map[string]*Language{
		"en": {Code: "en", Name: "English", months: strings.Fields("January February March April May June July August September October November December")},
		"fr": {Code: "fr", Name: "Français", months: strings.Fields("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")},
	}
	for code, l := range all {
		l.texts = map[string]string{}
		for _, catalogue := range catalogues {
			var groups map[string]map[string]map[string]string // group, name, language
			if _, err := toml.Decode(catalogue, &groups); err != nil {
				panic(err)
			}
			for group, names := range groups {
				for name, texts := range names {
					l.texts[group+"."+name] = l.spaced(texts[code])
					if one, ok := texts[code+"_one"]; ok {
						l.texts[group+"."+name+".one"] = l.spaced(one)
					}
				}
			}
		}
	}
	return all
}

// spaced keeps French marks on the line of the word that they follow.
func (l *Language) spaced(text string) string {
	if l.Code != "fr" {
		return text
	}
	return strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»", " :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!", " %", "\u202f%").Replace(text)
}

// Texts are all messages by their keys, group.name.
func (l *Language) Texts() map[string]string { return maps.Clone(l.texts) }

// Has says whether there is a message.
func (l *Language) Has(key string) bool { return l.texts[key] != "" }

// Text is a message, its places filled with names and values in turn. Of a
// message that counts, "n" is what it counts.
func (l *Language) Text(key string, places ...any) string {
	message, ok := l.texts[key]
	if !ok {
		return "⟨" + key + "⟩"
	}
	for i := 0; i+1 < len(places); i += 2 {
		if places[i] == "n" && l.one(places[i+1]) {
			if one, ok := l.texts[key+".one"]; ok {
				message = one
			}
		}
	}
	if len(places) == 0 {
		return message
	}
	pairs := make([]string, 0, len(places))
	for i := 0; i+1 < len(places); i += 2 {
		pairs = append(pairs, fmt.Sprintf("{%s}", places[i]), l.value(places[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(message)
}

// one says whether a number takes the singular.
func (l *Language) one(n any) bool {
	switch text := fmt.Sprint(n); text {
	case "1":
		return true
	case "0":
		return l.Code == "fr"
	}
	return false
}

// value writes what fills a place.
func (l *Language) value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int, int64, uint64:
		return l.Number(v)
	case time.Time:
		return l.Day(v)
	}
	return fmt.Sprint(v)
}

// Number groups the digits of an integer by three.
func (l *Language) Number(n any) string {
	digits := fmt.Sprint(n)
	separator := ","
	if l.Code == "fr" {
		separator = "\u202f"
	}
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return sign + strings.Join(groups, separator)
}

// Day writes a date: 3 March 2026, 3 mars 2026.
func (l *Language) Day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	day := fmt.Sprint(t.Day())
	if l.Code == "fr" && t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf("%s %s %d", day, l.months[t.Month()-1], t.Year())
}

// Month writes a month: March 2026, mars 2026.
func (l *Language) Month(t time.Time) string {
	return fmt.Sprintf("%s %d", l.months[t.UTC().Month()-1], t.UTC().Year())
}

// Moment writes a point in time, to the minute, UTC.
func (l *Language) Moment(t time.Time) string {
	return l.Day(t) + ", " + t.UTC().Format("15:04") + " UTC"
}

// Size writes a number of bytes.
func (l *Language) Size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	if l.Code == "fr" {
		units = []string{"o", "Kio", "Mio", "Gio", "Tio"}
	}
	n, unit := float64(bytes), 0
	for n >= 1024 && unit < len(units)-1 {
		n, unit = n/1024, unit+1
	}
	decimals := 1
	if unit == 0 || n >= 100 {
		decimals = 0
	}
	return l.Decimal(n, decimals) + "\u00a0" + units[unit]
}

// Decimal writes a number with so many decimals, or with as many as it has for -1.
func (l *Language) Decimal(n float64, decimals int) string {
	return strings.Replace(strconv.FormatFloat(n, 'f', decimals, 64), ".", l.Point(), 1)
}

// Point stands before the decimals of a number.
func (l *Language) Point() string {
	if l.Code == "fr" {
		return ","
	}
	return "."
}
