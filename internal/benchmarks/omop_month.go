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

// months are what comes after a release: the records that a hospital has of a share of all
// persons, or the claims of a share of them. A month of a nation's claims is of more than half
// of all persons, for which a release is built from all deposits: it saves nothing.
var months = []struct {
	name, party string
	of          int // one person of so many is drawn
	target      float64
}{
	{"a hospital's month", "hospital-1", 50, 0.1},
	{"claims of a twentieth of the persons", "insurer", 20, 0},
}

// month measures a release that goes on from the last against one of all deposits.
func (r *Run) month(ctx context.Context, home, dir string, persons int, title string) error {
	for _, m := range months {
		if err := depositMonth(ctx, home, filepath.Join(dir, "month"), persons/m.of, m.party); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
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
			return fmt.Errorf("%s: the release did not go on from the last: %s", m.name, on.Why)
		}
		r.Record(title+m.name+": persons whom it touches", 100*float64(on.Anew)/float64(on.Persons), "%")
		if m.target > 0 {
			r.RatioAtMost(title+m.name+", against a release of all deposits", on.Seconds, all.Seconds, "s", m.target)
		} else {
			r.Ratio(title+m.name+", against a release of all deposits", on.Seconds, all.Seconds, "s")
		}
		r.AtMost(title+m.name+": memory of the process", float64(on.Peak)/(1<<20), "MiB", 8192)
	}
	return nil
}

// depositMonth deposits what a party has of the first so many persons of the population,
// and links anew.
func depositMonth(ctx context.Context, home, dir string, persons int, party string) (err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := synth.Generate(ctx, dir, synth.Options{Persons: persons, Seed: 1, Layout: synth.National, Compression: synth.Zstd}); err != nil {
		return err
	}
	w, err := warehouse.Open(home)
	if err != nil {
		return err
	}
	if _, err := w.Deposit(ctx, warehouse.DepositOptions{Provider: party, Feed: nationalFeed(party), Dir: filepath.Join(dir, party)}); err != nil {
		return err
	}
	_, err = w.Link(ctx, warehouse.LinkOptions{})
	return err
}
