package omop

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
)

// Field is a column of a CDM table.
type Field struct {
	Name       string
	Required   bool
	Type       string // DuckDB's name
	MaxLength  int    // characters of a VARCHAR; 0: no limit
	PrimaryKey bool
	References string // table of a foreign key, or ""
}

//go:embed cdm/fields.csv
var fieldsCSV string

// specification is the CDM's fields by table, and the tables in its order.
var specification, tableNames = readSpecification()

// Tables names the tables that a release holds, in the specification's order.
func Tables() []string { return slices.Clone(tableNames) }

// Fields lists the columns of a table in the specification's order, nil for a
// table that is not in [Tables].
func Fields(table string) []Field { return slices.Clone(specification[table]) }

// Select is the query that exports a table after [Build]: the CDM's columns, in
// its order and types. Rows stand in the order of their numbers, so that like stands
// with like.
func Select(table string) string {
	fields := specification[table]
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = engine.Quote(f.Name)
	}
	return fmt.Sprintf("SELECT %s FROM cdm.%s", strings.Join(names, ", "), engine.Quote(table))
}

func primaryKey(table string) string {
	for _, f := range specification[table] {
		if f.PrimaryKey {
			return f.Name
		}
	}
	return ""
}

func readSpecification() (map[string][]Field, []string) {
	lines, err := csv.NewReader(strings.NewReader(fieldsCSV)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("omop/cdm/fields.csv: %v", err))
	}
	tables := map[string][]Field{}
	var names []string
	for _, l := range lines[1:] {
		f := Field{Name: l[1], Required: l[2] == "yes", PrimaryKey: l[4] == "yes", References: l[5]}
		f.Type, f.MaxLength = duckType(l[3], f)
		if _, known := tables[l[0]]; !known {
			names = append(names, l[0])
		}
		tables[l[0]] = append(tables[l[0]], f)
	}
	return tables, names
}

// duckType translates the specification's types. Row numbers, facts and persons are
// BIGINT because a national warehouse outgrows 32 bits; concepts fit.
func duckType(specified string, f Field) (string, int) {
	switch specified {
	case "integer":
		if f.References == "concept" || f.Name == "concept_id" || !strings.HasSuffix(f.Name, "_id") && !strings.HasPrefix(f.Name, "fact_id_") {
			return "INTEGER", 0
		}
		return "BIGINT", 0
	case "float":
		return "DOUBLE", 0
	case "date":
		return "DATE", 0
	case "datetime":
		return "TIMESTAMP", 0
	}
	length := strings.TrimSuffix(strings.TrimPrefix(specified, "varchar("), ")")
	if length == "max" {
		return "VARCHAR", 0
	}
	n, err := strconv.Atoi(length)
	if err != nil {
		panic(fmt.Sprintf("omop/cdm/fields.csv: %s has the unknown type %q", f.Name, specified))
	}
	return "VARCHAR", n
}
