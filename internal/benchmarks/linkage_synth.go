package benchmarks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"rempart.eu/rempart/synth"
)

// synthArg is the process that generates, whose memory is measured.
const synthArg = "linkage-synth"

// linkageSynth measures the generator of the populations that linkage is
// measured on: a nation of a million persons, made and thrown away, since what
// is measured is the making; a smaller one that is written; and that its bytes
// are the same on one core as on all.
func linkageSynth(ctx context.Context, r *Run) error {
	small, err := generate(ctx, 100_000)
	if err != nil {
		return err
	}
	large, err := generate(ctx, 1_000_000)
	if err != nil {
		return err
	}
	r.AtLeast("synth, 1 million persons, DCIR rows", float64(large.DCIR)/1e6, "million", 90)
	r.Record("synth, 1 million persons, all rows", float64(large.Rows)/1e6, "million")
	r.AtLeast("synth, rows per second with the FHIR side", float64(large.Rows)/large.Seconds, "rows/s", 200_000)
	r.RatioAtLeast("synth, rows per second, 1 million to 100,000 persons", float64(large.Rows)/large.Seconds, float64(small.Rows)/small.Seconds, "rows/s", 0.85)
	r.RatioAtMost("synth, memory, 1 million to 100,000 persons", float64(large.Peak)/(1<<20), float64(small.Peak)/(1<<20), "MiB", 1.2)
	if err := r.written(ctx); err != nil {
		return err
	}
	one, all, err := sameBytes(ctx, r.Dir)
	if err != nil {
		return err
	}
	same := 0.0
	if one == all {
		same = 1
	}
	r.AtLeast("synth, the same bytes on one core and on all (1: yes)", same, "", 1)
	return nil
}

// written measures a nation that is written to disk, compressed.
func (r *Run) written(ctx context.Context) error {
	dir := filepath.Join(r.Dir, "nation")
	var truth synth.Truth
	s, err := seconds(func() (err error) {
		truth, err = synth.Generate(ctx, dir, synth.Options{Persons: 50_000, Seed: 1, Layout: synth.National, Compression: synth.Zstd})
		return err
	})
	if err != nil {
		return err
	}
	made := generatedOf(truth)
	r.AtLeast("synth, rows per second written with zstd", float64(made.Rows)/s, "rows/s", 200_000)
	return os.RemoveAll(dir)
}

// generated is what the process that generates has done.
type generated struct {
	Seconds float64
	Rows    int
	DCIR    int   // of these
	Peak    int64 // bytes of memory, at most
}

func generatedOf(truth synth.Truth) (g generated) {
	for file, n := range truth.Rows {
		g.Rows += n
		if strings.HasPrefix(file, "insurer/ER_") {
			g.DCIR += n
		}
	}
	return g
}

// generate has another process generate, so that its memory is its own.
func generate(ctx context.Context, persons int) (done generated, err error) {
	c, err := startChild(ctx, synthArg, strconv.Itoa(persons))
	if err != nil {
		return done, err
	}
	return done, c.end(&done)
}

// synthProcess PERSONS generates a nation and keeps nothing of it.
func synthProcess(ctx context.Context, args []string) error {
	persons, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var truth synth.Truth
	s, err := seconds(func() (err error) {
		truth, err = synth.Generate(ctx, "", synth.Options{Persons: persons, Seed: 1, Layout: synth.National, Discard: true})
		return err
	})
	if err != nil {
		return err
	}
	done := generatedOf(truth)
	done.Seconds = s
	done.Peak, err = peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(done))
}

// sameBytes generates a small nation on one core and on all, and gives both digests.
func sameBytes(ctx context.Context, dir string) (one, all string, err error) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	if one, err = nationDigest(ctx, filepath.Join(dir, "one")); err != nil {
		return "", "", err
	}
	runtime.GOMAXPROCS(max(before, 2))
	all, err = nationDigest(ctx, filepath.Join(dir, "all"))
	return one, all, err
}

func nationDigest(ctx context.Context, dir string) (string, error) {
	if _, err := synth.Generate(ctx, dir, synth.Options{Persons: 5000, Seed: 9, Layout: synth.National}); err != nil {
		return "", err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, filepath.Base(name))
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)), os.RemoveAll(dir)
}
