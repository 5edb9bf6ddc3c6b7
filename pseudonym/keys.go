package pseudonym

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"sync"
)

// SecretSize is the length in bytes of the secret that a key derives from.
const SecretSize = 32

const unitSeparator = 0x1F

// ProviderKey makes the first pass. All providers of a warehouse share its
// secret, or their tokens would never meet; nobody else may hold it.
type ProviderKey struct {
	withheld
	identifier, traits, phonetics, stays subkey
}

// AuthorityKey makes the second pass. Only the linkage authority holds it.
type AuthorityKey struct {
	withheld
	second, assigned subkey
	person           [sha256.Size]byte
}

// LocalKey hides record numbers. Deposits whose records must join share one.
type LocalKey struct {
	withheld
	local subkey
}

// NewProviderKey derives the key of the first pass from a secret of SecretSize
// random bytes, with HKDF-SHA-256 (RFC 5869), no salt, and one info string per
// kind of token: "rempart/v1/pseudonym/identifier", "…/traits", "…/phonetics", "…/stays".
func NewProviderKey(secret []byte) (*ProviderKey, error) {
	k := new(ProviderKey)
	return k, derive(secret, map[string]*subkey{
		"identifier": &k.identifier, "traits": &k.traits, "phonetics": &k.phonetics, "stays": &k.stays,
	})
}

// NewAuthorityKey derives the key of the second pass from a secret of
// SecretSize random bytes, as NewProviderKey does, with the info strings
// "rempart/v1/pseudonym/second" for tokens, "…/assigned" for the service's store
// and "…/person" for the numbers of persons.
func NewAuthorityKey(secret []byte) (*AuthorityKey, error) {
	k := new(AuthorityKey)
	if err := derive(secret, map[string]*subkey{"second": &k.second, "assigned": &k.assigned}); err != nil {
		return k, err
	}
	person, err := expand(secret, "person")
	copy(k.person[:], person)
	return k, err
}

// PersonKey is the HMAC key under which persons are numbered: whoever has
// another key, or none, can neither recompute nor order the numbers.
func (k *AuthorityKey) PersonKey() [sha256.Size]byte { return k.person }

// Assigned is the name under which the service keeps the pseudonym of a token
// in a domain: MAC(assigned key, domain US kind US token). Names of two domains
// do not meet.
func (k *AuthorityKey) Assigned(domain string, t ProviderToken, kind Kind) [16]byte {
	h := k.assigned.keyed.Get().(*keyedHash)
	h.message = append(append(h.message[:0], domain...), unitSeparator, byte(kind), unitSeparator)
	h.message = append(h.message, t[:]...)
	return k.assigned.mac(h)
}

// MatchingKey numbers the persons of one deposit.
type MatchingKey struct {
	withheld
	matching subkey
}

// NewMatchingKey makes the key of a deposit from its secret, which is drawn for it.
func NewMatchingKey(secret [SecretSize]byte) *MatchingKey {
	return &MatchingKey{matching: newSubkey(secret[:])}
}

// Number replaces a person's local key by a matching number: the first 63 bits
// of HMAC-SHA-256(secret, local key).
func (k *MatchingKey) Number(localKey string) int64 {
	h := k.matching.keyed.Get().(*keyedHash)
	h.message = append(h.message[:0], localKey...)
	sum := k.matching.mac(h)
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

// NewLocalKey derives the key for record numbers from a secret of SecretSize
// random bytes, as NewProviderKey does, with the info string
// "rempart/v1/pseudonym/local".
func NewLocalKey(secret []byte) (*LocalKey, error) {
	k := new(LocalKey)
	return k, derive(secret, map[string]*subkey{"local": &k.local})
}

// Hash replaces a record number of the key space domain by 22 characters of
// base64url (128 bits): MAC(local key, len(domain) domain value), the length
// being 8 bytes, big-endian. Equal numbers of one domain stay equal, across
// deposits too. The empty value stays empty: what is missing joins nothing.
func (k *LocalKey) Hash(domain, value string) string {
	if value == "" {
		return ""
	}
	h := k.local.keyed.Get().(*keyedHash)
	h.message = binary.BigEndian.AppendUint64(h.message[:0], uint64(len(domain)))
	h.message = append(append(h.message, domain...), value...)
	sum := k.local.mac(h)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// subkey is an HMAC key with one use. Keying costs two of the four blocks that
// an HMAC-SHA-256 of a short message takes, so hashes that are keyed already
// wait in a pool; package crypto/hmac restores their state on Reset.
type subkey struct{ keyed *sync.Pool }

// keyedHash is a keyed hash and room for what it reads and writes.
type keyedHash struct {
	hash.Hash
	message []byte
	sum     [sha256.Size]byte
}

func newSubkey(key []byte) subkey {
	return subkey{&sync.Pool{New: func() any {
		return &keyedHash{Hash: hmac.New(sha256.New, key), message: make([]byte, 0, 256)}
	}}}
}

func derive(secret []byte, subkeys map[string]*subkey) error {
	for use, k := range subkeys {
		key, err := expand(secret, use)
		if err != nil {
			return err
		}
		*k = newSubkey(key)
	}
	return nil
}

// expand derives 32 bytes for one use.
func expand(secret []byte, use string) ([]byte, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("pseudonym key: want a secret of %d bytes, got %d", SecretSize, len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "rempart/v1/pseudonym/"+use, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the pseudonym key for %s: %w", use, err)
	}
	return key, nil
}

// token is the MAC of the fields with a separator between them.
func (k subkey) token(fields ...string) ProviderToken {
	h := k.keyed.Get().(*keyedHash)
	message := h.message[:0]
	for i, f := range fields {
		if i > 0 {
			message = append(message, unitSeparator)
		}
		message = append(message, f...)
	}
	h.message = message
	return ProviderToken(k.mac(h))
}

// mac is HMAC-SHA-256 over the message of h, cut to 16 bytes (RFC 2104, section
// 5). It gives h back.
func (k subkey) mac(h *keyedHash) [16]byte {
	h.Reset()
	h.Write(h.message)
	h.Sum(h.sum[:0])
	sum := [16]byte(h.sum[:])
	k.keyed.Put(h)
	return sum
}

// withheld makes the type that embeds it print nothing of itself.
type withheld struct{}

const withheldText = "[withheld]"

func (withheld) String() string               { return withheldText }
func (withheld) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, withheldText) }
func (withheld) LogValue() slog.Value         { return slog.StringValue(withheldText) }
func (withheld) MarshalText() ([]byte, error) { return []byte(withheldText), nil }
