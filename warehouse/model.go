package warehouse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/snapshot"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
)

// Model is what the ledger says, ready to be asked: the state of the warehouse,
// and the register of statements. It is a pure function of the ledger.
type Model struct {
	State    *governance.State
	Register *register.Register
	tail     *ledger.Tail
}

func newModel() *Model {
	return &Model{governance.NewState(), &register.Register{}, ledger.NewTail()}
}

// Size is how many statements the model has taken in.
func (m *Model) Size() uint64 { return m.tail.Size() }

// admit takes a statement in, if the gate lets it.
func (m *Model) admit(ctx context.Context, e ledger.Entry) error {
	if err := m.State.Admit(ctx, e); err != nil {
		return err
	}
	return m.note(e)
}

// note enters a statement that was admitted in the register.
func (m *Model) note(e ledger.Entry) error {
	body, err := e.Statement.Decode()
	if err == nil {
		s := e.Statement
		s.Time = m.State.Last // when it took effect
		m.Register.Add(s, m.State.About(body))
	}
	return err
}

// follow takes in what was added to the ledger.
func (m *Model) follow(ctx context.Context, log *ledger.Log) error {
	m.State.Beside(log.Attached)
	return log.Next(ctx, m.tail, func(e ledger.Entry) error {
		if err := m.admit(ctx, e); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Index, err)
		}
		return nil
	})
}

// followAll is follow for many statements, whose signatures are verified beside.
func (m *Model) followAll(ctx context.Context, log *ledger.Log) error {
	checker := ledger.NewChecker()
	m.State.Defer(checker)
	err := m.follow(ctx, log)
	m.State.Defer(nil)
	return errors.Join(append(checker.Wait(), err)...)
}

// modelFile keeps a model, so that not every command reads the whole ledger. It
// is a note that is signed with the ledger's own key, behind its length in
// decimal and the end of the line, and then the bytes that the note names:
//
//	rempart model
//	<origin of the log>
//	<how many statements>
//	<root hash of their tree, in base64>
//	<the program that can read it>
//	<SHA-256 of the bytes, in hexadecimal>
//
// A file that was changed, that another program wrote or that is of another
// ledger is not used, and the ledger read instead: see [Warehouse.Rebuild].
const modelFile = "state.model"

// ModelPath is where the model is kept.
func (w *Warehouse) ModelPath() string { return w.path(modelFile) }

// kept is what a model's file holds of it.
type kept struct {
	State    *governance.State
	Register *register.Register
}

func init() {
	for _, kind := range ledger.Kinds() {
		snapshot.Register(ledger.Empty(kind))
	}
}

// program tells whether a model can be read: the very program that wrote it, for
// another may take the same statements in otherwise.
var program = sync.OnceValue(func() string {
	shape := snapshot.Shape(&kept{})
	id := sha256.Sum256(append([]byte(buildID()), shape[:]...))
	return hex.EncodeToString(id[:])
})

// buildID is what the linker noted of all that this program is made of.
func buildID() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	file, err := elf.Open(path)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = file.Close() }()
	section := file.Section(".note.go.buildid")
	if section == nil {
		return "unknown"
	}
	data, err := section.Data()
	if err != nil {
		return "unknown"
	}
	return string(data)
}

// encode writes the model as its file holds it.
func (m *Model) encode(origin string, signer note.Signer) ([]byte, error) {
	data, err := snapshot.Encode(&kept{m.State, m.Register})
	if err != nil {
		return nil, err
	}
	root, err := m.tail.Root()
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: modelNote(origin, m.Size(), root, data)}, signer)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%d\n%s", len(signed), signed), data...), nil
}

func modelNote(origin string, size uint64, root, data []byte) string {
	return fmt.Sprintf("rempart model\n%s\n%d\n%s\n%s\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root), program(), ledger.Sum(data))
}

// errStale says why a model's file is not used.
var errStale = errors.New("the model is of another program, or of another ledger, or was changed")

// loadModel reads the model's file and checks that it is of this ledger.
func (w *Warehouse) loadModel(ctx context.Context) (*Model, error) {
	file, err := os.ReadFile(w.ModelPath())
	if err != nil {
		return nil, err
	}
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	var length int
	if _, err := fmt.Sscanf(string(line), "%d", &length); err != nil || length < 0 || length > len(rest) {
		return nil, errStale
	}
	signed, data := rest[:length], rest[length:]
	opened, err := note.Open(signed, note.VerifierList(w.Log.Verifier()))
	if err != nil {
		return nil, errStale
	}
	lines := strings.Split(opened.Text, "\n")
	var size uint64
	if len(lines) != 7 {
		return nil, errStale
	}
	if _, err := fmt.Sscanf(lines[2], "%d", &size); err != nil {
		return nil, errStale
	}
	cp, _, err := w.Log.Checkpoint(ctx)
	if err != nil || cp.Size < size {
		return nil, errors.Join(errStale, err)
	}
	tail, err := w.Log.TailAt(ctx, size)
	if err != nil {
		return nil, errors.Join(errStale, err)
	}
	root, err := tail.Root()
	if err != nil || opened.Text != modelNote(w.Log.Origin(), size, root, data) {
		return nil, errors.Join(errStale, err)
	}
	var k kept
	if err := snapshot.Decode(data, &k); err != nil {
		return nil, errors.Join(errStale, err)
	}
	return &Model{k.State, k.Register, tail}, nil
}

// model is a model of the caller's own, up to date.
func (w *Warehouse) model(ctx context.Context) (*Model, error) {
	m, err := w.loadModel(ctx)
	if err == nil {
		if err = m.follow(ctx, w.Log); err == nil {
			return m, nil
		}
	}
	m = newModel()
	err = m.followAll(ctx, w.Log)
	if err == nil && m.State.Warehouse == nil {
		err = fmt.Errorf("%s: the ledger has no entries", w.path("ledger"))
	}
	return m, err
}

// Rebuilt is what a rebuilding of the model found.
type Rebuilt struct {
	Statements uint64        `json:"statements"`
	Bytes      int64         `json:"bytes"`  // of the model
	SHA256     ledger.Digest `json:"sha256"` // of its file
	Before     string        `json:"before"` // of the file that was there: "the same", "none", "older", "stale" or "different"
}

// Rebuild reads the whole ledger, takes each statement through the gate, and
// writes the model anew.
func (w *Warehouse) Rebuild(ctx context.Context) (r Rebuilt, err error) {
	signer, err := w.checkpointSigner()
	if err != nil {
		return r, err
	}
	m := newModel()
	if err := m.followAll(ctx, w.Log); err != nil {
		return r, err
	}
	if m.State.Warehouse == nil {
		return r, fmt.Errorf("%s: the ledger has no entries", w.path("ledger"))
	}
	file, err := m.encode(w.Log.Origin(), signer)
	if err != nil {
		return r, err
	}
	if r.Before, err = w.compareModel(ctx, m.Size(), file, signer); err != nil {
		return r, err
	}
	r.Statements, r.Bytes, r.SHA256 = m.Size(), int64(len(file)), ledger.Sum(file)
	return r, atomicfile.Write(w.ModelPath(), file, 0o600)
}

// compareModel says what the file that is there is, compared with the one that
// was rebuilt: brought to the same size, it must be the same bytes.
func (w *Warehouse) compareModel(ctx context.Context, size uint64, rebuilt []byte, signer note.Signer) (string, error) {
	old, err := w.loadModel(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "none", nil
	case errors.Is(err, errStale):
		return "stale", nil
	case err != nil:
		return "", err
	}
	before := old.Size()
	taken := old.follow(ctx, w.Log) == nil
	file, err := old.encode(w.Log.Origin(), signer)
	switch {
	case !taken: // though a new model took it all
		return "different", nil
	case err != nil:
		return "", err
	case old.Size() != size:
		return "older", nil // the ledger has grown meanwhile
	case !bytes.Equal(file, rebuilt):
		return "different", nil
	case before < size:
		return "older", nil
	}
	return "the same", nil
}

// checkModel says whether somebody has changed the model's file. One of another
// program or of another day is no fault: it is not used.
func (w *Warehouse) checkModel() error {
	file, err := os.ReadFile(w.ModelPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	changed := fmt.Errorf("%s was changed: make it anew with rempart state rebuild", w.ModelPath())
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	var length int
	if n, scan := fmt.Sscanf(string(line), "%d", &length); err != nil || scan != nil || n != 1 || length < 0 || length > len(rest) || fmt.Sprint(length) != string(line) {
		return errors.Join(changed, err)
	}
	opened, err := note.Open(rest[:length], note.VerifierList(w.Log.Verifier()))
	if err != nil || !strings.HasSuffix(opened.Text, "\n"+string(ledger.Sum(rest[length:]))+"\n") {
		return changed
	}
	return nil
}
