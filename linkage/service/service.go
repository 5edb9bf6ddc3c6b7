// Package service is the linkage authority's pseudonym service over HTTP, and
// its client.
//
// A provider asks for two things, in batches: evaluations of the authority's
// oblivious function (package pseudonym/oblivious), and pseudonyms: random numbers
// that a token keeps for ever in a domain. Requests and answers are signed with
// the Ed25519 keys that the ledger knows; what was answered to whom is on disk,
// in a [Journal], before anybody is answered. docs/pseudonyms.md has the
// formats, and what each side learns.
//
// The service fails closed: where the journal cannot be written nothing is
// answered any more. It bounds bodies, batches, connections, time, and what a
// party may ask for a second. Nothing of a token is logged.
package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// Limits are what one party may ask for.
type Limits struct {
	Keyed     float64 // tokens a second
	Oblivious float64 // evaluations a second
}

// DefaultLimits are about what one machine answers of keyed tokens, and let a
// party test at most 5,000 guesses a second obliviously, each counted.
var DefaultLimits = Limits{Keyed: 1_000_000, Oblivious: 5_000}

// Options say who a service is and whom it answers.
type Options struct {
	Warehouse string     // the ledger's name in certificates: see mutual.ID
	Authority string     // its name in the ledger
	Signing   ledger.Key // signs answers
	Second    *pseudonym.AuthorityKey
	Oblivious *oblivious.Key
	Domains   []string // in which it gives pseudonyms
	Limits    Limits
	Journal   *Journal

	// Provider is the public key of a party that may ask, by the ledger.
	Provider func(party string) (ledger.PublicKey, bool)

	Now func() time.Time
	Log *slog.Logger
}

// Service answers requests. It is an [http.Handler].
type Service struct {
	Options
	mux     http.ServeMux
	replays replays

	mu       sync.Mutex
	limiters map[[2]string]*rate.Limiter // by party and mode
}

// New makes a service.
func New(o Options) (*Service, error) {
	for _, d := range o.Domains {
		if !validDomain.MatchString(d) {
			return nil, fmt.Errorf("%q is no domain: want 1 to %d lower-case letters, digits, dots and hyphens", d, maxDomain)
		}
	}
	s := &Service{Options: o, limiters: map[[2]string]*rate.Limiter{}}
	s.mux.HandleFunc("POST "+pathOblivious, s.signed(s.oblivious))
	s.mux.HandleFunc("POST "+pathPseudonyms, s.signed(s.pseudonyms))
	s.mux.HandleFunc("GET "+pathHealth, s.health)
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// request is one that is signed by a party that may ask.
type request struct {
	party string
	time  time.Time // in seconds, as the ledger has it
	body  []byte
}

// refusal is an answer that is no success. Its text goes to the client.
type refusal struct {
	status int
	text   string
	after  time.Duration // when to come back, or 0
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

// signed answers requests whose signature fits, and signs the answers.
func (s *Service) signed(answer func(context.Context, request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		in, nonce, err := s.authenticate(w, r)
		var out []byte
		if err == nil {
			out, err = answer(r.Context(), in)
		}
		status := http.StatusOK
		if err != nil {
			status, out = s.refused(w, err)
		}
		s.write(r.Context(), w, status, nonce, out)
		s.Log.Info("answered", "path", r.URL.Path, "party", in.party, "status", status, "bytes", len(in.body), "seconds", time.Since(started).Seconds())
	}
}

// refused says what a client may know of an error.
func (s *Service) refused(w http.ResponseWriter, err error) (status int, text []byte) {
	var r *refusal
	if !errors.As(err, &r) {
		s.Log.Error("failed", "error", err)
		r = refuse(http.StatusServiceUnavailable, "the service cannot answer now: its operator finds the reason in its log")
	}
	if r.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(r.after.Seconds())+1))
	}
	return r.status, []byte(r.text + "\n")
}

// write signs and sends an answer. Who was not authenticated gets no signature.
func (s *Service) write(ctx context.Context, w http.ResponseWriter, status int, nonce string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if nonce != "" {
		h.Set(headerDigest, digest(body))
		h.Set(headerNonce, nonce)
		values := []string{strconv.Itoa(status), h.Get(headerDigest), nonce}
		if err := sign(ctx, h, s.Signing, parameters{created: s.Now(), nonce: newNonce()}, responseComponents, values); err != nil {
			s.Log.Error("sign an answer", "error", err)
			status, body = http.StatusInternalServerError, nil
			h.Set("Content-Length", "0")
		}
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Info("the client has gone", "error", err)
	}
}

var errUnauthorised = refuse(http.StatusUnauthorized, "%v", errSignature)

// authenticate reads a request of a party that may ask. What can be refused by
// the head is refused before the body is read. The nonce is "" until the
// signature is known to fit.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request) (in request, nonce string, err error) {
	party := r.Header.Get(headerParty)
	if by, certified := mutual.From(r.Context()); certified && by.Party != party {
		return in, "", refuse(http.StatusForbidden, "the certificate is of %s, and the request is %.64q's", by.Party, party)
	}
	key, known := s.Provider(party)
	p, err := parseParameters(r.Header.Get(headerInput), requestComponents)
	now := s.Now()
	if err != nil || !known || p.created.Before(now.Add(-window)) || p.created.After(now.Add(window)) ||
		subtle.ConstantTimeCompare([]byte(r.Header.Get(headerAuthority)), []byte(s.Authority)) != 1 {
		return in, "", errUnauthorised
	}
	values := []string{r.Method, r.URL.Path, r.Header.Get(headerDigest), s.Authority, party}
	if err := check(r.Context(), r.Header, key, p, requestComponents, values); err != nil {
		return in, "", errUnauthorised
	}
	if !s.replays.fresh(party, p.nonce, p.created, now) {
		return in, "", errUnauthorised
	}
	if r.ContentLength > maxBody {
		return in, p.nonce, refuse(http.StatusRequestEntityTooLarge, "a body has at most %d bytes", maxBody)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return in, p.nonce, refuse(http.StatusRequestEntityTooLarge, "a body has at most %d bytes", maxBody)
	case err != nil:
		return in, p.nonce, refuse(http.StatusBadRequest, "the body breaks off")
	case !digestFits(r.Header.Get(headerDigest), body):
		return in, "", errUnauthorised
	}
	return request{party, now.UTC().Truncate(time.Second), body}, p.nonce, nil
}

// allow takes n from what a party may ask for.
func (s *Service) allow(party string, mode pseudonym.Mode, n int) error {
	now := s.Now()
	limit, burst := s.Limits.Keyed, MaxTokens
	if mode == pseudonym.Oblivious {
		limit, burst = s.Limits.Oblivious, oblivious.MaxBatch
	}
	s.mu.Lock()
	limiter := s.limiters[[2]string{party, string(mode)}]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(limit), max(burst, int(limit)))
		s.limiters[[2]string{party, string(mode)}] = limiter
	}
	s.mu.Unlock()
	reservation := limiter.ReserveN(now, n)
	if wait := reservation.DelayFrom(now); !reservation.OK() || wait > 0 {
		reservation.CancelAt(now)
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("a party may ask for %.0f %s tokens a second", limit, mode), wait}
	}
	return nil
}

// oblivious answers with as many elements as it was sent, and the proof.
func (s *Service) oblivious(ctx context.Context, in request) ([]byte, error) {
	n := len(in.body) / oblivious.ElementSize
	if n == 0 || n > oblivious.MaxBatch || len(in.body)%oblivious.ElementSize != 0 {
		return nil, refuse(http.StatusBadRequest, "%v", oblivious.ErrBatch)
	}
	if err := s.allow(in.party, pseudonym.Oblivious, n); err != nil {
		return nil, err
	}
	evaluated, proof, err := s.Oblivious.Evaluate(in.body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	b := batch{in.time, pseudonym.Oblivious, in.party, "", n, sha256.Sum256(in.body)}
	if err := s.Journal.record(ctx, b, func() []assignment { return nil }); err != nil {
		return nil, err
	}
	return append(evaluated, proof...), nil
}

// pseudonyms answers with as many pseudonyms as it was sent tokens.
func (s *Service) pseudonyms(ctx context.Context, in request) ([]byte, error) {
	a, err := parseAsk(in.body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	if !slices.Contains(s.Domains, a.domain) {
		return nil, refuse(http.StatusForbidden, "this service gives no pseudonyms in the domain %q", a.domain)
	}
	if err := s.allow(in.party, pseudonym.Keyed, len(a.tokens)); err != nil {
		return nil, err
	}
	names := make([][16]byte, len(a.tokens))
	for i, t := range a.tokens {
		names[i] = s.Second.Assigned(a.domain, t, a.kind)
	}
	b := batch{in.time, pseudonym.Keyed, in.party, a.domain, len(names), sha256.Sum256(in.body)}
	given, err := s.Journal.pseudonyms(ctx, b, names)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(given)*tokenSize)
	for _, p := range given {
		out = append(out, p[:]...)
	}
	return out, nil
}

// health says whether the service can answer. Anybody may ask.
func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusOK, "ok\n"
	if s.Journal.Healthy() != nil {
		status, text = http.StatusServiceUnavailable, "failed\n"
	}
	s.write(r.Context(), w, status, "", []byte(text))
}
