package warehouse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
)

// The files of persons' wishes and questions, outside the host: what a provider
// sends to the linkage authority, the authority to the controller, and the
// controller back to the provider, for the person.
func (w *Warehouse) rightsInbox(party, id string) string {
	return filepath.Join(w.partyDir(party), "inbox", filepath.Base(id)+".age")
}

// AnswerPath is where the answer to a person's question lies, with her provider.
func (w *Warehouse) AnswerPath(provider, access string) string {
	return filepath.Join(w.partyDir(provider), "answers", filepath.Base(access)+".age")
}

// rightsFiles are those that the ledger speaks of, with their digests.
func (w *Warehouse) rightsFiles(state *governance.State) map[string]ledger.Digest {
	files := map[string]ledger.Digest{}
	for id, o := range state.OptOuts.All() {
		files[w.rightsInbox(o.Authority, id)] = o.Sealed
	}
	for id, a := range state.Accesses.All() {
		files[w.rightsInbox(a.Authority, id)] = a.Sealed
		if a.Forwarded != nil {
			files[w.rightsInbox(state.ControllerName(), id)] = a.Named
		}
		if a.Answered != nil {
			files[w.AnswerPath(a.Actor, id)] = a.Answer
		}
	}
	return files
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// named is whom a question is about, as the authority tells the controller.
type namedPerson struct {
	Persons  []int64             `json:"persons"`  // one, or none
	Deposits map[string][]string `json:"deposits"` // of providers that know her
}

// forwardAccesses tells the controller whom the questions are about. That a
// question was forwarded does not say whether anybody was found.
func (w *Warehouse) forwardAccesses(ctx context.Context, authority string, linker *linkage.Linker) (forwarded []string, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	l, _ := state.Linkages.Get(state.Linkages.Latest())
	for id, a := range state.Accesses.All() {
		if a.Forwarded != nil || a.Authority != authority {
			continue
		}
		named := namedPerson{Deposits: map[string][]string{}}
		if named.Persons, err = w.findPerson(ctx, linker, l, a.Actor, authority, id, a.Sealed, a.Pseudonyms, a.Evaluator); err != nil {
			return forwarded, err
		}
		for _, person := range named.Persons {
			deposits, err := linker.Deposits(ctx, person)
			if err != nil {
				return forwarded, err
			}
			for _, deposit := range deposits {
				if d, ok := state.Deposits.Get(deposit); ok {
					named.Deposits[d.Actor] = append(named.Deposits[d.Actor], deposit)
				}
			}
		}
		path := w.rightsInbox(state.ControllerName(), id)
		digest, err := sealFile(path, state.Parties[state.ControllerName()].Recipient, func(to io.Writer) error {
			text, err := json.Marshal(named)
			if err != nil {
				return err
			}
			return padded(to, text)
		})
		if err != nil {
			return forwarded, err
		}
		if _, err := w.CommitOr(ctx, authority, ledger.AccessForwarded{Access: id, Sealed: digest}, func() error { return remove(path) }); err != nil {
			return forwarded, err
		}
		forwarded = append(forwarded, id)
	}
	return forwarded, nil
}

// block is what the length of an answer is rounded up to: how much was done with
// a person's data does not show in it.
const block = 16 << 10

// padded writes a text with spaces up to the next block.
func padded(to io.Writer, text []byte) error {
	fill := block - (len(text)+1)%block
	_, err := to.Write(append(append(text, bytes.Repeat([]byte(" "), fill)...), '\n'))
	return err
}

// Account is what was done with a person's data, for her alone.
type Account struct {
	Warehouse string         `json:"warehouse"`
	Asked     time.Time      `json:"asked"`
	Found     bool           `json:"found"` // the provider who asks has deposited her
	OptedOut  bool           `json:"opted_out"`
	Deposits  []AccountEntry `json:"deposits"`
	Releases  []AccountEntry `json:"releases"`
	Projects  []AccountEntry `json:"projects"`
}

// AccountEntry is one use of a person's data.
type AccountEntry struct {
	Name       string    `json:"name"`
	Who        string    `json:"who"`  // deposited, or answers for it
	What       string    `json:"what"` // title and purpose
	Use        string    `json:"use,omitempty"`
	LegalBasis string    `json:"legal_basis,omitempty"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until,omitzero"` // zero: it goes on
	Ends       time.Time `json:"ends,omitzero"`  // when it will end at the latest
}

// AnswerAccesses is the controller's step: it answers every question that the
// authority has forwarded.
func (w *Warehouse) AnswerAccesses(ctx context.Context) (answered []string, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	for id, a := range state.Accesses.All() {
		if a.Forwarded == nil || a.Answered != nil {
			continue
		}
		account, err := w.account(ctx, state, a)
		if err != nil {
			return answered, fmt.Errorf("access request %s: %w", id, err)
		}
		recipient, err := governance.ParseRecipient(a.Recipient)
		if err != nil {
			return answered, err
		}
		path := w.AnswerPath(a.Actor, id)
		digest, err := sealTo(path, recipient, func(to io.Writer) error { return padded(to, []byte(account.text())) })
		if err != nil {
			return answered, err
		}
		if _, err := w.CommitOr(ctx, state.ControllerName(), ledger.AccessAnswered{Access: id, Sealed: digest}, func() error { return remove(path) }); err != nil {
			return answered, err
		}
		answered = append(answered, id)
	}
	return answered, nil
}

// account collects what was done with the data of whom a question is about.
func (w *Warehouse) account(ctx context.Context, state *governance.State, a *governance.Access) (*Account, error) {
	account := &Account{Warehouse: state.Warehouse.Name, Asked: a.Time}
	var named namedPerson
	err := w.readSent(state.ControllerName(), w.rightsInbox(state.ControllerName(), a.AccessRequested.Access), a.Named, func(plain io.Reader) error {
		return json.NewDecoder(plain).Decode(&named)
	})
	if err != nil || len(named.Persons) == 0 {
		return account, err
	}
	account.Found = true
	excluded, err := w.Excluded(ctx, state)
	if err != nil {
		return nil, err
	}
	is := map[int64]bool{}
	for _, id := range named.Persons {
		is[id] = true
	}
	for _, id := range excluded {
		account.OptedOut = account.OptedOut || is[id]
	}
	for id, d := range state.Deposits.All() {
		for _, known := range named.Deposits[d.Actor] {
			if known == id {
				account.Deposits = append(account.Deposits, AccountEntry{Name: id, Who: d.Actor, What: "deposited by the feed " + d.Feed, From: d.Time, Until: until(d.Erased)})
			}
		}
	}
	return account, errors.Join(w.accountReleases(ctx, state, account, named), w.accountProjects(ctx, state, account, named))
}

func until(made *governance.Made) time.Time {
	if made == nil {
		return time.Time{}
	}
	return made.Time
}

// accountReleases looks into the releases that can still be opened; of one that
// was erased it says what it was made of.
func (w *Warehouse) accountReleases(ctx context.Context, state *governance.State, account *Account, named namedPerson) (err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	for id, r := range state.Releases.All() {
		entry := AccountEntry{Name: id, Who: state.ControllerName(), What: "a release of the warehouse", From: r.Time, Until: until(r.Erased), Ends: r.RetainUntil}
		if readable(r, w.Now()) != nil {
			for _, known := range named.Deposits {
				for _, deposit := range known {
					if strings.Contains(strings.Join(r.Deposits, " ")+" ", deposit+" ") {
						entry.What = "a release that was made of your data, if you had not opted out, and is erased"
					}
				}
			}
			account.Releases = append(account.Releases, entry)
			continue
		}
		manifest, key, err := w.Manifest(ctx, state, r, ring)
		if err != nil {
			return err
		}
		vault, err := w.Vault(state)
		if err != nil {
			return err
		}
		for _, t := range manifest.Tables {
			if t.Name != "person" {
				continue
			}
			file, err := vault.Load(ctx, t.Object, key)
			if err != nil {
				return err
			}
			there, err := among(ctx, file, named.Persons)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			if there {
				account.Releases = append(account.Releases, entry)
			}
		}
		key.Wipe()
	}
	return nil
}

// accountProjects looks into the lists of who was in the space of a project.
func (w *Warehouse) accountProjects(ctx context.Context, state *governance.State, account *Account, named namedPerson) error {
	for name, p := range state.Projects.All() {
		for _, g := range p.Given {
			if g.Members.Name == "" || state.Left != nil && g.Index < state.Left.Index {
				continue // who was in it is not kept any more
			}
			file, err := w.persons(ctx, state, g.Members)
			if err != nil {
				return fmt.Errorf("project %s: %w", name, err)
			}
			there, err := among(ctx, file, named.Persons)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			if !there {
				continue
			}
			entry := AccountEntry{
				Name: name, Who: p.Spec.Controller, What: p.Spec.Title + ": " + strings.TrimSpace(p.Spec.Purpose), Use: p.Spec.Use,
				LegalBasis: p.Spec.LegalBasis.Text + " (" + p.Spec.LegalBasis.Reference + ")", From: g.Time, Until: until(g.Until), Ends: p.Spec.Ends.End(),
			}
			switch {
			case !entry.Until.IsZero():
			case p.Status == governance.Closed:
				entry.Until = p.Decision.Time
			case p.Ended(w.Now()):
				entry.Until = p.Spec.Ends.End()
			}
			account.Projects = append(account.Projects, entry)
		}
	}
	return nil
}

// among says whether one of some persons is in a table of persons.
func among(ctx context.Context, table *engine.File, persons []int64) (there bool, err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, id := range persons {
		var n int64
		if err := db.Value(ctx, &n, "SELECT count(*) FROM "+engine.ReadParquet(table.Path())+" WHERE person_id = ?", id); err != nil {
			return false, err
		}
		there = there || n > 0
	}
	return there, nil
}

// text tells the account to the person, in English and French.
func (a *Account) text() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("What was done with your data in the warehouse %s", a.Warehouse)
	say("Ce qui a été fait de vos données dans l'entrepôt %s", a.Warehouse)
	say("\nAsked on / demandé le %s", day(a.Asked))
	if !a.Found {
		say("\nThe provider who asked has deposited no data of yours.\nL'établissement qui a posé la question n'a déposé aucune donnée vous concernant.")
		return b.String()
	}
	if a.OptedOut {
		say("\nYou have opted out: your data is in no new release and no new project.\nVous vous êtes opposé(e) : vos données ne figurent dans aucune nouvelle version ni aucun nouveau projet.")
	}
	list := func(title string, entries []AccountEntry) {
		say("\n%s", title)
		if len(entries) == 0 {
			say("  none / aucun")
		}
		for _, e := range entries {
			period := fmt.Sprintf("%s – %s", day(e.From), "…")
			if !e.Until.IsZero() {
				period = fmt.Sprintf("%s – %s", day(e.From), day(e.Until))
			} else if !e.Ends.IsZero() {
				period = fmt.Sprintf("%s – %s at the latest / au plus tard", day(e.From), day(e.Ends.Add(-time.Second)))
			}
			say("  %s  %s (%s): %s", period, e.Name, e.Who, e.What)
			if e.LegalBasis != "" {
				say("      %s; %s", e.Use, e.LegalBasis)
			}
		}
	}
	list("Deposits / Dépôts", a.Deposits)
	list("Releases / Versions", a.Releases)
	list("Projects / Projets", a.Projects)
	return b.String()
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Answer opens the answer to a person's question with her own key.
func (w *Warehouse) Answer(ctx context.Context, access string, with []age.Identity, to io.Writer) (err error) {
	state, err := w.State(ctx)
	if err != nil {
		return err
	}
	a, ok := state.Accesses.Get(access)
	if !ok || a.Answered == nil {
		return &governance.Refusal{Reason: fmt.Sprintf("there is no answer to %q yet", access), Remedy: "See what waits: rempart rights list"}
	}
	f, err := os.Open(w.AnswerPath(a.Actor, access))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if len(with) == 0 {
		_, err = io.Copy(to, f)
		return err
	}
	plain, err := age.Decrypt(f, with...)
	if err != nil {
		return fmt.Errorf("the answer opens with the person's own key alone: %w", err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return err
	}
	_, err = to.Write(append(bytes.TrimRight(text, " \n"), '\n'))
	return err
}
