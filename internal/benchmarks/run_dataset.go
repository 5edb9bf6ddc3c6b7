package benchmarks

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/duckdb/duckdb-go/v2"

	"rempart.eu/rempart/airlock/disclosure/cells"
	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/project/dataset"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/run"
)

//go:embed run_dataset.sql
var datasetSpace string

const datasetSpec = `
cohort: SELECT person_id, visit_end_date AS index_date FROM visit_occurrence
features:
  - {name: condition, kind: each, table: condition_occurrence, top: 1000, window: [-730, 0]}
outcome: {name: back, table: visit_occurrence, window: [1, 30]}
`

var datasetTables = []string{"person", "visit_occurrence", "condition_occurrence"}

// invented writes the tables of an invented space to memory.
func invented(ctx context.Context, dir string) (err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Exec(ctx, datasetSpace); err != nil {
		return err
	}
	for _, t := range datasetTables {
		f, err := os.Create(filepath.Join(dir, t+".parquet"))
		if err != nil {
			return err
		}
		if err := errors.Join(db.CopyOut(ctx, "FROM "+t, engine.Parquet, f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// opened are tables as a sandbox takes them.
func opened(dir string, names ...string) (inputs []run.Input, closed func(), err error) {
	var files []*os.File
	closed = func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	for _, t := range names {
		f, err := os.Open(filepath.Join(dir, t+".parquet"))
		if err != nil {
			closed()
			return nil, nil, err
		}
		files, inputs = append(files, f), append(inputs, run.Input{Name: t + ".parquet", Content: f})
	}
	return inputs, closed, nil
}

// trainingTable makes a table of 100,000 persons and 1,000 features in the sandbox, and by the same
// queries in a bare DuckDB over the same files.
func trainingTable(ctx context.Context, r *Run) (err error) {
	dir, err := os.MkdirTemp("/dev/shm", "rempart-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := invented(ctx, dir); err != nil {
		return err
	}
	const times = 3
	bare, err := median(times, func() error { return bareTable(ctx, dir) })
	if err != nil {
		return err
	}
	inside, err := median(times, func() error {
		inputs, closed, err := opened(dir, datasetTables...)
		if err != nil {
			return err
		}
		defer closed()
		_, err = run.Execute(ctx, run.Job{Name: "features.yaml", Language: dataset.Language, Code: []byte(datasetSpec), Inputs: inputs,
			Limits: run.Limits{Memory: 6 << 30, OutputBytes: 1 << 30}}, io.Discard, io.Discard)
		return err
	})
	if err != nil {
		return err
	}
	r.RatioAtMost("a training table of 100,000 persons × 1,000 features, against the bare DuckDB queries", inside, bare, "s", 1.3)
	return nil
}

func bareTable(ctx context.Context, dir string) (err error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return err
	}
	pool := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, pool.Close()) }()
	db, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, t := range datasetTables {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("CREATE VIEW %s AS FROM read_parquet(%s)", t, engine.Literal(filepath.Join(dir, t+".parquet")))); err != nil {
			return err
		}
	}
	spec, err := dataset.Parse([]byte(datasetSpec))
	if err != nil {
		return err
	}
	_, err = dataset.Build(ctx, db, spec, func(name string) string { return filepath.Join(dir, "made-"+name) })
	return err
}

// questionAsked is how long a question in SQL about 100,000 persons takes, from the text to what is shown.
func questionAsked(ctx context.Context, r *Run) (err error) {
	dir, err := os.MkdirTemp("/dev/shm", "rempart-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := invented(ctx, dir); err != nil {
		return err
	}
	number := func(name string) query.Column { return query.Column{Name: name, Kind: query.Number} }
	record := func(name, series string, key bool) query.Column {
		return query.Column{Name: name, Kind: query.Record, Series: series, Key: key}
	}
	schema := query.Schema{Tables: []query.Table{
		{Name: "person", Of: query.Persons, Columns: []query.Column{record("person_id", "person", true), number("year_of_birth"), number("gender_concept_id")}},
		{Name: "condition_occurrence", Of: query.Persons, Columns: []query.Column{record("condition_occurrence_id", "condition_occurrence", true), record("person_id", "person", false), number("condition_concept_id")}},
	}}
	const text = "SELECT year_of_birth // 10 * 10 AS born, count(*), count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id) WHERE condition_concept_id <= 100 GROUP BY 1"
	took, err := median(5, func() error {
		inputs, closed, err := opened(dir, query.Tables(text, schema)...)
		if err != nil {
			return err
		}
		defer closed()
		found, err := query.Ask(ctx, text, schema, inputs)
		if err != nil {
			return err
		}
		_, _, err = query.Judge(found, query.Rules{Least: 11, Dominance: cells.Standard}, 100_000, query.History{})
		return err
	})
	if err != nil {
		return err
	}
	r.Record("a question in SQL about 100,000 persons and a million diagnoses, answered", took*1000, "ms")
	return nil
}
