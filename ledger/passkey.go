package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Passkey is the public half of a WebAuthn credential: a person's key that
// never leaves its authenticator, and that signs only for one site.
type Passkey struct {
	Credential URLBytes `json:"credential"` // its id, at most 1023 bytes
	PublicKey  URLBytes `json:"public_key"` // COSE_Key, RFC 9052: ES256, EdDSA (Ed25519) or RS256
	RPID       string   `json:"rp_id"`      // the domain that it is bound to
	Origin     string   `json:"origin"`     // of the pages that may ask it, such as https://portal.example.eu
}

// URLBytes are bytes that JSON holds in base64url without padding, as WebAuthn
// does. Any other spelling of them is an error.
type URLBytes []byte

// String is the JSON form.
func (b URLBytes) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalText implements [encoding.TextMarshaler].
func (b URLBytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *URLBytes) UnmarshalText(text []byte) (err error) {
	if strings.ContainsAny(string(text), "\r\n") {
		return errors.New("base64url with line breaks")
	}
	*b, err = base64.RawURLEncoding.Strict().DecodeString(string(text))
	return err
}

// ParseURLBytes reads the text form of URLBytes.
func ParseURLBytes(text string) (b URLBytes, err error) { return b, b.UnmarshalText([]byte(text)) }

// passkeyPrefix begins the keyid of a passkey's signature in an envelope.
const passkeyPrefix = "passkey:"

// KeyID names the passkey in an envelope: "passkey:" and the SHA-256 of the
// credential's id, in hexadecimal.
func (p Passkey) KeyID() string {
	sum := sha256.Sum256(p.Credential)
	return passkeyPrefix + hex.EncodeToString(sum[:])
}

// Check says whether the passkey can verify anything: that its key is of an
// algorithm that we take, and its site is one that browsers let passkeys be of.
func (p Passkey) Check() error {
	if n := len(p.Credential); n < 16 || n > 1023 {
		return fmt.Errorf("a passkey's id has %d bytes: want 16 to 1023", n)
	}
	if err := p.checkKey(); err != nil {
		return err
	}
	host, err := OriginHost(p.Origin)
	if err != nil {
		return err
	}
	if host != p.RPID && !strings.HasSuffix(host, "."+p.RPID) {
		return fmt.Errorf("a passkey of %q cannot sign at %s", p.RPID, p.Origin)
	}
	return nil
}

// maxKey bounds a COSE key: RSA of 4096 bits has about 530 bytes.
const maxKey = 1100

// checkKey takes ES256 on P-256, Ed25519, and RS256 of 2048 bits or more.
func (p Passkey) checkKey() error {
	if len(p.PublicKey) > maxKey {
		return fmt.Errorf("a passkey's public key has %d bytes: at most %d", len(p.PublicKey), maxKey)
	}
	key, err := webauthncose.ParsePublicKey(p.PublicKey)
	if err != nil {
		return fmt.Errorf("a passkey's public key: %w", err)
	}
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256) {
			return nil
		}
	case webauthncose.OKPPublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgEdDSA) && k.Curve == int64(webauthncose.Ed25519) {
			return nil
		}
	case webauthncose.RSAPublicKeyData:
		if k.Algorithm == int64(webauthncose.AlgRS256) && len(k.Modulus) >= 256 {
			return nil
		}
	}
	return errors.New("a passkey's public key is of no algorithm that we take: want ES256, EdDSA or RS256")
}

// Assertion is what an authenticator answers: a passkey's signature, in the
// terms of WebAuthn. In an envelope it is the "sig", as JSON.
type Assertion struct {
	AuthenticatorData URLBytes `json:"authenticatorData"`
	ClientDataJSON    URLBytes `json:"clientDataJSON"`
	Signature         URLBytes `json:"signature"`
}

// VerifyChallenge verifies an assertion by the passkey over a challenge: WebAuthn
// Level 3, section 7.2, steps 10 to 23, with the person present and verified (by
// a PIN or a finger). It returns the authenticator's count of signatures, 0 for
// one that does not count.
func (p Passkey) VerifyChallenge(a Assertion, challenge []byte) (counter uint32, err error) {
	if err := p.Check(); err != nil {
		return 0, err
	}
	// Nobody shall read other client data than we do: no name twice, none that
	// differs in its case alone.
	var names map[string]any
	if err := jsonv2.Unmarshal(a.ClientDataJSON, &names); err != nil {
		return 0, fmt.Errorf("a passkey's client data: %w", err)
	}
	lower := map[string]bool{}
	for name := range names {
		if lower[strings.ToLower(name)] {
			return 0, errors.New("a passkey's client data says something twice")
		}
		lower[strings.ToLower(name)] = true
	}
	response := protocol.CredentialAssertionResponse{
		PublicKeyCredential: protocol.PublicKeyCredential{
			Credential: protocol.Credential{ID: p.Credential.String(), Type: "public-key"},
			RawID:      protocol.URLEncodedBase64(p.Credential),
		},
		AssertionResponse: protocol.AuthenticatorAssertionResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: protocol.URLEncodedBase64(a.ClientDataJSON)},
			AuthenticatorData:     protocol.URLEncodedBase64(a.AuthenticatorData),
			Signature:             protocol.URLEncodedBase64(a.Signature),
		},
	}
	parsed, err := response.Parse()
	if err != nil {
		return 0, fmt.Errorf("a passkey's signature cannot be read: %w", err)
	}
	if parsed.Response.CollectedClientData.Origin != p.Origin { // the library would fold cases
		return 0, errors.New("the passkey signed at another site")
	}
	switch flags := parsed.Response.AuthenticatorData.Flags; {
	case !flags.HasUserPresent():
		return 0, errors.New("nobody touched the authenticator")
	case !flags.HasUserVerified():
		return 0, errors.New("the authenticator did not verify the person, by a PIN or a finger")
	}
	err = parsed.Verify(URLBytes(challenge).String(), p.RPID, "", []string{p.Origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, p.PublicKey, protocol.SignaturePolicy{})
	if err != nil {
		return 0, fmt.Errorf("the passkey's signature does not fit: %w", details(err))
	}
	return parsed.Response.AuthenticatorData.Counter, nil
}

// details says what the library only says on demand.
func details(err error) error {
	var known *protocol.Error
	if errors.As(err, &known) && known.Details != "" {
		return errors.New(known.Details)
	}
	return err
}

// Draft is a statement that waits for signatures.
type Draft struct {
	Statement  Statement
	payload    []byte
	signatures []signature
}

// NewDraft fixes a statement's bytes: what is signed is what is recorded.
func NewDraft(s Statement) (*Draft, error) {
	payload, err := s.Canonical()
	if err != nil {
		return nil, err
	}
	return &Draft{Statement: s, payload: payload}, nil
}

// Challenge is what a passkey signs: the SHA-256 of the statement's DSSE
// pre-authentication encoding.
func (d *Draft) Challenge() []byte {
	return envelope{Payload: d.payload}.challenge()
}

// challenge is the SHA-256 of what is signed.
func (e envelope) challenge() []byte {
	sum := sha256.Sum256(e.message())
	return sum[:]
}

// Assert adds a passkey's signature, after checking it.
func (d *Draft) Assert(p Passkey, a Assertion) error {
	if _, err := p.VerifyChallenge(a, d.Challenge()); err != nil {
		return err
	}
	sig, err := json.Marshal(a)
	if err != nil {
		return err
	}
	d.signatures = append(d.signatures, signature{p.KeyID(), sig})
	return nil
}

// Envelope is the signed statement, ready for the log.
func (d *Draft) Envelope() ([]byte, error) {
	raw := envelope{Payload: d.payload, PayloadType: PayloadType, Signatures: d.signatures}.encode()
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("a statement of %d bytes is too long: at most %d", len(raw), MaxSize)
	}
	return raw, nil
}

// PasskeyOf is the keyid of the passkey that an envelope says it is signed with,
// or "". An envelope has one signature.
func PasskeyOf(text []byte) (string, error) {
	if !bytes.Contains(text, []byte(passkeyPrefix)) { // most are of machines
		return "", nil
	}
	e, err := parseEnvelope(text)
	if err != nil {
		return "", err
	}
	for _, s := range e.Signatures {
		if strings.HasPrefix(s.KeyID, passkeyPrefix) {
			if len(e.Signatures) != 1 {
				return "", errors.New("an envelope has more than one signature")
			}
			return s.KeyID, nil
		}
	}
	return "", nil
}

// VerifyByPasskey says whether the envelope was signed by this very passkey, and
// returns its count of signatures.
func VerifyByPasskey(_ context.Context, text []byte, p Passkey) (counter uint32, err error) {
	e, err := parseEnvelope(text)
	if err != nil {
		return 0, err
	}
	if len(e.Signatures) != 1 || e.Signatures[0].KeyID != p.KeyID() {
		return 0, errors.New("the statement is not signed by this passkey")
	}
	var a Assertion
	if err := strict(e.Signatures[0].Sig, &a); err != nil {
		return 0, fmt.Errorf("read a passkey's signature: %w", err)
	}
	return p.VerifyChallenge(a, e.challenge())
}
