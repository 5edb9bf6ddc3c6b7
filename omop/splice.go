package omop

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// numberedByPerson says whether a table's rows bear numbers that go on from person to person.
func numberedByPerson(table string) bool {
	return table != "person" && slices.Contains(personTables(), table) && primaryKey(table) != ""
}

// splice makes the tables about persons of the base's rows and of those that were mapped
// anew. A person's rows stand together in every table, so that all of their numbers, and
// those that refer to them, move by one amount a table. Some persons are taken at a time.
func (b *builder) splice(ctx context.Context) error {
	if err := b.shift(ctx); err != nil {
		return err
	}
	if err := b.run(ctx, "base/facts.sql"); err != nil {
		return err
	}
	type bucket struct{ number, first, last int64 }
	var all []bucket
	var at bucket
	err := b.db.Each(ctx, "SELECT bucket, min(person_id), max(person_id) FROM splice.person GROUP BY bucket ORDER BY bucket", nil, func() error { all = append(all, at); return nil }, &at.number, &at.first, &at.last)
	if err != nil {
		return err
	}
	if len(all) == 0 { // there is nobody
		all = []bucket{{0, 1, 0}}
	}
	spliced := map[string][]string{}
	for _, p := range all {
		for _, table := range personTables() {
			if err := b.spliceTable(ctx, spliced, table, p.first, p.last); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
	}
	if err := b.db.Value(ctx, &b.report.Continued.Anew, "SELECT count(*) FROM cdm.person"); err != nil {
		return err
	}
	if err := b.dropPersons(ctx); err != nil {
		return err
	}
	if err := b.view(ctx, spliced); err != nil {
		return err
	}
	b.report.Continued.Release = b.base.Release
	return b.db.Value(ctx, &b.report.Continued.Persons, "SELECT count(*) FROM cdm.person")
}

// shift finds by how much the numbers of each person's rows move, table by table, and
// which persons are taken at a time.
func (b *builder) shift(ctx context.Context) error {
	if err := b.db.Exec(ctx, `CREATE SCHEMA splice;
		CREATE TABLE splice.moved AS SELECT o."table", o.id AS old, n.id AS new FROM base.place o JOIN reach.place n USING ("table", key)`); err != nil {
		return err
	}
	columns, joins, rows := []string{"p.*"}, "", "1"
	for _, table := range personTables() {
		if !numberedByPerson(table) {
			continue
		}
		if err := b.run(ctx, "base/shift.sql", "$table", table, "$id", primaryKey(table), "$base", ownerOf(table)); err != nil {
			return err
		}
		columns = append(columns, fmt.Sprintf("%[1]s.shift AS %[1]s", table))
		joins += fmt.Sprintf(" LEFT JOIN splice.%[1]s USING (person_id)", table)
		rows += fmt.Sprintf(" + coalesce(%s.rows, 0)", table)
	}
	return b.db.Exec(ctx, fmt.Sprintf(`CREATE TABLE splice.person AS
		SELECT %s, CAST(sum(%s) OVER (ORDER BY person_id) AS BIGINT) // %d AS bucket
		FROM (SELECT person_id, true AS carried FROM base.person ANTI JOIN reach.person USING (person_id) UNION ALL SELECT person_id, false FROM cdm.person) p%s`,
		strings.Join(columns, ", "), rows, 4*b.partRows, joins))
}

// ownerOf is whose the rows of a base's table are.
func ownerOf(table string) string {
	if table == "cost" {
		return "base.paid"
	}
	return "base." + engine.Quote(table)
}

// spliceTable writes the rows of some persons, and where they came from, in the order of
// their numbers.
func (b *builder) spliceTable(ctx context.Context, spliced map[string][]string, table string, first, last int64) error {
	anew, carried := b.renumbered(table, false, first, last), b.renumbered(table, true, first, last)
	within := ""
	if numberedByPerson(table) { // what is read of the base's files
		var low, high sql.NullInt64
		err := b.db.Each(ctx, fmt.Sprintf("SELECT min(first), max(first + rows - 1) FROM splice.%s WHERE carried AND person_id BETWEEN ? AND ?", engine.Quote(table)), []any{first, last}, func() error { return nil }, &low, &high)
		if err != nil {
			return err
		}
		if low.Valid {
			within = fmt.Sprintf(" AND %%s.%%s BETWEEN %d AND %d", low.Int64, high.Int64)
		} else {
			within = " AND %s.%s IS NULL"
		}
	}
	if within != "" {
		carried += fmt.Sprintf(within, "r", engine.Quote(primaryKey(table)))
	}
	order := primaryKey(table)
	if order == "" {
		order = "person_id"
	}
	if err := b.add(ctx, spliced, "cdm."+engine.Quote(table), carried+" UNION ALL BY NAME "+anew+" ORDER BY "+order); err != nil {
		return err
	}
	if unmappable(table) {
		return nil
	}
	from := "cdm." + engine.Quote(table)
	origins := b.originsOf(table, primaryKey(table), from)
	if slices.Contains(merged, table) {
		origins = "FROM lineage." + engine.Quote(table)
	}
	carried = b.moved(table, "base.lineage", ownerOf(table), b.places(), first, last) + " AND s.carried"
	if within != "" {
		carried += fmt.Sprintf(within, "o", "id")
	}
	anew = b.moved(table, "("+origins+")", from, "o.deposit AS deposit, o.mapping AS mapping", first, last) + " AND NOT s.carried"
	return b.add(ctx, spliced, "lineage."+engine.Quote(table), carried+" UNION ALL "+anew+" ORDER BY id, deposit, resource, line")
}

// paidTables are the tables whose rows cost_event_id may name.
var paidTables = []string{"visit_occurrence", "condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation"}

// renumbered selects some persons' rows of a finished table, or of the base's, under their
// new numbers.
func (b *builder) renumbered(table string, carried bool, first, last int64) string {
	var columns []string
	from := fmt.Sprintf("cdm.%s r JOIN splice.person s ON NOT s.carried AND s.person_id = r.person_id", engine.Quote(table))
	owner := "r"
	if carried {
		from = fmt.Sprintf("base.%s r JOIN splice.person s ON s.carried AND s.person_id = r.person_id", engine.Quote(table))
		if table == "cost" {
			owner = "p"
			from = "base.cost r JOIN base.paid p USING (cost_id) JOIN splice.person s ON s.carried AND s.person_id = p.person_id"
		}
	}
	if table == "cost" {
		columns = append(columns, owner+".person_id", owner+".cost_event_table")
	}
	for _, f := range specification[table] {
		name := engine.Quote(f.Name)
		place, looked := lookups[f.Name]
		switch {
		case f.PrimaryKey && numberedByPerson(table):
			columns = append(columns, fmt.Sprintf("r.%s + s.%s AS %[1]s", name, table))
		case f.Name == "payer_plan_period_id":
			columns = append(columns, "r.payer_plan_period_id + s.payer_plan_period AS payer_plan_period_id")
		case f.Name == "cost_event_id":
			shifts := ""
			for _, t := range paidTables {
				shifts += fmt.Sprintf(" WHEN %s THEN s.%s", engine.Literal(t), t)
			}
			columns = append(columns, fmt.Sprintf("r.cost_event_id + CASE %s.cost_event_table%s END AS cost_event_id", owner, shifts))
		case numberedByPerson(f.References):
			columns = append(columns, fmt.Sprintf("r.%s + s.%s AS %[1]s", name, f.References))
		case carried && looked && global(place.table):
			columns = append(columns, fmt.Sprintf("%s.new AS %s", place.table, name))
			from += fmt.Sprintf(" LEFT JOIN (SELECT old, new FROM splice.moved WHERE \"table\" = %s) %s ON %[2]s.old = r.%[3]s", engine.Literal(place.table), place.table, name)
		default:
			columns = append(columns, "r."+name)
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s.person_id BETWEEN %d AND %d", strings.Join(columns, ", "), from, owner, first, last)
}

// moved selects where some persons' rows came from, under their new numbers.
func (b *builder) moved(table, origins, owner, places string, first, last int64) string {
	id, join := "o.id", "JOIN splice.person s ON s.person_id = o.id"
	if numberedByPerson(table) {
		id = "o.id + s." + table
		join = fmt.Sprintf("JOIN (SELECT %s AS id, person_id FROM %s WHERE person_id BETWEEN %d AND %d) c ON c.id = o.id JOIN splice.person s ON s.person_id = c.person_id", engine.Quote(primaryKey(table)), owner, first, last)
	}
	return fmt.Sprintf("SELECT o.\"table\", %s AS id, %s, o.resource, o.line, o.lines FROM %s o %s WHERE o.\"table\" = %s AND s.person_id BETWEEN %d AND %d",
		id, places, origins, join, engine.Literal(table), first, last)
}

// places are the deposits and mappings of the base's origins, as this build numbers them.
func (b *builder) places() string {
	var deposits, mappings []string
	for _, name := range b.base.Deposits {
		at := slices.IndexFunc(b.deposits, func(d loaded) bool { return d.Name == name })
		deposits = append(deposits, fmt.Sprint(at))
	}
	for _, m := range b.base.Mappings {
		mappings = append(mappings, fmt.Sprint(slices.Index(b.report.Mappings, m)))
	}
	return fmt.Sprintf("CAST([%s][o.deposit + 1] AS SMALLINT) AS deposit, CAST([%s][o.mapping + 1] AS SMALLINT) AS mapping", strings.Join(deposits, ", "), strings.Join(mappings, ", "))
}
