package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// Linked is what came of a linkage.
type Linked struct {
	ledger.PersonsLinked
	Entry   uint64
	LeftOut []string                // deposits without tokens of that kind
	Quality *linkage.Report         // whose digest is in the statement
	OptOuts *ledger.OptOutsResolved // who has opted out, found anew; nil: nobody ever has
}

// LinkOptions say what to link.
type LinkOptions struct {
	Authority  string                // "" where there is only one
	Pseudonyms string                // "keyed" or "oblivious": deposits without such tokens are left out; "" is what all deposits have
	Evaluator  string                // of oblivious tokens; "" is the authority itself
	Filters    linkage.FilterOptions // when filters are one person's; the zero value is linkage.DefaultFilters
	Progress   Progress
}

// Link is the linkage authority's step: it joins the persons of every deposit
// that was sent to it, and sends the warehouse which matching number is whom.
func (w *Warehouse) Link(ctx context.Context, o LinkOptions) (*Linked, error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	made, err := w.link(ctx, o)
	return made, errors.Join(err, release())
}

func (w *Warehouse) link(ctx context.Context, o LinkOptions) (made *Linked, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	authority, err := theAuthority(state, o.Authority)
	if err != nil {
		return nil, err
	}
	if err := w.may(state, authority, &ledger.PersonsLinked{}); err != nil {
		return nil, err
	}
	deposits := sentTo(state, authority)
	if len(deposits) == 0 {
		return nil, &governance.Refusal{Reason: "there is no deposit to link", Remedy: "Make one: rempart deposit --help"}
	}
	tokens, err := o.tokens(authority, deposits)
	if err != nil {
		return nil, err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	made = &Linked{PersonsLinked: ledger.PersonsLinked{Linkage: NewID("l"), Pseudonyms: string(tokens.mode), Evaluator: tokens.evaluator}}
	providers := map[string]string{}
	var having []*governance.Deposit
	for _, d := range deposits {
		if !d.Has(tokens.mode, tokens.evaluator) {
			made.LeftOut = append(made.LeftOut, d.Deposit)
			continue
		}
		providers[d.Deposit] = d.Actor
		made.Deposits = append(made.Deposits, d.Deposit)
		having = append(having, d)
	}
	linker, summary, err := w.join(ctx, db, authority, tokens.mode, having, o.Filters, o.Progress)
	if err != nil {
		return nil, err
	}
	made.Records, made.Persons, made.Shared, made.Methods = summary.Records, summary.Persons, summary.Shared, summary.Methods
	made.Stays = linker.Joined()
	if made.Quality, err = linker.Report(ctx, summary, providers); err != nil {
		return nil, err
	}
	if made.Report, err = w.Log.Attach(made.Quality); err != nil {
		return nil, err
	}
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
	if err == nil { // who has opted out may have another number now
		made.OptOuts, err = w.resolveOptOuts(ctx, authority, db, linker)
	}
	o.Progress.Report("done", int64(len(deposits)), int64(len(deposits)))
	return made, err
}

// filtersOf is how a linkage compared filters: who joins its deposits again must do the same.
func (w *Warehouse) filtersOf(l *governance.Linkage) (linkage.FilterOptions, error) {
	var r linkage.Report
	if l.Report == "" {
		return linkage.FilterOptions{}, nil
	}
	if err := w.Log.Attached(l.Report, &r); err != nil {
		return linkage.FilterOptions{}, fmt.Errorf("the report of linkage %s: %w", l.Linkage, err)
	}
	if r.Filters == nil {
		return linkage.FilterOptions{}, nil
	}
	return r.Filters.FilterOptions, nil
}

// join opens what deposits have sent to an authority and decides who is who.
func (w *Warehouse) join(ctx context.Context, db *engine.DB, authority string, mode pseudonym.Mode, deposits []*governance.Deposit, filters linkage.FilterOptions, progress Progress) (*linkage.Linker, linkage.Summary, error) {
	var none linkage.Summary
	secret, err := w.pseudonymSecret(authority)
	if err != nil {
		return nil, none, err
	}
	key, err := pseudonym.NewAuthorityKey(secret)
	if err != nil {
		return nil, none, err
	}
	linker, err := linkage.New(ctx, db, key, mode)
	if err != nil {
		return nil, none, err
	}
	if err := linker.Filters(filters); err != nil {
		return nil, none, err
	}
	for i, d := range deposits {
		progress.Report(d.Actor, int64(i), int64(len(deposits)))
		if err := w.readIdentities(ctx, linker, authority, d); err != nil {
			return nil, none, err
		}
		if err := w.readStays(ctx, linker, authority, d); err != nil {
			return nil, none, err
		}
		if d.Filters != "" {
			linker.AddFilters(d.Deposit, d.Filters)
		}
	}
	summary, err := linker.Resolve(ctx)
	return linker, summary, err
}

// sentTo lists the deposits whose tokens were sent to an authority and are there.
func sentTo(state *governance.State, authority string) (deposits []*governance.Deposit) {
	for _, d := range state.Deposits.All() {
		if d.Authority == authority && d.Erased == nil {
			deposits = append(deposits, d)
		}
	}
	return deposits
}

// tokens decides which tokens to compare. Without a choice they must be of a kind
// that every deposit has: persons of the others would silently link to nobody.
func (o LinkOptions) tokens(authority string, deposits []*governance.Deposit) (generation, error) {
	count := map[generation]int{}
	kinds := map[string][]string{}
	for _, d := range deposits {
		for _, g := range generations(d) {
			count[g]++
		}
		kinds[Tokens(d.DepositMade)] = append(kinds[Tokens(d.DepositMade)], d.Deposit)
	}
	if o.Pseudonyms != "" {
		g := generation{pseudonym.Mode(o.Pseudonyms), o.Evaluator}
		if g.mode == pseudonym.Oblivious && g.evaluator == "" {
			g.evaluator = authority
		}
		if count[g] == 0 {
			return g, &governance.Refusal{Reason: fmt.Sprintf("no deposit has tokens of the kind %s", g), Remedy: "See which they have: rempart deposit list"}
		}
		return g, nil
	}
	for _, g := range append([]generation{{pseudonym.Keyed, ""}}, generations(deposits[0])...) {
		if count[g] == len(deposits) {
			return g, nil
		}
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, fmt.Sprintf("%s: %s", kind, strings.Join(kinds[kind], ", ")))
	}
	return generation{}, &governance.Refusal{
		Reason: "the deposits' tokens are of kinds that never meet: " + strings.Join(list, "; "),
		Remedy: "Have what is to be linked deposited again with --pseudonyms both, or link one kind alone: rempart linkage run --pseudonyms keyed",
	}
}

// readIdentities opens what a deposit says of its persons.
func (w *Warehouse) readIdentities(ctx context.Context, linker *linkage.Linker, authority string, d *governance.Deposit) error {
	return w.readSent(authority, w.identitiesPath(authority, d.Deposit), d.Identities, func(plain io.Reader) error {
		return linker.Add(ctx, d.Deposit, plain)
	})
}

// readStays opens what a deposit says of stays, if anything. Who delivers a hospital's
// feed has given the stays of which it tells; others have paid for them.
func (w *Warehouse) readStays(ctx context.Context, linker *linkage.Linker, authority string, d *governance.Deposit) error {
	if d.Stays == "" {
		return nil
	}
	folder, _, err := w.Feed(d.Feed)
	if err != nil {
		return err
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return err
	}
	side := linkage.Payer
	if feed.Kind == "hospital" {
		side = linkage.Care
	}
	return w.readSent(authority, w.staysPath(authority, d.Deposit), d.Stays, func(plain io.Reader) error {
		return linker.AddStays(ctx, d.Deposit, d.Actor, side, plain)
	})
}

// readSent opens a file that a deposit sent to the authority, and makes sure that it
// is what the provider signed for.
func (w *Warehouse) readSent(authority, path string, want ledger.Digest, use func(io.Reader) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("what a deposit sent to %s: %w", authority, err)
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
	if err := use(plain); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != string(want) {
		return fmt.Errorf("%s was altered: its SHA-256 is not the recorded one", path)
	}
	return nil
}
