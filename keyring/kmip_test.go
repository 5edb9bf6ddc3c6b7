package keyring_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/keyring"
)

// pykmip starts Debian's PyKMIP on a port that the system chooses, prints the
// port, and ends, with all its processes, when its input ends.
//
//go:embed testdata/pykmip.py
var pykmip string

// keyServer starts a KMIP server for one test. It returns its address and the
// files of a client that it knows: authority, certificate, private key.
func keyServer(t *testing.T) (endpoint string, files [3]string) {
	t.Helper()
	if _, err := os.Stat("/usr/lib/python3/dist-packages/kmip/__init__.py"); err != nil {
		t.Skip("PyKMIP is not installed: apt-get install python3-pykmip")
	}
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	serverCert, serverKey := ca.issue(t, dir, "server", x509.ExtKeyUsageServerAuth)
	clientCert, clientKey := ca.issue(t, dir, "client", x509.ExtKeyUsageClientAuth)

	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	server := exec.CommandContext(ctx, "/usr/bin/python3", "-W", "ignore", "-c", pykmip, dir, serverCert, serverKey, ca.file)
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	server.Cancel = func() error { return syscall.Kill(-server.Process.Pid, syscall.SIGKILL) }
	server.WaitDelay = 5 * time.Second
	complaints, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = complaints
	input, err := server.StdinPipe() // stays open as long as this process lives
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(server.Start(), complaints.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = input.Close()
		_ = server.Wait() // it was killed
	})
	lines := bufio.NewScanner(output)
	late := time.AfterFunc(30*time.Second, cancel) // Scan then ends
	started := lines.Scan()
	if !late.Stop() || !started {
		why, _ := os.ReadFile(complaints.Name())
		t.Fatalf("PyKMIP did not start: %s", why)
	}
	return net.JoinHostPort("127.0.0.1", lines.Text()), [3]string{ca.file, clientCert, clientKey}
}

// authority issues the certificates of one test.
type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(dir, "ca.pem")}
	template := certificate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.key = newECKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func (a *authority) issue(t *testing.T, dir, name string, usage x509.ExtKeyUsage) (certFile, keyFile string) {
	t.Helper()
	template := certificate(name)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{usage}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	key := newECKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", private)
	return certFile, keyFile
}

// certificate is valid whatever the clock says.
func certificate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func clientSecrets(files [3]string) keyring.Secrets {
	return keyring.Secrets{
		Passphrase: func() (string, error) { return "open sesame", nil },
		TLS:        func() (*tls.Config, error) { return keyring.ClientTLS(files[0], files[1], files[2]) },
	}
}

// A server that changes or swaps what it is given to unwrap is found out, and
// one that is gone is not mistaken for a damaged key.
func TestAKeyServerBindsTheNameAndItsAbsenceIsNoDamage(t *testing.T) {
	endpoint, files := keyServer(t)
	secrets := clientSecrets(files)
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
	endpoint, files := keyServer(t)
	dir := t.TempDir()
	other := newAuthority(t, dir)
	cert, key := other.issue(t, dir, "stranger", x509.ExtKeyUsageClientAuth)
	_, err := keyring.Create(t.Context(), filepath.Join(dir, "keyring"), keyring.Config{Kind: "kmip", Endpoint: endpoint}, clientSecrets([3]string{files[0], cert, key}))
	if err == nil {
		t.Error("a stranger was given a key")
	}
	_, err = keyring.Create(t.Context(), filepath.Join(dir, "other"), keyring.Config{Kind: "kmip", Endpoint: endpoint}, clientSecrets([3]string{other.file, files[1], files[2]}))
	var unavailable *keyring.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Errorf("a server of another authority was trusted: %v", err)
	}
}
