package catalogue

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
)

// Twin makes invented tables of the same columns and types, of which single
// columns are spread as the catalogue says, for about so many persons. It hands
// each table to write, as an SQL query of its rows. The same catalogue, seed and
// number give the same rows.
//
// What fits together: references point at rows that exist, an event lies in the
// period and after birth, ends come after beginnings, an event of a visit is the
// visitor's and lies within the visit, and a measurement has a number and a unit
// of its own concept. Nothing else does: drugs do not go with diseases.
func (c *Catalogue) Twin(ctx context.Context, db *engine.DB, seed uint64, persons int, write func(table, query string) error) error {
	t := &twin{Catalogue: c, persons: max(persons, 1), born: map[int64]int{}, visits: map[int64][]visit{}}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	t.random = rand.New(rand.NewChaCha8(key))
	for _, table := range t.order() {
		if err := t.make(ctx, db, table, write); err != nil {
			return fmt.Errorf("the twin of the table %s: %w", table.Name, err)
		}
	}
	return nil
}

// twin is a twin on its way.
type twin struct {
	*Catalogue
	random  *rand.Rand
	persons int
	born    map[int64]int // years
	visits  map[int64][]visit
	made    map[string]int64 // rows of a table
}

// visit is what other rows may belong to.
type visit struct {
	id         int64
	start, end time.Time
}

// order puts persons first, and visits before what happens in them.
func (t *twin) order() (tables []*Table) {
	first := []string{"visit_occurrence", "person"}
	for i := range t.Tables {
		tables = append(tables, &t.Tables[i])
	}
	slices.SortStableFunc(tables, func(a, b *Table) int { return slices.Index(first, b.Name) - slices.Index(first, a.Name) })
	t.made = map[string]int64{}
	for _, table := range tables {
		t.made[table.Name] = t.size(table)
	}
	return tables
}

// size is how many rows of a table go with the twin's persons.
func (t *twin) size(table *Table) int64 {
	switch {
	case table.Name == "person":
		return int64(t.persons)
	case table.Name == "concept":
		return int64(len(t.Concepts))
	case t.Persons == 0 || table.Rows == 0:
		return 0
	case table.Persons == 0: // places and the like do not grow with the persons
		return min(table.Rows, 1000)
	}
	return max(1, int64(math.Round(float64(table.Rows)*float64(t.persons)/float64(t.Persons))))
}

// make writes one table.
func (t *twin) make(ctx context.Context, db *engine.DB, table *Table, write func(table, query string) error) error {
	var columns []engine.Column
	for _, c := range table.Columns {
		columns = append(columns, engine.Column{Name: c.Name, Type: c.Type})
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(t.rows(table, w)) }()
	name := "twin_" + table.Name
	err := db.LoadCSV(ctx, name, columns, r)
	r.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		return err
	}
	if err := write(table.Name, "FROM "+engine.Quote(name)); err != nil {
		return err
	}
	return db.Exec(ctx, "DROP TABLE "+engine.Quote(name))
}

func (t *twin) rows(table *Table, to io.Writer) error {
	out := csv.NewWriter(to)
	header := make([]string, 0, len(table.Columns))
	for _, c := range table.Columns {
		header = append(header, c.Name)
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for i := range t.made[table.Name] {
		if err := out.Write(t.row(table, i+1)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// line is a row in the making.
type line struct {
	id, person int64
	visit      *visit
	start, end time.Time
	measure    *Measure
}

// row invents the i-th row.
func (t *twin) row(table *Table, i int64) []string {
	if table.Name == "concept" {
		return t.concept(table, int(i-1))
	}
	l := t.begin(table, i)
	cells := make([]string, len(table.Columns))
	for n := range table.Columns {
		cells[n] = t.cell(table, &table.Columns[n], l)
	}
	if table.Name == "visit_occurrence" {
		t.visits[l.person] = append(t.visits[l.person], visit{l.id, l.start, l.end})
	}
	return cells
}

// begin draws what the columns of a row have in common.
func (t *twin) begin(table *Table, i int64) *line {
	l := &line{id: i, person: i}
	if table.Name == "person" {
		if c := table.Column("year_of_birth"); c != nil {
			if year, err := strconv.Atoi(t.number(c)); err == nil {
				t.born[i] = year
			}
		}
		l.start = time.Date(max(t.born[i], 1900), time.Month(1+t.random.IntN(12)), 1+t.random.IntN(28), 0, 0, 0, 0, time.UTC)
		return l
	}
	if i > int64(t.persons) || table.Rows > table.Persons {
		l.person = 1 + t.random.Int64N(int64(t.persons))
	}
	l.start = t.day(table, l.person)
	if of := t.visits[l.person]; len(of) > 0 && table.Name != "visit_occurrence" && !t.missing(table.Column("visit_occurrence_id"), table) {
		l.visit = &of[t.random.IntN(len(of))]
		l.start = l.visit.start.AddDate(0, 0, t.random.IntN(1+int(l.visit.end.Sub(l.visit.start).Hours()/24)))
	}
	l.end = l.start
	for n := range table.Columns {
		if c := &table.Columns[n]; strings.HasSuffix(c.Name, "_end_date") && len(c.Quantiles) > 0 {
			days := min(max(0, t.between(c.Quantiles)), 36_500)
			l.end = t.within(l.start.AddDate(0, 0, int(days)))
		}
	}
	if l.end.Before(l.start) {
		l.end = l.start
	}
	if len(table.Measures) > 0 {
		l.measure = t.measure(table.Measures)
	}
	return l
}

// day draws the day on which something begins: in a year of the table's, within
// the period, and after birth.
func (t *twin) day(table *Table, person int64) time.Time {
	first, last := t.From, t.To
	for n := range table.Columns {
		c := &table.Columns[n]
		if c.Role == Date && strings.HasSuffix(c.Name, "_date") && len(c.Values) > 0 {
			if year, err := strconv.Atoi(t.value(c.Values)); err == nil {
				first, last = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)
			}
			break
		}
	}
	if born := t.born[person]; born > 0 && first.Year() <= born {
		first = time.Date(born+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if last.Before(first) {
		last = first
	}
	days := int(last.Sub(first).Hours()/24) + 1
	return t.within(first.AddDate(0, 0, t.random.IntN(days)))
}

// within moves a day into the period.
func (t *twin) within(day time.Time) time.Time {
	if day.Before(t.From) {
		return t.From
	}
	if day.After(t.To) {
		return t.To
	}
	return day
}

// cell invents a value.
func (t *twin) cell(table *Table, c *Column, l *line) string {
	switch {
	case c.Role == Key:
		return strconv.FormatInt(l.id, 10)
	case c.References == "person":
		return strconv.FormatInt(l.person, 10)
	case c.References == "visit_occurrence":
		if l.visit == nil {
			return ""
		}
		return strconv.FormatInt(l.visit.id, 10)
	case l.measure != nil && c.Name == table.Name+"_concept_id":
		return l.measure.Concept
	case l.measure != nil && c.Name == "unit_concept_id":
		return l.measure.Unit
	case l.measure != nil && c.Name == "value_as_number":
		if len(l.measure.Quantiles) == 0 {
			return ""
		}
		return t.write(c, t.between(l.measure.Quantiles))
	case t.missing(c, table):
		return ""
	}
	switch c.Role {
	case Reference:
		n := t.made[c.References]
		if n == 0 {
			n = 100
		}
		return strconv.FormatInt(1+t.random.Int64N(n), 10)
	case Date:
		return t.date(c, l)
	case Number:
		if table.Name == "person" && c.Name == "year_of_birth" && t.born[l.person] > 0 {
			return strconv.Itoa(t.born[l.person])
		}
		return t.number(c)
	}
	if len(c.Values) > 0 {
		return t.value(c.Values)
	}
	if c.Role == Code {
		return "0" // "No matching concept"
	}
	return ""
}

// date writes the row's day, with an hour where the column has one.
func (t *twin) date(c *Column, l *line) string {
	day := l.start
	if strings.Contains(c.Name, "_end_") {
		day = l.end
	}
	if c.Type == "TIMESTAMP" {
		return day.Add(time.Duration(t.random.IntN(24*60)) * time.Minute).Format(time.DateTime)
	}
	return day.Format(time.DateOnly)
}

// number draws a number: one of the values where these are most of the column,
// else one between the quantiles.
func (t *twin) number(c *Column) string {
	if len(c.Values) > 0 && (len(c.Values) < mostValues || len(c.Quantiles) == 0) {
		return t.value(c.Values)
	}
	if len(c.Quantiles) == 0 {
		return ""
	}
	return t.write(c, t.between(c.Quantiles))
}

func (t *twin) write(c *Column, v float64) string {
	if c.Type == "INTEGER" || c.Type == "BIGINT" {
		return strconv.FormatInt(int64(math.Round(v)), 10)
	}
	return strconv.FormatFloat(digits(v), 'f', -1, 64)
}

// between draws a number of which the quantiles are as given, straight between
// them; what lies beyond the outer ones is taken for these.
func (t *twin) between(q []Quantile) float64 {
	share := t.random.Float64()
	i := sort.Search(len(q), func(i int) bool { return q[i].Share >= share })
	switch i {
	case 0:
		return q[0].Value
	case len(q):
		return q[len(q)-1].Value
	}
	a, b := q[i-1], q[i]
	return a.Value + (b.Value-a.Value)*(share-a.Share)/(b.Share-a.Share)
}

// value draws one of the values, by how many rows have it.
func (t *twin) value(values []Value) string {
	return values[t.pick(len(values), func(i int) int64 { return values[i].Rows })].Value
}

func (t *twin) measure(measures []Measure) *Measure {
	return &measures[t.pick(len(measures), func(i int) int64 { return measures[i].Rows })]
}

// pick draws one of so many, each as likely as it has rows.
func (t *twin) pick(n int, rows func(int) int64) int {
	var all int64
	for i := range n {
		all += rows(i)
	}
	at := t.random.Int64N(max(all, 1))
	for i := range n {
		if at -= rows(i); at < 0 {
			return i
		}
	}
	return n - 1
}

// missing draws whether a row has no value.
func (t *twin) missing(c *Column, table *Table) bool {
	return c == nil || table.Rows > 0 && t.random.Float64() < float64(c.Missing)/float64(table.Rows)
}

// concept is a row of the vocabulary, which is about nobody.
func (t *twin) concept(table *Table, i int) []string {
	k := t.Concepts[i]
	is := map[string]string{
		"concept_id": k.ID, "concept_name": k.Name, "domain_id": k.Domain, "vocabulary_id": k.Vocabulary,
		"concept_class_id": k.Class, "standard_concept": k.Standard, "concept_code": k.Code,
		"valid_start_date": "1970-01-01", "valid_end_date": "2099-12-31",
	}
	cells := make([]string, len(table.Columns))
	for n, c := range table.Columns {
		cells[n] = is[c.Name]
	}
	return cells
}
