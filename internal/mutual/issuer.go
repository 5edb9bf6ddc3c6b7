package mutual

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Name is whom a certificate is of.
type Name struct {
	ID    string // of the ledger, or of a witness: see [ID]
	Party string // in that ledger; "" is the ledger's warehouse itself, or the witness
}

// ID is the name of a ledger or a witness in certificates: the first 128 bits of
// its public key's SHA-256, in hexadecimal.
func ID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// String is what people are told.
func (n Name) String() string {
	if n.Party == "" {
		return n.ID
	}
	return n.Party + " of " + n.ID
}

const scheme = "rempart"

func (n Name) uri() *url.URL { return &url.URL{Scheme: scheme, Host: n.ID, Path: "/" + n.Party} }

// nameOf reads the one URI of a certificate.
func nameOf(leaf *x509.Certificate) (n Name, err error) {
	if len(leaf.URIs) != 1 {
		return n, errors.New("the certificate names nobody of a ledger")
	}
	n = Name{leaf.URIs[0].Host, strings.TrimPrefix(leaf.URIs[0].Path, "/")}
	if n.ID == "" || leaf.URIs[0].String() != n.uri().String() {
		return n, errors.New("the certificate names nobody of a ledger")
	}
	return n, nil
}

// Issuer makes certificates in the name of whoever holds a key.
type Issuer struct {
	Name Name
	Key  ed25519.PrivateKey
	Now  func() time.Time // the clock
}

// Certificates hands out one's own certificate, which is a good one each time.
type Certificates func() (*tls.Certificate, error)

// Certificates are of keys in memory, and made anew at half time. hosts are
// names and addresses for programs that look for one.
func (i Issuer) Certificates(hosts ...string) Certificates {
	var (
		mu   sync.Mutex
		held *tls.Certificate
		half time.Time
	)
	return func() (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := i.Now(); held == nil || now.After(half) || now.Before(held.Leaf.NotBefore) {
			made, err := i.Issue(Lasts, hosts...)
			if err != nil {
				return nil, err
			}
			held, half = made, now.Add(Lasts/2)
		}
		return held, nil
	}
}

// Issue makes a certificate of a new key.
func (i Issuer) Issue(lasts time.Duration, hosts ...string) (*tls.Certificate, error) {
	if lasts <= 0 || lasts > Longest {
		return nil, fmt.Errorf("a certificate lasts %d days at most", Longest/(24*time.Hour))
	}
	root, err := i.Root(lasts)
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	template := i.template(lasts)
	template.Subject.CommonName = i.Name.Party
	template.URIs = []*url.URL{i.Name.uri()}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, root, public, i.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, root.Raw}, PrivateKey: private, Leaf: leaf}, nil
}

// Root is the certificate of the issuer's key itself, for programs that verify
// chains: it vouches for nothing else. Who trusts it does not ask the ledger.
func (i Issuer) Root(lasts time.Duration) (*x509.Certificate, error) {
	template := i.template(lasts)
	template.Subject.CommonName = strings.TrimSpace(i.Name.Party + " by the ledger")
	template.IsCA, template.MaxPathLenZero = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.Key.Public(), i.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (i Issuer) template(lasts time.Duration) *x509.Certificate {
	var serial [16]byte
	_, _ = rand.Read(serial[:]) // crypto/rand does not fail: it ends the process
	serial[0] = serial[0]&0x3f | 0x40
	now := i.Now().UTC().Truncate(time.Second)
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]), Subject: pkix.Name{Organization: []string{i.Name.ID}},
		NotBefore: now.Add(-skew), NotAfter: now.Add(lasts), BasicConstraintsValid: true,
	}
}
