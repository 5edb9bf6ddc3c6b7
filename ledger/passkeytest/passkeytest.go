// Package passkeytest is an authenticator of software, for tests: it makes
// passkeys and signs with them, rightly or as wrongly as a test wants.
package passkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"rempart.eu/rempart/ledger"
)

// Flags of authenticator data: WebAuthn Level 3, section 6.1.
const (
	Present  = 0x01
	Verified = 0x04
)

// Authenticator holds one passkey.
type Authenticator struct {
	ledger.Passkey
	Counter uint32 // of the last signature; it stays 0 where Counts is false
	Counts  bool

	// What a test may turn wrong.
	Flags      byte
	Type       string
	SignOrigin string
	SignRPID   string

	signer crypto.Signer
	t      testing.TB
}

// New makes an authenticator whose key is "ES256", "EdDSA" or "RS256".
func New(t testing.TB, algorithm, rpID, origin string) *Authenticator {
	t.Helper()
	a := &Authenticator{t: t, Flags: Present | Verified, Type: "webauthn.get", Counts: true, SignOrigin: origin, SignRPID: rpID}
	a.RPID, a.Origin, a.Credential = rpID, origin, make([]byte, 32)
	_, _ = rand.Read(a.Credential)
	var cose any
	switch algorithm {
	case "ES256":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		a.must(err)
		point, err := key.PublicKey.Bytes() // 4, x, y
		a.must(err)
		a.signer = key
		cose = webauthncose.EC2PublicKeyData{
			PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
			Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
		}
	case "EdDSA":
		public, key, err := ed25519.GenerateKey(rand.Reader)
		a.must(err)
		a.signer = key
		cose = webauthncose.OKPPublicKeyData{
			PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.OctetKey), Algorithm: int64(webauthncose.AlgEdDSA)},
			Curve:         int64(webauthncose.Ed25519), XCoord: public,
		}
	case "RS256":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		a.must(err)
		a.signer = key
		cose = webauthncose.RSAPublicKeyData{
			PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.RSAKey), Algorithm: int64(webauthncose.AlgRS256)},
			Modulus:       key.N.Bytes(), Exponent: []byte{1, 0, 1},
		}
	default:
		t.Fatalf("no algorithm %q", algorithm)
	}
	encoded, err := webauthncbor.Marshal(cose)
	a.must(err)
	a.PublicKey = encoded
	return a
}

func (a *Authenticator) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// ClientData is what a browser writes about a challenge.
func (a *Authenticator) ClientData(challenge []byte) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q,"crossOrigin":false}`, a.Type, ledger.URLBytes(challenge), a.SignOrigin)
}

// Sign signs a challenge.
func (a *Authenticator) Sign(challenge []byte) ledger.Assertion {
	a.t.Helper()
	return a.SignClientData(a.ClientData(challenge))
}

// SignClientData signs what a browser wrote.
func (a *Authenticator) SignClientData(clientData []byte) ledger.Assertion {
	a.t.Helper()
	if a.Counts {
		a.Counter++
	}
	rp := sha256.Sum256([]byte(a.SignRPID))
	data := append(rp[:], a.Flags)
	data = binary.BigEndian.AppendUint32(data, a.Counter)
	client := sha256.Sum256(clientData)
	signed := slices.Concat(data, client[:])
	var options crypto.SignerOpts = crypto.Hash(0)
	if _, pure := a.signer.(ed25519.PrivateKey); !pure {
		sum := sha256.Sum256(signed)
		signed, options = sum[:], crypto.SHA256
	}
	signature, err := a.signer.Sign(rand.Reader, signed, options)
	a.must(err)
	return ledger.Assertion{AuthenticatorData: data, ClientDataJSON: clientData, Signature: signature}
}

// Seal signs a statement and returns its envelope.
func (a *Authenticator) Seal(s ledger.Statement) []byte {
	a.t.Helper()
	draft, err := ledger.NewDraft(s)
	a.must(err)
	a.must(draft.Assert(a.Passkey, a.Sign(draft.Challenge())))
	envelope, err := draft.Envelope()
	a.must(err)
	return envelope
}

// Create is the authenticator's answer to a registration, without attestation:
// the attestation object and what a browser writes about the challenge.
func (a *Authenticator) Create(challenge []byte) (attestation, clientData []byte) {
	a.t.Helper()
	rp := sha256.Sum256([]byte(a.SignRPID))
	data := append(rp[:], a.Flags|0x40) // with the credential
	data = binary.BigEndian.AppendUint32(data, a.Counter)
	data = append(data, make([]byte, 16)...) // of no known make
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.Credential)))
	data = append(append(data, a.Credential...), a.PublicKey...)
	attestation, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	a.must(err)
	return attestation, fmt.Appendf(nil, `{"type":"webauthn.create","challenge":%q,"origin":%q,"crossOrigin":false}`, ledger.URLBytes(challenge), a.SignOrigin)
}
