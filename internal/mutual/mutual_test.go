package mutual

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/graceful"
)

// ledger is what one says: who takes part, with which key.
type ledger struct {
	id string

	mu   sync.Mutex
	keys map[string]ed25519.PrivateKey
	now  time.Time
}

func newLedger(t *testing.T, parties ...string) *ledger {
	l := &ledger{keys: map[string]ed25519.PrivateKey{}, now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}
	for _, name := range append(parties, "") {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		l.keys[name] = key
	}
	l.id = ID(l.keys[""].Public().(ed25519.PublicKey))
	return l
}

func (l *ledger) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *ledger) later(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

func (l *ledger) leave(party string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, party)
}

func (l *ledger) issuer(party string) Issuer {
	return Issuer{Name{l.id, party}, l.keys[party], l.clock}
}

func (l *ledger) admit(n Name) (ed25519.PublicKey, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, known := l.keys[n.Party]
	if n.ID != l.id || !known {
		return nil, fmt.Errorf("%s takes no part", n)
	}
	return key.Public().(ed25519.PublicKey), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// says waits for a text, and forgets all: a server writes after the client knows.
func (b *buffer) says(text string) bool {
	for range 1000 {
		if strings.Contains(b.String(), text) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.Reset()
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// serve answers with the name of whom it has let in.
func serve(t *testing.T, config *tls.Config, l *ledger) (address string, log *buffer) {
	t.Helper()
	log = &buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelInfo),
		Handler: Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, _ := From(r.Context())
			fmt.Fprint(w, name.Party)
		}), l.admit, l.clock, logger)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- graceful.Serve(ctx, server, tls.NewListener(listener, config), time.Minute) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	return listener.Addr().String(), log
}

func get(t *testing.T, address string, config *tls.Config) (status int, text string, err error) {
	t.Helper()
	return ask(&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}, "https://"+address)
}

func ask(c *http.Client, url string) (status int, text string, err error) {
	r, err := c.Get(url)
	if err != nil {
		return 0, "", Explain(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r.StatusCode, string(body), err
}

func TestPartiesOfOneLedgerKnowEachOther(t *testing.T) {
	l := newLedger(t, "chu", "linkers")
	address, _ := serve(t, Server(l.issuer("linkers").Certificates(), l.admit, l.clock), l)
	linkers := Only(Name{l.id, "linkers"}, l.keys["linkers"].Public().(ed25519.PublicKey))
	for _, party := range []string{"chu", ""} {
		status, said, err := get(t, address, Client(l.issuer(party).Certificates(), linkers, l.clock))
		if err != nil || status != http.StatusOK || said != party {
			t.Errorf("%q: %d, %q, %v", party, status, said, err)
		}
	}
}

// changed is a client's certificate with something else in it, by a key.
func changed(t *testing.T, l *ledger, by ed25519.PrivateKey, change func(leaf, root *x509.Certificate)) Certificates {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7), URIs: []*url.URL{Name{l.id, "chu"}.uri()}, Subject: pkix.Name{CommonName: "chu"},
		NotBefore: l.now.Add(-time.Minute), NotAfter: l.now.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
	root := &x509.Certificate{SerialNumber: big.NewInt(8), Subject: pkix.Name{CommonName: "root"}, NotBefore: leaf.NotBefore, NotAfter: l.now.Add(365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	change(leaf, root)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, by.Public(), by)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, public, by)
	must(t, err)
	return func() (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{der, rootDER}, PrivateKey: private}, nil
	}
}

// TestWhoIsNotLetIn: everybody else ends at the handshake, and the log says why.
func TestWhoIsNotLetIn(t *testing.T) {
	l, other := newLedger(t, "chu", "cnam", "linkers", "gone"), newLedger(t, "chu")
	gone := l.issuer("gone").Certificates()
	l.leave("gone")
	anybody := func(n Name) (ed25519.PublicKey, error) { return l.admit(Name{l.id, "linkers"}) }
	chu := l.keys["chu"]
	as := func(change func(leaf, root *x509.Certificate)) Certificates { return changed(t, l, chu, change) }
	single := func() (*tls.Certificate, error) {
		c, err := l.issuer("chu").Issue(time.Hour)
		c.Certificate = c.Certificate[:1]
		return c, err
	}
	borrowed := func() (*tls.Certificate, error) { // with the chain of somebody else's issuer
		c, err := other.issuer("chu").Issue(time.Hour)
		root, e := l.issuer("chu").Root(time.Hour)
		c.Certificate[1] = root.Raw
		return c, errors.Join(err, e)
	}
	old := l.issuer("chu")
	old.Now = func() time.Time { return l.clock().Add(-25 * time.Hour) }
	early := l.issuer("chu")
	early.Now = func() time.Time { return l.clock().Add(time.Hour) }
	address, log := serve(t, Server(l.issuer("linkers").Certificates(), l.admit, l.clock), l)
	for name, c := range map[string]struct {
		own  Certificates
		says string
	}{
		"the control":                  {as(func(_, _ *x509.Certificate) {}), ""},
		"no certificate":               {func() (*tls.Certificate, error) { return &tls.Certificate{}, nil }, "didn't provide a certificate"},
		"of another warehouse":         {other.issuer("chu").Certificates(), "takes no part"},
		"of a party that has left":     {gone, "takes no part"},
		"of another party, by its own": {changed(t, l, l.keys["cnam"], func(_, _ *x509.Certificate) {}), "not issued by the key"},
		"by a key of nobody":           {changed(t, l, other.keys["chu"], func(_, _ *x509.Certificate) {}), "not issued by the key"},
		"with another's issuer":        {changed(t, other, other.keys["chu"], func(leaf, _ *x509.Certificate) { leaf.URIs[0].Host = l.id }), "not issued by the key"},
		"beside the right issuer":      {borrowed, "takes no part"},
		"without its issuer":           {single, "want two"},
		"that has ended":               {old.Certificates(), "ended on 2026-12-01T11:00:00Z"},
		"that has not begun":           {func() (*tls.Certificate, error) { return early.Issue(time.Hour) }, "the clocks are apart"},
		"that lasts a year":            {as(func(leaf, _ *x509.Certificate) { leaf.NotAfter = l.now.Add(365 * 24 * time.Hour) }), "lasts longer than 90 days"},
		"that names nobody":            {as(func(leaf, _ *x509.Certificate) { leaf.URIs = nil; leaf.DNSNames = []string{"chu"} }), "names nobody"},
		"that names two":               {as(func(leaf, _ *x509.Certificate) { leaf.URIs = append(leaf.URIs, Name{l.id, "cnam"}.uri()) }), "names nobody"},
		"of another kind of name":      {as(func(leaf, _ *x509.Certificate) { leaf.URIs[0].Scheme = "spiffe" }), "names nobody"},
		"for servers alone":            {as(func(leaf, _ *x509.Certificate) { leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "incompatible key usage"},
		"whose issuer is no authority": {as(func(_, root *x509.Certificate) { root.IsCA = false; root.KeyUsage = x509.KeyUsageDigitalSignature }), "x509"},
		"whose issuer has ended":       {as(func(_, root *x509.Certificate) { root.NotAfter = l.now.Add(-time.Second) }), "expired"},
		"with something that is unknown": {as(func(leaf, _ *x509.Certificate) {
			leaf.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), "unhandled critical extension"},
	} {
		status, _, err := get(t, address, Client(c.own, anybody, l.clock))
		if c.says == "" {
			if err != nil || status != http.StatusOK {
				t.Fatalf("%s: %d, %v", name, status, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "does not let us in") {
			t.Errorf("a certificate %s: %d, %v", name, status, err)
		}
		if !log.says(c.says) {
			t.Errorf("a certificate %s: the log says\n%s", name, log)
		}
	}
}

// TestAClientKnowsTheServer: nobody else answers in its place, whatever it is called.
func TestAClientKnowsTheServer(t *testing.T) {
	l, other := newLedger(t, "chu", "cnam", "linkers"), newLedger(t, "linkers")
	linkers := Only(Name{l.id, "linkers"}, l.keys["linkers"].Public().(ed25519.PublicKey))
	for name, c := range map[string]struct {
		own  Certificates
		says string
	}{
		"another party":               {l.issuer("cnam").Certificates("127.0.0.1"), "is of cnam of"},
		"the warehouse itself":        {l.issuer("").Certificates("127.0.0.1"), "is wanted"},
		"its name by another key":     {Issuer{Name{l.id, "linkers"}, other.keys["linkers"], l.clock}.Certificates("127.0.0.1"), "not issued by the key"},
		"its name, another warehouse": {other.issuer("linkers").Certificates("127.0.0.1"), "is of linkers of " + other.id},
	} {
		address, _ := serve(t, Server(c.own, l.admit, l.clock), l)
		if _, _, err := get(t, address, Client(l.issuer("chu").Certificates(), linkers, l.clock)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingLessThanTLS13 is what a downgrade would be.
func TestNothingLessThanTLS13(t *testing.T) {
	l := newLedger(t, "chu", "linkers")
	address, _ := serve(t, Server(l.issuer("linkers").Certificates(), l.admit, l.clock), l)
	older := Client(l.issuer("chu").Certificates(), l.admit, l.clock)
	older.MinVersion, older.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
	if _, _, err := get(t, address, older); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("a client with TLS 1.2: %v", err)
	}
	if status, _, err := ask(http.DefaultClient, "http://"+address); err == nil && status != http.StatusBadRequest {
		t.Errorf("a client without TLS: %d", status)
	}
	server := Server(l.issuer("linkers").Certificates(), l.admit, l.clock)
	server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
	address, _ = serve(t, server, l)
	if _, _, err := get(t, address, Client(l.issuer("chu").Certificates(), l.admit, l.clock)); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("a server with TLS 1.2: %v", err)
	}
}

// TestWhoLeavesIsOutAtOnce: on a connection that is open too, and a certificate
// that ends ends it as well.
func TestWhoLeavesIsOutAtOnce(t *testing.T) {
	l := newLedger(t, "chu", "cnam", "linkers")
	address, log := serve(t, Server(l.issuer("linkers").Certificates(), l.admit, l.clock), l)
	open := func(party string) *http.Client {
		held, err := l.issuer(party).Issue(time.Hour)
		must(t, err)
		transport := &http.Transport{TLSClientConfig: Client(func() (*tls.Certificate, error) { return held, nil }, l.admit, l.clock)}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	chu, cnam := open("chu"), open("cnam")
	for _, c := range []*http.Client{chu, cnam} {
		if status, said, err := ask(c, "https://"+address); err != nil || status != http.StatusOK {
			t.Fatal(status, said, err)
		}
	}
	l.leave("chu")
	if status, said, err := ask(chu, "https://"+address); err != nil || status != http.StatusForbidden {
		t.Errorf("who has left: %d, %q, %v", status, said, err)
	}
	l.later(50 * time.Minute)
	if status, _, err := ask(cnam, "https://"+address); err != nil || status != http.StatusOK || !strings.Contains(log.String(), "ends soon") {
		t.Errorf("a certificate that ends soon: %d, %v\n%s", status, err, log)
	}
	l.later(time.Hour)
	if status, said, err := ask(cnam, "https://"+address); err != nil || status != http.StatusForbidden {
		t.Errorf("a certificate that has ended: %d, %q, %v", status, said, err)
	}
}

func TestCertificatesAreMadeAnew(t *testing.T) {
	l := newLedger(t, "chu")
	own := l.issuer("chu").Certificates()
	first, err := own()
	must(t, err)
	again, err := own()
	must(t, err)
	l.later(Lasts/2 + time.Second)
	second, err := own()
	must(t, err)
	if first != again || second == first || bytes.Equal(first.Leaf.RawSubjectPublicKeyInfo, second.Leaf.RawSubjectPublicKeyInfo) {
		t.Error("a certificate is made anew at half time, of another key, and not before")
	}
	if _, err := l.issuer("chu").Issue(Longest + time.Second); err == nil {
		t.Error("a certificate may last too long")
	}
}

// TestOthersVerifyTheChain: with the root alone, by what X.509 says, as curl does.
func TestOthersVerifyTheChain(t *testing.T) {
	l := newLedger(t, "chu", "linkers")
	root, err := l.issuer("linkers").Root(Longest)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	address, _ := serve(t, Server(l.issuer("linkers").Certificates("127.0.0.1", "linkers.example"), l.admit, l.clock), l)
	dir := t.TempDir()
	held, err := l.issuer("chu").Issue(time.Hour)
	must(t, err)
	must(t, Write(dir, held))
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile))
	must(t, err)
	for _, host := range []string{"", "linkers.example"} {
		status, said, err := get(t, address, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: host, Time: l.clock})
		if err != nil || status != http.StatusOK || said != "chu" {
			t.Errorf("%q: %d, %q, %v", host, status, said, err)
		}
	}
	if _, _, err := get(t, address, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: "chu.example", Time: l.clock}); err == nil {
		t.Error("another host is verified")
	}
}

func TestWhatIsInFiles(t *testing.T) {
	l := newLedger(t, "chu")
	dir := filepath.Join(t.TempDir(), "tls")
	held, err := l.issuer("chu").Issue(time.Hour)
	must(t, err)
	must(t, Write(dir, held))
	if info, err := os.Stat(filepath.Join(dir, KeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	look := func(soon bool, says string) {
		t.Helper()
		h, err := Look(dir, l.admit, l.clock())
		must(t, err)
		if h.Name != (Name{l.id, "chu"}) || h.Soon != soon || (h.Err == nil) != (says == "") || h.Err != nil && !strings.Contains(h.Err.Error(), says) {
			t.Errorf("%+v", h)
		}
	}
	look(false, "")
	must(t, os.Chmod(filepath.Join(dir, KeyFile), 0o640))
	look(false, "can be read by others")
	must(t, os.Chmod(filepath.Join(dir, KeyFile), 0o600))
	l.later(45 * time.Minute)
	look(true, "")
	l.later(time.Hour)
	look(true, "ended on")
	l.later(-time.Hour)
	l.leave("chu")
	look(true, "takes no part")
	must(t, os.WriteFile(filepath.Join(dir, CertificateFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), 0o600))
	if _, err := Look(dir, l.admit, l.clock()); err == nil {
		t.Error("what is no certificate is read")
	}
}

func TestKeysOfNotes(t *testing.T) {
	for range 20 { // base64 has a + now and then
		secret, public, err := note.GenerateKey(rand.Reader, "rempart/a")
		must(t, err)
		signer, err := NoteSigner(secret + "\n")
		must(t, err)
		key, err := NoteKey(public)
		must(t, err)
		if !key.Equal(signer.Public()) {
			t.Fatal("the two halves do not fit")
		}
	}
	for _, text := range []string{"", "a+b", "a+b+AAAA", "rempart/a+0000+" + strings.Repeat("A", 44)} {
		if _, err := NoteKey(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
