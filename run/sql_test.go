package run_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

func TestResultsOfAnSQLStudy(t *testing.T) {
	sandboxed(t)
	for _, c := range []struct {
		name, script string
		want         map[string]string
	}{
		{"one SELECT", "SELECT 1 AS a, 'x,y' AS b", map[string]string{"result.csv": "a,b\n1,\"x,y\"\n"}},
		{"several, with what they need", "CREATE TABLE t AS SELECT 1 AS n; -- a; comment\nFROM t; INSERT INTO t VALUES (2);\n/* ; */ SELECT sum(n) AS s FROM t;",
			map[string]string{"result-1.csv": "n\n1\n", "result-2.csv": "s\n3\n"}},
		{"WITH and a macro", "CREATE MACRO twice(x) AS x * 2; WITH w AS (SELECT twice(21) AS answer) SELECT * FROM w", map[string]string{"result.csv": "answer\n42\n"}},
		{"COPY to outputs", "COPY (SELECT 7 AS n) TO 'outputs/mine.csv'; COPY (SELECT 8 AS n) TO '/outputs/other.csv'", map[string]string{"mine.csv": "n\n7\n", "other.csv": "n\n8\n"}},
		{"DESCRIBE", "CREATE TABLE t (n INT); DESCRIBE t", map[string]string{"result.csv": "column_name,column_type,null,key,default,extra\nn,INTEGER,YES,,,\n"}},
		{"reading data by name", "SELECT count(*) AS n FROM 'data/person.parquet'", map[string]string{"result.csv": "n\n1000\n"}},
		{"PIVOT", "CREATE TABLE t AS SELECT * FROM (VALUES ('a', 1), ('b', 2)) v(k, n); PIVOT t ON k USING sum(n)", map[string]string{"result.csv": "a,b\n1,2\n"}},
		{"no SELECT", "CREATE TABLE t (n INT)", map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := execute(t, run.Job{Language: run.SQL, Code: []byte(c.script), Inputs: []run.Input{people(t)}})
			if got.err != nil || !maps.Equal(got.files, c.want) {
				t.Errorf("got %v, %q; want %q", got.err, got.files, c.want)
			}
			if !slices.IsSortedFunc(got.Outputs, func(a, b run.Output) int { return strings.Compare(a.Name, b.Name) }) {
				t.Errorf("outputs are not in the order of their names: %v", got.Outputs)
			}
		})
	}
}

func TestAnSQLErrorShowsTheResearchersLine(t *testing.T) {
	sandboxed(t)
	script := "-- who is there\nSELECT 1;\n\nSELECT year_of_birth\nFROM persn;\n"
	got := execute(t, run.Job{Language: run.SQL, Name: "count.sql", Code: []byte(script), Inputs: []run.Input{people(t)}})
	var failed *run.StudyError
	if !errors.As(got.err, &failed) {
		t.Fatalf("got %v", got.err)
	}
	want := `count.sql:5: statement 2 failed: Catalog Error: Table with name persn does not exist!
Did you mean "person"?
  5 | FROM persn
           ^`
	if failed.Tail != want {
		t.Errorf("got\n%s\nwant\n%s", failed.Tail, want)
	}
}

func TestAnErrorWhileRunningShowsTheLineToo(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.SQL, Code: []byte("\nSELECT 1;\n  SELECT\n 'x'::INT AS n")})
	if got.err == nil || !strings.Contains(got.err.Error(), "study.sql:4: statement 2 failed: Conversion Error: Could not convert string 'x' to INT32\n  4 |  'x'::INT AS n") {
		t.Errorf("got %v", got.err)
	}
}
