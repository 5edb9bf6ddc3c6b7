package benchmarks

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// filterSeeds are the populations, of filterPersons each, in which filters find whom nothing else does.
var filterSeeds = []uint64{1, 2, 4}

const filterPersons = 20_000

// linkageFilters links by keyed filters of names: FEBRL 4 by filters alone, and deposits of
// populations, one hospital of which holds no identifier, after tokens.
func linkageFilters(ctx context.Context, r *Run) error {
	key, err := clk.NewKey(bytes.Repeat([]byte{7}, pseudonym.SecretSize), clk.Scheme{})
	if err != nil {
		return err
	}
	if err := filtersOfFEBRL(ctx, r, key); err != nil {
		return err
	}
	precision, recall := 1.0, 1.0
	for _, seed := range filterSeeds {
		p, found, err := filtersOfPopulation(ctx, filepath.Join(r.Dir, "filters"), seed, key)
		if err != nil {
			return fmt.Errorf("filters of population %d: %w", seed, err)
		}
		precision, recall = min(precision, p), min(recall, found)
	}
	r.AtLeast("the rule probability, precision, the worst of three populations", 100*precision, "%", 99.9)
	r.Record("the same, recall of what no token links, the worst of three", 100*recall, "%")
	return nil
}

// filtersOfFEBRL is left out where the labelled sets are not.
func filtersOfFEBRL(ctx context.Context, r *Run, key *clk.Key) error {
	var records [2][]clk.Record
	var entities [2][]string
	for i, name := range []string{"dataset4a.csv", "dataset4b.csv"} {
		f, err := os.Open(filepath.Join(linkageSets, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		in := csv.NewReader(f)
		in.TrimLeadingSpace = true
		rows, err := in.ReadAll()
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		for _, row := range rows[1:] {
			records[i] = append(records[i], clk.Record{Identity: pseudonym.Identity{FirstName: row[1], LastName: row[2], BirthDate: row[9], Postcode: row[7]}, City: row[6], Street: row[4]})
			entities[i] = append(entities[i], febrlEntity.FindStringSubmatch(row[0])[1])
		}
	}
	var found clk.Result
	took, err := seconds(func() (err error) {
		found, err = clk.Link(ctx, key.MakeAll(records[0]), key.MakeAll(records[1]), clk.Options{})
		return err
	})
	if err != nil {
		return err
	}
	right := 0.0
	for _, p := range found.Linked {
		if entities[0][p.Left] == entities[1][p.Right] {
			right++
		}
	}
	r.AtLeast("FEBRL 4 by keyed filters alone, F1", 2*right/float64(len(found.Linked)+len(entities[0])), "", 0.93)
	r.Record("the same, filters made and linked", took, "s")
	return nil
}

// filtersOfPopulation links what the parties of a population deposit, with filters and without stays. It
// returns precision of the records that filters linked, and recall of those that nothing else did.
func filtersOfPopulation(ctx context.Context, dir string, seed uint64, key *clk.Key) (precision, recall float64, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := synth.Generate(ctx, dir, synth.Options{Persons: filterPersons, Seed: seed, WithoutNIR: []string{withoutNIR}}); err != nil {
		return 0, 0, err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := newStayRun(ctx, db, dir)
	if err != nil {
		return 0, 0, err
	}
	for _, party := range synth.Parties() {
		if err := s.filteredParty(ctx, party, key); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", party, err)
		}
	}
	if _, err := s.linker.Resolve(ctx); err != nil {
		return 0, 0, err
	}
	if err := s.persons(ctx); err != nil {
		return 0, 0, err
	}
	judged, err := linkage.Compare(ctx, db, "FROM link", "FROM true_person", nil)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range judged.Methods {
		if m.Method == "probability" && m.Precision != nil && m.Sought != nil {
			return *m.Precision, *m.Sought, nil
		}
	}
	return 0, 0, errors.New("filters linked nobody")
}

// filteredParty deposits the identities of a party, with their filters.
func (s *stayRun) filteredParty(ctx context.Context, party string, key *clk.Key) error {
	name := "hospital"
	if !strings.HasPrefix(party, name) {
		name = "insurer"
	}
	folder, err := fs.Sub(feeds.FS(), name)
	if err != nil {
		return err
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(filepath.Join(s.dir, party))
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	delivery, err := feed.Deliver(names)
	if err != nil {
		return err
	}
	delivery.Sources = slices.DeleteFunc(delivery.Sources, func(s intake.Source) bool { return !s.Feeds[0].Resource.Traits() })
	var records bytes.Buffer
	sender, err := linkage.NewFilterSender(ctx, &records, key, s.keyed)
	if err != nil {
		return err
	}
	checker := intake.NewChecker(delivery, s, intake.Options{})
	for _, source := range delivery.Sources {
		f, err := os.Open(filepath.Join(s.dir, party, source.Name))
		if err != nil {
			return err
		}
		_, err = checker.Check(ctx, source, source.Name, f, intake.Sinks{
			Health: []intake.HealthSink{nowhere{}}, Identity: sender.Send, Refused: func(intake.RowError) error { return nil },
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if _, err := sender.Close(); err != nil {
		return err
	}
	s.linker.AddFilters(party, key.Check())
	return s.linker.Add(ctx, party, &records)
}
