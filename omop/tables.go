package omop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// lookups are the foreign keys that mappings give as text, by their column.
var lookups = map[string]struct{ key, table string }{
	"visit_occurrence_id": {"visit_key", "visit_occurrence"},
	"provider_id":         {"provider_key", "provider"},
	"care_site_id":        {"care_site_key", "care_site"},
	"location_id":         {"location_key", "location"},
}

// unfilled are numbers of other rows that no mapping can know and no step here
// fills, but for cost's, which cost.sql does.
var unfilled = []string{
	"visit_detail_id", "preceding_visit_occurrence_id", "measurement_event_id", "observation_event_id",
	"cost_event_id", "payer_plan_period_id",
}

// bookkeeping are the columns of every mapped row besides the CDM's.
var bookkeeping = []engine.Column{
	{Name: "key", Type: "VARCHAR"},
	{Name: "vocabulary_id", Type: "VARCHAR"},
	{Name: "concept_code", Type: "VARCHAR"},
	{Name: "deposit", Type: "INTEGER"},
	{Name: "source_table", Type: "VARCHAR"},
	{Name: "source_line", Type: "BIGINT"},
	{Name: "source_lines", Type: "BIGINT[]"},
}

// vocabularyTables are filled from the vocabularies, not from mappings.
var vocabularyTables = []string{"concept", "vocabulary", "concept_relationship", "concept_ancestor"}

// mappable are the tables that a feed may fill.
func mappable() []string {
	return slices.DeleteFunc(Tables(), func(t string) bool {
		return t == "observation_period" || slices.Contains(vocabularyTables, t)
	})
}

// merged are the tables in which several deposits' rows become one.
var merged = []string{"location", "care_site", "provider", "person", "visit_occurrence", "death"}

// mappedColumns are the columns that a mapping may give for a table, and those
// that it need not know about.
func mappedColumns(table string) []engine.Column {
	var columns []engine.Column
	for _, f := range specification[table] {
		lookup, keyed := lookups[f.Name]
		switch {
		case f.PrimaryKey && f.Name != "person_id", slices.Contains(unfilled, f.Name):
		case keyed:
			columns = append(columns, engine.Column{Name: lookup.key, Type: "VARCHAR"})
		default:
			columns = append(columns, engine.Column{Name: f.Name, Type: f.Type})
		}
	}
	if table == "cost" {
		columns = append(columns, engine.Column{Name: "cost_event_key", Type: "VARCHAR"}, engine.Column{Name: "cost_event_table", Type: "VARCHAR"})
	}
	return append(columns, bookkeeping...)
}

// createTables makes stage.* for mapped rows and cdm.* for finished ones, which
// keep the bookkeeping until they are exported.
func (b *builder) createTables(ctx context.Context) error {
	for _, table := range Tables() {
		cdm := make([]engine.Column, 0, len(specification[table]))
		for _, f := range specification[table] {
			cdm = append(cdm, engine.Column{Name: f.Name, Type: f.Type})
		}
		if slices.Contains(vocabularyTables, table) {
			if err := b.createTable(ctx, "cdm", table, cdm); err != nil {
				return err
			}
			continue
		}
		stage := mappedColumns(table)
		for _, c := range stage {
			if !slices.ContainsFunc(cdm, func(have engine.Column) bool { return have.Name == c.Name }) {
				cdm = append(cdm, c)
			}
		}
		if err := b.createTable(ctx, "cdm", table, cdm); err != nil {
			return err
		}
		if err := b.createTable(ctx, "stage", table, stage); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) createTable(ctx context.Context, schema, table string, columns []engine.Column) error {
	definitions := make([]string, len(columns))
	for i, c := range columns {
		definitions[i] = engine.Quote(c.Name) + " " + c.Type
	}
	return b.db.Exec(ctx, fmt.Sprintf("CREATE TABLE %s.%s (%s)", schema, engine.Quote(table), strings.Join(definitions, ", ")))
}

// finish makes the CDM tables, each after those that it refers to.
func (b *builder) finish(ctx context.Context) error {
	for _, table := range []string{
		"location", "care_site", "provider", "person", "visit_occurrence",
		"condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation",
		"death", "payer_plan_period", "cost", "observation_period",
	} {
		source := "stage." + engine.Quote(table)
		if _, err := statements.Open("sql/ready/" + table + ".sql"); err == nil {
			if err := b.run(ctx, "ready/"+table+".sql"); err != nil {
				return err
			}
			source = "ready." + engine.Quote(table)
		}
		if err := b.db.Exec(ctx, numbering(table, source)); err != nil {
			return fmt.Errorf("number the rows of %s: %w", table, err)
		}
	}
	return b.exportVocabulary(ctx)
}

// numbering is the statement that resolves keys and numbers rows: in order of
// person and date (or of key), so that like stands with like, then by origin,
// then by content, so that the same rows always get the same numbers.
func numbering(table, source string) string {
	var selected, joins, order []string
	for _, f := range specification[table] {
		switch lookup, keyed := lookups[f.Name]; {
		case f.PrimaryKey && f.Name != "person_id":
			selected = append(selected, "row_number() OVER () AS "+engine.Quote(f.Name))
		case keyed:
			alias := engine.Quote(lookup.table)
			joins = append(joins, fmt.Sprintf("LEFT JOIN cdm.%s ON %s.key = s.%s%s", alias, alias, lookup.key, samePerson(lookup.table)))
		}
	}
	columns := []string{"s.*"}
	for _, f := range specification[table] {
		if lookup, keyed := lookups[f.Name]; keyed && !f.PrimaryKey {
			columns = append(columns, fmt.Sprintf("%s.%s", engine.Quote(lookup.table), engine.Quote(f.Name)))
		}
	}
	if i := slices.IndexFunc(specification[table], func(f Field) bool { return f.Name == "person_id" }); i >= 0 {
		order = append(order, "s.person_id")
	}
	if date := startDate(table); date != "" {
		order = append(order, "s."+engine.Quote(date))
	}
	if slices.Contains(merged, table) && len(order) == 0 {
		order = append(order, "s.key")
	}
	if table == "cost" {
		order = append(order, "s.cost_event_id")
	}
	if table != "observation_period" {
		order = append(order, "s.deposit", "s.source_table", "s.source_line")
	}
	order = append(order, "hash(s)")
	return fmt.Sprintf("INSERT INTO cdm.%s BY NAME SELECT %s FROM (SELECT %s FROM %s s %s ORDER BY %s)",
		engine.Quote(table), strings.Join(append(selected, "*"), ", "),
		strings.Join(columns, ", "), source, strings.Join(joins, " "), strings.Join(order, ", "))
}

// samePerson keeps a visit with its person.
func samePerson(table string) string {
	if table == "visit_occurrence" {
		return " AND visit_occurrence.person_id = s.person_id"
	}
	return ""
}

// startDate is the required date of a table's rows, "" where they have none.
func startDate(table string) string {
	for _, f := range specification[table] {
		if f.Type == "DATE" && f.Required {
			return f.Name
		}
	}
	return ""
}
