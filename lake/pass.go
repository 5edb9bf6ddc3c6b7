package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/ledger"
)

// Pass lets one worker, on a machine that has nothing else of the warehouse,
// read some objects for a while. It holds the file keys of these objects and of
// no other, and is sealed to the worker ([Pass.Seal]). The end of a pass is
// kept by the program that reads with it; what a worker has read by then, it
// has. A pass is therefore short, and its issue is a statement in the ledger.
type Pass struct {
	Mount string          `json:"mount"` // the statement that allows it
	Title string          `json:"title"` // what it opens, in words
	Until time.Time       `json:"until"`
	Host  json.RawMessage `json:"host"` // where the objects lie
	Files []PassFile      `json:"files"`
}

// PassFile is one object that a pass opens.
type PassFile struct {
	Name   string        `json:"name"`
	Object ledger.Object `json:"object"`
	Salt   string        `json:"salt"` // tells its stanza from others: see keyring.Key
	Key    []byte        `json:"key"`  // the object's age file key
}

// maxHeader bounds the header of an object, in bytes. With a hybrid recipient
// it has about 2 KiB.
const maxHeader = 64 << 10

// PassFile makes the part of a pass that opens one object.
func (v *Vault) PassFile(ctx context.Context, name string, object ledger.Object, key age.Identity) (f PassFile, err error) {
	sealed, err := v.open(ctx, object)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	header, err := age.ExtractHeader(io.NewSectionReader(sealed, 0, min(sealed.Size(), maxHeader)))
	if err != nil {
		return f, damaged(object, err)
	}
	f = PassFile{Name: name, Object: object}
	// The identity sees every stanza; ours is told by its salt.
	f.Key, err = age.DecryptHeader(header, seeing{key, &f.Salt})
	if err != nil {
		return f, damaged(object, err)
	}
	return f, nil
}

// seeing notes the salt of our stanza on its way to the identity.
type seeing struct {
	age.Identity
	salt *string
}

func (s seeing) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	*s.salt = saltOf(stanzas)
	return s.Identity.Unwrap(stanzas)
}

// saltOf is what no two objects' stanzas share.
func saltOf(stanzas []*age.Stanza) string {
	for _, s := range stanzas {
		if len(s.Args) == 2 { // "rempart-kek" ID SALT
			return s.Args[1]
		}
	}
	return ""
}

// Unwrap implements [age.Identity] for the objects of the pass.
func (p *Pass) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	salt := saltOf(stanzas)
	for _, f := range p.Files {
		if salt != "" && f.Salt == salt {
			return bytes.Clone(f.Key), nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// Seal writes the pass so that only the worker can read it.
func (p *Pass) Seal(to io.Writer, worker age.Recipient) error {
	sealed, err := age.Encrypt(to, worker)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(sealed).Encode(p), sealed.Close())
}

// OpenPass reads a pass with the worker's own identity. It says so if the pass
// has ended.
func OpenPass(from io.Reader, worker age.Identity, now time.Time) (*Pass, error) {
	plain, err := age.Decrypt(from, worker)
	if err != nil {
		return nil, fmt.Errorf("the pass does not open: it was made for another worker, or was altered: %w", err)
	}
	var p Pass
	if err := json.NewDecoder(plain).Decode(&p); err != nil {
		return nil, fmt.Errorf("the pass cannot be read: %w", err)
	}
	if !now.Before(p.Until) {
		return nil, fmt.Errorf("the pass ended on %s: ask for a new one", p.Until.UTC().Format(time.RFC3339))
	}
	return &p, nil
}
