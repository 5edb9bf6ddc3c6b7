package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ServeMemory puts the files of a space, whole and in plain, into an empty
// directory in memory, and removes them when the reading ends. The directory is
// a tmpfs of its own where this process may mount one; otherwise it must lie in
// a tmpfs, such as /dev/shm. The files take as much memory as they are long.
// At the end they are emptied before they are removed: who has one open reads
// nothing more of it.
//
// Unlike [Serve] it checks every object's digest before anything can be read,
// and leaves the files behind where the process is killed.
func ServeMemory(ctx context.Context, dir string, s Space, o Options) (_ Stats, err error) {
	o = o.filled()
	if dir, err = absolute(dir); err != nil {
		return Stats{}, err
	}
	if err := s.check(dir); err != nil {
		return Stats{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return Stats{}, fmt.Errorf("mount: %w", err)
	}
	own, err := memoryAt(dir)
	if err != nil {
		return Stats{}, err
	}
	stats := Stats{}
	if stats.Bytes, err = s.copyTo(ctx, dir); err == nil {
		o.Ready()
		stats.Ended = o.wait(ctx, nil)
	}
	err = errors.Join(err, s.removeFrom(dir))
	if own {
		err = errors.Join(err, unix.Unmount(dir, unix.MNT_DETACH))
	}
	return stats, err
}

// memoryAt makes a directory one that is in memory; own says that a tmpfs was
// mounted there. It never swaps, where the kernel can promise that.
func memoryAt(dir string) (own bool, err error) {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if unix.Mount("rempart", dir, "tmpfs", flags, "mode=0700,noswap") == nil {
		return true, nil
	}
	if unix.Mount("rempart", dir, "tmpfs", flags, "mode=0700") == nil {
		return true, nil
	}
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil {
		return false, fmt.Errorf("mount: %s: %w", dir, err)
	}
	if at.Type != unix.TMPFS_MAGIC {
		return false, fmt.Errorf("mount: %s is on a disk, where no plaintext may lie: choose a directory in /dev/shm", dir)
	}
	return false, nil
}

// copyTo writes every file and returns how many bytes they have.
func (s Space) copyTo(ctx context.Context, dir string) (total int64, err error) {
	for _, f := range s.Files {
		n, err := s.copyFile(ctx, dir, f)
		if err != nil {
			return total, fmt.Errorf("file %s: %w", f.Name, err)
		}
		total += n
	}
	return total, nil
}

func (s Space) copyFile(ctx context.Context, dir string, f File) (n int64, err error) {
	to, err := os.OpenFile(filepath.Join(dir, f.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if err != nil {
		return 0, err
	}
	err = s.Vault.Read(ctx, f.Object, s.Key, func(plain io.Reader) error {
		n, err = io.Copy(to, plain)
		return err
	})
	return n, errors.Join(err, to.Close())
}

// removeFrom empties and removes the files that were written.
func (s Space) removeFrom(dir string) (err error) {
	for _, f := range s.Files {
		path := filepath.Join(dir, f.Name)
		if _, missing := os.Lstat(path); errors.Is(missing, os.ErrNotExist) {
			continue
		}
		err = errors.Join(err, os.Chmod(path, 0o600), os.Truncate(path, 0), os.Remove(path))
	}
	return err
}
