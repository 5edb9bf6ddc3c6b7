package portal

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/warehouse"
)

// Site is the whole web site of a warehouse: the portal, and before it package
// people, which says who asks and has the pages on which people come in. The
// configuration has the site's address.
func Site(w *warehouse.Warehouse, log *slog.Logger) (http.Handler, error) {
	_, site, err := newSite(w, log)
	return site, err
}

func newSite(w *warehouse.Warehouse, log *slog.Logger) (*Portal, http.Handler, error) {
	p := New(Options{Warehouse: w, Sessions: sessions{}, URL: w.Config.Portal.URL, Log: log})
	service, err := people.New(people.Options{
		Warehouse: w, Log: log, Show: p.frame,
		Language: func(r *http.Request) string { return languageOf(r).Code },
		After:    p.recorded,
	})
	if err != nil {
		return nil, nil, err
	}
	service.Routes(p)
	return p, service.Protect(p), nil
}

// sessions are those of package people.
type sessions struct{}

// Who is the person of a request's session, or the party of its token; no form
// takes a token's word.
func (sessions) Who(r *http.Request) *Person {
	s := people.From(r.Context())
	switch {
	case s == nil:
		return nil
	case s.Token == nil:
		return &Person{Party: s.Party, Token: s.CSRF}
	}
	return &Person{Party: s.Party, Projects: s.Token.Projects, Scopes: s.Token.Scopes}
}

// frame shows a page of package people in the site's frame.
func (p *Portal) frame(w http.ResponseWriter, r *http.Request, status int, title string, body template.HTML) {
	wrote, page := p.ask(r, reading, func(*request) (*answer, error) { return &answer{"frame", title, body}, nil }, writePage)
	if wrote != http.StatusOK {
		status = wrote
	}
	p.sendPage(w, r, status, &page)
}

// recorded ends what a statement began that somebody has signed: what was released
// is written. Where that fails, `rempart lake repair` repeats it.
func (p *Portal) recorded(ctx context.Context, e ledger.Entry) {
	kind := e.Statement.Kind
	if kind == (ledger.OutputChangeRequested{}).Kind() {
		if _, err := airlock.ChangeMissing(ctx, p.w); err != nil {
			p.log.ErrorContext(ctx, "change an output", "statement", e.Index, "error", err)
		}
		return
	}
	if kind != (ledger.OutputReleased{}).Kind() && kind != (ledger.Countersigned{}).Kind() {
		return
	}
	if _, err := airlock.DeliverMissing(ctx, p.w); err != nil {
		p.log.ErrorContext(ctx, "write what was released", "statement", e.Index, "error", err)
	}
}
