// Package oblivious is the verifiable oblivious pseudorandom function of RFC
// 9497, VOPRF mode, suite ristretto255-SHA512, in batches.
//
// A client learns the function of its inputs under a server's key. The server
// does not learn the inputs, nor the outputs; the client does not learn the key,
// and a proof (DLEQ, one for a batch) shows that it was the committed one:
//
//	client                                  server
//	Blind(inputs)      ── elements ──►
//	                                        Key.Evaluate
//	Finalize           ◄─ elements, proof ─
//	outputs
//
// Points and the proof are compared and multiplied in constant time where they
// depend on the key or on a blind; the weights of the proof are public, and
// their products are not constant in time. The group is that of
// github.com/gtank/ristretto255 (RFC 9496); github.com/cloudflare/circl is the
// other implementation that tests compare with.
package oblivious

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/gtank/ristretto255"
)

// Sizes in bytes.
const (
	ElementSize = 32 // of a point on the wire
	ProofSize   = 64 // c and s
	OutputSize  = 64 // SHA-512
	SeedSize    = 32
)

// MaxBatch is how many elements one batch may have.
const MaxBatch = 8192

// What is wrong with a batch. Errors wrap one of them.
var (
	ErrBatch   = fmt.Errorf("a batch has 1 to %d elements of %d bytes", MaxBatch, ElementSize)
	ErrElement = errors.New("an element is no point of the group, or the neutral one")
	ErrProof   = errors.New("the proof fails: the batch was not evaluated with the committed key")
	ErrInput   = errors.New("an input cannot be used")
)

// Key is the server's secret.
type Key struct {
	k      *ristretto255.Scalar
	public PublicKey
}

// PublicKey commits to a key. Its text form is "ristretto255:" and base64.
type PublicKey struct {
	point   *ristretto255.Element
	encoded [ElementSize]byte
}

// DeriveKey is DeriveKeyPair of RFC 9497, section 3.2.1: the same seed and info
// give the same key.
func DeriveKey(seed, info []byte) (*Key, error) {
	if len(seed) != SeedSize || len(info) > 1<<16-1 {
		return nil, fmt.Errorf("derive an oblivious key: want a seed of %d bytes, got %d", SeedSize, len(seed))
	}
	input := lengthPrefixed(bytes.Clone(seed), info)
	for counter := range 256 {
		k := hashToScalar([][]byte{input, {byte(counter)}}, dstDerive)
		if k.Equal(ristretto255.NewScalar()) == 1 {
			continue
		}
		point := ristretto255.NewIdentityElement().ScalarBaseMult(k)
		return &Key{k, PublicKey{point, [ElementSize]byte(point.Bytes())}}, nil
	}
	return nil, errors.New("derive an oblivious key: 256 hashes are zero")
}

// Public is the commitment to the key.
func (k *Key) Public() PublicKey { return k.public }

// String hides the key, as Format, LogValue and MarshalText do.
func (*Key) String() string { return "[withheld]" }

// Format implements [fmt.Formatter].
func (*Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[withheld]") }

// LogValue implements [slog.LogValuer].
func (*Key) LogValue() slog.Value { return slog.StringValue("[withheld]") }

// MarshalText implements [encoding.TextMarshaler].
func (*Key) MarshalText() ([]byte, error) { return []byte("[withheld]"), nil }

const publicPrefix = "ristretto255:"

// String is the text form that ParsePublicKey reads.
func (p PublicKey) String() string {
	return publicPrefix + base64.StdEncoding.EncodeToString(p.encoded[:])
}

// ParsePublicKey reads a public key's text form.
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, publicPrefix))
	if err != nil || !strings.HasPrefix(text, publicPrefix) || len(raw) != ElementSize {
		return PublicKey{}, fmt.Errorf("%q is no public key of an oblivious function: want %s and %d bytes in base64", text, publicPrefix, ElementSize)
	}
	point, err := parseElement(raw)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%q is no public key of an oblivious function: %w", text, err)
	}
	return PublicKey{point, [ElementSize]byte(raw)}, nil
}

// parseElement reads a point: canonical, and not the neutral one.
func parseElement(raw []byte) (*ristretto255.Element, error) {
	e, err := ristretto255.NewIdentityElement().SetCanonicalBytes(raw)
	if err != nil || e.Equal(ristretto255.NewIdentityElement()) == 1 {
		return nil, ErrElement
	}
	return e, nil
}

// parseBatch reads elements one after the other.
func parseBatch(raw []byte) ([]*ristretto255.Element, error) {
	n := len(raw) / ElementSize
	if n == 0 || n > MaxBatch || len(raw)%ElementSize != 0 {
		return nil, ErrBatch
	}
	elements := make([]*ristretto255.Element, n)
	for i := range elements {
		var err error
		if elements[i], err = parseElement(raw[i*ElementSize:][:ElementSize]); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return elements, nil
}
