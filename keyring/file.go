package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/internal/atomicfile"
)

// The work factors of scrypt: for what a person can remember, and for a
// passphrase that a machine drew.
const (
	WorkFactorPerson  = 18
	WorkFactorMachine = 12
)

// FileRoot is a root key in a file that a passphrase protects (age's scrypt
// recipient). It wraps with XChaCha20-Poly1305: nonce, then ciphertext; the id is
// authenticated with it.
type FileRoot struct{ secret []byte }

const rootFile = "root.age"

func createFileRoot(dir string, workFactor int, passphrase func() (string, error)) (*FileRoot, error) {
	secret := make([]byte, chacha20poly1305.KeySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	text, err := passphrase()
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, fmt.Errorf("protect the root key: %w", err)
	}
	recipient.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, fmt.Errorf("protect the root key: %w", err)
	}
	if _, err := w.Write(secret); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(filepath.Join(dir, rootFile), sealed.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("keep the root key: %w", err)
	}
	return newFileRoot(secret), nil
}

func openFileRoot(dir string, passphrase func() (string, error)) (*FileRoot, error) {
	path := filepath.Join(dir, rootFile)
	sealed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open the root key: %w", err)
	}
	text, err := passphrase()
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("open the root key: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return nil, fmt.Errorf("%s does not open: the passphrase is wrong, or the file was changed", path)
	}
	secret, err := io.ReadAll(r)
	if err != nil || len(secret) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("%s: the file was changed", path)
	}
	return newFileRoot(secret), nil
}

func newFileRoot(secret []byte) *FileRoot {
	_ = unix.Mlock(secret) // see newKey
	return &FileRoot{secret}
}

// Wrap implements [Root].
func (r *FileRoot) Wrap(_ context.Context, id string, key []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(r.secret)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(key)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, key, []byte(id)), nil
}

// Unwrap implements [Root].
func (r *FileRoot) Unwrap(_ context.Context, id string, wrapped []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(r.secret)
	if err != nil {
		return nil, err
	}
	if len(wrapped) < aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, wrapped[:aead.NonceSize()], wrapped[aead.NonceSize():], []byte(id))
}

// Close implements [Root]. See [Key.Wipe].
func (r *FileRoot) Close() error {
	clear(r.secret)
	return nil
}
