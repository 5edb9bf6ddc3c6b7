package people

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"
)

// texts are what pages say, by key and language.
var texts = sync.OnceValue(func() (all map[string]map[string]string) {
	text, err := files.ReadFile("texts.toml")
	if err == nil {
		_, err = toml.Decode(string(text), &all)
	}
	if err != nil {
		panic(err) // the embedded text is part of the program
	}
	return all
})

var languages = language.NewMatcher([]language.Tag{language.English, language.French})

// language is that of a request's pages.
func (s *Service) language(r *http.Request) string {
	if s.Language != nil {
		return s.Language(r)
	}
	if _, at := language.MatchStrings(languages, r.Header.Get("Accept-Language")); at == 1 {
		return "fr"
	}
	return "en"
}

func (s *Service) text(r *http.Request, key string) string { return texts()[key][s.language(r)] }

var pages = sync.OnceValue(func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, lang := range []string{"en", "fr"} {
		all[lang] = template.Must(template.New("").Funcs(template.FuncMap{
			"t": func(key string) string { return texts()[key][lang] },
			"dict": func(pairs ...any) map[string]any {
				all := map[string]any{}
				for i := 0; i+1 < len(pairs); i += 2 {
					all[pairs[i].(string)] = pairs[i+1]
				}
				return all
			},
			"moment": tellers()[lang].Moment,
			"method": func(name string) string { // a provider is called as it is configured
				if text, known := texts()["method."+name]; known {
					return text[lang]
				}
				return name
			},
		}).ParseFS(files, "templates/*.html"))
	}
	return all
})

// show writes a page, in the frame of the site.
func (s *Service) show(w http.ResponseWriter, r *http.Request, status int, title, name string, data any) {
	var body bytes.Buffer
	lang := s.language(r)
	if err := pages()[lang].ExecuteTemplate(&body, name+".html", data); err != nil {
		s.Log.ErrorContext(r.Context(), "write a page", "page", name, "error", err)
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	if s.Show != nil {
		s.Show(w, r, status, s.text(r, title), template.HTML(body.String())) //nolint:gosec // what templates made
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	var page strings.Builder
	_ = pages()[lang].ExecuteTemplate(&page, "bare.html", map[string]any{"Lang": lang, "Title": s.text(r, title), "Body": template.HTML(body.String())}) //nolint:gosec // what templates made
	_, _ = w.Write([]byte(page.String()))
}
