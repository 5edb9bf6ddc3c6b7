// Package catalogue says what a project's space holds without showing a row of
// it, and makes an invented twin of the space from what it says.
//
//	kept rows ─► Describe ─► Catalogue ─► a page, JSON
//	                             └─────► Twin: tables of invented rows
//
// A [Catalogue] has counts, values and quantiles of single columns, and of the
// measurements of each concept. What is guaranteed: each value that it names is
// that of at least Least persons, on each side of each quantile are as many, and
// every count is rounded to a multiple of Rounding, so that a count and the same
// without one person look alike but for one time in Rounding. A [Catalogue.Twin]
// is made from its catalogue and a seed alone: no row of it is anybody's.
//
// The rules are those of the statistical disclosure control handbook for outputs
// (Griffiths et al., "Handbook on Statistical Disclosure Control for Outputs",
// Safe Data Access Professionals, 2019): a threshold, rounding, and percentiles
// instead of minima and maxima.
package catalogue

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Catalogue describes a space.
type Catalogue struct {
	Project  string    `json:"project"`
	Release  string    `json:"release"`
	From     time.Time `json:"from"` // the first and last day of the data
	To       time.Time `json:"to"`
	Least    int64     `json:"least"`    // persons behind each value and beyond each quantile
	Rounding int64     `json:"rounding"` // counts are multiples of it
	Persons  int64     `json:"persons"`
	Tables   []Table   `json:"tables"`
	Concepts []Concept `json:"concepts,omitempty"` // what the codes mean, where the space holds the table concept
}

// Table describes a table.
type Table struct {
	Name     string    `json:"name"`
	Rows     int64     `json:"rows"`
	Persons  int64     `json:"persons,omitempty"` // who have a row in it; 0 where it is not about persons
	Columns  []Column  `json:"columns"`
	Measures []Measure `json:"measures,omitempty"` // numbers by concept and unit, of tables that have them
}

// Role is what a column is for.
type Role string

// The roles of columns.
const (
	Key       Role = "key"       // the number of the row
	Reference Role = "reference" // the number of a row of Column.References
	Code      Role = "code"      // a concept of the vocabulary
	Date      Role = "date"
	Number    Role = "number"
	Text      Role = "text"
)

// Column describes a column.
type Column struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"` // DuckDB's name
	Role       Role       `json:"role"`
	References string     `json:"references,omitempty"`
	Missing    int64      `json:"missing,omitempty"`   // rows without a value
	Values     []Value    `json:"values,omitempty"`    // the most frequent first; of dates the years, in order
	Quantiles  []Quantile `json:"quantiles,omitempty"` // of numbers; of the end of something, days since its beginning
}

// Value is a value and how many rows have it.
type Value struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// Quantile is the value below which a share of the rows lie, in four digits.
type Quantile struct {
	Share float64 `json:"share"` // such as 0.05
	Value float64 `json:"value"`
}

// Measure describes the numbers that one concept has in one unit.
type Measure struct {
	Concept   string     `json:"concept"`
	Unit      string     `json:"unit,omitempty"` // a concept
	Rows      int64      `json:"rows"`
	Quantiles []Quantile `json:"quantiles,omitempty"`
}

// Concept is the vocabulary's own description of a code that the catalogue names.
type Concept struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Domain     string `json:"domain"`
	Vocabulary string `json:"vocabulary"`
	Class      string `json:"class"`
	Standard   string `json:"standard,omitempty"`
	Code       string `json:"code"`
}

// Means is what a code means, or "".
func (c *Catalogue) Means(code string) string {
	i, known := slices.BinarySearchFunc(c.Concepts, code, func(k Concept, id string) int { return byNumber(k.ID, id) })
	if !known {
		return ""
	}
	return c.Concepts[i].Name
}

func byNumber(a, b string) int {
	x, _ := strconv.ParseInt(a, 10, 64)
	y, _ := strconv.ParseInt(b, 10, 64)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// Table finds a table, or nil.
func (c *Catalogue) Table(name string) *Table {
	if i := slices.IndexFunc(c.Tables, func(t Table) bool { return t.Name == name }); i >= 0 {
		return &c.Tables[i]
	}
	return nil
}

// Column finds a column, or nil.
func (t *Table) Column(name string) *Column {
	if i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name }); i >= 0 {
		return &t.Columns[i]
	}
	return nil
}

// RoundingOf is what counts are rounded to where a count of fewer than least
// persons may not be shown: 10, 20, 50, 100 and so on, the first that is not
// below least.
func RoundingOf(least int64) int64 {
	for base := int64(10); ; base *= 10 {
		for _, m := range []int64{1, 2, 5} {
			if m*base >= least {
				return m * base
			}
		}
	}
}

// Rounded is a count, to the nearest multiple of rounding.
func Rounded(n, rounding int64) int64 { return (n + rounding/2) / rounding * rounding }

func (c *Catalogue) rounded(n int64) int64 { return Rounded(n, c.Rounding) }

// digits rounds a number to four digits, as years have.
func digits(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return rounded
}
