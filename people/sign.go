package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/warehouse"
)

// errForged says that a form was not made for the session that it came in.
var errForged = &statusError{http.StatusForbidden, errors.New("this form is not yours, or is old: load the page again")}

// errLogin says that somebody has to log in first.
var errLogin = &statusError{http.StatusUnauthorized, errors.New("log in first")}

// errAbsent says that there is nothing of that name for this person.
var errAbsent = &statusError{http.StatusNotFound, errors.New("nothing waits here")}

// Ask puts a statement before its actor's passkey and returns the page where it
// waits.
func (s *Service) Ask(ctx context.Context, party string, body ledger.Body) (string, error) {
	r, err := s.Warehouse.Ask(ctx, party, body)
	return "/sign/" + r.ID, err
}

// waiting is the request of an address, if it waits for who asks.
func (s *Service) waiting(r *http.Request) (*Session, *warehouse.Request, error) {
	who := From(r.Context())
	if who == nil || who.Token != nil {
		return nil, nil, errLogin
	}
	request, err := s.Warehouse.Request(r.PathValue("request"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && request.Actor != who.Party {
		return who, nil, errAbsent
	}
	return who, request, err
}

// Waits lists what waits for a party's passkey, the oldest first.
func (s *Service) Waits(ctx context.Context, party string) (own []warehouse.Request, err error) {
	all, err := s.Warehouse.Requests(ctx)
	for _, r := range all {
		if r.Actor == party {
			own = append(own, r)
		}
	}
	return own, err
}

func (s *Service) signPage(w http.ResponseWriter, r *http.Request) {
	who, request, err := s.waiting(r)
	if errors.Is(err, errLogin) {
		http.Redirect(w, r, "/login?to="+r.URL.Path, http.StatusSeeOther)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var text bytes.Buffer
	says, err := s.says(r, request)
	if err == nil {
		err = json.Indent(&text, request.Body, "", "  ")
	}
	var approves string
	if err == nil {
		approves, err = s.approves(r.Context(), request)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "sign.title", "sign", map[string]any{
		"ID": request.ID, "Says": says, "Approves": approves, "Asked": request.Asked, "Text": text.String(), "CSRF": who.CSRF,
		"Digest": ledger.Sum(request.Body),
	})
}

// says tells what a request would state, in the words that the ledger is told in.
func (s *Service) says(r *http.Request, request *warehouse.Request) (words.Sentence, error) {
	statement := request.Statement(s.now())
	if _, err := statement.Decode(); err != nil {
		return nil, err
	}
	told := tell.Statement(tellers()[s.language(r)], statement)
	return append(words.Sentence{{Text: request.Actor + " "}}, told...), nil
}

var tellers = sync.OnceValue(func() map[string]*words.Language { return words.Load(tell.Catalogue) })

// approves is the text of an authorisation whose digest a request names, or "".
func (s *Service) approves(ctx context.Context, request *warehouse.Request) (text string, err error) {
	body, err := request.Statement(s.now()).Decode()
	if err != nil {
		return "", err
	}
	err = s.read(ctx, func(state *governance.State) error {
		text = state.Approves(body)
		return nil
	})
	return text, err
}

// keysOf are the passkeys that a party can sign with here.
func (s *Service) keysOf(state *governance.State, party string) (keys []ledger.Passkey) {
	for _, k := range state.PasskeysOf(party) {
		if k.Origin == s.origin {
			keys = append(keys, k.Passkey)
		}
	}
	return keys
}

// statement is what a request states now: a proposal where a second person is needed.
func (s *Service) statement(ctx context.Context, request *warehouse.Request) (statement ledger.Statement, keys []ledger.Passkey, err error) {
	statement = request.Statement(s.now())
	body, err := statement.Decode()
	if err != nil {
		return statement, nil, err
	}
	err = s.read(ctx, func(state *governance.State) error {
		if keys = s.keysOf(state, request.Actor); len(keys) == 0 {
			return &governance.Refusal{Reason: request.Actor + " has no passkey here", Remedy: "Register one: rempart people enrol " + request.Actor}
		}
		if err := state.Authorise(statement, body); err != nil {
			return err
		}
		if state.Due(request.Actor, statement.Time, body).Second == nil {
			return nil
		}
		proposed, err := ledger.Propose(body)
		if err == nil {
			statement, err = ledger.New(request.Actor, statement.Time, proposed)
		}
		return err
	})
	return statement, keys, err
}

func (s *Service) signBegin(w http.ResponseWriter, r *http.Request) {
	var in struct {
		CSRF   string
		Digest ledger.Digest // of what the page showed
	}
	err := ask(r, &in)
	who, request, absent := s.waiting(r)
	switch {
	case err != nil:
	case absent != nil:
		err = absent
	case !who.Valid(in.CSRF):
		err = errForged
	case in.Digest != ledger.Sum(request.Body):
		err = &governance.Refusal{Reason: "what waits is no longer what the page showed", Remedy: "Load the page again, and read it"}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	statement, keys, err := s.statement(r.Context(), request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := &ceremony{kind: "sign", request: request.ID, party: who.Party, to: "/"}
	if c.draft, err = ledger.NewDraft(statement); err != nil {
		s.fail(w, r, err)
		return
	}
	s.begin(w, c)
	answer(w, http.StatusOK, s.toSign(c.draft.Challenge(), keys...))
}

func (s *Service) signFinish(w http.ResponseWriter, r *http.Request) {
	var in signedBy
	err := ask(r, &in)
	c := s.take(w, r, "sign")
	who, request, absent := s.waiting(r)
	switch {
	case err != nil:
	case absent != nil:
		err = absent
	case c == nil || c.party != who.Party || c.request != request.ID:
		err = &governance.Refusal{Reason: "it took too long, or was begun elsewhere", Remedy: s.text(r, "error.again")}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var key ledger.Passkey
	err = s.read(r.Context(), func(state *governance.State) error {
		k := state.People.Passkeys[ledger.Passkey{Credential: in.ID}.KeyID()]
		if k == nil || k.Party != who.Party || k.Removed != nil {
			return errDenied
		}
		key = k.Passkey
		return nil
	})
	if err == nil {
		err = s.record(r, c.draft, key, in.Assertion)
	}
	var second *warehouse.SecondWanted
	if err != nil && !errors.As(err, &second) {
		s.fail(w, r, err)
		return
	}
	if err := s.Warehouse.Dismiss(request.ID); err != nil {
		s.Log.ErrorContext(r.Context(), "forget a request", "error", err)
	}
	answer(w, http.StatusOK, map[string]string{"to": c.to})
}

func (s *Service) signDismiss(w http.ResponseWriter, r *http.Request) {
	who, request, err := s.waiting(r)
	if err == nil && !who.Valid(r.PostFormValue("csrf")) {
		err = errForged
	}
	if err == nil {
		err = s.Warehouse.Dismiss(request.ID)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Service) accountPage(w http.ResponseWriter, r *http.Request) {
	who := From(r.Context())
	if who == nil || who.Token != nil {
		http.Redirect(w, r, "/login?to=/account", http.StatusSeeOther)
		return
	}
	type waiting struct {
		ID    string
		Says  words.Sentence
		Asked time.Time
	}
	type passkey struct {
		Name, ID    string
		Synced      bool
		Since       time.Time
		Entry       uint64
		Credentials string
	}
	type token struct {
		ID, Name, Scopes string
		Until            time.Time
	}
	type session struct {
		ID, Method, Address, Agent string
		Since, Seen                time.Time
		This                       bool
	}
	data := struct {
		Party, Role, CSRF string
		Sessions          []session
		Passkeys          []passkey
		Tokens            []token
		Waiting           []waiting
	}{Party: who.Party, Role: tellers()[s.language(r)].Text("role." + string(who.Role)), CSRF: who.CSRF}
	for _, one := range s.sessions.list(who.Party) {
		data.Sessions = append(data.Sessions, session{one.name(), one.Method, one.address, one.agent, one.Since, one.seen, one.id == who.id})
	}
	err := s.read(r.Context(), func(state *governance.State) error {
		for _, k := range state.PasskeysOf(who.Party) {
			data.Passkeys = append(data.Passkeys, passkey{Name: k.Name, ID: k.Credential.String(), Synced: k.Synced, Since: k.Time, Entry: k.Index})
		}
		for _, t := range state.TokensOf(who.Party, s.now()) {
			data.Tokens = append(data.Tokens, token{t.Token, t.Name, fmt.Sprint(t.Scopes), t.Until})
		}
		return nil
	})
	var requests []warehouse.Request
	if err == nil {
		requests, err = s.Waits(r.Context(), who.Party)
	}
	for i := 0; i < len(requests) && err == nil; i++ {
		one := waiting{ID: requests[i].ID, Asked: requests[i].Asked}
		one.Says, err = s.says(r, &requests[i])
		data.Waiting = append(data.Waiting, one)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "account.title", "account", data)
}
