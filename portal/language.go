package portal

import (
	_ "embed"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	xlanguage "golang.org/x/text/language"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
)

// catalogue is every text of the portal's own, for package words.
//
//go:embed messages.toml
var catalogue string

// language is one in which the portal speaks.
type language struct{ *words.Language }

// kind names a kind of statement; one that has no name here is called as in the ledger.
func (l *language) kind(kind string) string {
	if !l.Has("kind." + kind) {
		return kind
	}
	return l.Text("kind." + kind)
}

// finding tells what was found, without its place; one of before findings had codes is told as the
// ledger has it.
func (l *language) finding(f ledger.Finding) string {
	if text := disclosure.Say(l.Language, f.Code, f.Values); text != "" {
		return text
	}
	return f.Message
}

var languages = sync.OnceValue(func() map[string]*language {
	all := map[string]*language{}
	for code, l := range words.Load(tell.Catalogue, disclosure.Catalogue, catalogue) {
		all[code] = &language{l}
	}
	return all
})

var matcher = xlanguage.NewMatcher([]xlanguage.Tag{xlanguage.English, xlanguage.French})

// languageCookie keeps the language that a person chose.
const languageCookie = "rempart-language"

// languageOf is the language that the person chose, or else the browser asks for.
func languageOf(r *http.Request) *language {
	if c, err := r.Cookie(languageCookie); err == nil && languages()[c.Value] != nil {
		return languages()[c.Value]
	}
	_, at := xlanguage.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages()[[]string{"en", "fr"}[at]]
}

// switchLanguage keeps the language that ?lang= chooses and leads back to the page.
func switchLanguage(w http.ResponseWriter, r *http.Request) bool {
	chosen := r.URL.Query().Get("lang")
	if languages()[chosen] == nil || r.Method != http.MethodGet {
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
