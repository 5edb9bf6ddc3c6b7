package query

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"rempart.eu/rempart/run"
)

// Language is the worker's name in the sandbox.
const Language run.Language = "query"

// What the worker writes.
const (
	answerFile  = "answer"
	refusedFile = "refused"
)

func init() { run.Register(Language, "", work) }

// Asked is a question on its way to the sandbox.
type Asked struct {
	Text   string `json:"text"`
	Schema Schema `json:"schema"`
}

// work reads a question in the sandbox, and evaluates what was made of it.
func work(ctx context.Context, script []byte, memory int64) (err error) {
	var asked Asked
	if err := json.Unmarshal(script, &asked); err != nil {
		return errors.New("the question did not arrive whole")
	}
	db, closed, err := run.OpenData(ctx, memory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	found, err := evaluate(ctx, db, asked)
	var refused *Refused
	if errors.As(err, &refused) {
		text, err := json.Marshal(refused)
		if err != nil {
			return err
		}
		return os.WriteFile(run.OutputPath(refusedFile), text, 0o600)
	}
	if err != nil {
		// DuckDB's own words may hold a value of somebody's.
		return errors.New("the question could not be evaluated")
	}
	f, err := os.Create(run.OutputPath(answerFile))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(found.write(w), w.Flush(), f.Close())
}

// maxCells is how many groups an answer may have before the small ones are left out.
const maxCells = 2000

// evaluate answers a question, with what each person contributes to each number.
func evaluate(ctx context.Context, db *sql.Conn, asked Asked) (*Found, error) {
	tree, err := parse(ctx, db, asked.Text)
	if err != nil {
		return nil, err
	}
	p, err := plan(asked.Schema, tree)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, p.rows()); err != nil {
		return nil, err
	}
	found := &Found{Plan: *p}
	for i, set := range p.Sets {
		if err := found.contributions(ctx, db, i, set); err != nil {
			return nil, err
		}
		if err := found.statistics(ctx, db, i, set); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// rows makes the table asked: a row for each that is counted, with whose it is, its
// groups, and what each measure takes of it.
func (p *Plan) rows() string {
	columns := []string{p.person + " AS person"}
	for i, g := range p.groups {
		columns = append(columns, fmt.Sprintf("%s AS g%d", g, i))
	}
	for i, m := range p.Measures {
		arg := m.arg
		if m.Of == "rows" {
			arg = "1"
		}
		if m.only != "" {
			arg = "CASE WHEN " + m.only + " THEN " + arg + " END"
		}
		columns = append(columns, fmt.Sprintf("%s AS a%d", arg, i))
	}
	return fmt.Sprintf("CREATE TEMP TABLE asked AS SELECT %s FROM %s WHERE %s", strings.Join(columns, ", "), p.from, p.where)
}

// columnsOf are the columns of some groups.
func columnsOf(groups []int) (names []string) {
	for _, i := range groups {
		names = append(names, fmt.Sprintf("g%d", i))
	}
	return names
}

// by is GROUP BY some columns.
func by(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return " GROUP BY " + strings.Join(columns, ", ")
}

// sums says whether a measure is made of numbers, beside how many there are.
func (m Measure) sums() bool {
	return m.Of == "sum" || m.Of == "average" || m.Of == "deviation" || m.Of == "quantile"
}

// contributions reads what each person adds to each cell of one table of the answer.
func (f *Found) contributions(ctx context.Context, db *sql.Conn, set int, groups []int) (err error) {
	keys := append(columnsOf(groups), "person")
	columns := []string{}
	for _, g := range columnsOf(groups) {
		columns = append(columns, g+"::VARCHAR")
	}
	columns = append(columns, "person::BIGINT")
	for i, m := range f.Plan.Measures {
		distinct := ""
		if m.Of == "persons" || m.Of == "records" {
			distinct = "DISTINCT "
		}
		columns = append(columns, fmt.Sprintf("count(%sa%d)", distinct, i))
		if m.sums() {
			columns = append(columns, fmt.Sprintf("coalesce(sum(a%d), 0)::DOUBLE", i))
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM asked"+by(keys)+" ORDER BY "+strings.Join(keys, ", "))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	labels := make([]*string, len(groups))
	var person int64
	counts, sums := make([]int64, len(f.Plan.Measures)), make([]float64, len(f.Plan.Measures))
	var into []any
	for i := range labels {
		into = append(into, &labels[i])
	}
	into = append(into, &person)
	for i, m := range f.Plan.Measures {
		into = append(into, &counts[i])
		if m.sums() {
			into = append(into, &sums[i])
		}
	}
	var cell *Cell
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if cell == nil || !cell.is(labels) {
			if len(f.Cells) == maxCells {
				return refuse("Group by what has fewer values: a year in place of a day", "the answer would have more than %d groups", maxCells)
			}
			cell = newCell(set, labels, f.Plan.Measures)
			f.Cells = append(f.Cells, cell)
		}
		cell.Persons = append(cell.Persons, person)
		for i, m := range f.Plan.Measures {
			cell.Counts[i] = append(cell.Counts[i], counts[i])
			if m.sums() {
				cell.Sums[i] = append(cell.Sums[i], sums[i])
			}
		}
	}
	return rows.Err()
}

// statistics reads what is no sum: deviations, and quantiles with how many persons lie on
// either side.
func (f *Found) statistics(ctx context.Context, db *sql.Conn, set int, groups []int) error {
	keys := columnsOf(groups)
	for i, m := range f.Plan.Measures {
		var query string
		switch m.Of {
		case "deviation":
			query = fmt.Sprintf("SELECT %sstddev_samp(a%d) AS point, 0 AS below, 0 AS above FROM asked%s", list(keys), i, by(keys))
		case "quantile":
			var same []string
			for _, k := range keys {
				same = append(same, fmt.Sprintf("asked.%s IS NOT DISTINCT FROM q.%s", k, k))
			}
			query = fmt.Sprintf(`WITH q AS (SELECT %[1]squantile_cont(a%[2]d, %[3]g) AS point FROM asked%[4]s)
SELECT %[5]sany_value(q.point) AS point, count(DISTINCT person) FILTER (WHERE a%[2]d <= q.point) AS below, count(DISTINCT person) FILTER (WHERE a%[2]d >= q.point) AS above
FROM asked JOIN q ON %[6]s%[7]s`, list(keys), i, m.At, by(keys), list(prefixed("asked.", keys)), strings.Join(append(same, "TRUE"), " AND "), by(prefixed("asked.", keys)))
		default:
			continue
		}
		if err := f.statistic(ctx, db, set, groups, i, query); err != nil {
			return err
		}
	}
	return nil
}

func prefixed(prefix string, names []string) (all []string) {
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}

// list is some columns as text, with a comma after each.
func list(columns []string) string {
	var b strings.Builder
	for _, c := range columns {
		name := c[strings.LastIndex(c, ".")+1:]
		b.WriteString(c + " AS " + name + ", ")
	}
	return b.String()
}

func (f *Found) statistic(ctx context.Context, db *sql.Conn, set int, groups []int, measure int, query string) (err error) {
	outer := "SELECT "
	for _, k := range columnsOf(groups) {
		outer += k + "::VARCHAR, "
	}
	outer += "point, below, above"
	rows, err := db.QueryContext(ctx, outer+" FROM ("+query+")")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	labels := make([]*string, len(groups))
	var at *float64
	var below, above int64
	var into []any
	for i := range labels {
		into = append(into, &labels[i])
	}
	into = append(into, &at, &below, &above)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, c := range f.Cells {
			if c.Set == set && c.is(labels) {
				c.Statistics[measure] = Statistic{at, below, above}
			}
		}
	}
	return rows.Err()
}
