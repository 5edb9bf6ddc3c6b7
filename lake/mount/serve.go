package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"golang.org/x/sys/unix"
)

// Serve shows a space at an empty directory until the reading ends, and returns
// what was read. The space's files must have been found readable by whoever
// mounts. An error of what was read is its reader's and the log's, not Serve's.
//
// Where others still have files open at the end, their next reading fails. An
// unprivileged process then keeps the goroutines that answered them until it
// ends: the kernel ends them together with the last open file.
func Serve(ctx context.Context, dir string, s Space, o Options) (Stats, error) {
	o = o.filled()
	dir, err := absolute(dir)
	if err != nil {
		return Stats{}, err
	}
	if err := errors.Join(s.check(dir), Available()); err != nil {
		return Stats{}, err
	}
	t, err := newTree(context.WithoutCancel(ctx), s, o)
	if err != nil {
		return Stats{}, err
	}
	server, err := fs.Mount(dir, t, mountOptions())
	if err != nil {
		return Stats{}, fmt.Errorf("mount at %s: %w", dir, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		server.Wait()
	}()
	o.Ready()
	ended := o.wait(ctx, gone)
	err = t.end()
	select {
	case <-gone:
		return t.stats(ended), nil
	default:
	}
	return t.stats(ended), errors.Join(err, detach(dir, gone))
}

// patience is how long one step of unmounting may take.
const patience = 5 * time.Second

// detach takes the directory away from everybody, with files open or not. Root
// also ends the connection with the kernel; others cannot.
func detach(dir string, gone <-chan struct{}) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH|unix.MNT_FORCE|unix.UMOUNT_NOFOLLOW); err != nil {
		if err := fusermount(dir); err != nil {
			return err
		}
	}
	select {
	case <-gone:
	case <-time.After(patience):
	}
	return nil
}

func fusermount(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "fusermount3", "-u", "-z", "--", dir)
	c.WaitDelay = time.Second
	c.Env = os.Environ()
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("unmount %s: %w: %s; do it by hand: fusermount3 -uz %s", dir, err, text, dir)
	}
	return nil
}
