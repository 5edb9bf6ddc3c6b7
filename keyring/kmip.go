package keyring

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ovh/kmip-go"
	"github.com/ovh/kmip-go/kmipclient"
)

// KMIP is a root key in a key server: an AES-256 key that the server made and
// keeps. Wrapping and unwrapping are the server's Encrypt and Decrypt (OASIS
// KMIP 1.4, sections 4.29 and 4.30) with AES-GCM: a 12-byte nonce, the
// ciphertext, the 16-byte tag; the id is authenticated with it. The server knows
// us by our TLS certificate.
//
// Every operation makes its own connection, as servers close idle ones, and ends
// within kmipPatience.
type KMIP struct {
	endpoint string
	key      string // unique identifier
	tls      *tls.Config
}

const (
	kmipPatience = 30 * time.Second
	gcmTagBytes  = gcmTag / 8
)

// UnavailableError says that a key server could not be asked, which says
// nothing about the keys.
type UnavailableError struct {
	Endpoint string
	Err      error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("the KMIP server %s cannot be asked: %v", e.Endpoint, e.Err)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// ClientTLS reads what a client needs to talk to a key server: the certificate
// authority to trust, and the client's own certificate and private key (PEM).
func ClientTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("the key server's certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
	}
	own, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("the certificate for the key server: %w", err)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

// createKMIP has the server make a key, and notes in c which it is.
func createKMIP(ctx context.Context, c *Config, credentials func() (*tls.Config, error)) (*KMIP, error) {
	k, err := newKMIP(*c, credentials)
	if err != nil {
		return nil, err
	}
	return k, k.with(ctx, func(ctx context.Context, client *kmipclient.Client) error {
		id, err := newServerKey(ctx, client, c.Label)
		if err != nil {
			return fmt.Errorf("make a key in the KMIP server %s: %w", k.endpoint, err)
		}
		if _, err := client.Activate(id).ExecContext(ctx); err != nil {
			_, undo := client.Destroy(id).ExecContext(ctx)
			return errors.Join(fmt.Errorf("activate key %s of the KMIP server %s: %w", id, k.endpoint, err), undo)
		}
		k.key, c.KeyID = id, id
		return nil
	})
}

// newServerKey asks for the strictest key that the server can make: one that is
// never handed out; if it knows no such rule, one handed out wrapped only; or else
// one that its access policy alone protects.
func newServerKey(ctx context.Context, client *kmipclient.Client, name string) (id string, err error) {
	type attributes = map[kmip.AttributeName]any
	for _, guard := range []attributes{
		{kmip.AttributeNameSensitive: true, kmip.AttributeNameExtractable: false},
		{kmip.AttributeNameSensitive: true},
		{},
	} {
		request := client.Create().AES(256, kmip.CryptographicUsageEncrypt|kmip.CryptographicUsageDecrypt)
		if name != "" {
			request = request.WithName(name)
		}
		for attribute, value := range guard {
			request = request.WithAttribute(attribute, value)
		}
		made, failed := request.ExecContext(ctx)
		if failed == nil {
			return made.UniqueIdentifier, nil
		}
		err = failed
		if ctx.Err() != nil {
			break
		}
	}
	return "", err
}

// openKMIP makes sure that the server has the key and lets us use it.
func openKMIP(ctx context.Context, c Config, credentials func() (*tls.Config, error)) (*KMIP, error) {
	k, err := newKMIP(c, credentials)
	if err != nil {
		return nil, err
	}
	return k, k.with(ctx, func(ctx context.Context, client *kmipclient.Client) error {
		found, err := client.GetAttributes(k.key, kmip.AttributeNameState).ExecContext(ctx)
		if err != nil {
			return fmt.Errorf("key %s of the KMIP server %s: %w", k.key, k.endpoint, err)
		}
		for _, a := range found.Attribute {
			if state, ok := a.AttributeValue.(kmip.State); ok && state != kmip.StateActive {
				return fmt.Errorf("key %s of the KMIP server %s is not active (state %d): its administrator has to say why", k.key, k.endpoint, state)
			}
		}
		return nil
	})
}

func newKMIP(c Config, credentials func() (*tls.Config, error)) (*KMIP, error) {
	if c.Endpoint == "" {
		return nil, errors.New("which KMIP server? Give its host and port: --endpoint kms.example.org:5696")
	}
	config, err := credentials()
	if err != nil {
		return nil, err
	}
	return &KMIP{endpoint: c.Endpoint, key: c.KeyID, tls: config}, nil
}

// with does something on a connection of its own.
func (k *KMIP) with(ctx context.Context, do func(context.Context, *kmipclient.Client) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, kmipPatience)
	defer cancel()
	client, err := kmipclient.DialContext(ctx, k.endpoint,
		kmipclient.WithTlsConfig(k.tls.Clone()),
		kmipclient.EnforceVersion(kmip.V1_4)) // the first whose Encrypt authenticates additional data
	if err != nil {
		return &UnavailableError{k.endpoint, err}
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := do(ctx, client); err != nil {
		if ctx.Err() != nil {
			return &UnavailableError{k.endpoint, err}
		}
		return err
	}
	return nil
}

func gcmParameters() kmip.CryptographicParameters {
	return kmip.CryptographicParameters{
		CryptographicAlgorithm: kmip.CryptographicAlgorithmAES,
		BlockCipherMode:        kmip.BlockCipherModeGCM,
		TagLength:              gcmTagBytes,
	}
}

// Wrap implements [Root].
func (k *KMIP) Wrap(ctx context.Context, id string, key []byte) (wrapped []byte, err error) {
	nonce := make([]byte, gcmNonce)
	_, _ = rand.Read(nonce) // crypto/rand does not fail: it ends the process
	err = k.with(ctx, func(ctx context.Context, client *kmipclient.Client) error {
		sealed, err := client.Encrypt(k.key).WithCryptographicParameters(gcmParameters()).
			WithIvCounterNonce(nonce).WithAAD([]byte(id)).Data(key).ExecContext(ctx)
		if err != nil {
			return fmt.Errorf("wrap in the KMIP server: %w", err)
		}
		if len(sealed.Data) != len(key) || len(sealed.AuthenticatedEncryptionTag) != gcmTagBytes {
			return fmt.Errorf("the KMIP server %s does not do AES-GCM as KMIP 1.4 has it: use another kind of root key", k.endpoint)
		}
		wrapped = append(append(nonce, sealed.Data...), sealed.AuthenticatedEncryptionTag...)
		return nil
	})
	return wrapped, err
}

// Unwrap implements [Root].
func (k *KMIP) Unwrap(ctx context.Context, id string, wrapped []byte) (key []byte, err error) {
	if len(wrapped) < gcmNonce+gcmTagBytes {
		return nil, errors.New("too short")
	}
	nonce, rest := wrapped[:gcmNonce], wrapped[gcmNonce:]
	body, tag := rest[:len(rest)-gcmTagBytes], rest[len(rest)-gcmTagBytes:]
	err = k.with(ctx, func(ctx context.Context, client *kmipclient.Client) error {
		opened, err := client.Decrypt(k.key).WithCryptographicParameters(gcmParameters()).
			WithIvCounterNonce(nonce).WithAAD([]byte(id)).WithAuthTag(tag).Data(body).ExecContext(ctx)
		if err != nil {
			return fmt.Errorf("unwrap in the KMIP server: %w", err)
		}
		key = opened.Data
		return nil
	})
	return key, err
}

// Close implements [Root]. Nothing is kept open.
func (k *KMIP) Close() error { return nil }
