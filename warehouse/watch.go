package warehouse

import (
	"context"
	"time"

	"rempart.eu/rempart/governance"
)

// Watch makes of a question about the warehouse one that can be asked every
// second, for as long as a mount or a run lasts: the ledger is read again only
// where something was said since, the clock each time. What cannot be read is
// answered with an error, so that nothing goes on unwatched.
func (w *Warehouse) Watch(ask func(state *governance.State, now time.Time) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return w.Read(ctx, func(m *Model) error { return ask(m.State, w.Now()) })
	}
}

// WatchEvery is how often whoever uses data asks whether he may go on.
const WatchEvery = time.Second

// WhileAllowed is a context that ends, with the refusal as its cause, once a
// question is answered with an error. The caller calls stop.
func WhileAllowed(ctx context.Context, allowed func(context.Context) error) (during context.Context, stop func()) {
	during, end := context.WithCancelCause(ctx)
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		every := time.NewTicker(WatchEvery)
		defer every.Stop()
		for {
			select {
			case <-during.Done():
				return
			case <-every.C:
				if err := allowed(during); err != nil {
					end(err)
					return
				}
			}
		}
	}()
	return during, func() {
		end(nil)
		<-asking
	}
}
