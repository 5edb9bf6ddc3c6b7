package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"rempart.eu/rempart/host"
)

// faulty is a host on which something goes wrong.
type faulty struct {
	host.Store
	when   string       // before, within or after an upload, or at an opening: the power fails; "full": the disk does
	at     int64        // at which upload or opening, counted from 1; or how many bytes the disk has left
	count  int64        // uploads so far
	opened atomic.Int64 // objects that were opened so far
}

// parseFault reads "before:3", "within:3", "after:3", "open:3" or "full:BYTES".
func parseFault(text string) (func(host.Store) host.Store, error) {
	when, number, _ := strings.Cut(text, ":")
	at, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", faultVariable, err)
	}
	switch when {
	case "before", "within", "after", "open", "full":
		return func(s host.Store) host.Store { return &faulty{Store: s, when: when, at: at} }, nil
	}
	return nil, fmt.Errorf("%s: there is no fault %q", faultVariable, text)
}

// Put implements [host.Store].
func (f *faulty) Put(ctx context.Context, name string, body io.Reader) error {
	f.count++
	now := f.count == f.at
	switch {
	case f.when == "full":
		body = &fullDisk{body, &f.at}
	case now && f.when == "before":
		powerFails()
	case now && f.when == "within":
		body = io.MultiReader(io.LimitReader(body, 256), readerFunc(func([]byte) (int, error) { powerFails(); return 0, io.EOF }))
	}
	err := f.Store.Put(ctx, name, body)
	if now && f.when == "after" && err == nil {
		powerFails()
	}
	return err
}

// Open implements [host.Store].
func (f *faulty) Open(ctx context.Context, name string) (host.Object, error) {
	if f.when == "open" && f.opened.Add(1) == f.at {
		powerFails()
	}
	return f.Store.Open(ctx, name)
}

// powerFails is kill -9 to ourselves.
func powerFails() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal ends us before the kill returns, or soon after
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// fullDisk lets through what the disk has room for.
type fullDisk struct {
	body io.Reader
	left *int64
}

func (d *fullDisk) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	if *d.left -= int64(n); *d.left < 0 {
		return 0, syscall.ENOSPC
	}
	return n, err
}
