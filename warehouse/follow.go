package warehouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
)

// follower keeps a model in memory and moves it on with the ledger.
type follower struct {
	mu    sync.RWMutex
	model *Model // nil until it is needed, and after an error
	saved uint64 // the size of the model in the file
	fork  error  // the ledger was rewritten under our eyes: nothing counts any more
}

// Read lets look see the warehouse as the ledger's last checkpoint has it. look
// runs beside others and must not change what it sees, nor keep it. Where nothing
// was added since the last time, Read costs the reading of one small file.
func (w *Warehouse) Read(ctx context.Context, look func(*Model) error) error {
	f := &w.follower
	f.mu.RLock()
	if f.model != nil && w.Log.Unchanged(f.model.tail) {
		defer f.mu.RUnlock()
		return look(f.model)
	}
	f.mu.RUnlock()
	f.mu.Lock()
	if err := w.catchUp(ctx); err != nil {
		f.mu.Unlock()
		return err
	}
	f.mu.Unlock()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.model == nil { // a writer has failed in between
		return fmt.Errorf("%s cannot be read now: try again", w.path("ledger"))
	}
	return look(f.model)
}

// catchUp brings the follower's model up to date. The caller holds f.mu.
func (w *Warehouse) catchUp(ctx context.Context) (err error) {
	f := &w.follower
	if f.fork != nil {
		return f.fork
	}
	if f.model != nil {
		if err = f.model.follow(ctx, w.Log); err != nil {
			f.model = nil
		}
		if fork := (*ledger.ForkError)(nil); errors.As(err, &fork) {
			f.fork = err
		}
		return err
	}
	if f.model, err = w.loadModel(ctx); err == nil {
		f.saved = f.model.Size()
		if err = f.model.follow(ctx, w.Log); err == nil {
			return nil
		}
	}
	// What the file holds may be what the ledger does not go on from.
	f.model, f.saved = newModel(), 0
	if err = f.model.followAll(ctx, w.Log); err != nil {
		f.model = nil
	}
	return err
}

// saveEvery is after how many statements the model is written at the latest. A
// larger one is written less often, for its writing takes longer.
const saveEvery = 1000

// save writes the model where it has grown by enough. It is only a help, so that
// an error is none of the caller's.
func (w *Warehouse) save(signer note.Signer) {
	f := &w.follower
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.model == nil || f.model.Size() < f.saved+max(saveEvery, f.saved/20) {
		return
	}
	file, err := f.model.encode(w.Log.Origin(), signer)
	if err == nil && atomicfile.Write(w.ModelPath(), file, 0o600) == nil {
		f.saved = f.model.Size()
	}
}
