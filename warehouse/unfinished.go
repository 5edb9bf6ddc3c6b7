package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/filelock"
)

// Unfinished is a deposit that was begun and not recorded.
type Unfinished struct {
	Deposit  string    `json:"deposit"`
	Provider string    `json:"provider"`
	Feed     string    `json:"feed"`
	Dir      string    `json:"dir"` // with its files
	Started  time.Time `json:"started"`
	Sealed   int       `json:"sealed"` // of its files
	Files    int       `json:"files"`
	Running  bool      `json:"running"` // at this moment
}

// Unfinished lists the deposits that were begun and not recorded, by provider.
func (w *Warehouse) Unfinished(ctx context.Context, state *governance.State) (all []Unfinished, err error) {
	for _, provider := range state.Holders(governance.Provider) {
		folders, err := os.ReadDir(w.unfinishedDir(provider))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, folder := range folders {
			j, err := readJournal(filepath.Join(w.unfinishedDir(provider), folder.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has not begun, or is just over
			}
			if err != nil {
				return nil, err
			}
			if _, recorded := state.Deposits.Get(j.Deposit); recorded {
				continue
			}
			u := Unfinished{Deposit: j.Deposit, Provider: j.Provider, Feed: j.Feed, Dir: j.Dir, Started: j.Started, Files: len(j.Files)}
			for _, f := range j.Files {
				if f.Sealed {
					u.Sealed++
				}
			}
			release, err := j.lock(ctx)
			if u.Running = errors.Is(err, errRunning); err == nil {
				err = release()
			}
			if err != nil && !u.Running {
				return nil, err
			}
			all = append(all, u)
		}
	}
	return all, nil
}

// errRunning says that another process works on a deposit.
var errRunning = errors.New("it is under way in another process")

// lock holds a journal for one process, or says that another one does.
func (j *journal) lock(ctx context.Context) (release func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	release, err = filelock.Exclusive(ctx, filepath.Join(j.at, "lock"))
	if errors.Is(err, context.DeadlineExceeded) {
		err = errRunning
	}
	return release, err
}

// unfinished finds the journal of a deposit, and holds it.
func (w *Warehouse) unfinished(ctx context.Context, state *governance.State, id string) (*journal, func() error, error) {
	for _, provider := range state.Holders(governance.Provider) {
		dir := filepath.Join(w.unfinishedDir(provider), filepath.Base(id))
		if _, err := readJournal(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		release, err := (&journal{at: dir}).lock(ctx)
		if errors.Is(err, errRunning) {
			return nil, nil, &governance.Refusal{Reason: fmt.Sprintf("deposit %s is under way in another process", id), Remedy: "Wait for it, or end that process"}
		}
		if err != nil {
			return nil, nil, err
		}
		j, err := readJournal(dir) // as it is now that nobody else writes it
		if err == nil && (j.Provider != provider || j.Deposit != filepath.Base(id)) {
			err = fmt.Errorf("%s is the journal of another deposit: it was moved there", filepath.Join(dir, journalName))
		}
		if err != nil {
			return nil, nil, errors.Join(err, release())
		}
		return j, release, nil
	}
	return nil, nil, &governance.Refusal{Reason: fmt.Sprintf("there is no unfinished deposit %q", id), Remedy: "See which there are: rempart deposit list"}
}

// settled is the state with what a writer that was killed had recorded: its statement may be
// in the ledger's journal and not yet in the log. Whoever makes anew, or removes, what is not
// recorded must know of it.
func (w *Warehouse) settled(ctx context.Context) (*governance.State, error) {
	unlock, err := w.Log.Lock(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(w.Log.Recover(ctx), unlock()); err != nil {
		return nil, err
	}
	return w.State(ctx)
}

// Resume goes on with a deposit that was interrupted: files whose health data
// is sealed are not sealed again. dir is where its files are now; "" is where
// they were.
func (w *Warehouse) Resume(ctx context.Context, id, dir string, progress Progress) (made *Deposited, err error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.settled(ctx)
	if err != nil {
		return nil, err
	}
	j, unlock, err := w.unfinished(ctx, state, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if d, recorded := state.Deposits.Get(j.Deposit); recorded { // only the clearing away was interrupted
		return &Deposited{DepositMade: d.DepositMade, Entry: d.Index}, j.end()
	}
	controller := state.Parties[state.ControllerName()]
	folder, digest, err := w.Feed(j.Feed)
	if err != nil {
		return nil, err
	}
	gone := fmt.Sprintf("Remove what there is, and deposit again: rempart deposit discard %s", j.Deposit)
	switch {
	case j.Host != state.Host || j.Recipient != controller.Recipient:
		return nil, &governance.Refusal{Reason: fmt.Sprintf("the warehouse has left the host that deposit %s was made to", j.Deposit), Remedy: gone}
	case digest != j.FeedDigest:
		return nil, &governance.Refusal{Reason: fmt.Sprintf("feed %s has changed since deposit %s began", j.Feed, j.Deposit), Remedy: gone}
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if j.Dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	if err := j.clean(); err != nil {
		return nil, err
	}
	d := &deposit{w: w, journal: j, feed: feed, progress: progress, kept: true}
	identity, err := w.identity(j.Provider)
	if err != nil {
		return nil, err
	}
	if d.secret, err = j.secret(identity); err != nil {
		return nil, err
	}
	return d.run(ctx, state)
}

// Discard removes what an interrupted deposit has made.
func (w *Warehouse) Discard(ctx context.Context, id string) (err error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.settled(ctx)
	if err != nil {
		return err
	}
	j, unlock, err := w.unfinished(ctx, state, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, recorded := state.Deposits.Get(j.Deposit); recorded { // its objects are the warehouse's
		return j.end()
	}
	return w.undoDeposit(ctx, state, j)
}

// undoDeposit removes the objects and files of a deposit that is not recorded,
// and its journal last.
func (w *Warehouse) undoDeposit(ctx context.Context, state *governance.State, j *journal) error {
	store, err := w.Store(j.Host)
	if err != nil && j.Host != state.Host {
		err = nil // the host was left, with whatever is there
	}
	for _, f := range j.Files {
		for _, object := range f.Objects {
			if store != nil {
				err = errors.Join(err, store.Delete(ctx, object.Name))
			}
		}
	}
	for _, path := range []string{w.identitiesPath(j.Authority, j.Deposit), w.staysPath(j.Authority, j.Deposit), w.quarantinePath(j.Provider, j.Deposit)} {
		if gone := os.Remove(path); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	if err != nil {
		return err
	}
	return j.end()
}
