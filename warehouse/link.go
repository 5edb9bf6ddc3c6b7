package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// Linked is what came of a linkage.
type Linked struct {
	ledger.PersonsLinked
	Entry uint64
}

// Link is the linkage authority's step: it joins the persons of every deposit
// that was sent to it, and sends the warehouse which matching number is whom.
// authority may be "" where there is only one.
func (w *Warehouse) Link(ctx context.Context, authority string, progress Progress) (*Linked, error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	made, err := w.link(ctx, authority, progress)
	return made, errors.Join(err, release())
}

func (w *Warehouse) link(ctx context.Context, authority string, progress Progress) (made *Linked, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if authority, err = theOne(state, governance.LinkageAuthority, authority); err != nil {
		return nil, err
	}
	if err := w.may(state, authority, &ledger.PersonsLinked{}); err != nil {
		return nil, err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	secret, err := w.pseudonymSecret(authority)
	if err != nil {
		return nil, err
	}
	key, err := pseudonym.NewAuthorityKey(secret)
	if err != nil {
		return nil, err
	}
	linker, err := linkage.New(ctx, db, key)
	if err != nil {
		return nil, err
	}
	made = &Linked{PersonsLinked: ledger.PersonsLinked{Linkage: NewID("l")}}
	for id, d := range state.Deposits.All() {
		if d.Authority != authority || d.Erased != nil {
			continue
		}
		progress.Report(d.Actor, int64(len(made.Deposits)), int64(state.Deposits.Len()))
		if err := w.readIdentities(ctx, linker, authority, d); err != nil {
			return nil, err
		}
		made.Deposits = append(made.Deposits, id)
	}
	if len(made.Deposits) == 0 {
		return nil, &governance.Refusal{Reason: "there is no deposit to link", Remedy: "Make one: rempart deposit --help"}
	}
	summary, err := linker.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	made.Records, made.Persons, made.Shared, made.Methods = summary.Records, summary.Persons, summary.Shared, summary.Methods
	vault, err := w.Vault(state)
	if err != nil {
		return nil, err
	}
	controller := state.Parties[state.ControllerName()]
	recipient, err := age.ParseHybridRecipient(controller.Recipient)
	if err != nil {
		return nil, err
	}
	made.Object, err = vault.Put(ctx, lake.Parquet, lake.PartyReader{HybridRecipient: recipient, Party: controller.Name}, func(to io.Writer) error {
		return linker.Write(ctx, to)
	})
	if err != nil {
		return nil, err
	}
	e, err := w.CommitOr(ctx, authority, made.PersonsLinked, func() error {
		return vault.Store.Delete(context.WithoutCancel(ctx), made.Object.Name)
	})
	made.Entry = e.Index
	progress.Report("done", int64(state.Deposits.Len()), int64(state.Deposits.Len()))
	return made, err
}

// readIdentities opens what a deposit sent to the authority, and makes sure
// that it is what the provider signed for.
func (w *Warehouse) readIdentities(ctx context.Context, linker *linkage.Linker, authority string, d *governance.Deposit) (err error) {
	path := w.identitiesPath(authority, d.Deposit)
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the identities of deposit %s: %w", d.Deposit, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	identity, err := w.identity(authority)
	if err != nil {
		return err
	}
	sum := sha256.New()
	whole := io.TeeReader(f, sum)
	plain, err := age.Decrypt(whole, identity)
	if err != nil {
		return fmt.Errorf("%s was altered, or was sealed to another key: %w", path, err)
	}
	if err := linker.Add(ctx, d.Deposit, plain); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != string(d.Identities) {
		return fmt.Errorf("%s was altered: its SHA-256 is not the recorded one", path)
	}
	return nil
}
