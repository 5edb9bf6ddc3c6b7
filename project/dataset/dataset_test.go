package dataset

import (
	"archive/tar"
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
)

func TestMain(m *testing.M) {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

const specification = `
cohort: |
  SELECT person_id, visit_end_date AS index_date -- of stays
  FROM visit_occurrence
  WHERE visit_concept_id = 9201 AND visit_end_date < DATE '2023-01-01';
split: {key: seven, train: 0.6, valid: 0.2, test: 0.2}
features:
  - {name: age, kind: age}
  - {name: male, kind: sex}
  - {name: stays, kind: count, table: visit_occurrence, window: [-365, 0]}
  - {name: diabetes, kind: any, table: condition_occurrence, codes: {ancestors: [1]}, window: [-3650, 0]}
  - {name: condition, kind: each, table: condition_occurrence, top: 5, window: [-3650, 0]}
  - {name: hba1c, kind: last, table: measurement, codes: {concepts: [30]}, window: [-365, 0]}
  - {name: hba1c_mean, kind: mean, table: measurement, codes: {concepts: [30]}, window: [-365, 0]}
  - {name: since_stay, kind: since, table: visit_occurrence, window: [-3650, -1]}
outcome: {name: readmitted, table: visit_occurrence, codes: {concepts: [9201]}, window: [1, 30]}
`

const space = `
CREATE TABLE person AS SELECT i::BIGINT AS person_id, 1930 + i % 70 AS year_of_birth, CASE WHEN i % 2 = 0 THEN 8507 ELSE 8532 END AS gender_concept_id FROM range(1, 401) t(i);
CREATE TABLE visit_occurrence AS SELECT row_number() OVER ()::BIGINT AS visit_occurrence_id, i::BIGINT AS person_id, d AS visit_start_date, d + 3 AS visit_end_date, CASE WHEN (i + k) % 3 = 0 THEN 9202 ELSE 9201 END AS visit_concept_id
    FROM (SELECT i, k, DATE '2021-01-01' + (md5_number_lower(i || '/' || k) % 900)::INTEGER AS d FROM range(1, 401) t(i), range(0, 6) u(k));
CREATE TABLE condition_occurrence AS SELECT row_number() OVER ()::BIGINT AS condition_occurrence_id, i::BIGINT AS person_id, 100 + (i * k) % 9 AS condition_concept_id, DATE '2021-01-01' + ((i * 7 + k * 53) % 900)::INTEGER AS condition_start_date FROM range(1, 401) t(i), range(0, 5) u(k);
CREATE TABLE measurement AS SELECT row_number() OVER ()::BIGINT AS measurement_id, i::BIGINT AS person_id, 30 AS measurement_concept_id, DATE '2021-01-01' + ((i * 11 + k * 71) % 900)::INTEGER AS measurement_date, (i + k) % 17::DOUBLE AS value_as_number FROM range(1, 401) t(i), range(0, 5) u(k);
CREATE TABLE concept_ancestor AS SELECT 1 AS ancestor_concept_id, c AS descendant_concept_id FROM range(100, 103) t(c);
CREATE TABLE observation_period AS SELECT i::BIGINT AS person_id, DATE '2020-01-01' AS observation_period_start_date, DATE '2022-06-01' + (i % 400)::INTEGER AS observation_period_end_date FROM range(1, 401) t(i);
`

// made builds the tables over the space, changed by some SQL.
func made(t testing.TB, change string) *build {
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
	spec, err := Parse([]byte(specification))
	if err != nil {
		t.Fatal(err)
	}
	b := &build{Spec: spec, db: db}
	if err := errors.Join(b.exec(t.Context(), space+change)); err != nil {
		t.Fatal(err)
	}
	if err := b.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// lines are what a query yields.
func (b *build) lines(t testing.TB, query string) (all []string) {
	t.Helper()
	rows, err := b.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(values...))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// features are those of all rows, without what is told of the outcome.
func (b *build) features(t testing.TB) []string {
	return b.lines(t, "SELECT c.person_id, c.index_date, c.split, w.* EXCLUDE (row) FROM cohort AS c LEFT JOIN wide AS w USING (row) ORDER BY 1, 2")
}

func TestNobodyIsInTwoSplits(t *testing.T) {
	b := made(t, "")
	if twice := b.lines(t, "SELECT person_id FROM cohort GROUP BY 1 HAVING count(DISTINCT split) > 1"); len(twice) > 0 {
		t.Errorf("%d persons are in two splits", len(twice))
	}
	for _, s := range Splits {
		if n := b.lines(t, "SELECT count(*) > 50 FROM cohort WHERE split = '"+s+"'"); n[0] != "true" {
			t.Errorf("split %s is small or empty", s)
		}
	}
	// Who is in which does not depend on who else is in the cohort.
	few := made(t, "DELETE FROM visit_occurrence WHERE person_id > 200;")
	if got := few.lines(t, "SELECT DISTINCT person_id, split FROM cohort ORDER BY 1"); !slices.Equal(got, b.lines(t, "SELECT DISTINCT person_id, split FROM cohort WHERE person_id <= 200 ORDER BY 1")) {
		t.Error("the splits depend on others")
	}
}

// TestNoFeatureKnowsTheFuture changes, for each row, everything after its day: no feature moves.
// Half of the persons have one row alone here, whose day is known.
func TestNoFeatureKnowsTheFuture(t *testing.T) {
	one := "DELETE FROM visit_occurrence WHERE visit_concept_id = 9201 AND visit_occurrence_id NOT IN (SELECT min(visit_occurrence_id) FROM visit_occurrence WHERE visit_concept_id = 9201 GROUP BY person_id);" +
		"CREATE TABLE day AS SELECT person_id, visit_end_date AS day FROM visit_occurrence WHERE visit_concept_id = 9201;"
	later := one + `
DELETE FROM condition_occurrence e USING day d WHERE e.person_id = d.person_id AND condition_start_date > day;
INSERT INTO condition_occurrence SELECT 900000 + person_id, person_id, 100, day + 1 FROM day;
UPDATE measurement e SET value_as_number = -99 FROM day d WHERE e.person_id = d.person_id AND measurement_date > day;
INSERT INTO measurement SELECT 900000 + person_id, person_id, 30, day + 1, 12345 FROM day;
INSERT INTO visit_occurrence SELECT 900000 + person_id, person_id, day + 1, DATE '2024-01-01', 9201 FROM day;`
	a, b := made(t, one), made(t, later)
	if !slices.Equal(a.features(t), b.features(t)) {
		t.Error("a feature has changed with what comes after its day")
	}
	if got := b.lines(t, "SELECT count(*) FROM outcome WHERE label = 0"); got[0] != "0" {
		t.Errorf("%s rows have no outcome, where everybody comes back the next day", got[0])
	}
}

func TestOutcomeAndCensoring(t *testing.T) {
	b := made(t, "")
	for what, query := range map[string]string{
		"a label without an event":       "SELECT 1 FROM outcome JOIN cohort c USING (row) WHERE label = 1 AND NOT EXISTS (SELECT 1 FROM visit_occurrence v WHERE v.person_id = c.person_id AND visit_concept_id = 9201 AND visit_start_date BETWEEN c.index_date + 1 AND c.index_date + 30)",
		"an event without a label":       "SELECT 1 FROM outcome JOIN cohort c USING (row) WHERE label = 0 AND EXISTS (SELECT 1 FROM visit_occurrence v WHERE v.person_id = c.person_id AND visit_concept_id = 9201 AND visit_start_date BETWEEN c.index_date + 1 AND c.index_date + 30)",
		"censored with an event":         "SELECT 1 FROM outcome WHERE label = 1 AND censored",
		"followed to the end, censored":  "SELECT 1 FROM outcome WHERE censored AND days >= 30",
		"time at risk beyond the window": "SELECT 1 FROM outcome WHERE days NOT BETWEEN 0 AND 30",
	} {
		if got := b.lines(t, query); len(got) > 0 {
			t.Errorf("%s: %d rows", what, len(got))
		}
	}
	for _, want := range []string{"label = 1", "label = 0 AND NOT censored", "censored"} {
		if b.lines(t, "SELECT count(*) FROM outcome WHERE "+want)[0] == "0" {
			t.Errorf("no row has %s: the test shows nothing", want)
		}
	}
	// No feature is the label by another name.
	for i, c := range b.columns {
		if got := b.lines(t, fmt.Sprintf(`SELECT abs(corr(coalesce("%d", 0), label)) > 0.95 FROM wide JOIN outcome USING (row)`, i)); got[0] == "true" {
			t.Errorf("feature %s tells the outcome", c.Name)
		}
	}
}

func TestFeaturesAreWhatTheySay(t *testing.T) {
	b := made(t, "")
	index := func(name string) int {
		return slices.IndexFunc(b.columns, func(c Column) bool { return c.Name == name })
	}
	for name, want := range map[string]string{
		"age":        "year(c.index_date) - (SELECT year_of_birth FROM person p WHERE p.person_id = c.person_id)",
		"stays":      "(SELECT nullif(count(*), 0) FROM visit_occurrence e WHERE e.person_id = c.person_id AND visit_start_date BETWEEN c.index_date - 365 AND c.index_date)",
		"diabetes":   "(SELECT nullif(count(*) > 0, false)::INTEGER FROM condition_occurrence e WHERE e.person_id = c.person_id AND condition_start_date <= c.index_date AND condition_concept_id IN (100, 101, 102))",
		"hba1c":      "(SELECT arg_max(value_as_number, (measurement_date, measurement_id)) FROM measurement e WHERE e.person_id = c.person_id AND measurement_date BETWEEN c.index_date - 365 AND c.index_date)",
		"since_stay": "(SELECT c.index_date - max(visit_start_date) FROM visit_occurrence e WHERE e.person_id = c.person_id AND visit_start_date < c.index_date)",
	} {
		query := fmt.Sprintf(`SELECT c.row FROM cohort AS c LEFT JOIN wide AS w USING (row) WHERE w."%d" IS DISTINCT FROM (%s)::FLOAT`, index(name), want)
		if got := b.lines(t, query); len(got) > 0 {
			t.Errorf("%s differs in %d rows", name, len(got))
		}
	}
	again := made(t, "")
	if !slices.Equal(b.features(t), again.features(t)) {
		t.Error("the same space and specification give other rows")
	}
	if n := len(b.columns); n != 7+5 {
		t.Errorf("%d features", n)
	}
}

func TestSpecificationsThatAreRefused(t *testing.T) {
	for _, c := range []struct{ from, to, says string }{
		{"window: [-365, 0]", "window: [-365, 5]", "what comes later is not known"},
		{"window: [1, 30]", "window: [0, 30]", "the days at risk after the index date"},
		{"kind: age", "kind: agee", "want one of age"},
		{"train: 0.6", "train: 0.7", "add up to 1"},
		{"features:", "feature:", "Did you mean \"features\""},
		{"name: stays", "name: label", "none of"},
		{"name: stays", "name: age", "another has this name"},
		{"kind: last, table: measurement", "kind: last, table: visit_occurrence", "does not have"},
		{"top: 5", "top: 0", "how many codes"},
		{"table: condition_occurrence", "table: conditions", "want one of condition_occurrence"},
	} {
		_, err := Parse([]byte(strings.Replace(specification, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.to, err, c.says)
		}
	}
}

// inputs are the space as the sandbox gets it.
func inputs(t testing.TB) (all []run.Input) {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := db.Exec(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"person", "visit_occurrence", "condition_occurrence", "measurement", "concept_ancestor", "observation_period"} {
		var b bytes.Buffer
		if err := db.CopyOut(t.Context(), "FROM "+n, engine.Parquet, &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, run.Input{Name: n + ".parquet", Content: io.Reader(&b)})
	}
	return all
}

// TestTheSandboxMakesATable that Python then streams, where it has pyarrow.
func TestTheSandboxMakesATable(t *testing.T) {
	if err := run.Available(); err != nil {
		t.Fatal(err)
	}
	var outputs, log bytes.Buffer
	_, err := run.Execute(t.Context(), run.Job{Name: "features.yaml", Code: []byte(specification), Language: Language, Inputs: inputs(t), Limits: run.Limits{Memory: 1 << 30, Time: time.Minute}}, &outputs, &log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "12 features, outcome readmitted in days 1 to 30") {
		t.Errorf("the log: %s", log.String())
	}
	dir := t.TempDir()
	for r := tar.NewReader(&outputs); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, h.Name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"train.parquet", "valid.parquet", "test.parquet", Description} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	python := pythonWithArrow()
	if python == "" {
		t.Skip("no Python with pyarrow: what streams the table is not tested")
	}
	if err := os.WriteFile(filepath.Join(dir, ModuleName), Module, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", `
from rempart_dataset import Rows
rows = Rows(".", "train", shuffle=1, censored=True)
n = sum(len(y) for x, y in rows.batches(64))
assert n == rows.count, (n, rows.count)
x, y = next(iter(rows))
assert x.shape[1] == 12 and set(y) <= {0.0, 1.0}
a = [y.tolist() for _, y in Rows(".", "train", shuffle=1)]
b = [y.tolist() for _, y in Rows(".", "train", shuffle=1)]
assert a == b
print("streamed")`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "streamed") {
		t.Errorf("%v\n%s", err, out)
	}
}

// pythonWithArrow is an interpreter that can read Parquet, or "".
func pythonWithArrow() string {
	found, _ := filepath.Glob("/var/cache/rempart/python-*/bin/python3")
	for _, p := range append(found, "/usr/bin/python3") {
		if exec.Command(p, "-c", "import pyarrow, numpy").Run() == nil {
			return p
		}
	}
	return ""
}
