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
// fills, but for cost's, which cost.sql does, and the visit_detail_id of events,
// what precedes a visit and the part that a part is in, which numbering does.
var unfilled = []string{
	"visit_detail_id", "preceding_visit_detail_id", "parent_visit_detail_id", "preceding_visit_occurrence_id", "measurement_event_id", "observation_event_id",
	"cost_event_id", "payer_plan_period_id",
}

// bookkeeping are the columns of every mapped row besides the CDM's.
var bookkeeping = []engine.Column{
	{Name: "key", Type: "VARCHAR"},
	{Name: "vocabulary_id", Type: "VARCHAR"},
	{Name: "concept_code", Type: "VARCHAR"},
	{Name: "deposit", Type: "INTEGER"},
	{Name: "mapping", Type: "INTEGER"},
	{Name: "source_table", Type: "VARCHAR"},
	{Name: "source_line", Type: "BIGINT"},
	{Name: "source_lines", Type: "BIGINT[]"},
}

// vocabularyTables are filled from the vocabularies, not from mappings.
var vocabularyTables = []string{
	"concept", "vocabulary", "concept_relationship", "concept_ancestor", "drug_strength",
	"domain", "concept_class", "relationship", "concept_synonym", "source_to_concept_map",
}

// toldTables tell of the release itself: the build fills them from what it was given.
var toldTables = []string{"metadata", "cdm_source"}

// unmappable are the tables whose rows come from no line of a source.
func unmappable(table string) bool {
	return slices.Contains(vocabularyTables, table) || slices.Contains(toldTables, table) || isDerived(table)
}

// mappable are the tables that a feed may fill.
func mappable() []string {
	return slices.DeleteFunc(Tables(), unmappable)
}

// merged are the tables in which several deposits' rows become one.
var merged = []string{"location", "care_site", "provider", "person", "visit_occurrence", "visit_detail", "death", "observation_period", "fact_relationship"}

// keyed says whether the rows of a merged table are told apart by their key.
func keyed(table string) bool {
	return slices.Contains(merged, table) && !slices.Contains([]string{"person", "death", "observation_period", "fact_relationship"}, table)
}

// mappedColumns are the columns that a mapping may give for a table, and those
// that it need not know about.
func mappedColumns(table string) []engine.Column {
	var columns []engine.Column
	for _, f := range specification[table] {
		lookup, given := lookups[f.Name]
		switch {
		case f.PrimaryKey && f.Name != "person_id", slices.Contains(unfilled, f.Name):
		case given:
			columns = append(columns, engine.Column{Name: lookup.key, Type: "VARCHAR"})
		default:
			columns = append(columns, engine.Column{Name: f.Name, Type: f.Type})
		}
	}
	switch table {
	case "cost":
		columns = append(columns, engine.Column{Name: "cost_event_key", Type: "VARCHAR"}, engine.Column{Name: "cost_event_table", Type: "VARCHAR"})
	case "drug_exposure":
		columns = append(columns, engine.Column{Name: "prescription_key", Type: "VARCHAR"})
	case "measurement":
		columns = append(columns, engine.Column{Name: "specimen_key", Type: "VARCHAR"})
	case "visit_detail":
		columns = append(columns, engine.Column{Name: "parent_key", Type: "VARCHAR"})
	}
	return append(columns, bookkeeping...)
}

// createTables makes stage.* for mapped rows and cdm.* for finished ones, which
// keep the bookkeeping until they are exported.
func (b *builder) createTables(ctx context.Context) error {
	if err := b.createEach(ctx, slices.Concat(globalTables(), vocabularyTables, toldTables)); err != nil {
		return err
	}
	return b.createPersonTables(ctx)
}

// createPersonTables makes those that are filled part by part.
func (b *builder) createPersonTables(ctx context.Context) error {
	if err := b.run(ctx, "part.sql"); err != nil {
		return err
	}
	return b.createEach(ctx, personTables())
}

func (b *builder) createEach(ctx context.Context, tables []string) error {
	for _, table := range tables {
		cdm := make([]engine.Column, 0, len(specification[table]))
		for _, f := range specification[table] {
			cdm = append(cdm, engine.Column{Name: f.Name, Type: f.Type})
		}
		if unmappable(table) {
			if err := b.createTable(ctx, "cdm", table, cdm); err != nil {
				return err
			}
			continue
		}
		stage := mappedColumns(table)
		if table == "cost" { // which is numbered with what was paid
			cdm = append(cdm, engine.Column{Name: "person_id", Type: "BIGINT"})
		}
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
	return b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE TABLE %s.%s (%s)", schema, engine.Quote(table), strings.Join(definitions, ", ")))
}

// finished are the tables that mappings fill, each after those that it refers to.
func finished(wanted func(table string) bool) []string {
	return slices.DeleteFunc([]string{
		"location", "care_site", "provider", "person", "visit_occurrence", "visit_detail",
		"condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation",
		"death", "specimen", "payer_plan_period", "cost", "observation_period", "fact_relationship",
	}, func(t string) bool { return !wanted(t) })
}

// finishPersons makes the tables about persons.
func (b *builder) finishPersons(ctx context.Context) error {
	if err := b.sameStays(ctx); err != nil {
		return err
	}
	if err := b.finish(ctx, finished(func(t string) bool { return !global(t) })); err != nil {
		return err
	}
	if err := b.completeVocabulary(ctx); err != nil {
		return err
	}
	return b.derive(ctx)
}

// finish makes CDM tables.
func (b *builder) finish(ctx context.Context, tables []string) error {
	for _, table := range tables {
		source := "ready." + engine.Quote(table)
		var err error
		switch {
		case exists("ready/" + table + ".sql"):
			err = b.run(ctx, "ready/"+table+".sql")
		case slices.Contains(merged, table):
			err = b.run(ctx, "one_row.sql", "$table", table, "$identity", identity(table))
		default:
			source = "stage." + engine.Quote(table)
		}
		if err != nil {
			return err
		}
		if err := b.db.Exec(ctx, b.numbering(table, source)); err != nil {
			return fmt.Errorf("number the rows of %s: %w", table, err)
		}
		if err := b.discard(ctx, table, source); err != nil {
			return err
		}
	}
	return nil
}

// discard frees what a finished table was made from, but for the rows that are
// still to be accounted for.
func (b *builder) discard(ctx context.Context, table, source string) error {
	if source == "stage."+engine.Quote(table) && slices.Contains(append(slices.Clone(merged), "cost"), table) {
		return nil
	}
	return b.db.Exec(ctx, "DROP TABLE "+source)
}

// numbering is the statement that resolves keys and numbers rows.
func (b *builder) numbering(table, source string) string {
	numbered, columns := "*", []string{"s.*"}
	details := table != "visit_detail" && slices.ContainsFunc(specification[table], func(f Field) bool { return f.Name == "visit_detail_id" })
	var joins []string
	for _, f := range specification[table] {
		lookup, given := lookups[f.Name]
		switch {
		case f.PrimaryKey && f.Name != "person_id":
			numbered = fmt.Sprintf("%d + row_number() OVER () AS %s, *", b.numbered[table], engine.Quote(f.Name))
		case given && details && f.Name == "visit_occurrence_id": // visit_key names a visit, or a part of one
			columns = append(columns, "coalesce(visit_occurrence.visit_occurrence_id, visit_detail.visit_occurrence_id) AS visit_occurrence_id", "visit_detail.visit_detail_id")
			for _, visit := range []string{"visit_occurrence", "visit_detail"} {
				joins = append(joins, fmt.Sprintf("LEFT JOIN cdm.%[1]s ON %[1]s.key = s.visit_key%[2]s", visit, samePerson(visit)))
			}
		case given:
			columns = append(columns, lookup.table+"."+f.Name)
			joins = append(joins, fmt.Sprintf("LEFT JOIN cdm.%[1]s ON %[1]s.key = s.%[2]s%[3]s", lookup.table, lookup.key, samePerson(lookup.table)))
		}
	}
	rows := fmt.Sprintf("SELECT %s FROM (SELECT %s FROM %s s %s ORDER BY %s)",
		numbered, strings.Join(columns, ", "), source, strings.Join(joins, " "), strings.Join(numberingOrder(table), ", "))
	switch table { // which a person's earlier one precedes
	case "visit_occurrence":
		rows = fmt.Sprintf("SELECT *, lag(visit_occurrence_id) OVER earlier AS preceding_visit_occurrence_id FROM (%s) WINDOW earlier AS (PARTITION BY person_id ORDER BY visit_occurrence_id) ORDER BY visit_occurrence_id", rows)
	case "visit_detail": // and which a wider part of the same visit may hold
		rows = fmt.Sprintf(`WITH part AS MATERIALIZED (%s)
			SELECT part.*, lag(part.visit_detail_id) OVER earlier AS preceding_visit_detail_id, parent.visit_detail_id AS parent_visit_detail_id
			FROM part
			LEFT JOIN part AS parent
			    ON parent.person_id = part.person_id AND parent.key = part.parent_key AND parent.visit_occurrence_id = part.visit_occurrence_id AND parent.key <> part.key
			WINDOW earlier AS (PARTITION BY part.person_id ORDER BY part.visit_detail_id)
			ORDER BY part.visit_detail_id`, rows)
	}
	return fmt.Sprintf("INSERT INTO cdm.%s BY NAME %s", engine.Quote(table), rows)
}

// numberingOrder sorts by person and date (or key, or paid event), so that like
// stands with like, then by origin, then by content, so that the same rows
// always get the same numbers. The order of a person's rows depends on them alone, not
// on numbers that other persons' rows move, nor on the places of deposits and mappings.
func numberingOrder(table string) []string {
	var order []string
	if slices.ContainsFunc(specification[table], func(f Field) bool { return f.Name == "person_id" }) {
		order = append(order, "s.person_id")
	}
	if date := startDate(table); date != "" {
		order = append(order, "s."+date)
	}
	switch table {
	case "location", "care_site", "provider":
		order = append(order, "s.key")
	case "cost":
		order = append(order, "s.person_id", "s.cost_event_table", "s.cost_event_id")
	case "fact_relationship":
		order = append(order, "s.fact_id_1", "s.fact_id_2")
	}
	if table == "observation_period" || isDerived(table) { // which come from no single row
		for _, f := range specification[table] {
			if !f.PrimaryKey {
				order = append(order, "s."+engine.Quote(f.Name))
			}
		}
		return order
	}
	var content []string
	for _, c := range mappedColumns(table) {
		if c.Name != "deposit" && c.Name != "mapping" && c.Name != "source_lines" {
			content = append(content, "s."+engine.Quote(c.Name))
		}
	}
	return append(order, "s.deposit", "s.source_table", "s.source_line", "s.mapping", "hash("+strings.Join(content, ", ")+")")
}

// samePerson keeps a visit, or a part of one, with its person.
func samePerson(table string) string {
	if table == "visit_occurrence" || table == "visit_detail" {
		return " AND " + table + ".person_id = s.person_id"
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
