package keyring

import (
	"context"
	"fmt"
)

// Config says what kind of root holds the keys. It holds no secret and is kept in clear.
type Config struct {
	Kind string `json:"kind"` // "file" or "pkcs11"

	// WorkFactor of kind file: scrypt's log2(N).
	WorkFactor int `json:"work_factor,omitempty"`

	// Module, Token and Label of kind pkcs11: the library, the token's label, the key's label.
	Module string `json:"module,omitempty"`
	Token  string `json:"token,omitempty"`
	Label  string `json:"label,omitempty"`
}

// Secrets are asked for only when they are needed.
type Secrets struct {
	Passphrase func() (string, error) // of kind file
	PIN        func() (string, error) // of kind pkcs11
}

// create makes a new root; its files, if it has any, go to dir.
func (c Config) create(ctx context.Context, dir string, s Secrets) (Root, error) {
	switch c.Kind {
	case "file":
		return createFileRoot(dir, c.WorkFactor, s.Passphrase)
	case "pkcs11":
		return createPKCS11(ctx, c, s.PIN)
	}
	return nil, fmt.Errorf("unknown kind of root key %q: want file or pkcs11", c.Kind)
}

// open opens the root that create made.
func (c Config) open(ctx context.Context, dir string, s Secrets) (Root, error) {
	switch c.Kind {
	case "file":
		return openFileRoot(dir, s.Passphrase)
	case "pkcs11":
		return openPKCS11(ctx, c, s.PIN)
	}
	return nil, fmt.Errorf("unknown kind of root key %q: want file or pkcs11", c.Kind)
}
