package warehouse

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger/witness"
)

// ID is the warehouse's name in certificates.
func (w *Warehouse) ID() (string, error) {
	key, err := mutual.NoteKey(w.Config.LedgerKey)
	if err != nil {
		return "", fmt.Errorf("ledger_key: %w", err)
	}
	return mutual.ID(key), nil
}

// Issuer makes certificates in a party's name with its signing key, or in that of
// the warehouse itself, party "", with the key of the ledger's checkpoints.
func (w *Warehouse) Issuer(party string) (i mutual.Issuer, err error) {
	id, err := w.ID()
	if err != nil {
		return i, err
	}
	i = mutual.Issuer{Name: mutual.Name{ID: id, Party: party}, Now: w.Now}
	if party == "" {
		path := w.path("controller", "checkpoint.key")
		line, err := readSecret(path)
		if err != nil {
			return i, fmt.Errorf("the key that signs the ledger's checkpoints: %w", err)
		}
		if i.Key, err = mutual.NoteSigner(line); err != nil {
			return i, fmt.Errorf("%s: %w", path, err)
		}
		return i, nil
	}
	key, err := w.signingKey(party)
	if err != nil {
		return i, err
	}
	i.Key = ed25519.NewKeyFromSeed(key.Seed())
	return i, nil
}

// Admit lets in who takes part, by the ledger as it is at that moment, and for whom
// the question is answered with nil.
func (w *Warehouse) Admit(may func(governance.Party) error) mutual.Admit {
	return func(name mutual.Name) (key ed25519.PublicKey, err error) {
		id, err := w.ID()
		if err != nil {
			return nil, err
		}
		if name.ID != id {
			return nil, fmt.Errorf("%s is of another warehouse than this one, %s", name, id)
		}
		err = w.Read(context.Background(), func(m *Model) error {
			party, known := m.State.Parties[name.Party]
			switch {
			case !known:
				return fmt.Errorf("%s is no party of the ledger", name)
			case party.Left != nil:
				return fmt.Errorf("%s left on %s", name, party.Left.Time.Format(time.DateOnly))
			}
			key = party.Signing.Ed25519()
			return may(party)
		})
		return key, err
	}
}

// TLSTo is TLS in a party's name to a process of another party of the ledger.
func (w *Warehouse) TLSTo(party, other string) (*tls.Config, error) {
	own, err := w.Issuer(party)
	if err != nil {
		return nil, err
	}
	admit := w.Admit(func(p governance.Party) error {
		if p.Name != other {
			return fmt.Errorf("%s answers in the place of %s", p.Name, other)
		}
		return nil
	})
	return mutual.Client(own.Certificates(), admit, w.Now), nil
}

// byTheWeb says whether the configuration has an address known by the
// certificates of the web, since another program answers there.
func (w *Warehouse) byTheWeb(address string) bool {
	return slices.Contains(w.Config.TLS.Web, strings.TrimSuffix(address, "/"))
}

// witnesses asks each witness over TLS that its own key in the ledger vouches for,
// in the name of the log. Without TLS it asks on this machine alone.
func (w *Warehouse) witnesses() witness.Client {
	client := w.Witness
	if client.Transport != nil {
		return client
	}
	client.Transport = func(peer witness.Peer) (http.RoundTripper, error) {
		at, err := url.Parse(peer.URL)
		if err != nil {
			return nil, err
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true
		switch {
		case w.byTheWeb(peer.URL):
			if at.Scheme != "https" {
				return nil, fmt.Errorf("%s: tls.web holds addresses that begin with https", peer.URL)
			}
			return transport, nil
		case at.Scheme == "http":
			if !mutual.OfThisMachine(at.Hostname()) {
				return nil, fmt.Errorf("%s: nothing goes over the network without TLS: name the witness by https", peer.URL)
			}
			return transport, nil
		}
		key, err := mutual.NoteKey(peer.Key)
		if err != nil {
			return nil, err
		}
		own, err := w.Issuer("")
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = mutual.Client(own.Certificates(), mutual.Only(mutual.Name{ID: mutual.ID(key)}, key), w.Now)
		return transport, nil
	}
	return client
}

// Certificate is one that was issued for another program, in files of the home.
type Certificate struct {
	Party string    `json:"party"`
	Dir   string    `json:"dir"`
	Ends  time.Time `json:"ends,omitzero"`
	Soon  bool      `json:"soon"` // a third of its time or less is left, or none
	Fault string    `json:"fault,omitempty"`
}

// certificates is the directory of a party's certificate for other programs.
func (w *Warehouse) certificates(party string) string { return filepath.Join(w.partyDir(party), "tls") }

// IssueCertificate makes a certificate of a party for another program, which asks in
// its name. Where dir is "", it lies beside the party's keys.
func (w *Warehouse) IssueCertificate(ctx context.Context, party, dir string, lasts time.Duration) (c Certificate, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return c, err
	}
	if p, known := state.Parties[party]; !known || p.Left != nil {
		return c, &governance.Refusal{Reason: fmt.Sprintf("%q takes no part in the warehouse", party), Remedy: "See who does: rempart party list"}
	}
	issuer, err := w.Issuer(party)
	if err != nil {
		return c, err
	}
	made, err := issuer.Issue(lasts)
	if err != nil {
		return c, err
	}
	if dir == "" {
		dir = w.certificates(party)
	}
	return Certificate{Party: party, Dir: dir, Ends: made.Leaf.NotAfter}, mutual.Write(dir, made)
}

// Certificates lists those that lie beside the parties' keys, and whether each would be
// let in now.
func (w *Warehouse) Certificates(ctx context.Context) (all []Certificate, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	admit := w.Admit(func(governance.Party) error { return nil })
	for name := range state.Parties {
		c := Certificate{Party: name, Dir: w.certificates(name)}
		held, err := mutual.Look(c.Dir, admit, w.Now())
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			c.Fault = err.Error()
		case held.Err != nil:
			c.Fault = held.Err.Error()
		case held.Name.Party != name:
			c.Fault = fmt.Sprintf("it is of %s", held.Name)
		}
		c.Ends, c.Soon = held.Ends, held.Soon || c.Fault != ""
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Certificate) int { return strings.Compare(a.Party, b.Party) })
	return all, nil
}
