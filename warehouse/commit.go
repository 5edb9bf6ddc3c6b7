package warehouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// Said is what an actor says.
type Said struct {
	Actor string
	Body  ledger.Body
}

// Commit records what an actor says, if the ledger's history and the policies
// allow it. It signs with the actor's key from the home. It returns once the
// statement is on disk, under a signed checkpoint. What is committed at the same
// time by other goroutines goes into the ledger together. The error is a
// *SignatureWanted where the key does not do, and a *SecondWanted where the
// statement was recorded as a proposal, which has no effect yet.
func (w *Warehouse) Commit(ctx context.Context, actor string, body ledger.Body) (ledger.Entry, error) {
	return w.CommitOr(ctx, actor, body, func() error { return nil })
}

// CommitOr is Commit that calls undo where it is certain that nothing was recorded.
func (w *Warehouse) CommitOr(ctx context.Context, actor string, body ledger.Body, undo func() error) (ledger.Entry, error) {
	p := &proposal{said: Said{actor, body}}
	w.propose(ctx, p)
	var uncertain *ledger.UncertainError
	if p.err != nil && !errors.As(p.err, &uncertain) {
		p.err = errors.Join(p.err, undo())
	}
	if p.err == nil {
		w.ask(ctx, p.entry)
		p.err = w.second(ctx, p.entry)
	}
	return p.entry, p.err
}

// CommitSigned records an envelope that its actor has signed elsewhere, if the
// ledger's history and the policies allow it.
func (w *Warehouse) CommitSigned(ctx context.Context, envelope []byte) (ledger.Entry, error) {
	statement, err := ledger.Read(envelope)
	if err != nil {
		return ledger.Entry{}, err
	}
	p := &proposal{entry: ledger.Entry{Envelope: envelope, Statement: statement}}
	w.propose(ctx, p)
	if p.err == nil {
		w.ask(ctx, p.entry)
	}
	return p.entry, p.err
}

// propose has a proposal settled; one that releases an output is compared with what was
// released before, again where it was overtaken.
func (w *Warehouse) propose(ctx context.Context, p *proposal) {
	signed := p.entry
	for range comparisons {
		p.entry, p.turn = signed, make(chan bool, 1)
		if p.err = w.compare(ctx, p); p.err != nil {
			return
		}
		w.commits.submit(p, func(group []*proposal) { w.commit(ctx, group) })
		if !errors.Is(p.err, errOvertaken) {
			return
		}
	}
}

// comparisons is how often a release is compared anew before it is given up.
const comparisons = 20

// CommitAll records several statements under one checkpoint, all or none. None of them
// can release an output.
func (w *Warehouse) CommitAll(ctx context.Context, said []Said) (entries []ledger.Entry, err error) {
	session, err := w.write(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.end()) }()
	for _, s := range said {
		e, err := session.admit(ctx, &proposal{said: s})
		if err != nil {
			session.forget()
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, session.append(ctx)
}

// proposal is a statement that waits to be recorded.
type proposal struct {
	said     Said
	compared compared // where it releases an output
	entry    ledger.Entry
	err      error
	turn     chan bool // true: it is settled; false: its goroutine writes for all that wait
}

// commits lets one goroutine write for all those that wait meanwhile.
type commits struct {
	mu      sync.Mutex
	waiting []*proposal
	busy    bool
}

// groupLimit bounds how much goes under one checkpoint.
const groupLimit = 1000

// submit returns when the proposal is settled, by this goroutine or another.
func (c *commits) submit(p *proposal, settle func([]*proposal)) {
	c.mu.Lock()
	c.waiting = append(c.waiting, p)
	lead := !c.busy
	c.busy = true
	c.mu.Unlock()
	if !lead && <-p.turn {
		return
	}
	c.mu.Lock()
	group := c.waiting[:min(len(c.waiting), groupLimit)]
	c.waiting = append([]*proposal(nil), c.waiting[len(group):]...)
	c.mu.Unlock()
	settle(group)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range group {
		if other != p {
			other.turn <- true
		}
	}
	if c.busy = len(c.waiting) > 0; c.busy {
		c.waiting[0].turn <- false // the next one writes
	}
}

// commit settles a group of proposals.
func (w *Warehouse) commit(ctx context.Context, group []*proposal) {
	if len(group) > 1 {
		ctx = context.WithoutCancel(ctx) // it is not only the first one's
	}
	session, err := w.write(ctx)
	if err != nil {
		for _, p := range group {
			p.err = err
		}
		return
	}
	var admitted []*proposal
	flush := func() {
		if err := session.append(ctx); err != nil {
			for _, p := range admitted {
				p.err = err
			}
		}
		admitted = nil
	}
	for _, p := range group {
		p.entry, p.err = session.admit(ctx, p)
		var misfit *governance.Misfit
		switch {
		case p.err == nil:
			admitted = append(admitted, p)
		case errors.As(p.err, &misfit): // the state is of no use any more
			flush()
			session.forget()
			if err := session.w.catchUp(ctx); err != nil {
				p.err = errors.Join(p.err, err)
			}
		}
	}
	flush()
	if err := session.end(); err != nil {
		for _, p := range group {
			p.err = errors.Join(p.err, err)
		}
	}
}

// session is a writer's time with the log locked.
type session struct {
	w      *Warehouse
	signer note.Signer
	unlock func() error
	ready  []ledger.Entry // admitted, and not yet in the log
}

// write locks the log and brings the follower's model up to date.
func (w *Warehouse) write(ctx context.Context) (s *session, err error) {
	signer, err := w.checkpointSigner()
	if err != nil {
		return nil, err
	}
	unlock, err := w.Log.Lock(ctx)
	if err != nil {
		return nil, err
	}
	w.follower.mu.Lock()
	s = &session{w: w, signer: signer, unlock: unlock}
	if err = w.Log.Recover(ctx); err == nil {
		err = w.catchUp(ctx)
	}
	if err != nil {
		w.follower.mu.Unlock()
		return nil, errors.Join(err, unlock())
	}
	return s, nil
}

// admit takes a statement through the gate: one that is signed already, or else
// one that is signed here.
func (s *session) admit(ctx context.Context, p *proposal) (ledger.Entry, error) {
	e := p.entry
	if s.w.follower.model == nil {
		return e, fmt.Errorf("%s cannot be read now: try again", s.w.path("ledger"))
	}
	state := s.w.follower.model.State
	if e.Envelope == nil {
		var err error
		if e, err = s.w.sign(ctx, state, p.said); err != nil {
			return e, err
		}
	}
	if err := stillCompared(state, e.Statement, p.compared); err != nil {
		return e, err
	}
	e.Index = state.Size
	if err := s.w.follower.model.admit(ctx, e); err != nil {
		return e, err
	}
	s.ready = append(s.ready, e)
	return e, nil
}

// append puts what was admitted into the log.
func (s *session) append(ctx context.Context) error {
	if len(s.ready) == 0 {
		return nil
	}
	envelopes := make([][]byte, len(s.ready))
	for i, e := range s.ready {
		envelopes[i] = e.Envelope
	}
	s.ready = nil
	_, err := s.w.Log.AppendAll(ctx, envelopes, s.signer)
	if err == nil {
		err = s.w.follower.model.tail.Appended(s.w.Log, envelopes)
	}
	if err != nil {
		s.forget()
	}
	return err
}

// forget gives the model up, which has taken in what is not in the log.
func (s *session) forget() { s.ready, s.w.follower.model = nil, nil }

// end unlocks the log.
func (s *session) end() error {
	s.w.follower.mu.Unlock()
	err := s.unlock()
	s.w.save(s.signer)
	return err
}

// sign makes the statement that an actor would make now, with its key from the home.
func (w *Warehouse) sign(ctx context.Context, state *governance.State, said Said) (e ledger.Entry, err error) {
	if e.Statement, err = ledger.New(said.Actor, w.Now(), said.Body); err != nil {
		return e, err
	}
	if party, known := state.Parties[said.Actor]; state.Warehouse != nil && (!known || party.Left != nil) {
		return e, state.Authorise(e.Statement, said.Body) // says that nobody has that name, or has left
	}
	if state.Warehouse != nil {
		due := state.Due(said.Actor, e.Statement.Time, said.Body)
		if due.Passkey {
			return e, w.wanted(ctx, said.Actor, said.Body)
		}
		if due.Second != nil {
			proposed, err := ledger.Propose(said.Body)
			if err != nil {
				return e, err
			}
			if e.Statement, err = ledger.New(said.Actor, e.Statement.Time, proposed); err != nil {
				return e, err
			}
		}
	}
	key, err := w.signingKey(said.Actor)
	if err != nil {
		return e, err
	}
	if e.Envelope, err = ledger.Seal(ctx, e.Statement, key); err != nil {
		return e, err
	}
	return e, w.stillThere(state, said.Body)
}
