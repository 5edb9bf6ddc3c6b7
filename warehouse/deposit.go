package warehouse

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// Progress hears how far a step is: what it works on, and done of total in the
// step's own unit (bytes of input, or tables). It may be nil.
type Progress func(what string, done, total int64)

// Report tells how far the step is.
func (p Progress) Report(what string, done, total int64) {
	if p != nil {
		p(what, done, total)
	}
}

// DepositOptions say what a provider hands in.
type DepositOptions struct {
	Provider  string
	Authority string // the linkage authority; "" where there is only one
	Feed      string
	Dir       string          // the folder with the feed's files
	Encoding  intake.Encoding // of its texts, where the feed's is not right; "" is the feed's
	Progress  Progress
}

// Deposited is what came of a deposit.
type Deposited struct {
	ledger.DepositMade
	Entry    uint64
	Ignored  []string // files of the folder that the feed does not know
	Unusable int64    // identity traits that are no such thing, such as a NIR whose key is wrong
}

// NewID draws the id of a deposit, linkage, release or run: a letter and 32 random bits.
func NewID(letter string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return letter + "-" + hex.EncodeToString(b[:])
}

// deposit is one deposit under way.
type deposit struct {
	w       *Warehouse
	options DepositOptions
	made    *Deposited
	feed    *intake.Feed
	vault   *lake.Vault
	reader  lake.Reader
	dbs     []*engine.DB // one for each object that is sealed at the same time
	checker *intake.Checker
	tokens  *pseudonym.ProviderKey

	quarantine *intake.Quarantine
	identities *linkage.Writer
}

// Deposit checks a provider's files row by row, splits identity from health
// data, seals each part to the one party that may open it, and records the
// deposit. Where it fails, nothing of it is left.
func (w *Warehouse) Deposit(ctx context.Context, o DepositOptions) (*Deposited, error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if party := state.Parties[o.Provider]; party.Role != governance.Provider {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("%q is no provider of this warehouse", o.Provider), Remedy: "See who is: rempart party list"}
	}
	if err := w.may(state, o.Provider, &ledger.DepositMade{}); err != nil {
		return nil, err
	}
	if o.Authority, err = theOne(state, governance.LinkageAuthority, o.Authority); err != nil {
		return nil, err
	}
	folder, digest, err := w.Feed(o.Feed)
	if err != nil {
		return nil, err
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return nil, err
	}
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	if state, err = w.State(ctx); err != nil { // the controller's recipient is another one where the host was left meanwhile
		return nil, errors.Join(err, release())
	}
	d := &deposit{w: w, options: o, feed: feed, made: &Deposited{DepositMade: ledger.DepositMade{
		Deposit: NewID("d"), Feed: o.Feed, FeedDigest: digest, Authority: o.Authority,
	}}}
	err = d.run(ctx, state)
	return d.made, errors.Join(err, release())
}

// theOne is the party of a role that was named, or the only one there is.
func theOne(state *governance.State, role governance.Role, name string) (string, error) {
	holders := state.Holders(role)
	switch {
	case name == "" && len(holders) == 1:
		return holders[0], nil
	case name == "" && len(holders) == 0:
		return "", &governance.Refusal{Reason: fmt.Sprintf("the warehouse has no %s yet", role), Remedy: fmt.Sprintf("Add one: rempart party add NAME --role %s", role)}
	case !slices.Contains(holders, name):
		return "", &governance.Refusal{Reason: fmt.Sprintf("%q is no %s: choose one of %v", name, role, holders)}
	}
	return name, nil
}

func (d *deposit) run(ctx context.Context, state *governance.State) (err error) {
	if d.vault, err = d.w.Vault(state); err != nil {
		return err
	}
	controller := state.Parties[state.ControllerName()]
	recipient, err := age.ParseHybridRecipient(controller.Recipient)
	if err != nil {
		return err
	}
	d.reader = lake.PartyReader{HybridRecipient: recipient, Party: controller.Name}
	defer func() {
		for _, db := range d.dbs {
			err = errors.Join(err, db.Close())
		}
	}()
	secret, err := d.w.pseudonymSecret(d.options.Provider)
	if err != nil {
		return err
	}
	if d.tokens, err = pseudonym.NewProviderKey(secret); err != nil {
		return err
	}
	local, err := pseudonym.NewLocalKey(secret)
	if err != nil {
		return err
	}
	delivery, total, err := d.files()
	if err != nil {
		return err
	}
	d.checker = intake.NewChecker(delivery, newPseudonyms(local), intake.Options{})
	undo := func() error { return d.undo(context.WithoutCancel(ctx)) }
	if err := d.intake(ctx, state, delivery, total); err != nil {
		return errors.Join(err, undo())
	}
	e, err := d.w.CommitOr(ctx, d.options.Provider, d.made.DepositMade, undo)
	d.made.Entry = e.Index
	return err
}

// pseudonyms replaces person keys by matching numbers, drawn anew for each
// deposit: the secret behind them is never stored.
type pseudonyms struct {
	*pseudonym.LocalKey
	secret [32]byte
}

func newPseudonyms(local *pseudonym.LocalKey) *pseudonyms {
	p := &pseudonyms{LocalKey: local}
	_, _ = rand.Read(p.secret[:]) // crypto/rand does not fail: it ends the process
	return p
}

// Person implements [intake.Pseudonyms]: 63 bits of an HMAC-SHA-256.
func (p *pseudonyms) Person(localKey string) int64 {
	mac := hmac.New(sha256.New, p.secret[:])
	mac.Write([]byte(localKey))
	return int64(binary.BigEndian.Uint64(mac.Sum(nil)) >> 1)
}

// Key implements [intake.Pseudonyms].
func (p *pseudonyms) Key(domain, value string) string { return p.Hash(domain, value) }

// The files of a deposit outside the host.
func (w *Warehouse) identitiesPath(authority, deposit string) string {
	return filepath.Join(w.partyDir(authority), "inbox", filepath.Base(deposit)+".age")
}

func (w *Warehouse) quarantinePath(provider, deposit string) string {
	return filepath.Join(w.partyDir(provider), "quarantine", filepath.Base(deposit)+".age")
}

// intake checks and seals every file.
func (d *deposit) intake(ctx context.Context, state *governance.State, delivery *intake.Delivery, total int64) (err error) {
	id := d.made.Deposit
	d.made.Identities, err = sealFile(d.w.identitiesPath(d.options.Authority, id), state.Parties[d.options.Authority].Recipient, func(identities io.Writer) (err error) {
		if d.identities, err = linkage.NewWriter(identities); err != nil {
			return err
		}
		d.made.Quarantine, err = sealFile(d.w.quarantinePath(d.options.Provider, id), state.Parties[d.options.Provider].Recipient, func(refused io.Writer) error {
			d.quarantine = intake.NewQuarantine(refused)
			var done int64
			for _, s := range delivery.Sources {
				if err := d.source(ctx, s, &done, total); err != nil {
					return err
				}
			}
			return d.quarantine.Flush()
		})
		return errors.Join(err, d.identities.Flush())
	})
	return err
}

// files finds the feed's files in the deposit's folder, and their length in bytes.
func (d *deposit) files() (delivery *intake.Delivery, total int64, err error) {
	folder, err := os.ReadDir(d.options.Dir)
	if err != nil {
		return nil, 0, err
	}
	var names []string
	for _, f := range folder {
		names = append(names, f.Name())
	}
	if delivery, err = d.feed.Deliver(names); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", d.options.Dir, err)
	}
	for i := range delivery.Sources {
		s := &delivery.Sources[i]
		info, err := os.Stat(filepath.Join(d.options.Dir, s.Name))
		if err != nil {
			return nil, 0, err
		}
		total += info.Size()
		if d.options.Encoding != "" {
			s.Encoding = d.options.Encoding
		}
	}
	d.made.Ignored = delivery.Ignored
	return delivery, total, nil
}

// meter counts what is read.
type meter struct {
	r      io.Reader
	done   *int64
	report func(int64)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	*m.done += int64(n)
	m.report(*m.done)
	return n, err
}

// identity sends a person's tokens to the linkage authority. A trait that is
// none (a NIR whose key is wrong) is left out: the others still link.
func (d *deposit) identity(person int64, id pseudonym.Identity) error {
	tokens, err := d.tokens.Tokens(id)
	for err != nil {
		var wrong *pseudonym.TraitError
		if !errors.As(err, &wrong) || !forget(&id, wrong.Trait) {
			return err
		}
		d.made.Unusable++
		tokens, err = d.tokens.Tokens(id)
	}
	d.made.Persons++
	return d.identities.Write(linkage.Record{Person: person, Tokens: tokens})
}

// forget empties a trait, and says whether there was one.
func forget(id *pseudonym.Identity, trait string) bool {
	field := map[string]*string{
		"nir": &id.NIR, "ssn": &id.SSN, "last_name": &id.LastName, "birth_name": &id.BirthName,
		"first_name": &id.FirstName, "birth_date": &id.BirthDate, "sex": &id.Sex, "postcode": &id.Postcode,
	}[trait]
	if field == nil || *field == "" {
		return false
	}
	*field = ""
	return true
}

// undo removes what a deposit that failed has made.
func (d *deposit) undo(ctx context.Context) error {
	var err error
	for _, object := range d.made.Objects {
		err = errors.Join(err, d.vault.Store.Delete(ctx, object.Name))
	}
	for _, path := range []string{
		d.w.identitiesPath(d.options.Authority, d.made.Deposit),
		d.w.quarantinePath(d.options.Provider, d.made.Deposit),
	} {
		if gone := os.Remove(path); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// sealFile writes a file that only a party can open, whole or not at all, and
// returns its digest.
func sealFile(path, recipient string, write func(io.Writer) error) (digest ledger.Digest, err error) {
	to, err := age.ParseHybridRecipient(recipient)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	sum := sha256.New()
	err = func() error {
		sealed, err := age.Encrypt(io.MultiWriter(f, sum), to)
		if err != nil {
			return err
		}
		return errors.Join(write(sealed), sealed.Close())
	}()
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", err
	}
	return ledger.Digest(hex.EncodeToString(sum.Sum(nil))), atomicfile.SyncDir(filepath.Dir(path))
}

// Quarantine writes the rows of a deposit that were refused, as CSV. Only the
// provider's own key opens them.
func (w *Warehouse) Quarantine(ctx context.Context, provider, deposit string, to io.Writer) (err error) {
	f, err := os.Open(w.quarantinePath(provider, deposit))
	if errors.Is(err, fs.ErrNotExist) {
		return &governance.Refusal{Reason: fmt.Sprintf("%s has no quarantine of a deposit %q", provider, deposit), Remedy: "See the deposits: rempart deposit list"}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	identity, err := w.identity(provider)
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(f, identity)
	if err != nil {
		return fmt.Errorf("%s does not open with the key of %s: %w", f.Name(), provider, err)
	}
	_, err = io.Copy(to, plain)
	return err
}
