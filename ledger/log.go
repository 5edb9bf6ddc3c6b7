package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/atomicfile"
)

// Log is a ledger in a directory. Reading needs no secret; [Log.Append] needs
// the checkpoint's signing key. Writers must hold [Log.Lock].
type Log struct {
	dir      string
	verifier note.Verifier
	files    client.FileFetcher
}

// Entry is a statement in the log.
type Entry struct {
	Index     uint64
	Envelope  []byte
	Statement Statement
}

// attachments lie beside the tiles, named by their digest.
const attachments = "attachments"

// batchAge is how long tessera waits for company before it integrates an entry;
// an entry of ours comes alone.
const batchAge = 5 * time.Millisecond

// patience is how long we wait for a checkpoint to be published, which takes
// milliseconds where the disk takes it at all.
const patience = 20 * time.Second

// Open opens the log in a directory. The key is the verifier key of its
// checkpoints, as [note.NewVerifier] reads it; the key's name is the log's origin.
func Open(dir, checkpointKey string) (*Log, error) {
	verifier, err := note.NewVerifier(checkpointKey)
	if err != nil {
		return nil, fmt.Errorf("the key of the ledger's checkpoints: %w", err)
	}
	return &Log{dir: dir, verifier: verifier, files: client.FileFetcher{Root: dir}}, nil
}

// Append adds an envelope and returns its index once a signed checkpoint
// covers it. After an error that is no *UncertainError the log is as it was.
func (l *Log) Append(ctx context.Context, envelope []byte, signer note.Signer) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*patience)
	defer cancel()
	appender, shutdown, err := l.appender(ctx, signer)
	if err != nil {
		return 0, err
	}
	index, err := appender.Add(ctx, tessera.NewEntry(envelope))()
	if err != nil {
		return 0, &UncertainError{fmt.Errorf("write to the ledger: %w", err)}
	}
	if err := shutdown(ctx); err != nil {
		return 0, &UncertainError{fmt.Errorf("publish the ledger's checkpoint: %w", err)}
	}
	return index.Index, nil
}

// appender starts tessera, which runs until ctx ends.
func (l *Log) appender(ctx context.Context, signer note.Signer) (*tessera.Appender, func(context.Context) error, error) {
	driver, err := posix.New(ctx, posix.Config{Path: l.dir})
	if err != nil {
		return nil, nil, fmt.Errorf("open the ledger: %w", err)
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(1, batchAge).
		WithCheckpointInterval(100 * time.Millisecond).
		WithGarbageCollectionInterval(0).
		WithShutdownTimeout(patience)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, nil, fmt.Errorf("open the ledger: %w", err)
	}
	return appender, shutdown, nil
}

// UncertainError says that a statement may or may not have been recorded. What
// depends on it must stay in place until the ledger has been read again.
type UncertainError struct{ Cause error }

func (e *UncertainError) Error() string {
	return e.Cause.Error() + "; it is not certain that it was recorded: look with rempart audit log"
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Cause }

// Checkpoint returns the log's signed head: parsed, and as it was signed.
func (l *Log) Checkpoint(ctx context.Context) (*log.Checkpoint, []byte, error) {
	raw, err := l.files.ReadCheckpoint(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	cp, err := l.ParseCheckpoint(raw)
	return cp, raw, err
}

// ParseCheckpoint checks the signature of a checkpoint of this log.
func (l *Log) ParseCheckpoint(raw []byte) (*log.Checkpoint, error) {
	cp, _, _, err := log.ParseCheckpoint(raw, l.verifier.Name(), l.verifier)
	if err != nil {
		return nil, fmt.Errorf("%s: the checkpoint is not signed by this ledger's key: %w", filepath.Join(l.dir, layout.CheckpointPath), err)
	}
	return cp, nil
}

// Entries yields the log's entries, the first one first, as far as its
// checkpoint reaches. Whether they are what the checkpoint signs, [Log.Verify] says.
func (l *Log) Entries(ctx context.Context, yield func(Entry) error) error {
	cp, _, err := l.Checkpoint(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.entries(ctx, cp.Size, yield)
}

// entries yields the first entries of the log, as many as size says.
func (l *Log) entries(ctx context.Context, size uint64, yield func(Entry) error) error {
	for index := uint64(0); index < size; {
		number := index / layout.EntryBundleWidth
		path := filepath.Join(l.dir, layout.EntriesPath(number, layout.PartialTileSize(0, number, size)))
		bundle, err := client.GetEntryBundle(ctx, l.files.ReadEntryBundle, number, size)
		if err != nil {
			return fmt.Errorf("%s: read the ledger from entry %d: %w", path, index, err)
		}
		for _, envelope := range bundle.Entries {
			statement, err := Read(envelope)
			if err != nil {
				return fmt.Errorf("%s: entry %d: %w", path, index, err)
			}
			if err := yield(Entry{Index: index, Envelope: envelope, Statement: statement}); err != nil {
				return err
			}
			if index++; index == size {
				break
			}
		}
	}
	return nil
}

// Attach stores a long text beside the log and returns the digest that a
// statement names it by. The same text may be attached twice.
func (l *Log) Attach(value any) (Digest, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write an attachment: %w", err)
	}
	digest := Sum(data)
	path := l.AttachmentPath(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("write an attachment: %w", err)
	}
	if err := atomicfile.Write(path, data, 0o644); err != nil {
		return "", fmt.Errorf("write an attachment: %w", err)
	}
	return digest, nil
}

// Attached reads an attachment into value and checks that it is the one that was named.
func (l *Log) Attached(digest Digest, value any) error {
	path := l.AttachmentPath(digest)
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read an attachment of the ledger: %w", err)
	}
	if Sum(data) != digest {
		return fmt.Errorf("%s: the attachment was changed: its digest is not its name", path)
	}
	return strict(data, value)
}

// AttachmentPath is where an attachment lies.
func (l *Log) AttachmentPath(digest Digest) string {
	return filepath.Join(l.dir, attachments, filepath.Base(string(digest))+".json")
}

// Sum is the digest of a text.
func Sum(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}
