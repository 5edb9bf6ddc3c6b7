package keyring_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/keyring/kmiptest"
)

func clientSecrets(client kmiptest.Client) keyring.Secrets {
	return keyring.Secrets{
		Passphrase: func() (string, error) { return "open sesame", nil },
		TLS:        func() (*tls.Config, error) { return keyring.ClientTLS(client.CA, client.Certificate, client.Key) },
	}
}

// A server that changes or swaps what it is given to unwrap is found out, and
// one that is gone is not mistaken for a damaged key.
func TestAKeyServerBindsTheNameAndItsAbsenceIsNoDamage(t *testing.T) {
	endpoint, client := kmiptest.Start(t)
	secrets := clientSecrets(client)
	dir := t.TempDir()
	ring, err := keyring.Create(t.Context(), dir, keyring.Config{Kind: "kmip", Endpoint: endpoint, Label: "rempart-root"}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"release-1", "release-2"} {
		if _, err := ring.New(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	one, two := filepath.Join(dir, "g1", "release-1"), filepath.Join(dir, "g1", "release-2")
	wrapped, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(two, wrapped, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Key(t.Context(), "release-2"); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("a swapped key: %v", err)
	}
	wrapped[len(wrapped)-1] ^= 1
	if err := os.WriteFile(one, wrapped, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Key(t.Context(), "release-1"); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("a changed key: %v", err)
	}

	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(dir, "current.json"))
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte(endpoint), []byte(gone.Addr().String()), 1)
	if err := os.WriteFile(filepath.Join(dir, "current.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	var unavailable *keyring.UnavailableError
	if _, err := keyring.Open(t.Context(), dir, secrets); !errors.As(err, &unavailable) {
		t.Errorf("a server that is gone: %v", err)
	}
}

// Who has no certificate of the server's authority gets nothing.
func TestAKeyServerKnowsItsClients(t *testing.T) {
	endpoint, client := kmiptest.Start(t)
	dir := t.TempDir()
	other := kmiptest.NewAuthority(t, dir)
	stranger := other.Issue(t, dir, "stranger", x509.ExtKeyUsageClientAuth)
	otherCA := stranger.CA
	stranger.CA = client.CA
	config := keyring.Config{Kind: "kmip", Endpoint: endpoint}
	if _, err := keyring.Create(t.Context(), filepath.Join(dir, "keyring"), config, clientSecrets(stranger)); err == nil {
		t.Error("a stranger was given a key")
	}
	client.CA = otherCA
	_, err := keyring.Create(t.Context(), filepath.Join(dir, "other"), config, clientSecrets(client))
	var unavailable *keyring.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Errorf("a server of another authority was trusted: %v", err)
	}
}
