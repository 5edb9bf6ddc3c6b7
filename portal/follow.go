package portal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// follower keeps the state that the ledger gives, and what the story of the
// ledger is searched by, in memory. Readers hold mu for reading.
type follower struct {
	w *warehouse.Warehouse

	mu    sync.RWMutex
	state *governance.State
	told  []told // of every statement
}

// told is what a statement is found by.
type told struct {
	kind, actor, project string
	time                 time.Time
	statement            ledger.Statement
}

// follow reads what the ledger has gained since the last time.
func (f *follower) follow(ctx context.Context) error {
	cp, _, err := f.w.Log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	f.mu.RLock()
	current := f.state != nil && f.state.Size == cp.Size
	f.mu.RUnlock()
	if current {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == nil {
		f.state = governance.NewState()
	}
	return f.w.Log.Entries(ctx, func(e ledger.Entry) error {
		if e.Index < f.state.Size {
			return nil
		}
		if err := f.state.Admit(ctx, e); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Index, err)
		}
		f.told = append(f.told, told{e.Statement.Kind, e.Statement.Actor, projectOf(f.state, e.Statement), e.Statement.Time, e.Statement})
		return nil
	})
}
