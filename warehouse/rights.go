package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// Person is of whom a provider speaks, and to which authority.
type Person struct {
	Provider  string
	Authority string // "" where there is only one
	Identity  pseudonym.Identity
	Tokens    TokenOptions // Pseudonyms "" is what the last linkage compares
}

// OptOut states that a person has opted out. Her identity becomes tokens here, at
// the provider, and they are sealed to the linkage authority: nobody else learns
// who she is.
func (w *Warehouse) OptOut(ctx context.Context, p Person) (id string, e ledger.Entry, err error) {
	id = NewID("o")
	digest, undo, err := w.sendPerson(ctx, id, &p)
	if err != nil {
		return "", e, err
	}
	e, err = w.CommitOr(ctx, p.Provider, ledger.OptOutStated{OptOut: id, Authority: p.Authority, Pseudonyms: p.Tokens.Pseudonyms, Evaluator: p.Tokens.Evaluator, Sealed: digest}, undo)
	return id, e, err
}

// AskForAccess asks in a person's name what was done with her data. The answer
// is sealed to the age recipient that she gives.
func (w *Warehouse) AskForAccess(ctx context.Context, p Person, recipient string) (id string, e ledger.Entry, err error) {
	if _, err := governance.ParseRecipient(recipient); err != nil {
		return "", e, err
	}
	id = NewID("a")
	digest, undo, err := w.sendPerson(ctx, id, &p)
	if err != nil {
		return "", e, err
	}
	e, err = w.CommitOr(ctx, p.Provider, ledger.AccessRequested{Access: id, Authority: p.Authority, Pseudonyms: p.Tokens.Pseudonyms, Evaluator: p.Tokens.Evaluator, Recipient: recipient, Sealed: digest}, undo)
	return id, e, err
}

// sendPerson seals a person's tokens to the authority, and settles what p leaves open.
func (w *Warehouse) sendPerson(ctx context.Context, id string, p *Person) (digest ledger.Digest, undo func() error, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return "", nil, err
	}
	if party := state.Parties[p.Provider]; party.Role != governance.Provider || party.Left != nil {
		return "", nil, &governance.Refusal{Reason: fmt.Sprintf("%q is no provider of this warehouse", p.Provider), Remedy: "See who is: rempart party list"}
	}
	if p.Authority, err = theAuthority(state, p.Authority); err != nil {
		return "", nil, err
	}
	if l, ok := state.Linkages.Get(state.Linkages.Latest()); ok && p.Tokens.Pseudonyms == "" {
		p.Tokens.Pseudonyms, p.Tokens.Evaluator = l.Pseudonyms, l.Evaluator
	}
	if err := p.Tokens.settle(state, p.Authority); err != nil {
		return "", nil, err
	}
	inputs, malformed := pseudonym.Read(p.Identity)
	if len(malformed) > 0 { // of one person it is worth being exact
		return "", nil, fmt.Errorf("what is said of the person cannot be right: %w", errors.Join(malformed...))
	}
	if len(inputs.AppendOblivious(nil)) == 0 {
		return "", nil, &governance.Refusal{Reason: "too little is said of the person", Remedy: "Give an identifier (nir, ssn or foin), or last_name, first_name, birth_date and sex"}
	}
	secret, err := w.pseudonymSecret(p.Provider)
	if err != nil {
		return "", nil, err
	}
	makers, err := w.makers(state, p.Provider, secret, p.Tokens)
	if err != nil {
		return "", nil, err
	}
	path := w.rightsInbox(p.Authority, id)
	digest, err = sealFile(path, state.Parties[p.Authority].Recipient, func(to io.Writer) error {
		return writePerson(ctx, to, inputs, makers)
	})
	return digest, func() error { return remove(path) }, err
}

// writePerson writes one record, as long whatever the person has.
func writePerson(ctx context.Context, to io.Writer, inputs pseudonym.Inputs, makers []linkage.Maker) error {
	record := linkage.Record{Person: 1}
	var modes []pseudonym.Mode
	for _, m := range makers {
		tokens, err := m.Tokens(ctx, []pseudonym.Inputs{inputs})
		if err != nil {
			return fmt.Errorf("make %s tokens: %w", m.Mode(), err)
		}
		record.Tokens, modes = append(record.Tokens, tokens[0]), append(modes, m.Mode())
	}
	writer, err := linkage.NewWriter(to, modes...)
	if err != nil {
		return err
	}
	if err := writer.Write(record); err != nil {
		return err
	}
	return writer.Flush()
}

// Resolved is what a linkage authority found of persons' wishes and questions.
type Resolved struct {
	OptOuts  *ledger.OptOutsResolved // nil: there was nothing to resolve
	Entry    uint64
	Accesses []string // the questions that were forwarded
}

// Resolve is the linkage authority's step: it finds who has opted out and who
// asks, among the persons of the last linkage, and tells the controller alone. A
// provider is believed of persons whom it has deposited itself.
func (w *Warehouse) Resolve(ctx context.Context, authority string) (r *Resolved, err error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if authority, err = theAuthority(state, authority); err != nil {
		return nil, err
	}
	r = &Resolved{}
	waiting := false
	for _, a := range state.Accesses.All() {
		waiting = waiting || a.Forwarded == nil && a.Authority == authority
	}
	if !waiting && !state.Unresolved() {
		return r, nil
	}
	l, ok := state.Linkages.Get(state.Linkages.Latest())
	if !ok {
		return nil, &governance.Refusal{Reason: "nobody is linked yet, so nobody can be found", Remedy: "Link first: rempart linkage run"}
	}
	if err := l.Readable(); err != nil {
		return nil, err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var deposits []*governance.Deposit
	for _, id := range l.Deposits {
		if d, ok := state.Deposits.Get(id); ok {
			deposits = append(deposits, d)
		}
	}
	filters, err := w.filtersOf(l)
	if err != nil {
		return nil, err
	}
	linker, _, err := w.join(ctx, db, authority, pseudonym.Mode(l.Pseudonyms), deposits, filters, nil)
	if err != nil {
		return nil, err
	}
	if state.Unresolved() {
		if r.OptOuts, err = w.resolveOptOuts(ctx, authority, db, linker); err != nil {
			return nil, err
		}
	}
	r.Accesses, err = w.forwardAccesses(ctx, authority, linker)
	return r, err
}

// resolveOptOuts finds whom every opt-out that holds is about, and seals the
// list to the controller. Nothing happens where nobody ever opted out.
func (w *Warehouse) resolveOptOuts(ctx context.Context, authority string, db *engine.DB, linker *linkage.Linker) (*ledger.OptOutsResolved, error) {
	state, err := w.State(ctx)
	if err != nil || state.OptOuts.Len() == 0 {
		return nil, err
	}
	l, _ := state.Linkages.Get(state.Linkages.Latest())
	made := &ledger.OptOutsResolved{Linkage: l.Linkage}
	var persons []int64
	for id, o := range state.OptOuts.All() {
		if o.Revoked != nil {
			continue
		}
		found, err := w.findPerson(ctx, linker, l, o.Actor, authority, id, o.Sealed, o.Pseudonyms, o.Evaluator)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			made.Unknown = append(made.Unknown, id)
			continue
		}
		made.Found = append(made.Found, id)
		persons = append(persons, found...)
	}
	slices.Sort(persons)
	persons = slices.Compact(persons)
	made.Persons = int64(len(persons))
	vault, err := w.Vault(state)
	if err != nil {
		return nil, err
	}
	if made.Object, err = w.SealPersons(ctx, db, state, vault, persons); err != nil {
		return nil, err
	}
	_, err = w.CommitOr(ctx, authority, *made, func() error { return vault.Store.Delete(context.WithoutCancel(ctx), made.Object.Name) })
	if err == nil && state.Excluded != nil { // the list that this one replaces
		err = vault.Store.Delete(context.WithoutCancel(ctx), state.Excluded.Object.Name)
	}
	return made, err
}

// findPerson opens what a provider sealed of a person, and finds her.
func (w *Warehouse) findPerson(ctx context.Context, linker *linkage.Linker, l *governance.Linkage, provider, authority, id string, sealed ledger.Digest, pseudonyms, evaluator string) (found []int64, err error) {
	if pseudonyms != l.Pseudonyms && pseudonyms != bothModes || l.Pseudonyms == string(pseudonym.Oblivious) && evaluator != l.Evaluator {
		return nil, &governance.Refusal{
			Reason: fmt.Sprintf("%s has tokens %s, and linkage %s compares tokens %s: they never meet", id, pseudonyms, l.Linkage, l.Pseudonyms),
			Remedy: "Have it stated anew with --pseudonyms " + l.Pseudonyms,
		}
	}
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, deposit := range l.Deposits {
		if d, ok := state.Deposits.Get(deposit); ok && d.Actor == provider {
			own = append(own, deposit)
		}
	}
	err = w.readSent(authority, w.rightsInbox(authority, id), sealed, func(plain io.Reader) error {
		found, err = linker.Find(ctx, own, plain)
		return err
	})
	return found, err
}

// SealPersons puts a list of persons on the host that the controller alone opens.
func (w *Warehouse) SealPersons(ctx context.Context, db *engine.DB, state *governance.State, vault *lake.Vault, persons []int64) (ledger.Object, error) {
	controller := state.Parties[state.ControllerName()]
	recipient, err := age.ParseHybridRecipient(controller.Recipient)
	if err != nil {
		return ledger.Object{}, err
	}
	return vault.Put(ctx, lake.Parquet, lake.PartyReader{HybridRecipient: recipient, Party: controller.Name}, func(to io.Writer) error {
		return linkage.WritePersons(ctx, db, persons, to)
	})
}

// persons opens a list that SealPersons made. No list has nobody.
func (w *Warehouse) persons(ctx context.Context, state *governance.State, list ledger.Object) (*engine.File, error) {
	vault, err := w.Vault(state)
	if err != nil {
		return nil, err
	}
	reader, err := w.reader(state)
	if err != nil {
		return nil, err
	}
	return vault.Load(ctx, list, reader)
}

// Excluded lists the persons who have opted out, sorted.
func (w *Warehouse) Excluded(ctx context.Context, state *governance.State) (ids []int64, err error) {
	if state.Excluded == nil || state.Excluded.Persons == 0 {
		return nil, nil
	}
	return w.readPersons(ctx, state, state.Excluded.Object, "")
}

// readPersons reads a list, or those of it who are in a table of persons.
func (w *Warehouse) readPersons(ctx context.Context, state *governance.State, list ledger.Object, among string) (ids []int64, err error) {
	file, err := w.persons(ctx, state, list)
	if err != nil {
		return nil, fmt.Errorf("the list of persons who have opted out: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	query := "SELECT person_id FROM " + engine.ReadParquet(file.Path())
	if among != "" {
		query += " WHERE person_id IN (SELECT person_id FROM " + among + ")"
	}
	var id int64
	err = db.Each(ctx, query+" ORDER BY person_id", nil, func() error { ids = append(ids, id); return nil }, &id)
	return ids, err
}

// OptedOutOf counts the persons of a list of members who have opted out.
func (w *Warehouse) OptedOutOf(ctx context.Context, state *governance.State, members ledger.Object) (n int, err error) {
	if state.Excluded == nil || state.Excluded.Persons == 0 || members.Name == "" {
		return 0, nil
	}
	file, err := w.persons(ctx, state, members)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	ids, err := w.readPersons(ctx, state, state.Excluded.Object, engine.ReadParquet(file.Path()))
	return len(ids), err
}

// Heeded refuses the space of a project, or a release, that holds somebody who
// has opted out since it was made.
func (w *Warehouse) Heeded(ctx context.Context, state *governance.State, release, project string) error {
	if state.Excluded == nil || state.Excluded.Persons == 0 {
		return nil
	}
	if project != "" {
		p, err := state.Project(project)
		if err != nil || len(p.Given) == 0 {
			return err
		}
		given := p.Given[len(p.Given)-1]
		if given.Index > state.Excluded.Index {
			return nil
		}
		n, err := w.OptedOutOf(ctx, state, given.Members)
		return w.tell(n, "the space of project "+project, "Give it its data anew: rempart project extract "+project+", or rempart rights apply", err)
	}
	r, err := state.Release(release)
	if err != nil || r.Index > state.Excluded.Index {
		return err
	}
	n, err := w.optedOutOfRelease(ctx, state, r)
	return w.tell(n, "release "+r.Release, "Publish another: rempart release publish", err)
}

func (w *Warehouse) tell(n int, where, remedy string, err error) error {
	if err != nil || n == 0 {
		return err
	}
	if n == 1 {
		return &governance.Refusal{Reason: "a person who is in " + where + " has opted out since it was made", Remedy: remedy}
	}
	return &governance.Refusal{Reason: fmt.Sprintf("%d persons who are in %s have opted out since it was made", n, where), Remedy: remedy}
}

func (w *Warehouse) optedOutOfRelease(ctx context.Context, state *governance.State, r *governance.Release) (n int, err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	manifest, key, err := w.Manifest(ctx, state, r, ring)
	if err != nil {
		return 0, err
	}
	defer key.Wipe()
	vault, err := w.Vault(state)
	if err != nil {
		return 0, err
	}
	for _, t := range manifest.Tables {
		if t.Name != "person" {
			continue
		}
		file, err := vault.Load(ctx, t.Object, key)
		if err != nil {
			return 0, err
		}
		ids, err := w.readPersons(ctx, state, state.Excluded.Object, engine.ReadParquet(file.Path()))
		return len(ids), errors.Join(err, file.Close())
	}
	return 0, nil
}

// Applied is what the controller did about persons' rights.
type Applied struct {
	Projects []string `json:"projects"` // whose space holds somebody who has opted out: to be made anew
	Releases []string `json:"releases"` // that hold such a person: they are not mounted any more
	Answered []string `json:"answered"`
}

// Unheeded lists the projects and releases that hold somebody who has opted out.
func (w *Warehouse) Unheeded(ctx context.Context, state *governance.State) (found Applied, err error) {
	var refusal *governance.Refusal
	for name, p := range state.Projects.All() {
		if !state.Extractable(p, w.Now()) || p.Extraction == nil || p.Outdated {
			continue
		}
		if err := w.Heeded(ctx, state, "", name); errors.As(err, &refusal) {
			found.Projects = append(found.Projects, name)
		} else if err != nil {
			return found, err
		}
	}
	for id, r := range state.Releases.All() {
		if readable(r, w.Now()) != nil {
			continue
		}
		if err := w.Heeded(ctx, state, id, ""); errors.As(err, &refusal) {
			found.Releases = append(found.Releases, id)
		} else if err != nil {
			return found, err
		}
	}
	return found, nil
}
