// Package host is where sealed objects lie: a place that stores without being
// able to read.
//
// A [Store] keeps objects under opaque names. It is not trusted: whether an
// object is the one that was put there is checked by its digest (package lake).
// Every store passes the suite in package hosttest.
package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"rempart.eu/rempart/internal/atomicfile"
)

// Store is what a host must do for us. Every method may be retried. Names are
// 32 hexadecimal digits (see [NewName]); bodies are sealed.
type Store interface {
	// Put stores an object whole or not at all. A name is used once:
	// fs.ErrExist where it is taken.
	Put(ctx context.Context, name string, body io.Reader) error
	// Open opens an object; fs.ErrNotExist where there is none.
	Open(ctx context.Context, name string) (Object, error)
	// List yields every object, in no order.
	List(ctx context.Context, yield func(name string, size int64) error) error
	// Delete removes an object; nil where it is already gone.
	Delete(ctx context.Context, name string) error
}

// Object is an object that is open for reading.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64 // bytes
}

// NewName draws a name that says nothing.
func NewName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return hex.EncodeToString(b[:])
}

var validName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Ours says whether a name on a host can be one that we gave: an object's, or
// that of an upload to a [Dir] that was interrupted.
func Ours(name string) bool {
	return validName.MatchString(name) || strings.HasPrefix(name, partial)
}

func checkName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%q cannot name an object: want 32 hexadecimal digits", name)
	}
	return nil
}

// Dir is a host that is a directory: a disk of one's own, or a mounted share.
type Dir string

// partial marks what an interrupted Put leaves.
const partial = ".partial-"

// Put implements [Store].
func (d Dir) Put(ctx context.Context, name string, body io.Reader) (err error) {
	if err := checkName(name); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(d), partial+"*")
	if err != nil {
		return fmt.Errorf("host %s: %w", string(d), err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = io.Copy(&early{File: f}, body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("host %s: %w", string(d), err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), d.path(name)); err != nil {
		return fmt.Errorf("host %s: %w", string(d), err)
	}
	return atomicfile.SyncDir(string(d))
}

// early has the kernel write out what a file takes while it takes it, so that the
// sync at its end has little left to wait for.
type early struct {
	*os.File
	size, begun int64
}

// earlyBytes is how much is written out at a time.
const earlyBytes = 8 << 20

// Write implements [io.Writer].
func (e *early) Write(p []byte) (int, error) {
	n, err := e.File.Write(p)
	if e.size += int64(n); e.size-e.begun >= earlyBytes {
		// A file system that cannot do it does it all in the sync.
		_ = unix.SyncFileRange(int(e.Fd()), e.begun, e.size-e.begun, unix.SYNC_FILE_RANGE_WRITE)
		e.begun = e.size
	}
	return n, err
}

// ReadFrom hides that of the file, which writes nothing early.
func (e *early) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{e}, r, make([]byte, 128<<10))
}

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

type dirObject struct {
	*os.File
	size int64
}

func (o dirObject) Size() int64 { return o.size }

// Open implements [Store].
func (d Dir) Open(_ context.Context, name string) (Object, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), f.Close())
	}
	return dirObject{f, info.Size()}, nil
}

// List implements [Store]. It also names what an interrupted Put left.
func (d Dir) List(ctx context.Context, yield func(name string, size int64) error) error {
	files, err := os.ReadDir(string(d))
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since
		}
		if err != nil {
			return fmt.Errorf("host: %w", err)
		}
		if err := yield(f.Name(), info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements [Store]. It also removes what an interrupted Put left.
func (d Dir) Delete(_ context.Context, name string) error {
	if !strings.HasPrefix(name, partial) || filepath.Base(name) != name {
		if err := checkName(name); err != nil {
			return err
		}
	}
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
