package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// envelope is a DSSE v1 envelope.
type envelope struct {
	Payload     []byte      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

// signature is what one key says of an envelope.
type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// The texts between the values of an envelope in its canonical form.
const (
	envelopeStart = `{"payload":"`
	envelopeType  = `","payloadType":"` + PayloadType + `","signatures":[{"keyid":"`
	envelopeSig   = `","sig":"`
	envelopeEnd   = `"}]}`
)

// encode writes the envelope in its canonical form (RFC 8785).
func (e envelope) encode() []byte {
	out := append(make([]byte, 0, 256+len(e.Payload)*4/3), envelopeStart...)
	out = base64.StdEncoding.AppendEncode(out, e.Payload)
	out = append(out, envelopeType...)
	for i, s := range e.Signatures {
		if i > 0 {
			out = append(out, `"},{"keyid":"`...)
		}
		out = append(out, s.KeyID...)
		out = append(out, envelopeSig...)
		out = base64.StdEncoding.AppendEncode(out, s.Sig)
	}
	return append(out, envelopeEnd...)
}

// parseEnvelope reads an envelope. There is one way to write it: another text
// for the same is an error.
func parseEnvelope(text []byte) (e envelope, err error) {
	if e, ok := parseSimple(text); ok {
		return e, nil
	}
	if err := strict(text, &e); err != nil {
		return e, fmt.Errorf("read an envelope: %w", err)
	}
	if e.PayloadType != PayloadType {
		return e, fmt.Errorf("an envelope holds %q, not a statement", e.PayloadType)
	}
	again, err := json.Marshal(e)
	if err != nil || !bytes.Equal(again, text) {
		return e, errors.New("read an envelope: it is not in its canonical form")
	}
	return e, nil
}

// parseSimple reads an envelope with one signature, as nearly all are.
func parseSimple(text []byte) (e envelope, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte(envelopeStart))
	if !ok {
		return e, false
	}
	payload, rest, ok := bytes.Cut(rest, []byte(envelopeType))
	if !ok {
		return e, false
	}
	keyID, rest, ok := bytes.Cut(rest, []byte(envelopeSig))
	if !ok || len(keyID) != 64 {
		return e, false
	}
	sig, ok := bytes.CutSuffix(rest, []byte(envelopeEnd))
	if !ok || len(sig) != 88 {
		return e, false
	}
	for _, c := range keyID {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return e, false
		}
	}
	e.PayloadType = PayloadType
	e.Signatures = []signature{{KeyID: string(keyID)}}
	var notPayload, notSig error
	e.Payload, notPayload = decodeBase64(payload)
	e.Signatures[0].Sig, notSig = decodeBase64(sig)
	return e, notPayload == nil && notSig == nil
}

// decodeBase64 reads base64 of which there is one way to write it: without
// line ends, and with zeros in the last bits.
func decodeBase64(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errors.New("base64 with line ends")
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := strictBase64.Decode(out, text)
	return out[:n], err
}

var strictBase64 = base64.StdEncoding.Strict()

// message is what is signed: DSSE's pre-authentication encoding of the payload.
func (e envelope) message() []byte {
	return append(e.head(make([]byte, 0, 64+len(e.Payload))), e.Payload...)
}

// head appends the message's beginning, before the payload.
func (e envelope) head(m []byte) []byte {
	m = append(m, "DSSEv1 "...)
	m = strconv.AppendInt(m, int64(len(PayloadType)), 10)
	m = append(m, ' ')
	m = append(m, PayloadType...)
	m = append(m, ' ')
	m = strconv.AppendInt(m, int64(len(e.Payload)), 10)
	return append(m, ' ')
}

var errSignature = errors.New("the statement is not signed by its actor's key")

// by finds the signature that claims to be a key's.
func (e envelope) by(key PublicKey) ([]byte, error) {
	for _, s := range e.Signatures {
		if s.KeyID == key.id {
			return s.Sig, nil
		}
	}
	return nil, errSignature
}

// verifyBy says whether a key has signed the envelope.
func (e envelope) verifyBy(key PublicKey) error {
	sig, err := e.by(key)
	if err != nil || len(key.public) != ed25519.PublicKeySize || !ed25519.Verify(key.public, e.message(), sig) {
		return errSignature
	}
	return nil
}
