package keyring

import (
	"context"
	"crypto/tls"
	"fmt"
)

// Config says what kind of root holds the keys. It holds no secret and is kept in clear.
type Config struct {
	Kind string `json:"kind"` // "file", "pkcs11" or "kmip"

	// WorkFactor of kind file: scrypt's log2(N).
	WorkFactor int `json:"work_factor,omitempty"`

	// Module, Token and Label of kind pkcs11: the library, the token's label, the key's label.
	Module string `json:"module,omitempty"`
	Token  string `json:"token,omitempty"`
	Label  string `json:"label,omitempty"` // of kind kmip: the key's name for the server's administrator, may be empty

	// Endpoint of kind kmip: host and port. KeyID is the key's unique identifier,
	// which the server gives at creation.
	Endpoint string `json:"endpoint,omitempty"`
	KeyID    string `json:"key_id,omitempty"`
}

// Secrets are asked for only when they are needed.
type Secrets struct {
	Passphrase func() (string, error)      // of kind file
	PIN        func() (string, error)      // of kind pkcs11
	TLS        func() (*tls.Config, error) // of kind kmip: see [ClientTLS]
}

// create makes a new root; its files, if it has any, go to dir. What only the
// root can know is added to the configuration.
func (c *Config) create(ctx context.Context, dir string, s Secrets) (Root, error) {
	switch c.Kind {
	case "file":
		return createFileRoot(dir, c.WorkFactor, s.Passphrase)
	case "pkcs11":
		return createPKCS11(ctx, *c, s.PIN)
	case "kmip":
		return createKMIP(ctx, c, s.TLS)
	}
	return nil, c.unknown()
}

// open opens the root that create made.
func (c *Config) open(ctx context.Context, dir string, s Secrets) (Root, error) {
	switch c.Kind {
	case "file":
		return openFileRoot(dir, s.Passphrase)
	case "pkcs11":
		return openPKCS11(ctx, *c, s.PIN)
	case "kmip":
		return openKMIP(ctx, *c, s.TLS)
	}
	return nil, c.unknown()
}

func (c *Config) unknown() error {
	return fmt.Errorf("unknown kind of root key %q: want file, pkcs11 or kmip", c.Kind)
}
