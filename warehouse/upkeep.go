package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
)

// readable says whether a release may be read at a time: not once it is
// erased, and not a minute past its retention date, whether or not anybody has
// erased it by then.
func readable(release *governance.Release, now time.Time) error {
	if release.Erased != nil {
		return &governance.Refusal{Reason: fmt.Sprintf("release %s was erased on %s", release.Release, release.Erased.Time.Format(time.DateOnly))}
	}
	if !now.Before(release.RetainUntil) {
		return &governance.Refusal{
			Reason: fmt.Sprintf("release %s was to be kept until %s", release.Release, release.RetainUntil.Format(time.DateOnly)),
			Remedy: "Erase what is past its date: rempart retention apply",
		}
	}
	return nil
}

// Erase destroys a release's key: what is left on the host opens for nobody
// but the escrow. The statement comes first, so that an interrupted erasure is
// found and ended by Repair.
func (w *Warehouse) Erase(ctx context.Context, id, reason string) (ledger.Entry, error) {
	state, err := w.State(ctx)
	if err != nil {
		return ledger.Entry{}, err
	}
	release, err := state.Release(id)
	if err != nil {
		return ledger.Entry{}, err
	}
	e, err := w.Commit(ctx, state.ControllerName(), ledger.ReleaseErased{Release: release.Release, Reason: reason})
	if err != nil {
		return e, err
	}
	return e, w.destroy(ctx, release.Manifest.Key)
}

// destroy forgets a key. The objects under it stay for the escrow until their
// retention ends.
func (w *Warehouse) destroy(ctx context.Context, key string) (err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	return ring.Destroy(ctx, key)
}

// DestroyKey destroys one key of the keyring.
func (w *Warehouse) DestroyKey(ctx context.Context, key, reason string) (e ledger.Entry, err error) {
	if key == pseudonymKey {
		return e, &governance.Refusal{Reason: "this key makes the providers' pseudonyms: without it no deposit links any more"}
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	if _, err := ring.Key(ctx, key); err != nil {
		return e, err
	}
	if e, err = w.Commit(ctx, w.Config.Controller, ledger.KeyDestroyed{Key: key, Reason: reason}); err != nil {
		return e, err
	}
	return e, ring.Destroy(ctx, key)
}

// ApplyRetention erases every release that is past its date, and deletes its
// objects from the host, also those of releases that were erased before: from
// then on not even the escrow opens anything of them. It returns the releases
// that it erased and how many objects it deleted.
func (w *Warehouse) ApplyRetention(ctx context.Context) (erased []string, deleted int, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, 0, err
	}
	for id, release := range state.Releases.All() {
		if w.Now().Before(release.RetainUntil) {
			continue
		}
		if release.Erased == nil {
			if _, err := w.Erase(ctx, id, "kept until "+release.RetainUntil.Format(time.DateOnly)); err != nil {
				return erased, deleted, err
			}
			erased = append(erased, id)
		}
		n, err := w.deleteObjects(ctx, state, release)
		deleted += n
		if err != nil {
			return erased, deleted, err
		}
	}
	return erased, deleted, nil
}

// deleteObjects deletes what the host still has of a release, and counts it.
func (w *Warehouse) deleteObjects(ctx context.Context, state *governance.State, release *governance.Release) (deleted int, err error) {
	var objects []ledger.Object
	if err := w.Log.Attached(release.Objects, &objects); err != nil {
		return 0, fmt.Errorf("release %s: %w", release.Release, err)
	}
	store, err := w.Store(state.Host)
	if err != nil {
		return 0, err
	}
	for _, o := range objects {
		held, err := store.Open(ctx, o.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return deleted, err
		}
		if err := errors.Join(held.Close(), store.Delete(ctx, o.Name)); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// Repaired is what a repair removed.
type Repaired struct {
	Objects []string // of the host, that no statement names
	Parts   int      // uploads in parts that ended half way
	Keys    []string // that no statement names, or that one destroyed
	Files   []string // of the home, that an interruption left
}

// Repair removes what interrupted steps have left and ends erasures that were
// interrupted. It waits for steps under way.
func (w *Warehouse) Repair(ctx context.Context) (r Repaired, err error) {
	release, err := filelock.Exclusive(ctx, w.path("publishing.lock"))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, release()) }()
	unlock, err := w.Log.Lock(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := w.Log.Recover(ctx); err != nil {
		return r, err
	}
	state, err := w.State(ctx)
	if err != nil {
		return r, err
	}
	if err := w.endLeave(state); err != nil {
		return r, err
	}
	named, keys, err := w.named(state)
	if err != nil {
		return r, err
	}
	store, err := w.Store(state.Host)
	if err != nil {
		return r, err
	}
	err = store.List(ctx, func(name string, _ int64) error {
		if _, ok := named[name]; !ok && host.Ours(name) {
			r.Objects = append(r.Objects, name)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	for _, name := range r.Objects {
		if err := store.Delete(ctx, name); err != nil {
			return r, err
		}
	}
	if parts, ok := store.(halfUploads); ok {
		if r.Parts, err = parts.AbortIncomplete(ctx); err != nil {
			return r, err
		}
	}
	if err := w.repairKeys(ctx, state, keys, &r); err != nil {
		return r, err
	}
	files, err := w.repairFiles(state)
	r.Files = append(r.Files, files...)
	if err != nil {
		return r, err
	}
	swept, err := w.Log.Sweep(ctx, attachments(state))
	r.Files = append(r.Files, swept...)
	return r, err
}

// attachments are the texts beside the ledger that statements name.
func attachments(state *governance.State) map[ledger.Digest]bool {
	named := map[ledger.Digest]bool{}
	for _, release := range state.Releases.All() {
		named[release.Objects] = true
	}
	for _, linkage := range state.Linkages.All() {
		named[linkage.Report] = true
	}
	for _, deposit := range state.Deposits.All() {
		named[deposit.List] = true
	}
	return named
}

// named lists the objects and keys that statements name.
func (w *Warehouse) named(state *governance.State) (objects map[string]ledger.Object, keys map[string]bool, err error) {
	objects, keys = map[string]ledger.Object{}, map[string]bool{pseudonymKey: true}
	all := state.Objects()
	for _, release := range state.Releases.All() {
		var more []ledger.Object
		if err := w.Log.Attached(release.Objects, &more); err != nil {
			return nil, nil, fmt.Errorf("release %s: %w", release.Release, err)
		}
		all = append(all, more...)
	}
	for _, o := range all {
		objects[o.Name] = o
		keys[o.Key] = true
	}
	return objects, keys, nil
}

// repairKeys destroys keys that no statement names, or that a statement
// destroyed, and removes what is no key.
func (w *Warehouse) repairKeys(ctx context.Context, state *governance.State, named map[string]bool, r *Repaired) (err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	if r.Files, err = ring.Sweep(ctx); err != nil {
		return err
	}
	ids, err := ring.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, destroyed := state.Destroyed[id]; named[id] && !destroyed {
			continue
		}
		if err := ring.Destroy(ctx, id); err != nil {
			return err
		}
		r.Keys = append(r.Keys, id)
	}
	return nil
}

// repairFiles removes what no statement names below parties, ledger and result.
func (w *Warehouse) repairFiles(state *governance.State) (gone []string, err error) {
	for path, reason := range w.strangers(state) {
		if !errors.Is(reason, errLeftOver) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return gone, err
		}
		_ = os.Remove(filepath.Dir(path)) // where that leaves an empty folder
		gone = append(gone, path)
	}
	return gone, nil
}

// errLeftOver marks a file that an interrupted step has left.
var errLeftOver = errors.New("an interrupted step has left it: remove it with rempart lake repair")

// strangers finds files of the home, other than those of the ledger and the
// host, that the ledger does not account for.
func (w *Warehouse) strangers(state *governance.State) map[string]error {
	found := map[string]error{}
	known := w.knownFiles(state)
	_, hosts := w.Config.hostFiles(w.absolute)
	err := filepath.WalkDir(w.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch path {
		case w.path("ledger"), w.path("feeds"), w.path("controller", "keyring"):
			return fs.SkipDir
		}
		if d.IsDir() && slices.Contains(hosts, path) {
			return fs.SkipDir
		}
		if d.IsDir() || known[path] {
			return nil
		}
		if filepath.Dir(path) == w.path("queue") && ofRunning.MatchString(d.Name()) {
			return nil
		}
		if id, ok := strings.CutSuffix(d.Name(), ".json"); ok && requestID.MatchString(id) && path == w.requestPath(id) {
			return nil // it waits for a passkey
		}
		if id, ok := w.ofUnfinished(path); ok {
			found[path] = fmt.Errorf("deposit %s was interrupted, or is under way: go on with rempart deposit resume %s; else %w", id, id, errLeftOver)
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") || w.below(path, "parties") || path == w.path("controller", nextIdentityFile) {
			found[path] = errLeftOver
			return nil
		}
		found[path] = errors.New("no statement speaks of this file")
		return nil
	})
	if err != nil {
		found[w.Dir] = err
	}
	return found
}

// ofRunning is the name of what the queue holds of runs under way, and of workers: their
// locks, how far each is, its sealed log, and these while they are written.
var ofRunning = regexp.MustCompile(`^\.?(s-[0-9a-f]{8}\.(lock|json|age)|worker-[0-9a-f]{8}\.[0-9]+\.lock)(\.[0-9]+)?$`)

// ofUnfinished says which deposit that is not finished a file belongs to.
func (w *Warehouse) ofUnfinished(path string) (deposit string, ok bool) {
	relative, err := filepath.Rel(w.path("parties"), path)
	elements := strings.Split(relative, string(filepath.Separator))
	if err != nil || len(elements) != 4 || elements[1] != unfinishedFolder {
		return "", false
	}
	return elements[2], true
}

func (w *Warehouse) below(path, folder string) bool {
	return strings.HasPrefix(path, w.path(folder)+string(filepath.Separator))
}

// knownFiles are the files of the home, outside ledger, host, feeds and
// keyring, that belong there.
func (w *Warehouse) knownFiles(state *governance.State) map[string]bool {
	known := map[string]bool{
		w.path(ConfigFile): true, w.path(QualityFile): true, w.path("publishing.lock"): true, w.ModelPath(): true,
		w.path("controller", "checkpoint.key"): true, w.path("controller", "escrow.agekey"): true,
	}
	for _, file := range w.Config.Keyring.each() {
		if *file != "" {
			known[w.absolute(*file)] = true
		}
	}
	files, _ := w.Config.hostFiles(w.absolute)
	for _, file := range files {
		known[file] = true
	}
	for name, party := range state.Parties {
		for _, file := range []string{signingFile, identityFile} {
			if party.Left == nil || file != signingFile { // who has left has no signing key any more
				known[filepath.Join(w.partyDir(name), file)] = true
			}
		}
		if party.Secret != "" {
			known[filepath.Join(w.partyDir(name), pseudonymFile)] = true
		}
	}
	for _, proposal := range state.People.Waiting {
		if party, ok := proposal.Body.(*ledger.PartyAdded); ok { // its keys wait with it
			for _, file := range []string{signingFile, identityFile, pseudonymFile} {
				if path := filepath.Join(w.partyDir(party.Name), file); exists(path) {
					known[path] = true
				}
			}
		}
	}
	for _, authority := range state.Holders(governance.LinkageAuthority) {
		path := w.pseudonymJournal(authority)
		_, err := os.Stat(path)
		if _, stated := state.Journals[authority]; stated || err == nil {
			known[path], known[path+".lock"] = true, true
		}
	}
	for path := range w.questions(state) {
		known[path], known[path+".lock"] = true, true
	}
	for id, d := range state.Deposits.All() {
		known[w.identitiesPath(d.Authority, id)] = true
		known[w.quarantinePath(d.Actor, id)] = true
		if d.Stays != "" {
			known[w.staysPath(d.Authority, id)] = true
		}
	}
	for id, v := range state.Vocabularies.All() {
		if v.Refused != "" {
			known[w.refusedPath(id)] = true
		}
	}
	for path := range w.rightsFiles(state) {
		known[path] = true
	}
	for id, o := range state.Outputs.All() {
		if o.Released {
			known[w.ResultPath(id, o.Name)] = true
			known[w.ReceiptPath(id, o.Name)] = true
		}
	}
	return known
}

// ResultPath is where a released output lies.
func (w *Warehouse) ResultPath(output, name string) string {
	return w.path("result", filepath.Base(output), filepath.Base(name))
}

// ReceiptPath is where the receipt of a released output lies.
func (w *Warehouse) ReceiptPath(output, name string) string {
	return w.ResultPath(output, name) + ".receipt.json"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
