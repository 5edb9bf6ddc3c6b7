package omop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// Deposits of one provider are one source, where their feed says so ([intake.Feed.Together]):
// its SQL sees the rows of all of them, the person of each resolved by the deposit's own
// links, so that a line may take back what an earlier deposit told of. A line of such a
// source bears its deposit:
//
//	bit 62    1: the line of a source of several deposits
//	47 to 61  the deposit's place in the build
//	33 to 46  the file's place among those of the resource
//	0 to 32   the line within the file
//
// so that lines stand in the order of the deposits. Rows of stage tables have their
// source_line as it was delivered, beside their deposit; their source_lines stay as they
// were seen until they are traced.
const (
	borne      = 1 << 62
	depositBit = 47
	fileBit    = 33
	mostPlaces = 1 << (depositBit - fileBit) // of files; of deposits there may be twice as many
)

// group finds which deposits are mapped together, in the order in which they were made.
func (b *builder) group() {
	for i := range b.deposits {
		d := &b.deposits[i]
		d.with = nil
		for j := range b.deposits {
			if o := &b.deposits[j]; i == j || together(*d, *o) {
				d.with = append(d.with, o)
			}
		}
	}
}

func together(d, o loaded) bool {
	return d.feed.Together && d.Provider != "" && d.Provider == o.Provider && d.Feed == o.Feed
}

// inOrderMade puts deposits that are mapped together in the order in which they were made,
// in the places that they have among the others.
func inOrderMade(deposits []loaded) {
	done := make([]bool, len(deposits))
	for i := range deposits {
		var places []int
		var source []loaded
		for j := i; j < len(deposits) && !done[i]; j++ {
			if i == j || together(deposits[i], deposits[j]) {
				places, source = append(places, j), append(source, deposits[j])
			}
		}
		slices.SortStableFunc(source, func(x, y loaded) int { return x.Made.Compare(y.Made) })
		for at, place := range places {
			deposits[place], done[place] = source[at], true
		}
	}
}

// sources are the deposits, those together that are mapped together.
func (b *builder) sources() (all [][]*loaded) {
	for i := range b.deposits {
		if d := &b.deposits[i]; d.with[0] == d {
			all = append(all, d.with)
		}
	}
	return all
}

// several says whether any source is of several deposits.
func (b *builder) several() bool {
	return slices.ContainsFunc(b.deposits, func(d loaded) bool { return len(d.with) > 1 })
}

// sourceOf is SQL for the source of a row's deposit: the place of its first deposit.
func (b *builder) sourceOf() string {
	if !b.several() {
		return "deposit"
	}
	first := make([]string, len(b.deposits))
	for i, d := range b.deposits {
		first[i] = fmt.Sprint(d.with[0].ordinal)
	}
	return "[" + strings.Join(first, ", ") + "][deposit + 1]"
}

// delivers says whether a deposit has a resource.
func (d *loaded) delivers(resource string) bool {
	_, delivered := d.Tables[resource]
	return delivered
}

// sourceDelivers says whether a deposit has a resource, of those that are mapped together.
func (d *loaded) sourceDelivers(resource string) bool {
	return slices.ContainsFunc(d.with, func(o *loaded) bool { return o.delivers(resource) })
}

// seen is the query of what a mapping sees of a resource of a source.
func (b *builder) seen(source []*loaded, r intake.Resource) string {
	if len(source) == 1 {
		return source[0].rows(r)
	}
	var all []string
	for _, d := range source {
		if !d.delivers(r.Name) {
			continue
		}
		rows := d.rows(r)
		if again := b.againOf(d, r.Name); again != "" {
			rows = fmt.Sprintf("SELECT * FROM (%s) WHERE line NOT IN (%s)", rows, again)
		}
		all = append(all, fmt.Sprintf("SELECT * REPLACE (%d + ((line >> 40) << %d) + (line & %d) AS line) FROM (%s)", borne|d.ordinal<<depositBit, fileBit, 1<<fileBit-1, rows))
	}
	if len(all) == 0 {
		return source[0].rows(r)
	}
	return strings.Join(all, " UNION ALL BY NAME ")
}

// toldLine and toldIn are SQL for the line as it was delivered, and for its deposit, of a
// line as a mapping saw it. A line that bears none is of the deposit of its row.
func toldLine(line string) string {
	return fmt.Sprintf("CASE WHEN %[1]s >= %[2]d THEN (((%[1]s >> %[3]d) & %[4]d) << 40) + (%[1]s & %[5]d) ELSE %[1]s END", line, borne, fileBit, mostPlaces-1, 1<<fileBit-1)
}

func toldIn(line, deposit string) string {
	return fmt.Sprintf("CASE WHEN %[1]s >= %[2]d THEN CAST((%[1]s >> %[3]d) & %[4]d AS INTEGER) ELSE %[5]s END", line, borne, depositBit, 1<<(62-depositBit)-1, deposit)
}

// linesBehind selects deposit, source_table and line of all lines that some stage rows name, and
// what else is wanted of them.
func (b *builder) linesBehind(from, more string) string {
	lines := fmt.Sprintf("SELECT deposit, source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line%s FROM %s", more, from)
	if !b.several() {
		return lines
	}
	return fmt.Sprintf("SELECT * REPLACE (%s AS deposit, %s AS line) FROM (%s)", toldIn("line", "deposit"), toldLine("line"), lines)
}

// checkPlaces refuses more files than a line can bear.
func (b *builder) checkPlaces() error {
	if !b.several() {
		return nil
	}
	if len(b.deposits) > 1<<(62-depositBit) {
		return fmt.Errorf("there are %d deposits, and a release is built from %d at most where deposits are mapped together", len(b.deposits), 1<<(62-depositBit))
	}
	for _, d := range b.deposits {
		for resource, files := range d.Files {
			if len(d.with) > 1 && len(files) > mostPlaces {
				return fmt.Errorf("deposit %s: %s has %d files, and deposits that are mapped together have %d at most: deposit fewer, longer files", d.Name, resource, len(files), mostPlaces)
			}
		}
	}
	return nil
}

// again says which rows of a deposit's resource a later deposit delivered again: any, and
// any within the deposits of a base.
type again struct{ now, before bool }

// againOf is the query of the lines of a deposit's resource that a later deposit of the source
// delivered again; "" where there is none. The later one's count.
func (b *builder) againOf(d *loaded, resource string) string {
	a := b.again[[2]string{d.Name, resource}]
	if len(d.with) < 2 || !a.now || b.before && !a.before {
		return ""
	}
	query := fmt.Sprintf("SELECT line FROM stage.again WHERE deposit = %s AND source_table = %s", engine.Literal(d.Name), engine.Literal(resource))
	if b.before {
		query += " AND before"
	}
	return query
}

// allAgain is the query of all such rows: deposit, source_table, line, again.
func (b *builder) allAgain() string {
	all := []string{"SELECT 0 AS deposit, '' AS source_table, CAST(0 AS BIGINT) AS line, true AS again WHERE false"}
	for i := range b.deposits {
		d := &b.deposits[i]
		for _, r := range d.feed.Resources {
			if lines := b.againOf(d, r.Name); lines != "" {
				all = append(all, fmt.Sprintf("SELECT %d, %s, line, true FROM (%s)", d.ordinal, engine.Literal(r.Name), lines))
			}
		}
	}
	return strings.Join(all, " UNION ") // a line that has two keys may be there twice
}

// findAgain lists, in stage.again, rows that a later deposit of the same source delivered
// again: rows with a composite key that the later one has, in any resource, of resources that the later
// one delivered. before says whether that one is the base's.
func (b *builder) findAgain(ctx context.Context) error {
	if err := b.checkPlaces(); err != nil {
		return err
	}
	err := b.db.Exec(ctx, "CREATE OR REPLACE TABLE stage.again (deposit VARCHAR, source_table VARCHAR, line BIGINT, before BOOLEAN)")
	if err != nil {
		return err
	}
	b.again = map[[2]string]again{}
	for _, source := range b.sources() {
		if len(source) < 2 {
			continue
		}
		for _, key := range compositeKeys(source[0].feed) {
			if err := b.findKeyAgain(ctx, source, key); err != nil {
				return fmt.Errorf("find what deposits of %s delivered again: %w", source[0].Provider, err)
			}
		}
	}
	var deposit, resource string
	var before bool
	return b.db.Each(ctx, "SELECT deposit, source_table, bool_or(before) FROM stage.again GROUP BY ALL", nil, func() error {
		b.again[[2]string{deposit, resource}] = again{now: true, before: before}
		return nil
	}, &deposit, &resource, &before)
}

// compositeKeys are those of a feed, each once; Fields are of no use.
func compositeKeys(f *feed) (all []intake.CompositeKey) {
	for _, r := range f.Resources {
		for _, k := range r.Keys {
			if !slices.ContainsFunc(all, sameKey(k)) {
				all = append(all, k)
			}
		}
	}
	return all
}

func sameKey(k intake.CompositeKey) func(intake.CompositeKey) bool {
	return func(other intake.CompositeKey) bool { return other.Name == k.Name && other.Domain == k.Domain }
}

// followsKey says whether the rows of a resource have the keys of rows of another alone, which the
// deposit has: intake has seen to it.
func (d *loaded) followsKey(r intake.Resource, k intake.CompositeKey) bool {
	return slices.ContainsFunc(r.ForeignKeys, func(f intake.ForeignKey) bool {
		o := d.feed.Resource(f.Resource)
		return o.Name != r.Name && d.delivers(o.Name) && slices.Equal(f.Fields, k.Fields) && slices.ContainsFunc(o.Keys, sameKey(k))
	})
}

// keyRows is about how many keys are compared at a time.
const keyRows = 4_000_000

// findKeyAgain lists the rows of one key.
func (b *builder) findKeyAgain(ctx context.Context, source []*loaded, k intake.CompositeKey) error {
	name := engine.Quote(strings.ToLower(k.Name))
	err := b.db.Exec(ctx, `
		CREATE OR REPLACE TEMP TABLE delivered_key (key UHUGEINT, deposit INTEGER);
		CREATE OR REPLACE TEMP TABLE again_key (key UHUGEINT, deposit INTEGER)`)
	if err != nil {
		return err
	}
	err = b.eachKeyed(ctx, source, k, func(d *loaded, r intake.Resource, rows string) error {
		if d.followsKey(r, k) {
			return nil
		}
		return b.db.Exec(ctx, fmt.Sprintf("INSERT INTO delivered_key SELECT DISTINCT md5_number(%s), %d FROM %s WHERE %[1]s IS NOT NULL", name, d.ordinal, rows))
	})
	if err != nil {
		return err
	}
	var keys int64
	if err := b.db.Value(ctx, &keys, "SELECT count(*) FROM delivered_key"); err != nil {
		return err
	}
	parts := keys/keyRows + 1
	for part := range parts {
		err := b.db.Exec(ctx, fmt.Sprintf(`
			INSERT INTO again_key SELECT DISTINCT key, deposit FROM delivered_key
			SEMI JOIN (SELECT key FROM delivered_key WHERE hash(key) %% %[1]d = %[2]d GROUP BY key HAVING min(deposit) <> max(deposit)) USING (key)
			WHERE hash(key) %% %[1]d = %[2]d`, parts, part))
		if err != nil {
			return err
		}
	}
	if err := b.db.Value(ctx, &keys, "SELECT count(*) FROM again_key"); err != nil || keys == 0 {
		return errors.Join(err, b.dropKeys(ctx))
	}
	err = b.eachKeyed(ctx, source, k, func(d *loaded, r intake.Resource, rows string) error {
		var now, before []string
		for _, o := range source {
			if o.ordinal > d.ordinal && o.delivers(r.Name) {
				now = append(now, fmt.Sprint(o.ordinal))
				if b.base != nil && b.ofBase(o) && b.ofBase(d) {
					before = append(before, fmt.Sprint(o.ordinal))
				}
			}
		}
		if len(now) == 0 {
			return nil
		}
		return b.db.Exec(ctx, fmt.Sprintf(`
			INSERT INTO stage.again
			SELECT %s, %s, r.line, a.before FROM %s r
			JOIN (SELECT key, bool_or(list_contains(CAST([%s] AS INTEGER[]), deposit)) AS before FROM again_key WHERE deposit IN (%s) GROUP BY key) a ON a.key = md5_number(r.%s)`,
			engine.Literal(d.Name), engine.Literal(r.Name), rows, strings.Join(before, ", "), strings.Join(now, ", "), name))
	})
	return errors.Join(err, b.dropKeys(ctx))
}

func (b *builder) dropKeys(ctx context.Context) error {
	return b.db.Exec(ctx, "DROP TABLE delivered_key; DROP TABLE again_key")
}

// eachKeyed goes through the rows of a source that have a composite key, a file at a time.
func (b *builder) eachKeyed(ctx context.Context, source []*loaded, k intake.CompositeKey, use func(d *loaded, r intake.Resource, rows string) error) error {
	for _, d := range source {
		for _, r := range d.feed.Resources {
			if !d.delivers(r.Name) || !slices.ContainsFunc(r.Keys, sameKey(k)) {
				continue
			}
			if err := b.each(ctx, d, r.Name, func(rows, _ string) error { return use(d, r, rows) }); err != nil {
				return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
			}
		}
	}
	return nil
}

// widened says, as the end of a sentence, why new deposits change what every person of a
// base's sees; "" where they do not.
func (b *builder) widened() string {
	for _, source := range b.sources() {
		base := slices.DeleteFunc(slices.Clone(source), func(d *loaded) bool { return !b.ofBase(d) })
		if len(source) < 2 || len(base) == 0 {
			continue
		}
		for _, d := range source {
			was := *d
			was.with = base
			for _, r := range d.feed.Resources {
				if !d.delivers(r.Name) {
					continue
				}
				if b.ofBase(d) && d.shared(r) != was.shared(r) || !b.ofBase(d) && d.shared(r) {
					return fmt.Sprintf("deposits of %s that have come since have rows of %s that persons of earlier ones see", d.Provider, r.Name)
				}
				if a := b.again[[2]string{d.Name, r.Name}]; d.shared(r) && a.now {
					return fmt.Sprintf("rows of %s that every person of %s sees were delivered again", r.Name, d.Provider)
				}
			}
		}
	}
	return ""
}
