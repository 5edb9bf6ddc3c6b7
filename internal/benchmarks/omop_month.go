package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rempart.eu/rempart/synth"
	"rempart.eu/rempart/warehouse"
)

// scratchArg has omopPublish build from all deposits.
const scratchArg = "from-scratch"

// A month is what comes after a release: the records that a hospital has of one of fifty of
// all persons. A month of a nation's claims is of more than half of them, for which a release
// is built from all deposits.
const (
	monthOf    = "hospital-1"
	monthShare = 50
)

// month measures a release that goes on from the last against one of all deposits.
func (r *Run) month(ctx context.Context, home, dir string, persons int, title string) error {
	if err := depositMonth(ctx, home, filepath.Join(dir, "month"), persons/monthShare); err != nil {
		return err
	}
	var on, all published
	for _, part := range []struct {
		args []string
		done *published
	}{{[]string{publishArg, home}, &on}, {[]string{publishArg, home, scratchArg}, &all}} {
		c, err := startChild(ctx, part.args...)
		if err != nil {
			return err
		}
		if err := c.end(part.done); err != nil {
			return err
		}
	}
	if on.Persons == 0 {
		return fmt.Errorf("a month: the release did not go on from the last: %s", on.Why)
	}
	r.Record(title+"a hospital's month: persons whom it touches", 100*float64(on.Anew)/float64(on.Persons), "%")
	r.RatioAtMost(title+"a hospital's month, against a release of all deposits", on.Seconds, all.Seconds, "s", 0.1)
	r.AtMost(title+"a hospital's month: memory of the process", float64(on.Peak)/(1<<20), "MiB", 8192)
	return nil
}

// depositMonth deposits what a hospital has of the first so many persons of the population,
// and links anew.
func depositMonth(ctx context.Context, home, dir string, persons int) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := synth.Generate(ctx, dir, synth.Options{Persons: persons, Seed: 1, Layout: synth.National, Compression: synth.Zstd}); err != nil {
		return err
	}
	w, err := warehouse.Open(home)
	if err != nil {
		return err
	}
	if _, err := w.Deposit(ctx, warehouse.DepositOptions{Provider: monthOf, Feed: nationalFeed(monthOf), Dir: filepath.Join(dir, monthOf)}); err != nil {
		return err
	}
	_, err = w.Link(ctx, warehouse.LinkOptions{})
	return err
}
