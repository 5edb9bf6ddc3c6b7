package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/warehouse"
)

// freeAddress is one of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// hour is the clock of the commands.
func hour(t *testing.T) func() time.Time {
	t.Helper()
	now, err := time.Parse(time.RFC3339, today)
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Time { return now }
}

// await waits until somebody listens.
func await(t *testing.T, p *process, address string) {
	t.Helper()
	for range 1000 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nobody listens at %s: %s", address, p.end())
}

// A witness on another machine and a warehouse know each other by the keys that
// each has of the other, and by nothing else.
func TestAWitnessIsAskedOverMutualTLS(t *testing.T) {
	t.Parallel()
	home, other := homeAt(t, peopled), homeAt(t, peopled)
	opened, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	dir, address := filepath.Join(t.TempDir(), "w"), freeAddress(t)
	key := strings.TrimSpace(must(t, home, "witness", "init", dir, "w.example/one"))
	p := spawn(t, "", home, "witness", "serve", dir, "--log", opened.Config.LedgerKey, "--listen", address)
	await(t, p, address)
	set := func(home, url, key string) {
		t.Helper()
		must(t, home, "witness", "set", "--witness", url+"="+key, "--reason", "it watches")
	}
	set(home, "https://"+address, key)
	if out := must(t, home, "witness", "ask"); !strings.Contains(out, "cosigned") {
		t.Errorf("asked: %s", out)
	}
	sound(t, home)

	// the same address in clear, and with another key than the one that answers
	set(home, "http://"+address, key)
	if o := command(t, home, "witness", "ask"); o.code == exitOK || !strings.Contains(o.stdout, "400") {
		t.Errorf("in clear: %s", o)
	}
	set(home, "http://192.0.2.1:8790", key)
	if o := command(t, home, "witness", "ask"); o.code == exitOK || !strings.Contains(o.stdout, "nothing goes over the network without TLS") {
		t.Errorf("in clear over the network: %s", o)
	}
	_, another, err := note.GenerateKey(rand.Reader, "w.example/two")
	if err != nil {
		t.Fatal(err)
	}
	set(other, "https://"+address, another)
	if o := command(t, other, "witness", "ask"); o.code == exitOK || !strings.Contains(o.stdout, "is wanted") {
		t.Errorf("another witness: %s", o)
	}

	// a ledger with another key
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := mutual.Issuer{Name: mutual.Name{ID: mutual.ID(public)}, Key: private, Now: hour(t)}
	its, err := mutual.NoteKey(key)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: mutual.Client(own.Certificates(), mutual.Only(mutual.Name{ID: mutual.ID(its)}, its), hour(t))}}
	r, err := client.Get("https://" + address)
	if err == nil {
		r.Body.Close()
		t.Errorf("another ledger is let in: %s", r.Status)
	} else if err := mutual.Explain(err); !strings.Contains(err.Error(), "does not let us in") {
		t.Errorf("another ledger: %v", err)
	}
	_ = p.kill()
	p.end()
	refused(t, exitUsage, "--plain is for a proxy", home, "witness", "serve", dir, "--log", opened.Config.LedgerKey, "--listen", "0.0.0.0:0", "--plain")
	if err := os.Chmod(filepath.Join(dir, "witness.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, exitError, "can be read by others", home, "witness", "serve", dir, "--log", opened.Config.LedgerKey, "--listen", "127.0.0.1:0")
}

// A provider asks the authority's service over mutual TLS; who has left the warehouse
// is no longer let in, while the service runs on.
func TestWhoLeavesTheLedgerIsNotLetIn(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	p, url := serve(t, home)
	for party, ok := range map[string]bool{"chu-lyon": true, "alice": false} {
		_, err := providerClient(t, home, party, url).Pseudonyms(t.Context(), "registry", pseudonym.ByIdentifier, []pseudonym.ProviderToken{pseudonym.ProviderToken([]byte("1000000000000001"))})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "does not let us in") {
			t.Errorf("%s: %v", party, err)
		}
	}
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = hour(t)
	config, err := w.TLSTo("chu-lyon", "linkers")
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	r, err := c.Get(url + "/v1/health")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	must(t, home, "party", "leave", "chu-lyon", "--reason", "it closed") // and its key is gone
	if r, err := c.Get(url + "/v1/health"); err == nil {
		r.Body.Close()
		t.Errorf("who has left is let in: %s", r.Status)
	}
	_ = p.kill()
	refused(t, exitError, "in clear", home, "linkage", "serve", "--listen", "0.0.0.0:0", "--plain")
}

// Programs have a door of their own: a certificate and a token, both of one party.
func TestProgramsComeWithACertificate(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	site, door := freeAddress(t), freeAddress(t)
	p := spawn(t, "", home, "serve", "--listen", site, "--programs", door)
	await(t, p, door)
	token := regexp.MustCompile(`rempart_t-\S+`).FindString(must(t, home, "token", "issue", "nightly", "--as", "alice", "--scope", "read", "--for", "8h"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(must(t, home, "tls", "root")))
	ask := func(party, path, token string) (int, string) {
		t.Helper()
		config := &tls.Config{RootCAs: roots, Time: hour(t)}
		if party != "" {
			dir := filepath.Join(t.TempDir(), party)
			must(t, home, "tls", "issue", party, "--out", dir)
			pair, err := tls.LoadX509KeyPair(filepath.Join(dir, mutual.CertificateFile), filepath.Join(dir, mutual.KeyFile))
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		r, err := http.NewRequest(http.MethodGet, "https://"+door+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	for _, c := range []struct {
		party, path, token string
		status             int
	}{
		{"alice", "/api/v1/projects", token, http.StatusOK},
		{"alice", "/api/v1/register", "", http.StatusOK},
		{"alice", "/api/v1/projects", "", http.StatusUnauthorized},
		{"bob", "/api/v1/projects", token, http.StatusUnauthorized}, // another's hands
		{"alice", "/login", token, http.StatusNotFound},
		{"", "/api/v1/register", token, 0}, // no certificate
	} {
		if status, text := ask(c.party, c.path, c.token); status != c.status {
			t.Errorf("%s asks for %s: %d, want %d: %s", c.party, c.path, status, c.status, text)
		}
	}
}

// Certificates in files: what is good, what ends, what nobody should have read.
func TestCertificatesInFilesAreRenewed(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	must(t, home, "tls", "issue", "alice")
	must(t, home, "tls", "issue", "bob", "--for", "24h")
	must(t, home, "tls", "issue", "chu-lyon")
	refused(t, exitRefused, "takes no part", home, "tls", "issue", "nobody")
	refused(t, exitUsage, "at most", home, "tls", "issue", "alice", "--for", "9000h")
	if err := os.Chmod(filepath.Join(home, "parties", "chu-lyon", "tls", mutual.KeyFile), 0o640); err != nil {
		t.Fatal(err)
	}
	line := func(out, party string) string {
		for text := range strings.Lines(out) {
			if strings.HasPrefix(text, party) {
				return text
			}
		}
		return ""
	}
	out := must(t, home, "tls", "list")
	if !strings.Contains(line(out, "alice"), "good") || !strings.Contains(line(out, "bob"), "good") || !strings.Contains(line(out, "chu-lyon"), "can be read by others") {
		t.Errorf("the list says\n%s", out)
	}
	before := read(t, filepath.Join(home, "parties", "alice", "tls", mutual.CertificateFile))
	if out := must(t, home, "tls", "renew"); !strings.Contains(out, "chu-lyon") || strings.Contains(out, "alice") {
		t.Errorf("renewed:\n%s", out)
	}
	if string(before) != string(read(t, filepath.Join(home, "parties", "alice", "tls", mutual.CertificateFile))) {
		t.Error("a good one was made anew")
	}
	later := at(t, "2030-01-01T00:00:00Z", home, "tls", "list")
	if !strings.Contains(line(later, "alice"), "ended on") {
		t.Errorf("the list says\n%s", later)
	}
	must(t, home, "party", "leave", "bob", "--reason", "moved")
	if out := must(t, home, "tls", "list"); !strings.Contains(line(out, "bob"), "left on") {
		t.Errorf("the list says\n%s", out)
	}
	refused(t, exitRefused, "takes no part", home, "tls", "renew")
}
