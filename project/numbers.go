package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
)

// numbered says whether a column holds record numbers, which every project has its own of.
func numbered(name string, f omop.Field) bool {
	if strings.HasPrefix(f.Name, "fact_id_") {
		return true
	}
	return strings.HasSuffix(f.Name, "_id") && !strings.HasSuffix(f.Name, "_concept_id") && f.Type != "VARCHAR" &&
		!slices.Contains(vocabulary, name)
}

// series names the numbers that a column of record numbers draws from: those of
// the table that it points at. Tables do not share a series: that person 17 and
// visit 17 had one new number would be the same coincidence in every project,
// and enough of them tell who is who.
func series(name string, f omop.Field) string {
	switch {
	case f.PrimaryKey:
		return name
	case f.References != "":
		return f.References
	}
	return strings.TrimSuffix(f.Name, "_id")
}

// numbers are the queries, by series, for every record number that a kept table holds.
func numbers(name string) map[string][]string {
	queries := map[string][]string{}
	for _, f := range omop.Fields(name) {
		if !numbered(name, f) {
			continue
		}
		query := fmt.Sprintf("SELECT %s::BIGINT AS id FROM kept.%s", engine.Quote(f.Name), engine.Quote(name))
		several, column := pointed(f)
		if several == nil {
			queries[series(name, f)] = append(queries[series(name, f)], query)
		}
		for domain, table := range several {
			queries[table] = append(queries[table], fmt.Sprintf("%s WHERE %s = %s", query, column, domain))
		}
	}
	return queries
}

// rename is the statement that draws a series anew: the ranks of the numbers
// under a secret, its one parameter.
func rename(series string, queries []string) string {
	return fmt.Sprintf(`CREATE TABLE renamed.%s AS
SELECT id, row_number() OVER (ORDER BY sha256(? || %s || id)) AS new
FROM (SELECT DISTINCT id FROM (%s) WHERE id IS NOT NULL)`, engine.Quote(series), engine.Literal("/"+series+"/"), strings.Join(queries, " UNION ALL "))
}

// renamePlaces does so for locations that are told coarsely: all that look the
// same are one.
const renamePlaces = `CREATE TABLE renamed.location AS
SELECT id, dense_rank() OVER (ORDER BY sha256(? || '/location/' || place)) AS new
FROM places`

// renamed is a column of record numbers as the project sees it.
func renamed(name string, f omop.Field) string {
	const number = "(SELECT new FROM renamed.%s WHERE id = t.%s)"
	several, column := pointed(f)
	if several == nil {
		return fmt.Sprintf(number, engine.Quote(series(name, f)), engine.Quote(f.Name))
	}
	var b strings.Builder
	b.WriteString("CASE " + column)
	for _, domain := range slices.Sorted(maps.Keys(several)) {
		fmt.Fprintf(&b, " WHEN %s THEN "+number, domain, engine.Quote(several[domain]), engine.Quote(f.Name))
	}
	return b.String() + " END"
}

// pointed are the tables that a column of record numbers may point at, row by row, by
// what another column of the row says, as SQL; nil where it always points at one.
func pointed(f omop.Field) (several map[string]string, column string) {
	switch place, isFact := strings.CutPrefix(f.Name, "fact_id_"); {
	case isFact:
		several, column = map[string]string{}, "domain_concept_id_"+place
		for domain, table := range facts {
			several[strconv.Itoa(domain)] = table
		}
	case f.Name == "cost_event_id":
		several, column = map[string]string{}, "cost_domain_id"
		for domain, table := range paid {
			several[engine.Literal(domain)] = table
		}
	}
	return several, column
}
