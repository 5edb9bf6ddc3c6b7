package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/internal/atomicfile"
)

// journalFile holds what was appended since the log's other files were last
// known to be on disk, so that an append waits for the disk once:
//
//	"rempart journal 1\n", the id of this machine's boot, "\n"
//	records: length (4 bytes), SHA-256 of the boot's id and what follows (32), then
//	  size of the tree before (8), length of the checkpoint (4), the checkpoint
//	  after it, and the entries as a bundle of tlog-tiles
//	zeros, up to its full length
//
// It is written in place, so that an append changes no length and no directory that
// would have to reach the disk too.
//
// Numbers are big-endian. While the machine has not been restarted, the other
// files are what the journal says, but for the last record of a writer that
// was killed; after a restart they are written anew from it.
const (
	journalFile  = "journal"
	journalMagic = "rempart journal 1\n"
)

// journalLimit is the length of a journal, in bytes. When its records are longer,
// the log's files are brought to disk and it begins anew.
var journalLimit int64 = 1 << 20

// record is one append.
type record struct {
	from       uint64
	checkpoint []byte
	entries    [][]byte
}

func (r record) encode() []byte {
	size := 4 + sha256.Size + 8 + 4 + len(r.checkpoint)
	for _, e := range r.entries {
		size += 2 + len(e)
	}
	b := make([]byte, 4+sha256.Size, size)
	b = binary.BigEndian.AppendUint64(b, r.from)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.checkpoint)))
	b = append(b, r.checkpoint...)
	for _, e := range r.entries {
		b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
		b = append(b, e...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4-sha256.Size))
	copy(b[4:], recordSum(boot, b[4+sha256.Size:]))
	return b
}

func recordSum(boot string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(boot))
	h.Write(body)
	return h.Sum(nil)
}

// decodeJournal returns the boot and the whole records of a journal, and how
// long they are: what follows was not written whole.
func decodeJournal(data []byte) (boot string, records []record, whole int) {
	rest, ok := bytes.CutPrefix(data, []byte(journalMagic))
	id, rest, ended := bytes.Cut(rest, []byte("\n"))
	if !ok || !ended {
		return "", nil, 0
	}
	whole = len(data) - len(rest)
	for {
		r, n := decodeRecord(string(id), rest)
		if n == 0 {
			return string(id), records, whole
		}
		records, rest, whole = append(records, r), rest[n:], whole+n
	}
}

// decodeRecord reads the record that data begins with; 0 if it is not whole.
func decodeRecord(boot string, data []byte) (r record, n int) {
	const head = 4 + sha256.Size
	if len(data) < head+12 {
		return r, 0
	}
	n = head + int(binary.BigEndian.Uint32(data))
	if n < head+12 || len(data) < n || !bytes.Equal(recordSum(boot, data[head:n]), data[4:head]) {
		return r, 0
	}
	body := data[head:n]
	r.from = binary.BigEndian.Uint64(body)
	length := int(binary.BigEndian.Uint32(body[8:]))
	if body = body[12:]; length > len(body) {
		return r, 0
	}
	r.checkpoint, body = body[:length], body[length:]
	for len(body) > 0 {
		if len(body) < 2 || len(body) < 2+entryLength(body) {
			return r, 0
		}
		length := 2 + entryLength(body)
		r.entries, body = append(r.entries, body[2:length:length]), body[length:]
	}
	return r, n
}

// boot tells one start of this machine from another.
var boot = func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown" // every process then takes what it finds as after a restart
	}
	return strings.TrimSpace(string(id))
}()

// journal is the open journal of a writer.
type journal struct {
	file *os.File
	base uint64 // the size of the tree that is on disk without it
	size int64  // bytes; 0 where it has no header yet
}

// readJournal reads the journal's file; it need not exist.
func (l *Log) readJournal() ([]byte, error) {
	data, err := os.ReadFile(l.place(journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// open opens the file for a writer, who holds the log's lock.
func (j *journal) open(l *Log) (err error) {
	if j.file != nil {
		return nil
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	path := l.place(journalFile)
	_, missing := os.Stat(path)
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return err
	}
	info, err := j.file.Stat()
	if err == nil && info.Size() < journalLimit {
		err = errors.Join(j.zero(info.Size(), journalLimit), j.file.Sync())
	}
	if err == nil && missing != nil {
		err = atomicfile.SyncDir(l.dir)
	}
	return err
}

// zero overwrites a part of the file.
func (j *journal) zero(from, to int64) error {
	if from >= to {
		return nil
	}
	_, err := j.file.WriteAt(make([]byte, to-from), from)
	return err
}

// isZero says whether nothing was written there.
func isZero(data []byte) bool { return len(bytes.TrimLeft(data, "\x00")) == 0 }

// write adds a record; once it has returned, the record lasts. Where it fails,
// nothing was added, or the error is an *UncertainError.
func (j *journal) write(r record) error {
	data := r.encode()
	if j.size == 0 {
		data = append([]byte(journalMagic+boot+"\n"), data...)
		j.base = r.from
	}
	step()
	_, err := j.file.WriteAt(data, j.size)
	step()
	if err == nil {
		err = datasync(j.file)
	}
	if err != nil {
		err = fmt.Errorf("write to the ledger: %w", err)
		if cut := errors.Join(j.zero(j.size, j.size+int64(len(data))), j.file.Sync()); cut != nil {
			return &UncertainError{errors.Join(err, cut)}
		}
		return err
	}
	j.size += int64(len(data))
	return nil
}

// step is called before each write, where tests interrupt.
var step = func() {}

// datasync is fdatasync, again when a signal interrupts it.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// settle brings the log's files to disk and begins the journal anew.
func (l *Log) settle(size uint64) error {
	j := &l.writer.journal
	if j.size == 0 {
		return nil
	}
	names := append(grown(j.base, size), checkpointFile)
	dirs := map[string]bool{}
	group := errgroup.Group{}
	group.SetLimit(8)
	for _, name := range names {
		path := l.place(name)
		for dir := filepath.Dir(path); len(dir) >= len(l.dir); dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
		group.Go(func() error { return syncFile(path) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for dir := range dirs {
		group.Go(func() error { return atomicfile.SyncDir(dir) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	step()
	if err := errors.Join(j.zero(0, j.size), j.file.Truncate(journalLimit), j.file.Sync()); err != nil {
		return err
	}
	old := j.base
	j.size, j.base = 0, size
	return l.discard(old, size)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// discard removes the partial files of a size that those of a later one replace.
func (l *Log) discard(old, size uint64) error {
	current := partials(size)
	for _, name := range partials(old) {
		if slices.Contains(current, name) {
			continue
		}
		step()
		if err := os.Remove(l.place(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_ = os.Remove(filepath.Dir(l.place(name))) // where that leaves an empty folder
	}
	return nil
}

// rewind reads the journal and ends what a killed writer began, or what a
// restart of the machine undid; restarted says that every file is as the
// journal says. The caller holds the log's lock.
func (l *Log) rewind(ctx context.Context, published uint64) (restarted bool, err error) {
	j := &l.writer.journal
	if err := j.open(l); err != nil {
		return false, err
	}
	data, err := io.ReadAll(io.NewSectionReader(j.file, 0, 1<<62))
	if err != nil {
		return false, err
	}
	in, records, whole := decodeJournal(data)
	if len(records) == 0 {
		whole = 0
	}
	if !isZero(data[whole:]) { // the writer was killed before it could say that this counts
		if err := errors.Join(j.zero(int64(whole), int64(len(data))), j.file.Sync()); err != nil {
			return false, err
		}
	}
	j.size, j.base = int64(whole), published
	if len(records) == 0 {
		return false, nil
	}
	j.base = records[0].from
	if in == boot {
		records = slices.DeleteFunc(records, func(r record) bool { return r.from < published })
	}
	if len(records) == 0 {
		return false, nil
	}
	if err := l.redo(ctx, records); err != nil || in == boot {
		return false, err
	}
	return true, l.settle(l.writer.edge.tree.End())
}

// redo writes the files of records anew.
func (l *Log) redo(ctx context.Context, records []record) error {
	e, err := l.edgeAt(ctx, records[0].from)
	if err != nil {
		return fmt.Errorf("go on after an interruption: %w", err)
	}
	for _, r := range records {
		before := e.tree.End()
		if r.from != before {
			return fmt.Errorf("%s was changed: its records do not follow each other", l.place(journalFile))
		}
		cp, err := l.ParseCheckpoint(r.checkpoint)
		if err != nil {
			return fmt.Errorf("%s was changed: %w", l.place(journalFile), err)
		}
		files, err := e.add(r.entries)
		if err != nil {
			return err
		}
		if root, err := rootOf(e.tree); err != nil || cp.Size != e.tree.End() || !bytes.Equal(root, cp.Hash) {
			return errors.Join(fmt.Errorf("%s does not go on from the tiles of the ledger: put its files back from their copy", l.place(journalFile)), err)
		}
		if err := l.publish(files, r.checkpoint, before, e.tree.End()); err != nil {
			return err
		}
	}
	l.writer.edge = e
	l.writer.checkpoint = records[len(records)-1].checkpoint
	return nil
}
