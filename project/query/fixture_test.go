package query

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"os"
	"testing"

	"github.com/duckdb/duckdb-go/v2"

	"rempart.eu/rempart/airlock/disclosure/cells"
	"rempart.eu/rempart/run"
)

func TestMain(m *testing.M) {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

//go:embed testdata/space.sql
var spaceSQL string

const spacePersons = 2000

// space is what testdata/space.sql has.
var space = Schema{Tables: []Table{
	{"person", Persons, []Column{{"person_id", Record, "person", true}, {"gender_concept_id", Number, "", false}, {"year_of_birth", Number, "", false}, {"month_of_birth", Number, "", false}, {"location_id", Record, "location", false}}},
	{"visit_occurrence", Persons, []Column{{"visit_occurrence_id", Record, "visit_occurrence", true}, {"person_id", Record, "person", false}, {"visit_start_date", Date, "", false}, {"visit_end_date", Date, "", false}, {"visit_concept_id", Number, "", false}}},
	{"condition_occurrence", Persons, []Column{{"condition_occurrence_id", Record, "condition_occurrence", true}, {"person_id", Record, "person", false}, {"condition_concept_id", Number, "", false}, {"condition_start_date", Date, "", false}, {"condition_source_value", Text, "", false}}},
	{"measurement", Persons, []Column{{"measurement_id", Record, "measurement", true}, {"person_id", Record, "person", false}, {"measurement_concept_id", Number, "", false}, {"value_as_number", Number, "", false}, {"measurement_date", Date, "", false}}},
	{"concept", Vocabulary, []Column{{"concept_id", Number, "", false}, {"concept_name", Text, "", false}}},
	{"concept_ancestor", Vocabulary, []Column{{"ancestor_concept_id", Number, "", false}, {"descendant_concept_id", Number, "", false}}},
	{"location", Things, []Column{{"location_id", Record, "location", true}, {"state", Text, "", false}}},
}}

var rules = Rules{Least: 11, Dominance: cells.Standard}

// asker asks as the worker does, without a sandbox around it, and remembers.
type asker struct {
	db   *sql.Conn
	past History
}

func newAsker(t testing.TB) *asker {
	t.Helper()
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	db, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), pool.Close()); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.ExecContext(t.Context(), spaceSQL); err != nil {
		t.Fatal(err)
	}
	return &asker{db: db}
}

func (a *asker) find(ctx context.Context, text string) (*Found, error) {
	if _, err := a.db.ExecContext(ctx, "DROP TABLE IF EXISTS asked"); err != nil {
		return nil, err
	}
	return evaluate(ctx, a.db, Asked{text, space})
}

func (a *asker) ask(ctx context.Context, text string) (*Answer, error) {
	f, err := a.find(ctx, text)
	if err != nil {
		return nil, err
	}
	answer, told, err := Judge(f, rules, spacePersons, a.past)
	if err != nil {
		return nil, err
	}
	a.past.Questions++
	for _, t := range told {
		t.Question = a.past.Questions
		a.past.Columns = append(a.past.Columns, t)
		a.past.Numbers += len(t.Cells)
	}
	return answer, nil
}
