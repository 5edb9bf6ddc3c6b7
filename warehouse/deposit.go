package warehouse

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
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
	Tokens    TokenOptions
	Progress  Progress
}

// Deposited is what came of a deposit.
type Deposited struct {
	ledger.DepositMade
	Entry         uint64
	Ignored       []string // files of the folder that the feed does not know
	SentFilters   int64    // of persons with names and date of birth, where they were asked for
	SentStays     int64    // of which the linkage authority got tokens
	UnusableStays int64    // traits of stays that are no such thing
	Unusable      int64    // identity traits that are no such thing, such as a NIR whose key is wrong
}

// NewID draws the id of a deposit, linkage, release or run: a letter and 32 random bits.
func NewID(letter string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return letter + "-" + hex.EncodeToString(b[:])
}

// Deposit checks a provider's files row by row, splits identity from health
// data, seals each part to the one party that may open it, and records the
// deposit. Where it fails, nothing of it is left. Where it is interrupted, by the
// context or by whatever ends the process, it can be resumed ([Warehouse.Resume])
// or discarded.
func (w *Warehouse) Deposit(ctx context.Context, o DepositOptions) (made *Deposited, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	provider := state.Parties[o.Provider]
	if provider.Role != governance.Provider {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("%q is no provider of this warehouse", o.Provider), Remedy: "See who is: rempart party list"}
	}
	if err := w.may(state, o.Provider, &ledger.DepositMade{}); err != nil {
		return nil, err
	}
	if o.Authority, err = theAuthority(state, o.Authority); err != nil {
		return nil, err
	}
	if err := o.Tokens.settle(state, o.Authority); err != nil {
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
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	delivery, sizes, err := deliver(feed, o.Dir)
	if err != nil {
		return nil, err
	}
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if state, err = w.State(ctx); err != nil { // the controller's recipient is another one where the host was left meanwhile
		return nil, err
	}
	d := &deposit{w: w, feed: feed, progress: o.Progress, journal: &journal{
		Deposit: NewID("d"), Provider: o.Provider, Authority: o.Authority, Tokens: o.Tokens, Feed: o.Feed, FeedDigest: digest, Dir: o.Dir, Encoding: o.Encoding,
		Host: state.Host, Recipient: state.Parties[state.ControllerName()].Recipient, Started: w.Now().UTC().Truncate(time.Second),
	}}
	d.at = filepath.Join(w.unfinishedDir(o.Provider), d.Deposit)
	for i, s := range delivery.Sources {
		d.Files = append(d.Files, journalFile{Name: s.Name, Size: sizes[i]})
	}
	_, _ = rand.Read(d.secret[:]) // crypto/rand does not fail: it ends the process
	if err := os.MkdirAll(d.at, 0o700); err != nil {
		return nil, err
	}
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := d.begin(d.secret[:], provider.Recipient); err != nil {
		return nil, errors.Join(err, d.end())
	}
	return d.run(ctx, state)
}

// theAuthority is the linkage authority that was named, or the only one there is.
func theAuthority(state *governance.State, name string) (string, error) {
	const role = governance.LinkageAuthority
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

// pseudonyms replaces person keys by matching numbers, drawn anew for each
// deposit: the secret behind them is destroyed with its end.
type pseudonyms struct {
	*pseudonym.LocalKey
	*pseudonym.MatchingKey
}

// Person implements [intake.Pseudonyms].
func (p pseudonyms) Person(localKey string) int64 { return p.Number(localKey) }

// Key implements [intake.Pseudonyms].
func (p pseudonyms) Key(domain, value string) string { return p.Hash(domain, value) }

// The files of a deposit outside the host.
func (w *Warehouse) identitiesPath(authority, deposit string) string {
	return filepath.Join(w.partyDir(authority), "inbox", filepath.Base(deposit)+".age")
}

func (w *Warehouse) staysPath(authority, deposit string) string {
	return filepath.Join(w.partyDir(authority), "inbox", filepath.Base(deposit)+".stays.age")
}

func (w *Warehouse) quarantinePath(provider, deposit string) string {
	return filepath.Join(w.partyDir(provider), "quarantine", filepath.Base(deposit)+".age")
}

// sealFile writes a file that only a party can open, whole or not at all, and
// returns its digest.
func sealFile(path, recipient string, write func(io.Writer) error) (digest ledger.Digest, err error) {
	to, err := age.ParseHybridRecipient(recipient)
	if err != nil {
		return "", err
	}
	return sealTo(path, to, write)
}

// sealTo is sealFile for any recipient.
func sealTo(path string, to age.Recipient, write func(io.Writer) error) (digest ledger.Digest, err error) {
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
