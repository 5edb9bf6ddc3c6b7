package benchmarks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/synth"
	"rempart.eu/rempart/warehouse"
)

// The processes whose time and memory are measured: one that publishes a release
// from sealed deposits, and one that runs the same SQL over plain files.
const (
	publishArg = "omop-publish"
	plainArg   = "omop-plain"
)

// omopSizes are the populations, in persons. OMOP_PERSONS=10000,100000,1000000
// chooses others: a million takes hours, most of them before what is measured.
var omopSizes = []int{10_000, 100_000}

// omopBench measures the way from sealed deposits of a nation (DCIR, PMSI, registers;
// four hospitals' FHIR) to a sealed release with its quality report.
func omopBench(ctx context.Context, r *Run) error {
	sizes := omopSizes
	if text := os.Getenv("OMOP_PERSONS"); text != "" {
		sizes = nil
		for _, word := range strings.Split(text, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("OMOP_PERSONS: want numbers of persons as 10000,100000: %w", err)
			}
			sizes = append(sizes, n)
		}
	}
	var first float64
	for i, persons := range sizes {
		perSecond, err := r.nation(ctx, persons)
		if err != nil {
			return fmt.Errorf("%d persons: %w", persons, err)
		}
		if i == 0 {
			first = perSecond
			continue
		}
		r.RatioAtLeast(fmt.Sprintf("rows per second, %d persons to %d", persons, sizes[0]), perSecond, first, "rows/s", 0.85)
	}
	return nil
}

// nation measures one population, and gives the rows of sources a second.
func (r *Run) nation(ctx context.Context, persons int) (perSecond float64, err error) {
	dir := filepath.Join(r.Dir, strconv.Itoa(persons))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	title := fmt.Sprintf("%d persons: ", persons)
	home := filepath.Join(dir, "home")
	dcir, err := deposited(ctx, home, filepath.Join(dir, "population"), synth.Options{Persons: persons, Seed: 1, Layout: synth.National, Compression: synth.Zstd})
	if err != nil {
		return 0, err
	}
	var sealed, plain published
	for _, part := range []struct {
		args []string
		done *published
	}{{[]string{publishArg, home}, &sealed}, {[]string{plainArg, home, filepath.Join(dir, "plain")}, &plain}} {
		c, err := startChild(ctx, part.args...)
		if err != nil {
			return 0, err
		}
		if err := c.end(part.done); err != nil {
			return 0, err
		}
	}
	perSecond = float64(sealed.Rows) / sealed.Seconds
	r.Record(title+"rows of the DCIR", float64(dcir)/1e6, "million")
	r.Record(title+"rows of all sources", float64(sealed.Rows)/1e6, "million")
	r.Record(title+"sealed deposits to a sealed release with its quality report", sealed.Seconds, "s")
	r.RatioAtLeast(title+"rows per second, against the same SQL over plain files", perSecond, float64(plain.Rows)/plain.Seconds, "rows/s", 0.6)
	r.AtMost(title+"memory of the process", float64(sealed.Peak)/(1<<20), "MiB", 8192)
	return perSecond, r.month(ctx, home, dir, persons, title)
}

// deposited makes a home with the deposits of a nation, linked.
func deposited(ctx context.Context, home, population string, o synth.Options) (dcir int, err error) {
	truth, err := synth.Generate(ctx, population, o)
	if err != nil {
		return 0, err
	}
	w, err := warehouse.Init(ctx, home, warehouse.InitOptions{Name: "bench", Controller: "controller", Now: time.Now})
	if err != nil {
		return 0, err
	}
	if _, err := w.AddParty(ctx, "ttp", governance.LinkageAuthority); err != nil {
		return 0, err
	}
	for _, name := range synth.Parties() {
		if _, err := w.AddParty(ctx, name, governance.Provider); err != nil {
			return 0, err
		}
		if _, err := w.Deposit(ctx, warehouse.DepositOptions{Provider: name, Feed: nationalFeed(name), Dir: filepath.Join(population, name)}); err != nil {
			return 0, fmt.Errorf("deposit of %s: %w", name, err)
		}
		if err := os.RemoveAll(filepath.Join(population, name)); err != nil {
			return 0, err
		}
	}
	_, err = w.Link(ctx, warehouse.LinkOptions{})
	return generatedOf(truth).DCIR, err
}

// nationalFeed is the feed of a party of the layout national.
func nationalFeed(party string) string {
	if party == "insurer" {
		return "snds"
	}
	return "fhir"
}

// nationalVocabulary is the folder, among the feeds, of the vocabulary that the
// populations' codes are from.
const nationalVocabulary = "hospital/vocabulary"

// published is what a process has made of the deposits of a home.
type published struct {
	Seconds float64
	Rows    int64 // of the sources
	Peak    int64 // bytes of memory, at most

	Persons, Anew int64  // where it went on from a release: of the release, and mapped anew
	Why           string // why it did not
}

// omopPublish HOME [steps] [from-scratch] publishes a release, and tells what each step takes.
func omopPublish(ctx context.Context, args []string) error {
	w, err := warehouse.Open(args[0])
	if err != nil {
		return err
	}
	var made *warehouse.Published
	var done published
	words, err := fs.Sub(feeds.FS(), nationalVocabulary)
	if err != nil {
		return err
	}
	steps := &stopwatch{quiet: !slices.Contains(args, "steps")}
	done.Seconds, err = seconds(func() error {
		made, err = w.Publish(ctx, warehouse.PublishOptions{Vocabulary: words, Progress: steps.report, Scratch: slices.Contains(args, scratchArg)})
		return err
	})
	if err != nil {
		return err
	}
	done.Rows = sourceRows(made.Report)
	done.Persons, done.Anew, done.Why = made.Continued.Persons, made.Continued.Anew, made.Continued.Why
	done.Peak, err = peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(done))
}

// stopwatch tells on standard error how long each step of a progress took.
type stopwatch struct {
	quiet bool
	step  string
	since time.Time
}

func (s *stopwatch) report(step string, _, _ int64) {
	if s.quiet || step == s.step {
		return
	}
	if s.step != "" {
		peak, _ := peakMemory()
		fmt.Fprintf(os.Stderr, "%8.2f s  %6d MiB  %s\n", time.Since(s.since).Seconds(), peak>>20, s.step)
	}
	s.step, s.since = step, time.Now()
}
