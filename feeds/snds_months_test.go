package feeds_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// A case of testdata/snds-months holds the files of several deposits of one insurer,
// <deposit>/<file>, in the order in which they were made, and what is expected of all: want/<table>.csv as
// for one deposit; want/left.txt the rows of each deposit that reached no table; want/origins.csv the
// deposits and lines behind rows. It is the same in parts, and month by month.
func TestSNDSMonths(t *testing.T) {
	eachCase(t, "snds-months", func(t *testing.T, name string, _ int, archive *txtar.Archive) {
		m := deliverMonths(t, archive)
		report, err := omop.Build(t.Context(), m.db, m.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !report.Accounted() {
			t.Error("some accepted rows are not accounted for")
		}
		asWanted(t, name, archive, func(f txtar.File) string { return m.expectation(t, f, report) })
		omoptest.SameInParts(t, m.db, m.in, report, 6)
		var steps []omoptest.Step
		for i := 1; i < len(m.names); i++ {
			steps = append(steps, omoptest.Step{Deposits: m.names[:i]})
		}
		omoptest.SameOnBases(t, m.db, m.in, report, steps...)
	})
}

// months are several deposits in one database.
type months struct {
	*delivery // of which what is asked is of all
	in        omop.Input
	names     []string // of the deposits, the first first
}

func deliverMonths(t *testing.T, archive *txtar.Archive) months {
	t.Helper()
	feed := sndsFeed(t)
	files := map[string]map[string]string{}
	for _, f := range archive.Files {
		deposit, file, _ := strings.Cut(f.Name, "/")
		if deposit == "want" {
			continue
		}
		if files[deposit] == nil {
			files[deposit] = map[string]string{}
		}
		files[deposit][file] = string(f.Data)
	}
	db := omoptest.Open(t)
	m := months{in: omop.Input{Feeds: feeds.FS(), Links: "month_link"}}
	if err := db.Exec(t.Context(), "CREATE TABLE local_person (deposit VARCHAR, person BIGINT, local VARCHAR)"); err != nil {
		t.Fatal(err)
	}
	m.names = slices.Sorted(maps.Keys(files))
	for i, name := range m.names {
		d := deliverAs(t, db, name, feed, files[name])
		for _, refused := range d.refused {
			t.Errorf("%s: %v", name, refused)
		}
		for local, person := range d.numbers {
			if err := db.Exec(t.Context(), "INSERT INTO local_person VALUES (?, ?, ?)", name, person, local); err != nil {
				t.Fatal(err)
			}
		}
		m.delivery = d
		deposit := d.deposit("snds")
		deposit.Made = time.Date(2019, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC)
		m.in.Deposits = append([]omop.Deposit{deposit}, m.in.Deposits...) // in any order
	}
	if err := db.Exec(t.Context(), "CREATE TABLE month_link AS SELECT deposit, person, dense_rank() OVER (ORDER BY local) AS person_id FROM local_person"); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m months) expectation(t *testing.T, want txtar.File, report *omop.Report) string {
	t.Helper()
	switch want.Name {
	case "want/left.txt":
		var out strings.Builder
		for _, d := range report.Deposits {
			for _, r := range d.Resources {
				for _, reason := range slices.Sorted(maps.Keys(r.Left)) {
					fmt.Fprintf(&out, "%s %s %d: %s\n", d.Name, r.Name, r.Left[reason], reason)
				}
			}
		}
		return out.String()
	case "want/origins.csv":
		var names []string
		for _, d := range report.Deposits {
			names = append(names, engine.Literal(d.Name))
		}
		return m.query(t, fmt.Sprintf(`SELECT "table", id, [%s][deposit + 1] AS deposit, resource, line, lines FROM (%s) WHERE "table" NOT IN ('location', 'provider', 'care_site') ORDER BY ALL`, strings.Join(names, ", "), omop.Origins()))
	}
	return m.delivery.expectation(t, want, report)
}

// keepTables copies the tables of a build, which sameTables compares with those of another: but for
// the numbers that the build gives, and what tells of deposits.
func (d *delivery) keepTables(t *testing.T) {
	t.Helper()
	for _, table := range omop.Tables() {
		if err := d.db.Exec(t.Context(), fmt.Sprintf("CREATE TABLE kept_%s AS %s", table, omop.Select(table))); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *delivery) sameTables(t *testing.T) {
	t.Helper()
	for _, table := range omop.Tables() {
		if table == "metadata" || table == "cdm_source" {
			continue
		}
		columns := content(table)
		one := d.query(t, fmt.Sprintf("SELECT %s FROM kept_%s ORDER BY ALL", columns, table))
		several := d.query(t, fmt.Sprintf("SELECT %s FROM (%s) ORDER BY ALL", columns, omop.Select(table)))
		if diff := cmp.Diff(one, several); diff != "" {
			t.Errorf("%s (-of one deposit +of several):\n%s", table, diff)
		}
	}
}

// content are the columns of a table that are no numbers which the build gives.
func content(table string) string {
	var columns []string
	for _, f := range omop.Fields(table) {
		concept := strings.HasSuffix(f.Name, "concept_id")
		if f.Name == "person_id" || concept || !strings.HasSuffix(f.Name, "_id") && f.Name != "fact_id_1" && f.Name != "fact_id_2" {
			columns = append(columns, engine.Quote(f.Name))
		}
	}
	if len(columns) == 0 {
		return "count(*)"
	}
	return strings.Join(columns, ", ")
}
