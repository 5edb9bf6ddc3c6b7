package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
)

// deposit is one deposit under way, new or resumed.
type deposit struct {
	w        *Warehouse
	*journal // what of it outlives the process
	secret   [32]byte
	feed     *intake.Feed
	progress Progress
	kept     bool // a failure leaves what there was before

	delivery    *intake.Delivery
	provider    string // the provider's recipient
	vault       *lake.Vault
	reader      lake.Reader
	checker     *intake.Checker
	makers      []linkage.Maker
	filters     *clk.Key // nil: no filters are sent
	done, total int64    // bytes of input

	quarantine *intake.Quarantine
}

// run takes in the files that are not sealed yet, puts together what goes to the
// linkage authority and to the quarantine, and records the deposit. An
// interruption leaves it to be resumed, and so does a resumption that finds that it
// cannot go on; any other failure leaves nothing.
func (d *deposit) run(ctx context.Context, state *governance.State) (*Deposited, error) {
	made, err := d.take(ctx, state)
	undo := func() error { return d.w.undoDeposit(context.WithoutCancel(ctx), state, d.journal) }
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("deposit %s was interrupted: go on with rempart deposit resume %s, or remove it with rempart deposit discard %s: %w", d.Deposit, d.Deposit, d.Deposit, err)
	case err != nil && d.kept:
		return nil, err
	case err != nil:
		return nil, errors.Join(err, undo())
	}
	said, err := d.w.statement(made.DepositMade)
	if err != nil {
		return nil, errors.Join(err, undo())
	}
	e, err := d.w.CommitOr(ctx, d.Provider, said, undo)
	if made.Entry = e.Index; err != nil {
		return made, err
	}
	return made, d.end()
}

// longList is from how many bytes on what a deposit says of its files is a list beside the ledger:
// a statement has at most [ledger.MaxSize], of which its envelope takes a quarter.
const longList = 16 << 10

// statement is what the ledger is told of a deposit. Where it has many files, they are
// attached. A kill before the statement leaves an attachment that nothing names, which a repair removes.
func (w *Warehouse) statement(made ledger.DepositMade) (ledger.DepositMade, error) {
	list := ledger.DepositList{Files: made.Files, Objects: made.Objects, Resources: made.Resources}
	text, err := json.Marshal(list)
	if err != nil || len(text) < longList {
		return made, err
	}
	made.List, err = w.Log.Attach(json.RawMessage(text))
	made.Files, made.Objects, made.Resources = governance.ByResource(made.Files), []ledger.Object{}, []string{}
	return made, err
}

// take takes in every file and returns what is to be recorded.
func (d *deposit) take(ctx context.Context, state *governance.State) (made *Deposited, err error) {
	if err := d.prepare(state); err != nil {
		return nil, err
	}
	for i := range d.Files {
		if d.Files[i].Sealed {
			err = d.again(ctx, i)
		} else {
			d.kept = false
			err = d.source(ctx, i)
		}
		if err != nil {
			return nil, err
		}
	}
	return d.conclude(ctx, state)
}

// prepare finds the files and readies keys.
func (d *deposit) prepare(state *governance.State) error {
	delivery, sizes, err := deliver(d.feed, d.Dir)
	if err != nil {
		return err
	}
	for i := range max(len(d.Files), len(sizes)) {
		switch {
		case i >= len(sizes) || i < len(d.Files) && d.Files[i].Name != delivery.Sources[i].Name && !slices.ContainsFunc(delivery.Sources, func(s intake.Source) bool { return s.Name == d.Files[i].Name }):
			return d.changed(d.Files[i].Name)
		case i >= len(d.Files) || d.Files[i].Name != delivery.Sources[i].Name || d.Files[i].Size != sizes[i]:
			return d.changed(delivery.Sources[i].Name)
		}
		d.total += sizes[i]
		if d.Encoding != "" {
			delivery.Sources[i].Encoding = d.Encoding
		}
	}
	d.delivery = delivery
	if d.vault, err = d.w.Vault(state); err != nil {
		return err
	}
	controller := state.Parties[state.ControllerName()]
	recipient, err := age.ParseHybridRecipient(controller.Recipient)
	if err != nil {
		return err
	}
	d.reader = lake.PartyReader{HybridRecipient: recipient, Party: controller.Name}
	d.provider = state.Parties[d.Provider].Recipient
	secret, err := d.w.pseudonymSecret(d.Provider)
	if err != nil {
		return err
	}
	if d.makers, err = d.w.makers(state, d.Provider, secret, d.Tokens); err != nil {
		return err
	}
	if d.filters, err = d.Tokens.filterKey(secret); err != nil {
		return err
	}
	local, err := pseudonym.NewLocalKey(secret)
	if err != nil {
		return err
	}
	d.checker = intake.NewChecker(delivery, pseudonyms{local, pseudonym.NewMatchingKey(d.secret)}, intake.Options{})
	return nil
}

// deliver finds the feed's files in a folder, and the length of each in bytes.
func deliver(feed *intake.Feed, dir string) (delivery *intake.Delivery, sizes []int64, err error) {
	folder, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, f := range folder {
		names = append(names, f.Name())
	}
	if delivery, err = feed.Deliver(names); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := delivery.LookInto(func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, name)) }); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, s := range delivery.Sources {
		info, err := os.Stat(filepath.Join(dir, s.Name))
		if err != nil {
			return nil, nil, err
		}
		sizes = append(sizes, info.Size())
	}
	return delivery, sizes, nil
}

// conclude puts the parts together, each for the one who may open it.
func (d *deposit) conclude(ctx context.Context, state *governance.State) (*Deposited, error) {
	made := &Deposited{Ignored: d.delivery.Ignored}
	made.Deposit, made.Feed, made.FeedDigest, made.Authority = d.Deposit, d.Feed, d.FeedDigest, d.Authority
	made.Pseudonyms, made.Evaluator = d.Tokens.Pseudonyms, d.Tokens.Evaluator
	told := map[string]int64{} // by resource: the identities' has all persons of which others tell more
	for _, f := range d.Files {
		made.Objects = append(made.Objects, f.Objects...)
		made.Files = append(made.Files, f.Counts...)
		for _, c := range f.Counts {
			made.Resources = append(made.Resources, c.Resource)
		}
		if len(f.Counts) > 0 {
			told[f.Counts[0].Resource] += f.Persons
			made.Persons = max(made.Persons, told[f.Counts[0].Resource])
		}
		made.Unusable += f.Unusable
		made.SentFilters += f.Filters
	}
	if d.filters != nil {
		made.Filters = d.filters.Check()
	}
	identity, err := d.w.identity(d.Provider)
	if err != nil {
		return nil, err
	}
	made.Identities, err = sealFile(d.w.identitiesPath(d.Authority, d.Deposit), state.Parties[d.Authority].Recipient, func(to io.Writer) error {
		return d.join("identities", identity, to)
	})
	if err != nil {
		return nil, err
	}
	if d.feed.HasStays() {
		if err := d.sendStays(ctx, state, identity, made); err != nil {
			return nil, err
		}
	}
	made.Quarantine, err = sealFile(d.w.quarantinePath(d.Provider, d.Deposit), d.provider, func(to io.Writer) error {
		return d.join("quarantine", identity, to)
	})
	return made, err
}

// sendStays makes the tokens of stays of what all files tell of them.
func (d *deposit) sendStays(ctx context.Context, state *governance.State, identity age.Identity, made *Deposited) (err error) {
	var makers []linkage.StayMaker
	for _, m := range d.makers {
		makers = append(makers, m.(linkage.StayMaker)) // those of this package are
	}
	made.Stays, err = sealFile(d.w.staysPath(d.Authority, d.Deposit), state.Parties[d.Authority].Recipient, func(to io.Writer) error {
		facts, joined := io.Pipe()
		go func() { joined.CloseWithError(d.join(staysPart, identity, joined)) }()
		sent, err := linkage.SendStays(ctx, facts, to, makers...)
		facts.CloseWithError(io.ErrClosedPipe) // ends the join where the tokens failed
		made.SentStays, made.UnusableStays = sent.Stays, sent.Malformed
		return err
	})
	return err
}
