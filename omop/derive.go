package omop

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

//go:embed derived
var derivedFiles embed.FS

// Derivations is the folder of the SQL that works tables out of finished ones:
// map/<table>.sql and map/view.<name>.sql, written as a feed's mapping is.
func Derivations() fs.FS {
	folder, err := fs.Sub(derivedFiles, "derived")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return folder
}

// derived are the tables that are worked out of finished ones, and the table whose
// rows each is made of.
var derived = []struct{ table, of string }{
	{"condition_era", "condition_occurrence"},
	{"drug_era", "drug_exposure"},
	{"dose_era", "drug_exposure"},
}

// isDerived says whether a table is worked out of finished ones.
func isDerived(table string) bool {
	return slices.ContainsFunc(derived, func(d struct{ table, of string }) bool { return d.table == table })
}

// atOnce is about how many rows are derived from at a time. No row is derived from
// those of two persons, so that persons can be taken some at a time, and memory is
// bounded by this number and the events of one person.
var atOnce = 4_000_000

// derive works out the eras, when the events of all deposits are there.
func (b *builder) derive(ctx context.Context) error {
	if err := b.run(ctx, "derive.sql"); err != nil {
		return err
	}
	for _, d := range derived {
		if err := b.derivedFrom(ctx, d.of, "true"); err != nil {
			return err
		}
	}
	if err := b.db.Exec(ctx, "SET search_path = 'derived,main'"); err != nil {
		return err
	}
	for _, view := range []struct{ kind, name string }{
		{"TABLE", "ingredient"}, // of all drugs, which are few beside the exposures
		{"VIEW", "dose"},
	} {
		query, err := derivation("view." + view.name)
		if err != nil {
			return err
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE %s derived.%s AS %s", view.kind, view.name, query)); err != nil {
			return fmt.Errorf("omop/derived/map/view.%s.sql: %w", view.name, err)
		}
	}
	for _, d := range derived {
		if err := b.deriveTable(ctx, d.table, d.of); err != nil {
			return fmt.Errorf("omop/derived/map/%s.sql: %w", d.table, err)
		}
	}
	if err := b.linkDispensed(ctx); err != nil {
		return err
	}
	if err := b.linkSpecimens(ctx); err != nil {
		return err
	}
	return b.db.Exec(ctx, "SET search_path = 'main'; DROP SCHEMA derived CASCADE")
}

// linkDispensed links prescriptions to the dispensations that followed them, in
// fact_relationship and, for the report, in stage.dispensed.
func (b *builder) linkDispensed(ctx context.Context) error {
	rule, err := derivation("view.dispensed")
	if err != nil {
		return err
	}
	parts, err := b.personParts(ctx, "drug_exposure")
	if err != nil {
		return err
	}
	if err := b.db.Exec(ctx, "CREATE OR REPLACE TABLE stage.dispensed (prescribed BIGINT, dispensed BIGINT); CREATE VIEW derived.dispensed AS FROM stage.dispensed"); err != nil {
		return err
	}
	for _, persons := range parts {
		if err := b.derivedFrom(ctx, "drug_exposure", persons); err != nil {
			return err
		}
		if err := b.db.Exec(ctx, "INSERT INTO stage.dispensed "+rule); err != nil {
			return fmt.Errorf("omop/derived/map/view.dispensed.sql: %w", err)
		}
	}
	return b.link(ctx, "fact_relationship")
}

// linkSpecimens links specimens to what was measured of them, in fact_relationship.
func (b *builder) linkSpecimens(ctx context.Context) error {
	parts, err := b.personParts(ctx, "specimen")
	if err != nil {
		return err
	}
	for _, persons := range parts {
		for _, table := range []string{"specimen", "measurement"} {
			if err := b.derivedFrom(ctx, table, persons); err != nil {
				return err
			}
		}
		if err := b.link(ctx, "fact_relationship.specimen"); err != nil {
			return err
		}
	}
	return nil
}

// link adds to fact_relationship what a file of derived/map says.
func (b *builder) link(ctx context.Context, file string) error {
	links, err := derivation(file)
	if err != nil {
		return err
	}
	if err := b.db.Exec(ctx, "INSERT INTO cdm.fact_relationship BY NAME FROM ("+links+") ORDER BY domain_concept_id_1, fact_id_1, fact_id_2"); err != nil {
		return fmt.Errorf("omop/derived/map/%s.sql: %w", file, err)
	}
	return nil
}

// derivation is the text of a file of derived/map.
func derivation(name string) (string, error) {
	text, err := derivedFiles.ReadFile("derived/map/" + name + ".sql")
	return string(text), err
}

// deriveTable works out one table, some persons at a time.
func (b *builder) deriveTable(ctx context.Context, table, of string) error {
	query, err := derivation(table)
	if err != nil {
		return err
	}
	parts, err := b.personParts(ctx, of)
	if err != nil {
		return err
	}
	ready := "ready." + engine.Quote(table)
	if err := b.db.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS FROM cdm.%s LIMIT 0; ALTER TABLE %[1]s DROP COLUMN %[3]s", ready, engine.Quote(table), engine.Quote(primaryKey(table)))); err != nil {
		return err
	}
	for _, persons := range parts {
		if err := b.derivedFrom(ctx, of, persons); err != nil {
			return err
		}
		if err := b.db.Exec(ctx, "INSERT INTO "+ready+" BY NAME "+query); err != nil {
			return err
		}
	}
	if err := b.db.Exec(ctx, b.numbering(table, ready)); err != nil {
		return err
	}
	return b.db.Exec(ctx, "DROP TABLE "+ready)
}

// derivedFrom lets the SQL see the rows of a table that are about some persons.
func (b *builder) derivedFrom(ctx context.Context, table, persons string) error {
	return b.db.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW derived.%[1]s AS SELECT * FROM cdm.%[1]s WHERE %[2]s", engine.Quote(table), persons))
}

// personParts are conditions that part the persons of a table, so that each part has
// about atOnce rows.
func (b *builder) personParts(ctx context.Context, table string) (parts []string, err error) {
	var first, last int64
	err = b.db.Each(ctx, fmt.Sprintf(`
		SELECT min(person_id), max(person_id) FROM (
		    SELECT person_id, CAST(sum(count(*)) OVER (ORDER BY person_id) AS BIGINT) // %d AS part
		    FROM cdm.%s GROUP BY person_id)
		GROUP BY part ORDER BY part`, atOnce, engine.Quote(table)), nil, func() error {
		parts = append(parts, fmt.Sprintf("person_id BETWEEN %d AND %d", first, last))
		return nil
	}, &first, &last)
	return parts, err
}

// Members is the query for the rows of a release that a row of it was made of: their
// "table", and their primary key as id (of death, its person), those of a table together. That row is the one whose primary key is the
// query's one parameter. tables are those of the release that the query reads, by
// their names. ok is false for a table whose rows are made of no others: eras,
// periods of observation, and links of prescriptions to dispensations and of specimens to
// measurements are.
func Members(table string) (query string, tables []string, ok bool) {
	text, err := derivedFiles.ReadFile("derived/members/" + table + ".sql")
	if err != nil {
		return "", nil, false
	}
	header, query, _ := strings.Cut(string(text), "\n")
	_, names, _ := strings.Cut(strings.TrimSuffix(header, "."), "Reads ")
	for _, view := range []string{"ingredient", "dose"} {
		if rule, err := derivation("view." + view); err == nil && strings.Contains(query, "JOIN "+view+" ") {
			query = fmt.Sprintf("WITH %s AS (\n%s)\n%s", view, rule, query)
		}
	}
	return query, strings.Split(names, ", "), true
}
