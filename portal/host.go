package portal

import (
	"bytes"
	"context"
	"net/http"
)

// later is what an answer needs that takes long, as what is read from the host does, and
// how it is shown then. It keeps nothing of the state, which moves on meanwhile.
type later func(context.Context) (view func(*request) (*answer, error), err error)

// askTwice answers a request by what a first look at the state asks for: that is done
// while the state may move on, and a second look shows it.
func (p *Portal) askTwice(r *http.Request, scope string, look func(*request) (later, error), write func(*bytes.Buffer, *request, *answer) error) (status int, body bytes.Buffer) {
	var do later
	status, body = p.ask(r, scope, func(q *request) (a *answer, err error) {
		do, err = look(q)
		return &answer{}, err
	}, onlyFaults(write))
	if status != http.StatusOK {
		return status, body
	}
	view, err := do(r.Context())
	return p.ask(r, scope, func(q *request) (*answer, error) {
		if err != nil {
			return nil, err
		}
		return view(q)
	}, write)
}

// fromHost registers a page that is read from the host, and what programs read in its place.
func (p *Portal) fromHost(path string, look func(*request) (later, error)) {
	p.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		if switchLanguage(w, r) {
			return
		}
		status, body := p.askTwice(r, reading, look, writePage)
		p.sendPage(w, r, status, &body)
	})
	p.HandleFunc("GET /api/v1"+path, func(w http.ResponseWriter, r *http.Request) {
		status, body := p.askTwice(r, reading, look, writeJSON)
		p.sendJSON(w, status, reading, &body)
	})
}
