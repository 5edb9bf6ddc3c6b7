package engine

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File is an anonymous file in memory (memfd_create(2)): it has no name in any
// directory and is gone when it is closed or the process ends.
type File struct {
	*os.File
}

// NewFile makes an empty memory file. The name only shows in /proc.
func NewFile(name string) (*File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make a memory file: %w", err)
	}
	return &File{os.NewFile(uintptr(fd), name)}, nil
}

// LoadFile makes a memory file that holds what write writes, and rewinds it.
func LoadFile(name string, write func(io.Writer) error) (*File, error) {
	f, err := NewFile(name)
	if err != nil {
		return nil, err
	}
	if err := write(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("rewind a memory file: %w", err), f.Close())
	}
	return f, nil
}

// Path is where this process, and nobody else, reads the file. DuckDB opens it anew.
func (f *File) Path() string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }
