// Package ledger keeps what happened: signed statements in a log that nobody
// can rewrite unseen.
//
// A [Statement] says who did what and when. Its actor signs it; the envelope
// (DSSE v1) is one entry of a [Log], a Merkle tree of RFC 6962 kept as tiles
// (C2SP tlog-tiles) in plain files. The log's head is a signed checkpoint (C2SP
// tlog-checkpoint). What is not in the ledger did not happen: the state of the
// warehouse is computed from it alone (package governance).
//
// A [Receipt] proves to somebody who has nothing but the checkpoint's public key
// that statements are in the log. The formats are in docs/ledger.md.
//
// The ledger does not decide who may say what; and it cannot know that a whole
// other log was put in its place: that shows only against a receipt, or a
// checkpoint, that somebody else has kept.
package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	json2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// PayloadType is the DSSE payload type of a statement.
const PayloadType = "application/vnd.rempart.statement+json"

// MaxSize bounds a signed statement, in bytes. What is longer is attached ([Log.Attach]).
const MaxSize = 1<<16 - 1

// Statement is what one actor says.
type Statement struct {
	Kind    string          `json:"kind"`    // one of Kinds
	Version int             `json:"version"` // of the kind's schema; 0: the present one
	Actor   string          `json:"actor"`   // the name of a party
	Time    time.Time       `json:"time"`    // UTC, in seconds
	Body    json.RawMessage `json:"body"`    // as the kind has it

	decoded Body // once it was read
}

// Version is the version of every kind's schema so far. A kind that changes
// gets a type of its own beside the old one, and the next number.
const Version = 1

// New makes a statement of a body's kind.
func New(actor string, at time.Time, body Body) (Statement, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Statement{}, fmt.Errorf("write a statement: %w", err)
	}
	return Statement{Kind: body.Kind(), Version: Version, Actor: actor, Time: at.UTC().Truncate(time.Second), Body: raw}, nil
}

// Decode returns the statement's body as its kind's type. Unknown kinds and
// unknown fields are errors: an old program must not overlook what a new one said.
func (s Statement) Decode() (Body, error) {
	if s.decoded != nil {
		return s.decoded, nil
	}
	return s.decode()
}

func (s Statement) decode() (Body, error) {
	make, ok := kinds[s.Kind]
	if !ok || s.Version > Version {
		return nil, fmt.Errorf("statement of unknown kind %q, version %d: it was written by a newer rempart", s.Kind, s.Version)
	}
	body := make()
	if err := json2.Unmarshal(s.Body, body, json2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("statement %s: %w", s.Kind, err)
	}
	return body, nil
}

// strict decodes exactly one JSON value with known fields only.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("text after the end of the JSON")
	}
	return nil
}

// Key signs statements. Ed25519, RFC 8032.
type Key struct{ private ed25519.PrivateKey }

// PublicKey verifies statements. Its text form is "ed25519:" and base64.
type PublicKey struct {
	public ed25519.PublicKey
	id     string
}

func publicKey(raw ed25519.PublicKey) PublicKey {
	sum := sha256.Sum256(raw)
	return PublicKey{raw, hex.EncodeToString(sum[:])}
}

// NewKey makes a key.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{private}, err
}

// KeyFromSeed restores a key from its 32-byte seed.
func KeyFromSeed(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("a signing key has %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// Seed is the secret that KeyFromSeed restores the key from.
func (k Key) Seed() []byte { return k.private.Seed() }

// Public is the key's public half.
func (k Key) Public() PublicKey {
	return publicKey(k.private.Public().(ed25519.PublicKey))
}

// String hides the key.
func (k Key) String() string { return "(a signing key)" }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

const publicPrefix = "ed25519:"

// String is the text form that ParsePublicKey reads.
func (p PublicKey) String() string {
	return publicPrefix + base64.StdEncoding.EncodeToString(p.public)
}

// ParsePublicKey reads a public key's text form.
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, publicPrefix))
	if err != nil || !strings.HasPrefix(text, publicPrefix) || len(raw) != ed25519.PublicKeySize {
		return PublicKey{}, fmt.Errorf("%q is no public key: want %s and 32 bytes in base64", text, publicPrefix)
	}
	return publicKey(raw), nil
}

// Sign signs bytes that are no statement's.
func (k Key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

// KeyID is that of the public key.
func (k Key) KeyID() (string, error) { return k.Public().id, nil }

// Verify verifies what [Key.Sign] signed.
func (p PublicKey) Verify(_ context.Context, data, signature []byte) error {
	if len(p.public) != ed25519.PublicKeySize || !ed25519.Verify(p.public, data, signature) {
		return errors.New("the signature does not fit")
	}
	return nil
}

// Ed25519 is the key itself.
func (p PublicKey) Ed25519() ed25519.PublicKey { return p.public }

// KeyID is the SHA-256 of the key, in hexadecimal.
func (p PublicKey) KeyID() (string, error) { return p.id, nil }

// Seal signs a statement and returns its envelope, ready for the log.
func Seal(_ context.Context, s Statement, key Key) ([]byte, error) {
	payload, err := s.Canonical()
	if err != nil {
		return nil, err
	}
	e := envelope{Payload: payload, PayloadType: PayloadType}
	e.Signatures = []signature{{key.Public().id, ed25519.Sign(key.private, e.message())}}
	raw := e.encode()
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("a statement of %d bytes is too long: at most %d", len(raw), MaxSize)
	}
	return raw, nil
}

// Canonical is the one way to write a statement (RFC 8785): its digest is the
// statement's.
func (s Statement) Canonical() ([]byte, error) {
	s.Version = cmp.Or(s.Version, Version)
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write a statement: %w", err)
	}
	text := jsontext.Value(raw)
	if err := text.Canonicalize(); err != nil {
		return nil, fmt.Errorf("write a statement: %w", err)
	}
	return text, nil
}

// Read returns the statement of an envelope without asking who signed it.
func Read(text []byte) (Statement, error) {
	e, err := parseEnvelope(text)
	if err != nil {
		return Statement{}, err
	}
	return readStatement(e.Payload)
}

// readStatement reads a statement in its canonical form.
func readStatement(payload []byte) (s Statement, err error) {
	s, ok := readSimple(payload)
	if !ok {
		if s, err = readCanonical(payload); err != nil {
			return s, err
		}
	}
	if s.Version < 1 {
		return s, errors.New("read a statement: it has no version")
	}
	if s.decoded, err = s.decode(); err != nil {
		s.decoded = nil // Decode says why
	}
	return s, nil
}

// readCanonical reads any statement in its canonical form.
func readCanonical(payload []byte) (s Statement, err error) {
	if err := json2.Unmarshal(payload, &s, json2.RejectUnknownMembers(true)); err != nil {
		return s, fmt.Errorf("read a statement: %w", err)
	}
	again := jsontext.Value(bytes.Clone(payload))
	if err := again.Canonicalize(); err != nil || !bytes.Equal(again, payload) {
		return s, errors.New("read a statement: it is not in its canonical form")
	}
	end := fmt.Appendf(nil, `"time":"%s","version":%d}`, s.Time.UTC().Format(time.RFC3339), s.Version)
	if !bytes.HasSuffix(payload, end) {
		return s, errors.New("read a statement: it has no version, or its time is not in UTC and whole seconds")
	}
	return s, nil
}

// VerifyBy says whether the envelope was signed by this very key.
func VerifyBy(_ context.Context, text []byte, key PublicKey) error {
	e, err := parseEnvelope(text)
	if err != nil {
		return err
	}
	return e.verifyBy(key)
}
