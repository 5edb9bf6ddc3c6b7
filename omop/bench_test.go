package omop_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// BenchmarkBuild builds from 50 copies of the 27 patients: 1,350 persons and
// about 550,000 rows.
func BenchmarkBuild(b *testing.B) {
	const copies = 50
	folders := syntheaFolders(b)
	rows := int64(0)
	for b.Loop() {
		b.StopTimer()
		db := omoptest.Open(b)
		in := omoptest.Load(b, db, feeds.FS(), folders...)
		multiply(b, db, &in, copies)
		b.StartTimer()
		report, err := omop.Build(b.Context(), db, in, nil)
		if err != nil {
			b.Fatal(err)
		}
		rows = 0
		for _, d := range report.Deposits {
			for _, r := range d.Resources {
				rows += r.Accepted
			}
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(rows), "rows")
}

// multiply copies every person and every record, each copy with keys of its own.
func multiply(b *testing.B, db *engine.DB, in *omop.Input, copies int) {
	b.Helper()
	exec := func(format string, args ...any) {
		if err := db.Exec(b.Context(), fmt.Sprintf(format, args...)); err != nil {
			b.Fatal(err)
		}
	}
	exec("CREATE TABLE copy AS SELECT i::BIGINT AS i FROM range(%d) t(i)", copies)
	exec("CREATE TABLE many_links AS SELECT deposit, hash(person, i) >> 1 AS person, person_id * %d + i AS person_id FROM links, copy", copies)
	in.Links = "many_links"
	for d := range in.Deposits {
		folder, err := fs.Sub(in.Feeds, in.Deposits[d].Feed)
		if err != nil {
			b.Fatal(err)
		}
		feed, err := intake.LoadFeed(folder)
		if err != nil {
			b.Fatal(err)
		}
		for name, table := range in.Deposits[d].Tables {
			replaced := []string{"line + 1000000 * i AS line"}
			for _, f := range feed.Resource(name).Fields {
				switch column := engine.Quote(strings.ToLower(f.Name)); f.Role {
				case intake.Person:
					replaced = append(replaced, "hash(person, i) >> 1 AS person")
				case intake.Key:
					replaced = append(replaced, fmt.Sprintf("%s || ':' || i AS %s", column, column))
				}
			}
			many := engine.Quote("many_" + strings.Trim(table, `"`))
			exec("CREATE TABLE %s AS SELECT * EXCLUDE (i) REPLACE (%s) FROM %s, copy", many, strings.Join(replaced, ", "), table)
			in.Deposits[d].Tables[name] = many
		}
	}
}
