package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// Client asks a service in the name of a provider. It may be used by several
// goroutines.
type Client struct {
	URL       string // such as https://authority.example:8443
	Party     string // the provider's name in the ledger
	Signing   ledger.Key
	Authority string           // the authority's name in the ledger
	Key       ledger.PublicKey // with which the authority signs
	HTTP      *http.Client     // see [NewHTTP]
	Now       func() time.Time // the clock
}

// NewHTTP is an HTTP client that follows nobody elsewhere. config is that of package
// internal/mutual, or [ByTheWeb].
func NewHTTP(config *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     config,
			MaxIdleConnsPerHost: 2 * runtime.GOMAXPROCS(0), // a Sender's batches
			IdleConnTimeout:     time.Minute,
		},
	}
}

// ByTheWeb is TLS to a proxy before the service, which certificates vouch for; nil
// are the system's own.
func ByTheWeb(roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}
}

// CheckURL refuses a URL over which tokens would travel in clear, or which is more
// than a place.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return fmt.Errorf("%q is no URL of a pseudonym service: want https://HOST:PORT", text)
	}
	if u.Scheme == "https" || u.Scheme == "http" && mutual.OfThisMachine(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q: tokens would go over the network in clear: want https, or http to 127.0.0.1", text)
}

// StatusError is a refusal by the service.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the pseudonym service refused (%d): %s", e.Status, e.Text)
}

// ErrAnswer says that an answer is not the authority's own to this request.
var ErrAnswer = errors.New("the answer is not signed by the authority that the ledger knows: somebody stands between, or the URL is another's")

// Evaluate asks for evaluations of the oblivious function, as
// linkage.Evaluator describes it. It waits where the service asks it to.
func (c *Client) Evaluate(ctx context.Context, blinded []byte) (evaluated, proof []byte, err error) {
	answer, err := c.ask(ctx, pathOblivious, blinded, len(blinded)+oblivious.ProofSize)
	if err != nil {
		return nil, nil, err
	}
	return answer[:len(blinded)], answer[len(blinded):], nil
}

// Pseudonyms asks for the pseudonyms of at most MaxTokens tokens in a domain.
func (c *Client) Pseudonyms(ctx context.Context, domain string, kind pseudonym.Kind, tokens []pseudonym.ProviderToken) ([]Pseudonym, error) {
	answer, err := c.ask(ctx, pathPseudonyms, ask{kind, domain, tokens}.bytes(), len(tokens)*tokenSize)
	if err != nil {
		return nil, err
	}
	given := make([]Pseudonym, len(tokens))
	for i := range given {
		copy(given[i][:], answer[i*tokenSize:])
	}
	return given, nil
}

// patience is how often a client comes back to a service that was busy.
const patience = 1000

// ask posts a body and returns an answer of a length that must be right.
func (c *Client) ask(ctx context.Context, path string, body []byte, length int) ([]byte, error) {
	for range patience {
		answer, wait, err := c.once(ctx, path, body)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", c.Authority, err)
		}
		if wait == 0 {
			if len(answer) != length {
				return nil, fmt.Errorf("ask %s: an answer of %d bytes, not %d", c.Authority, len(answer), length)
			}
			return answer, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("ask %s: it stays busy", c.Authority)
}

// once posts a body, signed anew. wait says to come back.
func (c *Client) once(ctx context.Context, path string, body []byte) (answer []byte, wait time.Duration, err error) {
	if err := CheckURL(c.URL); err != nil {
		return nil, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	p := parameters{created: c.Now(), nonce: newNonce()}
	r.Header.Set(headerParty, c.Party)
	r.Header.Set(headerAuthority, c.Authority)
	r.Header.Set(headerDigest, digest(body))
	r.Header.Set("Content-Type", "application/octet-stream")
	values := []string{r.Method, path, r.Header.Get(headerDigest), c.Authority, c.Party}
	if err := sign(ctx, r.Header, c.Signing, p, requestComponents, values); err != nil {
		return nil, 0, err
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return nil, 0, mutual.Explain(err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxBody+oblivious.ProofSize))
	if err != nil {
		return nil, 0, err
	}
	if response.StatusCode == http.StatusUnauthorized {
		return nil, 0, &StatusError{response.StatusCode, "it does not know the key of " + c.Party + ", or the clocks are apart"}
	}
	if response.StatusCode == http.StatusForbidden && response.Header.Get(headerSignature) == "" {
		return nil, 0, &StatusError{response.StatusCode, strings.TrimSpace(string(answer[:min(len(answer), 300)]))}
	}
	if err := c.verify(ctx, response, p.nonce, answer); err != nil {
		return nil, 0, err
	}
	if response.StatusCode == http.StatusTooManyRequests {
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err == nil && seconds > 0 && seconds <= 60 {
			return nil, time.Duration(seconds) * time.Second, nil
		}
	}
	if response.StatusCode != http.StatusOK {
		return nil, 0, &StatusError{response.StatusCode, strings.TrimSpace(string(answer))}
	}
	return answer, 0, nil
}

// verify makes sure that an answer is the authority's own, to this request.
func (c *Client) verify(ctx context.Context, r *http.Response, nonce string, body []byte) error {
	p, err := parseParameters(r.Header.Get(headerInput), responseComponents)
	if err != nil || r.Header.Get(headerNonce) != nonce || !digestFits(r.Header.Get(headerDigest), body) {
		return ErrAnswer
	}
	values := []string{strconv.Itoa(r.StatusCode), r.Header.Get(headerDigest), nonce}
	if err := check(ctx, r.Header, c.Key, p, responseComponents, values); err != nil {
		return ErrAnswer
	}
	return nil
}
