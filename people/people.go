// Package people lets people into a warehouse's portal, and programs into its API.
//
// A [Service] answers the pages on which somebody logs in, registers a passkey,
// signs what waits, and looks after sessions and tokens; and it stands before
// every other page ([Service.Protect]): it says who asks ([From]), refuses what
// another site sends in somebody's name, bounds what one address may ask for, and
// sets the headers that a browser keeps to.
//
// Who may log in is in the ledger: passkeys, the subjects of OpenID Connect
// providers, and tokens are statements. A login has two factors: a passkey with
// its PIN or finger, or a provider that says it asked for a second one, or
// else a provider and then a passkey. Sessions are in memory alone, end with idleness
// and with time, and the moment a party has left. The service holds nobody's key,
// and decides nothing: what is signed passes the gate of package governance.
//
// docs/people.md tells it for who runs it, docs/security/asvs.md requirement by
// requirement.
package people

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// Options say where a service is and for whom.
type Options struct {
	Warehouse *warehouse.Warehouse // its configuration has the portal's address and the providers
	Log       *slog.Logger

	// Show writes a page in the site's frame. Where it is nil, the page is bare.
	Show func(w http.ResponseWriter, r *http.Request, status int, title string, body template.HTML)
	// Language is that of a request's pages, "en" or "fr"; nil: what the browser asks for.
	Language func(*http.Request) string
	// After is called with what somebody has signed and was recorded.
	After func(context.Context, ledger.Entry)

	// Transport is how OpenID Connect providers are reached; nil: by the configuration.
	Transport http.RoundTripper
}

// Service lets people in. It is the handler of its own pages ([Service.Routes])
// and may be used by any number of requests at a time.
type Service struct {
	Options
	origin string // of the site: passkeys are bound to it
	rpID   string
	secure bool // the site has TLS

	sessions   *sessions
	ceremonies *ceremonies
	counters   counters
	heard      heard
	limits     *limits
	providers  []*provider
	cross      *http.CrossOriginProtection
	now        func() time.Time
}

// New makes a service.
func New(o Options) (*Service, error) {
	origin := o.Warehouse.Config.Portal.URL
	if origin == "" {
		return nil, errors.New("portal.url: say in rempart.toml under which address people open the portal: passkeys are bound to it")
	}
	host, err := ledger.OriginHost(origin)
	if err != nil {
		return nil, fmt.Errorf("portal.url: %w", err)
	}
	now := o.Warehouse.Now
	s := &Service{
		Options: o, origin: origin, rpID: host, secure: strings.HasPrefix(origin, "https://"),
		sessions: newSessions(now), ceremonies: newCeremonies(now), limits: newLimits(now), cross: http.NewCrossOriginProtection(), now: now,
	}
	if err := s.cross.AddTrustedOrigin(origin); err != nil {
		return nil, fmt.Errorf("portal.url: %w", err)
	}
	for _, l := range o.Warehouse.Config.Portal.Logins {
		p, err := s.newProvider(l)
		if err != nil {
			return nil, err
		}
		s.providers = append(s.providers, p)
	}
	return s, nil
}

// Mux takes handlers by their patterns, as [http.ServeMux] has them.
type Mux interface {
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
}

// Routes registers the service's own pages.
func (s *Service) Routes(mux Mux) {
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login/passkey/begin", s.loginBegin)
	mux.HandleFunc("POST /login/passkey/finish", s.loginFinish)
	mux.HandleFunc("GET /login/with/{provider}", s.oidcBegin)
	mux.HandleFunc("GET /login/callback", s.oidcCallback)
	mux.HandleFunc("GET /login/second", s.secondPage)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("GET /enrol", s.enrolPage)
	mux.HandleFunc("POST /enrol/begin", s.enrolBegin)
	mux.HandleFunc("POST /enrol/create", s.enrolCreate)
	mux.HandleFunc("POST /enrol/finish", s.enrolFinish)
	mux.HandleFunc("GET /sign/{request}", s.signPage)
	mux.HandleFunc("POST /sign/{request}/begin", s.signBegin)
	mux.HandleFunc("POST /sign/{request}/finish", s.signFinish)
	mux.HandleFunc("POST /sign/{request}/dismiss", s.signDismiss)
	mux.HandleFunc("GET /account", s.accountPage)
	mux.HandleFunc("POST /account/sessions/begin", s.endBegin)
	mux.HandleFunc("POST /account/sessions/finish", s.endFinish)
	mux.HandleFunc("POST /account/sessions/end", s.endFresh)
	mux.HandleFunc("POST /logout/provider", s.providerLogout)
	mux.HandleFunc("GET /people.js", s.script)
}

// Headers are those of every answer of the site: OWASP ASVS 5.0, V3.4.
func Headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
}

// MaxBody bounds what a request may send, in bytes: a statement, and what signs it.
const MaxBody = 1 << 18

// Protect stands before a site: headers, limits, other sites' requests, and who asks.
func (s *Service) Protect(next http.Handler) http.Handler {
	known := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.who(r)
		if err != nil {
			if _, bearer := r.Header["Authorization"]; bearer {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			}
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, who)))
	})
	guarded := s.cross.Handler(known)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Headers(w.Header())
		if s.secure {
			w.Header().Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		if wait := s.limits.ask(addressOf(r)); wait > 0 {
			tooMany(w, r, wait)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		guarded.ServeHTTP(w, r)
	})
}

type sessionKey struct{}

// From is the session of a request, or nil where nobody is logged in.
func From(ctx context.Context) *Session {
	who, _ := ctx.Value(sessionKey{}).(*Session)
	return who
}

// read looks at the warehouse as its ledger has it now.
func (s *Service) read(ctx context.Context, look func(*governance.State) error) error {
	return s.Warehouse.Read(ctx, func(m *warehouse.Model) error { return look(m.State) })
}

// errDenied is all that somebody is told whom we do not know: not what was wrong.
var errDenied = errors.New("you could not be let in")

// statusError is an error with what HTTP calls it.
type statusError struct {
	status int
	error
}

func (e *statusError) Unwrap() error { return e.error }

// fail answers with an error: what a person may know of it.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text, remedy := http.StatusInternalServerError, s.text(r, "error.internal"), ""
	var (
		refusal *governance.Refusal
		known   *statusError
	)
	switch {
	case errors.As(err, &refusal):
		status, text, remedy = http.StatusConflict, refusal.Error(), refusal.Remedy
	case errors.As(err, &known):
		status, text = known.status, known.Error()
	case errors.Is(err, errDenied):
		status, text = http.StatusUnauthorized, s.text(r, "error.denied")
	}
	if status == http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "let in", "path", r.URL.Path, "error", err)
	}
	if who := From(r.Context()); refusal != nil && who != nil {
		s.Log.WarnContext(r.Context(), "refused", "party", who.Party, "role", who.Role, "method", r.Method, "path", r.URL.Path, "why", refusal)
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		kind := map[int]string{http.StatusUnauthorized: "token", http.StatusTooManyRequests: "many"}[status]
		Problem{ProblemType(cmp.Or(kind, "internal")), text, status, "", remedy}.Write(w)
		return
	}
	if r.Method != http.MethodGet {
		answer(w, status, map[string]string{"error": text, "remedy": remedy})
		return
	}
	s.show(w, r, status, "error.title", "error", map[string]string{"Text": text, "Remedy": remedy})
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // whoever went away needs no answer
}

// ask reads JSON that our own script sends. A form of another site cannot send
// that type, and nothing else is taken.
func ask(r *http.Request, into any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return &statusError{http.StatusUnsupportedMediaType, errors.New("want application/json")}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &statusError{http.StatusBadRequest, errors.New("this cannot be read")}
	}
	return nil
}

// local is a place of this site to go on to, or its first page.
func local(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || len(to) > 2000 {
		return "/"
	}
	return to
}

//go:embed templates people.js texts.toml
var files embed.FS

func (s *Service) script(w http.ResponseWriter, _ *http.Request) {
	text, err := files.ReadFile("people.js")
	if err != nil {
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = w.Write(text)
}
