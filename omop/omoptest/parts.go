package omoptest

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
)

// SameInParts builds anew what db holds, some rows of the sources at a time, and
// wants the same rows, numbers, origins and report.
func SameInParts(t testing.TB, db *engine.DB, in omop.Input, whole *omop.Report, rows int64) {
	t.Helper()
	l := loader{t: t, db: db}
	l.keep("whole")
	in.PartRows = rows
	steps := 0
	report, err := omop.Build(t.Context(), db, in, func(string) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	if steps < 16 {
		t.Errorf("%d rows at a time are all in one part: there is nothing to compare", rows)
	}
	l.same("in one part", whole, report)
}

// keep moves what a build has made out of the way of the next.
func (l loader) keep(schema string) {
	l.t.Helper()
	l.exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE; CREATE SCHEMA " + schema)
	for name, query := range exports() {
		l.exec(fmt.Sprintf("CREATE TABLE %s.%s AS %s", schema, engine.Quote(name), query))
	}
	l.exec("DROP SCHEMA cdm CASCADE; DROP SCHEMA lineage CASCADE; DROP SCHEMA basis CASCADE")
}

// exports are the queries of all that a build has made.
func exports() map[string]string {
	queries := maps.Clone(omop.Kept())
	queries["lineage"] = omop.Origins()
	for _, table := range omop.Tables() {
		queries[table] = omop.Select(table)
	}
	return queries
}

// same wants what was kept as whole, and what it accounted for.
func (l loader) same(than string, whole, report *omop.Report) {
	l.t.Helper()
	for name, query := range exports() {
		one := "FROM whole." + engine.Quote(name)
		if name == "lineage" { // lines stand in any order
			query, one = sorted(query), sorted(one)
		}
		for what, pair := range map[string][2]string{"more": {query, one}, "fewer": {one, query}} {
			var n int64
			if err := l.db.Value(l.t.Context(), &n, fmt.Sprintf("SELECT count(*) FROM ((%s) EXCEPT ALL (%s))", pair[0], pair[1])); err != nil {
				l.t.Fatal(err)
			}
			if n > 0 {
				l.t.Errorf("%s: %d rows %s than %s", name, n, what, than)
			}
		}
	}
	if diff := cmp.Diff(whole, report, cmpopts.IgnoreFields(omop.Report{}, "Continued")); diff != "" {
		l.t.Errorf("the report differs (-%s +this):\n%s", than, diff)
	}
}

func sorted(origins string) string {
	return "SELECT * REPLACE (list_sort(lines) AS lines) FROM (" + origins + ")"
}
