package service

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
)

// Journal is what a service never forgets: which pseudonym a name was given, and
// which batches were answered to whom. It is one file that only grows; frame.go
// draws it. What [Journal.record] has returned is on disk; batches that wait
// together are written together. The assignments are held in memory too, about
// 60 bytes each.
type Journal struct {
	path    string
	file    *os.File
	release func() error

	readOnly bool

	mu       sync.Mutex
	assigned map[[16]byte]Pseudonym
	pending  []byte        // the body of the next commit
	waiting  chan struct{} // closed when that commit is written
	size     int64
	link     [sha256.Size]byte
	tally    tally
	failed   error // of a write: nothing is answered from then on

	writing bool // a commit is on its way
	closed  bool

	wake, stop, ended chan struct{}
}

// DamagedError says that a journal is not what was written.
type DamagedError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s was changed, at byte %d: %s: put its copy back", e.Path, e.Offset, e.Reason)
}

// OpenJournal opens or makes the journal at path, for this process alone. It must
// reach as far as anchor, the last head that the ledger has (the zero value for
// none), and hold it. A commit that breaks off at the end was never answered
// and is cut off. The error is a *DamagedError where anything else is wrong.
func OpenJournal(ctx context.Context, path string, anchor ledger.JournalHead) (_ *Journal, err error) {
	release, err := filelock.Exclusive(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, release: release, assigned: map[[16]byte]Pseudonym{}, waiting: make(chan struct{}),
		wake: make(chan struct{}, 1), tally: tally{}, stop: make(chan struct{}), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, release())
			if j.file != nil {
				err = errors.Join(err, j.file.Close())
			}
		}
	}()
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open the pseudonym journal: %w", err)
	}
	if err := j.replay(anchor); err != nil {
		return nil, err
	}
	go j.commits()
	return j, nil
}

// Size is the number of assignments.
func (j *Journal) Size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.assigned)
}

// CheckJournal reads the journal at path as OpenJournal does, and changes nothing.
// A service may be writing it meanwhile.
func CheckJournal(path string, anchor ledger.JournalHead) (err error) {
	j := &Journal{path: path, assigned: map[[16]byte]Pseudonym{}, tally: tally{}, readOnly: true}
	if j.file, err = os.Open(path); err != nil {
		return fmt.Errorf("open the pseudonym journal: %w", err)
	}
	return errors.Join(j.replay(anchor), j.file.Close())
}

// replay reads the whole file.
func (j *Journal) replay(anchor ledger.JournalHead) error {
	j.link = sha256.Sum256([]byte(journalLine))
	r := bufio.NewReaderSize(j.file, 1<<20)
	line := make([]byte, len(journalLine))
	n, err := io.ReadFull(r, line)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read the pseudonym journal: %w", err)
	}
	if string(line[:n]) != journalLine[:n] {
		return &DamagedError{j.path, 0, "it is no pseudonym journal"}
	}
	if n < len(journalLine) { // new, or torn when it was
		if anchor.Size > 0 {
			return &DamagedError{j.path, 0, fmt.Sprintf("the ledger knows %d bytes of it", anchor.Size)}
		}
		return j.begin()
	}
	j.size = int64(n)
	anchored := anchor.Size == 0
	for {
		body, link, err := readCommit(r, j.link)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errTorn) {
			if !anchored {
				break
			}
			return j.cut()
		}
		if err != nil {
			return &DamagedError{j.path, j.size, err.Error()}
		}
		if err := j.take(body); err != nil {
			return &DamagedError{j.path, j.size, err.Error()}
		}
		j.size += int64(headSize+len(body)) + sha256.Size
		j.link = link
		if j.size == anchor.Size {
			if hex.EncodeToString(link[:]) != string(anchor.Head) {
				return &DamagedError{j.path, j.size, "it is not the journal that the ledger knows"}
			}
			anchored = true
			clear(j.tally)
		}
	}
	if !anchored {
		return &DamagedError{j.path, j.size, fmt.Sprintf("the ledger knows %d bytes of it", anchor.Size)}
	}
	return nil
}

// take takes a commit's body in.
func (j *Journal) take(body []byte) error {
	for len(body) > 0 {
		b, rest, err := readBatch(body, func(a assignment) error {
			if _, taken := j.assigned[a.name]; taken {
				return errors.New("a name has two pseudonyms")
			}
			j.assigned[a.name] = a.pseudonym
			return nil
		})
		if err != nil {
			return err
		}
		j.tally.add(b)
		body = rest
	}
	return nil
}

// begin writes the first line.
func (j *Journal) begin() error {
	if j.readOnly {
		return nil
	}
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt([]byte(journalLine), 0); err != nil {
		return err
	}
	j.size = int64(len(journalLine))
	return errors.Join(j.file.Sync(), atomicfile.SyncDir(filepath.Dir(j.path)))
}

// cut removes a commit that was not written to its end.
func (j *Journal) cut() error {
	if j.readOnly {
		return nil
	}
	return errors.Join(j.file.Truncate(j.size), j.file.Sync())
}

// pseudonyms returns the pseudonyms of names, drawing those that there are not
// yet, once batch and all of them are on disk.
func (j *Journal) pseudonyms(ctx context.Context, b batch, names [][16]byte) ([]Pseudonym, error) {
	random := make([]byte, len(names)*len(Pseudonym{}))
	_, _ = rand.Read(random) // crypto/rand does not fail: it ends the process
	found := make([]Pseudonym, len(names))
	err := j.record(ctx, b, func() []assignment {
		var drawn []assignment
		for i, name := range names {
			p, ok := j.assigned[name]
			if !ok {
				p = Pseudonym(random[i*len(p):])
				j.assigned[name] = p
				drawn = append(drawn, assignment{name, p})
			}
			found[i] = p
		}
		return drawn
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// record adds a batch to the next commit and waits until that is on disk. assign
// runs while nobody else assigns. After a context's end a batch may still be
// written; then it counts though nobody was answered.
func (j *Journal) record(ctx context.Context, b batch, assign func() []assignment) error {
	j.mu.Lock()
	if err := j.failed; err != nil || j.closed {
		j.mu.Unlock()
		return errors.Join(errors.New("the pseudonym journal takes nothing more"), err)
	}
	j.pending = b.appendTo(j.pending, assign())
	j.tally.add(b)
	written := j.waiting
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default: // it is awake
	}
	select {
	case <-written:
	case <-ctx.Done():
		return ctx.Err()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// commits writes commits until the journal is closed.
func (j *Journal) commits() {
	defer close(j.ended)
	for {
		select {
		case <-j.wake:
			j.commit()
		case <-j.stop:
			j.commit() // whoever came before the end
			return
		}
	}
}

// commit writes what waits.
func (j *Journal) commit() {
	j.mu.Lock()
	body, written := j.pending, j.waiting
	j.pending, j.waiting = nil, make(chan struct{})
	at, previous, err := j.size, j.link, j.failed
	j.writing = true
	j.mu.Unlock()
	var commit []byte
	var link [sha256.Size]byte
	if err == nil && len(body) > 0 {
		commit, link = seal(body, previous)
		if _, err = j.file.WriteAt(commit, at); err == nil {
			err = j.file.Sync()
		}
	}
	j.mu.Lock()
	switch {
	case err != nil && j.failed == nil:
		j.failed = fmt.Errorf("write the pseudonym journal: %w", err)
	case err == nil && len(body) > 0:
		j.size, j.link = at+int64(len(commit)), link
	}
	j.writing = false
	j.mu.Unlock()
	close(written)
}

// Healthy says why the journal can take nothing more, if so.
func (j *Journal) Healthy() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// Summary is what was issued since the last call of Stated, or nil for nothing.
// Its journal's head holds all of that.
func (j *Journal) Summary() *ledger.PseudonymsIssued {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writing || len(j.pending) > 0 || len(j.tally) == 0 || j.failed != nil {
		return nil // nothing, or a batch is on its way to the disk: next time
	}
	return j.tally.statement(ledger.JournalHead{Size: j.size, Head: ledger.Digest(hex.EncodeToString(j.link[:]))})
}

// Stated takes what a summary said off the next one.
func (j *Journal) Stated(s *ledger.PseudonymsIssued) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tally.subtract(s)
}

// Close writes what waits and closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	closed := j.closed
	j.closed = true
	j.mu.Unlock()
	if closed {
		return nil
	}
	close(j.stop)
	<-j.ended
	return errors.Join(j.file.Close(), j.release())
}
