package catalogue

import (
	"fmt"
	"slices"
)

// Change is what differs between two catalogues of a space.
type Change struct {
	Table  string `json:"table,omitempty"`
	Column string `json:"column,omitempty"`
	What   string `json:"what"` // in words: "rows", "new value 4329847"
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Since lists what has changed since an earlier catalogue: persons, tables, rows,
// columns, and the values that came or went. Of dates these are the years.
func (c *Catalogue) Since(before *Catalogue) (changes []Change) {
	add := func(table, column, what string, a, b any) {
		if x, y := fmt.Sprint(a), fmt.Sprint(b); x != y {
			changes = append(changes, Change{table, column, what, x, y})
		}
	}
	add("", "", "release", before.Release, c.Release)
	add("", "", "persons", before.Persons, c.Persons)
	for _, t := range before.Tables {
		if c.Table(t.Name) == nil {
			add(t.Name, "", "table", "there", "gone")
		}
	}
	for _, t := range c.Tables {
		old := before.Table(t.Name)
		if old == nil {
			add(t.Name, "", "table", "", "new")
			continue
		}
		add(t.Name, "", "rows", old.Rows, t.Rows)
		add(t.Name, "", "persons", old.Persons, t.Persons)
		for _, o := range old.Columns {
			if t.Column(o.Name) == nil {
				add(t.Name, o.Name, "column", "there", "gone")
			}
		}
		for _, column := range t.Columns {
			o := old.Column(column.Name)
			if o == nil {
				add(t.Name, column.Name, "column", "", "new")
				continue
			}
			add(t.Name, column.Name, "type", o.Type, column.Type)
			add(t.Name, column.Name, "missing", o.Missing, column.Missing)
			changes = append(changes, values(t.Name, column.Name, o.Values, column.Values)...)
		}
	}
	return changes
}

// values lists the values that came or went. Where a list is full, one that is no
// longer in it may still be in the space.
func values(table, column string, before, after []Value) (changes []Change) {
	has := func(values []Value, value string) bool {
		return slices.ContainsFunc(values, func(v Value) bool { return v.Value == value })
	}
	if len(after) < mostValues {
		for _, v := range before {
			if !has(after, v.Value) {
				changes = append(changes, Change{table, column, "value " + v.Value, fmt.Sprint(v.Rows), "not shown any more"})
			}
		}
	}
	if len(before) < mostValues {
		for _, v := range after {
			if !has(before, v.Value) {
				changes = append(changes, Change{table, column, "value " + v.Value, "not shown", fmt.Sprint(v.Rows)})
			}
		}
	}
	return changes
}
