package portal

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// signData is the statement that is to be signed, with what a person and a program
// need for that.
type signData struct {
	Says        sentence         `json:"says"`
	Statement   ledger.Statement `json:"statement"`
	Payload     []byte           `json:"payload"`      // the statement's bytes: what goes into the DSSE envelope
	PayloadType string           `json:"payload_type"` // of the envelope
	KeyID       string           `json:"key_id"`       // of the party's key file
	Passkey     bool             `json:"passkey"`      // a passkey has to sign; the key file does not do
	Challenge   ledger.URLBytes  `json:"challenge"`    // what a passkey signs: the SHA-256 of the envelope's pre-authentication encoding
	RPID        string           `json:"rp_id,omitempty"`
	Credentials []string         `json:"credentials"`        // passkeys that may sign, in base64url
	Second      []string         `json:"second,omitempty"`   // of which roles a second person is needed: the statement is a proposal
	Approves    string           `json:"approves,omitempty"` // the text whose digest the statement names
	Text        string           `json:"-"`                  // the statement, indented
	Back        string           `json:"-"`
	Warning     string           `json:"warning,omitempty"` // of what cannot be undone
	Roles       []string         `json:"-"`                 // Second, in words
}

// toSign shows the statement of a body, ready to be signed.
func (q *request) toSign(body ledger.Body, back, warning string) (*answer, error) {
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
	payload, err := statement.Canonical()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(statement, "", "  ")
	if err != nil {
		return nil, err
	}
	data := signData{
		Says: append(sentence{{Text: q.party.Name + " "}}, q.tell(statement)...), Statement: statement, Text: string(text), Back: back, Warning: warning,
		Payload: payload, PayloadType: ledger.PayloadType, Challenge: draft.Challenge(), Passkey: due.Passkey, Second: due.Second, Credentials: []string{},
	}
	if data.KeyID, err = q.party.Signing.KeyID(); err != nil {
		return nil, err
	}
	for _, role := range due.Second {
		data.Roles = append(data.Roles, q.lang.Text("role."+role))
	}
	data.Approves = q.state.Approves(body)
	for _, key := range q.state.PasskeysOf(q.party.Name) {
		if key.Origin == q.origin() {
			data.Credentials, data.RPID = append(data.Credentials, key.Credential.String()), key.RPID
		}
	}
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
	if again, err := statement.Canonical(); err != nil || !bytes.Equal(again, payload) {
		return nil, errUnreadable
	}
	body, err := saidBy(statement)
	if err != nil {
		return nil, errUnreadable
	}
	if statement.Actor != q.party.Name || takes[body.Kind()] == "" {
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

// errUnreadable says that what was sent was not made by our page, or is no JSON of ours.
var errUnreadable = errors.New("what was sent cannot be read")

// sign records what a person has signed with a passkey.
func (p *Portal) sign(w http.ResponseWriter, r *http.Request) {
	var envelope []byte
	refused := false
	status, body := p.ask(r, reading, own(func(q *request) (*answer, error) {
		var err error
		if envelope, err = q.signed(); err != nil {
			refused = true
			return nil, err
		}
		return &answer{}, nil
	}), onlyFaults(writePage))
	if refused || status != http.StatusOK {
		p.sendPage(w, r, status, &body)
		return
	}
	index, err := p.submit(r.Context(), envelope)
	if err != nil {
		p.html(w, r, func(*request) (*answer, error) { return nil, err })
		return
	}
	to := fmt.Sprintf("/ledger/%d?done=1", index)
	if statement, err := ledger.Read(envelope); err == nil {
		if body, err := statement.Decode(); err == nil {
			switch b := body.(type) {
			case *ledger.OutputViewed:
				to = fmt.Sprintf("/outputs/%s/content?statement=%d", url.PathEscape(b.Output), index)
			case *ledger.OutputChangeRequested:
				to = "/outputs/" + url.PathEscape(governance.Changed(b.Output, b.Method))
			case *ledger.OutputCommented:
				to = "/outputs/" + url.PathEscape(b.Output)
			case *ledger.OutputAssigned:
				to = "/outputs/" + url.PathEscape(b.Output)
			}
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// own lets a view answer only to a form that the same session was shown.
func own(view func(*request) (*answer, error)) func(*request) (*answer, error) {
	return func(q *request) (*answer, error) {
		if err := q.ownForm(); err != nil {
			return nil, err
		}
		return view(q)
	}
}

// ownForm reads the form that the same session was shown, and refuses any other.
func (q *request) ownForm() error {
	if err := q.loggedIn(); err != nil {
		return err
	}
	if err := q.ParseForm(); err != nil {
		return errUnreadable
	}
	if q.who.Token == "" || subtle.ConstantTimeCompare([]byte(q.PostForm.Get("csrf")), []byte(q.who.Token)) != 1 {
		return errForeign
	}
	return nil
}

// errForeign says that a form comes from another page than ours, or is too old.
var errForeign = errors.New("the form is of another session")
