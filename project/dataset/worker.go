package dataset

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
)

// Language is that of specifications, which are files *.yaml.
const Language run.Language = "dataset"

func init() { run.Register(Language, ".yaml", work) }

//go:embed *.sql
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.sql"))

// Column is a feature of a table that was made.
type Column struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Table   string `json:"table,omitempty"`
	Concept int64  `json:"concept,omitempty"` // of each
	Window  []int  `json:"window,omitempty"`

	of Feature
}

// Made describes what was made.
type Made struct {
	Features []Column       `json:"features"`
	Outcome  string         `json:"outcome"`
	Window   []int          `json:"window"`
	Rows     map[string]int `json:"rows"`
	Persons  map[string]int `json:"persons"`
	Labels   map[string]int `json:"labels"` // rows with the outcome
	Censored map[string]int `json:"censored"`
}

// work makes the tables in the sandbox.
func work(ctx context.Context, script []byte, memory int64) (err error) {
	spec, err := Parse(script)
	if err != nil {
		return err
	}
	var writes []string
	for _, s := range Splits {
		writes = append(writes, s+".parquet")
	}
	db, closed, err := run.OpenData(ctx, memory, writes...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	made, err := Build(ctx, db, spec, run.OutputPath)
	if err != nil {
		return err
	}
	made.tell()
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(run.OutputPath(Description), append(text, '\n'), 0o600)
}

// Build makes the tables of a specification in a database that has the views of a space, and
// writes each to where path says for its file's name.
func Build(ctx context.Context, db *sql.Conn, spec *Spec, path func(name string) string) (*Made, error) {
	b := &build{Spec: spec, db: db}
	if err := b.make(ctx); err != nil {
		return nil, err
	}
	for _, s := range Splits {
		if err := b.exec(ctx, b.copyOut(s)+" TO "+engine.Literal(path(s+".parquet"))+" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 8192)"); err != nil {
			return nil, err
		}
	}
	return b.describe(ctx)
}

// build is a table on its way.
type build struct {
	*Spec
	db      *sql.Conn
	has     []string // tables of the space
	columns []Column
}

func (b *build) exec(ctx context.Context, query string) error {
	_, err := b.db.ExecContext(ctx, query)
	return err
}

// run runs a template.
func (b *build) run(ctx context.Context, name string, data any) error {
	var text strings.Builder
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		return err
	}
	return b.exec(ctx, text.String())
}

// make makes the tables cohort, wide and outcome.
func (b *build) make(ctx context.Context) error {
	if err := b.look(ctx); err != nil {
		return err
	}
	err := b.run(ctx, "cohort.sql", map[string]any{
		"Cohort": strings.TrimRight(strings.TrimSpace(b.Cohort), ";"), "Key": engine.Literal(b.Split.Key), "Train": b.Split.Train, "Valid": b.Split.Train + b.Split.Valid,
	})
	if err != nil {
		return fmt.Errorf("cohort: %w", err)
	}
	if err := b.expand(ctx); err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	var numbers []string
	for i := range b.columns {
		numbers = append(numbers, strconv.Itoa(i))
	}
	if err := b.run(ctx, "table.sql", map[string]any{"Features": strings.Join(numbers, ", ")}); err != nil {
		return err
	}
	return b.outcome(ctx)
}

// look finds which tables the space has.
func (b *build) look(ctx context.Context) (err error) {
	rows, err := b.db.QueryContext(ctx, "SELECT table_name FROM information_schema.tables")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		b.has = append(b.has, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	want := []string{b.Outcome.Table}
	for _, f := range b.Features {
		if f.Kind == "age" || f.Kind == "sex" {
			want = append(want, "person")
		} else {
			want = append(want, f.Table)
		}
		if len(f.Codes.Ancestors) > 0 {
			want = append(want, "concept_ancestor")
		}
	}
	if len(b.Outcome.Codes.Ancestors) > 0 {
		want = append(want, "concept_ancestor")
	}
	for _, t := range want {
		if !slices.Contains(b.has, t) {
			return fmt.Errorf("the step does not see the table %s: name it among its tables, or ask for it in the project", t)
		}
	}
	return nil
}

// expand makes a column of each feature, and the codes that each is of.
func (b *build) expand(ctx context.Context) error {
	for _, f := range b.Features {
		if f.Kind != "each" {
			b.add(f.Name, 0, f)
			if err := b.codes(ctx, len(b.columns)-1, f.Codes, kinds[f.Kind]); err != nil {
				return err
			}
			continue
		}
		concepts, err := b.frequent(ctx, f)
		if err != nil {
			return fmt.Errorf("feature %s: %w", f.Name, err)
		}
		for _, c := range concepts {
			b.add(fmt.Sprintf("%s_%d", f.Name, c), c, f)
			if err := b.codes(ctx, len(b.columns)-1, Codes{Concepts: []int64{c}}, true); err != nil {
				return err
			}
		}
	}
	switch n := len(b.columns); {
	case n == 0:
		return errors.New("no feature has anything in the training rows")
	case n > maxFeatures:
		return fmt.Errorf("%d features: at most %d", n, maxFeatures)
	}
	return b.codes(ctx, -1, b.Outcome.Codes, false)
}

func (b *build) add(name string, concept int64, f Feature) {
	b.columns = append(b.columns, Column{Name: name, Kind: f.Kind, Table: f.Table, Concept: concept, Window: f.Window, of: f})
}

// codes notes which codes a feature is of. all says that none named is all.
func (b *build) codes(ctx context.Context, feature int, c Codes, all bool) error {
	if !c.any() {
		if !all {
			return nil
		}
		return b.exec(ctx, fmt.Sprintf("INSERT INTO codes VALUES (%d, NULL)", feature))
	}
	var parts []string
	for _, id := range c.Concepts {
		parts = append(parts, fmt.Sprintf("SELECT %d AS concept", id))
	}
	if len(c.Ancestors) > 0 {
		var ids []string
		for _, id := range c.Ancestors {
			ids = append(ids, strconv.FormatInt(id, 10))
		}
		parts = append(parts, "SELECT descendant_concept_id AS concept FROM concept_ancestor WHERE ancestor_concept_id IN ("+strings.Join(ids, ", ")+")")
	}
	return b.exec(ctx, fmt.Sprintf("INSERT INTO codes SELECT %d, concept FROM (%s)", feature, strings.Join(parts, " UNION ")))
}

// frequent are the codes that most rows for training have in the window.
func (b *build) frequent(ctx context.Context, f Feature) (ids []int64, err error) {
	t := tables[f.Table]
	within := ""
	if f.Codes.any() {
		if err := b.codes(ctx, -2, f.Codes, false); err != nil {
			return nil, err
		}
		within = " AND e." + t.concept + " IN (SELECT concept FROM codes WHERE feature = -2)"
	}
	rows, err := b.db.QueryContext(ctx, fmt.Sprintf(`SELECT e.%[1]s FROM cohort AS c JOIN %[2]s AS e ON e.person_id = c.person_id
AND e.%[3]s BETWEEN c.index_date + %[4]d AND c.index_date + %[5]d
WHERE c.split = 'train' AND e.%[1]s <> 0%[6]s GROUP BY 1 ORDER BY count(DISTINCT c.row) DESC, 1 LIMIT %[7]d`, t.concept, f.Table, t.day, f.Window[0], f.Window[1], within, f.Top))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return ids, b.exec(ctx, "DELETE FROM codes WHERE feature = -2")
}

// group are features that one pass over a table finds.
type group struct {
	table, kind string
	from, to    int
	coded       bool
}

// fill finds what every feature has.
func (b *build) fill(ctx context.Context) error {
	groups := map[group][]string{}
	var order []group
	for i, c := range b.columns {
		switch c.Kind {
		case "age":
			if err := b.exec(ctx, fmt.Sprintf("INSERT INTO found SELECT c.row, %d, year(c.index_date) - p.year_of_birth FROM cohort AS c JOIN person AS p USING (person_id) WHERE p.year_of_birth IS NOT NULL", i)); err != nil {
				return err
			}
			continue
		case "sex":
			if err := b.exec(ctx, fmt.Sprintf("INSERT INTO found SELECT c.row, %d, (p.gender_concept_id = 8507)::INTEGER FROM cohort AS c JOIN person AS p USING (person_id) WHERE p.gender_concept_id IN (8507, 8532)", i)); err != nil {
				return err
			}
			continue
		}
		kind := c.Kind
		if kind == "each" {
			kind = "any"
		}
		g := group{c.Table, kind, c.Window[0], c.Window[1], c.Concept != 0 || c.of.Codes.any()}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], strconv.Itoa(i))
	}
	for _, g := range order {
		t := tables[g.table]
		data := map[string]any{
			"Table": g.table, "Day": t.day, "Concept": t.concept, "From": g.from, "To": g.to, "Coded": g.coded, "Features": strings.Join(groups[g], ", "), "Valued": "",
			"Value": map[string]string{
				"any": "1", "count": "count(*)", "since": "any_value(c.index_date) - max(e." + t.day + ")", "mean": "avg(e." + t.value + ")", "min": "min(e." + t.value + ")", "max": "max(e." + t.value + ")",
				"last": "arg_max(e." + t.value + ", (e." + t.day + ", e." + g.table + "_id))",
			}[g.kind],
		}
		if numeric[g.kind] {
			data["Valued"] = t.value
		}
		if err := b.run(ctx, "events.sql", data); err != nil {
			return fmt.Errorf("features of %s: %w", g.table, err)
		}
	}
	return nil
}

func (b *build) outcome(ctx context.Context) error {
	o, t := b.Outcome, tables[b.Outcome.Table]
	until, joins := fmt.Sprintf("c.index_date + %d", o.Window[1]), ""
	if o.Until != "" {
		until = "DATE " + engine.Literal(o.Until)
	}
	if slices.Contains(b.has, "observation_period") {
		until = fmt.Sprintf("coalesce(observed.last, c.index_date), %s", until)
		joins += "LEFT JOIN (SELECT c.row, max(p.observation_period_end_date) AS last FROM cohort AS c JOIN observation_period AS p ON p.person_id = c.person_id AND c.index_date BETWEEN p.observation_period_start_date AND p.observation_period_end_date GROUP BY 1) AS observed USING (row)\n"
	}
	if slices.Contains(b.has, "death") {
		until = fmt.Sprintf("coalesce(dead.last, c.index_date + %d), %s", o.Window[1], until)
		joins += "LEFT JOIN (SELECT person_id, min(death_date) AS last FROM death GROUP BY 1) AS dead ON dead.person_id = c.person_id\n"
	}
	err := b.run(ctx, "outcome.sql", map[string]any{
		"Table": o.Table, "Day": t.day, "Concept": t.concept, "From": o.Window[0], "To": o.Window[1], "Coded": o.Codes.any(), "Until": until, "Joins": joins,
	})
	if err != nil {
		return fmt.Errorf("outcome: %w", err)
	}
	return nil
}

// copyOut is COPY of the rows of a split.
func (b *build) copyOut(split string) string {
	columns := []string{"c.row", "c.person_id", "c.index_date"}
	for i, c := range b.columns {
		value := fmt.Sprintf(`w."%d"`, i)
		if slices.Contains([]string{"any", "count", "each"}, c.Kind) {
			value = "coalesce(" + value + ", 0)"
		}
		columns = append(columns, value+"::FLOAT AS "+engine.Quote(c.Name))
	}
	columns = append(columns, "o.label", "o.days", "o.censored")
	return fmt.Sprintf("COPY (SELECT %s FROM cohort AS c JOIN outcome AS o USING (row) LEFT JOIN wide AS w USING (row) WHERE c.split = '%s' ORDER BY c.row)", strings.Join(columns, ", "), split)
}

// describe says what was made.
func (b *build) describe(ctx context.Context) (made *Made, err error) {
	made = &Made{Features: b.columns, Outcome: b.Outcome.Name, Window: b.Outcome.Window, Rows: map[string]int{}, Persons: map[string]int{}, Labels: map[string]int{}, Censored: map[string]int{}}
	rows, err := b.db.QueryContext(ctx, "SELECT split, count(*), count(DISTINCT person_id), coalesce(sum(label), 0)::BIGINT, count(*) FILTER (WHERE censored) FROM cohort JOIN outcome USING (row) GROUP BY 1")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var split string
		var n, persons, labels, censored int
		if err := rows.Scan(&split, &n, &persons, &labels, &censored); err != nil {
			return nil, err
		}
		made.Rows[split], made.Persons[split], made.Labels[split], made.Censored[split] = n, persons, labels, censored
	}
	return made, rows.Err()
}

// tell prints what was made, in counts that are rounded: a researcher reads the log.
func (m *Made) tell() {
	rough := func(n int) string {
		if n < 20 {
			return "fewer than 20"
		}
		return "about " + strconv.Itoa((n+10)/20*20)
	}
	fmt.Printf("%d features, outcome %s in days %d to %d\n", len(m.Features), m.Outcome, m.Window[0], m.Window[1])
	for _, s := range Splits {
		fmt.Printf("%-6s %s rows of %s persons; %s with the outcome, %s censored\n", s+":", rough(m.Rows[s]), rough(m.Persons[s]), rough(m.Labels[s]), rough(m.Censored[s]))
	}
}
