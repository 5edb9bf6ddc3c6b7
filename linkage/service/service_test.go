package service

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// stand is a service on this machine, and what it logged.
type stand struct {
	*Service
	url string
	log *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// seeded is a signing key that every run has.
func seeded(t testing.TB, name string) ledger.Key {
	t.Helper()
	seed := make([]byte, 32)
	copy(seed, name)
	key, err := ledger.KeyFromSeed(seed)
	must(t, err)
	return key
}

// options are those of a service of the authority "linkers" for "chu" and "cnam".
func options(t testing.TB, journal *Journal, log io.Writer) Options {
	t.Helper()
	secret := bytes.Repeat([]byte{9}, pseudonym.SecretSize)
	second, err := pseudonym.NewAuthorityKey(secret)
	must(t, err)
	blind, err := pseudonym.ObliviousKey(secret)
	must(t, err)
	providers := map[string]ledger.PublicKey{"chu": seeded(t, "chu").Public(), "cnam": seeded(t, "cnam").Public()}
	return Options{
		Warehouse: "aa", Authority: "linkers", Signing: seeded(t, "linkers"), Second: second, Oblivious: blind,
		Domains: []string{"study", "registry"}, Limits: Limits{1e9, 1e9}, Journal: journal,
		Provider: func(party string) (ledger.PublicKey, bool) {
			key, ok := providers[party]
			return key, ok
		},
		Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func newStand(t testing.TB, change func(*Options)) *stand {
	t.Helper()
	log := &logBuffer{}
	o := options(t, openJournal(t, filepath.Join(t.TempDir(), "journal"), ledger.JournalHead{}), log)
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener, nil) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	return &stand{Service: s, url: "http://" + listener.Addr().String(), log: log}
}

func (s *stand) client(t testing.TB, party string) *Client {
	t.Helper()
	c := &Client{
		URL: s.url, Party: party, Signing: seeded(t, party), Authority: "linkers", Key: seeded(t, "linkers").Public(),
		HTTP: NewHTTP(nil), Now: s.Now,
	}
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

func tokens(from, n int) []pseudonym.ProviderToken {
	list := make([]pseudonym.ProviderToken, n)
	for i := range list {
		copy(list[i][:], strconv.Itoa(1_000_000_000_000_000+from+i))
	}
	return list
}

// TestPseudonymsDependOnDomainAndKind: a domain's cannot be joined with another's.
func TestPseudonymsDependOnDomainAndKind(t *testing.T) {
	s := newStand(t, nil)
	chu, cnam := s.client(t, "chu"), s.client(t, "cnam")
	ask := func(c *Client, domain string, kind pseudonym.Kind) []Pseudonym {
		p, err := c.Pseudonyms(t.Context(), domain, kind, tokens(0, 100))
		must(t, err)
		return p
	}
	first := ask(chu, "study", pseudonym.ByIdentifier)
	for i, p := range ask(cnam, "study", pseudonym.ByIdentifier) {
		if p != first[i] {
			t.Errorf("token %d has another pseudonym for another party", i)
		}
	}
	for _, other := range [][]Pseudonym{ask(chu, "registry", pseudonym.ByIdentifier), ask(chu, "study", pseudonym.ByTraits)} {
		for i := range other {
			if other[i] == first[i] {
				t.Errorf("token %d has one pseudonym in two domains or kinds", i)
			}
		}
	}
	for _, text := range []string{"1000000000000000", base64.StdEncoding.EncodeToString(first[0][:])} {
		if strings.Contains(s.log.String(), text) {
			t.Error("a token or a pseudonym is in the log")
		}
	}
	if !strings.Contains(s.log.String(), "party=chu status=200") {
		t.Errorf("the log is %s", s.log)
	}
}

// TestAnEvaluationOverHTTP is what the function says.
func TestAnEvaluationOverHTTP(t *testing.T) {
	s := newStand(t, nil)
	blinding, err := s.Oblivious.Public().Blind([][]byte{[]byte("a"), []byte("b")})
	must(t, err)
	evaluated, proof, err := s.client(t, "chu").Evaluate(t.Context(), blinding.Request())
	must(t, err)
	if _, err := blinding.Finalize(evaluated, proof); err != nil {
		t.Error(err)
	}
	if sum := s.Journal.Summary(); sum == nil || sum.Issued[0].Count != 2 {
		t.Errorf("the evaluations are not counted: %+v", sum)
	}
}

// TestWhoMayNotAskIsRefused, and none of it is counted or has a pseudonym.
func TestWhoMayNotAskIsRefused(t *testing.T) {
	s := newStand(t, nil)
	for name, change := range map[string]func(*Client){
		"a stranger":                       func(c *Client) { c.Party, c.Signing = "eve", seeded(t, "eve") },
		"another party's name":             func(c *Client) { c.Signing = seeded(t, "cnam") },
		"nobody's name":                    func(c *Client) { c.Party = "" },
		"a request to another authority":   func(c *Client) { c.Authority = "others" },
		"a clock that is behind":           func(c *Client) { c.Now = func() time.Time { return noon.Add(-61 * time.Second) } },
		"a clock that is ahead":            func(c *Client) { c.Now = func() time.Time { return noon.Add(61 * time.Second) } },
		"a signing key that is the host's": func(c *Client) { c.Signing = seeded(t, "linkers") },
	} {
		c := s.client(t, "chu")
		change(c)
		_, err := c.Pseudonyms(t.Context(), "study", pseudonym.ByIdentifier, tokens(0, 1))
		var status *StatusError
		if !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if s.Journal.Size() != 0 || s.Journal.Summary() != nil {
		t.Error("somebody who may not ask was answered")
	}
}

// raw is a request as the client makes it, for a test to change and send.
func raw(t *testing.T, s *stand, path string, body []byte) *http.Request {
	t.Helper()
	var made *http.Request
	c := s.client(t, "chu")
	c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		made = r
		return nil, errors.New("not sent")
	})}
	_, _, _ = c.once(t.Context(), path, body)
	sent, err := http.NewRequestWithContext(t.Context(), made.Method, made.URL.String(), bytes.NewReader(body))
	must(t, err)
	sent.Header = made.Header.Clone()
	return sent
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// send sends a request. A service that hangs up while it is sent more than it
// takes has refused it, even where its answer is lost on the way.
func send(t *testing.T, r *http.Request) (status int, header http.Header, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil && (r.ContentLength < 0 || r.ContentLength > maxBody) {
		return http.StatusRequestEntityTooLarge, nil, ""
	}
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, response.Header, string(text)
}

// TestASignedRequestServesOnceAndAsItIs: replayed or changed, it is refused.
func TestASignedRequestServesOnceAndAsItIs(t *testing.T) {
	s := newStand(t, nil)
	body := ask{pseudonym.ByIdentifier, "study", tokens(0, 2)}.bytes()
	good := raw(t, s, pathPseudonyms, body)
	again := good.Clone(t.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	if status, _, text := send(t, good); status != http.StatusOK {
		t.Fatalf("got %d %s", status, text)
	}
	if status, header, _ := send(t, again); status != http.StatusUnauthorized || header.Get(headerSignature) != "" {
		t.Errorf("a replay: got %d", status)
	}
	for name, change := range map[string]func(*http.Request){
		"another body":  func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(append([]byte{'B'}, body[1:]...))) },
		"another path":  func(r *http.Request) { r.URL.Path = pathOblivious },
		"another party": func(r *http.Request) { r.Header.Set(headerParty, "cnam") },
		"another digest": func(r *http.Request) {
			r.Header.Set(headerDigest, digest([]byte("other")))
		},
		"no digest":          func(r *http.Request) { r.Header.Del(headerDigest) },
		"no signature":       func(r *http.Request) { r.Header.Del(headerSignature) },
		"an empty signature": func(r *http.Request) { r.Header.Set(headerSignature, "rempart=::") },
		"no parameters":      func(r *http.Request) { r.Header.Del(headerInput) },
		"another nonce":      func(r *http.Request) { replace(r, headerInput, "nonce=\"", "nonce=\"A") },
		"another time": func(r *http.Request) {
			replace(r, headerInput, strconv.FormatInt(noon.Unix(), 10), strconv.FormatInt(noon.Unix()+1, 10))
		},
		"fewer components":  func(r *http.Request) { replace(r, headerInput, "\"content-digest\" ", "") },
		"another algorithm": func(r *http.Request) { replace(r, headerInput, "ed25519", "none") },
		"parameters two times": func(r *http.Request) {
			r.Header.Set(headerInput, r.Header.Get(headerInput)+", "+r.Header.Get(headerInput))
		},
	} {
		r := raw(t, s, pathPseudonyms, body)
		change(r)
		if status, header, _ := send(t, r); status != http.StatusUnauthorized || header.Get(headerSignature) != "" {
			t.Errorf("%s: got %d", name, status)
		}
	}
	if sum := s.Journal.Summary(); sum.Issued[0].Batches != 1 {
		t.Errorf("%d batches were answered", sum.Issued[0].Batches)
	}
}

func replace(r *http.Request, header, from, to string) {
	r.Header.Set(header, strings.Replace(r.Header.Get(header), from, to, 1))
}

// TestMalformedAndLargeRequestsAreRefused, with a signed reason.
func TestMalformedAndLargeRequestsAreRefused(t *testing.T) {
	s := newStand(t, nil)
	token := bytes.Repeat([]byte{1}, tokenSize)
	good := append([]byte("A\x05study"), token...)
	for name, c := range map[string]struct {
		path   string
		body   []byte
		status int
	}{
		"no kind":                {pathPseudonyms, append([]byte("X\x05study"), token...), 400},
		"no domain":              {pathPseudonyms, append([]byte("A\x00"), token...), 400},
		"a domain of spaces":     {pathPseudonyms, append([]byte("A\x05  udy"), token...), 400},
		"a domain too long":      {pathPseudonyms, append([]byte("A\xff"), bytes.Repeat([]byte("a"), 300)...), 400},
		"a domain that ends":     {pathPseudonyms, []byte("A\x05stu"), 400},
		"another's domain":       {pathPseudonyms, append([]byte("A\x05other"), token...), 403},
		"no token":               {pathPseudonyms, good[:7], 400},
		"half a token":           {pathPseudonyms, good[:15], 400},
		"a missing token":        {pathPseudonyms, append(bytes.Clone(good), make([]byte, tokenSize)...), 400},
		"too many tokens":        {pathPseudonyms, append(bytes.Clone(good), bytes.Repeat(token, MaxTokens)...), 400},
		"nothing":                {pathPseudonyms, nil, 400},
		"no element":             {pathOblivious, nil, 400},
		"half an element":        {pathOblivious, make([]byte, 16), 400},
		"the neutral element":    {pathOblivious, make([]byte, 32), 400},
		"no point":               {pathOblivious, bytes.Repeat([]byte{0xff}, 32), 400},
		"too many elements":      {pathOblivious, make([]byte, 32*(oblivious.MaxBatch+1)), 413},
		"a body that is too big": {pathPseudonyms, make([]byte, maxBody+1), 413},
	} {
		r := raw(t, s, c.path, c.body)
		nonce := r.Header.Get(headerInput)
		status, header, text := send(t, r)
		if status != c.status || header != nil && header.Get(headerSignature) == "" || !strings.Contains(nonce, header.Get(headerNonce)) {
			t.Errorf("%s: got %d %s", name, status, text)
		}
	}
	unknown := raw(t, s, pathPseudonyms, good)
	unknown.ContentLength = -1 // chunked, of a length that nobody says
	unknown.Body = io.NopCloser(io.LimitReader(endless{}, maxBody+10))
	if status, _, _ := send(t, unknown); status != http.StatusRequestEntityTooLarge {
		t.Errorf("an endless body: got %d", status)
	}
	if s.Journal.Size() != 0 || s.Journal.Summary() != nil {
		t.Error("a malformed request was answered")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestLimits: a party that asks for more than it may waits; others do not.
func TestLimits(t *testing.T) {
	var now atomic.Int64
	now.Store(noon.Unix())
	clock := func() time.Time { return time.Unix(now.Load(), 0) }
	s := newStand(t, func(o *Options) { o.Limits, o.Now = Limits{Keyed: 10, Oblivious: 10}, clock })
	chu, cnam := s.client(t, "chu"), s.client(t, "cnam")
	post := func(c *Client, n int) (time.Duration, error) {
		_, wait, err := c.once(t.Context(), pathPseudonyms, ask{pseudonym.ByIdentifier, "study", tokens(0, n)}.bytes())
		return wait, err
	}
	if wait, err := post(chu, MaxTokens); wait != 0 || err != nil {
		t.Fatalf("the first batch: %v, %v", wait, err)
	}
	if wait, err := post(chu, 20); wait < 2*time.Second || err != nil {
		t.Errorf("the second batch: %v, %v", wait, err)
	}
	if wait, err := post(cnam, 20); wait != 0 || err != nil {
		t.Errorf("another party's batch: %v, %v", wait, err)
	}
	now.Add(3)
	if wait, err := post(chu, 20); wait != 0 || err != nil {
		t.Errorf("after waiting: %v, %v", wait, err)
	}
	if sum := s.Journal.Summary(); len(sum.Issued) != 2 || sum.Issued[0].Count != MaxTokens+20 {
		t.Errorf("got %+v", sum)
	}
}

// TestAServiceThatCannotWriteAnswersNothing.
func TestAServiceThatCannotWriteAnswersNothing(t *testing.T) {
	s := newStand(t, nil)
	c := s.client(t, "chu")
	s.Journal.mu.Lock()
	s.Journal.failed = errors.New("the disk at /secret/place is full")
	s.Journal.mu.Unlock()
	blinding, err := s.Oblivious.Public().Blind([][]byte{[]byte("a")})
	must(t, err)
	_, _, err = c.Evaluate(t.Context(), blinding.Request())
	var status *StatusError
	if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable || strings.Contains(status.Text, "secret") {
		t.Errorf("got %v", err)
	}
	response, err := c.HTTP.Get(s.url + pathHealth)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("its health is %d", response.StatusCode)
	}
}

// TestAnAnswerIsTheAuthoritysOwn: somebody between changes or invents nothing.
func TestAnAnswerIsTheAuthoritysOwn(t *testing.T) {
	s := newStand(t, nil)
	for name, change := range map[string]func(r *http.Response){
		"another body": func(r *http.Response) { r.Body = io.NopCloser(bytes.NewReader(make([]byte, 2*tokenSize))) },
		"another status": func(r *http.Response) {
			r.StatusCode = http.StatusTooManyRequests
			r.Header.Set("Retry-After", "1")
		},
		"no signature":  func(r *http.Response) { r.Header.Del(headerSignature) },
		"an old answer": func(r *http.Response) { r.Header.Set(headerNonce, newNonce()) },
	} {
		c := s.client(t, "chu")
		inner := c.HTTP.Transport
		c.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			response, err := inner.RoundTrip(r)
			if err == nil {
				change(response)
			}
			return response, err
		})
		if _, err := c.Pseudonyms(t.Context(), "study", pseudonym.ByIdentifier, tokens(0, 2)); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	other := s.client(t, "chu")
	other.Key = seeded(t, "impostor").Public()
	if _, err := other.Pseudonyms(t.Context(), "study", pseudonym.ByIdentifier, tokens(0, 2)); !errors.Is(err, ErrAnswer) {
		t.Errorf("an impostor: got %v", err)
	}
}

// TestTokensDoNotTravelInClear.
func TestTokensDoNotTravelInClear(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://authority.example:8443": true, "https://10.0.0.1/": true, "http://127.0.0.1:80": true, "http://[::1]:80": true,
		"http://authority.example": false, "http://10.0.0.1": false, "http://localhost.evil.example": false, "ftp://127.0.0.1": false,
		"https://authority.example/path": false, "authority.example": false, "": false, "https://a?b": false,
	} {
		if err := CheckURL(url); (err == nil) != ok {
			t.Errorf("%q: got %v", url, err)
		}
	}
	s, err := New(options(t, nil, io.Discard))
	must(t, err)
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	must(t, err)
	if err := s.Serve(t.Context(), listener, nil); err == nil || !strings.Contains(err.Error(), "in clear") {
		t.Errorf("got %v", err)
	}
}

// issuer makes certificates in the name of a party of the ledger "aa".
func issuer(t testing.TB, party string, now func() time.Time) mutual.Issuer {
	return mutual.Issuer{Name: mutual.Name{ID: "aa", Party: party}, Key: ed25519.NewKeyFromSeed(seeded(t, party).Seed()), Now: now}
}

// certified is a client with a certificate, for the stand's URL over TLS.
func (s *stand) certified(t testing.TB, party string, own mutual.Issuer) *Client {
	t.Helper()
	c := s.client(t, party)
	linkers := mutual.Only(mutual.Name{ID: "aa", Party: "linkers"}, seeded(t, "linkers").Public().Ed25519())
	c.HTTP = NewHTTP(mutual.Client(own.Certificates(), linkers, s.Now))
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

// TestMutualTLS: a provider is known by its certificate and by its signature, and
// both must be its own.
func TestMutualTLS(t *testing.T) {
	var left atomic.Bool
	o := options(t, openJournal(t, filepath.Join(t.TempDir(), "journal"), ledger.JournalHead{}), io.Discard)
	providers := o.Provider
	o.Provider = func(party string) (ledger.PublicKey, bool) {
		key, known := providers(party)
		return key, known && !(party == "cnam" && left.Load())
	}
	s, err := New(o)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener, issuer(t, "linkers", o.Now).Certificates()) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	st := &stand{Service: s, url: "https://" + listener.Addr().String()}
	ask := func(c *Client) error {
		_, err := c.Pseudonyms(t.Context(), "study", pseudonym.ByIdentifier, tokens(0, 1))
		return err
	}
	chu, cnam := st.certified(t, "chu", issuer(t, "chu", o.Now)), st.certified(t, "cnam", issuer(t, "cnam", o.Now))
	must(t, errors.Join(ask(chu), ask(cnam)))
	elsewhere := issuer(t, "chu", o.Now)
	elsewhere.Name.ID = "bb"
	later := issuer(t, "chu", func() time.Time { return o.Now().Add(-48 * time.Hour) })
	for name, own := range map[string]mutual.Issuer{"an authority's certificate": issuer(t, "linkers", o.Now), "a certificate of another warehouse": elsewhere, "one that has ended": later} {
		if err := ask(st.certified(t, "chu", own)); err == nil || !strings.Contains(err.Error(), "does not let us in") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var refused *StatusError
	if err := ask(st.certified(t, "chu", issuer(t, "cnam", o.Now))); !errors.As(err, &refused) || !strings.Contains(refused.Text, "the certificate is of cnam") {
		t.Errorf("a provider who speaks as another: %v", err)
	}
	web := st.client(t, "chu")
	web.HTTP = NewHTTP(ByTheWeb(nil))
	if err := ask(web); err == nil {
		t.Error("who looks for a certificate of the web trusts that of the ledger")
	}
	left.Store(true)
	if err := ask(cnam); !errors.As(err, &refused) || !strings.Contains(refused.Text, "or has left") {
		t.Errorf("who has left, on an open connection: %v", err)
	}
	if err := ask(st.certified(t, "cnam", issuer(t, "cnam", o.Now))); err == nil || !strings.Contains(err.Error(), "does not let us in") {
		t.Errorf("who has left, on a new one: %v", err)
	}
}

// TestSlowClientsHoldNobodyUp: a head that never ends is cut off, and meanwhile
// others are answered.
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	s := newStand(t, nil)
	for range 50 {
		slow, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		must(t, err)
		defer slow.Close()
		_, err = slow.Write([]byte("POST /v1/oblivious HTTP/1.1\r\nHost: a\r\nX: "))
		must(t, err)
	}
	if _, err := s.client(t, "chu").Pseudonyms(t.Context(), "study", pseudonym.ByIdentifier, tokens(0, 10)); err != nil {
		t.Error(err)
	}
	slow, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	must(t, err)
	defer slow.Close()
	_, err = slow.Write([]byte("POST /v1/oblivious HTTP/1.1\r\nHost: a\r\n"))
	must(t, err)
	if answer, err := io.ReadAll(slow); err != nil || strings.Contains(string(answer), "200") { // ends when the service hangs up
		t.Errorf("got %q, %v", answer, err)
	}
}

// TestSignatureOfTheRFC holds RFC 9421, appendix B.2.6.
func TestSignatureOfTheRFC(t *testing.T) {
	components := []string{"date", "@method", "@path", "@authority", "content-type", "content-length"}
	values := []string{"Tue, 20 Apr 2021 02:07:55 GMT", "POST", "/foo", "example.com", "application/json", "18"}
	message := base(components, values, `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`)
	public, err := base64.RawURLEncoding.DecodeString("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs")
	must(t, err)
	signature, err := base64.StdEncoding.DecodeString("wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")
	must(t, err)
	if !ed25519.Verify(public, message, signature) {
		t.Errorf("the signature of the RFC does not fit the base\n%s", message)
	}
}

func FuzzAsk(f *testing.F) {
	f.Add(ask{pseudonym.ByIdentifier, "study", tokens(0, 2)}.bytes())
	f.Add([]byte("A\x05study"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseAsk(body)
		if err == nil && !bytes.Equal(a.bytes(), body) {
			t.Errorf("%x is read as %x", body, a.bytes())
		}
	})
}

func FuzzParameters(f *testing.F) {
	p := parameters{noon, newNonce(), strings.Repeat("ab", 32)}
	f.Add(label + "=" + p.text(requestComponents))
	f.Add(label + "=()")
	f.Fuzz(func(t *testing.T, header string) {
		p, err := parseParameters(header, requestComponents)
		if err != nil {
			return
		}
		back, err := parseParameters(label+"="+p.text(requestComponents), requestComponents)
		if err != nil || back != p {
			t.Errorf("%q is read as %+v, and that as %+v", header, p, back)
		}
	})
}
