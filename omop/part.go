package omop

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// PartRows is about how many rows of sources a build maps at a time, where
// [Input.PartRows] says nothing else.
const PartRows = 2_000_000

// part is a range of persons. Rows about persons are mapped part by part, in the
// order of person_id, so that their numbers are those that one part would give.
type part struct{ first, last int64 }

// global says whether a table's rows are of nobody: they are mapped once, from all
// rows of the sources. A cost follows what was paid.
func global(table string) bool {
	if table == "cost" || table == targetEvent || table == targetUnmapped {
		return false
	}
	return !slices.ContainsFunc(specification[table], func(f Field) bool { return f.Name == "person_id" })
}

// globalTables and personTables are the tables that are no vocabulary's and do not
// tell of the release.
func globalTables() []string { return tablesWhere(global) }
func personTables() []string { return tablesWhere(func(t string) bool { return !global(t) }) }

func tablesWhere(holds func(string) bool) []string {
	return slices.DeleteFunc(Tables(), func(t string) bool {
		return slices.Contains(vocabularyTables, t) || slices.Contains(toldTables, t) || !holds(t)
	})
}

// plan parts the persons, by the number of rows that there are. One part takes the
// sources as they are.
func (b *builder) plan(ctx context.Context) error {
	var rows int64
	for _, d := range b.deposits {
		for resource, table := range d.Tables {
			if table == closed {
				for _, file := range d.Files[resource] {
					rows += file.Rows
				}
				continue
			}
			var n int64
			if err := b.db.Value(ctx, &n, "SELECT count(*) FROM "+table); err != nil {
				return fmt.Errorf("deposit %s: %w", d.Name, err)
			}
			rows += n
		}
	}
	if rows <= b.partRows {
		b.parts = []part{{}}
		return b.openAll(ctx, func(*loaded, string) bool { return true })
	}
	b.parts = nil
	var p part
	err := b.db.Each(ctx, `
		SELECT min(person_id), max(person_id)
		FROM (SELECT person_id, ntile(?) OVER (ORDER BY person_id) AS part FROM (SELECT DISTINCT person_id FROM stage.link))
		GROUP BY part ORDER BY part`, []any{(rows + b.partRows - 1) / b.partRows}, func() error {
		b.parts = append(b.parts, p)
		return nil
	}, &p.first, &p.last)
	if err == nil && len(b.parts) == 0 { // nobody is linked
		b.parts = []part{{}}
		return b.openAll(ctx, func(*loaded, string) bool { return true })
	}
	return err
}

// mapParts maps, finishes, checks and accounts for the rows about persons.
func (b *builder) mapParts(ctx context.Context, progress func(step string)) error {
	tell := func(step string) {
		if progress != nil {
			progress(step)
		}
	}
	several := len(b.parts) > 1
	if several {
		tell("divide")
		if err := b.divide(ctx); err != nil {
			return fmt.Errorf("divide the sources by person: %w", err)
		}
		tell("open what every part sees")
		err := b.openAll(ctx, func(d *loaded, resource string) bool { return d.shared(*d.feed.Resource(resource)) })
		if err != nil {
			return err
		}
	}
	for i := range b.parts {
		place := ""
		if several {
			place = fmt.Sprintf(", part %d of %d", i+1, len(b.parts))
			if err := b.enter(ctx, i); err != nil {
				return fmt.Errorf("take the rows of part %d of the persons: %w", i+1, err)
			}
		}
		for _, s := range []struct {
			name string
			do   func(context.Context) error
		}{
			{"mapping", b.mapPersons},
			{"tables", b.finishPersons},
			{"checks", func(ctx context.Context) error { return b.check(ctx, personTables()) }},
			{"account", b.accountPart},
			{"lineage", func(ctx context.Context) error { return b.keepOrigins(ctx, personTables()) }},
		} {
			tell(s.name + place)
			if err := s.do(ctx); err != nil {
				return err
			}
		}
		if several {
			if err := b.leave(ctx); err != nil {
				return fmt.Errorf("keep the tables of part %d of the persons: %w", i+1, err)
			}
		}
	}
	if several {
		return b.join(ctx)
	}
	return nil
}

// owners are the resources that say whose a resource's rows are, where it does not
// say so itself, and the composite key that they share. Any deposit that is mapped together
// with this one may have them.
func (d *loaded) owners(r intake.Resource) (owners []string, key string) {
	if !d.delivers(r.Name) || ofPersons(r) {
		return nil, ""
	}
	for _, k := range r.Keys {
		for _, o := range d.feed.Resources {
			if d.sourceDelivers(o.Name) && slices.ContainsFunc(o.Keys, sameKey(k)) && ofPersons(o) {
				owners = append(owners, o.Name)
			}
		}
		if len(owners) > 0 {
			return owners, engine.Quote(k.Name)
		}
	}
	return nil, ""
}

// ofPersons says whether a resource's rows say whose they are.
func ofPersons(r intake.Resource) bool {
	return slices.ContainsFunc(r.HealthColumns(), func(c engine.Column) bool { return c.Name == "person" })
}

// shared says whether every part sees all rows of a resource.
func (d *loaded) shared(r intake.Resource) bool {
	owners, _ := d.owners(r)
	return !ofPersons(r) && len(owners) == 0
}

// enter takes a part's rows. The first part takes those of nobody, too.
func (b *builder) enter(ctx context.Context, i int) error {
	b.at = i
	err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE stage.link AS FROM stage.every_link WHERE person_id BETWEEN %d AND %d", b.parts[i].first, b.parts[i].last))
	if err != nil {
		return err
	}
	if i > 0 {
		if err := b.createPersonTables(ctx); err != nil {
			return err
		}
	}
	for at := range b.deposits {
		d := &b.deposits[at]
		for _, r := range d.feed.Resources {
			if !d.delivers(r.Name) || d.shared(r) {
				continue
			}
			if err := b.take(ctx, d, r, i); err != nil {
				return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
			}
		}
	}
	return nil
}

// words are those of a feed's SQL in lower case, and the names that rows may leave it
// under. Where the SQL takes columns by a pattern, there are none.
func (b *builder) words(ctx context.Context, d *loaded) (map[string]bool, error) {
	all := map[string]bool{}
	for _, m := range d.feed.mappings {
		for _, w := range word.FindAllString(m.lower, -1) {
			all[w] = true
		}
	}
	if all["columns"] {
		return nil, nil
	}
	var name string
	return all, b.db.Each(ctx, "SELECT DISTINCT column_name FROM duckdb_columns() WHERE schema_name = 'stage'", nil, func() error { all[name] = true; return nil }, &name)
}

var word = regexp.MustCompile(`\w+`)

// columns are those of a resource, of its rows as they were set aside. The values of one
// that the feed's SQL does not name were not: they could only go through it unseen.
func (d *loaded) columns(r intake.Resource) string {
	var all []string
	for _, c := range r.HealthColumns() {
		name := engine.Quote(c.Name)
		if !d.reads(r, c) {
			name = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, name)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

// named are those columns of a resource whose values are set aside.
func (d *loaded) named(r intake.Resource) string {
	var all []string
	for _, c := range r.HealthColumns() {
		if d.reads(r, c) {
			all = append(all, engine.Quote(c.Name))
		}
	}
	return strings.Join(all, ", ")
}

// reads says whether a column can count for what a feed's SQL makes of a resource's rows.
func (d *loaded) reads(r intake.Resource, c engine.Column) bool {
	key := slices.ContainsFunc(r.Keys, func(k intake.CompositeKey) bool { return strings.EqualFold(k.Name, c.Name) })
	return d.words == nil || d.words[c.Name] || key || c.Name == "line" || c.Name == "person" || word.FindString(c.Name) != c.Name
}

// leave keeps a part's tables as Parquet in memory, and frees what they were made of.
func (b *builder) leave(ctx context.Context) error {
	for _, table := range personTables() {
		if err := b.keep(ctx, "cdm", table, exported(table)); err != nil {
			return err
		}
		if slices.Contains(merged, table) {
			if err := b.keep(ctx, "lineage", table, "*"); err != nil {
				return err
			}
		}
	}
	return b.db.Exec(ctx, "DROP SCHEMA part CASCADE; CREATE SCHEMA part")
}

// keep adds what a table holds to its files, and notes how far its numbers have come.
func (b *builder) keep(ctx context.Context, schema, table, columns string) error {
	name := schema + "." + engine.Quote(table)
	var rows int64
	if err := b.db.Value(ctx, &rows, "SELECT count(*) FROM "+name); err != nil {
		return err
	}
	if rows > 0 || len(b.kept[name]) == 0 {
		if err := b.add(ctx, b.kept, name, "SELECT "+columns+" FROM "+name); err != nil {
			return err
		}
	}
	if schema == "cdm" {
		b.numbered[table] += rows
	}
	return b.db.Exec(ctx, "DROP TABLE "+name)
}

// inMemory keeps the rows of a query as Parquet in memory, as long as the database is open.
func (b *builder) inMemory(ctx context.Context, name, query string) (*engine.File, error) {
	f, err := engine.LoadFile(name, func(w io.Writer) error { return b.db.CopyOut(ctx, query, engine.Parquet, w) })
	if err == nil {
		b.db.Own(f)
	}
	return f, err
}

// add adds the rows of a query to a table's files, which lie in memory.
func (b *builder) add(ctx context.Context, to map[string][]string, table, query string) error {
	f, err := b.inMemory(ctx, table, query)
	if err == nil {
		to[table] = append(to[table], f.Path())
	}
	return err
}

// view makes tables of their files.
func (b *builder) view(ctx context.Context, files map[string][]string) error {
	for table, paths := range files {
		if err := b.db.Exec(ctx, "CREATE VIEW "+table+" AS FROM "+engine.ReadParquet(paths...)); err != nil {
			return err
		}
	}
	return nil
}

// exported are the columns of a finished table that are still of use: the CDM's, and
// what tells where a row and its code came from.
func exported(table string) string {
	var columns []string
	for _, f := range specification[table] {
		columns = append(columns, engine.Quote(f.Name))
	}
	if unmappable(table) {
		return strings.Join(columns, ", ")
	}
	if table == "cost" {
		columns = append(columns, "person_id", "cost_event_table")
	}
	for _, c := range bookkeeping {
		if c.Name != "key" {
			columns = append(columns, engine.Quote(c.Name))
		}
	}
	return strings.Join(columns, ", ")
}

// join makes of all parts' files the finished tables.
func (b *builder) join(ctx context.Context) error {
	if err := b.view(ctx, b.kept); err != nil {
		return err
	}
	return b.db.Exec(ctx, "DROP SCHEMA part CASCADE; DROP TABLE stage.link; ALTER TABLE stage.every_link RENAME TO link")
}
