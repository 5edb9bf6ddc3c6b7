package omop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/lake/scratch"
)

// pieceKey names what a part has of a deposit's resource.
type pieceKey struct {
	part, deposit int
	resource      string
}

// divide sets the rows of all sources aside in pieces, by part of the persons, going
// through each file once. A row that does not say whose it is goes with the rows about
// persons that have its composite key. Where several parts have the key, all see the row,
// and the first accounts for it; where nobody has it, the first part does both.
func (b *builder) divide(ctx context.Context) error {
	b.pieces = map[pieceKey][]scratch.Piece{}
	err := b.db.Exec(ctx, `
		ALTER TABLE stage.link RENAME TO every_link;
		CREATE SCHEMA part;
		CREATE OR REPLACE TABLE stage.contested (deposit INTEGER, source_table VARCHAR, line BIGINT, part INTEGER)`)
	if err != nil {
		return err
	}
	for _, source := range b.sources() {
		if err := b.divideSource(ctx, source); err != nil {
			return err
		}
	}
	return b.db.Exec(ctx, "DROP TABLE IF EXISTS place; DROP TABLE IF EXISTS chunk; DROP TABLE IF EXISTS owned")
}

// ownedBy is a table of which parts have the rows about persons that bear a composite key.
type ownedBy struct {
	table  string
	owners []string // resources
	key    string
}

func (b *builder) divideSource(ctx context.Context, source []*loaded) error {
	keys, err := b.createOwners(ctx, source)
	if err != nil {
		return err
	}
	for _, owned := range []bool{false, true} { // owners first
		for _, d := range source {
			if err := b.divideDeposit(ctx, d, keys, owned); err != nil {
				return fmt.Errorf("deposit %s: %w", d.Name, err)
			}
		}
	}
	for _, k := range keys {
		if err := b.db.Exec(ctx, "DROP TABLE "+k.table); err != nil {
			return err
		}
	}
	return nil
}

// divideDeposit divides the resources of a deposit that have owners, or those that have none.
func (b *builder) divideDeposit(ctx context.Context, d *loaded, keys []ownedBy, owned bool) (err error) {
	if !owned { // which comes first, and alone looks for persons
		if d.words, err = b.words(ctx, d); err != nil {
			return err
		}
		if err := b.placePersons(ctx, d); err != nil {
			return err
		}
	}
	for _, r := range d.feed.Resources {
		owners, key := d.owners(r)
		if !d.delivers(r.Name) || owned != (len(owners) > 0) || d.shared(r) {
			continue
		}
		err := b.each(ctx, d, r.Name, func(rows, order string) error {
			return b.divideRows(ctx, d, r, rows, order, keys, ownersAt(keys, owners, key))
		})
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return nil
}

// createOwners makes the tables of a source's owners.
func (b *builder) createOwners(ctx context.Context, source []*loaded) (keys []ownedBy, err error) {
	for _, d := range source {
		for _, r := range d.feed.Resources {
			owners, key := d.owners(r)
			if len(owners) == 0 || ownersAt(keys, owners, key) >= 0 {
				continue
			}
			k := ownedBy{fmt.Sprintf("owner_%d", len(keys)), owners, key}
			if err := b.db.Exec(ctx, "CREATE TEMP TABLE "+k.table+" (key UHUGEINT, part INTEGER)"); err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func ownersAt(keys []ownedBy, owners []string, key string) int {
	return slices.IndexFunc(keys, func(k ownedBy) bool { return k.key == key && slices.Equal(k.owners, owners) })
}

// placePersons lists in which part a deposit's persons are.
func (b *builder) placePersons(ctx context.Context, d *loaded) error {
	var parts []string
	for i, p := range b.parts {
		parts = append(parts, fmt.Sprintf("(%d, %d)", i, p.first))
	}
	return b.db.Exec(ctx, fmt.Sprintf(`
		CREATE OR REPLACE TEMP TABLE place AS
		SELECT DISTINCT l.person, p.part
		FROM stage.every_link l
		ASOF JOIN (VALUES %s) AS p(part, first) ON l.person_id >= p.first
		WHERE l.deposit = %s`, strings.Join(parts, ", "), engine.Literal(d.Name)))
}

// placeOwned lists which parts have the owners of some lines, and which lines several
// parts see.
func (b *builder) placeOwned(ctx context.Context, d *loaded, r intake.Resource, rows, lines string, of ownedBy) error {
	return b.db.Exec(ctx, fmt.Sprintf(`
		CREATE OR REPLACE TEMP TABLE owned AS
		SELECT DISTINCT r.line, o.part
		FROM %[1]s o JOIN (SELECT line, md5_number(%[2]s) AS key FROM %[3]s WHERE %[4]s) r USING (key);
		INSERT INTO stage.contested SELECT %[5]d, %[6]s, line, min(part) FROM owned GROUP BY line HAVING count(*) > 1`,
		of.table, of.key, rows, lines, d.ordinal, engine.Literal(r.Name)))
}

// divideRows sets rows of one resource aside, as many at a time as a part has. owned is
// the place among keys of those that say whose rows are that do not say so themselves.
func (b *builder) divideRows(ctx context.Context, d *loaded, r intake.Resource, rows, order string, keys []ownedBy, owned int) error {
	var n, first, last int64
	err := b.db.Each(ctx, "SELECT count(*), coalesce(min(line), 0), coalesce(max(line), 0) FROM "+rows, nil, func() error { return nil }, &n, &first, &last)
	if err != nil || n == 0 {
		return err
	}
	width := (last-first)/((n+b.partRows-1)/b.partRows) + 1
	for ; first <= last; first += width {
		lines := fmt.Sprintf("line BETWEEN %d AND %d", first, first+width-1)
		places := "place p USING (person)"
		if owned >= 0 {
			places = "owned p USING (line)"
			if err := b.placeOwned(ctx, d, r, rows, lines, keys[owned]); err != nil {
				return err
			}
		}
		err := b.db.Exec(ctx, fmt.Sprintf(`
			CREATE OR REPLACE TEMP TABLE chunk AS
			SELECT coalesce(p.part, 0) AS "the part", r.*
			FROM (SELECT %s, %s AS "the order" FROM %s WHERE %s) r LEFT JOIN %s
			ORDER BY "the part", "the order"`, d.named(r), order, rows, lines, places))
		if err != nil {
			return err
		}
		for _, k := range keys {
			if !slices.Contains(k.owners, r.Name) {
				continue
			}
			counts := k.key + " IS NOT NULL"
			if again := b.againOf(d, r.Name); again != "" { // who has a row that does not count owns nothing by it
				counts += " AND line NOT IN (" + again + ")"
			}
			if err := b.db.Exec(ctx, fmt.Sprintf(`INSERT INTO %s SELECT DISTINCT md5_number(%s), "the part" FROM chunk WHERE %s`, k.table, k.key, counts)); err != nil {
				return err
			}
		}
		if err := b.putChunk(ctx, d, r); err != nil {
			return err
		}
	}
	return nil
}

// putChunk sets the rows of a chunk aside, a piece for each part.
func (b *builder) putChunk(ctx context.Context, d *loaded, r intake.Resource) error {
	var part int
	var parts []int
	err := b.db.Each(ctx, `SELECT DISTINCT "the part" FROM chunk ORDER BY ALL`, nil, func() error { parts = append(parts, part); return nil }, &part)
	if err != nil {
		return err
	}
	for _, part := range parts {
		piece, err := b.scratch.Put(func(w io.Writer) error {
			return b.db.CopyOut(ctx, fmt.Sprintf(`SELECT * EXCLUDE ("the part", "the order") FROM chunk WHERE "the part" = %d`, part), engine.Parquet, w)
		})
		if err != nil {
			return err
		}
		at := pieceKey{part, d.ordinal, r.Name}
		b.pieces[at] = append(b.pieces[at], piece)
	}
	return nil
}

// take loads a part's rows of one resource, and gives the room of their pieces back.
func (b *builder) take(ctx context.Context, d *loaded, r intake.Resource, part int) (err error) {
	at := pieceKey{part, d.ordinal, r.Name}
	from := none(r)
	if pieces := b.pieces[at]; len(pieces) > 0 {
		files := make([]*engine.File, 0, len(pieces))
		defer func() {
			for _, f := range files {
				err = errors.Join(err, f.Close())
			}
		}()
		for _, p := range pieces {
			f, err := b.scratch.Load(p, r.Name)
			if err != nil {
				return err
			}
			files = append(files, f)
			b.scratch.Drop(p)
		}
		from = readParquet(files...)
	}
	delete(b.pieces, at)
	table := fmt.Sprintf("part.%s", engine.Quote(fmt.Sprintf("%d_%s", d.ordinal, r.Name)))
	if err := b.db.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT %s FROM %s", table, d.columns(r), from)); err != nil {
		return err
	}
	d.Tables[r.Name] = table
	return nil
}
