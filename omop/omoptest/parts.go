package omoptest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
)

// SameInParts builds anew what db holds, some rows of the sources at a time, and
// wants the same rows, numbers, origins and report.
func SameInParts(t testing.TB, db *engine.DB, in omop.Input, whole *omop.Report, rows int64) {
	t.Helper()
	l := loader{t: t, db: db}
	l.exec("CREATE SCHEMA whole")
	queries := map[string]string{"origins": omop.Origins()}
	for _, table := range omop.Tables() {
		queries[table] = omop.Select(table)
	}
	for name, query := range queries {
		l.exec(fmt.Sprintf("CREATE TABLE whole.%s AS %s", engine.Quote(name), query))
	}
	l.exec("DROP SCHEMA cdm CASCADE; DROP SCHEMA lineage CASCADE")
	in.PartRows = rows
	steps := 0
	report, err := omop.Build(t.Context(), db, in, func(string) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	if steps < 16 {
		t.Errorf("%d rows at a time are all in one part: there is nothing to compare", rows)
	}
	for name, query := range queries {
		one := "FROM whole." + engine.Quote(name)
		if name == "origins" { // lines stand in any order
			query, one = sorted(query), sorted(one)
		}
		for what, pair := range map[string][2]string{"more": {query, one}, "fewer": {one, query}} {
			var n int64
			if err := db.Value(t.Context(), &n, fmt.Sprintf("SELECT count(*) FROM ((%s) EXCEPT ALL (%s))", pair[0], pair[1])); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				t.Errorf("%s: %d rows %s than in one part", name, n, what)
			}
		}
	}
	if diff := cmp.Diff(whole, report); diff != "" {
		t.Errorf("the report differs (-one part +several):\n%s", diff)
	}
}

func sorted(origins string) string {
	return "SELECT * REPLACE (list_sort(lines) AS lines) FROM (" + origins + ")"
}
