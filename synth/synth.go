// Package synth makes a synthetic national population with known truth: the
// records of four hospitals and the claims of one health insurer, about
// overlapping persons, in French form. It serves demonstrations, tests and
// benchmarks, in which no real person may appear.
//
//	                        ┌─ hospital-1 … hospital-4   patients, stays, diagnoses, …
//	(seed, i) ─► person i ──┤
//	                        ├─ insurer                   beneficiaries, care, dispensations, …
//	                        └─ truth                     which record is of which person
//
// [Generate] is the package; [Notes] are clinical texts about its persons, to measure what
// finds identifiers in them. Every person is derived from the seed and its own
// number alone, so the same options always give the same bytes, the files are
// written as streams, and a million persons need no more memory than a thousand.
//
// What is realistic: age pyramid and mortality, prevalence by age and sex,
// seasonality, lengths of stay, namesakes, identity numbers with valid keys,
// and the errors that a registration desk makes. What is not: every person is
// independent of every other (no households, no contagion), communes of birth
// are numbers without a place, and a line of care may stand for what a full
// claims database has in several. Rates are round figures of the right
// magnitude: nothing about medicine can be learnt from these data.
package synth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"rempart.eu/rempart/internal/nearest"
)

// Hospitals is the number of hospitals; their parties are hospital-1 to hospital-4.
const Hospitals = 4

// MaxPersons bounds Options.Persons: local numbers have eleven digits.
const MaxPersons = 80_000_000

// Options say what to generate. The zero Seed is a seed like any other.
type Options struct {
	Persons int    // 1 to MaxPersons
	Seed    uint64 // same seed, persons and rates: same bytes
	Rates   *Rates // of errors; nil is DefaultRates
	Layout  Layout // which files; Feeds where it is empty

	WithoutNIR []string // hospitals that hold no national identifier: all else in their files is as it would be

	Compression Compression // of the files, layout national; Plain where it is empty
	ByMonth     bool        // layout national: files of the DCIR by month of FLX_DIS_DTD, not by year
	Discard     bool        // layout national: make everything and write nothing, to measure

	// Progress, where set, is called after every batch of persons, in order, from one goroutine.
	Progress func(done, total int)
}

// Layout says which files a population has.
type Layout string

// The layouts that there are.
const (
	Feeds    Layout = "feeds"    // CSV of the feeds hospital and insurer
	National Layout = "national" // the insurer's SNDS and the hospitals' FHIR: feeds snds and fhir
)

// world is what persons are made in.
func (o Options) world() world {
	w := world{seed: o.Seed, rates: o.rates()}
	for h := range Hospitals {
		w.withoutNIR[h] = slices.Contains(o.WithoutNIR, hospitalName(h))
	}
	return w
}

func (o Options) rates() Rates {
	if o.Rates == nil {
		return DefaultRates()
	}
	return *o.Rates
}

// Truth counts what was generated; the file truth/persons.csv says it record by record.
type Truth struct {
	Persons    int            // persons in the population
	InHospital int            // persons with a record at one hospital or more
	InSeveral  int            // persons with records at two hospitals or more
	Insured    int            // persons with a record at the insurer
	Linked     int            // persons with a record at two parties or more
	Rows       map[string]int // rows by file, headers excluded: "hospital-1/patients.csv"
	Errors     map[string]int // errors by kind: "nir missing", "name typo", "stay: day off", …
	Refused    map[string]int // rows that the feed is to refuse, by file, layout national
	Marginals  Marginals      // sums, as truth/marginals.json has them
	Unreadable int            // observations whose value is not a number, as a laboratory writes "hémolysé"
}

// Generate writes the population below dir, which is made where it is missing:
//
//	hospital-1 … hospital-4/{patients,stays,diagnoses,procedures,drugs,observations}.csv
//	insurer/{beneficiaries,coverage,care,dispensations,stays}.csv
//	truth/persons.csv   party, local_key, person
//	truth/stays.csv     party, stay, person, true_stay
//
//	truth/marginals.json  sums that a report compares with published figures
//
// In the layout National the insurer has the tables of the SNDS, one file a
// year or, of the DCIR, one a month, and a hospital FHIR NDJSON; docs/synth.md lists them.
//
// A line of truth/stays.csv is a stay as one party keeps it: stay is that file's
// own key, and true_stay the same number for the same stay wherever it is kept.
// Files of these names are replaced. All are UTF-8 CSV with a header (RFC 4180,
// lines end with LF), ordered by person. When Generate fails, what it wrote is
// incomplete and should be deleted.
func Generate(ctx context.Context, dir string, opts Options) (Truth, error) {
	if opts.Persons < 1 || opts.Persons > MaxPersons {
		return Truth{}, fmt.Errorf("generate %d persons: ask for 1 to %d", opts.Persons, MaxPersons)
	}
	if err := opts.rates().check(); err != nil {
		return Truth{}, err
	}
	if opts.ByMonth && (opts.Layout == "" || opts.Layout == Feeds) {
		return Truth{}, fmt.Errorf("files by month are those of the layout %s", National)
	}
	for _, party := range opts.WithoutNIR {
		if !slices.Contains(Parties()[:Hospitals], party) {
			return Truth{}, fmt.Errorf("there is no hospital %q: %s", party, nearest.Hint(party, Parties()[:Hospitals]))
		}
	}
	truth, err := generate(ctx, dir, opts)
	if err != nil {
		return Truth{}, fmt.Errorf("write the population to %s: %w", dir, err)
	}
	return truth, nil
}

func generate(ctx context.Context, dir string, opts Options) (Truth, error) {
	var truth Truth
	switch opts.Layout {
	case "", Feeds:
		out, err := createFiles(dir)
		if err != nil {
			return Truth{}, err
		}
		truth, err = run(ctx, opts, out)
		if err := errors.Join(err, out.close()); err != nil {
			return Truth{}, err
		}
	case National:
		if opts.Discard {
			dir = ""
		}
		layouts := nationalLayouts(opts.ByMonth)
		out, err := createOutputs(dir, layouts, opts.Compression)
		if err != nil {
			return Truth{}, err
		}
		truth, err = runNational(ctx, opts, layouts, out)
		if err := errors.Join(err, out.close()); err != nil || opts.Discard {
			return truth, err
		}
	default:
		return Truth{}, fmt.Errorf("there is no layout %q: %s", opts.Layout, nearest.Hint(string(opts.Layout), []string{string(Feeds), string(National)}))
	}
	return truth, truth.Marginals.write(dir)
}

// Parties are the folders that Generate writes and a provider deposits, in order.
func Parties() []string {
	names := make([]string, 0, Hospitals+1)
	for h := range Hospitals {
		names = append(names, hospitalName(h))
	}
	return append(names, insurer)
}

func hospitalName(h int) string { return fmt.Sprintf("hospital-%d", h+1) }

const insurer = "insurer"

// mkdir makes a folder that only its owner reads: habits are for real data.
func mkdir(dir string) error { return os.MkdirAll(dir, 0o700) }
