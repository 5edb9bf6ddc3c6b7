package omop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// MappingFile is a file of a feed that rows were made by.
type MappingFile struct {
	File   string `json:"file"` // <feed>/map/<target>.<what>.sql
	SHA256 string `json:"sha256"`
}

// Origins is the query, after [Build], of where every row came from: for each row
// of a table that mappings fill, and each source row that it was made of,
//
//	"table", id     the row: its primary key; of death, its person; of fact_relationship, its first fact
//	deposit         place in [Report.Deposits]
//	mapping         place in [Report.Mappings]
//	resource, line  the source's row; lines are further ones of that resource
//
// A row that several deposits tell of, or whose lines are of several, stands there several times, in the order in
// which they are believed. Rows come table by table, in the order of their keys.
// What the build works out of other rows has none: see [Members].
func Origins() string {
	var all []string
	for _, table := range mappable() {
		all = append(all, "SELECT * FROM lineage."+engine.Quote(table))
	}
	return strings.Join(all, " UNION ALL ")
}

// originsOf selects the origins of a table's rows.
func (b *builder) originsOf(table, id, from string) string {
	origins := func(from string) string {
		return fmt.Sprintf(`SELECT %s AS "table", %s AS id, CAST(deposit AS SMALLINT) AS deposit, CAST(mapping AS SMALLINT) AS mapping, source_table AS resource, source_line AS line, source_lines AS lines FROM %s`,
			engine.Literal(table), engine.Quote(id), from)
	}
	if !b.several() {
		return origins(from)
	}
	return origins(fmt.Sprintf("%s WHERE NOT coalesce(source_lines[1] >= %d, false)", from, borne)) + " UNION ALL " + origins(b.byDeposit(id, from))
}

// byDeposit selects rows whose lines bear their deposits, a row for each deposit: of its lines,
// and the first of them where it is not the row's own.
func (b *builder) byDeposit(id, from string) string {
	return fmt.Sprintf(`(
		SELECT %[1]s, mapping, source_table, one AS deposit, lines AS source_lines, CASE WHEN one = deposit THEN source_line ELSE list_min(lines) END AS source_line
		FROM (
		    SELECT * EXCLUDE (source_lines), list_transform(list_filter(source_lines, lambda l: %[3]s = one), lambda l: %[4]s) AS lines
		    FROM (
		        SELECT %[1]s, mapping, source_table, source_line, deposit, source_lines, unnest(list_distinct(list_append(list_transform(source_lines, lambda l: %[3]s), deposit))) AS one
		        FROM %[2]s WHERE source_lines[1] >= %[5]d)))`, engine.Quote(id), from, toldIn("l", "deposit"), toldLine("l"), borne)
}

// keepOrigins notes the origins of merged rows while what they were merged from is
// still there.
func (b *builder) keepOrigins(ctx context.Context, tables []string) error {
	if err := b.db.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS lineage"); err != nil {
		return err
	}
	for _, table := range tables {
		if !slices.Contains(merged, table) {
			continue
		}
		id, from := primaryKey(table), "stage."+engine.Quote(table)
		switch table {
		case "person", "death":
			id = "person_id"
		case "fact_relationship":
			id = "fact_id_1"
		case "observation_period": // those stated that lie in it
			from = "(SELECT s.*, c.observation_period_id FROM stage.observation_period s JOIN cdm.observation_period c ON c.person_id = s.person_id AND s.observation_period_start_date BETWEEN c.observation_period_start_date AND c.observation_period_end_date)"
		default:
			from = fmt.Sprintf("(SELECT s.*, c.%[1]s FROM stage.%[2]s s JOIN (SELECT %[1]s, %[3]s FROM cdm.%[2]s) c USING (%[3]s))", engine.Quote(id), engine.Quote(table), identity(table))
		}
		query := fmt.Sprintf("CREATE TABLE lineage.%s AS %s ORDER BY id, deposit, resource, line", engine.Quote(table), b.originsOf(table, id, from))
		if err := b.db.Exec(ctx, query); err != nil {
			return fmt.Errorf("keep where the rows of %s came from: %w", table, err)
		}
	}
	return nil
}

// mappingNumber is the place of a mapping's file in the report.
func (b *builder) mappingNumber(m mapping) int {
	if at := slices.IndexFunc(b.report.Mappings, func(f MappingFile) bool { return f.File == m.file }); at >= 0 {
		return at
	}
	b.report.Mappings = append(b.report.Mappings, MappingFile{m.file, m.sha256})
	return len(b.report.Mappings) - 1
}
