package omop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// account fills the report and fails where a row is not accounted for.
func (b *builder) account(ctx context.Context) error {
	if err := b.traceLineage(ctx); err != nil {
		return fmt.Errorf("trace the rows: %w", err)
	}
	for _, d := range b.deposits {
		one := DepositReport{Name: d.Name, Feed: d.Feed, Kind: d.feed.Kind}
		for _, r := range d.feed.Resources {
			if _, delivered := d.Tables[r.Name]; !delivered {
				continue
			}
			resource, err := b.accountResource(ctx, d, r)
			if err != nil {
				return fmt.Errorf("deposit %s: account for %s: %w", d.Name, r.Name, err)
			}
			one.Resources = append(one.Resources, resource)
		}
		b.report.Deposits = append(b.report.Deposits, one)
	}
	if err := b.accountVocabularies(ctx); err != nil {
		return fmt.Errorf("account for the codes: %w", err)
	}
	if err := b.accountTables(ctx); err != nil {
		return fmt.Errorf("count the tables: %w", err)
	}
	return b.accountPersons(ctx)
}

// traceLineage lists which source line stands behind which table: for merged
// tables every row that was merged, for the others the rows that are there.
func (b *builder) traceLineage(ctx context.Context) error {
	var traces []string
	for _, table := range mappable() {
		schema := "cdm"
		if slices.Contains(merged, table) {
			schema = "stage"
		}
		traces = append(traces, fmt.Sprintf(
			"SELECT deposit, source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line, %s AS target FROM %s.%s",
			engine.Literal(table), schema, engine.Quote(table)))
	}
	return b.db.Exec(ctx, fmt.Sprintf(`
		CREATE TABLE stage.lineage AS SELECT DISTINCT deposit, source_table, line, target FROM (%s);
		CREATE TABLE stage.unpaid AS SELECT DISTINCT deposit, source_table, unnest(list_append(coalesce(source_lines, []), source_line)) AS line FROM stage.cost`,
		strings.Join(traces, " UNION ALL ")))
}

func (b *builder) accountResource(ctx context.Context, d loaded, r intake.Resource) (ResourceReport, error) {
	report := ResourceReport{Name: r.Name, Reached: map[string]int64{}, Left: map[string]int64{}}
	linked := "true"
	if slices.ContainsFunc(r.HealthColumns(), func(c engine.Column) bool { return c.Name == "person" }) {
		linked = "person IN (SELECT person FROM stage.link WHERE deposit = " + engine.Literal(d.Name) + ")"
	}
	err := b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE stage.accepted AS SELECT line, %s AS linked FROM %s", linked, d.Tables[r.Name]))
	if err != nil {
		return report, err
	}
	var invented int64
	err = b.db.Value(ctx, &invented, `
		SELECT count(*) FROM (
		    SELECT line FROM stage.lineage WHERE deposit = $1 AND source_table = $2
		    UNION ALL
		    SELECT source_line FROM stage.unmapped WHERE deposit = $1 AND source_table = $2
		) ANTI JOIN stage.accepted USING (line)`, d.ordinal, r.Name)
	if err != nil {
		return report, err
	}
	if invented > 0 {
		return report, fmt.Errorf("the mapping names %d lines that were not delivered: check source_line of feed %s", invented, d.Feed)
	}
	if report.Reached, err = b.counts(ctx, "SELECT target, count(*) FROM stage.lineage WHERE deposit = ? AND source_table = ? GROUP BY target", d.ordinal, r.Name); err != nil {
		return report, err
	}
	unmapped := r.Unmapped
	if unmapped == "" {
		unmapped = LeftUnmapped
	}
	fates, err := b.counts(ctx, `
		SELECT CASE
		           WHEN line IN (SELECT line FROM stage.lineage WHERE deposit = $1 AND source_table = $2) THEN 'mapped'
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
		return report, err
	}
	for fate, n := range fates {
		report.Accepted += n
		if fate == "mapped" {
			report.Mapped = n
		} else {
			report.Left[fate] = n
		}
	}
	return report, nil
}

func (b *builder) accountVocabularies(ctx context.Context) error {
	if err := b.run(ctx, "account/coded.sql"); err != nil {
		return err
	}
	rows, err := b.db.Query(ctx, `
		SELECT vocabulary_id, count(*), count(*) FILTER (unmapped_rows > 0), CAST(sum(code_rows) AS BIGINT), CAST(sum(unmapped_rows) AS BIGINT)
		FROM stage.coded GROUP BY vocabulary_id ORDER BY vocabulary_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v VocabularyReport
		if err := rows.Scan(&v.Name, &v.Codes, &v.CodesUnmapped, &v.Rows, &v.RowsUnmapped); err != nil {
			return err
		}
		b.report.Vocabularies = append(b.report.Vocabularies, v)
	}
	if err := rows.Err(); err != nil {
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
	rows, err := b.db.Query(ctx, `
		SELECT coded.concept_code, unmapped_rows, coalesce(first(c.concept_name ORDER BY c.concept_id), '') AS name
		FROM stage.coded
		LEFT JOIN vocabulary.concept c ON c.vocabulary_id = coded.vocabulary_id AND c.concept_code = coded.concept_code
		WHERE coded.vocabulary_id = ? AND unmapped_rows > 0
		GROUP BY coded.concept_code, unmapped_rows
		ORDER BY unmapped_rows DESC, coded.concept_code LIMIT 100000`, v.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c CodeRows
		if err := rows.Scan(&c.Code, &c.Rows, &c.Name); err != nil {
			return err
		}
		v.Unmapped = append(v.Unmapped, c)
	}
	return rows.Err()
}

func (b *builder) accountTables(ctx context.Context) error {
	for _, table := range Tables() {
		t := TableReport{Name: table}
		if err := b.db.Value(ctx, &t.Rows, "SELECT count(*) FROM cdm."+engine.Quote(table)); err != nil {
			return err
		}
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
				t.Unresolved[f.Name] = n
			}
		}
		b.report.Tables = append(b.report.Tables, t)
	}
	return nil
}

func (b *builder) accountPersons(ctx context.Context) error {
	text, err := statements.ReadFile("sql/account/persons.sql")
	if err != nil {
		return fmt.Errorf("read omop/sql/account/persons.sql: %w", err)
	}
	rows, err := b.db.Query(ctx, string(text))
	if err != nil {
		return fmt.Errorf("omop/sql/account/persons.sql: %w", err)
	}
	defer rows.Close()
	p := &b.report.Persons
	for rows.Next() {
		if err := rows.Scan(&p.Persons, &p.SeveralDeposits, &p.SexDiffers, &p.BirthYearDiffers, &p.WithoutObservation); err != nil {
			return err
		}
	}
	return rows.Err()
}

// counts reads a query of names and numbers.
func (b *builder) counts(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	rows, err := b.db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, rows.Err()
}
