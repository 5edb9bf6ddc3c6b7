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
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/atomicfile"
)

// Log is a ledger in a directory. Reading needs no secret; [Log.Append] needs
// the checkpoint's signing key. Writers must hold [Log.Lock]; any number of
// goroutines may read while one writes.
type Log struct {
	dir      string
	key      string
	verifier note.Verifier
	writer   writer
}

// attachments lie beside the tiles, named by their digest.
const attachments = "attachments"

// Open opens the log in a directory. The key is the verifier key of its
// checkpoints, as [note.NewVerifier] reads it; the key's name is the log's origin.
func Open(dir, checkpointKey string) (*Log, error) {
	verifier, err := note.NewVerifier(checkpointKey)
	if err != nil {
		return nil, fmt.Errorf("the key of the ledger's checkpoints: %w", err)
	}
	return &Log{dir: dir, key: checkpointKey, verifier: verifier}, nil
}

// Origin is the name that the log's checkpoints bear.
func (l *Log) Origin() string { return l.verifier.Name() }

// Key is the verifier key of the log's checkpoints.
func (l *Log) Key() string { return l.key }

// Verifier verifies the log's checkpoints.
func (l *Log) Verifier() note.Verifier { return l.verifier }

// Checkpoint returns the log's signed head: parsed, and as it was signed.
func (l *Log) Checkpoint(context.Context) (cp *log.Checkpoint, raw []byte, err error) {
	for range 5 { // it may be just being written
		if raw, err = os.ReadFile(l.place(checkpointFile)); err != nil {
			return nil, nil, fmt.Errorf("read the ledger's checkpoint: %w", err)
		}
		if cp, err = l.ParseCheckpoint(raw); err == nil {
			return cp, raw, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, raw, err
}

// cosignedFile is the last checkpoint that witnesses have cosigned, with their lines.
const cosignedFile = "cosigned"

// Cosigned returns the checkpoint that witnesses have cosigned last, parsed and as
// it was signed. Whether it is of this history, and who has cosigned it, is for the
// reader to check. The error is fs.ErrNotExist where there is none.
func (l *Log) Cosigned(context.Context) (*log.Checkpoint, []byte, error) {
	raw, err := os.ReadFile(l.place(cosignedFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read the cosigned checkpoint: %w", err)
	}
	cp, _, _, err := log.ParseCheckpoint(raw, l.verifier.Name(), l.verifier)
	if err != nil {
		return nil, nil, fmt.Errorf("%s was changed: it is not signed by this ledger's key", l.place(cosignedFile))
	}
	return cp, raw, nil
}

// KeepCosigned keeps a checkpoint with the lines of witnesses.
func (l *Log) KeepCosigned(raw []byte) error {
	if _, err := l.ParseCheckpoint(raw); err != nil {
		return err
	}
	return atomicfile.Write(l.place(cosignedFile), raw, 0o644)
}

// ParseCheckpoint checks the signature of a checkpoint of this log.
func (l *Log) ParseCheckpoint(raw []byte) (*log.Checkpoint, error) {
	cp, _, _, err := log.ParseCheckpoint(raw, l.verifier.Name(), l.verifier)
	if err != nil {
		return nil, fmt.Errorf("%s: the checkpoint is not signed by this ledger's key: %w", l.place(checkpointFile), err)
	}
	return cp, nil
}

// Entries yields the log's entries, the first one first, as far as its
// checkpoint reaches. Whether they are what the checkpoint signs, [Log.Verify] says.
func (l *Log) Entries(ctx context.Context, yield func(Entry) error) error {
	return l.EntriesFrom(ctx, 0, yield)
}

// EntriesFrom is Entries from an index on.
func (l *Log) EntriesFrom(ctx context.Context, from uint64, yield func(Entry) error) error {
	cp, _, err := l.Checkpoint(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.stream(ctx, from, cp.Size, func(b *bundle) error {
		for _, e := range b.entries {
			if err := yield(e); err != nil {
				return err
			}
		}
		return b.err
	})
}

// Entry reads one entry of the log. It is an error that is fs.ErrNotExist where
// the log is not that long.
func (l *Log) Entry(ctx context.Context, index uint64) (e Entry, err error) {
	cp, _, err := l.Checkpoint(ctx)
	if err != nil {
		return e, err
	}
	if index >= cp.Size {
		return e, fmt.Errorf("the ledger has %d statements, the last is number %d: %w", cp.Size, cp.Size-1, fs.ErrNotExist)
	}
	number := index / layout.EntryBundleWidth
	data, err := l.Bundle(ctx, number, layout.PartialTileSize(0, number, cp.Size))
	if err != nil {
		return e, fmt.Errorf("read the ledger: %w", err)
	}
	return NewEntry(index, unbundle(data)[index%layout.EntryBundleWidth])
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
