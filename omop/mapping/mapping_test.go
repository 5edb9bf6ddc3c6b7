package mapping_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/mapping"
)

// TestDocumentsAreTrue holds docs/mappings against the mapping of each feed.
func TestDocumentsAreTrue(t *testing.T) {
	db := open(t)
	for _, name := range feeds.Names() {
		folder, err := fs.Sub(feeds.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := mapping.Read(t.Context(), db, folder)
		if err != nil {
			t.Error(err)
			continue
		}
		golden.Text(t, filepath.Join("..", "..", "docs", "mappings", name+".md"), d.Markdown())
	}
}

func open(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

const descriptor = `{"name": "f", "version": "1", "rempart": {"kind": "hospital"}, "resources": [{"name": "patients", "path": "patients.csv", "schema": {"fields": [
	{"name": "ID", "type": "string", "rempart": {"role": "person"}},
	{"name": "SEX", "type": "string", "rempart": {"role": "health"}},
	{"name": "DIED", "type": "date", "rempart": {"role": "health"}},
	{"name": "REPORTED", "type": "date", "rempart": {"role": "health"}}]}}]}`

const header = "-- death: deaths.\n-- Source: patients.\n-- Rule: a rule.\n-- Reference: a reference.\n"

func TestColumnsAreFollowedToTheirFields(t *testing.T) {
	for _, c := range []struct{ about, sql, column, fields, rule string }{
		{"a field", "SELECT died AS x FROM patients", "x", "patients.DIED", "`DIED`"},
		{"a constant that is a concept", "SELECT 32810 AS x_concept_id FROM patients", "x_concept_id", "", "32810 (Claim)"},
		{"the first that is there", "SELECT coalesce(died, reported) AS x FROM patients", "x", "patients.DIED patients.REPORTED", "`DIED`, else `REPORTED`"},
		{"a choice by values", "SELECT CASE sex WHEN 'M' THEN 8507 WHEN 'F' THEN 8532 ELSE 0 END AS gender_concept_id FROM patients", "gender_concept_id", "patients.SEX", "by `SEX`: `M` → 8507 (MALE), `F` → 8532 (FEMALE), else 0 (No matching concept)"},
		{"through WITH", "WITH d AS (SELECT coalesce(died, reported) AS day FROM patients) SELECT day AS x FROM d", "x", "patients.DIED patients.REPORTED", "`DIED`, else `REPORTED`"},
		{"through a subquery and *", "SELECT p.x FROM (SELECT *, year(died) AS x FROM patients) p", "x", "patients.DIED", "the year of `DIED`"},
		{"both sides of a union", "SELECT u.x FROM (SELECT died AS x FROM patients UNION ALL SELECT reported FROM patients) u", "x", "patients.DIED patients.REPORTED", "`DIED` or `REPORTED`"},
		{"a window", "SELECT row_number() OVER (PARTITION BY sex ORDER BY died) AS x FROM patients", "x", "patients.DIED patients.SEX", "the place among rows of the same `SEX` in the order of `DIED`"},
	} {
		t.Run(c.about, func(t *testing.T) {
			d, err := mapping.Read(t.Context(), open(t), feed(header+c.sql))
			if err != nil {
				t.Fatal(err)
			}
			for _, column := range d.Files[0].Columns {
				if column.Name != c.column {
					continue
				}
				if got := strings.Join(column.Fields, " "); got != c.fields || column.Rule != c.rule {
					t.Errorf("%s comes from %q by the rule %q, want %q by %q", c.column, got, column.Rule, c.fields, c.rule)
				}
				return
			}
			t.Errorf("there is no column %s in %+v", c.column, d.Files[0].Columns)
		})
	}
}

func TestAHeaderSaysWhatTheSelectDoes(t *testing.T) {
	for _, c := range []struct{ about, sql, want string }{
		{"no header", "SELECT 1 AS x FROM patients", "the first line must be a comment"},
		{"another file's", strings.Replace(header, "death:", "person:", 1) + "SELECT 1 AS x FROM patients", "-- death: …"},
		{"no reference", strings.Replace(header, "-- Reference: a reference.\n", "", 1) + "SELECT 1 AS x FROM patients", "no line -- Reference: …"},
		{"a source that is not read", strings.Replace(header, "patients.", "patients, stays.", 1) + "SELECT 1 AS x FROM patients", "names stays, which the SELECT does not read"},
		{"a source that is not named", header + "SELECT p.sex FROM patients p JOIN concepts c ON c.concept_code = p.sex", "does not name concepts"},
		{"a concept that nobody knows", header + "SELECT CASE sex WHEN 'M' THEN 8507 ELSE 12345 END AS gender_concept_id FROM patients", "column gender_concept_id writes concept 12345, which omop/cdm/concept.csv lacks"},
		{"no SQL", header + "SELEC 1", "syntax error"},
		{"two statements", header + "SELECT 1; SELECT 2", "want one SELECT"},
	} {
		t.Run(c.about, func(t *testing.T) {
			if _, err := mapping.Read(t.Context(), open(t), feed(c.sql)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error that tells: %s", err, c.want)
			}
		})
	}
}

func feed(death string) fs.FS {
	return fstest.MapFS{"datapackage.json": {Data: []byte(descriptor)}, "map/death.sql": {Data: []byte(death)}}
}

// TestDerivedIsTrue holds docs/mappings/derived.md against the build's own SQL.
func TestDerivedIsTrue(t *testing.T) {
	d, err := derivedTables(t.Context(), open(t))
	if err != nil {
		t.Fatal(err)
	}
	golden.Text(t, filepath.Join("..", "..", "docs", "mappings", "derived.md"), d.Markdown())
}

// derivedTables tells how the build works tables out of finished ones, as a feed's mapping
// is told: there, the sources are tables of the CDM.
func derivedTables(ctx context.Context, db *engine.DB) (*mapping.Document, error) {
	descriptor, err := describe([]string{"condition_occurrence", "drug_exposure", "measurement", "specimen", "concept", "concept_ancestor", "concept_relationship", "drug_strength"})
	if err != nil {
		return nil, err
	}
	folder := fstest.MapFS{"datapackage.json": {Data: descriptor}}
	files, err := fs.Glob(omop.Derivations(), "map/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(omop.Derivations(), file)
		if err != nil {
			return nil, err
		}
		folder[file] = &fstest.MapFile{Data: text}
	}
	d, err := mapping.Read(ctx, db, folder)
	if err != nil {
		return nil, err
	}
	d.Folder, d.Version = "omop/derived", ""
	return d, nil
}

// describe writes tables of the CDM as the resources of a feed.
func describe(tables []string) ([]byte, error) {
	type object = map[string]any
	var resources []object
	for _, table := range tables {
		var fields []object
		columns := omop.Fields(table)
		for _, name := range map[string][]string{ // what the build knows of a row besides
			"drug_exposure": {"key", "prescription_key", "vocabulary_id", "concept_code"},
			"measurement":   {"specimen_key", "deposit"},
			"specimen":      {"key", "deposit"},
		}[table] {
			columns = append(columns, omop.Field{Name: name})
		}
		for _, f := range columns {
			fields = append(fields, object{"name": f.Name, "type": "string", "rempart": object{"role": "health"}})
		}
		resources = append(resources, object{"name": table, "path": table + ".csv", "title": fmt.Sprintf("The CDM's table %s", table), "schema": object{"fields": fields}})
	}
	return json.Marshal(object{
		"name": "derived", "title": "Tables that are worked out of finished ones", "version": "1.0.0",
		"rempart": object{"kind": "hospital"}, "resources": resources,
	})
}
