package keyring

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/unix"
)

// StanzaType names our stanza in an age header.
const StanzaType = "rempart-kek"

const keySize = 32

// Key is a key-encryption key. It wraps and unwraps the file keys of age
// files, and its memory is locked until [Key.Wipe].
//
// The stanza is "-> rempart-kek ID SALT" with the 16-byte SALT in unpadded
// base64; its body is the file key under ChaCha20-Poly1305 with a zero nonce and
// the key HKDF-SHA-256(secret, SALT, "rempart.eu/v1/kek"), as age's own X25519
// stanza does it.
type Key struct {
	ID     string
	secret []byte
}

func newKey(id string, secret []byte) (*Key, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("key %s has %d bytes, not %d", id, len(secret), keySize)
	}
	_ = unix.Mlock(secret) // the limit on locked memory may be low: a key in swap is a risk, not a fault
	return &Key{ID: id, secret: secret}, nil
}

// Name is the key's id.
func (k *Key) Name() string { return k.ID }

// Wipe forgets the secret. Its page stays locked: other keys may lie there, too.
func (k *Key) Wipe() { clear(k.secret) }

// String hides the secret.
func (k *Key) String() string { return "key " + k.ID }

// GoString hides the secret.
func (k *Key) GoString() string { return k.String() }

func (k *Key) wrappingKey(salt []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, k.secret, salt, "rempart.eu/v1/kek", chacha20poly1305.KeySize)
}

// Derive returns a 32-byte secret for another purpose, the same for the same key and purpose.
func (k *Key) Derive(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, k.secret, nil, "rempart.eu/v1/"+purpose, keySize)
}

// Wrap implements [age.Recipient].
func (k *Key) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	wrapping, err := k.wrappingKey(salt)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(wrapping)
	if err != nil {
		return nil, err
	}
	body := aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil)
	return []*age.Stanza{{
		Type: StanzaType,
		Args: []string{k.ID, base64.RawStdEncoding.EncodeToString(salt)},
		Body: body,
	}}, nil
}

// WrapWithLabels implements [age.RecipientWithLabels]: a symmetric key may
// stand beside post-quantum recipients.
func (k *Key) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	stanzas, err := k.Wrap(fileKey)
	return stanzas, []string{"postquantum"}, err
}

// Unwrap implements [age.Identity].
func (k *Key) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type != StanzaType || len(s.Args) != 2 || s.Args[0] != k.ID {
			continue
		}
		salt, err := base64.RawStdEncoding.Strict().DecodeString(s.Args[1])
		if err != nil || len(salt) != 16 || len(s.Body) != 16+chacha20poly1305.Overhead {
			return nil, errors.New("a malformed rempart-kek stanza")
		}
		wrapping, err := k.wrappingKey(salt)
		if err != nil {
			return nil, err
		}
		aead, err := chacha20poly1305.New(wrapping)
		if err != nil {
			return nil, err
		}
		fileKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Body, nil)
		if err != nil {
			return nil, errors.New("the file key was wrapped by another key of the same name")
		}
		return fileKey, nil
	}
	return nil, age.ErrIncorrectIdentity
}
