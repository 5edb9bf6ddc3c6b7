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
			if _, delivered := d.Tables[r.Name]; delivered {
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
			traces = append(traces, fmt.Sprintf("SELECT source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line FROM stage.%s WHERE deposit = %d", engine.Quote(table), d.ordinal))
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
		rows, delivered := d.Tables[name]
		if !delivered {
			continue
		}
		var invented int64
		err := b.db.Value(ctx, &invented, fmt.Sprintf(`
			SELECT (SELECT count(*) FROM traced WHERE source_table = $1)
			     - (SELECT count(DISTINCT line) FROM %s SEMI JOIN (SELECT line FROM traced WHERE source_table = $1) USING (line))`, rows), name)
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
		traces = append(traces, fmt.Sprintf(
			"SELECT deposit, source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line, %s AS target FROM %s.%s",
			engine.Literal(table), schema, engine.Quote(table)))
	}
	return "SELECT DISTINCT deposit, source_table, line, target FROM (" + strings.Join(traces, " UNION ALL ") + ")"
}

// accountPart accounts for a part's rows, and fails where one is not accounted for.
// What every part sees is accounted for at the end.
func (b *builder) accountPart(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		CREATE OR REPLACE TABLE stage.lineage AS `+b.traces(func(t string) bool { return !global(t) })+`;
		CREATE OR REPLACE TABLE stage.unpaid AS SELECT DISTINCT deposit, source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line FROM stage.cost`)
	if err != nil {
		return fmt.Errorf("trace the rows: %w", err)
	}
	err = b.eachResource(func(d loaded, r intake.Resource, report *ResourceReport) error {
		if b.sharing() && d.shared(r) {
			return b.setAside(ctx, d, r)
		}
		return b.accountResource(ctx, d, r, report)
	})
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
func (b *builder) setAside(ctx context.Context, d loaded, r intake.Resource) error {
	for _, table := range []string{"lineage", "unpaid", "unmapped"} {
		if err := b.db.Exec(ctx, fmt.Sprintf("INSERT INTO stage.shared_%[1]s FROM stage.%[1]s WHERE deposit = ? AND source_table = ?", table), d.ordinal, r.Name); err != nil {
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
	return b.eachResource(func(d loaded, r intake.Resource, report *ResourceReport) error {
		if !d.shared(r) {
			return nil
		}
		return b.accountResource(ctx, d, r, report)
	})
}

// eachResource goes through the resources that were delivered, each with its report.
func (b *builder) eachResource(account func(d loaded, r intake.Resource, report *ResourceReport) error) error {
	for i, d := range b.deposits {
		for at := range b.report.Deposits[i].Resources {
			report := &b.report.Deposits[i].Resources[at]
			if err := account(d, *d.feed.Resource(report.Name), report); err != nil {
				return fmt.Errorf("deposit %s: account for %s: %w", d.Name, report.Name, err)
			}
		}
	}
	return nil
}

// accountResource adds the rows of a resource to its report.
func (b *builder) accountResource(ctx context.Context, d loaded, r intake.Resource, report *ResourceReport) error {
	linked := "true"
	if ofPersons(r) {
		linked = "person IN (SELECT person FROM stage.link WHERE deposit = " + engine.Literal(d.Name) + ")"
	}
	err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE stage.accepted AS SELECT line, %s AS linked FROM %s", linked, d.Tables[r.Name]))
	if err != nil {
		return err
	}
	var invented int64
	err = b.db.Value(ctx, &invented, `
		SELECT count(*) FROM (
		    SELECT line FROM stage.lineage WHERE deposit = $1 AND source_table = $2
		    UNION ALL
		    SELECT source_line FROM stage.unmapped WHERE deposit = $1 AND source_table = $2
		) ANTI JOIN stage.accepted USING (line)`, d.ordinal, r.Name)
	if err != nil {
		return err
	}
	if invented > 0 {
		return inventedLines(invented, d.Feed)
	}
	if owners, _ := d.owners(r); len(b.parts) > 1 && len(owners) > 0 { // the first of several owners accounts for the row
		err := b.db.Exec(ctx, "DELETE FROM stage.accepted WHERE line IN (SELECT line FROM stage.contested WHERE deposit = ? AND source_table = ? AND part <> ?)", d.ordinal, r.Name, b.at)
		if err != nil {
			return err
		}
	}
	err = b.db.Exec(ctx, `
		CREATE OR REPLACE TABLE stage.reached AS
		SELECT line, target
		FROM (SELECT deposit, source_table, line, target FROM stage.lineage UNION ALL FROM stage.global_lineage)
		SEMI JOIN stage.accepted USING (line)
		WHERE deposit = $1 AND source_table = $2`, d.ordinal, r.Name)
	if err != nil {
		return err
	}
	reached, err := b.counts(ctx, "SELECT target, count(*) FROM stage.reached GROUP BY target")
	if err != nil {
		return err
	}
	unmapped := r.Unmapped
	if unmapped == "" {
		unmapped = LeftUnmapped
	}
	fates, err := b.counts(ctx, `
		SELECT CASE
		           WHEN line IN (SELECT line FROM stage.reached) THEN 'mapped'
		           WHEN NOT linked THEN $3
		           WHEN line IN (SELECT line FROM stage.unpaid WHERE deposit = $1 AND source_table = $2) THEN $4
		           ELSE coalesce(left_out.reason, $5)
		       END, count(*)
		FROM stage.accepted
		LEFT JOIN (
		    SELECT source_line AS line, min(reason) AS reason FROM stage.unmapped
		    WHERE deposit = $1 AND source_table = $2 GROUP BY source_line
		) AS left_out USING (line)
		GROUP BY 1`, d.ordinal, r.Name, LeftUnlinked, LeftEvent, unmapped)
	if err != nil {
		return err
	}
	for target, n := range reached {
		report.Reached[target] += n
	}
	for fate, n := range fates {
		report.Accepted += n
		if fate == "mapped" {
			report.Mapped += n
		} else {
			report.Left[fate] += n
		}
	}
	return nil
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
	return b.db.Each(ctx, string(text), nil, func() error {
		all := &b.report.Persons
		all.Persons += p.Persons
		all.SeveralDeposits += p.SeveralDeposits
		all.SexDiffers += p.SexDiffers
		all.BirthYearDiffers += p.BirthYearDiffers
		all.WithoutObservation += p.WithoutObservation
		return nil
	}, &p.Persons, &p.SeveralDeposits, &p.SexDiffers, &p.BirthYearDiffers, &p.WithoutObservation)
}

// counts reads a query of names and numbers.
func (b *builder) counts(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	counts := map[string]int64{}
	var name string
	var n int64
	return counts, b.db.Each(ctx, query, args, func() error { counts[name] = n; return nil }, &name, &n)
}
