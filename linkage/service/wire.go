package service

import (
	"errors"
	"fmt"
	"regexp"

	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// The paths of the service. Bodies are bytes, as docs/pseudonyms.md draws them.
const (
	pathOblivious  = "/v1/oblivious"
	pathPseudonyms = "/v1/pseudonyms"
	pathHealth     = "/v1/health"
)

// MaxTokens is how many tokens one request for pseudonyms may have.
const MaxTokens = 8192

const (
	tokenSize = 16
	maxBody   = max(oblivious.MaxBatch*oblivious.ElementSize, 2+maxDomain+MaxTokens*tokenSize)
	maxDomain = 64
)

// Pseudonym is a random number of 128 bits that stands for a token in a domain.
type Pseudonym [16]byte

// ask is a request for pseudonyms: one byte for the kind, one for the length of
// the domain, the domain, then tokens of 16 bytes.
type ask struct {
	kind   pseudonym.Kind
	domain string
	tokens []pseudonym.ProviderToken
}

var validDomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$`)

var errAsk = fmt.Errorf("want a kind (A, B or C), a domain of 1 to %d letters, digits, dots and hyphens, and 1 to %d tokens of %d bytes", maxDomain, MaxTokens, tokenSize)

func (a ask) bytes() []byte {
	b := append([]byte{byte(a.kind), byte(len(a.domain))}, a.domain...)
	for _, t := range a.tokens {
		b = append(b, t[:]...)
	}
	return b
}

// parseAsk reads what bytes wrote, and nothing else.
func parseAsk(body []byte) (a ask, err error) {
	if len(body) < 2 || len(body)-2 < int(body[1]) {
		return a, errAsk
	}
	kind, tokens := pseudonym.Kind(body[0]), body[2+int(body[1]):]
	domain := string(body[2 : len(body)-len(tokens)])
	switch kind {
	case pseudonym.ByIdentifier, pseudonym.ByTraits, pseudonym.ByPhonetics:
	default:
		return a, errAsk
	}
	if !validDomain.MatchString(domain) || len(tokens) == 0 || len(tokens)%tokenSize != 0 || len(tokens) > MaxTokens*tokenSize {
		return a, errAsk
	}
	a = ask{kind, domain, make([]pseudonym.ProviderToken, len(tokens)/tokenSize)}
	for i := range a.tokens {
		copy(a.tokens[i][:], tokens[i*tokenSize:])
		if a.tokens[i].Missing() {
			return ask{}, errors.New("a missing token has no pseudonym: leave it out")
		}
	}
	return a, nil
}
