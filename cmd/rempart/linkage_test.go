package main

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage/service"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/warehouse"
)

// serve starts the authority's service and returns its process and URL once it answers.
func serve(t *testing.T, home string) (*process, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, "", home, "linkage", "serve", "--listen", address, "--domain", "registry")
	for range 1000 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return p, "https://" + address
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the service does not answer: %s", p.end())
	return nil, ""
}

// providerClient asks a service as a party of the home.
func providerClient(t *testing.T, home, party, url string) *service.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(home, "parties", party, "signing.key"))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.KeyFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	w, err := warehouse.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	state, err := w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now, err := time.Parse(time.RFC3339, today)
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return now }
	config, err := w.TLSTo(party, "linkers")
	if err != nil {
		t.Fatal(err)
	}
	c := &service.Client{
		URL: url, Party: party, Signing: key, Authority: "linkers", Key: state.Parties["linkers"].Signing,
		HTTP: service.NewHTTP(config), Now: w.Now,
	}
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

var personsFound = regexp.MustCompile(`[0-9 ]+ records are (found to be )?([0-9 ]+) persons`)

// TestDepositsWithTheAuthoritysHelp: oblivious tokens link the persons that keyed
// ones do, the two kinds are never mixed unseen, and the service's count is in the ledger.
func TestDepositsWithTheAuthoritysHelp(t *testing.T) {
	t.Parallel()
	home, data := homeAt(t, peopled), population(t)
	hospital, insurer := filepath.Join(data, "hospital-1"), filepath.Join(data, "insurer")
	refused(t, exitRefused, "authority-url", home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", hospital, "--pseudonyms", "oblivious")
	p, url := serve(t, home)
	refused(t, exitRefused, "committed to no key", home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", hospital, "--pseudonyms", "oblivious", "--authority-url", url, "--evaluator", "cnam")
	must(t, home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", hospital, "--pseudonyms", "oblivious", "--authority-url", url)
	must(t, home, "deposit", "create", "--as", "cnam", "--feed", "insurer", insurer)
	refused(t, exitRefused, "kinds that never meet", home, "linkage", "run")
	must(t, home, "deposit", "create", "--as", "cnam", "--feed", "insurer", insurer, "--pseudonyms", "both", "--authority-url", url)
	if list := must(t, home, "deposit", "list"); !strings.Contains(list, "oblivious (linkers)") || !strings.Contains(list, "both (linkers)") || !strings.Contains(list, "keyed") {
		t.Errorf("the list says\n%s", list)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if o := p.end(); o.code != exitOK {
		t.Fatal(o)
	}
	linked := must(t, home, "linkage", "run", "--pseudonyms", "oblivious")
	if !strings.Contains(linked, "of 2 deposits by their oblivious tokens") || !strings.Contains(linked, "Left out") {
		t.Errorf("linkage says\n%s", linked)
	}
	got := personsFound.FindStringSubmatch(linked)
	keyed := homeAt(t, deposited)
	want := personsFound.FindStringSubmatch(must(t, keyed, "linkage", "run"))
	if len(got) == 0 || len(want) == 0 || got[2] != want[2] {
		t.Errorf("oblivious tokens find %v, keyed ones %v", got, want)
	}
	if log := must(t, home, "audit", "log"); !regexp.MustCompile(`issued [0-9,]+ tokens to 2 parties`).MatchString(log) {
		t.Errorf("the ledger says\n%s", log)
	}
	must(t, home, "audit", "verify")

	// the journal is what the ledger knows, or the verification says so
	journal := filepath.Join(home, "parties", "linkers", "pseudonyms.journal")
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(journal, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout+o.stderr, "pseudonyms.journal") {
		t.Error(o)
	}
	if o := command(t, home, "linkage", "serve", "--listen", "127.0.0.1:0"); o.code == exitOK || !strings.Contains(o.stderr, "pseudonyms.journal was changed") {
		t.Error(o)
	}
}

// TestAServiceThatIsKilledForgetsNothing: kill -9 at any moment, and every answer
// that somebody has had still holds.
func TestAServiceThatIsKilledForgetsNothing(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	type answer struct {
		given map[pseudonym.ProviderToken]service.Pseudonym
	}
	var mu sync.Mutex
	known := answer{map[pseudonym.ProviderToken]service.Pseudonym{}}
	keep := func(list []pseudonym.ProviderToken, given []service.Pseudonym) {
		mu.Lock()
		defer mu.Unlock()
		for i, token := range list {
			if before, ok := known.given[token]; ok && before != given[i] {
				t.Errorf("a token has another pseudonym after a kill")
			}
			known.given[token] = given[i]
		}
	}
	for round := range 6 {
		p, url := serve(t, home)
		c := providerClient(t, home, "chu-lyon", url)
		var clients sync.WaitGroup
		for client := range 4 {
			clients.Go(func() {
				for i := range 1000 {
					list := make([]pseudonym.ProviderToken, 64)
					for j := range list { // half of them were asked for before
						copy(list[j][:], strconv.Itoa(1_000_000_000_000_000+(round+client%2)*10_000+i*32+j))
					}
					given, err := c.Pseudonyms(t.Context(), "registry", pseudonym.ByIdentifier, list)
					if err != nil {
						return // it is dead
					}
					keep(list, given)
				}
			})
		}
		time.Sleep(time.Duration(20+rand.IntN(300)) * time.Millisecond)
		if err := p.kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		clients.Wait()
		p.end()
	}
	p, url := serve(t, home)
	c := providerClient(t, home, "chu-lyon", url)
	var all []pseudonym.ProviderToken
	for token := range known.given {
		all = append(all, token)
	}
	if len(all) == 0 {
		t.Fatal("nothing was answered before a kill")
	}
	for len(all) > 0 {
		n := min(len(all), service.MaxTokens)
		given, err := c.Pseudonyms(t.Context(), "registry", pseudonym.ByIdentifier, all[:n])
		if err != nil {
			t.Fatal(err)
		}
		keep(all[:n], given)
		all = all[n:]
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if o := p.end(); o.code != exitOK {
		t.Fatal(o)
	}
	must(t, home, "audit", "verify")
}
