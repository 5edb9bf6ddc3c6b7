package query

import (
	"slices"
	"strings"
)

// Kind is what a value is. Values of different kinds cannot be compared, and a number
// of a record can be compared with that of another record alone.
type Kind string

// The kinds.
const (
	Number Kind = "number"
	Text   Kind = "text"
	Date   Kind = "date" // a TIMESTAMP, too, by its day
	Truth  Kind = "truth"
	Record Kind = "record" // the number of a person, visit, …
)

// Schema is what a space holds.
type Schema struct {
	Tables []Table `json:"tables"`
}

// Table is a table of a space.
type Table struct {
	Name    string   `json:"name"`
	Of      Of       `json:"of"`
	Columns []Column `json:"columns"`
}

// Of says whom the rows of a table are about.
type Of string

// What tables are about. Those of persons have the column person_id.
const (
	Persons    Of = "persons"
	Things     Of = "things" // places and providers
	Vocabulary Of = "vocabulary"
)

// Column is a column of a table.
type Column struct {
	Name   string `json:"name"`
	Kind   Kind   `json:"kind"`
	Series string `json:"series,omitempty"` // of a Record: the table whose rows it numbers
	Key    bool   `json:"key,omitempty"`    // it numbers the rows of its own table
}

func (s Schema) table(name string) *Table {
	i := slices.IndexFunc(s.Tables, func(t Table) bool { return strings.EqualFold(t.Name, name) })
	if i < 0 {
		return nil
	}
	return &s.Tables[i]
}

func (t *Table) column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

func (s Schema) names() (names []string) {
	for _, t := range s.Tables {
		names = append(names, t.Name)
	}
	return names
}

func (t *Table) names() (names []string) {
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}
