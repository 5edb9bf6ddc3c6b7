package warehouse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
)

// Request is what somebody wants to state and has to sign with a passkey. It
// waits in the home, is not part of the ledger, and binds nobody.
type Request struct {
	ID    string          `json:"-"`
	Actor string          `json:"actor"`
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body"`
	Asked time.Time       `json:"asked"`
}

// Statement is what the request would state, at a time.
func (r *Request) Statement(at time.Time) ledger.Statement {
	return ledger.Statement{Kind: r.Kind, Actor: r.Actor, Time: at.UTC().Truncate(time.Second), Body: r.Body}
}

// requestLife is how long a request waits, and maxRequests how many do.
const (
	requestLife = 30 * 24 * time.Hour
	maxRequests = 1000
)

// SignatureWanted says that nothing was recorded, since a passkey has to sign:
// the request waits in the portal.
type SignatureWanted struct {
	Request Request
	URL     string // "" where no portal is configured
}

func (e *SignatureWanted) Error() string {
	if e.URL == "" {
		return fmt.Sprintf("%s signs this with a passkey, in the portal, and no portal is configured", e.Request.Actor)
	}
	return fmt.Sprintf("this waits for the passkey of %s: %s", e.Request.Actor, e.URL)
}

// SecondWanted says that a proposal was recorded, and takes effect only when a
// second person has countersigned it.
type SecondWanted struct {
	Entry ledger.Entry
	Roles []string
	Until time.Time
}

func (e *SecondWanted) Error() string {
	return fmt.Sprintf("entry %d waits until %s for a second person (%s) to countersign it", e.Entry.Index, e.Until.Format(time.DateOnly), strings.Join(e.Roles, " or "))
}

var requestID = regexp.MustCompile(`^q-[0-9a-f]{16}$`)

func (w *Warehouse) requestPath(id string) string { return w.path("waiting", id+".json") }

// Ask puts a request where its actor finds it. It is not asked whether the
// actor may state that: the gate will be.
func (w *Warehouse) Ask(ctx context.Context, actor string, body ledger.Body) (r Request, err error) {
	all, err := w.Requests(ctx)
	if err != nil {
		return r, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return r, err
	}
	for _, other := range all { // asking twice is asking once
		if other.Actor == actor && other.Kind == body.Kind() && string(other.Body) == string(raw) {
			return other, nil
		}
	}
	if len(all) >= maxRequests {
		return r, &governance.Refusal{Reason: fmt.Sprintf("%d statements wait for a passkey already", len(all)), Remedy: "Sign them, or let them go, in the portal"}
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // crypto/rand does not fail: it ends the process
	r = Request{ID: "q-" + hex.EncodeToString(id[:]), Actor: actor, Kind: body.Kind(), Body: raw, Asked: w.Now().UTC().Truncate(time.Second)}
	text, err := json.Marshal(r)
	if err != nil {
		return r, err
	}
	if err := os.MkdirAll(w.path("waiting"), 0o700); err != nil {
		return r, fmt.Errorf("keep a request: %w", err)
	}
	if err := atomicfile.Write(w.requestPath(r.ID), append(text, '\n'), 0o600); err != nil {
		return r, fmt.Errorf("keep a request: %w", err)
	}
	return r, nil
}

// Requests lists what waits for a passkey, the oldest first. What has waited too
// long is forgotten.
func (w *Warehouse) Requests(_ context.Context) (all []Request, err error) {
	files, err := os.ReadDir(w.path("waiting"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("what waits for a passkey: %w", err)
	}
	for _, file := range files {
		r, err := w.Request(strings.TrimSuffix(file.Name(), ".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if w.Now().Sub(r.Asked) > requestLife {
			if err := w.Dismiss(r.ID); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Request) int {
		if c := a.Asked.Compare(b.Asked); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// Request finds a request; the error is fs.ErrNotExist where there is none.
func (w *Warehouse) Request(id string) (*Request, error) {
	if !requestID.MatchString(id) {
		return nil, fmt.Errorf("request %q: %w", id, fs.ErrNotExist)
	}
	text, err := os.ReadFile(w.requestPath(id))
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", id, err)
	}
	r := Request{ID: id}
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", w.requestPath(id), err)
	}
	return &r, nil
}

// Dismiss forgets a request.
func (w *Warehouse) Dismiss(id string) error {
	if !requestID.MatchString(id) {
		return fmt.Errorf("request %q: %w", id, fs.ErrNotExist)
	}
	if err := os.Remove(w.requestPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget a request: %w", err)
	}
	return nil
}

// wanted asks for a passkey's signature, and says where.
func (w *Warehouse) wanted(ctx context.Context, actor string, body ledger.Body) error {
	if w.Config.Portal.URL == "" {
		return &SignatureWanted{Request: Request{Actor: actor, Kind: body.Kind()}}
	}
	r, err := w.Ask(ctx, actor, body)
	if err != nil {
		return err
	}
	return &SignatureWanted{Request: r, URL: w.Config.Portal.URL + "/sign/" + r.ID}
}

// Submit is [Warehouse.CommitSigned] that ends what the statement began: keys that
// it destroyed are destroyed. The error is a *SecondWanted where it was recorded
// and waits.
func (w *Warehouse) Submit(ctx context.Context, envelope []byte) (e ledger.Entry, err error) {
	statement, err := ledger.Read(envelope)
	if err != nil {
		return e, err
	}
	if ahead := statement.Time.Sub(w.Now()); ahead > time.Minute {
		return e, &governance.Refusal{Reason: fmt.Sprintf("the statement is of a time that is %s ahead", ahead), Remedy: "Set the clocks"}
	}
	if w.Now().Sub(statement.Time) > governance.Touch { // else what has ended since could still be said, in a ledger to which nothing was added
		return e, &governance.Refusal{Reason: fmt.Sprintf("the statement is of %s: it was signed too long ago", statement.Time.Format(time.RFC3339)), Remedy: "Sign again"}
	}
	if e, err = w.CommitSigned(ctx, envelope); err != nil {
		return e, err
	}
	switch statement.Kind {
	case ledger.PartyLeft{}.Kind():
		body, err := statement.Decode()
		if left, ok := body.(*ledger.PartyLeft); ok {
			err = w.forgetKey(left.Name)
		}
		if err != nil {
			return e, fmt.Errorf("it is recorded, but the key is still to be destroyed: repeat that with rempart lake repair: %w", err)
		}
	case ledger.ReleaseErased{}.Kind(), ledger.ProjectClosed{}.Kind(), ledger.KeyDestroyed{}.Kind(), ledger.Countersigned{}.Kind():
		err := w.destroyStated(ctx)
		if err != nil {
			return e, fmt.Errorf("it is recorded, but keys are still to be destroyed: repeat that with rempart lake repair: %w", err)
		}
	}
	return e, w.second(ctx, e)
}

// second is a *SecondWanted where an entry waits for a second person.
func (w *Warehouse) second(ctx context.Context, e ledger.Entry) error {
	if e.Statement.Kind != (ledger.Proposed{}).Kind() {
		return nil
	}
	wanted := &SecondWanted{Entry: e}
	err := w.Read(ctx, func(m *Model) error {
		if waiting, ok := m.State.People.Waiting[e.Index]; ok {
			wanted.Roles, wanted.Until = waiting.Roles, waiting.Until
		}
		return nil
	})
	if err != nil {
		return err
	}
	return wanted
}

// destroyStated destroys the keys that statements say are destroyed.
func (w *Warehouse) destroyStated(ctx context.Context) (err error) {
	var destroyed map[string]uint64
	if err := w.Read(ctx, func(m *Model) error { destroyed = maps.Clone(m.State.Destroyed); return nil }); err != nil {
		return err
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	ids, err := ring.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, gone := destroyed[id]; gone {
			if err := ring.Destroy(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Signs says whether the home holds a party's key file, with which the party
// signs what needs no passkey.
func (w *Warehouse) Signs(party string) bool {
	_, err := os.Stat(w.SigningKeyPath(party))
	return err == nil
}
