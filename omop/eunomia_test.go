package omop_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
	"rempart.eu/rempart/pseudonym"
)

const eunomia = "../../shared/data/omop-eunomia-gibleed"

// TestEunomia takes OHDSI's GiBleed data set in, 34 Parquet files of CDM 5.3, by
// the feed omop, and accounts for every row of every table: read, accepted,
// refused and why, in the release or left and why. testdata/eunomia.txt is the
// account; the file's own numbers of rows are counted apart.
func TestEunomia(t *testing.T) {
	if _, err := os.Stat(eunomia); err != nil {
		t.Skip("the data set is not here: ../shared/data/omop-eunomia-gibleed")
	}
	db := omoptest.Open(t)
	counts, refused, deposit := checked(t, db, "omop", eunomia)
	report, err := omop.Build(t.Context(), db, omop.Input{Deposits: []omop.Deposit{deposit}, Links: "links", Feeds: feeds.FS()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, r := range report.Deposits[0].Resources {
		n := counts[r.Name]
		fmt.Fprintf(&out, "%s: %d rows, %d accepted, %d refused", r.Name, n.Rows, n.Accepted, n.Refused)
		if n.Accepted != r.Accepted || r.Accepted != r.Mapped+sum(r.Left) {
			t.Errorf("%s: %d rows were accepted, but %d are mapped and %v left", r.Name, n.Accepted, r.Mapped, r.Left)
		}
		var delivered int64
		if err := db.Value(t.Context(), &delivered, fmt.Sprintf("SELECT count(*) FROM '%s/%s.parquet'", eunomia, r.Name)); err != nil || delivered != n.Rows {
			t.Errorf("%s: the file has %d rows, and %d were read (%v)", r.Name, delivered, n.Rows, err)
		}
		for _, rule := range sorted(refused[r.Name]) {
			fmt.Fprintf(&out, "; %d × %s", refused[r.Name][rule], rule)
		}
		fmt.Fprintf(&out, "; %d in the release", r.Mapped)
		for _, why := range sorted(r.Left) {
			fmt.Fprintf(&out, "; %d left: %s", r.Left[why], why)
		}
		out.WriteByte('\n')
	}
	out.WriteByte('\n')
	for _, table := range report.Tables {
		fmt.Fprintf(&out, "cdm.%s: %d rows", table.Name, table.Rows)
		for _, column := range sorted(table.Unresolved) {
			fmt.Fprintf(&out, "; %d with a %s that is not there", table.Unresolved[column], column)
		}
		out.WriteByte('\n')
	}
	golden.Text(t, "testdata/eunomia.txt", out.String())
	goldenQuality(t, db, "testdata/eunomia.quality.txt", "isForeignKey") // it keeps the concepts of its types to itself

	// Concepts, dates and values are what they were.
	for table, columns := range map[string]string{
		"person":               "gender_concept_id, year_of_birth, month_of_birth, race_concept_id, ethnicity_concept_id, gender_source_value",
		"condition_occurrence": "condition_concept_id, condition_start_date, condition_start_datetime, condition_end_date, condition_type_concept_id, condition_source_value, condition_source_concept_id",
		"drug_exposure":        "drug_concept_id, drug_exposure_start_date, drug_exposure_end_date, days_supply, quantity, drug_source_value",
		"measurement":          "measurement_concept_id, measurement_date, value_as_number, unit_concept_id, measurement_source_value",
		"observation_period":   "observation_period_start_date, observation_period_end_date, period_type_concept_id",
	} {
		same(t, db, table, columns)
	}
	sameEras(t, db)
}

// sameEras compares eras with those that the file's makers worked out. All are the
// same but theirs of concept 0 (443), and eight of two exposures that start on one day
// and end on several, which their script ends on the earliest. Their gap_days are no
// numbers of days (-14196 of an era of 14 days), so that ours are not compared.
func sameEras(t *testing.T, db *engine.DB) {
	t.Helper()
	for table, c := range map[string]struct {
		columns, where    string
		alone, theirsOnly int64
	}{
		"condition_era": {"condition_concept_id, condition_era_start_date, condition_era_end_date, condition_occurrence_count", "condition_concept_id <> 0", 0, 0},
		"drug_era":      {"drug_concept_id, drug_era_start_date, drug_era_end_date, drug_exposure_count", "true", 8, 8},
		"dose_era":      {"drug_concept_id, dose_value, dose_era_start_date, dose_era_end_date", "true", 0, 0},
	} {
		ours, theirs := "SELECT "+c.columns+" FROM cdm."+table, fmt.Sprintf("SELECT %s FROM '%s/%s.parquet' WHERE %s", c.columns, eunomia, table, c.where)
		if n := count(t, db, fmt.Sprintf("FROM (%s EXCEPT ALL %s)", ours, theirs)); n != c.alone {
			t.Errorf("%s: %d are ours alone, want %d", table, n, c.alone)
		}
		if n := count(t, db, fmt.Sprintf("FROM (%s EXCEPT ALL %s)", theirs, ours)); n != c.theirsOnly {
			t.Errorf("%s: %d are theirs alone, want %d", table, n, c.theirsOnly)
		}
	}
}

// same compares a table of the release with the file, as bags of rows.
func same(t *testing.T, db *engine.DB, table, columns string) {
	t.Helper()
	file := fmt.Sprintf("(SELECT * FROM '%s/%s.parquet' WHERE person_id IN (SELECT person_id FROM '%s/person.parquet'))", eunomia, table, eunomia)
	var differing int64
	err := db.Value(t.Context(), &differing, fmt.Sprintf(`SELECT count(*) FROM (
(SELECT %[1]s FROM %[2]s EXCEPT ALL SELECT %[1]s FROM cdm.%[3]s) UNION ALL (SELECT %[1]s FROM cdm.%[3]s EXCEPT ALL SELECT %[1]s FROM %[2]s))`, columns, file, table))
	if err != nil || differing > 0 {
		t.Errorf("%s: %d rows differ from the file's (%v)", table, differing, err)
	}
}

// checked checks a folder as a deposit does, loads the health data, and links
// each person whom the deposit knows as one alone.
func checked(t *testing.T, db *engine.DB, feed, dir string) (counts map[string]intake.Counts, refused map[string]map[string]int64, deposit omop.Deposit) {
	t.Helper()
	described := feedOf(t, feed)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	delivery, err := described.Deliver(names)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(delivery.Ignored, []string{"README.md"}) {
		t.Errorf("ignored: %v", delivery.Ignored)
	}
	counts, refused = map[string]intake.Counts{}, map[string]map[string]int64{}
	deposit = omop.Deposit{Name: "d", Feed: feed, Tables: map[string]string{}}
	var links strings.Builder
	links.WriteString("person\n")
	checker := intake.NewChecker(delivery, numbers{}, intake.Options{})
	for _, s := range delivery.Sources {
		r := s.Feeds[0].Resource
		in, err := os.Open(filepath.Join(dir, s.Name))
		if err != nil {
			t.Fatal(err)
		}
		var clean bytes.Buffer
		why := map[string]int64{}
		n, err := checker.Check(t.Context(), s, s.Name, in, intake.Sinks{
			Health:   []intake.HealthSink{intaketest.NewText(&clean, r.HealthColumns())},
			Identity: func(person int64, _ pseudonym.Identity) error { fmt.Fprintln(&links, person); return nil },
			Refused:  func(e intake.RowError) error { why[e.Field+": "+e.Rule]++; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		counts[r.Name], refused[r.Name] = n[0], why
		if err := db.LoadCSV(t.Context(), "health_"+r.Name, r.HealthColumns(), &clean); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		deposit.Tables[r.Name] = "health_" + r.Name
	}
	if err := db.LoadCSV(t.Context(), "linked", []engine.Column{{Name: "person", Type: "BIGINT"}}, strings.NewReader(links.String())); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), "CREATE TABLE links AS SELECT 'd' AS deposit, person, dense_rank() OVER (ORDER BY person) AS person_id FROM linked"); err != nil {
		t.Fatal(err)
	}
	return counts, refused, deposit
}

// feedOf loads a feed that comes with rempart.
func feedOf(t *testing.T, name string) *intake.Feed {
	t.Helper()
	folder, err := fs.Sub(feeds.FS(), name)
	if err != nil {
		t.Fatal(err)
	}
	described, err := intake.LoadFeed(folder)
	if err != nil {
		t.Fatal(err)
	}
	return described
}

// numbers stands in for the keys of a provider.
type numbers struct{}

func (numbers) Person(key string) int64 {
	h := fnv.New64a()
	h.Write([]byte(key))
	return int64(h.Sum64() >> 1)
}

func (numbers) Key(domain, value string) string {
	h := fnv.New128a()
	h.Write([]byte(domain + ":" + value))
	return fmt.Sprintf("%x", h.Sum(nil))
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func sum(m map[string]int64) (total int64) {
	for _, n := range m {
		total += n
	}
	return total
}
