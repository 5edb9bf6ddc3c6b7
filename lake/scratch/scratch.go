// Package scratch keeps on a disk what a step sets aside because memory has no room
// for it, so that nobody can read it there.
//
// A [Space] is one file without a name in a folder: it is gone when the space is closed
// or the process ends, however it ends. What [Space.Put] writes is an age file
// (https://age-encryption.org/v1) for a key that was drawn for this space, lies in this
// process's memory alone and is never written: what the disk keeps of the file
// afterwards opens to nobody. What was altered on the disk does not load.
package scratch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/engine"
)

// Space is a place for pieces, which [Space.Load] gives back. It is not safe for
// concurrent use.
type Space struct {
	dir  string
	file *os.File // nil until something is put
	key  *age.HybridIdentity
	end  int64
	held int64 // bytes of the pieces that are there
}

// Piece is something that was put.
type Piece struct{ at, size int64 }

// In is a space in a folder; "" is the system's for temporary files. Nothing is made
// there before something is put.
func In(dir string) *Space {
	if dir == "" {
		dir = os.TempDir()
	}
	return &Space{dir: dir}
}

// Held is how many bytes the pieces have on the disk.
func (s *Space) Held() int64 { return s.held }

// Put keeps what write writes.
func (s *Space) Put(write func(io.Writer) error) (Piece, error) {
	if err := s.open(); err != nil {
		return Piece{}, err
	}
	p := Piece{at: s.end}
	to := io.NewOffsetWriter(s.file, p.at)
	sealed, err := age.Encrypt(to, s.key.Recipient())
	if err == nil {
		err = write(sealed)
	}
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		return Piece{}, s.explain(err)
	}
	if p.size, err = to.Seek(0, io.SeekCurrent); err != nil {
		return Piece{}, err
	}
	s.end += p.size
	s.held += p.size
	return p, nil
}

// explain says what to do about a disk that is full.
func (s *Space) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk of the scratch folder %s is full, with %d MiB set aside there: free some of it, or name a folder on another disk as scratch in rempart.toml: %w", s.dir, s.held>>20, err)
	}
	return err
}

func (s *Space) open() (err error) {
	if s.file != nil {
		return nil
	}
	if s.key, err = age.GenerateHybridIdentity(); err != nil {
		return err
	}
	if s.file, err = unnamed(s.dir); err != nil {
		return fmt.Errorf("make a file in the scratch folder: %w", s.explain(err))
	}
	return nil
}

// unnamed makes a file that no folder lists. A file system that cannot make one has it
// listed for an instant, while it is empty.
func unnamed(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir), nil
	}
	f, err := os.CreateTemp(dir, ".scratch-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Load opens a piece into a memory file.
func (s *Space) Load(p Piece, name string) (*engine.File, error) {
	return engine.LoadFile(name, func(w io.Writer) error {
		plain, err := age.Decrypt(io.NewSectionReader(s.file, p.at, p.size), s.key)
		if err == nil {
			_, err = io.Copy(w, plain)
		}
		if err != nil {
			return fmt.Errorf("what was set aside in the scratch folder %s does not open: was it altered? %w", s.dir, err)
		}
		return nil
	})
}

// Drop gives the room of a piece back, where the file system can.
func (s *Space) Drop(p Piece) {
	s.held -= p.size
	_ = unix.Fallocate(int(s.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, p.at, p.size)
}

// Close ends the space, and all that is in it.
func (s *Space) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
