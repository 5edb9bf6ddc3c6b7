package portal

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// signData shows a person the text that the passkey is to sign.
type signData struct {
	Says        sentence `json:"says"`
	Text        string   `json:"statement"`
	Payload     string   `json:"-"` // the statement's bytes, in base64
	Challenge   string   `json:"-"` // what the passkey signs, in base64url
	RPID        string   `json:"-"`
	Credentials string   `json:"-"` // those that may sign, in base64url, separated by blanks
	Back        string   `json:"-"`
	Second      []string `json:"second,omitempty"` // of which roles a second person is needed
	Approves    string   `json:"-"`                // the text whose digest the statement names
}

// toSign shows the statement of a body, ready to be signed.
func (q *request) toSign(body ledger.Body, back string) (*answer, error) {
	due := q.state.Due(q.party.Name, q.now, body)
	if len(due.Second) > 0 {
		proposed, err := ledger.Propose(body)
		if err != nil {
			return nil, err
		}
		body = proposed
	}
	statement, err := ledger.New(q.party.Name, q.now, body)
	if err != nil {
		return nil, err
	}
	draft, err := ledger.NewDraft(statement)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(statement, "", "  ")
	if err != nil {
		return nil, err
	}
	data := signData{
		Says: append(sentence{{Text: q.party.Name + " "}}, q.tell(statement)...), Text: string(text),
		Payload: base64.StdEncoding.EncodeToString(payload), Challenge: ledger.URLBytes(draft.Challenge()).String(), Back: back,
	}
	for _, role := range due.Second {
		data.Second = append(data.Second, q.lang.Text("role."+role))
	}
	if approved, ok := body.(*ledger.ProjectApproved); ok {
		if project, ok := q.state.Projects.Get(approved.Project); ok && project.Waits() != nil {
			data.Approves = project.Waits().Text
		}
	}
	var ids []string
	for _, key := range q.state.PasskeysOf(q.party.Name) {
		if key.Origin == q.origin() {
			ids, data.RPID = append(ids, key.Credential.String()), key.RPID
		}
	}
	data.Credentials = strings.Join(ids, " ")
	return &answer{"sign", q.lang.Text("sign.title"), data}, nil
}

// origin is the address that the person's browser shows.
func (q *request) origin() string {
	if q.site != "" {
		return q.site
	}
	if q.TLS != nil {
		return "https://" + q.Host
	}
	return "http://" + q.Host
}

// signable are the kinds of statements that the portal takes: those that its forms
// make.
var signable = []string{
	ledger.ProjectApproved{}.Kind(), ledger.ProjectRefused{}.Kind(), ledger.ProjectSuspended{}.Kind(), ledger.ProjectResumed{}.Kind(),
	ledger.OutputReleased{}.Kind(), ledger.OutputRefused{}.Kind(), ledger.DerogationGranted{}.Kind(), ledger.EmergencyReviewed{}.Kind(),
	ledger.Countersigned{}.Kind(),
}

// signed makes the envelope of what a person has signed.
func (q *request) signed() ([]byte, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(q.PostForm.Get("payload"))
	if err != nil {
		return nil, errUnreadable
	}
	var statement ledger.Statement
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&statement) != nil {
		return nil, errUnreadable
	}
	if again, err := json.Marshal(statement); err != nil || !bytes.Equal(again, payload) {
		return nil, errUnreadable
	}
	body, err := statement.Decode()
	if proposed, ok := body.(*ledger.Proposed); ok {
		body, err = proposed.Decode()
	}
	if err != nil {
		return nil, errUnreadable
	}
	if statement.Actor != q.party.Name || !slices.Contains(signable, body.Kind()) {
		return nil, errHidden
	}
	draft, err := ledger.NewDraft(statement)
	if err != nil {
		return nil, err
	}
	var a ledger.Assertion
	for name, to := range map[string]*ledger.URLBytes{"authenticatorData": &a.AuthenticatorData, "clientDataJSON": &a.ClientDataJSON, "signature": &a.Signature} {
		if *to, err = ledger.ParseURLBytes(q.PostForm.Get(name)); err != nil {
			return nil, errUnreadable
		}
	}
	for _, key := range q.state.PasskeysOf(q.party.Name) {
		if key.Credential.String() != q.PostForm.Get("credential") {
			continue
		}
		if err := draft.Assert(key.Passkey, a); err != nil {
			return nil, &governance.Refusal{Reason: err.Error()}
		}
		return draft.Envelope()
	}
	return nil, &governance.Refusal{Reason: fmt.Sprintf("this is no passkey of %s", q.party.Name)}
}

// errUnreadable says that a form was not made by our page.
var errUnreadable = &governance.Refusal{Reason: "what was sent is not what the page asks to sign"}

// sign records what a person has signed with a passkey.
func (p *Portal) sign(w http.ResponseWriter, r *http.Request) {
	var envelope []byte
	refused := false
	status, body := p.ask(r, own(func(q *request) (*answer, error) {
		var err error
		if envelope, err = q.signed(); err != nil {
			refused = true
			return nil, err
		}
		return &answer{}, nil
	}), func(b *bytes.Buffer, q *request, a *answer) error {
		if a.template == "" {
			return nil
		}
		return writePage(b, q, a)
	})
	if refused || status != http.StatusOK {
		p.sendPage(w, r, status, &body)
		return
	}
	e, err := p.w.Submit(r.Context(), envelope)
	var second *warehouse.SecondWanted
	if errors.As(err, &second) { // it is recorded, and waits
		e, err = second.Entry, nil
	}
	if err != nil {
		p.html(w, r, func(*request) (*answer, error) { return nil, err })
		return
	}
	p.recorded(r.Context(), e)
	http.Redirect(w, r, fmt.Sprintf("/ledger/%d?done=1", e.Index), http.StatusSeeOther)
}

// own lets a view answer only to a form that the same session was shown.
func own(view func(*request) (*answer, error)) func(*request) (*answer, error) {
	return func(q *request) (*answer, error) {
		if err := q.loggedIn(); err != nil {
			return nil, err
		}
		if err := q.ParseForm(); err != nil {
			return nil, errUnreadable
		}
		if q.who.Token == "" || subtle.ConstantTimeCompare([]byte(q.PostForm.Get("csrf")), []byte(q.who.Token)) != 1 {
			return nil, errForeign
		}
		return view(q)
	}
}

// errForeign says that a form comes from another page than ours, or is too old.
var errForeign = errors.New("the form is of another session")
