package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/warehouse"
)

// Explained is a statement with all that makes it count.
type Explained struct {
	Line
	Effect    time.Time `json:"effect"` // when it was taken in; a person may have signed it some minutes earlier
	Role      string    `json:"role"`   // of its actor
	Signature Signature `json:"signature"`
	Second    *Second   `json:"second,omitempty"` // nil where none is needed
	Rules     []Rule    `json:"rules"`            // those that allowed it; none for the first statement
	Envelope  []byte    `json:"-"`                // as it is in the log
}

// Signature is how a statement was signed.
type Signature struct {
	By      string `json:"by"`                // "key file" or "passkey"
	Key     string `json:"key"`               // the public key; of a passkey its id
	Passkey string `json:"passkey,omitempty"` // as its owner calls it
	Known   uint64 `json:"known"`             // the statement that made the key known
}

// Second is the second person's word on a proposal.
type Second struct {
	Waits     bool       `json:"waits"`   // nobody has spoken yet
	Refused   bool       `json:"refused"` // or the first person has withdrawn it
	Statement uint64     `json:"statement,omitempty"`
	Actor     string     `json:"actor,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Roles     []string   `json:"roles,omitempty"` // of whom it may be, where it waits
	Until     *time.Time `json:"until,omitempty"` // by when
}

// Rule is a policy that allowed a statement.
type Rule struct {
	ID   string `json:"id"`
	Says string `json:"says"`
}

// Explain tells a statement whole. The error is fs.ErrNotExist where the ledger is
// not that long.
func Explain(ctx context.Context, w *warehouse.Warehouse, l *words.Language, index uint64) (x Explained, err error) {
	e, err := w.Log.Entry(ctx, index)
	if err != nil {
		return x, err
	}
	body, err := e.Statement.Decode()
	if err != nil {
		return x, err
	}
	x.Envelope = e.Envelope
	err = w.Read(ctx, func(m *warehouse.Model) error {
		if index >= m.Register.Len() {
			return fs.ErrNotExist
		}
		row := m.Register.Row(index)
		x.Line, x.Effect = line(l, row, e.Statement), row.Time
		party := m.State.Parties[e.Statement.Actor]
		x.Role = string(party.Role)
		x.Signature = Signature{By: "key file", Key: party.Signing.String(), Known: party.Index}
		id, err := ledger.PasskeyOf(e.Envelope)
		if err != nil {
			return err
		}
		if k := m.State.People.Passkeys[id]; id != "" && k != nil {
			x.Signature = Signature{By: "passkey", Key: id, Passkey: k.Name, Known: k.Index}
		}
		if _, proposes := body.(*ledger.Proposed); proposes {
			x.Second, err = second(ctx, w.Log, m, index)
		}
		return err
	})
	if err != nil {
		return x, err
	}
	x.Rules, err = rules(ctx, w, e, body)
	return x, err
}

// second finds what the second person said of a proposal.
func second(ctx context.Context, log *ledger.Log, m *warehouse.Model, index uint64) (*Second, error) {
	if waits, ok := m.State.People.Waiting[index]; ok {
		return &Second{Waits: true, Roles: waits.Roles, Until: &waits.Until}, nil
	}
	for at := range m.Register.Forward(register.Query{Kinds: []string{ledger.Countersigned{}.Kind()}, From: m.Register.Row(index).Time}) {
		e, err := log.Entry(ctx, at)
		if err != nil {
			return nil, err
		}
		body, err := e.Statement.Decode()
		if err != nil {
			return nil, err
		}
		if b, ok := body.(*ledger.Countersigned); ok && b.Entry == index {
			return &Second{Refused: b.Refused, Statement: at, Actor: e.Statement.Actor, Time: &e.Statement.Time, Reason: b.Reason}, nil
		}
	}
	return nil, fmt.Errorf("no statement countersigns statement %d, though it does not wait", index)
}

// rules are those that allowed a statement. Where only one rule permits its kind,
// it was that one, for the gate let the statement in; where there are several, they
// are asked again with what the ledger knew then.
func rules(ctx context.Context, w *warehouse.Warehouse, e ledger.Entry, body ledger.Body) ([]Rule, error) {
	kind := e.Statement.Kind
	if p, ok := body.(*ledger.Proposed); ok {
		kind = p.Statement
	}
	all := []Rule{}
	for _, r := range governance.Rules() {
		if r.Effect == "permit" && slices.Contains(r.Actions, kind) {
			all = append(all, Rule{r.ID, r.Says})
		}
	}
	if len(all) < 2 || e.Index == 0 {
		return all, nil
	}
	state := governance.NewState()
	state.Beside(w.Log.Attached)
	err := w.Log.Entries(ctx, func(before ledger.Entry) error {
		if before.Index == e.Index {
			return errDone
		}
		return state.Admit(ctx, before)
	})
	if err != nil && !errors.Is(err, errDone) {
		return nil, err
	}
	facts, err := state.Facts(e.Statement, body)
	if err != nil {
		return nil, err
	}
	decision, err := facts.Decide()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r Rule) bool { return !slices.Contains(decision.Rules, r.ID) }), nil
}
