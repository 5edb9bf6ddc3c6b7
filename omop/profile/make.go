package profile

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
)

// Where the published analyses are from.
const (
	AchillesVersion = "1.7.2"
	AchillesSource  = "https://github.com/OHDSI/Achilles, commit 247b86da872ceeb80b70d35901faa6795d3ab0d8, Apache-2.0"
)

//go:embed achilles/achilles_analysis_details.csv
var published string

//go:embed sql
var statements embed.FS

// Tables are the tables of a profile, named as Achilles does.
func Tables() []string {
	return []string{"achilles_analysis", "achilles_results", "achilles_results_dist"}
}

// Select is the query that exports one of [Tables] after [Make].
func Select(table string) string {
	return "SELECT * FROM profile." + engine.Quote(table) + " ORDER BY ALL"
}

// Source says what is counted, as analysis 0 tells it.
type Source struct {
	Name    string // of the warehouse
	Version string // of the program
	Now     time.Time
}

// atOnce is up to how many rows of a table are counted at once, which bounds memory.
var atOnce int64 = 8_000_000

// events are the tables whose records are counted by concept, the number that their
// analyses begin with, and the kind of table whose further analyses they have: sql/kinds.
var events = []event{
	{"visit_occurrence", 200, "stay"}, {"condition_occurrence", 400, ""}, {"procedure_occurrence", 600, ""}, {"drug_exposure", 700, ""}, {"observation", 800, "value"},
	{"drug_era", 900, "era"}, {"condition_era", 1000, "era"}, {"visit_detail", 1300, "stay"}, {"measurement", 1800, "value"}, {"device_exposure", 2100, ""},
}

type event struct {
	table string
	base  int
	kind  string
}

// each are the analyses that all event tables have, added to a table's base.
var each = []int{0, 1, 2, 3, 4, 5, 6, 20, 25, 91}

// maker makes one profile.
type maker struct {
	db   *engine.DB
	rows map[string]int64 // of the tables that are there
	made map[int]bool     // analyses that are made by default
}

// Make counts schema cdm of db, and leaves schema profile with [Tables].
func Make(ctx context.Context, db *engine.DB, source Source) error {
	m := &maker{db: db, made: map[int]bool{}}
	for _, step := range []func(context.Context) error{m.prepare, m.find, m.periods, m.parts, m.once} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	for name, value := range map[string]any{"source": source.Name, "version": source.Version, "day": source.Now.Format(time.DateOnly)} {
		if err := m.set(ctx, name, value); err != nil {
			return err
		}
	}
	return m.run(ctx, "finish.sql")
}

func (m *maker) prepare(ctx context.Context) error {
	if err := m.run(ctx, "prepare.sql"); err != nil {
		return err
	}
	analyses, err := readPublished()
	if err != nil {
		return err
	}
	var rows []string
	var values []any
	for _, a := range analyses {
		m.made[a.ID] = a.Default
		rows = append(rows, "(?, ?, ?, ?, ?, ?, ?, ?, ?)")
		values = append(values, a.ID, a.Name, a.Strata[0], a.Strata[1], a.Strata[2], a.Strata[3], a.Strata[4], a.Default, a.Category)
	}
	return m.db.Exec(ctx, "INSERT INTO profile.achilles_analysis VALUES "+strings.Join(rows, ", "), values...)
}

// find counts the rows of the tables that are there.
func (m *maker) find(ctx context.Context) error {
	m.rows = map[string]int64{}
	var table string
	var tables []string
	err := m.db.Each(ctx, "SELECT DISTINCT table_name FROM duckdb_columns() WHERE schema_name = 'cdm'", nil, func() error {
		tables = append(tables, table)
		return nil
	}, &table)
	for _, table := range tables {
		var n int64
		err = errors.Join(err, m.db.Value(ctx, &n, "SELECT count(*) FROM cdm."+engine.Quote(table)))
		m.rows[table] = n
	}
	return err
}

// periods counts the tables of periods, which are small.
func (m *maker) periods(ctx context.Context) error {
	for table, base := range map[string]int{"observation_period": 100, "payer_plan_period": 1400} {
		if m.rows[table] == 0 {
			continue
		}
		if err := m.set(ctx, "base", base); err != nil {
			return err
		}
		for _, file := range []string{"periods/" + table + ".sql", "period.sql", "extra/" + table + ".sql"} {
			if err := m.run(ctx, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts counts the event tables, for some persons after others. Tables are sorted by
// person, so that a part of them is read.
func (m *maker) parts(ctx context.Context) error {
	largest := int64(0)
	for _, e := range events {
		largest = max(largest, m.rows[e.table])
	}
	bounds, err := m.bounds(ctx, 1+largest/atOnce)
	if err != nil {
		return err
	}
	first := int64(math.MinInt64)
	for _, last := range bounds {
		if err := errors.Join(m.set(ctx, "first_person", first), m.set(ctx, "last_person", last)); err != nil {
			return err
		}
		for _, e := range events {
			if m.rows[e.table] == 0 {
				continue
			}
			if err := m.countEvents(ctx, e); err != nil {
				return fmt.Errorf("%s: %w", e.table, err)
			}
		}
		if err := m.run(ctx, "persons_part.sql"); err != nil {
			return err
		}
		if err := m.run(ctx, "add_up.sql"); err != nil {
			return err
		}
		first = last + 1
	}
	return nil
}

// bounds are the last persons of n parts of as many persons each.
func (m *maker) bounds(ctx context.Context, n int64) (last []int64, err error) {
	var person int64
	err = m.db.Each(ctx, "SELECT max(person_id) FROM (SELECT person_id, ntile(?) OVER (ORDER BY person_id) AS part FROM cdm.person) GROUP BY part ORDER BY part", []any{n}, func() error {
		last = append(last, person)
		return nil
	}, &person)
	if len(last) == 0 {
		last = []int64{0}
	}
	last[len(last)-1] = math.MaxInt64
	return last, err
}

func (m *maker) countEvents(ctx context.Context, e event) error {
	if err := errors.Join(m.set(ctx, "of", e.table), m.set(ctx, "base", e.base)); err != nil {
		return err
	}
	files := []string{"events/" + e.table + ".sql", "seen.sql", "each.sql"}
	for _, offset := range each {
		if m.made[e.base+offset] {
			files = append(files, fmt.Sprintf("each/%02d.sql", offset))
		}
	}
	if extra := "extra/" + e.table + ".sql"; there(extra) {
		files = append(files, extra)
	}
	if e.kind != "" {
		files = append(files, "kinds/"+e.kind+".sql")
	}
	for _, file := range files {
		if err := m.run(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// once counts the tables that are no events.
func (m *maker) once(ctx context.Context) error {
	return errors.Join(m.run(ctx, "persons.sql"), m.run(ctx, "places.sql"), m.run(ctx, "add_up.sql"))
}

func (m *maker) set(ctx context.Context, variable string, value any) error {
	if text, is := value.(string); is {
		return m.db.Exec(ctx, fmt.Sprintf("SET VARIABLE %s = %s", variable, engine.Literal(text)))
	}
	return m.db.Exec(ctx, fmt.Sprintf("SET VARIABLE %s = %d", variable, value))
}

func there(file string) bool {
	_, err := fs.Stat(statements, "sql/"+file)
	return err == nil
}

// run executes a file of sql/.
func (m *maker) run(ctx context.Context, file string) error {
	text, err := statements.ReadFile("sql/" + file)
	if err != nil {
		return err
	}
	if err := m.db.Exec(ctx, string(text)); err != nil {
		return fmt.Errorf("omop/profile/sql/%s: %w", file, err)
	}
	return nil
}
