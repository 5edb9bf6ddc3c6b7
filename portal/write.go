package portal

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	reports "rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/ledger/tell"
)

//go:embed templates static
var files embed.FS

// layouts are the pages' templates in each language, by language and name.
var layouts = sync.OnceValues(func() (map[string]map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/pages/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]*template.Template{}
	for code, l := range languages() {
		all[code] = map[string]*template.Template{}
		frame, err := template.New("").Funcs(l.functions()).ParseFS(files, "templates/*.html")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			page, err := frame.Clone()
			if err != nil {
				return nil, err
			}
			if page, err = page.ParseFS(files, name); err != nil {
				return nil, err
			}
			all[code][strings.TrimSuffix(path.Base(name), ".html")] = page
		}
	}
	return all, nil
})

// functions are what templates call.
func (l *language) functions() template.FuncMap {
	return template.FuncMap{
		"t": l.Text, "kind": l.kind, "finding": l.finding, "number": l.Number, "day": l.Day, "moment": l.Moment, "size": l.Size,
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"short": func(digest any) string {
			text := fmt.Sprint(digest)
			return text[:min(12, len(text))]
		},
		"entryhref":   entryHref,
		"lastday":     lastDayOf,
		"base64":      base64.StdEncoding.EncodeToString,
		"pathsegment": url.PathEscape,
		"join":        strings.Join,
		"new":         func(f field) side { return side{f, f.Parts, false} },
		"old":         func(f field) side { return side{f, f.Before, true} },
		"part":        func(s side, p part) sidePart { return sidePart{p, s.Old} },
	}
}

// side is a field as one of two versions has it.
type side struct {
	field
	Parts []part
	Old   bool
}

type sidePart struct {
	part
	Old bool
}

// shown is what every page's template is given.
type shown struct {
	Lang      *language
	Languages []*language
	Title     string
	Warehouse string
	Who       *Person
	Role      string
	Path      string
	Switch    map[string]string // to the same page in another language
	Menu      []entry
	Alarm     []sentence // what everybody is to see first
	Data      any
}

// entry is one of the menu.
type entry struct {
	Href, Text string
	Here       bool
}

func writePage(b *bytes.Buffer, q *request, a *answer) error {
	all, err := layouts()
	if err != nil {
		return err
	}
	page := all[q.lang.Code][a.template]
	if page == nil {
		return fmt.Errorf("there is no template %q", a.template)
	}
	s := shown{
		Lang: q.lang, Languages: []*language{languages()["en"], languages()["fr"]}, Title: a.title, Path: q.URL.Path,
		Who: q.who, Switch: map[string]string{}, Menu: q.menu(), Data: a.data,
	}
	if q.state != nil && q.state.Warehouse != nil {
		s.Warehouse = q.state.Warehouse.Name
		s.Alarm = q.alarms()
	}
	if q.who != nil {
		s.Role = q.lang.Text("role." + string(q.party.Role))
	}
	for code := range languages() {
		s.Switch[code] = "?" + withLanguage(q.URL.Query(), code).Encode()
	}
	return page.ExecuteTemplate(b, "page", s)
}

// menu is what the person can go to.
func (q *request) menu() (menu []entry) {
	add := func(href, name string) {
		here := q.URL.Path == href || href != "/" && strings.HasPrefix(q.URL.Path, href+"/")
		menu = append(menu, entry{href, q.lang.Text("menu." + name), here})
	}
	if q.who != nil {
		add("/", "home")
		add("/projects", "projects")
		if q.seesRuns() {
			add("/runs", "runs")
		}
		add("/outputs", "outputs")
		add("/releases", "releases")
		if q.everything() {
			add("/hosts", "hosts")
			add("/parties", "parties")
			add("/keys", "keys")
		}
		add("/ledger", "ledger")
		if q.everything() {
			add("/verify", "verify")
		}
	}
	add("/register", "register")
	return menu
}

// alarms are what a person who is logged in is to see on every page: emergencies
// that no officer has reviewed.
func (q *request) alarms() (alarms []sentence) {
	if q.who == nil {
		return nil
	}
	for _, e := range q.state.Unreviewed() {
		project, known := q.state.Projects.Get(e.Project)
		if known && (q.sees(project) || q.party.Name == e.Actor) {
			alarms = append(alarms, q.lang.Sentence("frame.emergency", "who", e.Actor, "project", tell.Project(e.Project), "until", q.lang.Moment(e.Until), "statement", tell.Link(q.lang.Language, e.Index)))
		}
	}
	return alarms
}

// started is when this program began: what it is made of is no newer.
var started = time.Now()

var stylesheet = sync.OnceValues(func() ([]byte, error) {
	base, err := reports.Style()
	if err != nil {
		return nil, err
	}
	own, err := files.ReadFile("static/portal.css")
	return append([]byte(base), own...), err
})

// static serves the portal's own files. The stylesheet is that of reports, and
// what pages have beside it.
func (p *Portal) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	content, err := stylesheet()
	if name != "portal.css" {
		content, err = fs.ReadFile(files, "static/"+name)
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.ServeContent(w, r, name, started, io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))))
}
