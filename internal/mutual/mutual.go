// Package mutual lets processes know each other over TLS 1.3 by keys that the
// ledger names, and by nothing else.
//
// There is no certificate authority beside the ledger: every holder of a key is the
// authority for itself. An [Issuer] holds a signing key (a party's, the one of the ledger's
// checkpoints, a witness's) and makes certificates of keys that live for a day, in
// memory, and are made anew at half time. Whoever is shown one asks the ledger for
// the key of the name that it bears ([Admit]) and verifies it with that: at the
// handshake, and again at each request ([Handler]), so that who has left is out at once, on
// a connection that is open too.
//
// A certificate names whom it is of as a URI, rempart://ID/NAME: ID is the digest of the
// ledger's key, so that a certificate of another warehouse is none here. The
// chain is two certificates of X.509, which other programs verify as well with the
// root that [Issuer.Root] makes. docs/tls.md has the format.
//
// It does not decide who may ask for what: that is the business of who answers.
package mutual

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// How long certificates last: those that a process makes for itself, and at most.
const (
	Lasts   = 24 * time.Hour
	Longest = 90 * 24 * time.Hour
)

// skew is how far the clocks of two machines may be apart.
const skew = 5 * time.Minute

// Admit is the key of whom a certificate names, by the ledger as it is now. The
// error says why that one is not let in.
type Admit func(Name) (ed25519.PublicKey, error)

// Only admits one name, with its key.
func Only(name Name, key ed25519.PublicKey) Admit {
	return func(n Name) (ed25519.PublicKey, error) {
		if n != name {
			return nil, fmt.Errorf("the certificate is of %s, and %s is wanted", n, name)
		}
		return key, nil
	}
}

// verify says whom a chain is of, if the ledger's key vouches for it now.
func (admit Admit) verify(chain []*x509.Certificate, use x509.ExtKeyUsage, now time.Time) (name Name, err error) {
	if len(chain) != 2 {
		return name, errors.New("no certificate of a key that the ledger names: want two, that of the process and its issuer's")
	}
	leaf, issuer := chain[0], chain[1]
	if name, err = nameOf(leaf); err != nil {
		return name, err
	}
	switch {
	case now.After(leaf.NotAfter):
		return name, fmt.Errorf("the certificate of %s ended on %s: renew it, or set the clock", name, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return name, fmt.Errorf("the certificate of %s begins on %s: the clocks are apart", name, leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.NotAfter.Sub(leaf.NotBefore) > Longest+skew:
		return name, fmt.Errorf("the certificate of %s lasts longer than %d days", name, Longest/(24*time.Hour))
	}
	key, err := admit(name)
	if err != nil {
		return name, err
	}
	if public, ok := issuer.PublicKey.(ed25519.PublicKey); !ok || !public.Equal(key) {
		return name, fmt.Errorf("the certificate of %s is not issued by the key that the ledger names", name)
	}
	roots := x509.NewCertPool()
	roots.AddCert(issuer)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
		return name, fmt.Errorf("the certificate of %s: %w", name, err)
	}
	return name, nil
}

// Server lets in whom admit knows. Everybody else ends at the handshake.
func Server(own Certificates, admit Admit, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, Time: now,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own() },
		ClientAuth:             tls.RequireAnyClientCert, // which one, says VerifyConnection
		SessionTicketsDisabled: true,                     // each connection is asked anew
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := admit.verify(s.PeerCertificates, x509.ExtKeyUsageClientAuth, now())
			return err
		},
	}
}

// Client speaks with whom admit knows. What the other end is called in the network
// does not matter: the ledger knows keys and no addresses.
func Client(own Certificates, admit Admit, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, Time: now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own() },
		InsecureSkipVerify:   true, // of a host's name; VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := admit.verify(s.PeerCertificates, x509.ExtKeyUsageServerAuth, now())
			return err
		},
	}
}

// Handler asks about the other end again at each request, and says who it is
// ([From]). It warns once of a certificate that ends soon, which is one that
// nobody has renewed.
func Handler(next http.Handler, admit Admit, now func() time.Time, log *slog.Logger) http.Handler {
	var warned sync.Map
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			http.Error(w, "want TLS with a certificate", http.StatusForbidden)
			return
		}
		name, err := admit.verify(r.TLS.PeerCertificates, x509.ExtKeyUsageClientAuth, now())
		if err != nil {
			log.Warn("not let in", "from", r.RemoteAddr, "why", err)
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		leaf := r.TLS.PeerCertificates[0]
		if endsSoon(leaf, now()) {
			if _, before := warned.LoadOrStore(leaf.SerialNumber.String(), nil); !before {
				log.Warn("a certificate ends soon: rempart tls renew", "of", name.String(), "ends", leaf.NotAfter)
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), nameKey{}, name)))
	})
}

// endsSoon says whether a third of a certificate's time or less is left.
func endsSoon(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) <= leaf.NotAfter.Sub(leaf.NotBefore)/3
}

type nameKey struct{}

// From is whose certificate a request came with, where it passed a [Handler].
func From(ctx context.Context) (Name, bool) {
	name, ok := ctx.Value(nameKey{}).(Name)
	return name, ok
}

// Explain says in a sentence what an error of a connection means.
func Explain(err error) error {
	var alert *net.OpError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fmt.Errorf("the other end does not let us in by our certificate: the party has left or is unknown there, it is another warehouse, or the clocks are apart (its log says which): %w", err)
	case errors.As(err, &plain):
		return fmt.Errorf("the other end does not speak TLS: %w", err)
	}
	return err
}
