package omop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// startReport lists what is accounted for.
func (b *builder) startReport() {
	for _, d := range b.deposits {
		one := DepositReport{Name: d.Name, Feed: d.Feed, Kind: d.feed.Kind}
		for _, r := range d.feed.Resources {
			if d.delivers(r.Name) {
				one.Resources = append(one.Resources, ResourceReport{Name: r.Name, Reached: map[string]int64{}, Left: map[string]int64{}})
			}
		}
		b.report.Deposits = append(b.report.Deposits, one)
	}
	for _, table := range Tables() {
		b.report.Tables = append(b.report.Tables, TableReport{Name: table})
	}
}

// traceGlobal lists which source line stands behind which table that is not about
// persons: every row that was merged, or that is there. No line is known yet but as
// one of those that some part will account for.
func (b *builder) traceGlobal(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		CREATE TABLE stage.global_lineage AS `+b.traces(global)+` ORDER BY ALL;
		CREATE TABLE stage.lineage AS FROM stage.global_lineage LIMIT 0;
		CREATE TABLE stage.unpaid AS SELECT deposit, source_table, line FROM stage.global_lineage LIMIT 0;
		CREATE TABLE stage.shared_lineage AS FROM stage.global_lineage LIMIT 0;
		CREATE TABLE stage.shared_unpaid AS FROM stage.unpaid;
		CREATE TABLE stage.shared_unmapped AS FROM stage.unmapped`)
	if err != nil {
		return fmt.Errorf("trace the rows: %w", err)
	}
	return nil
}

// checkGlobal finds lines that a deposit's rows about nobody name, and that were not
// delivered.
func (b *builder) checkGlobal(ctx context.Context, d *loaded) (err error) {
	var traces []string
	for _, table := range mappable() {
		if global(table) {
			traces = append(traces, fmt.Sprintf("SELECT source_table, line FROM (%s) WHERE deposit = %d", b.linesBehind("stage."+engine.Quote(table), ""), d.ordinal))
		}
	}
	if err := b.db.Exec(ctx, "CREATE OR REPLACE TEMP TABLE traced AS SELECT DISTINCT * FROM ("+strings.Join(traces, " UNION ALL ")+")"); err != nil {
		return err
	}
	var name string
	var named []string
	if err := b.db.Each(ctx, "SELECT DISTINCT source_table FROM traced", nil, func() error { named = append(named, name); return nil }, &name); err != nil {
		return err
	}
	closeAll, err := b.open(ctx, d, func(resource string) bool { return slices.Contains(named, resource) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	for _, name := range named {
		if !d.delivers(name) {
			continue
		}
		var invented int64
		err := b.db.Value(ctx, &invented, fmt.Sprintf(`
			SELECT (SELECT count(*) FROM traced WHERE source_table = $1)
			     - (SELECT count(DISTINCT line) FROM %s SEMI JOIN (SELECT line FROM traced WHERE source_table = $1) USING (line))`, d.Tables[name]), name)
		if err != nil {
			return err
		}
		if invented > 0 {
			return fmt.Errorf("account for %s: %w", name, inventedLines(invented, d.Feed))
		}
	}
	return b.db.Exec(ctx, "DROP TABLE traced")
}

func inventedLines(lines int64, feed string) error {
	return fmt.Errorf("the mapping names %d lines that were not delivered: check source_line of feed %s", lines, feed)
}

// traces selects which source lines stand behind some tables: for merged tables every
// row that was merged, for the others the rows that are there.
func (b *builder) traces(wanted func(table string) bool) string {
	var traces []string
	for _, table := range mappable() {
		if !wanted(table) {
			continue
		}
		schema := "cdm"
		if slices.Contains(merged, table) {
			schema = "stage"
		}
		traces = append(traces, b.linesBehind(schema+"."+engine.Quote(table), ", "+engine.Literal(table)+" AS target"))
	}
	return "SELECT DISTINCT deposit, source_table, line, target FROM (" + strings.Join(traces, " UNION ALL ") + ")"
}

// accountPart accounts for a part's rows, and fails where one is not accounted for.
// What every part sees is accounted for at the end.
func (b *builder) accountPart(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		CREATE OR REPLACE TABLE stage.lineage AS `+b.traces(func(t string) bool { return !global(t) })+`;
		CREATE OR REPLACE TABLE stage.unpaid AS SELECT DISTINCT deposit, source_table, line FROM (`+b.linesBehind("stage.cost", "")+")")
	if err != nil {
		return fmt.Errorf("trace the rows: %w", err)
	}
	if b.sharing() {
		if err := b.setAside(ctx); err != nil {
			return err
		}
	}
	err = b.accountResources(ctx, func(d loaded, r intake.Resource) bool { return !b.sharing() || !d.shared(r) })
	if err != nil {
		return err
	}
	if err := b.findFlaw(ctx); err != nil {
		return err
	}
	if err := b.accountTables(ctx, personTables()); err != nil {
		return fmt.Errorf("count the tables: %w", err)
	}
	if err = b.accountMerged(ctx, personTables()); err == nil {
		err = b.accountEvents(ctx)
	}
	if err != nil {
		return fmt.Errorf("count what several deposits tell of: %w", err)
	}
	return b.accountPersons(ctx)
}

// sharing says whether what every person sees is accounted for at the end.
func (b *builder) sharing() bool { return len(b.parts) > 1 || b.base != nil }

// setAside notes what a part made of rows that every part sees.
func (b *builder) setAside(ctx context.Context) error {
	shared := b.resources(func(d loaded, r intake.Resource) bool { return d.shared(r) })
	if len(shared) == 0 {
		return nil
	}
	for _, table := range []string{"lineage", "unpaid", "unmapped"} {
		if err := b.db.Exec(ctx, fmt.Sprintf("INSERT INTO stage.shared_%[1]s FROM stage.%[1]s WHERE (deposit, source_table) IN (%[2]s)", table, pairs(shared))); err != nil {
			return err
		}
	}
	return nil
}

// account ends the report, when all parts are there.
func (b *builder) account(ctx context.Context) error {
	if b.sharing() {
		if err := b.accountShared(ctx); err != nil {
			return err
		}
	}
	if err := b.check(ctx, slices.Concat(vocabularyTables, toldTables)); err != nil {
		return err
	}
	if err := b.accountTables(ctx, slices.Concat(globalTables(), vocabularyTables, toldTables)); err != nil {
		return fmt.Errorf("count the tables: %w", err)
	}
	slices.SortStableFunc(b.report.Merged, func(x, y MergeReport) int {
		return cmp.Compare(slices.Index(tableNames, x.Table), slices.Index(tableNames, y.Table))
	})
	if err := b.accountVocabularies(ctx); err != nil {
		return fmt.Errorf("account for the codes: %w", err)
	}
	return nil
}

// accountShared accounts for the rows that every part saw.
func (b *builder) accountShared(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		CREATE OR REPLACE TABLE stage.lineage AS SELECT DISTINCT * FROM stage.shared_lineage;
		CREATE OR REPLACE TABLE stage.unpaid AS SELECT DISTINCT * FROM stage.shared_unpaid;
		CREATE OR REPLACE TABLE stage.unmapped AS SELECT DISTINCT * FROM stage.shared_unmapped`)
	if err != nil {
		return err
	}
	return b.accountResources(ctx, func(d loaded, r intake.Resource) bool { return d.shared(r) })
}

// delivered is a resource of a deposit, with its report.
type delivered struct {
	deposit  *loaded
	resource intake.Resource
	report   *ResourceReport
}

// resources are those that were delivered, as far as they are wanted.
func (b *builder) resources(wanted func(d loaded, r intake.Resource) bool) (all []delivered) {
	for i := range b.deposits {
		d := &b.deposits[i]
		for at := range b.report.Deposits[i].Resources {
			report := &b.report.Deposits[i].Resources[at]
			if r := *d.feed.Resource(report.Name); wanted(*d, r) {
				all = append(all, delivered{d, r, report})
			}
		}
	}
	return all
}

// pairs writes the deposits' numbers and resources' names as SQL.
func pairs(resources []delivered) string {
	var all []string
	for _, x := range resources {
		all = append(all, fmt.Sprintf("(%d, %s)", x.deposit.ordinal, engine.Literal(x.resource.Name)))
	}
	return strings.Join(all, ", ")
}

// accountResources adds the rows of the wanted resources to their reports.
func (b *builder) accountResources(ctx context.Context, wanted func(d loaded, r intake.Resource) bool) error {
	all := b.resources(wanted)
	if len(all) == 0 {
		return nil
	}
	var accepted []string
	for _, x := range all {
		linked := "true"
		if ofPersons(x.resource) {
			linked = "person IN (SELECT person FROM stage.link WHERE deposit = " + engine.Literal(x.deposit.Name) + ")"
		}
		accepted = append(accepted, fmt.Sprintf("SELECT %d AS deposit, %s AS source_table, line, %s AS linked FROM %s",
			x.deposit.ordinal, engine.Literal(x.resource.Name), linked, x.deposit.Tables[x.resource.Name]))
	}
	if err := b.db.Exec(ctx, "CREATE OR REPLACE TABLE stage.accepted AS "+strings.Join(accepted, " UNION ALL ")); err != nil {
		return fmt.Errorf("account for the rows: %w", err)
	}
	if err := b.findInvented(ctx, all); err != nil {
		return err
	}
	if len(b.parts) > 1 { // the first part that sees a row accounts for it
		if err := b.db.Exec(ctx, "DELETE FROM stage.accepted a USING stage.contested c WHERE c.deposit = a.deposit AND c.source_table = a.source_table AND c.line = a.line AND c.part <> ?", b.at); err != nil {
			return err
		}
	}
	if err := b.run(ctx, "account/fate.sql", "$again", b.allAgain(), "$later", engine.Literal(LeftAgain), "$unlinked", engine.Literal(LeftUnlinked), "$unpaid", engine.Literal(LeftEvent)); err != nil {
		return err
	}
	return b.readFates(ctx, all)
}

// findInvented finds lines that rows say they are of, and that were not delivered.
func (b *builder) findInvented(ctx context.Context, all []delivered) error {
	var deposit int
	var resource string
	var lines int64
	return b.db.Each(ctx, fmt.Sprintf(`
		SELECT deposit, source_table, count(*)
		FROM (
		    SELECT deposit, source_table, line FROM stage.lineage
		    UNION ALL
		    SELECT deposit, source_table, source_line FROM stage.unmapped
		)
		ANTI JOIN stage.accepted USING (deposit, source_table, line)
		WHERE (deposit, source_table) IN (%s)
		GROUP BY ALL ORDER BY ALL LIMIT 1`, pairs(all)), nil, func() error {
		d := b.deposits[deposit]
		return fmt.Errorf("deposit %s: account for %s: %w", d.Name, resource, inventedLines(lines, d.Feed))
	}, &deposit, &resource, &lines)
}

// readFates adds what became of the rows to the reports.
func (b *builder) readFates(ctx context.Context, all []delivered) error {
	var deposit int
	var resource, fate string
	var n int64
	of := func() delivered {
		return all[slices.IndexFunc(all, func(x delivered) bool { return x.deposit.ordinal == deposit && x.resource.Name == resource })]
	}
	err := b.db.Each(ctx, "SELECT deposit, source_table, target, count(*) FROM stage.reached GROUP BY ALL", nil, func() error {
		of().report.Reached[fate] += n
		return nil
	}, &deposit, &resource, &fate, &n)
	if err != nil {
		return err
	}
	return b.db.Each(ctx, "FROM stage.fate", nil, func() error {
		x := of()
		x.report.Accepted += n
		switch {
		case fate == "mapped":
			x.report.Mapped += n
			return nil
		case fate == "" && x.resource.Unmapped != "":
			fate = x.resource.Unmapped
		case fate == "":
			fate = LeftUnmapped
		}
		x.report.Left[fate] += n
		return nil
	}, &deposit, &resource, &fate, &n)
}

func (b *builder) accountVocabularies(ctx context.Context) error {
	if b.base == nil { // which has them already
		if err := b.run(ctx, "account/coded.sql"); err != nil {
			return err
		}
	}
	var v VocabularyReport
	err := b.db.Each(ctx, `
		SELECT vocabulary_id, count(*), count(*) FILTER (unmapped_rows > 0), CAST(sum(code_rows) AS BIGINT), CAST(sum(unmapped_rows) AS BIGINT)
		FROM stage.coded GROUP BY vocabulary_id ORDER BY vocabulary_id`, nil, func() error {
		b.report.Vocabularies = append(b.report.Vocabularies, v)
		return nil
	}, &v.Name, &v.Codes, &v.CodesUnmapped, &v.Rows, &v.RowsUnmapped)
	if err != nil {
		return err
	}
	for i := range b.report.Vocabularies {
		if err := b.unmappedCodes(ctx, &b.report.Vocabularies[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) unmappedCodes(ctx context.Context, v *VocabularyReport) error {
	var c CodeRows
	return b.db.Each(ctx, `
		SELECT coded.concept_code, unmapped_rows, coalesce(first(c.concept_name ORDER BY c.concept_id), '') AS name
		FROM stage.coded
		LEFT JOIN vocabulary.concept c ON c.vocabulary_id = coded.vocabulary_id AND c.concept_code = coded.concept_code
		WHERE coded.vocabulary_id = ? AND unmapped_rows > 0
		GROUP BY coded.concept_code, unmapped_rows
		ORDER BY unmapped_rows DESC, coded.concept_code LIMIT 100000`, []any{v.Name}, func() error {
		v.Unmapped = append(v.Unmapped, c)
		return nil
	}, &c.Code, &c.Rows, &c.Name)
}

// accountTables adds the rows of some tables to the report.
func (b *builder) accountTables(ctx context.Context, tables []string) error {
	for _, table := range tables {
		t := &b.report.Tables[slices.Index(tableNames, table)]
		var rows int64
		if err := b.db.Value(ctx, &rows, "SELECT count(*) FROM cdm."+engine.Quote(table)); err != nil {
			return err
		}
		t.Rows += rows
		for _, f := range specification[table] {
			lookup, given := lookups[f.Name]
			if !given || f.PrimaryKey {
				continue
			}
			var n int64
			query := fmt.Sprintf("SELECT count(*) FROM cdm.%s WHERE %s IS NOT NULL AND %s IS NULL", engine.Quote(table), lookup.key, engine.Quote(f.Name))
			if err := b.db.Value(ctx, &n, query); err != nil {
				return err
			}
			if n > 0 {
				if t.Unresolved == nil {
					t.Unresolved = map[string]int64{}
				}
				t.Unresolved[f.Name] += n
				if err := b.keepMissing(ctx, table, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// accountPersons adds a part's persons to the report.
func (b *builder) accountPersons(ctx context.Context) error {
	text, err := statements.ReadFile("sql/account/persons.sql")
	if err != nil {
		return fmt.Errorf("read omop/sql/account/persons.sql: %w", err)
	}
	var p PersonReport
	return b.db.Each(ctx, strings.ReplaceAll(string(text), "$lines", b.linesBehind("stage.person", ", person_id")), nil, func() error {
		all := &b.report.Persons
		all.Persons += p.Persons
		all.SeveralDeposits += p.SeveralDeposits
		all.SexDiffers += p.SexDiffers
		all.BirthYearDiffers += p.BirthYearDiffers
		all.WithoutObservation += p.WithoutObservation
		return nil
	}, &p.Persons, &p.SeveralDeposits, &p.SexDiffers, &p.BirthYearDiffers, &p.WithoutObservation)
}
