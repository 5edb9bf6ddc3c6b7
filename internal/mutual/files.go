package mutual

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rempart.eu/rempart/internal/atomicfile"
)

// The files of a certificate for another program, in PEM.
const (
	CertificateFile = "certificate.pem" // its own, and its issuer's
	KeyFile         = "key.pem"         // PKCS #8
)

// Write puts a certificate and its key into a directory, the key readable by its
// owner alone.
func Write(dir string, c *tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return errors.Join(
		atomicfile.Write(filepath.Join(dir, KeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		atomicfile.Write(filepath.Join(dir, CertificateFile), chain, 0o644),
	)
}

// Held is a certificate in files.
type Held struct {
	Name Name
	Ends time.Time
	Soon bool  // a third of its time or less is left, or none
	Err  error // why it would not be let in now
}

// Look says of the certificate in a directory what a server would say of it now.
func Look(dir string, admit Admit, now time.Time) (h Held, err error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile))
	if err != nil {
		return h, err
	}
	chain := make([]*x509.Certificate, len(pair.Certificate))
	for i, der := range pair.Certificate {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return h, err
		}
	}
	h.Ends, h.Soon = chain[0].NotAfter, endsSoon(chain[0], now)
	if h.Name, h.Err = admit.verify(chain, x509.ExtKeyUsageClientAuth, now); h.Err == nil {
		h.Err = Private(filepath.Join(dir, KeyFile))
	}
	return h, nil
}

// Private refuses a file with a key that others than its owner can read.
func Private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others than its owner: somebody may have the key. If nobody has, chmod 600 %s", path, path)
	}
	return nil
}

// NoteKey is the public key in a verifier key of signed notes, of a ledger or a
// witness (https://c2sp.org/signed-note).
func NoteKey(text string) (ed25519.PublicKey, error) {
	raw, err := noteKey(text, 3)
	return ed25519.PublicKey(raw), err
}

// NoteSigner is the private key in a signer key of signed notes.
func NoteSigner(text string) (ed25519.PrivateKey, error) {
	raw, err := noteKey(strings.TrimSpace(text), 5) // PRIVATE+KEY+name+hash+key
	if err != nil {
		return nil, errors.New("this is no signer key of signed notes")
	}
	return ed25519.NewKeyFromSeed(raw), nil
}

// noteKey is the last of so many parts: an algorithm, Ed25519 or its cosignatures, and
// 32 bytes.
func noteKey(text string, parts int) ([]byte, error) {
	split := strings.SplitN(text, "+", parts)
	raw, err := base64.StdEncoding.DecodeString(split[len(split)-1])
	if err != nil || len(split) != parts || len(raw) != 33 || raw[0] != 1 && raw[0] != 4 {
		return nil, fmt.Errorf("%q is no verifier key of signed notes", text)
	}
	return raw[1:], nil
}

// OfThisMachine says whether an address (an IP, not a name, which others could
// answer for) can be reached from this machine alone.
func OfThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
