package omop

import (
	"context"
	"fmt"
	"io"
	"maps"
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
		for _, table := range d.Tables {
			var n int64
			if err := b.db.Value(ctx, &n, "SELECT count(*) FROM "+table); err != nil {
				return fmt.Errorf("deposit %s: %w", d.Name, err)
			}
			rows += n
		}
	}
	if rows <= b.partRows {
		b.parts = []part{{}}
		return nil
	}
	b.parts = nil
	var p part
	return b.db.Each(ctx, `
		SELECT min(person_id), max(person_id)
		FROM (SELECT person_id, ntile(?) OVER (ORDER BY person_id) AS part FROM (SELECT DISTINCT person_id FROM stage.link))
		GROUP BY part ORDER BY part`, []any{(rows + b.partRows - 1) / b.partRows}, func() error {
		b.parts = append(b.parts, p)
		return nil
	}, &p.first, &p.last)
}

// mapParts maps, finishes, checks and accounts for the rows about persons.
func (b *builder) mapParts(ctx context.Context, progress func(step string)) error {
	several := len(b.parts) > 1
	if several {
		if err := b.divide(ctx); err != nil {
			return fmt.Errorf("divide the sources by person: %w", err)
		}
	}
	for i, p := range b.parts {
		place := ""
		if several {
			place = fmt.Sprintf(", part %d of %d", i+1, len(b.parts))
			if err := b.enter(ctx, i, p); err != nil {
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
			if progress != nil {
				progress(s.name + place)
			}
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

// divide finds, once, what tells which rows without a person belong to which part:
// a row whose composite key is that of a row about a person goes with the person.
// Where several persons have the key, all see the row, and the first accounts for
// it; where nobody has it, the first part does both.
func (b *builder) divide(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		ALTER TABLE stage.link RENAME TO every_link;
		CREATE SCHEMA part;
		CREATE TABLE stage.orphan (deposit INTEGER, source_table VARCHAR, line BIGINT);
		CREATE TABLE stage.contested (deposit INTEGER, source_table VARCHAR, line BIGINT, person_id BIGINT)`)
	if err != nil {
		return err
	}
	for i := range b.deposits {
		d := &b.deposits[i]
		d.whole = d.Tables
		if d.words, err = b.words(ctx, d); err != nil {
			return err
		}
		for bucket := range b.parts {
			last := ""
			for _, r := range d.feed.Resources {
				owners, key := d.owners(r)
				if len(owners) == 0 {
					continue
				}
				if one := fmt.Sprint(owners, key); one != last { // resources with the same owners stand together
					last = one
					if err := b.ownersOf(ctx, d, owners, key, bucket); err != nil {
						return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
					}
				}
				if err := b.divideKeys(ctx, d, r, key, bucket); err != nil {
					return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
				}
			}
		}
	}
	return b.db.Exec(ctx, "DROP TABLE IF EXISTS owner")
}

// inBucket holds for the keys of one bucket, so that memory holds a part of them.
func (b *builder) inBucket(key string, bucket int) string {
	return fmt.Sprintf("hash(%s) %% %d = %d", key, len(b.parts), bucket)
}

// ownersOf lists whose the keys of a bucket are. Who is linked to nobody comes first.
func (b *builder) ownersOf(ctx context.Context, d *loaded, owners []string, key string, bucket int) error {
	var all []string
	for _, o := range owners {
		all = append(all, fmt.Sprintf("SELECT %s AS key, coalesce(person_id, %d) AS person_id FROM %s AS r LEFT JOIN stage.every_link l ON l.deposit = %s AND l.person = r.person WHERE %s",
			key, b.parts[0].first, d.whole[o], engine.Literal(d.Name), b.inBucket(key, bucket)))
	}
	return b.db.Exec(ctx, "CREATE OR REPLACE TEMP TABLE owner AS SELECT key, min(person_id) AS first, max(person_id) AS last FROM ("+strings.Join(all, " UNION ALL ")+") GROUP BY key")
}

// divideKeys finds, in a bucket, the rows of nobody and those of several persons.
func (b *builder) divideKeys(ctx context.Context, d *loaded, r intake.Resource, key string, bucket int) error {
	return b.db.Exec(ctx, fmt.Sprintf(`
		INSERT INTO stage.orphan SELECT %[1]d, %[2]s, line FROM (SELECT line, %[4]s AS key FROM %[3]s WHERE %[5]s OR (%[6]d = 0 AND %[4]s IS NULL)) ANTI JOIN owner USING (key);
		INSERT INTO stage.contested SELECT %[1]d, %[2]s, line, first FROM (SELECT line, %[4]s AS key FROM %[3]s WHERE %[5]s) JOIN owner USING (key) WHERE first <> last`,
		d.ordinal, engine.Literal(r.Name), d.whole[r.Name], key, b.inBucket(key, bucket), bucket))
}

// owners are the resources that say whose a resource's rows are, where it does not
// say so itself, and the composite key that they share.
func (d *loaded) owners(r intake.Resource) (owners []string, key string) {
	if _, delivered := d.Tables[r.Name]; !delivered || ofPersons(r) {
		return nil, ""
	}
	for _, k := range r.Keys {
		for _, o := range d.feed.Resources {
			_, delivered := d.Tables[o.Name]
			same := slices.ContainsFunc(o.Keys, func(other intake.CompositeKey) bool { return other.Name == k.Name && other.Domain == k.Domain })
			if delivered && same && ofPersons(o) {
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
func (b *builder) enter(ctx context.Context, i int, p part) error {
	b.at = p
	err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE stage.link AS FROM stage.every_link WHERE person_id BETWEEN %d AND %d", p.first, p.last))
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
		d.Tables = maps.Clone(d.whole) // owners are looked up among what was delivered
		for _, owned := range []bool{false, true} {
			for _, r := range d.feed.Resources {
				owners, key := d.owners(r)
				if _, delivered := d.whole[r.Name]; !delivered || owned != (len(owners) > 0) || d.shared(r) {
					continue
				}
				if err := b.take(ctx, d, r, owners, key, i == 0); err != nil {
					return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
				}
			}
		}
	}
	return nil
}

// take copies a part's rows of one resource.
func (b *builder) take(ctx context.Context, d *loaded, r intake.Resource, owners []string, key string, first bool) error {
	whole, table := d.whole[r.Name], fmt.Sprintf("part.%s", engine.Quote(fmt.Sprintf("%d_%s", d.ordinal, r.Name)))
	mine := "person IN (SELECT person FROM stage.link WHERE deposit = " + engine.Literal(d.Name) + ")"
	others := fmt.Sprintf("ANTI JOIN (SELECT person FROM stage.every_link WHERE deposit = %s) USING (person)", engine.Literal(d.Name))
	if len(owners) > 0 {
		var keys []string
		for _, o := range owners {
			keys = append(keys, fmt.Sprintf("SELECT %s FROM %s", key, d.Tables[o]))
		}
		mine = fmt.Sprintf("%s IN (%s)", key, strings.Join(keys, " UNION ALL "))
		others = fmt.Sprintf("SEMI JOIN (SELECT line FROM stage.orphan WHERE deposit = %d AND source_table = %s) USING (line)", d.ordinal, engine.Literal(r.Name))
	}
	columns := d.columns(r)
	query := fmt.Sprintf("CREATE TABLE %s AS SELECT %s FROM %s AS r WHERE %s", table, columns, whole, mine)
	if first {
		query += fmt.Sprintf("; INSERT INTO %s SELECT %s FROM %s AS r %s", table, columns, whole, others)
	}
	d.Tables[r.Name] = table
	return b.db.Exec(ctx, query)
}

// words are those of a feed's SQL in lower case, and the names that rows may leave it
// under. Where the SQL takes columns by a pattern, there are none.
func (b *builder) words(ctx context.Context, d *loaded) (map[string]bool, error) {
	all := map[string]bool{}
	for _, m := range d.feed.mappings {
		for _, w := range word.FindAllString(strings.ToLower(m.query), -1) {
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

// columns are those of a resource. The values of one that the feed's SQL does not name
// are not read: they could only go through it unseen.
func (d *loaded) columns(r intake.Resource) string {
	var all []string
	for _, c := range r.HealthColumns() {
		name := engine.Quote(c.Name)
		key := slices.ContainsFunc(r.Keys, func(k intake.CompositeKey) bool { return strings.EqualFold(k.Name, c.Name) })
		if d.words != nil && !d.words[c.Name] && !key && c.Name != "line" && c.Name != "person" && word.FindString(c.Name) == c.Name {
			name = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, name)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
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
		f, err := engine.LoadFile(table, func(w io.Writer) error {
			return b.db.CopyOut(ctx, "SELECT "+columns+" FROM "+name, engine.Parquet, w)
		})
		if err != nil {
			return err
		}
		b.db.Own(f)
		b.kept[name] = append(b.kept[name], engine.Literal(f.Path()))
	}
	if schema == "cdm" {
		b.numbered[table] += rows
	}
	return b.db.Exec(ctx, "DROP TABLE "+name)
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
	for _, c := range bookkeeping {
		if c.Name != "key" {
			columns = append(columns, engine.Quote(c.Name))
		}
	}
	return strings.Join(columns, ", ")
}

// join makes of all parts' files the finished tables.
func (b *builder) join(ctx context.Context) error {
	for name, files := range b.kept {
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE VIEW %s AS FROM read_parquet([%s])", name, strings.Join(files, ", "))); err != nil {
			return err
		}
	}
	for i := range b.deposits {
		b.deposits[i].Tables = b.deposits[i].whole
	}
	return b.db.Exec(ctx, "DROP SCHEMA part CASCADE; DROP TABLE stage.link; ALTER TABLE stage.every_link RENAME TO link")
}
