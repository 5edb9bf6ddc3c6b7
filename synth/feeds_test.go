package synth_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// plainPseudonyms are pseudonyms that a test can compute again: unkeyed hashes.
type plainPseudonyms string

func (party plainPseudonyms) Person(localKey string) int64 {
	sum := sha256.Sum256([]byte(string(party) + "/" + localKey))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

func (plainPseudonyms) Key(domain, value string) string {
	sum := sha256.Sum256([]byte(domain + "/" + value))
	return hex.EncodeToString(sum[:16])
}

// monthByMonth builds from deposits that came one by one, each release on the one before, and
// wants what one of all is. db stays as a build of all deposits left it.
func monthByMonth(t *testing.T, db *engine.DB, in omop.Input) {
	t.Helper()
	parts := omoptest.Split(t, db, in, 3, 5, func(_ omop.Deposit, resource string) bool {
		return resource == "patients" || resource == "beneficiaries"
	})
	first, second := []string{}, []string{}
	for _, d := range parts.Deposits {
		if !strings.HasSuffix(d.Name, ".3") {
			second = append(second, d.Name)
		}
		if strings.HasSuffix(d.Name, ".1") {
			first = append(first, d.Name)
		}
	}
	other := omoptest.Aside(t, db)
	whole, err := omop.Build(t.Context(), db, parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	omoptest.SameOnBases(t, db, parts, whole, omoptest.Step{Deposits: first}, omoptest.Step{Deposits: second})
	other()
}

// The generator's files pass the feeds' own checks, and the mappings make a CDM
// of them in which every row is accounted for and every person is one.
func TestPopulationBecomesCDM(t *testing.T) {
	dir := t.TempDir()
	truth, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 300, Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })

	in := omop.Input{Feeds: feeds.FS(), Links: "links"}
	refused, traits := 0, 0
	for _, party := range synth.Parties() {
		d := depositor{t: t, db: db, dir: dir, party: party}
		in.Deposits = append(in.Deposits, d.deposit())
		refused += d.refused
		traits += d.traits
	}
	if refused != truth.Unreadable {
		t.Errorf("%d rows were refused, the population has %d unreadable values", refused, truth.Unreadable)
	}
	records := truth.Rows["truth/persons.csv"]
	if traits != records {
		t.Errorf("%d records gave identity traits, there are %d", traits, records)
	}
	linkByTruth(t, db, dir)

	report, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Accounted() {
		t.Error("rows are missing from the account")
	}
	omoptest.SameInParts(t, db, in, report, 5000)
	monthByMonth(t, db, in)
	for _, d := range report.Deposits {
		for _, r := range d.Resources {
			if r.Mapped != r.Accepted {
				t.Errorf("%s %s: %d of %d rows reached the CDM; left: %v", d.Name, r.Name, r.Mapped, r.Accepted, r.Left)
			}
		}
	}
	for _, table := range []string{
		"person", "observation_period", "visit_occurrence", "condition_occurrence", "drug_exposure", "procedure_occurrence",
		"measurement", "observation", "death", "payer_plan_period", "cost", "location", "provider", "care_site",
	} {
		if report.Rows(table) == 0 {
			t.Errorf("%s is empty", table)
		}
	}
	for _, table := range report.Tables {
		for column, n := range table.Unresolved {
			t.Errorf("%s: %d rows name no %s", table.Name, n, column)
		}
	}
	if got := report.Persons.Persons; got != int64(personsInTruth(t, dir)) {
		t.Errorf("%d persons in the CDM, the truth has %d", got, personsInTruth(t, dir))
	}
	if got := report.Persons.SeveralDeposits; got < int64(truth.Linked) {
		t.Errorf("%d persons of several deposits, the truth links %d", got, truth.Linked)
	}
	standardOf(t, report, map[string]float64{"ICD10": 0.8, "CCAM": 0.65, "ATC": 1, "LOINC": 1})
	if t.Failed() || testing.Verbose() {
		var text strings.Builder
		if err := report.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		t.Log("\n" + text.String())
	}
}

// standardOf checks the share of rows with a standard concept, by vocabulary.
func standardOf(t *testing.T, report *omop.Report, want map[string]float64) {
	t.Helper()
	for _, v := range report.Vocabularies {
		if got := 1 - float64(v.RowsUnmapped)/float64(v.Rows); got < want[v.Name] {
			t.Errorf("%s: %.2f of the rows have a standard concept, want %.2f", v.Name, got, want[v.Name])
		}
		delete(want, v.Name)
	}
	for name := range want {
		t.Errorf("no row is coded in %s", name)
	}
}

// depositor takes one party's files through the intake into the database.
type depositor struct {
	t               *testing.T
	db              *engine.DB
	dir, party      string
	refused, traits int
}

func (d *depositor) deposit() omop.Deposit {
	name := strings.TrimRight(d.party, "-0123456789")
	folder, err := fs.Sub(feeds.FS(), name)
	if err != nil {
		d.t.Fatal(err)
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		d.t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(d.dir, d.party))
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	delivery, err := feed.Deliver(names)
	if err != nil {
		d.t.Fatal(err)
	}
	checker := intake.NewChecker(delivery, plainPseudonyms(d.party), intake.Options{})
	tables := map[string]string{}
	for _, s := range delivery.Sources {
		tables[s.Feeds[0].Resource.Name] = engine.Quote(d.check(checker, s))
	}
	return omop.Deposit{Name: d.party, Feed: name, Tables: tables}
}

func (d *depositor) check(checker *intake.Checker, s intake.Source) string {
	r := s.Feeds[0].Resource
	file, err := os.Open(filepath.Join(d.dir, d.party, s.Name))
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	table := d.party + " " + r.Name
	health, to := io.Pipe()
	var group errgroup.Group
	group.Go(func() error {
		_, err := checker.Check(d.t.Context(), s, s.Name, file, intake.Sinks{
			Health:   []intake.HealthSink{intaketest.NewText(to, r.HealthColumns())},
			Identity: func(int64, pseudonym.Identity) error { d.traits++; return nil },
			Refused: func(e intake.RowError) error {
				d.refused++
				if r.Name != "observations" {
					d.t.Errorf("%s: %v", d.party, &e)
				}
				return nil
			},
		})
		to.CloseWithError(err)
		return err
	})
	loaded := d.db.LoadCSV(d.t.Context(), table, r.HealthColumns(), health)
	health.CloseWithError(loaded)
	if err := group.Wait(); err != nil {
		d.t.Fatalf("%s %s: %v", d.party, r.Path, err)
	}
	if loaded != nil {
		d.t.Fatalf("%s %s: %v", d.party, r.Path, loaded)
	}
	return table
}

// linkByTruth gives every record the person that the truth says.
func linkByTruth(t *testing.T, db *engine.DB, dir string) {
	t.Helper()
	if err := db.Exec(t.Context(), "CREATE TABLE links (deposit VARCHAR, person BIGINT, person_id BIGINT)"); err != nil {
		t.Fatal(err)
	}
	for _, row := range tables(t, dir)["truth/persons.csv"] {
		number := plainPseudonyms(row["party"]).Person(row["local_key"])
		if err := db.Exec(t.Context(), "INSERT INTO links VALUES (?, ?, CAST(? AS BIGINT))", row["party"], number, row["person"]); err != nil {
			t.Fatal(err)
		}
	}
}

func personsInTruth(t *testing.T, dir string) int {
	t.Helper()
	var persons []string
	for _, row := range tables(t, dir)["truth/persons.csv"] {
		persons = append(persons, row["person"])
	}
	slices.Sort(persons)
	return len(slices.Compact(persons))
}
