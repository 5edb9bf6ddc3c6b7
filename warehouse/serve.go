package warehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage/service"
	"rempart.eu/rempart/pseudonym"
)

// ServeOptions are those of a linkage authority's pseudonym service.
type ServeOptions struct {
	Authority string // "" where there is only one
	Listener  net.Listener
	Plain     bool // without TLS, on loopback alone: a proxy stands before it
	Domains   []string
	Limits    service.Limits
	Every     time.Duration // how often the ledger gets a summary
	Log       *slog.Logger
}

// pseudonymJournal is where an authority's service keeps what it never forgets.
func (w *Warehouse) pseudonymJournal(authority string) string {
	return filepath.Join(w.partyDir(authority), "pseudonyms.journal")
}

// Serve answers providers in the name of a linkage authority until ctx ends. It
// closes the listener.
func (w *Warehouse) Serve(ctx context.Context, o ServeOptions) (err error) {
	defer func() {
		if closed := o.Listener.Close(); !errors.Is(closed, net.ErrClosed) {
			err = errors.Join(err, closed)
		}
	}()
	state, err := w.State(ctx)
	if err != nil {
		return err
	}
	if o.Authority, err = theAuthority(state, o.Authority); err != nil {
		return err
	}
	if err := w.may(state, o.Authority, &ledger.PseudonymsIssued{}); err != nil {
		return err
	}
	if err := w.checkParty(state.Parties[o.Authority]); err != nil {
		return err
	}
	served := &serving{w: w, authority: o.Authority, log: o.Log}
	options, err := served.options(o)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Second)
	served.journal, err = service.OpenJournal(waiting, w.pseudonymJournal(o.Authority), state.Journals[o.Authority])
	cancel()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("another service of %s is running: %w", o.Authority, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, served.journal.Close()) }()
	options.Journal = served.journal
	s, err := service.New(options)
	if err != nil {
		return err
	}
	var own mutual.Certificates
	if !o.Plain {
		issuer, err := w.Issuer(o.Authority)
		if err != nil {
			return err
		}
		own = issuer.Certificates()
	}
	stop := served.every(ctx, o.Every)
	err = s.Serve(ctx, o.Listener, own)
	stop()
	return errors.Join(err, served.state(context.WithoutCancel(ctx)))
}

// serving is a service that runs, and what it knows of the ledger.
type serving struct {
	w         *Warehouse
	authority string
	journal   *service.Journal
	log       *slog.Logger
}

// options readies keys.
func (s *serving) options(o ServeOptions) (service.Options, error) {
	id, err := s.w.ID()
	if err != nil {
		return service.Options{}, err
	}
	options := service.Options{
		Warehouse: id, Authority: o.Authority, Domains: o.Domains, Limits: o.Limits, Now: s.w.Now, Log: o.Log, Provider: s.provider,
	}
	secret, err := s.w.pseudonymSecret(o.Authority)
	if err != nil {
		return options, err
	}
	if options.Signing, err = s.w.signingKey(o.Authority); err != nil {
		return options, err
	}
	if options.Second, err = pseudonym.NewAuthorityKey(secret); err != nil {
		return options, err
	}
	options.Oblivious, err = pseudonym.ObliviousKey(secret)
	return options, err
}

// provider is the key of a party that may ask, by the ledger as it is now.
func (s *serving) provider(name string) (key ledger.PublicKey, ok bool) {
	err := s.w.Read(context.Background(), func(m *Model) error {
		party, known := m.State.Parties[name]
		key, ok = party.Signing, known && party.Role == governance.Provider && party.Left == nil
		return nil
	})
	if err != nil {
		s.log.Error("who may ask", "error", err)
	}
	return key, ok && err == nil
}

// every states summaries from time to time, until stop.
func (s *serving) every(ctx context.Context, period time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if err := s.state(ctx); err != nil {
				s.log.Error("state what was issued", "error", err)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// state records what was issued since the last time.
func (s *serving) state(ctx context.Context) error {
	summary := s.journal.Summary()
	if summary == nil {
		return nil
	}
	_, err := s.w.Commit(ctx, s.authority, *summary)
	state, read := s.w.State(ctx)
	if read != nil {
		return errors.Join(err, read)
	}
	if state.Journals[s.authority] == summary.Journal { // also where Commit was not certain
		s.journal.Stated(summary)
		return nil
	}
	return err
}
