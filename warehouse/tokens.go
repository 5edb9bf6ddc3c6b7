package warehouse

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/linkage/service"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// bothModes is how a deposit's statement says that it has the tokens of both.
const bothModes = "both"

// TokenOptions say how a provider makes tokens.
type TokenOptions struct {
	Pseudonyms string `json:"pseudonyms"`          // "keyed", the default, "oblivious" or "both"
	Evaluator  string `json:"evaluator,omitempty"` // the authority with the oblivious function; "" is the one that links
	URL        string `json:"url,omitempty"`       // of its service
	CAFile     string `json:"ca_file,omitempty"`   // certificates that vouch for a proxy before it; "" is the ledger's keys
	Filters    bool   `json:"filters,omitempty"`   // filters of names go with the tokens
}

// settle fills in defaults and refuses what cannot be.
func (o *TokenOptions) settle(state *governance.State, authority string) error {
	switch o.Pseudonyms {
	case "", string(pseudonym.Keyed):
		o.Pseudonyms = string(pseudonym.Keyed)
		if o.Evaluator != "" || o.URL != "" || o.CAFile != "" {
			return &governance.Refusal{Reason: "keyed tokens are made without an authority", Remedy: "Ask for others: --pseudonyms oblivious"}
		}
		return nil
	case string(pseudonym.Oblivious), bothModes:
	default:
		return fmt.Errorf("tokens are made keyed, oblivious or both ways, not %q", o.Pseudonyms)
	}
	if o.Evaluator == "" {
		o.Evaluator = authority
	}
	if state.Parties[o.Evaluator].Oblivious == "" {
		return &governance.Refusal{Reason: fmt.Sprintf("%q has committed to no key of an oblivious function", o.Evaluator), Remedy: "See who has: rempart party list"}
	}
	if o.URL == "" {
		return &governance.Refusal{Reason: "oblivious tokens are made with the authority's help", Remedy: "Say where it answers: --authority-url https://HOST:PORT"}
	}
	return service.CheckURL(o.URL)
}

// makers make a provider's tokens.
func (w *Warehouse) makers(state *governance.State, provider string, secret []byte, o TokenOptions) (makers []linkage.Maker, err error) {
	if o.Pseudonyms != string(pseudonym.Oblivious) {
		key, err := pseudonym.NewProviderKey(secret)
		if err != nil {
			return nil, err
		}
		makers = append(makers, linkage.Keyed{Key: key})
	}
	if o.Pseudonyms == string(pseudonym.Keyed) {
		return makers, nil
	}
	public, err := oblivious.ParsePublicKey(state.Parties[o.Evaluator].Oblivious)
	if err != nil {
		return nil, err
	}
	client, err := w.serviceClient(state, provider, o)
	if err != nil {
		return nil, err
	}
	return append(makers, linkage.Oblivious{Public: public, Evaluator: client}), nil
}

// filterKey makes filters of names (package clk), or is nil where none are asked for. It derives
// from the secret that all providers share; the authority has another.
func (o TokenOptions) filterKey(secret []byte) (*clk.Key, error) {
	if !o.Filters {
		return nil, nil
	}
	return clk.NewKey(secret, clk.Scheme{})
}

// serviceClient asks an authority's service in a provider's name.
func (w *Warehouse) serviceClient(state *governance.State, provider string, o TokenOptions) (*service.Client, error) {
	signing, err := w.signingKey(provider)
	if err != nil {
		return nil, err
	}
	config, err := w.tlsTo(provider, o)
	if err != nil {
		return nil, err
	}
	return &service.Client{
		URL: o.URL, Party: provider, Signing: signing, Authority: o.Evaluator, Key: state.Parties[o.Evaluator].Signing,
		HTTP: service.NewHTTP(config), Now: w.Now,
	}, nil
}

// tlsTo is TLS to an authority's service: by the ledger's keys, unless
// certificates vouch for a proxy before it.
func (w *Warehouse) tlsTo(provider string, o TokenOptions) (*tls.Config, error) {
	if o.CAFile == "" {
		if w.byTheWeb(o.URL) {
			return service.ByTheWeb(nil), nil
		}
		return w.TLSTo(provider, o.Evaluator)
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("the certificates of the authority's service: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", o.CAFile)
	}
	return service.ByTheWeb(roots), nil
}

// generation are tokens that can meet: of one mode, and if oblivious under one key.
type generation struct {
	mode      pseudonym.Mode
	evaluator string
}

// String names a generation for people.
func (g generation) String() string {
	if g.mode == pseudonym.Keyed {
		return string(g.mode)
	}
	return fmt.Sprintf("%s (%s)", g.mode, g.evaluator)
}

// generations lists what a deposit has.
func generations(d *governance.Deposit) (all []generation) {
	if d.Has(pseudonym.Keyed, "") {
		all = append(all, generation{pseudonym.Keyed, ""})
	}
	if d.Has(pseudonym.Oblivious, d.Evaluator) {
		all = append(all, generation{pseudonym.Oblivious, d.Evaluator})
	}
	return all
}

// Tokens says for people which tokens a deposit has.
func Tokens(d ledger.DepositMade) string {
	text := d.Pseudonyms
	if d.Evaluator != "" {
		text = fmt.Sprintf("%s (%s)", text, d.Evaluator)
	}
	if d.Filters != "" {
		text += ", filters"
	}
	return text
}
