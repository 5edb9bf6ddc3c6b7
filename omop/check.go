package omop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// check fails the build where a table is not what the specification and the
// package comment promise.
func (b *builder) check(ctx context.Context, tables []string) error {
	for _, table := range tables {
		for _, test := range []func(context.Context, string) error{b.checkRequired, b.checkLengths, b.checkUnique, b.checkPersons} {
			if err := test(ctx, table); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRequired finds NULL in a required column.
func (b *builder) checkRequired(ctx context.Context, table string) error {
	return b.findColumn(ctx, table, func(f Field) string {
		if !f.Required {
			return ""
		}
		return engine.Quote(f.Name) + " IS NULL"
	}, "the CDM requires a value")
}

// checkLengths finds text that is longer than the specification allows.
func (b *builder) checkLengths(ctx context.Context, table string) error {
	return b.findColumn(ctx, table, func(f Field) string {
		if f.MaxLength == 0 {
			return ""
		}
		return fmt.Sprintf("length(%s) > %d", engine.Quote(f.Name), f.MaxLength)
	}, "the text is longer than the CDM allows: shorten it in the mapping with left(…)")
}

// findColumn reports the first row and column for which the condition holds.
func (b *builder) findColumn(ctx context.Context, table string, condition func(Field) string, rule string) error {
	var cases, conditions []string
	for _, f := range specification[table] {
		if c := condition(f); c != "" {
			cases = append(cases, fmt.Sprintf("WHEN %s THEN %s", c, engine.Literal(f.Name)))
			conditions = append(conditions, c)
		}
	}
	if len(cases) == 0 {
		return nil
	}
	rows, err := b.db.Query(ctx, fmt.Sprintf(
		"SELECT count(*) OVER (), CASE %s END, %s AS origin FROM cdm.%s WHERE %s ORDER BY ALL LIMIT 1",
		strings.Join(cases, " "), b.origin(table), engine.Quote(table), strings.Join(conditions, " OR ")))
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		var found int64
		var column, origin string
		if err := rows.Scan(&found, &column, &origin); err != nil {
			return err
		}
		return fmt.Errorf("%s.%s: %s (%d rows of the table, first from %s)", table, column, rule, found, origin)
	}
	return rows.Err()
}

// origin is the SQL text that says where a row of a CDM table came from.
func (b *builder) origin(table string) string {
	switch {
	case slices.Contains(vocabularyTables, table):
		return "'the vocabulary'"
	case table == "observation_period", isDerived(table), slices.Contains(toldTables, table):
		return "'the build'"
	}
	deposits := make([]string, len(b.deposits))
	for i, d := range b.deposits {
		deposits[i] = d.Name
	}
	return list(deposits) + "[deposit + 1] || ', ' || source_table || ' line ' || source_line"
}

// checkUnique finds a primary key that stands twice.
func (b *builder) checkUnique(ctx context.Context, table string) error {
	key := primaryKey(table)
	if table == "death" {
		key = "person_id"
	}
	if key == "" {
		return nil
	}
	var twice int64
	err := b.db.Value(ctx, &twice, fmt.Sprintf("SELECT count(%[1]s) - count(DISTINCT %[1]s) FROM cdm.%[2]s", engine.Quote(key), engine.Quote(table)))
	if err != nil {
		return err
	}
	if twice > 0 {
		return fmt.Errorf("%s: %d rows share their %s with another", table, twice, key)
	}
	return nil
}

// checkPersons finds rows about somebody who is not in person.
func (b *builder) checkPersons(ctx context.Context, table string) error {
	if table == "person" || !slices.ContainsFunc(specification[table], func(f Field) bool { return f.Name == "person_id" }) {
		return nil
	}
	var strangers int64
	err := b.db.Value(ctx, &strangers, fmt.Sprintf("SELECT count(DISTINCT person_id) FROM cdm.%s ANTI JOIN cdm.person USING (person_id)", engine.Quote(table)))
	if err != nil {
		return err
	}
	if strangers > 0 {
		return fmt.Errorf("%s: %d persons have no row in person: some feed must map each person to person", table, strangers)
	}
	return nil
}
