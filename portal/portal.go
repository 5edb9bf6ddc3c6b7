// Package portal is the web site of a warehouse, for people who decide.
//
// A [Portal] answers HTTP requests with pages that a server writes: HTML that
// needs no script but for passkeys and for verifying the ledger in the browser,
// in French and English. Each page is a function of the state that the ledger
// gives and of who asks; the same functions answer programs, as JSON, under
// /api/v1.
//
// The portal decides nothing by itself. What is done through it is a statement in
// the ledger, which passes the gate of package governance as if it came from the
// command line. What somebody is shown follows from the role (see access.go): a
// researcher sees the projects that are theirs, a checker what asks to leave, an
// officer and the controller everything that the ledger holds. Nobody sees a row
// of data, but for the output that a checker opens (see look.go).
//
// Texts of other people are text: no template takes HTML, and the content
// security policy allows no script and no style but the portal's own files.
package portal

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Person is who asks.
type Person struct {
	Party    string   // by its name in the ledger
	Token    string   // that forms of this person's session carry; "" for whoever sends none
	Projects []string // the only ones that are shown; nil: all that the role sees
	Scopes   []string // what a program may do in the person's name; nil: it is the person
}

// Sessions knows who asks.
type Sessions interface {
	// Who is the person of a request, or nil. The party may have left since.
	Who(*http.Request) *Person
}

// Options are those of a portal.
type Options struct {
	Warehouse *warehouse.Warehouse
	Sessions  Sessions
	URL       string // as browsers show it, such as https://portal.example.eu; "" is that of each request
	Log       *slog.Logger
}

// Portal is the web site. It may answer any number of requests at a time.
type Portal struct {
	w        *warehouse.Warehouse
	sessions Sessions
	log      *slog.Logger
	site     string
	asks     asker
	looks    looker
	history  historian
	checks   qualityReader
	profiles profileReader
	derived  derivation
	lately   *lru.Cache[uint64, ledger.Entry] // statements that were read
	mux      *http.ServeMux
	patterns []string     // of the mux
	record   sync.Mutex   // what programs send is recorded once
	guard    http.Handler // the mux, behind a look at where a form comes from
}

// New makes a portal. The ledger is read when the first request comes.
func New(o Options) *Portal {
	p := &Portal{w: o.Warehouse, sessions: o.Sessions, log: o.Log, site: o.URL, asks: project.Ask, looks: project.Look, history: project.Questions, checks: checksOf, profiles: profileOf, mux: http.NewServeMux()}
	p.lately, _ = lru.New[uint64, ledger.Entry](keptEntries) // the error is one of a size below 1
	p.routes()
	if _, err := layouts(); err != nil { // read now: the first page is not to wait for it
		o.Log.Error("read the templates", "error", err)
	}
	cross := http.NewCrossOriginProtection()
	if o.URL != "" {
		if err := cross.AddTrustedOrigin(o.URL); err != nil {
			o.Log.Error("the address of the portal is none", "url", o.URL, "error", err)
		}
	}
	p.guard = cross.Handler(p.mux)
	return p
}

// keptEntries is how many statements that were read stay in memory: some 2 KB each.
const keptEntries = 8192

// HandleFunc registers a handler as [http.ServeMux] does: the pages of package
// people are the site's too.
func (p *Portal) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	p.patterns = append(p.patterns, pattern)
	p.mux.HandleFunc(pattern, handler)
}

// routes is the map of the site.
func (p *Portal) routes() {
	p.HandleFunc("GET /static/", p.static)
	p.page("GET /{$}", p.home)
	p.page("GET /register", p.register)
	p.page("GET /register/{project}", p.registerEntry)
	p.page("GET /projects", p.projects)
	p.page("GET /projects/{project}", p.project)
	p.page("GET /projects/{project}/query", p.query)
	p.HandleFunc("POST /projects/{project}/query", p.answerQuery)
	p.HandleFunc("POST /api/v1/projects/{project}/query", p.answerProgram)
	p.fromHost("/projects/{project}/questions", p.questions)
	p.page("GET /projects/{project}/wheels", p.wheels)
	p.page("GET /projects/{project}/renewals", p.renewals)
	p.fromHost("/runs", p.runs)
	p.fromHost("/runs/{run}", p.run)
	p.page("GET /outputs", p.outputs)
	p.page("GET /outputs/{output}", p.output)
	p.page("GET /releases", p.releases)
	p.page("GET /releases/{release}", p.release)
	p.fromHost("/releases/{release}/quality", p.quality)
	p.fromHost("/releases/{release}/profile", p.profile)
	p.page("GET /hosts", p.hosts)
	p.page("GET /hosts/{host}", p.host)
	p.page("GET /parties", p.parties)
	p.page("GET /keys", p.keys)
	p.page("GET /ledger", p.story)
	p.page("GET /ledger/{index}", p.statement)
	p.page("GET /verify", p.verify)
	p.HandleFunc("GET /tlog/{path...}", p.tlog)
	p.decisions()
	p.airlock()
	p.HandleFunc("POST /sign", p.sign)
	p.programs()
	p.page("/", func(*request) (*answer, error) { return nil, errNotFound })
}

// answer is what a page shows: data for a template, which is also the JSON of
// the API.
type answer struct {
	template string
	title    string
	data     any
}

// page registers a page, and what it tells programs.
func (p *Portal) page(pattern string, view func(*request) (*answer, error)) {
	p.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.html(w, r, view) })
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		return
	}
	if path == "/{$}" {
		path = "/waiting"
	}
	p.api(method+" /api/v1"+path, reading, view)
}

// ServeHTTP implements [http.Handler].
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	people.Headers(w.Header())
	r.Body = http.MaxBytesReader(w, r.Body, people.MaxBody)
	p.guard.ServeHTTP(w, r)
}

// request is a request and what is known of it.
type request struct {
	*http.Request
	lang   *language
	who    *Person
	lacks  string           // the scope that the token is not good for
	party  governance.Party // of who; its zero where nobody is logged in
	state  *governance.State
	made   *derived           // of the state
	told   *register.Register // what statements are found by
	log    *ledger.Log
	lately *lru.Cache[uint64, ledger.Entry]
	site   string
	now    time.Time
}

// ask answers a request by a view. What it writes is written while the state
// stands still, and sent when it may move on.
func (p *Portal) ask(r *http.Request, scope string, view func(*request) (*answer, error), write func(*bytes.Buffer, *request, *answer) error) (status int, body bytes.Buffer) {
	q := &request{Request: r, lang: languageOf(r), log: p.w.Log, lately: p.lately, site: p.site, now: p.w.Now()}
	look := func(m *warehouse.Model) error {
		q.state, q.made, q.told = m.State, p.derived.of(m.State), m.Register
		if who := p.sessions.Who(r); who != nil && who.Scopes != nil && !slices.Contains(who.Scopes, scope) {
			q.lacks = scope
		} else if who != nil {
			if party, known := q.state.Parties[who.Party]; known && party.Left == nil {
				q.who, q.party = who, party
			}
		}
		a, err := view(q)
		if err != nil {
			status, a = p.fail(q, err)
		} else {
			status = http.StatusOK
		}
		return write(&body, q, a)
	}
	if err := p.w.Read(r.Context(), look); err != nil {
		body.Reset()
		q.state = nil
		_, a := p.fail(q, err)
		status = http.StatusInternalServerError
		if err := write(&body, q, a); err != nil {
			body.Reset()
		}
	}
	return status, body
}

// fail is the answer to an error, which operators find in their log where it is
// ours, and where somebody who is known was refused.
func (p *Portal) fail(q *request, err error) (status int, a *answer) {
	status, a = q.failure(err)
	switch {
	case status == http.StatusInternalServerError:
		p.log.ErrorContext(q.Context(), "answer", "method", q.Method, "path", q.URL.Path, "error", err)
	case q.party.Name != "" && (status == http.StatusForbidden || status == http.StatusConflict):
		p.refused(q, err)
	}
	return status, a
}

// refused notes that somebody who is known was refused, and why.
func (p *Portal) refused(q *request, err error) {
	p.log.WarnContext(q.Context(), "refused", "party", q.party.Name, "role", q.party.Role, "method", q.Method, "path", q.URL.Path, "why", err)
}

// html answers with a page.
func (p *Portal) html(w http.ResponseWriter, r *http.Request, view func(*request) (*answer, error)) {
	if switchLanguage(w, r) {
		return
	}
	status, body := p.ask(r, reading, view, writePage)
	p.sendPage(w, r, status, &body)
}

// sendPage sends a page, or leads to the login.
func (p *Portal) sendPage(w http.ResponseWriter, r *http.Request, status int, body *bytes.Buffer) {
	if status == http.StatusUnauthorized {
		http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Language, Cookie")
	send(w, status, body)
}

func send(w http.ResponseWriter, status int, body *bytes.Buffer) {
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // whoever went away needs no answer
}

// What a person may be told instead of what was asked for.
var (
	errLogin    = errors.New("nobody is logged in")
	errHidden   = errors.New("this role may not see it")
	errNotFound = errors.New("there is no such page")
	errScope    = errors.New("the token is not good for this")
)

// failure is the page of an error: what is wrong and what to do next, and nothing
// of the inside.
func (q *request) failure(err error) (status int, a *answer) {
	f := failure{}
	var (
		refusal *governance.Refusal
		wrong   *wrongError
	)
	switch {
	case errors.Is(err, errLogin):
		status, f.Kind = http.StatusUnauthorized, "login"
	case errors.Is(err, errScope):
		status, f.Kind, f.Reason = http.StatusForbidden, "scope", q.lacks
	case errors.Is(err, errForeign):
		status, f.Kind = http.StatusForbidden, "foreign"
	case errors.Is(err, errHidden):
		status, f.Kind = http.StatusForbidden, "hidden"
	case errors.Is(err, errNotFound), errors.Is(err, fs.ErrNotExist):
		status, f.Kind = http.StatusNotFound, "absent"
	case errors.Is(err, errUnreadable):
		status, f.Kind = http.StatusBadRequest, "unreadable"
	case errors.As(err, &wrong):
		status, f.Kind, f.Reason = http.StatusUnprocessableEntity, "wrong", wrong.text
	case errors.As(err, &refusal):
		status, f.Kind, f.Reason, f.Remedy = http.StatusConflict, "refused", refusal.Reason, refusal.Remedy
	default:
		status, f.Kind = http.StatusInternalServerError, "internal"
	}
	return status, &answer{template: "failure", title: q.lang.Text("failure." + f.Kind), data: f}
}

// failure is what an error tells.
type failure struct {
	Kind   string
	Reason string
	Remedy string
}
