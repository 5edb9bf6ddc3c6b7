package omop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// sameStays gives stays that hospital and insurer tell of under different keys one
// key, by the rule in same_stay.sql, wherever mapped rows name it.
func (b *builder) sameStays(ctx context.Context) error {
	if err := b.db.Exec(ctx, "CREATE OR REPLACE TABLE stage.deposit (ordinal INTEGER, kind VARCHAR)"); err != nil {
		return err
	}
	for _, d := range b.deposits {
		if err := b.db.Exec(ctx, "INSERT INTO stage.deposit VALUES (?, ?)", d.ordinal, d.feed.Kind); err != nil {
			return err
		}
	}
	if err := b.run(ctx, "same_stay.sql"); err != nil {
		return err
	}
	if err := b.db.Value(ctx, &b.sameStay, "SELECT count(*) FROM stage.same_stay"); err != nil || b.sameStay == 0 {
		return err
	}
	renamed := []struct{ table, column, person string }{{"visit_occurrence", "key", "person_id"}, {"cost", "cost_event_key", ""}}
	for _, table := range mappable() {
		if slices.ContainsFunc(mappedColumns(table), func(c engine.Column) bool { return c.Name == "visit_key" }) {
			renamed = append(renamed, struct{ table, column, person string }{table, "visit_key", "person_id"})
		}
	}
	for _, r := range renamed {
		same := ""
		if r.person != "" {
			same = " AND t.person_id = same.person_id"
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("UPDATE stage.%[1]s AS t SET %[2]s = same.same_as FROM stage.same_stay same WHERE t.%[2]s = same.key%[3]s", engine.Quote(r.table), r.column, same)); err != nil {
			return fmt.Errorf("give %s the hospital's key of a stay: %w", r.table, err)
		}
	}
	return nil
}

// identity are the columns that make rows of a merged table one. The person is part of a
// visit's, so that a wrong link can never hand somebody's visit to somebody else.
func identity(table string) string {
	switch table {
	case "person", "death":
		return "person_id"
	case "visit_occurrence", "visit_detail":
		return "person_id, key"
	case "fact_relationship":
		return "domain_concept_id_1, fact_id_1, domain_concept_id_2, fact_id_2, relationship_concept_id"
	}
	return "key"
}

// accountMerged counts what several deposits tell of in some tables, where their rows
// became one.
func (b *builder) accountMerged(ctx context.Context, tables []string) error {
	for _, table := range tables {
		if !slices.Contains(merged, table) || table == "observation_period" {
			continue
		}
		same := fmt.Sprintf("SELECT %s FROM stage.%s GROUP BY ALL HAVING count(DISTINCT %s) > 1", identity(table), engine.Quote(table), b.sourceOf())
		m := MergeReport{Table: table, Rule: "one row"}
		if table == "visit_occurrence" {
			m.ByRule = b.sameStay
		}
		if err := b.countSides(ctx, m, same, fmt.Sprintf("SELECT deposit FROM stage.%s SEMI JOIN (%s) USING (%s)", engine.Quote(table), same, identity(table))); err != nil {
			return err
		}
	}
	return nil
}

// accountEvents counts the events that several deposits tell of, and the drugs that were
// prescribed and dispensed: each side's row stays.
func (b *builder) accountEvents(ctx context.Context) error {
	for _, e := range []struct{ table, columns string }{
		{"condition_occurrence", "person_id, condition_concept_id, condition_start_date"},
		{"procedure_occurrence", "person_id, procedure_concept_id, procedure_date"},
		{"measurement", "person_id, measurement_concept_id, measurement_date"},
	} {
		concept := strings.Split(e.columns, ", ")[1]
		same := fmt.Sprintf("SELECT %s FROM cdm.%s WHERE %s <> 0 GROUP BY ALL HAVING count(DISTINCT %s) > 1", e.columns, e.table, concept, b.sourceOf())
		if err := b.countSides(ctx, MergeReport{Table: e.table, Rule: "each side's row stays"}, same, fmt.Sprintf("SELECT deposit FROM cdm.%s SEMI JOIN (%s) USING (%s)", e.table, same, e.columns)); err != nil {
			return err
		}
	}
	return b.countSides(ctx, MergeReport{Table: "drug_exposure", Rule: "a prescription and its dispensation, linked"}, "FROM stage.dispensed",
		"SELECT deposit FROM cdm.drug_exposure WHERE drug_exposure_id IN (SELECT prescribed FROM stage.dispensed UNION ALL SELECT dispensed FROM stage.dispensed)")
}

// countSides adds a part's count to the report where there is anything: of the things
// that several tell of, and of each deposit's rows about them.
func (b *builder) countSides(ctx context.Context, m MergeReport, things, rows string) error {
	if err := b.db.Value(ctx, &m.Things, "SELECT count(*) FROM ("+things+")"); err != nil || m.Things == 0 {
		return err
	}
	at := slices.IndexFunc(b.report.Merged, func(have MergeReport) bool { return have.Table == m.Table })
	if at < 0 {
		at = len(b.report.Merged)
		b.report.Merged = append(b.report.Merged, MergeReport{Table: m.Table, Rule: m.Rule, Sides: map[string]int64{}})
	}
	all := &b.report.Merged[at]
	all.Things += m.Things
	all.ByRule += m.ByRule
	var ordinal int
	var n int64
	return b.db.Each(ctx, "SELECT deposit, count(*) FROM ("+rows+") GROUP BY deposit", nil, func() error {
		all.Sides[b.deposits[ordinal].Name] += n
		return nil
	}, &ordinal, &n)
}
