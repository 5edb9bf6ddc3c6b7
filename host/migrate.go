package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Item is an object as somebody other than its host knows it.
type Item struct {
	Name   string
	Size   int64  // bytes
	SHA256 string // hexadecimal
}

// Digest is the SHA-256, in hexadecimal, of a list of objects: a line
// "NAME SIZE SHA256" for each, sorted by name, each ended by a newline.
func Digest(items []Item) string {
	sorted := slices.SortedFunc(slices.Values(items), func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, i := range sorted {
		fmt.Fprintf(sum, "%s %d %s\n", i.Name, i.Size, i.SHA256) // a hash does not fail
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Migration copies objects from one store to another. It believes neither: an
// object counts once it was read back from its new store and had the digest
// that was asked for. It may be ended at any moment and run again: what is
// there is read and not copied.
type Migration struct {
	From, To Store
	Parallel int                     // objects at a time; 0 is 4
	Progress func(done, total int64) // bytes; may be nil

	mu     sync.Mutex
	proven map[string]bool // items that an earlier Run of this Migration has read back
}

// Moved is what came of a migration.
type Moved struct {
	Objects  int64     `json:"objects"` // proven to be there
	Bytes    int64     `json:"bytes"`   // of these
	Copied   int64     `json:"copied"`  // objects; the others were there already
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is an object that could not be moved, and why.
type Failure struct {
	Object string `json:"object"`
	Reason string `json:"reason"`
}

// Run copies what is not there yet and reads everything back. What a store fails
// to do for an object is in Failures, sorted by name; the error is of the context,
// or of listing the new store.
func (m *Migration) Run(ctx context.Context, items []Item) (Moved, error) {
	var moved Moved
	var total int64
	for _, i := range items {
		total += i.Size
	}
	there := map[string]bool{} // at the new host
	err := m.To.List(ctx, func(name string, _ int64) error {
		there[name] = true
		return nil
	})
	if err != nil {
		return moved, err
	}
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(m.Parallel, 4))
	for _, item := range items {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			copied, err := m.move(ctx, item, there[item.Name])
			if ctx.Err() != nil {
				return ctx.Err()
			}
			n := done.Add(item.Size)
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.Progress != nil {
				m.Progress(n, total)
			}
			if err != nil {
				moved.Failures = append(moved.Failures, Failure{item.Name, err.Error()})
				return nil
			}
			moved.Objects++
			moved.Bytes += item.Size
			if copied {
				moved.Copied++
			}
			if m.proven == nil {
				m.proven = map[string]bool{}
			}
			m.proven[item.Name+item.SHA256] = true
			return nil
		})
	}
	err = group.Wait()
	slices.SortFunc(moved.Failures, func(a, b Failure) int { return strings.Compare(a.Object, b.Object) })
	return moved, err
}

// move makes sure that one object is there. Bytes that were altered on their
// way are tried a second time.
func (m *Migration) move(ctx context.Context, item Item, there bool) (copied bool, err error) {
	m.mu.Lock()
	proven := m.proven[item.Name+item.SHA256]
	m.mu.Unlock()
	if proven {
		return false, nil
	}
	err = fs.ErrNotExist
	if there {
		if err = prove(ctx, m.To, item); err == nil {
			return false, nil
		}
	}
	for range 2 {
		if !errors.Is(err, fs.ErrNotExist) { // another object has the name, or a damaged one
			if err := m.To.Delete(ctx, item.Name); err != nil {
				return false, fmt.Errorf("at the new host: %w", err)
			}
		}
		if err = m.copy(ctx, item); errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("at the old host: %w", err)
		}
		if err != nil {
			continue
		}
		if err = prove(ctx, m.To, item); err == nil {
			return true, nil
		}
		err = fmt.Errorf("read back from the new host: %w", err)
	}
	return false, err
}

// copy uploads an object while it is read. The upload is broken off, so that
// nothing is stored, where what was read is not what was asked for.
func (m *Migration) copy(ctx context.Context, item Item) (err error) {
	object, err := m.From.Open(ctx, item.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	checked, err := newChecked(object, item)
	if err != nil {
		return fmt.Errorf("at the old host: %w", err)
	}
	err = m.To.Put(ctx, item.Name, checked)
	if errors.Is(err, fs.ErrExist) && !errors.Is(err, errPhantom) { // prove says whose it is
		return nil
	}
	return err
}

// prove reads an object and says whether it is the one that was asked for.
func prove(ctx context.Context, store Store, item Item) (err error) {
	object, err := store.Open(ctx, item.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	checked, err := newChecked(object, item)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, checked)
	return err
}

// errAltered says that a host holds something else than what was asked for.
var errAltered = errors.New("its SHA-256 is not the recorded one")

// checked reads an object and fails at its end unless it is the right one.
type checked struct {
	io.Reader
	verdict func() error
}

func newChecked(object Object, item Item) (*checked, error) {
	if object.Size() != item.Size {
		return nil, fmt.Errorf("it has %d bytes, %d are recorded", object.Size(), item.Size)
	}
	sum := sha256.New()
	return &checked{
		Reader: io.TeeReader(io.NewSectionReader(object, 0, item.Size), sum),
		verdict: func() error {
			want, err := hex.DecodeString(item.SHA256)
			if err != nil || subtle.ConstantTimeCompare(want, sum.Sum(nil)) != 1 {
				return errAltered
			}
			return nil
		},
	}, nil
}

// Read implements [io.Reader].
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		if wrong := c.verdict(); wrong != nil {
			err = wrong
		}
	}
	return n, err
}

// Distinct says whether what is put into one store does not show in another: two
// names may be of one bucket. It puts an empty object into the first store and
// deletes it again.
func Distinct(ctx context.Context, written, other Store) (err error) {
	probe := NewName()
	if err := written.Put(ctx, probe, strings.NewReader("")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, written.Delete(context.WithoutCancel(ctx), probe)) }()
	object, err := other.Open(ctx, probe)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(errors.New("both hosts are one and the same place: see their addresses in rempart.toml"), object.Close())
}
