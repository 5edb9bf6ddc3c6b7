package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
)

// nextIdentityFile is the controller's new identity while a host is being left.
const nextIdentityFile = identityFile + ".next"

// Left is what came of leaving a host.
type Left struct {
	ledger.HostLeft
	Entry uint64
}

// Leave erases a host: it destroys every key whose objects lie there and
// replaces the controller's identity, to which deposits and linkages are sealed,
// by a new one. What is left on the host opens for nobody but the escrow.
//
// The new identity lies beside the old one before the statement that names it is
// made; then keys are destroyed, and last the new identity takes the old one's
// place. An interruption before the statement has changed nothing; one after it
// is ended by Repair. Leave waits for steps that write to the host.
func (w *Warehouse) Leave(ctx context.Context, reason string) (left *Left, err error) {
	if strings.TrimSpace(reason) == "" {
		return nil, &governance.Refusal{Reason: "what is erased cannot be had back", Remedy: "Say why: --reason"}
	}
	release, err := filelock.Exclusive(ctx, w.path("publishing.lock"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.endLeave(state); err != nil {
		return nil, err
	}
	if err := w.may(state, state.ControllerName(), &ledger.HostLeft{Host: w.Config.Host.Name}); err != nil {
		return nil, err
	}
	_, keys, err := w.named(state)
	if err != nil {
		return nil, err
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, err
	}
	next := filepath.Join(w.partyDir(state.ControllerName()), nextIdentityFile)
	if err := writeSecret(next, identity.String()); err != nil {
		return nil, err
	}
	left = &Left{HostLeft: ledger.HostLeft{Host: w.Config.Host.Name, Reason: reason, Recipient: identity.Recipient().String()}}
	for key := range keys {
		if _, gone := state.Destroyed[key]; !gone && isKeyringKey(key) && key != pseudonymKey {
			left.Keys++
		}
	}
	e, err := w.CommitOr(ctx, state.ControllerName(), left.HostLeft, func() error { return os.Remove(next) })
	if err != nil {
		return nil, err
	}
	left.Entry = e.Index
	if state, err = w.State(ctx); err != nil {
		return nil, err
	}
	if err := w.repairKeys(ctx, state, keys, &Repaired{}); err != nil {
		return nil, err
	}
	return left, w.endLeave(state)
}

// endLeave puts the controller's new identity in its place where the ledger says
// that it is the valid one, and removes it where no statement speaks of it.
func (w *Warehouse) endLeave(state *governance.State) error {
	controller := state.Parties[state.ControllerName()]
	dir := w.partyDir(controller.Name)
	next := filepath.Join(dir, nextIdentityFile)
	line, err := readSecret(next)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	identity, err := age.ParseHybridIdentity(line)
	if err != nil {
		return fmt.Errorf("%s: %w", next, err)
	}
	if identity.Recipient().String() != controller.Recipient {
		return errors.Join(os.Remove(next), atomicfile.SyncDir(dir))
	}
	// As with keys, overwriting helps where the disk writes in place.
	old := filepath.Join(dir, identityFile)
	if err := wipe(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy the controller's old identity: %w", err)
	}
	if err := os.Rename(next, old); err != nil {
		return fmt.Errorf("put the controller's new identity in its place: %w", err)
	}
	return atomicfile.SyncDir(dir)
}

// wipe overwrites a file with zeros.
func wipe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// reader is the controller's identity, which opens deposits and linkages.
func (w *Warehouse) reader(state *governance.State) (*age.HybridIdentity, error) {
	controller := state.Parties[state.ControllerName()]
	identity, err := w.identity(controller.Name)
	if err == nil && identity.Recipient().String() == controller.Recipient {
		return identity, nil
	}
	if _, missing := os.Stat(filepath.Join(w.partyDir(controller.Name), nextIdentityFile)); missing == nil {
		return nil, errors.New("the host was being left when it was interrupted: end that first with rempart lake repair")
	}
	if err == nil {
		err = fmt.Errorf("%s is not the identity that the ledger knows: see rempart audit verify", filepath.Join(w.partyDir(controller.Name), identityFile))
	}
	return nil, err
}

// abandoned says which objects were on a host when it was left: nobody can be
// expected to keep them.
func (w *Warehouse) abandoned(state *governance.State) (map[string]bool, error) {
	gone := map[string]bool{}
	if state.Left == nil {
		return gone, nil
	}
	all, err := w.Placed(state)
	for _, p := range all {
		gone[p.Name] = p.at < state.Left.Index
	}
	return gone, err
}
