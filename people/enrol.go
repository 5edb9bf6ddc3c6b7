package people

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// enrolling is somebody who registers a passkey.
type enrolling struct{ party, code, name string }

func (s *Service) enrolPage(w http.ResponseWriter, r *http.Request) {
	// The party may stand in the address that the controller hands out; the code may
	// not: addresses end up in histories and logs.
	s.show(w, r, http.StatusOK, "enrol.title", "enrol", map[string]string{"Party": r.URL.Query().Get("party")})
}

// creationOptions is what a browser asks an authenticator to make (WebAuthn,
// PublicKeyCredentialCreationOptions, as JSON).
type creationOptions struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          ledger.URLBytes `json:"id"`
		Name        string          `json:"name"`
		DisplayName string          `json:"displayName"`
	} `json:"user"`
	Challenge              ledger.URLBytes                `json:"challenge"`
	PubKeyCredParams       []protocol.CredentialParameter `json:"pubKeyCredParams"`
	ExcludeCredentials     []descriptor                   `json:"excludeCredentials,omitempty"`
	AuthenticatorSelection struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
	Timeout     int    `json:"timeout"`
}

// algorithms are those that statements may be signed with.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

func (s *Service) enrolBegin(w http.ResponseWriter, r *http.Request) {
	var in struct{ Party, Code, Name string }
	from := addressOf(r)
	err := ask(r, &in)
	c := &ceremony{kind: "enrol", challenge: challenge(), to: "/", enrolment: &enrolling{strings.TrimSpace(in.Party), strings.TrimSpace(in.Code), strings.TrimSpace(in.Name)}}
	o := creationOptions{Challenge: c.challenge, PubKeyCredParams: algorithms, Attestation: "none", Timeout: int(ceremonyLife.Milliseconds())}
	if err == nil {
		err = s.read(r.Context(), func(state *governance.State) error {
			e := state.People.Enrolments[ledger.Sum([]byte(c.enrolment.code))]
			if e == nil || e.Party != c.enrolment.party || !e.Open(s.now()) || state.Parties[e.Party].Left != nil {
				return errDenied
			}
			for _, k := range state.PasskeysOf(e.Party) {
				o.ExcludeCredentials = append(o.ExcludeCredentials, descriptor{"public-key", k.Credential})
			}
			o.RP.Name = state.Warehouse.Name
			return nil
		})
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "an enrolment failed", "from", from)
		s.fail(w, r, s.limits.failure("enrol", from, err))
		return
	}
	handle := sha256.Sum256([]byte("rempart\x00" + c.enrolment.party))
	o.RP.ID, o.User.ID, o.User.Name, o.User.DisplayName = s.rpID, handle[:], c.enrolment.party, c.enrolment.party
	o.AuthenticatorSelection.ResidentKey, o.AuthenticatorSelection.UserVerification = "required", "required"
	s.begin(w, c)
	answer(w, http.StatusOK, o)
}

// created is what a browser hands on of a new passkey.
type created struct {
	ID                ledger.URLBytes
	AttestationObject ledger.URLBytes
	ClientDataJSON    ledger.URLBytes
}

// passkey checks what was created. Which authenticator made it is not asked.
func (s *Service) passkey(in created, challenge []byte) (b ledger.PasskeyRegistered, err error) {
	text, err := json.Marshal(map[string]any{
		"id": in.ID, "rawId": in.ID, "type": "public-key",
		"response": map[string]any{"attestationObject": in.AttestationObject, "clientDataJSON": in.ClientDataJSON},
	})
	if err != nil {
		return b, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(text)
	if err != nil {
		return b, err
	}
	_, err = parsed.Verify(ledger.URLBytes(challenge).String(), s.rpID, []string{s.origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, true, true, nil, algorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return b, err
	}
	data := parsed.Response.AttestationObject.AuthData
	b.Passkey = ledger.Passkey{Credential: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, RPID: s.rpID, Origin: s.origin}
	b.Synced = data.Flags.HasBackupEligible()
	return b, b.Check()
}

func (s *Service) enrolCreate(w http.ResponseWriter, r *http.Request) {
	var in created
	err := ask(r, &in)
	c := s.take(w, r, "enrol")
	if err == nil && c == nil {
		err = errDenied
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body, err := s.passkey(in, c.challenge)
	if err != nil {
		s.fail(w, r, &statusError{http.StatusBadRequest, errors.New(s.text(r, "error.passkey"))})
		return
	}
	body.Name, body.Code = c.enrolment.name, c.enrolment.code
	statement, err := ledger.New(c.enrolment.party, s.now(), body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	next := &ceremony{kind: "enrolled", to: c.to, party: c.enrolment.party}
	if next.draft, err = ledger.NewDraft(statement); err != nil {
		s.fail(w, r, err)
		return
	}
	next.enrolment = c.enrolment
	s.begin(w, next)
	answer(w, http.StatusOK, s.toSign(next.draft.Challenge(), body.Passkey))
}

func (s *Service) enrolFinish(w http.ResponseWriter, r *http.Request) {
	var in signedBy
	err := ask(r, &in)
	c := s.take(w, r, "enrolled")
	if err == nil && c == nil {
		err = errDenied
	}
	var body ledger.Body
	if err == nil {
		body, err = c.draft.Statement.Decode()
	}
	if err == nil {
		err = s.record(r, c.draft, body.(*ledger.PasskeyRegistered).Passkey, in.Assertion)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.limits.succeeded("enrol", addressOf(r))
	var party governance.Party
	err = s.read(r.Context(), func(state *governance.State) error {
		party = state.Parties[c.party]
		return nil
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.enter(w, r, party, "passkey", oidcSub{})
	answer(w, http.StatusOK, map[string]string{"to": c.to})
}

// record submits a statement that a passkey has signed.
func (s *Service) record(r *http.Request, draft *ledger.Draft, key ledger.Passkey, a ledger.Assertion) error {
	if err := draft.Assert(key, a); err != nil {
		return &governance.Refusal{Reason: err.Error(), Remedy: s.text(r, "error.again")}
	}
	envelope, err := draft.Envelope()
	if err != nil {
		return err
	}
	e, err := s.Warehouse.Submit(r.Context(), envelope)
	if err == nil && s.After != nil {
		s.After(r.Context(), e)
	}
	return err
}
