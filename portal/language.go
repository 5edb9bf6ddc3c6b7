package portal

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	xlanguage "golang.org/x/text/language"
)

// catalogue is every text of the portal, in each language. A text may have
// {places}; where it counts something, the form for one is <key>.one.
//
//go:embed messages.toml
var catalogue string

// language is one in which the portal speaks.
type language struct {
	Code   string // BCP 47
	Name   string // in itself
	texts  map[string]string
	months []string
}

var languages = func() map[string]*language {
	var groups map[string]map[string]map[string]string // group, name, language
	if _, err := toml.Decode(catalogue, &groups); err != nil {
		panic(err) // the embedded text is part of the program
	}
	all := map[string]*language{"en": {Code: "en", Name: "English"}, "fr": {Code: "fr", Name: "Français"}}
	for code, l := range all {
		l.texts = map[string]string{}
		for group, names := range groups {
			for name, texts := range names {
				l.texts[group+"."+name] = l.spaced(texts[code])
				if one, ok := texts[code+"_one"]; ok {
					l.texts[group+"."+name+".one"] = l.spaced(one)
				}
			}
		}
		l.months = strings.Fields(l.texts["date.months"])
	}
	return all
}()

// spaced keeps French marks on the line of the word that they follow.
func (l *language) spaced(text string) string {
	if l.Code != "fr" {
		return text
	}
	return strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»", " :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!").Replace(text)
}

var matcher = xlanguage.NewMatcher([]xlanguage.Tag{xlanguage.English, xlanguage.French})

// languageCookie keeps the language that a person chose.
const languageCookie = "rempart-language"

// languageOf is the language that the person chose, or else the browser asks for.
func languageOf(r *http.Request) *language {
	if c, err := r.Cookie(languageCookie); err == nil && languages[c.Value] != nil {
		return languages[c.Value]
	}
	_, at := xlanguage.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages[[]string{"en", "fr"}[at]]
}

// switchLanguage keeps the language that ?lang= chooses and leads back to the page.
func switchLanguage(w http.ResponseWriter, r *http.Request) bool {
	chosen := r.URL.Query().Get("lang")
	if languages[chosen] == nil || r.Method != http.MethodGet {
		return false
	}
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
	back := url.URL{Path: here(r.URL.Path), RawQuery: withLanguage(r.URL.Query(), "").Encode()}
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
	return true
}

// here is a path of this site and of no other: one slash begins it.
func here(p string) string { return "/" + strings.TrimLeft(p, "/\\") }

func withLanguage(query url.Values, code string) url.Values {
	query = maps.Clone(query)
	if code == "" {
		query.Del("lang")
	} else {
		query.Set("lang", code)
	}
	return query
}

// text is a message, its places filled with names and values in turn. Of a
// message that counts, "n" is what it counts.
func (l *language) text(key string, places ...any) string {
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
func (l *language) one(n any) bool {
	switch text := fmt.Sprint(n); text {
	case "1":
		return true
	case "0":
		return l.Code == "fr"
	}
	return false
}

// value writes what fills a place.
func (l *language) value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int, int64, uint64:
		return l.number(v)
	case time.Time:
		return l.day(v)
	}
	return fmt.Sprint(v)
}

// number groups digits by three.
func (l *language) number(n any) string {
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

// day writes a date: 3 March 2026, 3 mars 2026.
func (l *language) day(t time.Time) string {
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

// moment writes a point in time, to the minute, UTC.
func (l *language) moment(t time.Time) string {
	return l.day(t) + ", " + t.UTC().Format("15:04") + " UTC"
}

// size writes a number of bytes.
func (l *language) size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	if l.Code == "fr" {
		units = []string{"o", "Kio", "Mio", "Gio", "Tio"}
	}
	n, unit := float64(bytes), 0
	for n >= 1024 && unit < len(units)-1 {
		n, unit = n/1024, unit+1
	}
	text := fmt.Sprintf("%.1f", n)
	if unit == 0 || n >= 100 {
		text = fmt.Sprintf("%.0f", n)
	}
	if l.Code == "fr" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text + "\u00a0" + units[unit]
}
