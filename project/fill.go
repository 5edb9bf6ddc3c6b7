package project

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
)

// grant is what an approved request comes to in a release.
type grant struct {
	spec             *governance.Spec
	tables           []table
	numbering, dates []byte // secrets of the project in the release
}

// names lists the tables that are read, each after those that decide about its rows.
func (g *grant) names() []string { return keepOrder(supporting(g.spec, g.tables)) }

// fill makes, of the tables release.*, all that [export] reads: kept.* with the
// rows of the grant, renamed.* with the project's own numbers, and days of birth.
func (g *grant) fill(ctx context.Context, db *engine.DB, persons []int64) error {
	if err := g.bound(ctx, db, persons); err != nil {
		return err
	}
	names, queries := g.names(), map[string][]string{}
	for i, name := range names {
		if err := db.Exec(ctx, fmt.Sprintf("CREATE TABLE kept.%s AS %s", engine.Quote(name), kept(name, names[:i]))); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		for series, more := range numbers(name) {
			queries[series] = append(queries[series], more...)
		}
	}
	secret := hex.EncodeToString(g.numbering)
	if g.spec.Geography != nil && slices.Contains(names, "location") {
		delete(queries, "location")
		if err := db.Exec(ctx, places(g.spec)); err != nil {
			return err
		}
		if err := db.Exec(ctx, renamePlaces, secret); err != nil {
			return err
		}
		if err := db.Exec(ctx, "DELETE FROM kept.location WHERE location_id NOT IN (SELECT place FROM places)"); err != nil {
			return err
		}
	}
	for _, series := range slices.Sorted(maps.Keys(queries)) {
		if err := db.Exec(ctx, rename(series, queries[series]), secret); err != nil {
			return err
		}
	}
	if g.spec.Dates != nil && slices.Contains(names, "person") {
		return db.Exec(ctx, births(g.tables))
	}
	return nil
}

// bound makes the tables period and chosen.
func (g *grant) bound(ctx context.Context, db *engine.DB, persons []int64) error {
	if err := db.Exec(ctx, "CREATE SCHEMA kept; CREATE SCHEMA renamed; CREATE TABLE chosen (person_id BIGINT, shift INTEGER)"); err != nil {
		return err
	}
	most := 0
	if g.spec.Dates != nil {
		most = g.spec.Dates.Shift
	}
	err := db.Exec(ctx, `CREATE TABLE period AS
SELECT "from", "to", "from" + ?::INTEGER AS first, "to" - ?::INTEGER AS last
FROM (SELECT ?::DATE AS "from", ?::DATE AS "to")`,
		most, most, g.spec.Period.From.Format(time.DateOnly), g.spec.Period.To.Format(time.DateOnly))
	if err != nil {
		return err
	}
	rows := func(w io.Writer) error {
		if _, err := io.WriteString(w, "person_id,shift\n"); err != nil {
			return err
		}
		for _, id := range persons {
			var shift int64
			if most > 0 {
				shift = shiftOf(g.dates, id, most)
			}
			if _, err := fmt.Fprintf(w, "%d,%d\n", id, shift); err != nil {
				return err
			}
		}
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(rows(w)) }()
	columns := []engine.Column{{Name: "person_id", Type: "BIGINT"}, {Name: "shift", Type: "INTEGER"}}
	err = db.FromCSV(ctx, columns, r, func(from string) error { return db.Exec(ctx, "INSERT INTO chosen FROM "+from) })
	r.CloseWithError(io.ErrClosedPipe)
	return err
}
