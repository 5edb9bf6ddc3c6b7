// Package kmiptest starts a KMIP key server for tests: Debian's PyKMIP, on a
// port of 127.0.0.1 that the system chooses, with certificates made for the test.
package kmiptest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed" // the program that starts the server
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pykmip starts Debian's PyKMIP on a port that the system chooses, prints the
// port, and ends, with all its processes, when its input ends.
//
//go:embed pykmip.py
var pykmip string

// Client is the files of a client, in PEM.
type Client struct{ CA, Certificate, Key string }

// Start starts a KMIP server for one test, which it skips where PyKMIP is not
// installed. It returns the server's address and a client that the server knows.
// The server ends with the test, and with the test's process.
func Start(t *testing.T) (endpoint string, client Client) {
	t.Helper()
	if _, err := os.Stat("/usr/lib/python3/dist-packages/kmip/__init__.py"); err != nil {
		t.Skip("PyKMIP is not installed: apt-get install python3-pykmip")
	}
	dir := t.TempDir()
	ca := NewAuthority(t, dir)
	own := ca.Issue(t, dir, "server", x509.ExtKeyUsageServerAuth)
	client = ca.Issue(t, dir, "client", x509.ExtKeyUsageClientAuth)

	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	server := exec.CommandContext(ctx, "/usr/bin/python3", "-W", "ignore", "-c", pykmip, dir, own.Certificate, own.Key, own.CA)
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
	late := time.AfterFunc(2*time.Minute, cancel) // Scan then ends
	started := lines.Scan()
	if !late.Stop() || !started {
		why, _ := os.ReadFile(complaints.Name())
		t.Fatalf("PyKMIP did not start: %s", why)
	}
	return net.JoinHostPort("127.0.0.1", lines.Text()), client
}

// Authority issues certificates for tests.
type Authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes one, whose certificate lies in dir.
func NewAuthority(t *testing.T, dir string) *Authority {
	t.Helper()
	a := &Authority{file: filepath.Join(dir, "ca.pem")}
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

// Issue makes a certificate for 127.0.0.1 in dir.
func (a *Authority) Issue(t *testing.T, dir, name string, usage x509.ExtKeyUsage) Client {
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
	c := Client{CA: a.file, Certificate: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	writePEM(t, c.Certificate, "CERTIFICATE", der)
	writePEM(t, c.Key, "PRIVATE KEY", private)
	return c
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
