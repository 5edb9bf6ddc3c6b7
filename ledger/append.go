package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"
)

// checkpointFile is the log's head.
const checkpointFile = layout.CheckpointPath

// unfinished ends the name of a file that is being written.
const unfinished = ".new"

// writer is what a log's writer knows, as long as nobody else writes.
type writer struct {
	edge       *edge
	checkpoint []byte // the one that the edge belongs to
	journal    journal
	proven     uint32 // hash of the key whose signature was found to be the ledger's; 0: of none yet
}

// Append adds an envelope and returns its index once a signed checkpoint covers
// it and both are on disk. It is [Log.AppendAll] of one.
func (l *Log) Append(ctx context.Context, envelope []byte, signer note.Signer) (uint64, error) {
	return l.AppendAll(ctx, [][]byte{envelope}, signer)
}

// AppendAll adds envelopes under one checkpoint, all or none, and returns the
// index of the first once they are on disk. It waits for the disk once, however
// many there are. After an error that is no *UncertainError the log is as it was.
func (l *Log) AppendAll(ctx context.Context, envelopes [][]byte, signer note.Signer) (first uint64, err error) {
	for _, e := range envelopes {
		if len(e) > MaxSize {
			return 0, fmt.Errorf("a statement of %d bytes is too long: at most %d", len(e), MaxSize)
		}
	}
	if err := l.Recover(ctx); err != nil {
		return 0, err
	}
	w := &l.writer
	e := w.edge
	first = e.tree.End()
	if len(envelopes) == 0 {
		return first, nil
	}
	w.edge = nil // until it is known what was written
	files, err := e.add(envelopes)
	if err != nil {
		return 0, err
	}
	checkpoint, err := l.sign(e, signer)
	if err != nil {
		return 0, err
	}
	if err := w.journal.write(record{first, checkpoint, envelopes}); err != nil {
		return 0, err
	}
	if err := l.publish(files, checkpoint, first, e.tree.End()); err != nil {
		return 0, &UncertainError{fmt.Errorf("publish the ledger's checkpoint: %w", err)}
	}
	w.edge, w.checkpoint = e, checkpoint
	if w.journal.size > journalLimit {
		if err := l.settle(e.tree.End()); err != nil {
			return 0, &UncertainError{fmt.Errorf("write to the ledger: %w", err)}
		}
	}
	return first, nil
}

// sign makes the checkpoint of a tree.
func (l *Log) sign(e *edge, signer note.Signer) ([]byte, error) {
	root, err := rootOf(e.tree)
	if err != nil {
		return nil, err
	}
	text := log.Checkpoint{Origin: l.verifier.Name(), Size: e.tree.End(), Hash: root}.Marshal()
	checkpoint, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign the ledger's checkpoint: %w", err)
	}
	// A process signs with one key: its first signature tells whether that is the ledger's.
	if w := &l.writer; w.proven == 0 || signer.KeyHash() != w.proven {
		if _, err := l.ParseCheckpoint(checkpoint); err != nil {
			return nil, fmt.Errorf("the key that would sign is another than the ledger's: %w", err)
		}
		w.proven = signer.KeyHash()
	}
	return checkpoint, nil
}

// publish writes the files of an append and then its checkpoint, and removes
// the partial files that they replace.
func (l *Log) publish(files []file, checkpoint []byte, before, after uint64) error {
	for _, f := range append(files, file{checkpointFile, checkpoint}) {
		if err := l.write(f); err != nil {
			return err
		}
	}
	if before == l.writer.journal.base {
		return nil // the journal goes on from them
	}
	return l.discard(before, after)
}

// write writes a file of the log, which the journal brings back if it is lost. To
// replace a file by another makes some file systems bring it to disk at once. So
// the head, which never gets shorter, is written in place: who reads half of it
// sees that by its signature. And a partial file has a new name, which nobody looks
// for while the one before it is there.
func (l *Log) write(f file) error {
	path := l.place(f.name)
	step()
	if f.name == checkpointFile {
		if done, err := overwrite(path, f.data); done || err != nil {
			return err
		}
	}
	name, how := path+unfinished, os.O_TRUNC
	if strings.Contains(f.name, ".p/") {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			name, how = path, os.O_EXCL
		}
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|how, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			out, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|how, 0o644)
		}
	}
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if err = errors.Join(err, out.Close()); err != nil || name == path {
		return err
	}
	step()
	return os.Rename(name, path)
}

// overwrite writes a file in place where it is there and no longer than the data.
func overwrite(path string, data []byte) (done bool, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info, err := out.Stat()
	if err == nil && info.Size() <= int64(len(data)) {
		_, err = out.WriteAt(data, 0)
		done = true
	}
	return done, errors.Join(err, out.Close())
}

// isUnfinished says whether a killed writer left this file.
func isUnfinished(name string) bool { return strings.HasSuffix(name, unfinished) }

// Recover ends what an interrupted append began: what is in the journal counts,
// since the writer that was killed had been admitted with it. Call it under the
// lock, before the log is read to decide on a new entry.
func (l *Log) Recover(ctx context.Context) error {
	w := &l.writer
	raw, err := os.ReadFile(l.place(checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	if w.edge != nil && bytes.Equal(raw, w.checkpoint) && w.journal.unchanged() {
		return nil
	}
	cp := &log.Checkpoint{}
	var torn error
	if raw != nil {
		if cp, torn = l.ParseCheckpoint(raw); torn != nil {
			cp = &log.Checkpoint{} // a restart may have done that, and the journal then knows better
		}
	}
	w.edge, w.checkpoint = nil, raw
	if restarted, err := l.rewind(ctx, cp.Size); err != nil || torn != nil && !restarted {
		return errors.Join(torn, err)
	}
	if w.edge != nil {
		return nil
	}
	e, err := l.edgeAt(ctx, cp.Size)
	if err != nil {
		return err
	}
	if root, err := rootOf(e.tree); err != nil || raw != nil && !bytes.Equal(root, cp.Hash) {
		return errors.Join(fmt.Errorf("%s: the tiles are not those of the checkpoint of %d entries: see what is wrong with rempart audit verify", l.dir, cp.Size), err)
	}
	w.edge = e
	return nil
}

// unchanged says whether nobody else has written to the journal.
func (j *journal) unchanged() bool {
	if j.file == nil {
		return false
	}
	next := make([]byte, 64)
	n, err := j.file.ReadAt(next, j.size)
	return (err == nil || errors.Is(err, io.EOF)) && isZero(next[:n])
}

// UncertainError says that a statement may or may not have been recorded. What
// depends on it must stay in place until the ledger has been read again.
type UncertainError struct{ Cause error }

func (e *UncertainError) Error() string {
	return e.Cause.Error() + "; it is not certain that it was recorded: look with rempart audit log"
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Cause }
