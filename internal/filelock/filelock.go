// Package filelock lets processes of one machine wait for each other (flock(2)).
// A lock ends with its process, however that ends.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Exclusive waits, as long as the context allows, until nobody else holds the
// lock at path, and holds it until release is called.
func Exclusive(ctx context.Context, path string) (release func() error, err error) {
	return hold(ctx, path, unix.LOCK_EX)
}

// Shared is like Exclusive, but several may hold the lock as shared.
func Shared(ctx context.Context, path string) (release func() error, err error) {
	return hold(ctx, path, unix.LOCK_SH)
}

func hold(ctx context.Context, path string, how int) (release func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another rempart that holds %s: %w", path, ctx.Err()), f.Close())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
