package omop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// Base is a release that a build goes on from. Persons whom what has come since does not
// touch are not mapped again: their rows are those of the base, under new numbers. The
// release is the same, row for row, as one of all deposits.
//
// Deposits do not change: one that the base was built from holds the same rows. Of a loaded
// vocabulary only its version is compared: it must be the same one.
type Base struct {
	Release  string        // its name
	Basis    Basis         // what it was mapped by: its Report.Basis
	Report   *Report       // what it accounted for
	Deposits []string      // that its origins number, from 0
	Mappings []MappingFile // likewise

	// Open gives one of the release's tables, its Origins ("lineage"), or one of what it
	// [Kept], by its name, as an SQL table expression. It is asked for what is used alone.
	Open func(ctx context.Context, name string) (string, error)

	// AtMost is the share of all persons that are mapped anew on top of the base; where more
	// are touched, all are mapped. 0: a quarter. Beyond, it takes longer than a build of all.
	AtMost float64
}

// Continuation says how a build went on from a base.
type Continuation struct {
	Release string `json:"release,omitempty"` // the base; "" is none
	Persons int64  `json:"persons,omitempty"` // of the release
	Anew    int64  `json:"anew,omitempty"`    // of those: that were mapped, the others' rows being the base's
	Why     string `json:"why,omitempty"`     // why the base was not used, where one was given and was not
}

// atMost is [Base.AtMost] where it says nothing.
const atMost = 0.25

// persons maps the rows about persons: of those whom a base's deposits do not tell all
// of, where it can go on from one.
func (b *builder) persons(ctx context.Context, progress func(step string)) error {
	if b.base != nil {
		if why := cmp.Or(b.differs(b.base), b.widened()); why != "" {
			b.refuse(why)
		} else if err := b.reach(ctx); err != nil {
			return fmt.Errorf("find whom the deposits touch: %w", err)
		}
	}
	if b.base != nil {
		return b.goOn(ctx, progress)
	}
	return b.mapParts(ctx, progress)
}

// refuse builds from all deposits.
func (b *builder) refuse(why string) {
	b.report.Continued = Continuation{Why: fmt.Sprintf("release %s is not gone on from: %s", b.base.Release, why)}
	b.base = nil
}

// reach finds the persons whom something has come of, or gone, and the rows of the base's
// deposits that are theirs. Where they are many, there is no base.
func (b *builder) reach(ctx context.Context) error {
	if err := b.db.Exec(ctx, "CREATE SCHEMA base"); err != nil {
		return err
	}
	if err := b.openBase(ctx, "link", "place", "missing", "code", "lineage"); err != nil {
		return err
	}
	if err := b.run(ctx, "base/reach.sql", "$deposits", list(b.base.Deposits), "$names", list(namesOf(b.deposits))); err != nil {
		return err
	}
	again := fmt.Sprintf("INSERT INTO reach.changed SELECT deposit, source_table, line FROM stage.again WHERE NOT before AND list_contains(%s, deposit)", list(b.base.Deposits))
	if err := b.db.Exec(ctx, again); err != nil {
		return err
	}
	if err := b.reachGone(ctx); err != nil {
		return err
	}
	if err := b.reachChanged(ctx); err != nil {
		return err
	}
	if err := b.reachSharers(ctx); err != nil {
		return err
	}
	var touched, all int64
	if err := b.db.Value(ctx, &touched, "SELECT count(*) FROM reach.person"); err != nil {
		return err
	}
	if err := b.db.Value(ctx, &all, "SELECT count(DISTINCT person_id) FROM reach.link"); err != nil {
		return err
	}
	most := b.base.AtMost
	if most == 0 {
		most = atMost
	}
	if float64(touched) > most*float64(all) {
		b.refuse(fmt.Sprintf("%d of %d persons are touched by what has come since, more than it saves time for", touched, all))
		return b.db.Exec(ctx, "DROP SCHEMA reach CASCADE; DROP SCHEMA base CASCADE")
	}
	b.touched = fmt.Sprintf("%d of %d persons", touched, all)
	return b.openBase(ctx, slices.Concat(personTables(), []string{"paid", "fact_relationship"})...)
}

// openBase makes views of what the base has.
func (b *builder) openBase(ctx context.Context, names ...string) error {
	for _, name := range names {
		rows, err := b.base.Open(ctx, name)
		if err != nil {
			return err
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW base.%s AS FROM %s", engine.Quote(name), rows)); err != nil {
			return fmt.Errorf("release %s: %s: %w", b.base.Release, name, err)
		}
	}
	return nil
}

// reachGone adds those whose rows name a place or a provider that is there no more.
func (b *builder) reachGone(ctx context.Context) error {
	var gone int64
	if err := b.db.Value(ctx, &gone, "SELECT count(*) FROM reach.gone"); err != nil || gone == 0 {
		return err
	}
	for _, table := range personTables() {
		for _, f := range specification[table] {
			if lookup, given := lookups[f.Name]; given && global(lookup.table) {
				if err := b.openBase(ctx, table); err != nil {
					return err
				}
				err := b.db.Exec(ctx, fmt.Sprintf("INSERT INTO reach.person SELECT DISTINCT person_id FROM base.%s WHERE %s IN (SELECT id FROM reach.gone WHERE \"table\" = %s) AND person_id NOT IN (FROM reach.person)",
					engine.Quote(table), engine.Quote(f.Name), engine.Literal(lookup.table)))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// reachChanged adds those whose rows other rows about nobody were made of than are now, or
// whose rows were delivered again.
func (b *builder) reachChanged(ctx context.Context) error {
	return b.eachChanged(ctx, func(d *loaded, r intake.Resource, lines string) error {
		owners, key := d.owners(r)
		if d.shared(r) {
			return nil
		}
		closeAll, err := b.open(ctx, d, func(resource string) bool { return resource == r.Name })
		if err != nil {
			return err
		}
		insert := fmt.Sprintf("INSERT INTO reach.number SELECT DISTINCT %s, person FROM %s WHERE line IN (%s) AND person IS NOT NULL", engine.Literal(d.Name), d.Tables[r.Name], lines)
		if len(owners) > 0 { // sharers finds who has the key
			insert = fmt.Sprintf("INSERT INTO reach.key SELECT DISTINCT %s, md5_number(%s) FROM %s WHERE line IN (%s) AND %[2]s IS NOT NULL", d.keySpace(owners, key), key, d.Tables[r.Name], lines)
		}
		return errors.Join(b.db.Exec(ctx, insert), closeAll())
	})
}

// eachChanged goes through the resources of the base's deposits that have such lines.
func (b *builder) eachChanged(ctx context.Context, each func(d *loaded, r intake.Resource, lines string) error) error {
	var name, resource string
	changed := map[[2]string]bool{}
	err := b.db.Each(ctx, "SELECT DISTINCT deposit, source_table FROM reach.changed", nil, func() error { changed[[2]string{name, resource}] = true; return nil }, &name, &resource)
	if err != nil || len(changed) == 0 {
		return err
	}
	for i := range b.deposits {
		d := &b.deposits[i]
		for _, r := range d.feed.Resources {
			if !changed[[2]string{d.Name, r.Name}] {
				continue
			}
			if err := each(d, r, changedLines(d, r)); err != nil {
				return fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
			}
		}
	}
	return nil
}

func changedLines(d *loaded, r intake.Resource) string {
	return fmt.Sprintf("SELECT line FROM reach.changed WHERE deposit = %s AND source_table = %s", engine.Literal(d.Name), engine.Literal(r.Name))
}

// keySpace is a number, in SQL, for keys of owners that meet.
func (d *loaded) keySpace(owners []string, key string) string {
	return "hash(" + engine.Literal(fmt.Sprint(d.with[0].Name, owners, key)) + ")"
}

// owned selects whose the keys of a deposit's rows are: of each, its number.
func (d *loaded) owned(owners []string, key string) string {
	all := []string{"SELECT CAST(NULL AS BIGINT) AS person, CAST(NULL AS UHUGEINT) AS key WHERE false"}
	for _, o := range owners {
		if d.delivers(o) {
			all = append(all, fmt.Sprintf("SELECT person, md5_number(%s) AS key FROM %s WHERE %[1]s IS NOT NULL", key, d.Tables[o]))
		}
	}
	return strings.Join(all, " UNION ALL ")
}

// reachSharers adds, until there are no more, all matching numbers of the persons, and the
// numbers that share a composite key with them: a row that is several persons' is so with
// all of them or with none.
func (b *builder) reachSharers(ctx context.Context) error {
	for {
		before, err := b.reached(ctx)
		if err != nil {
			return err
		}
		err = b.db.Exec(ctx, `
			INSERT INTO reach.person (SELECT person_id FROM reach.link SEMI JOIN reach.number USING (deposit, person)) EXCEPT (FROM reach.person);
			INSERT INTO reach.number (SELECT deposit, person FROM reach.link SEMI JOIN reach.person USING (person_id)) EXCEPT (FROM reach.number)`)
		if err != nil {
			return err
		}
		for i := range b.deposits {
			if err := b.sharers(ctx, &b.deposits[i]); err != nil {
				return fmt.Errorf("deposit %s: %w", b.deposits[i].Name, err)
			}
		}
		if after, err := b.reached(ctx); err != nil || after == before {
			return err
		}
	}
}

// reached counts what has been found.
func (b *builder) reached(ctx context.Context) (n int64, err error) {
	return n, b.db.Value(ctx, &n, "SELECT (SELECT count(*) FROM reach.person) + (SELECT count(*) FROM reach.number) + (SELECT count(*) FROM reach.key)")
}

// sharers adds the keys of the numbers of one deposit that are there, and the numbers that have
// such a key. Of a new deposit that is mapped together with others every key counts.
func (b *builder) sharers(ctx context.Context, d *loaded) error {
	if !b.ofBase(d) && len(d.with) == 1 {
		return nil
	}
	done := map[string]bool{}
	for _, r := range d.feed.Resources {
		owners, key := d.owners(r)
		group := fmt.Sprint(owners, key)
		if len(owners) == 0 || done[group] {
			continue
		}
		done[group] = true
		closeAll, err := b.open(ctx, d, func(resource string) bool { return slices.Contains(owners, resource) })
		if err != nil {
			return err
		}
		numbers, space := "SELECT person FROM reach.number WHERE deposit = "+engine.Literal(d.Name), d.keySpace(owners, key)
		keys := fmt.Sprintf("SELECT key FROM (%s) WHERE person IN (%s)", d.owned(owners, key), numbers)
		if !b.ofBase(d) {
			keys = fmt.Sprintf("SELECT key FROM (%s)", d.owned(owners, key))
		}
		err = b.db.Exec(ctx, fmt.Sprintf("INSERT INTO reach.key SELECT DISTINCT %[2]s, key FROM (%[1]s) WHERE key NOT IN (SELECT key FROM reach.key WHERE space = %[2]s)", keys, space))
		if err == nil && b.ofBase(d) {
			err = b.db.Exec(ctx, fmt.Sprintf("INSERT INTO reach.number SELECT DISTINCT %s, person FROM (%s) WHERE key IN (SELECT key FROM reach.key WHERE space = %s) AND person IS NOT NULL AND person NOT IN (%s)",
				engine.Literal(d.Name), d.owned(owners, key), space, numbers))
		}
		if err = errors.Join(err, closeAll()); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return nil
}

// ofBase says whether the base was built from a deposit.
func (b *builder) ofBase(d *loaded) bool { return slices.Contains(b.base.Deposits, d.Name) }

// goOn maps the persons who are touched, and puts them among those of the base. What the
// base accounted for their rows is found by mapping them as it did.
func (b *builder) goOn(ctx context.Context, progress func(step string)) error {
	taken, err := b.takeReached(ctx)
	if err != nil {
		return fmt.Errorf("take the rows of the persons who are touched: %w", err)
	}
	before, err := b.mapBefore(ctx, taken, within(b.touched+" as they were", progress))
	if err != nil {
		return fmt.Errorf("map the persons who are touched, as release %s did: %w", b.base.Release, err)
	}
	if err := b.run(ctx, "base/after.sql"); err != nil {
		return err
	}
	for i := range b.deposits {
		if t, ok := taken[b.deposits[i].Name]; ok {
			b.deposits[i].Deposit = t
		}
	}
	if err := b.plan(ctx); err != nil {
		return err
	}
	if err := b.mapParts(ctx, within(b.touched+" anew", progress)); err != nil {
		return err
	}
	if err := b.run(ctx, "account/coded.sql"); err != nil {
		return err
	}
	if err := b.run(ctx, "base/all.sql"); err != nil {
		return err
	}
	if progress != nil {
		progress("join with the base")
	}
	if err := b.splice(ctx); err != nil {
		return fmt.Errorf("put the persons among those of release %s: %w", b.base.Release, err)
	}
	if err := b.sharedOfBase(ctx); err != nil {
		return err
	}
	return b.continueReport(ctx, before)
}

// within names the steps of a pass.
func within(pass string, progress func(step string)) func(step string) {
	if progress == nil {
		return nil
	}
	return func(step string) { progress(pass + ", " + step) }
}

// takeReached copies the rows of the base's deposits that are of those who are touched, as
// Parquet in memory, and gives the deposits so, by name. What every person sees stays whole.
func (b *builder) takeReached(ctx context.Context) (map[string]Deposit, error) {
	all := map[string]Deposit{}
	for i := range b.deposits {
		d := b.deposits[i]
		if !b.ofBase(&d) {
			continue
		}
		var err error
		if d.words, err = b.words(ctx, &d); err != nil {
			return nil, err
		}
		taken := d.Deposit
		taken.Tables, taken.Files = maps.Clone(d.Tables), maps.Clone(d.Files)
		for _, r := range d.feed.Resources {
			owners, key := d.owners(r)
			if !d.delivers(r.Name) || d.shared(r) {
				continue
			}
			mine := fmt.Sprintf("person IN (SELECT person FROM reach.number WHERE deposit = %s)", engine.Literal(d.Name))
			if len(owners) > 0 {
				mine = fmt.Sprintf("(md5_number(%s) IN (SELECT key FROM reach.key WHERE space = %s) OR line IN (%s))", key, d.keySpace(owners, key), changedLines(&d, r))
			}
			closeAll, err := b.open(ctx, &d, func(resource string) bool { return resource == r.Name })
			if err != nil {
				return nil, fmt.Errorf("deposit %s: %w", d.Name, err)
			}
			f, err := b.inMemory(ctx, r.Name, fmt.Sprintf("SELECT %s FROM %s AS r WHERE %s", d.columns(r), d.Tables[r.Name], mine))
			if err = errors.Join(err, closeAll()); err != nil {
				return nil, fmt.Errorf("deposit %s: %s: %w", d.Name, r.Name, err)
			}
			taken.Tables[r.Name] = readParquet(f)
			delete(taken.Files, r.Name)
		}
		all[d.Name] = taken
	}
	return all, nil
}

// mapBefore maps the rows that are taken as the base did, and accounts for them.
func (b *builder) mapBefore(ctx context.Context, taken map[string]Deposit, progress func(step string)) (_ *builder, err error) {
	before := &builder{
		db: b.db, feeds: b.feeds, whole: b.whole, release: b.release, report: &Report{}, sound: b.sound, numbered: map[string]int64{}, kept: map[string][]string{},
		partRows: b.partRows, base: b.base, before: true, again: b.again, scratch: b.scratch,
	}
	defer func() { err = errors.Join(err, before.closeOpened()) }()
	for _, name := range b.base.Deposits {
		d := b.deposits[slices.IndexFunc(b.deposits, func(d loaded) bool { return d.Name == name })]
		d.ordinal, d.Deposit = len(before.deposits), taken[name]
		d.Tables = maps.Clone(d.Tables)
		before.deposits = append(before.deposits, d)
	}
	before.group()
	before.startReport()
	if err := b.run(ctx, "base/before.sql"); err != nil {
		return nil, err
	}
	if err := before.plan(ctx); err != nil {
		return nil, err
	}
	if err := before.mapParts(ctx, progress); err != nil {
		return nil, err
	}
	if err := b.run(ctx, "account/coded.sql"); err != nil {
		return nil, err
	}
	if err := before.dropPersons(ctx); err != nil {
		return nil, err
	}
	return before, b.createPersonTables(ctx)
}

// dropPersons drops the finished tables about persons, and where their rows came from.
func (b *builder) dropPersons(ctx context.Context) error {
	kind := "TABLE"
	if len(b.parts) > 1 {
		kind = "VIEW"
	}
	for _, table := range personTables() {
		if err := b.db.Exec(ctx, fmt.Sprintf("DROP %s cdm.%s", kind, engine.Quote(table))); err != nil {
			return err
		}
		if slices.Contains(merged, table) {
			if err := b.db.Exec(ctx, fmt.Sprintf("DROP %s lineage.%s", kind, engine.Quote(table))); err != nil {
				return err
			}
		}
	}
	return nil
}

// sharedOfBase notes what the rows of the release were made of the rows that every person
// sees, in the base's deposits.
func (b *builder) sharedOfBase(ctx context.Context) error {
	for _, d := range b.deposits {
		if !b.ofBase(&d) {
			continue
		}
		for _, r := range d.feed.Resources {
			if !d.delivers(r.Name) || !d.shared(r) {
				continue
			}
			for _, table := range mappable() {
				if global(table) {
					continue
				}
				err := b.db.Exec(ctx, fmt.Sprintf(`INSERT INTO stage.shared_lineage
					SELECT DISTINCT deposit, resource, unnest(list_append(coalesce(lines, []), line)), "table" FROM lineage.%s WHERE deposit = ? AND resource = ?`, engine.Quote(table)), d.ordinal, r.Name)
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}
