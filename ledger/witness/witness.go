// Package witness lets somebody else vouch that a ledger is never rewritten.
//
// A [Witness] remembers, for each log that it knows, the largest checkpoint that it
// has seen, and cosigns another one only with a proof that it continues that one. So
// as long as one witness is honest and its files are kept, two readers of a log that
// it cosigns see the same history. It needs to trust nobody, and sees no statement:
// only sizes and hashes.
//
// The protocol is C2SP tlog-witness over HTTP, the signature C2SP tlog-cosignature
// (cosignature/v1, Ed25519 over a time and the checkpoint). [Client] asks any witness
// that speaks it, ours or another's.
//
//	https://c2sp.org/tlog-witness
//	https://c2sp.org/tlog-cosignature
package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/internal/mutual"
)

// Path is where a witness is asked, below its address.
const Path = "/add-checkpoint"

// sizeType is the media type of the answer that names the size that was seen.
const sizeType = "text/x.tlog.size"

// Limits of a request: what the protocol allows.
const (
	maxRequest = 64 << 10
	maxProof   = 63
)

// Witness cosigns checkpoints of the logs that it knows. It is an http.Handler.
type Witness struct {
	dir    string
	signer *cosignature.Signer
	logs   map[string]note.Verifier     // by origin
	keys   map[string]ed25519.PublicKey // by how certificates name a ledger

	mu sync.Mutex // one request at a time decides
}

// Open opens a witness whose memory is in a directory. The signer key is in the
// form of signed notes; logs are the verifier keys of the logs that it knows. No
// other process may open the same directory until release is called.
func Open(ctx context.Context, dir, signerKey string, logs []string) (w *Witness, release func() error, err error) {
	w = &Witness{dir: dir, logs: map[string]note.Verifier{}, keys: map[string]ed25519.PublicKey{}}
	if w.signer, err = cosignature.NewSignerForCosignatureV1(signerKey); err != nil {
		return nil, nil, fmt.Errorf("the witness's key: %w", err)
	}
	for _, key := range logs {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, nil, fmt.Errorf("%q is no verifier key of a log: %w", key, err)
		}
		if _, twice := w.logs[verifier.Name()]; twice {
			return nil, nil, fmt.Errorf("two logs have the origin %s: a witness cannot tell them apart", verifier.Name())
		}
		w.logs[verifier.Name()] = verifier
		public, err := mutual.NoteKey(key)
		if err != nil {
			return nil, nil, err
		}
		w.keys[mutual.ID(public)] = public
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	if release, err = filelock.Exclusive(ctx, filepath.Join(dir, "lock")); err != nil {
		return nil, nil, err
	}
	return w, release, nil
}

// Name is the name in the witness's key.
func (w *Witness) Name() string { return w.signer.Name() }

// TLS lets in the ledgers that the witness knows, by their own keys, and shows them
// that it is the witness. Its handler is then [mutual.Handler]'s with the same Admit.
func (w *Witness) TLS(signerKey string, now func() time.Time) (*tls.Config, mutual.Admit, error) {
	key, err := mutual.NoteSigner(signerKey)
	if err != nil {
		return nil, nil, err
	}
	issuer := mutual.Issuer{Name: mutual.Name{ID: mutual.ID(key.Public().(ed25519.PublicKey))}, Key: key, Now: now}
	admit := func(name mutual.Name) (ed25519.PublicKey, error) {
		key, known := w.keys[name.ID]
		if !known || name.Party != "" {
			return nil, fmt.Errorf("%s is no ledger that this witness knows", name)
		}
		return key, nil
	}
	return mutual.Server(issuer.Certificates(), admit, now), admit, nil
}

// conflict says that the caller's idea of what was seen is another than ours.
type conflict struct{ size uint64 }

func (c *conflict) Error() string { return fmt.Sprintf("the witness has seen %d entries", c.size) }

// The other answers of a witness.
var (
	errMalformed    = errors.New("the request is not one of tlog-witness")
	errUnknown      = errors.New("the witness does not know this log")
	errNotSigned    = errors.New("the checkpoint is not signed by its log")
	errInconsistent = errors.New("the checkpoint does not continue what the witness has seen")
)

// ServeHTTP answers POST /add-checkpoint.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path {
		http.NotFound(rw, r)
		return
	}
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		http.Error(rw, "want POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		http.Error(rw, "the request is too long, or was cut", http.StatusBadRequest)
		return
	}
	line, err := w.Add(body)
	var other *conflict
	switch {
	case err == nil:
		_, _ = rw.Write(line)
	case errors.As(err, &other):
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", other.size)
	case errors.Is(err, errMalformed):
		http.Error(rw, err.Error(), http.StatusBadRequest)
	case errors.Is(err, errUnknown):
		http.Error(rw, err.Error(), http.StatusNotFound)
	case errors.Is(err, errNotSigned):
		http.Error(rw, err.Error(), http.StatusForbidden)
	case errors.Is(err, errInconsistent):
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
	default:
		http.Error(rw, "the witness cannot write down what it has seen", http.StatusInternalServerError)
	}
}

// Add decides on one request and returns the line of the cosignature.
func (w *Witness) Add(request []byte) ([]byte, error) {
	old, hashes, checkpoint, err := parseRequest(request)
	if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	verifier, known := w.logs[origin]
	if !known {
		return nil, errUnknown
	}
	cp, _, _, err := log.ParseCheckpoint(checkpoint, origin, verifier)
	if err != nil {
		return nil, errNotSigned
	}
	if old > cp.Size {
		return nil, errMalformed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seen, err := w.seen(origin, verifier)
	if err != nil {
		return nil, err
	}
	if old != seen.Size {
		return nil, &conflict{seen.Size}
	}
	if seen.Size == 0 {
		if len(hashes) > 0 { // a proof from nothing is empty
			return nil, errInconsistent
		}
	} else if err := proof.VerifyConsistency(rfc6962.DefaultHasher, seen.Size, cp.Size, hashes, seen.Hash, cp.Hash); err != nil {
		if cp.Size == seen.Size { // two trees of one size
			return nil, &conflict{seen.Size}
		}
		return nil, errInconsistent
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return nil, errNotSigned
	}
	// What is written down and lasts comes before what is said.
	if err := atomicfile.Write(w.place(origin), checkpoint, 0o600); err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: opened.Text}, w.signer)
	if err != nil {
		return nil, err
	}
	_, line, _ := strings.Cut(string(signed), "\n\n")
	return []byte(line), nil
}

// place is the file with what was seen of a log.
func (w *Witness) place(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(w.dir, hex.EncodeToString(sum[:])+".checkpoint")
}

// seen is the largest checkpoint that was cosigned. A file that cannot be read is
// an error: a witness that has forgotten would cosign a fork.
func (w *Witness) seen(origin string, verifier note.Verifier) (*log.Checkpoint, error) {
	raw, err := os.ReadFile(w.place(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return &log.Checkpoint{}, nil
	}
	if err != nil {
		return nil, err
	}
	cp, _, _, err := log.ParseCheckpoint(raw, origin, verifier)
	if err != nil {
		return nil, fmt.Errorf("%s was changed: put its copy back, for the witness must not forget: %w", w.place(origin), err)
	}
	return cp, nil
}

// parseRequest reads "old SIZE", the proof's hashes, an empty line, and a checkpoint.
func parseRequest(request []byte) (old uint64, hashes [][]byte, checkpoint []byte, err error) {
	head, checkpoint, ok := bytes.Cut(request, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, errMalformed
	}
	lines := strings.Split(string(head), "\n")
	text, ok := strings.CutPrefix(lines[0], "old ")
	if old, err = strconv.ParseUint(text, 10, 63); !ok || err != nil || strconv.FormatUint(old, 10) != text || len(lines)-1 > maxProof {
		return 0, nil, nil, errMalformed
	}
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != sha256.Size {
			return 0, nil, nil, errMalformed
		}
		hashes = append(hashes, hash)
	}
	return old, hashes, checkpoint, nil
}

// Request writes a request to a witness that has seen old entries of a log.
func Request(old uint64, hashes [][]byte, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, hash := range hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(hash) + "\n")
	}
	b.WriteString("\n")
	b.Write(checkpoint)
	return b.Bytes()
}
