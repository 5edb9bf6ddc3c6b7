package query

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// Entry is one question of a project's history.
type Entry struct {
	Number     int
	Time       time.Time
	Session    string
	Researcher string
	Text       string
	Release    string
	Space      uint64       // the statement by which the project was given what was asked
	Refused    string       // why it was not answered, or ""
	Told       []ToldColumn // what each person added to each number that was told
}

// Numbers is how many numbers were told.
func (e *Entry) Numbers() (n int) {
	for _, t := range e.Told {
		n += len(t.Cells)
	}
	return n
}

// Journal is a project's history of questions: a file that only grows, each entry sealed with
// the project's key. What Add has returned is on the disk. It is a ledger.Chain of age files, each of
// which holds an entry by encoding/gob, compressed by Zstandard.
type Journal struct {
	Entries []Entry

	path     string
	file     *os.File
	release  func() error
	key      age.Recipient
	chain    ledger.Chain
	anchored int // how many entries the ledger has
}

// DamagedError says that a history is not what was written.
type DamagedError struct{ Path, Reason string }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the history of questions %s was changed: %s: put its copy back", e.Path, e.Reason)
}

// Key opens and seals entries.
type Key interface {
	age.Recipient
	age.Identity
}

// OpenJournal opens or makes the history at path, for this process alone. It must reach as far
// as anchor, the last head that the ledger has, and hold it. An entry that breaks off at the end
// was never answered, and is cut off.
func OpenJournal(ctx context.Context, path string, key Key, anchor ledger.JournalHead) (_ *Journal, err error) {
	release, err := filelock.Exclusive(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, release: release, key: key, chain: ledger.Chain{Line: warehouse.QuestionsLine}}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, errors.Join(err, release())
	}
	if err := j.replay(key, anchor); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// Close lets others open it.
func (j *Journal) Close() error { return errors.Join(j.file.Close(), j.release()) }

// Head is how far it goes.
func (j *Journal) Head() ledger.JournalHead { return j.chain.Head() }

// Since are the entries that the ledger does not have yet.
func (j *Journal) Since() []Entry { return j.Entries[j.anchored:] }

func (j *Journal) replay(key age.Identity, anchor ledger.JournalHead) error {
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	known, sums := histories.of(j.path)
	var sealed [][]byte
	var now [][sha256.Size]byte
	err = j.chain.Read(data, anchor, func(entry []byte, anchored bool) error {
		sealed, now = append(sealed, entry), append(now, sha256.Sum256(entry))
		if anchored {
			j.anchored = len(sealed)
		}
		return nil
	})
	same := 0
	for same < min(len(now)-1, len(sums)) && now[same] == sums[same] { // the last one shows that the key is right
		same++
	}
	var more []Entry
	if err == nil {
		more, err = openAll(sealed[same:], key)
	}
	if err != nil {
		return &DamagedError{j.path, err.Error()}
	}
	j.Entries = slices.Concat(known[:same], more)
	histories.keep(j.path, j.Entries, now)
	if len(data) < len(j.chain.Line) { // new, or torn when it was
		if _, err := j.file.WriteAt([]byte(j.chain.Line), 0); err != nil {
			return err
		}
		return j.file.Sync()
	}
	return j.file.Truncate(j.chain.Size)
}

func open(sealed []byte, key age.Identity) (*Entry, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), key)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	e := &Entry{}
	return e, gob.NewDecoder(z).Decode(e)
}

// Add appends an entry, which gets the next number.
func (j *Journal) Add(e *Entry) error {
	e.Number = len(j.Entries) + 1
	for i := range e.Told {
		e.Told[i].Question = e.Number
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, j.key)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	if err := errors.Join(gob.NewEncoder(z).Encode(e), z.Close(), w.Close()); err != nil {
		return err
	}
	at := j.chain.Size
	if _, err := j.file.WriteAt(j.chain.Append(sealed.Bytes()), at); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.Entries = append(j.Entries, *e)
	return nil
}

// Of is what was told of one extraction of a release, and how much was asked of the release.
func (j *Journal) Of(space uint64, release string) (h History) {
	for _, e := range j.Entries {
		if e.Release != release {
			continue
		}
		if e.Refused == "" {
			h.Questions++
			h.Numbers += e.Numbers()
		}
		if e.Space == space {
			h.Columns = append(h.Columns, e.Told...)
		}
	}
	return h
}
