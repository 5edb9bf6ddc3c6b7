// Package mount shows sealed Parquet files as plain ones, in a read-only
// directory, for programs that read files: DuckDB, pyarrow, cp.
//
// [Serve] decrypts what is read, when it is read, and no more: 64 KiB are the
// least. What was read lies in the kernel's page cache, so that a second
// reading costs what a plain file costs; this process keeps a bounded number of
// chunks and nothing else, whatever the size of the files. [ServeMemory] is for
// machines without FUSE: it puts whole plain files into a tmpfs.
//
// Guarantees: nothing of the plaintext is written to a disk. Every chunk is
// authenticated before a byte of it is handed out; one that does not open is an
// I/O error to its reader, and its reason is in the log. Reading ends with the
// context, at Options.Until, or when Options.Allowed says so: from then on
// reads fail, open files and cached pages included, and the directory is empty
// again.
//
// Not guaranteed: what a reader has copied elsewhere by then. Only the user who
// mounts, and root with that user's rights, can read; what that user may read
// is for the caller to ask (package governance).
//
// A process must not read what it serves itself: it would wait for itself in
// the kernel, where nothing can end it.
package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
)

// Space is what is mounted.
type Space struct {
	Vault *lake.Vault
	Key   age.Identity // opens every file
	Files []File
}

// File is one file of the directory.
type File struct {
	Name   string // without a slash
	Object ledger.Object
}

// Options say how long and how a space is served. The zero value serves until
// the context ends.
type Options struct {
	Until   time.Time                   // reading ends then; zero: it does not end by the clock
	Allowed func(context.Context) error // asked every second: an error ends the reading; may be nil
	Now     func() time.Time            // the clock; nil is time.Now
	Cache   int64                       // bytes of decrypted chunks to keep; 0 is 64 MiB
	Ready   func()                      // called once the files can be read; may be nil
	Log     *slog.Logger                // nil is slog.Default()
}

// Stats is what was read.
type Stats struct {
	Opens map[string]int64 // of each file that was opened; nil where the kernel does not tell ([ServeMemory])
	Bytes int64            // handed to the kernel, whose cache may have served them many times
	Ended string           // why the reading ended, in words
}

// ErrUnavailable says that this machine has no FUSE, or forbids it.
var ErrUnavailable = errors.New("this machine has no /dev/fuse that may be used: serve from memory instead (--memory)")

// Available says whether [Serve] can work here: nil, or an [ErrUnavailable].
func Available() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrUnavailable, err)
	}
	return f.Close()
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cache == 0 {
		o.Cache = 64 << 20
	}
	if o.Ready == nil {
		o.Ready = func() {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Allowed == nil {
		o.Allowed = func(context.Context) error { return nil }
	}
	return o
}

// over says whether the clock ends the reading.
func (o Options) over() bool { return !o.Until.IsZero() && !o.Now().Before(o.Until) }

// The rhythm of asking. The clock is asked often, and not once by a timer: it
// may be set, and a machine may sleep.
const (
	clockEvery = time.Second
	askEvery   = time.Second
)

// wait returns why the reading ends: once ctx does, the clock says so, the
// right to read is withdrawn, or gone is closed.
func (o Options) wait(ctx context.Context, gone <-chan struct{}) string {
	clock, ask := time.NewTicker(clockEvery), time.NewTicker(askEvery)
	defer clock.Stop()
	defer ask.Stop()
	for {
		if o.over() {
			return "the right to read ended on " + o.Until.UTC().Format(time.RFC3339)
		}
		select {
		case <-ctx.Done():
			return "it was interrupted"
		case <-gone:
			return "it was unmounted"
		case <-clock.C:
		case <-ask.C:
			if err := o.Allowed(ctx); err != nil {
				return err.Error()
			}
		}
	}
}

// check refuses what cannot be a directory.
func (s Space) check(dir string) error {
	seen := map[string]bool{}
	for _, f := range s.Files {
		if f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, "/\x00") || seen[f.Name] {
			return fmt.Errorf("mount: %q cannot be a file's name here", f.Name)
		}
		seen[f.Name] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("mount: %s is not empty: choose an empty directory", dir)
	}
	return nil
}

// open opens a file's plaintext.
func (s Space) open(ctx context.Context, f File) (io.ReaderAt, int64, io.Closer, error) {
	plain, size, closer, err := s.Vault.ReaderAt(ctx, f.Object, s.Key)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("file %s: %w", f.Name, err)
	}
	return plain, size, closer, nil
}

// absolute is where a directory is whatever the working directory becomes.
func absolute(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("mount: %w", err)
	}
	return filepath.EvalSymlinks(dir)
}
