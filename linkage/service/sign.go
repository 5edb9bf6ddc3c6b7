package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// Requests and answers are signed as RFC 9421 says (HTTP Message Signatures),
// with Ed25519 and one fixed list of components each. The digest of the body is
// that of RFC 9530.
const (
	headerParty     = "Rempart-Party"     // who asks
	headerAuthority = "Rempart-Authority" // who is asked: a request to one serves nowhere else
	headerNonce     = "Rempart-Nonce"     // of the request that is answered
	headerDigest    = "Content-Digest"
	headerInput     = "Signature-Input"
	headerSignature = "Signature"
	label           = "rempart"
)

// window is how far the clocks of two machines may be apart.
const window = time.Minute

var (
	requestComponents  = []string{"@method", "@path", "content-digest", "rempart-authority", "rempart-party"}
	responseComponents = []string{"@status", "content-digest", "rempart-nonce"}
)

// errSignature says no more: who may not ask learns nothing.
var errSignature = errors.New("the signature, its time or its key does not fit")

// parameters are those of one signature.
type parameters struct {
	created      time.Time
	nonce, keyID string
}

// text is the value of @signature-params.
func (p parameters) text(components []string) string {
	return fmt.Sprintf(`("%s");created=%d;nonce="%s";keyid="%s";alg="ed25519"`,
		strings.Join(components, `" "`), p.created.Unix(), p.nonce, p.keyID)
}

var parametersForm = regexp.MustCompile(`^` + label + `=(\([a-z@" -]+\));created=([0-9]{1,12});nonce="([A-Za-z0-9_-]{22})";keyid="([0-9a-f]{64})";alg="ed25519"$`)

// parseParameters reads Signature-Input with these components and no others.
func parseParameters(header string, components []string) (p parameters, err error) {
	m := parametersForm.FindStringSubmatch(header)
	if m == nil || m[1] != `("`+strings.Join(components, `" "`)+`")` {
		return p, errSignature
	}
	seconds, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return p, errSignature
	}
	return parameters{time.Unix(seconds, 0), m[3], m[4]}, nil
}

// base is the signature base of RFC 9421, section 2.5.
func base(components, values []string, parameters string) []byte {
	var b strings.Builder
	for i, c := range components {
		fmt.Fprintf(&b, "\"%s\": %s\n", c, values[i])
	}
	fmt.Fprintf(&b, "\"@signature-params\": %s", parameters)
	return []byte(b.String())
}

// digest is the value of Content-Digest.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// digestFits compares in constant time.
func digestFits(header string, body []byte) bool {
	return subtle.ConstantTimeCompare([]byte(header), []byte(digest(body))) == 1
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// sign sets the two headers of a signature.
func sign(ctx context.Context, h http.Header, key ledger.Key, p parameters, components, values []string) (err error) {
	if p.keyID, err = key.KeyID(); err != nil {
		return err
	}
	text := p.text(components)
	signature, err := key.Sign(ctx, base(components, values, text))
	if err != nil {
		return err
	}
	h.Set(headerInput, label+"="+text)
	h.Set(headerSignature, label+"=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}

// check verifies a signature over values by a key.
func check(ctx context.Context, h http.Header, key ledger.PublicKey, p parameters, components, values []string) error {
	keyID, err := key.KeyID()
	if err != nil {
		return err
	}
	text, ours := strings.CutPrefix(h.Get(headerSignature), label+"=:")
	text, ended := strings.CutSuffix(text, ":")
	signature, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || !ours || !ended || subtle.ConstantTimeCompare([]byte(keyID), []byte(p.keyID)) != 1 {
		return errSignature
	}
	if err := key.Verify(ctx, base(components, values, p.text(components)), signature); err != nil {
		return errSignature
	}
	return nil
}
