package ledger

import (
	"encoding/json"
	"time"
)

// What people sign with, and how they come in.
type (
	// EnrolmentOpened lets a party register a passkey once, with a code that it
	// was handed outside the ledger.
	EnrolmentOpened struct {
		Party  string    `json:"party"`
		Code   Digest    `json:"code"` // SHA-256 of the code
		Until  time.Time `json:"until"`
		Reason string    `json:"reason"`
	}
	// PasskeyRegistered gives its actor a passkey. It is signed with that very
	// passkey, and shows the enrolment's code, which it spends.
	PasskeyRegistered struct {
		Passkey
		Name   string `json:"name"`   // as its owner calls it
		Synced bool   `json:"synced"` // it may be copied to other devices of its owner
		Code   string `json:"code"`
	}
	// PasskeyRemoved ends a passkey. What it has signed stays signed.
	PasskeyRemoved struct {
		Party      string   `json:"party"`
		Credential URLBytes `json:"credential"`
		Reason     string   `json:"reason"`
	}
	// LoginLinked says whom an OpenID Connect provider means by a subject.
	LoginLinked struct {
		Party   string `json:"party"`
		Issuer  string `json:"issuer"`
		Subject string `json:"subject"`
	}
	// LoginUnlinked ends that.
	LoginUnlinked struct {
		Issuer  string `json:"issuer"`
		Subject string `json:"subject"`
		Reason  string `json:"reason"`
	}
	// SigningRulesSet says how statements are signed from now on; the last one
	// counts, whole.
	SigningRulesSet struct {
		Passkeys   string              `json:"passkeys"`              // for decisions: "once-registered" or "required"
		From       time.Time           `json:"from,omitzero"`         // from when on they are required
		TwoPersons map[string][]string `json:"two_persons,omitempty"` // kinds that wait for a second person, and of which roles
		Reason     string              `json:"reason"`
	}
	// Proposed is what its actor would state, were it not for a second person who
	// is needed. It has no effect before it is countersigned.
	Proposed struct {
		Statement string          `json:"statement"` // its kind
		Says      json.RawMessage `json:"says"`      // its body
	}
	// Countersigned is the second person's word on a proposal: with it, the proposal
	// takes effect as if it were stated now. Where it refuses, or the first person
	// withdraws, it never does.
	Countersigned struct {
		Entry    uint64 `json:"entry"`
		Envelope Digest `json:"envelope"` // of that entry, as it is in the log
		Refused  bool   `json:"refused"`
		Reason   string `json:"reason"`
	}
	// StepOrdered is a person's decision on a step whose own statement a machine
	// makes at its end, and which is made only under such an order.
	StepOrdered struct {
		Step   string    `json:"step"` // "host-migrated", "host-left" or "host-erased"
		Host   string    `json:"host"` // to move to, to leave, or to erase
		Until  time.Time `json:"until"`
		Reason string    `json:"reason"`
	}
	// TokenIssued lets a program act for its actor over the API for a while.
	TokenIssued struct {
		Token    string    `json:"token"` // its id
		Secret   Digest    `json:"secret"`
		Name     string    `json:"name"`
		Scopes   []string  `json:"scopes"`
		Projects []string  `json:"projects,omitempty"` // in which; none: in all of the actor's
		Until    time.Time `json:"until"`
	}
	// TokenRevoked ends a token.
	TokenRevoked struct {
		Token  string `json:"token"`
		Reason string `json:"reason"`
	}
)

// Kind implements [Body] for every kind.
func (EnrolmentOpened) Kind() string   { return "enrolment-opened" }
func (PasskeyRegistered) Kind() string { return "passkey-registered" }
func (PasskeyRemoved) Kind() string    { return "passkey-removed" }
func (LoginLinked) Kind() string       { return "login-linked" }
func (LoginUnlinked) Kind() string     { return "login-unlinked" }
func (SigningRulesSet) Kind() string   { return "signing-rules-set" }
func (Proposed) Kind() string          { return "proposed" }
func (Countersigned) Kind() string     { return "countersigned" }
func (StepOrdered) Kind() string       { return "step-ordered" }
func (TokenIssued) Kind() string       { return "token-issued" }
func (TokenRevoked) Kind() string      { return "token-revoked" }

// Propose makes a proposal of what somebody would state.
func Propose(body Body) (Proposed, error) {
	raw, err := json.Marshal(body)
	return Proposed{Statement: body.Kind(), Says: raw}, err
}

// Decode is what the proposal would state.
func (p Proposed) Decode() (Body, error) {
	return Statement{Kind: p.Statement, Version: Version, Body: p.Says}.Decode()
}
