package catalogue

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
)

// Source is a table of the space, as SQL that is trusted.
type Source struct {
	Table   string
	From    string // what follows FROM, with the alias t
	Person  string // an expression for whose a row is; "" where it is nobody's
	Start   string // the column of the day on which something begins, or ""
	Columns []SourceColumn
}

// SourceColumn is a column of a [Source].
type SourceColumn struct {
	Name, Type string
	Value      string // an expression over t
	Role       Role
	References string
}

// How much a catalogue says.
const (
	mostValues   = 100 // of a column
	mostMeasures = 200 // of a table
)

var shares = [...]float64{0.05, 0.25, 0.5, 0.75, 0.95}

var (
	//go:embed values.sql
	valuesSQL string
	//go:embed years.sql
	yearsSQL string
	//go:embed numbers.sql
	numbersSQL string
	//go:embed measures.sql
	measuresSQL string
	//go:embed counts.sql
	countsSQL string
	//go:embed concepts.sql
	conceptsSQL string
)

// Describe fills a catalogue, whose Project, Release, From, To and Least are
// set, from the tables of a space. concepts is a table expression with the CDM's
// columns of concept, or "".
func (c *Catalogue) Describe(ctx context.Context, db *engine.DB, persons int64, sources []Source, concepts string) error {
	if c.Least < 1 {
		return errors.New("a catalogue needs a least number of persons")
	}
	c.Rounding = RoundingOf(c.Least)
	c.Persons = c.rounded(persons)
	for _, s := range sources {
		d := &describer{Catalogue: c, db: db, source: s}
		t, err := d.table(ctx)
		if err != nil {
			return fmt.Errorf("describe the table %s: %w", s.Table, err)
		}
		c.Tables = append(c.Tables, t)
	}
	if concepts == "" {
		return nil
	}
	return c.mean(ctx, db, concepts)
}

// describer describes one table.
type describer struct {
	*Catalogue
	db     *engine.DB
	source Source
}

// fill puts a column's and the table's SQL into a query.
func (d *describer) fill(query, value string, more ...string) string {
	person := d.source.Person
	if person == "" {
		person = "NULL"
	}
	return strings.NewReplacer(append([]string{
		"{from}", d.source.From, "{value}", value, "{person}", person,
		"{least}", strconv.FormatInt(d.Least, 10), "{values}", strconv.Itoa(mostValues), "{measures}", strconv.Itoa(mostMeasures),
	}, more...)...).Replace(query)
}

func (d *describer) table(ctx context.Context) (Table, error) {
	t := Table{Name: d.source.Table}
	if d.source.Person == "" { // a count of something else than persons says how big it is, no more
		var rows int64
		if err := d.db.Value(ctx, &rows, "SELECT count(*) FROM "+d.source.From); err != nil {
			return t, err
		}
		t.Rows = d.rounded(rows)
	}
	for i, s := range d.source.Columns {
		var rows, persons, present int64
		if err := d.scan(ctx, d.fill(countsSQL, s.Value), &rows, &persons, &present); err != nil {
			return t, err
		}
		if i == 0 && d.source.Person != "" {
			t.Rows, t.Persons = d.rounded(rows), d.rounded(persons)
		}
		column := Column{Name: s.Name, Type: s.Type, Role: s.Role, References: s.References, Missing: d.rounded(rows - present)}
		if d.source.Person != "" {
			if err := d.column(ctx, s, &column); err != nil {
				return t, fmt.Errorf("column %s: %w", s.Name, err)
			}
		}
		t.Columns = append(t.Columns, column)
	}
	err := d.measures(ctx, &t)
	return t, err
}

// column adds values and quantiles, as fits the role.
func (d *describer) column(ctx context.Context, s SourceColumn, c *Column) (err error) {
	switch s.Role {
	case Code, Text:
		c.Values, err = d.values(ctx, d.fill(valuesSQL, s.Value))
	case Number:
		if c.Values, err = d.values(ctx, d.fill(valuesSQL, s.Value)); err == nil {
			c.Quantiles, err = d.quantiles(ctx, s.Value)
		}
	case Date:
		if start := d.begins(); start != "" && strings.HasSuffix(s.Name, "_end_date") {
			c.Quantiles, err = d.quantiles(ctx, fmt.Sprintf("date_diff('day', %s, %s)", start, s.Value))
			return err
		}
		c.Values, err = d.values(ctx, d.fill(yearsSQL, s.Value))
	}
	return err
}

// begins is the expression for the first day of what a row is about, or "".
func (d *describer) begins() string {
	for _, s := range d.source.Columns {
		if s.Name == d.source.Start {
			return s.Value
		}
	}
	return ""
}

func (d *describer) values(ctx context.Context, query string) (values []Value, err error) {
	var v Value
	err = d.db.Each(ctx, query, nil, func() error {
		if rows := d.rounded(v.Rows); rows > 0 {
			values = append(values, Value{v.Value, rows})
		}
		return nil
	}, &v.Value, &v.Rows)
	return values, err
}

func (d *describer) quantiles(ctx context.Context, value string) ([]Quantile, error) {
	var persons int64
	var at spread
	err := d.scan(ctx, d.fill(numbersSQL, value), at.into(&persons)...)
	return d.publish(persons, at), err
}

// spread is what a query says of the shares; nil where it says nothing.
type spread [len(shares)]*float64

// into lists where the columns of a row go, the quantiles last.
func (s *spread) into(dst ...any) []any {
	for i := range s {
		dst = append(dst, &s[i])
	}
	return dst
}

// publish keeps the quantiles beyond which there are enough persons.
func (d *describer) publish(persons int64, at spread) (quantiles []Quantile) {
	for i, share := range shares {
		if at[i] != nil && math.Floor(min(share, 1-share)*float64(persons)) >= float64(d.Least) {
			quantiles = append(quantiles, Quantile{share, digits(*at[i])})
		}
	}
	return quantiles
}

// measures describes the numbers of a table by concept and unit.
func (d *describer) measures(ctx context.Context, t *Table) error {
	values := map[string]string{}
	for _, s := range d.source.Columns {
		values[s.Name] = s.Value
	}
	concept, unit, number := values[t.Name+"_concept_id"], values["unit_concept_id"], values["value_as_number"]
	if concept == "" || number == "" || d.source.Person == "" {
		return nil
	}
	if unit == "" {
		unit = "NULL"
	}
	var m Measure
	var persons int64
	var at spread
	return d.db.Each(ctx, d.fill(measuresSQL, number, "{concept}", concept, "{unit}", unit), nil, func() error {
		if rows := d.rounded(m.Rows); rows > 0 {
			t.Measures = append(t.Measures, Measure{m.Concept, m.Unit, rows, d.publish(persons, at)})
		}
		return nil
	}, at.into(&m.Concept, &m.Unit, &m.Rows, &persons)...)
}

// scan reads the one row of a query.
func (d *describer) scan(ctx context.Context, query string, into ...any) error {
	return d.db.Each(ctx, query, nil, func() error { return nil }, into...)
}

// mean adds what the codes that the catalogue names mean.
func (c *Catalogue) mean(ctx context.Context, db *engine.DB, concepts string) error {
	named := map[string]bool{}
	for _, t := range c.Tables {
		for _, column := range t.Columns {
			for _, v := range column.Values {
				if column.Role == Code {
					named[v.Value] = true
				}
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	ids := strings.Join(slices.SortedFunc(maps.Keys(named), byNumber), ", ") // numbers, since codes are
	var k Concept
	err := db.Each(ctx, strings.NewReplacer("{concepts}", concepts, "{ids}", ids).Replace(conceptsSQL), nil, func() error {
		c.Concepts = append(c.Concepts, k)
		return nil
	}, &k.ID, &k.Name, &k.Domain, &k.Vocabulary, &k.Class, &k.Standard, &k.Code)
	if err != nil {
		return fmt.Errorf("what the codes mean: %w", err)
	}
	return nil
}
