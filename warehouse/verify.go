package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage/service"
)

// Verified is what a verification looked at and what it found wrong.
type Verified struct {
	Statements int
	Objects    int // on the host, read whole
	Files      int // of the home, other than the ledger's and the host's
	Faults     []error
}

func (v *Verified) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Errorf(format, args...))
}

// Verify compares everything that is on disk with the ledger: its tree and
// signatures, each statement against the policies, the configuration, every
// party's keys, the keyring, every file that a statement speaks of, and every
// object on the host. sample is how many objects are read, drawn at random;
// a negative number is all. The state is nil where the ledger cannot be read.
func (w *Warehouse) Verify(ctx context.Context, sample int, progress Progress) (v *Verified, state *governance.State) {
	v = &Verified{}
	state, ok := w.VerifyLedger(ctx, v)
	if !ok {
		return v, nil
	}
	if state.Warehouse == nil {
		v.fault("%s: the ledger has no entries", w.path("ledger"))
		return v, nil
	}
	w.verifyWitnesses(ctx, state, v)
	w.verifyHome(state, v)
	w.verifyParties(state, v)
	w.verifyKeyring(ctx, state, v)
	w.verifyHost(ctx, state, v, sample, progress)
	return v, state
}

// VerifyLedger verifies the log, and that each statement passes the gate. It
// reads the log once, as a stream. ok is false where what the ledger says is not
// to be relied upon.
func (w *Warehouse) VerifyLedger(ctx context.Context, v *Verified) (state *governance.State, ok bool) {
	state = governance.NewState()
	state.Beside(w.Log.Attached)
	checker := ledger.NewChecker()
	state.Defer(checker)
	var refused error
	faults, err := w.Log.Verify(ctx, func(e ledger.Entry) error {
		if refused == nil {
			refused = refusedAt(e, state.Admit(ctx, e)) // the tree is verified to its end all the same
		}
		if refused == nil {
			v.Statements++
		}
		return nil
	})
	state.Defer(nil)
	v.Faults = append(v.Faults, faults...)
	if err != nil {
		v.fault("the ledger cannot be read: %w", err)
	}
	if refused != nil {
		v.Faults = append(v.Faults, refused)
	}
	unsigned := checker.Wait()
	v.Faults = append(v.Faults, unsigned...)
	return state, err == nil && refused == nil && len(unsigned) == 0
}

// refusedAt says at which entry the replay was refused.
func refusedAt(e ledger.Entry, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger entry %d: %w", e.Index, err)
}

// verifyHome checks the configuration and that every file is accounted for.
func (w *Warehouse) verifyHome(state *governance.State, v *Verified) {
	if state.Warehouse.Checkpoint != w.Config.LedgerKey {
		v.fault("%s: ledger_key is not the key that the ledger began with", w.path(ConfigFile))
	}
	if state.Warehouse.Policies != ledger.Sum(governance.Policies) {
		v.fault("the warehouse was made under other policies than this rempart has")
	}
	text, err := os.ReadFile(w.path(ConfigFile))
	if err != nil || ledger.Sum(text) != state.Config {
		v.fault("%s was changed since it was recorded: if that is right, run rempart config record", w.path(ConfigFile))
	}
	if w.Config.Host.Name != state.Host {
		v.fault("%s: the host is %q, but by the ledger the warehouse lies with %q: end that with rempart host migrate --to %s", w.path(ConfigFile), w.Config.Host.Name, state.Host, state.Host)
	}
	if err := w.checkModel(); err != nil {
		v.Faults = append(v.Faults, err)
	}
	for path, reason := range w.strangers(state) {
		v.fault("%s: %w", path, reason)
	}
	for path := range w.knownFiles(state) {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && w.below(path, "result") {
			continue // an output: see airlock.VerifyResults
		}
		if errors.Is(err, fs.ErrNotExist) && (path == w.path("publishing.lock") || path == w.path(QualityFile) || path == w.ModelPath() || path == w.path("controller", "escrow.agekey")) {
			continue // they are made when they are needed; the escrow is best kept elsewhere
		}
		if err != nil {
			v.fault("a file that the ledger speaks of: %w", err)
			continue
		}
		if strings.HasSuffix(path, ".lock") && info.Size() > 0 {
			v.fault("%s was changed: it must be empty", path)
		}
		v.Files++
	}
	for path, head := range w.questions(state) {
		if err := checkQuestions(path, head); err != nil {
			v.fault("%s was changed: %w", path, err)
		}
	}
	digests := map[string]ledger.Digest{}
	for _, d := range state.Deposits.All() {
		digests[w.identitiesPath(d.Authority, d.Deposit)] = d.Identities
		digests[w.quarantinePath(d.Actor, d.Deposit)] = d.Quarantine
		if d.Stays != "" {
			digests[w.staysPath(d.Authority, d.Deposit)] = d.Stays
		}
		if _, digest, err := w.Feed(d.Feed); err == nil && digest != d.FeedDigest {
			v.fault("%s: feed %s has changed since deposit %s was made", w.path("feeds", d.Feed), d.Feed, d.Deposit)
		}
	}
	for _, l := range state.Linkages.All() {
		var report json.RawMessage
		if l.Report == "" {
			continue
		}
		if err := w.Log.Attached(l.Report, &report); err != nil {
			v.fault("the report of linkage %s: %w", l.Linkage, err)
		}
	}
	for path, want := range w.rightsFiles(state) {
		digests[path] = want
	}
	for path, want := range digests {
		if data, err := os.ReadFile(path); err == nil && ledger.Sum(data) != want {
			v.fault("%s was changed: its SHA-256 is not the recorded one", path)
		}
	}
}

// verifyParties compares every party's keys with the ledger.
func (w *Warehouse) verifyParties(state *governance.State, v *Verified) {
	for _, party := range state.Parties {
		if err := w.checkParty(party); err != nil {
			v.Faults = append(v.Faults, err)
		}
	}
	for authority, head := range state.Journals {
		if err := service.CheckJournal(w.pseudonymJournal(authority), head); err != nil {
			v.Faults = append(v.Faults, err)
		}
	}
	path := w.path("controller", "escrow.agekey")
	line, err := readSecret(path)
	if err == nil {
		var escrow *age.HybridIdentity
		if escrow, err = age.ParseHybridIdentity(line); err == nil && escrow.Recipient().String() != state.Warehouse.Escrow {
			err = errors.New("it is not the key that the ledger knows")
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is best kept elsewhere
		v.fault("%s was changed: %w", path, err)
	}
	signer, err := w.checkpointSigner()
	if err != nil {
		v.Faults = append(v.Faults, err)
	} else if !strings.HasPrefix(w.Config.LedgerKey, signer.Name()+"+") || !w.signs(signer) {
		v.fault("%s was changed: it is not the key that signs the ledger", w.path("controller", "checkpoint.key"))
	}
}

// verifyKeyring opens every key.
func (w *Warehouse) verifyKeyring(ctx context.Context, state *governance.State, v *Verified) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	defer func() {
		if err := ring.Close(); err != nil {
			v.Faults = append(v.Faults, err)
		}
	}()
	v.Faults = append(v.Faults, ring.Check(ctx)...)
	_, named, err := w.named(state)
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	ids, err := ring.IDs()
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	for _, id := range ids {
		if at, destroyed := state.Destroyed[id]; destroyed {
			v.fault("key %s exists, though statement %d says that it was destroyed: end that with rempart lake repair", id, at)
		} else if !named[id] {
			v.fault("key %s: no statement names it: remove it with rempart lake repair", id)
		}
	}
	for id := range named {
		if _, destroyed := state.Destroyed[id]; !destroyed && isKeyringKey(id) && !slices.Contains(ids, id) {
			v.fault("key %s: %w, but no statement says so", id, keyring.ErrDestroyed)
		}
	}
}

// isKeyringKey tells keys of the keyring from those of parties.
func isKeyringKey(id string) bool { return !strings.HasPrefix(id, "party-") }

// verifyHost reads the objects that statements name and looks for others.
func (w *Warehouse) verifyHost(ctx context.Context, state *governance.State, v *Verified, sample int, progress Progress) {
	named, _, err := w.named(state)
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	vault, err := w.Vault(state)
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	present := map[string]bool{}
	err = vault.Store.List(ctx, func(name string, _ int64) error {
		present[name] = true
		if _, ok := named[name]; ok {
			return nil
		}
		if host.Ours(name) {
			v.fault("object %s on the host: no statement names it: remove it with rempart lake repair", name)
		} else {
			v.fault("%q on the host is not ours: have it removed", name)
		}
		return nil
	})
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	if parts, ok := vault.Store.(halfUploads); ok {
		if n, err := parts.Incomplete(ctx); err != nil {
			v.Faults = append(v.Faults, err)
		} else if n > 0 {
			v.fault("on the host: %s ended half way: remove what is left with rempart lake repair", Uploads(n))
		}
	}
	abandoned, err := w.abandoned(state)
	if err != nil {
		v.Faults = append(v.Faults, err)
		return
	}
	objects := make([]ledger.Object, 0, len(named))
	for _, o := range named {
		if _, destroyed := state.Destroyed[o.Key]; !present[o.Name] && (destroyed || abandoned[o.Name]) {
			continue // nobody could open it any more
		}
		if !present[o.Name] {
			v.Faults = append(v.Faults, &lake.IntegrityError{Object: o.Name, Reason: "is missing"})
			continue
		}
		objects = append(objects, o)
	}
	if sample >= 0 && sample < len(objects) {
		rand.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		objects = objects[:sample]
	}
	for i, o := range objects {
		progress.Report("host", int64(i), int64(len(objects)))
		if err := vault.Verify(ctx, o); err != nil {
			v.Faults = append(v.Faults, err)
		}
		v.Objects++
	}
}

// Uploads says how many uploads in parts there are.
func Uploads(n int) string {
	if n == 1 {
		return "1 upload in parts"
	}
	return fmt.Sprintf("%d uploads in parts", n)
}

// Spare has this process collect its garbage only where it would take more memory
// than a verification of a ledger may: 420 MiB, and some 320 bytes for each of very
// many statements. To collect it as it comes takes longer than the verification.
func (w *Warehouse) Spare(ctx context.Context) {
	var size int64
	if cp, _, err := w.Log.Checkpoint(ctx); err == nil { // the verification says why it cannot be read
		size = int64(cp.Size)
	}
	debug.SetMemoryLimit(max(420<<20, 100<<20+320*size))
	debug.SetGCPercent(-1)
}
