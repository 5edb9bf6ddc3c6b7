package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
)

// Client asks witnesses.
type Client struct {
	Transport func(Peer) (http.RoundTripper, error) // how a witness is reached; nil: as any site
	Timeout   time.Duration                         // for one witness; 0: ten seconds
}

// Peer is a witness that can be asked.
type Peer struct {
	URL string
	Key string // its verifier key, as signed notes write it
}

// Answer is what one witness said.
type Answer struct {
	Peer Peer
	Line []byte    // its cosignature: a line of a signed note; nil where Err says why
	Time time.Time // of the cosignature
	Err  error
}

// ForkError says that a witness has seen another history of a log.
type ForkError struct {
	Witness string
	Size    uint64 // what it has seen
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("witness %s has seen %d statements that this ledger does not continue: the ledger was rewritten, or there are two of it", e.Witness, e.Size)
}

// Verifier verifies a witness's cosignatures.
func Verifier(key string) (note.Verifier, error) {
	if v, err := cosignature.NewVerifierForCosignatureV1(key); err == nil {
		return v, nil
	}
	converted, err := cosignature.VKeyToCosignatureV1(key)
	if err != nil {
		return nil, fmt.Errorf("%q is no verifier key of a witness: %w", key, err)
	}
	return cosignature.NewVerifierForCosignatureV1(converted)
}

// Ask has witnesses cosign a checkpoint of a log, all at once, and returns what
// each said, in their order.
func (c Client) Ask(ctx context.Context, l *ledger.Log, checkpoint []byte, peers []Peer) []Answer {
	answers := make([]Answer, len(peers))
	var group sync.WaitGroup
	for i, peer := range peers {
		group.Go(func() {
			a := Answer{Peer: peer}
			a.Line, a.Time, a.Err = c.ask(ctx, l, checkpoint, peer)
			answers[i] = a
		})
	}
	group.Wait()
	return answers
}

// ask tells one witness of a checkpoint, with the proof from what it has seen.
func (c Client) ask(ctx context.Context, l *ledger.Log, checkpoint []byte, peer Peer) (line []byte, at time.Time, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	verifier, err := Verifier(peer.Key)
	if err != nil {
		return nil, at, err
	}
	cp, err := l.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, at, err
	}
	old := uint64(0) // the first answer says what it has seen
	for range 3 {    // somebody else may be telling it too
		var hashes [][]byte
		if old > 0 && old < cp.Size {
			if hashes, err = l.ConsistencyProof(ctx, old, cp.Size); err != nil {
				return nil, at, err
			}
		}
		answer, err := c.post(ctx, peer, Request(old, hashes, checkpoint))
		var other *conflict
		switch {
		case err == nil:
			return check(answer, checkpoint, verifier)
		case errors.Is(err, errInconsistent):
			return nil, at, &ForkError{verifier.Name(), old}
		case !errors.As(err, &other):
			return nil, at, err
		case other.size > cp.Size || other.size == old && old > 0:
			return nil, at, &ForkError{verifier.Name(), other.size}
		}
		old = other.size
	}
	return nil, at, fmt.Errorf("witness %s is being told of another checkpoint at the same time: ask again", verifier.Name())
}

// post sends a request. The error is a *conflict or errInconsistent where the
// witness said so.
func (c Client) post(ctx context.Context, peer Peer, request []byte) (answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(peer.URL, "/")+Path, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.Transport != nil {
		if client.Transport, err = c.Transport(peer); err != nil {
			return nil, err
		}
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the witness cannot be reached: %w", mutual.Explain(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRequest))
	if err != nil {
		return nil, fmt.Errorf("the answer of the witness at %s: %w", peer.URL, err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusConflict:
		size, err := strconv.ParseUint(strings.TrimSuffix(string(body), "\n"), 10, 63)
		if err != nil || response.Header.Get("Content-Type") != sizeType {
			return nil, fmt.Errorf("the witness at %s does not say what it has seen", peer.URL)
		}
		return nil, &conflict{size}
	case http.StatusUnprocessableEntity:
		return nil, errInconsistent
	}
	return nil, fmt.Errorf("the witness at %s says %s: %.200s", peer.URL, response.Status, strings.TrimSpace(string(body)))
}

// check takes the witness's own line out of an answer, and verifies it over the
// checkpoint's text.
func check(answer, checkpoint []byte, verifier note.Verifier) (line []byte, at time.Time, err error) {
	text, _, _ := bytes.Cut(checkpoint, []byte("\n\n"))
	for one := range bytes.Lines(answer) {
		opened, err := note.Open(append(append(bytes.Clone(text), "\n\n"...), one...), note.VerifierList(verifier))
		if err != nil || len(opened.Sigs) != 1 {
			continue // another key of the same witness
		}
		at, err := cosignature.CoSigV1Timestamp(opened.Sigs[0])
		return bytes.Clone(one), at, err
	}
	return nil, at, fmt.Errorf("the answer of witness %s is not signed by its key over this checkpoint", verifier.Name())
}

// Cosigned adds the lines of the answers to a checkpoint.
func Cosigned(checkpoint []byte, answers []Answer) []byte {
	whole := bytes.Clone(checkpoint)
	for _, a := range answers {
		whole = append(whole, a.Line...)
	}
	return whole
}

// Count says which of the witnesses have cosigned a checkpoint of a log.
func Count(checkpoint []byte, keys []string) (names []string, err error) {
	for _, key := range keys {
		verifier, err := Verifier(key)
		if err != nil {
			return nil, err
		}
		if opened, err := note.Open(checkpoint, note.VerifierList(verifier)); err == nil && len(opened.Sigs) > 0 {
			names = append(names, verifier.Name())
		}
	}
	return names, nil
}
