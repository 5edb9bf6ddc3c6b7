package omop

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/nearest"
)

// mapGlobal runs what every deposit maps to tables that are not about persons, and
// finishes them: rows about persons refer to theirs.
func (b *builder) mapGlobal(ctx context.Context) error {
	for _, source := range b.sources() {
		if err := b.mapGlobalOf(ctx, source); err != nil {
			return err
		}
	}
	if err := b.finish(ctx, finished(global)); err != nil {
		return err
	}
	if err := b.check(ctx, globalTables()); err != nil {
		return err
	}
	if err := b.traceGlobal(ctx); err != nil {
		return err
	}
	if err := b.accountMerged(ctx, globalTables()); err != nil {
		return fmt.Errorf("count what several deposits tell of: %w", err)
	}
	return b.keepOrigins(ctx, globalTables())
}

// mapGlobalOf maps the rows of one source, open as far as these mappings read them.
func (b *builder) mapGlobalOf(ctx context.Context, source []*loaded) (err error) {
	ofNobody := func(m mapping) bool { return m.target != targetView && global(m.target) }
	mappings := those(source[0].feed.mappings, ofNobody)
	var opened []func() error
	defer func() {
		for _, closeAll := range opened {
			err = errors.Join(err, closeAll())
		}
	}()
	for _, d := range source {
		closeAll, err := b.open(ctx, d, d.feed.readBy(mappings...))
		if err != nil {
			return fmt.Errorf("deposit %s: %w", d.Name, err)
		}
		opened = append(opened, closeAll)
	}
	if err := b.mapSource(ctx, source, ofNobody, false); err != nil {
		return fmt.Errorf("deposit %s: %w", source[0].Name, err)
	}
	for _, d := range source {
		if err := b.checkGlobal(ctx, d); err != nil {
			return fmt.Errorf("deposit %s: %w", d.Name, err)
		}
	}
	return nil
}

// mapPersons runs what every deposit maps to tables about persons, and sorts coded
// rows into theirs.
func (b *builder) mapPersons(ctx context.Context) error {
	for _, source := range b.sources() {
		err := b.mapSource(ctx, source, func(m mapping) bool { return !global(m.target) }, true)
		if err != nil {
			return fmt.Errorf("deposit %s: %w", source[0].Name, err)
		}
	}
	return b.run(ctx, "route.sql")
}

// mapSource runs those of a source's mappings that are wanted. Kept are rows that
// several of them read, where they fit in memory.
func (b *builder) mapSource(ctx context.Context, source []*loaded, wanted func(mapping) bool, keep bool) error {
	d := source[0]
	mappings := those(d.feed.mappings, func(m mapping) bool { return m.target != targetView && wanted(m) })
	for _, m := range mappings { // whether there are rows for them or not: rows of one day stand in this order
		b.mappingNumber(m)
	}
	mappings, err := b.withRows(ctx, source, mappings)
	if err != nil || len(mappings) == 0 {
		return err
	}
	views := d.feed.viewsOf(mappings)
	if err := b.db.Exec(ctx, "SET VARIABLE deposit = "+engine.Literal(d.Name)); err != nil {
		return err
	}
	if err := b.db.Exec(ctx, "SET search_path = 'source,vocabulary,main'"); err != nil {
		return err
	}
	for _, r := range d.feed.Resources {
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW source.%s AS %s", engine.Quote(r.Name), b.seen(source, r))); err != nil {
			return fmt.Errorf("read %s: %w", r.Name, err)
		}
	}
	lookups, err := b.lookups(ctx, d, slices.Concat(views, mappings))
	if err != nil {
		return err
	}
	drop, err := b.createViews(ctx, views, mappings, keep)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		if err := b.mapRows(ctx, d, m); err != nil {
			return err
		}
	}
	for _, statement := range drop {
		if err := b.db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	for _, r := range d.feed.Resources {
		if err := b.db.Exec(ctx, "DROP VIEW source."+engine.Quote(r.Name)); err != nil {
			return err
		}
	}
	for _, name := range lookups {
		if err := b.db.Exec(ctx, "DROP TABLE source."+engine.Quote(name)); err != nil {
			return err
		}
	}
	return nil
}

// withRows leaves those of a source's mappings that there are rows for: where nothing that
// a mapping reads has a row, it could give none that a line of the source stands behind.
func (b *builder) withRows(ctx context.Context, source []*loaded, mappings []mapping) (some []mapping, err error) {
	feed := source[0].feed
	var questions []string
	for _, d := range source {
		for _, r := range feed.Resources {
			if rows := d.Tables[r.Name]; rows != closed {
				questions = append(questions, fmt.Sprintf("SELECT %s WHERE EXISTS (FROM %s)", engine.Literal(r.Name), rows))
			}
		}
	}
	if len(questions) == 0 {
		return nil, nil
	}
	var name string
	var filled []string
	if err := b.db.Each(ctx, strings.Join(questions, " UNION ALL "), nil, func() error { filled = append(filled, name); return nil }, &name); err != nil {
		return nil, err
	}
	for _, m := range mappings {
		reads := feed.readBy(m)
		if slices.ContainsFunc(filled, reads) || !slices.ContainsFunc(feed.resourceNames(), reads) {
			some = append(some, m)
		}
	}
	return some, nil
}

// lookups loads the feed's own lists that some files of its mapping name,
// lookup/<name>.csv, as texts, and names them.
func (b *builder) lookups(ctx context.Context, d *loaded, readers []mapping) ([]string, error) {
	files, err := fs.Glob(d.feed.folder, "lookup/*.csv")
	if err != nil {
		return nil, fmt.Errorf("list the lookups of feed %s: %w", d.Feed, err)
	}
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".csv")
		if !slices.ContainsFunc(readers, func(m mapping) bool { return m.names(name) }) {
			continue
		}
		if err := b.lookup(ctx, d, name, file); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", d.Feed, file, err)
		}
		names = append(names, name)
	}
	return names, nil
}

func (b *builder) lookup(ctx context.Context, d *loaded, name, file string) error {
	if d.feed.Resource(name) != nil {
		return fmt.Errorf("a resource has the name %q already: give the list another", name)
	}
	text, err := fs.ReadFile(d.feed.folder, file)
	if err != nil {
		return err
	}
	header, err := csv.NewReader(bytes.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	columns := make([]engine.Column, len(header))
	for i, column := range header {
		columns[i] = engine.Column{Name: column, Type: "VARCHAR"}
	}
	return b.db.FromCSV(ctx, columns, bytes.NewReader(text), func(rows string) error {
		return b.db.Exec(ctx, fmt.Sprintf("CREATE TABLE source.%s AS FROM %s", engine.Quote(name), rows))
	})
}

// rows is the query of what a mapping sees of a resource: the linked rows, with
// person_id for the matching number, or none where it was not delivered.
func (d *loaded) rows(r intake.Resource) string {
	expression := d.Tables[r.Name]
	if expression == closed { // or not delivered
		expression = none(r)
	}
	if !ofPersons(r) {
		return "SELECT * FROM " + expression
	}
	return fmt.Sprintf(
		"SELECT link.person_id, r.* EXCLUDE (person) FROM %s AS r JOIN stage.link ON link.deposit = %s AND link.person = r.person",
		expression, engine.Literal(d.Name))
}

// none is a resource without rows.
func none(r intake.Resource) string {
	var all []string
	for _, c := range r.HealthColumns() {
		all = append(all, fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, engine.Quote(c.Name)))
	}
	return "(SELECT " + strings.Join(all, ", ") + " WHERE false)"
}

// mapRows runs one mapping into its stage table.
func (b *builder) mapRows(ctx context.Context, d *loaded, m mapping) error {
	if !b.sound[m.file] {
		if err := b.checkColumns(ctx, m); err != nil {
			return err
		}
		b.sound[m.file] = true
	}
	table := "stage." + engine.Quote(m.target)
	var before int64
	if err := b.db.Value(ctx, &before, "SELECT count(*) FROM "+table); err != nil {
		return err
	}
	from := fmt.Sprintf("*, %d AS deposit", d.ordinal)
	if len(d.with) > 1 {
		from = fmt.Sprintf("* REPLACE (%s AS source_line), %s AS deposit", toldLine("source_line"), toldIn("source_line", fmt.Sprint(d.ordinal)))
	}
	if err := b.db.Exec(ctx, fmt.Sprintf("INSERT INTO %s BY NAME SELECT %s, %d AS mapping FROM (%s\n)", table, from, b.mappingNumber(m), m.query)); err != nil {
		return fmt.Errorf("%s: %w", m.file, err)
	}
	return b.checkOrigins(ctx, d, m, fmt.Sprintf("FROM %s WHERE rowid >= %d", table, before))
}

// checkOrigins refuses mapped rows that do not say where they come from, or
// that cannot be told from others of a merged table.
func (b *builder) checkOrigins(ctx context.Context, d *loaded, m mapping, rows string) error {
	key := "NULL"
	if keyed(m.target) {
		key = "count(*) FILTER (key IS NULL)"
	}
	var unknown int64
	var keyless sql.NullInt64
	var alien string
	err := b.db.Each(ctx, fmt.Sprintf("SELECT count(*) FILTER (source_table IS NULL OR source_line IS NULL), %s, coalesce(min(source_table) FILTER (NOT list_contains(%s, source_table)), '') %s",
		key, list(d.feed.resourceNames()), rows), nil, func() error { return nil }, &unknown, &keyless, &alien)
	if err != nil {
		return err
	}
	if unknown > 0 {
		return fmt.Errorf("%s: %d rows have no origin: give source_table and source_line for every row", m.file, unknown)
	}
	if keyless.Int64 > 0 {
		return fmt.Errorf("%s: %d rows have no key: give each its key, or leave them out", m.file, keyless.Int64)
	}
	if alien != "" {
		return fmt.Errorf("%s: source_table %q is no resource of feed %s: %s", m.file, alien, d.Feed, nearest.Hint(alien, d.feed.resourceNames()))
	}
	return nil
}

// columnsOf names the columns of a mapping.
func (b *builder) columnsOf(ctx context.Context, m mapping) ([]string, error) {
	rows, err := b.db.Query(ctx, fmt.Sprintf("SELECT * FROM (%s\n) LIMIT 0", m.query))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.file, err)
	}
	return columns, rows.Err()
}

// checkColumns refuses a column that the target does not have, and a mapping
// without its origin.
func (b *builder) checkColumns(ctx context.Context, m mapping) error {
	columns, err := b.columnsOf(ctx, m)
	if err != nil {
		return err
	}
	allowed, err := b.allowedColumns(ctx, m.target)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if slices.Contains(allowed, c) {
			continue
		}
		return fmt.Errorf("%s: a mapping to %s cannot give column %q: %s", m.file, m.target, c, nearest.Hint(c, allowed))
	}
	needed := []string{"source_table", "source_line"}
	switch {
	case keyed(m.target):
		needed = append(needed, "key")
	case m.target == targetUnmapped:
		needed = append(needed, "reason")
	}
	for _, c := range needed {
		if !slices.Contains(columns, c) {
			return fmt.Errorf("%s: column %s is missing", m.file, c)
		}
	}
	return nil
}

func (b *builder) allowedColumns(ctx context.Context, target string) ([]string, error) {
	if b.columns == nil {
		b.columns = map[string][]string{}
		var table, column string
		err := b.db.Each(ctx, "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'stage' AND column_name NOT IN ('deposit', 'mapping')", nil, func() error {
			b.columns[table] = append(b.columns[table], column)
			return nil
		}, &table, &column)
		if err != nil {
			return nil, err
		}
	}
	return b.columns[target], nil
}

// list writes texts as an SQL list.
func list(texts []string) string {
	literals := make([]string, len(texts))
	for i, t := range texts {
		literals[i] = engine.Literal(t)
	}
	return "[" + strings.Join(literals, ", ") + "]"
}
