package warehouse

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
)

// pseudonymKey is the key-encryption key from which the providers' common
// secret is derived. No object is sealed with it.
const pseudonymKey = "pseudonym-1"

// partyKeys are what a party signs and receives with.
type partyKeys struct {
	signing  ledger.Key
	identity *age.HybridIdentity
}

// The files of a party's keys.
const (
	signingFile   = "signing.key"     // the seed of RFC 8032, in base64
	identityFile  = "identity.agekey" // in age's own text format
	pseudonymFile = "pseudonym.key"   // 32 bytes in base64: of providers and linkage authorities
)

// partyDir is where a party's keys and files are.
func (w *Warehouse) partyDir(name string) string {
	if name == w.Config.Controller {
		return w.path("controller")
	}
	return w.path("parties", filepath.Base(name))
}

// newPartyKeys draws keys and keeps them in a directory.
func newPartyKeys(dir string) (k partyKeys, err error) {
	if k.signing, err = ledger.NewKey(); err != nil {
		return k, err
	}
	if k.identity, err = age.GenerateHybridIdentity(); err != nil {
		return k, err
	}
	if err := writeSecret(filepath.Join(dir, signingFile), base64.StdEncoding.EncodeToString(k.signing.Seed())); err != nil {
		return k, err
	}
	return k, writeSecret(filepath.Join(dir, identityFile), k.identity.String())
}

// readSecret reads a file of one line that writeSecret wrote, and no other.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("a key that this step needs: %w", err)
	}
	line, rest, ended := strings.Cut(string(text), "\n")
	if !ended || rest != "" {
		return "", fmt.Errorf("%s was changed: it is not one line", path)
	}
	return line, nil
}

func readSecretBytes(path string) ([]byte, error) {
	line, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil {
		return nil, fmt.Errorf("%s was changed: %w", path, err)
	}
	return raw, nil
}

func (w *Warehouse) signingKey(party string) (ledger.Key, error) {
	return ReadSigningKey(w.SigningKeyPath(party))
}

// SigningKeyPath is where a party's key file lies in the home, if it does.
func (w *Warehouse) SigningKeyPath(party string) string {
	return filepath.Join(w.partyDir(party), signingFile)
}

// ReadSigningKey reads a party's key file.
func ReadSigningKey(path string) (ledger.Key, error) {
	seed, err := readSecretBytes(path)
	if err != nil {
		return ledger.Key{}, err
	}
	key, err := ledger.KeyFromSeed(seed)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func (w *Warehouse) identity(party string) (*age.HybridIdentity, error) {
	path := filepath.Join(w.partyDir(party), identityFile)
	line, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseHybridIdentity(line)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return identity, nil
}

// AddParty draws a party's keys and makes the party known.
func (w *Warehouse) AddParty(ctx context.Context, name string, role governance.Role) (e ledger.Entry, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, err
	}
	if _, taken := state.Parties[name]; taken {
		return e, &governance.Refusal{Reason: fmt.Sprintf("there is a party %q already", name), Remedy: "Choose another name"}
	}
	release, err := w.Publishing(ctx)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, release()) }()
	dir := w.partyDir(name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return e, fmt.Errorf("the keys of %q: %w", name, err)
	}
	undo := func() error { return os.RemoveAll(dir) }
	keys, err := newPartyKeys(dir)
	if err != nil {
		return e, errors.Join(err, undo())
	}
	body := ledger.PartyAdded{Name: name, Role: string(role), Signing: keys.signing.Public().String(), Recipient: keys.identity.Recipient().String()}
	if body.Secret, err = w.handSecret(ctx, role, dir); err == nil {
		body.Oblivious, err = w.obliviousPublic(role, name)
	}
	if err != nil {
		return e, errors.Join(err, undo())
	}
	return w.CommitOr(ctx, state.ControllerName(), body, undo)
}

// handSecret gives a provider the secret that all providers share, and a linkage
// authority one that nobody else has. It returns the commitment to it.
func (w *Warehouse) handSecret(ctx context.Context, role governance.Role, dir string) (ledger.Digest, error) {
	var text string
	switch role {
	case governance.Provider:
		secret, err := w.providersSecret(ctx)
		if err != nil {
			return "", err
		}
		text = base64.StdEncoding.EncodeToString(secret)
	case governance.LinkageAuthority:
		text = randomText()
	default:
		return "", nil
	}
	return ledger.Sum([]byte(text)), writeSecret(filepath.Join(dir, pseudonymFile), text)
}

// obliviousPublic is the commitment of a linkage authority to the key of its
// oblivious function, which derives from its secret; "" for other roles.
func (w *Warehouse) obliviousPublic(role governance.Role, party string) (string, error) {
	if role != governance.LinkageAuthority {
		return "", nil
	}
	secret, err := w.pseudonymSecret(party)
	if err != nil {
		return "", err
	}
	key, err := pseudonym.ObliviousKey(secret)
	if err != nil {
		return "", err
	}
	return key.Public().String(), nil
}

// providersSecret is what makes the same person's tokens the same at every provider.
func (w *Warehouse) providersSecret(ctx context.Context) (secret []byte, err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	key, err := ring.Key(ctx, pseudonymKey)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	return key.Derive("providers")
}

// pseudonymSecret reads a party's own secret.
func (w *Warehouse) pseudonymSecret(party string) ([]byte, error) {
	return readSecretBytes(filepath.Join(w.partyDir(party), pseudonymFile))
}

// PartyLeaves says that a party has left, and destroys its signing key. Mounts and
// runs of that person end within a second; what it stated stays. Who acts may be
// the party itself, an officer or the controller.
func (w *Warehouse) PartyLeaves(ctx context.Context, as, name, reason string) (ledger.Entry, error) {
	e, err := w.Commit(ctx, as, ledger.PartyLeft{Name: name, Reason: reason})
	if err != nil {
		return e, err
	}
	return e, w.forgetKey(name)
}

// forgetKey destroys the signing key of who has left.
func (w *Warehouse) forgetKey(party string) error {
	path := filepath.Join(w.partyDir(party), signingFile)
	if err := wipe(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy the signing key of %s: %w", party, err)
	}
	return remove(path)
}

// checkParty compares a party's files with what the ledger says of it.
func (w *Warehouse) checkParty(party governance.Party) error {
	dir := w.partyDir(party.Name)
	key := ledger.Key{}
	var err error
	if party.Left == nil {
		if key, err = w.signingKey(party.Name); err != nil {
			return err
		}
	}
	if party.Left == nil && subtle.ConstantTimeCompare([]byte(key.Public().String()), []byte(party.Signing.String())) != 1 {
		return fmt.Errorf("%s was changed: it is not the key that the ledger knows", filepath.Join(dir, signingFile))
	}
	identity, err := w.identity(party.Name)
	if err != nil {
		return err
	}
	if identity.Recipient().String() != party.Recipient {
		return fmt.Errorf("%s was changed: it is not the key that the ledger knows", filepath.Join(dir, identityFile))
	}
	if party.Secret == "" {
		return nil
	}
	text, err := readSecret(filepath.Join(dir, pseudonymFile))
	if err != nil {
		return err
	}
	if ledger.Sum([]byte(text)) != party.Secret {
		return fmt.Errorf("%s was changed: it is not the key that the ledger knows", filepath.Join(dir, pseudonymFile))
	}
	public, err := w.obliviousPublic(party.Role, party.Name)
	if err == nil && public != party.Oblivious {
		err = fmt.Errorf("the oblivious function of %s is another one than the ledger knows", party.Name)
	}
	return err
}
