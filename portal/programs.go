package portal

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Programs ask what people see, and decide as people do: in two steps. The first
// says what is decided and is answered with the statement to sign; the second hands
// in that statement, signed. Whoever holds the passkey or the key file signs, never
// the server, and nothing is kept between the steps.

// The scopes of tokens that are good for something here.
const (
	reading    = "read"
	deciding   = "decide"
	requesting = "request"
	asking     = "ask"
)

// takes are the kinds of statements that are taken, and the scope that a token
// needs to hand one in: what forms and programs prepare, and nothing else.
var takes = map[string]string{
	ledger.ProjectRequested{}.Kind(): requesting, ledger.ProjectAmended{}.Kind(): requesting,

	ledger.OutputChangeRequested{}.Kind(): requesting, ledger.OutputCommented{}.Kind(): requesting, ledger.OutputAssigned{}.Kind(): deciding,

	ledger.ProjectApproved{}.Kind(): deciding, ledger.ProjectRefused{}.Kind(): deciding, ledger.ProjectSuspended{}.Kind(): deciding,
	ledger.ProjectResumed{}.Kind(): deciding, ledger.OutputReleased{}.Kind(): deciding, ledger.OutputRefused{}.Kind(): deciding,
	ledger.DerogationGranted{}.Kind(): deciding, ledger.QualityWaived{}.Kind(): deciding, ledger.EmergencyReviewed{}.Kind(): deciding, ledger.Countersigned{}.Kind(): deciding,
	ledger.ProjectClosed{}.Kind(): deciding, ledger.ReleaseErased{}.Kind(): deciding, ledger.KeyDestroyed{}.Kind(): deciding,
	ledger.StepOrdered{}.Kind(): deciding, ledger.RolesReviewed{}.Kind(): deciding, ledger.EmergencyOpened{}.Kind(): deciding, ledger.OutputViewed{}.Kind(): deciding,
	ledger.RunCancelled{}.Kind(): deciding, ledger.WheelApproved{}.Kind(): deciding, ledger.WheelRefused{}.Kind(): deciding, ledger.WheelWithdrawn{}.Kind(): deciding,
	ledger.RenewalRequested{}.Kind(): requesting, ledger.RenewalApproved{}.Kind(): deciding, ledger.RenewalRefused{}.Kind(): deciding,
}

// programs are the routes that are for programs alone.
func (p *Portal) programs() {
	p.HandleFunc("GET /api/v1/openapi.json", openAPI)
	p.HandleFunc("GET /api/v1/problems/{kind}", p.problem)
	p.api("GET /api/v1/receipt/{index}", reading, p.receipt)
	p.api("GET /api/v1/consistency", reading, p.consistency)
	p.prepare("POST /api/v1/projects", requesting, requestProject)
	p.prepare("POST /api/v1/projects/{project}/amend", requesting, amendProject)
	p.HandleFunc("POST /api/v1/statements", p.statements)
}

// description describes the API (OpenAPI 3.1). The test that checks it writes it.
//
//go:embed openapi.json
var description []byte

func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	_, _ = w.Write(description) // whoever went away needs no answer
}

// api registers what programs ask for, with a token of a scope.
func (p *Portal) api(pattern, scope string, view func(*request) (*answer, error)) {
	p.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		status, body := p.ask(r, scope, view, writeJSON)
		p.sendJSON(w, status, scope, &body)
	})
}

func writeJSON(b *bytes.Buffer, q *request, a *answer) error {
	if f, failed := a.data.(failure); failed {
		return json.NewEncoder(b).Encode(problemOf(q.lang, f))
	}
	return json.NewEncoder(b).Encode(a.data)
}

// problemOf tells a program of a failure; where nothing is known of the case, what
// to do about its kind.
func problemOf(lang *language, f failure) people.Problem {
	if next := "failure." + f.Kind + "_next"; f.Reason == "" && lang.Has(next) {
		f.Reason = lang.Text(next)
	}
	return people.Problem{Type: people.ProblemType(f.Kind), Title: lang.Text("failure." + f.Kind), Status: statusOf[f.Kind], Detail: f.Reason, Remedy: f.Remedy}
}

// statusOf is the status of each kind of failure.
var statusOf = map[string]int{
	"login": http.StatusUnauthorized, "scope": http.StatusForbidden, "foreign": http.StatusForbidden, "hidden": http.StatusForbidden,
	"absent": http.StatusNotFound, "unreadable": http.StatusBadRequest, "wrong": http.StatusUnprocessableEntity,
	"refused": http.StatusConflict, "internal": http.StatusInternalServerError,
}

// sendJSON sends an answer or a problem.
func (p *Portal) sendJSON(w http.ResponseWriter, status int, scope string, body *bytes.Buffer) {
	w.Header().Set("Content-Type", "application/json")
	if status >= http.StatusBadRequest {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.Header().Set("Vary", "Accept-Language, Authorization, Cookie")
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 6750, section 3
	case http.StatusForbidden:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope))
	}
	send(w, status, body)
}

// problem explains a kind of problem.
func (p *Portal) problem(w http.ResponseWriter, r *http.Request) {
	kind, lang := r.PathValue("kind"), languageOf(r)
	if !lang.Has("failure."+kind) || strings.HasSuffix(kind, "_next") {
		kind = "absent"
	}
	var body bytes.Buffer
	status := http.StatusOK
	if err := json.NewEncoder(&body).Encode(problemOf(lang, failure{Kind: kind})); err != nil {
		status = http.StatusInternalServerError
	}
	p.sendJSON(w, status, reading, &body)
}

// verdict is what programs send in place of a form.
type verdict struct {
	Verdict    string   `json:"verdict"`              // one of the choices that the form lists
	Reason     string   `json:"reason"`               // part of the ledger for ever
	Until      string   `json:"until,omitempty"`      // a day, where one is asked for
	Conditions []string `json:"conditions,omitempty"` // of a derogation
}

func (v verdict) form() url.Values {
	return url.Values{"verdict": {v.Verdict}, "reason": {v.Reason}, "until": {v.Until}, "conditions": {strings.Join(v.Conditions, "\n")}}
}

// asked is a request for a project, or for a change of one.
type asked struct {
	Spec   string `json:"spec"`             // the text, as docs/authorisations.md has it
	Reason string `json:"reason,omitempty"` // of a change
}

// take reads what a program sends: JSON and nothing else, which no form of another
// site can send.
func (q *request) take(into any) error {
	if kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fmt.Errorf("%w: want Content-Type: application/json", errUnreadable)
	}
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || d.More() {
		return errUnreadable
	}
	return nil
}

// program refuses a browser's session: what it may send comes from a form.
func (q *request) program() error {
	if err := q.loggedIn(); err != nil {
		return err
	}
	if q.who.Token != "" {
		return errForeign
	}
	return nil
}

// prepare registers what is answered with a statement to sign.
func (p *Portal) prepare(pattern, scope string, body func(*request) (ledger.Body, error)) {
	p.api(pattern, scope, func(q *request) (*answer, error) {
		if err := q.program(); err != nil {
			return nil, err
		}
		b, err := body(q)
		if err != nil {
			return nil, err
		}
		return q.toSign(b, "", "")
	})
}

func requestProject(q *request) (ledger.Body, error) {
	var in asked
	if err := q.take(&in); err != nil {
		return nil, err
	}
	spec, err := project.Check([]byte(in.Spec))
	if err != nil {
		return nil, &wrongError{err.Error()}
	}
	b := &ledger.ProjectRequested{Project: spec.Project, Spec: in.Spec}
	return b, q.may(b)
}

func amendProject(q *request) (ledger.Body, error) {
	asks, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	var in asked
	if err := q.take(&in); err != nil {
		return nil, err
	}
	if _, err := project.Check([]byte(in.Spec)); err != nil {
		return nil, &wrongError{err.Error()}
	}
	b := &ledger.ProjectAmended{Project: asks.Name, Spec: in.Spec, Reason: in.Reason}
	return b, q.may(b)
}

// signedEnvelope is a DSSE v1 envelope, however a program has written it down.
type signedEnvelope struct {
	Payload     []byte          `json:"payload"`     // the statement, canonical JSON (RFC 8785)
	PayloadType string          `json:"payloadType"` // application/vnd.rempart.statement+json
	Signatures  []dsseSignature `json:"signatures"`  // one
}

type dsseSignature struct {
	KeyID string `json:"keyid"` // as the prepared statement has it
	Sig   []byte `json:"sig"`   // Ed25519 of a key file; of a passkey, its assertion as JSON
}

// recordedData is a statement that is in the ledger.
type recordedData struct {
	Index   uint64    `json:"index"`
	Kind    string    `json:"kind"`
	Tells   sentence  `json:"tells"`
	Waits   bool      `json:"waits"`            // it has no effect before a second person has countersigned it
	Second  []string  `json:"second,omitempty"` // of which roles
	Until   time.Time `json:"until,omitzero"`   // by when
	Receipt string    `json:"receipt"`          // where it is proved
}

// statements takes a statement that its actor has signed. The same one, sent again,
// is answered the same and is recorded once.
func (p *Portal) statements(w http.ResponseWriter, r *http.Request) {
	p.record.Lock()
	defer p.record.Unlock()
	var (
		statement ledger.Statement
		envelope  []byte
		index     uint64
		known     bool
		scope     = deciding
	)
	status, body := p.ask(r, "", func(q *request) (a *answer, err error) {
		if statement, envelope, scope, err = q.handedIn(p.sessions.Who(r)); err != nil {
			return nil, err
		}
		index, known, err = q.recorded(statement, envelope)
		return &answer{}, err
	}, writeJSON)
	if status != http.StatusOK {
		p.sendJSON(w, status, scope, &body)
		return
	}
	var err error
	if !known {
		index, err = p.submit(r.Context(), envelope)
	}
	status, body = p.ask(r, scope, func(q *request) (*answer, error) {
		if err != nil {
			return nil, err
		}
		return q.nowRecorded(index)
	}, writeJSON)
	if status == http.StatusOK && !known {
		status = http.StatusCreated
	}
	w.Header().Set("Location", fmt.Sprintf("/api/v1/ledger/%d", index))
	p.sendJSON(w, status, scope, &body)
}

// handedIn is the statement that a program sends in its own name, its envelope, and the
// scope that it needs for that.
func (q *request) handedIn(who *Person) (statement ledger.Statement, envelope []byte, scope string, err error) {
	if who == nil {
		return statement, nil, deciding, errLogin
	}
	if who.Token != "" {
		return statement, nil, deciding, errForeign
	}
	var in signedEnvelope
	if err := q.take(&in); err != nil {
		return statement, nil, deciding, err
	}
	if envelope, err = json.Marshal(in); err != nil {
		return statement, nil, deciding, errUnreadable
	}
	if statement, err = ledger.Read(envelope); err != nil {
		return statement, nil, deciding, &wrongError{err.Error()}
	}
	body, err := saidBy(statement)
	if err != nil {
		return statement, nil, deciding, &wrongError{err.Error()}
	}
	scope = takes[body.Kind()]
	if scope == "" {
		return statement, nil, deciding, errHidden
	}
	if !slices.Contains(who.Scopes, scope) {
		q.lacks = scope
		return statement, nil, scope, errScope
	}
	if statement.Actor != who.Party || who.Projects != nil && !slices.Contains(who.Projects, q.about(body)) {
		return statement, nil, scope, errHidden
	}
	return statement, envelope, scope, nil
}

// saidBy is what a statement says: of a proposal, what is proposed.
func saidBy(s ledger.Statement) (ledger.Body, error) {
	body, err := s.Decode()
	if proposed, ok := body.(*ledger.Proposed); ok {
		return proposed.Decode()
	}
	return body, err
}

// recorded finds an envelope that is in the ledger already.
func (q *request) recorded(statement ledger.Statement, envelope []byte) (index uint64, known bool, err error) {
	for index := range q.told.Backward(register.Query{Party: statement.Actor, Kinds: []string{statement.Kind}}) {
		row := q.told.Row(index)
		if row.Time.Before(statement.Time.Add(-governance.Touch)) {
			break // what is signed is in the ledger within that time
		}
		e, err := q.read(index)
		if err != nil {
			return 0, false, err
		}
		if bytes.Equal(e.Envelope, envelope) {
			return index, true, nil
		}
	}
	return 0, false, nil
}

// nowRecorded tells of a statement that was recorded.
func (q *request) nowRecorded(index uint64) (*answer, error) {
	e, err := q.read(index)
	if err != nil {
		return nil, err
	}
	data := recordedData{Index: index, Kind: e.Statement.Kind, Tells: q.tell(e.Statement), Receipt: fmt.Sprintf("/api/v1/receipt/%d", index)}
	if w, waits := q.state.People.Waiting[index]; waits {
		data.Waits, data.Second, data.Until = true, w.Roles, w.Until
	}
	return &answer{data: data}, nil
}

// submit records what somebody has signed, and ends what it began.
func (p *Portal) submit(ctx context.Context, envelope []byte) (uint64, error) {
	e, err := p.w.Submit(ctx, envelope)
	var second *warehouse.SecondWanted
	if errors.As(err, &second) { // it is recorded, and waits
		e, err = second.Entry, nil
	}
	if err == nil {
		p.recorded(ctx, e)
	}
	return e.Index, err
}
