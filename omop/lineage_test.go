package omop_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// Every row says where it came from: of each table that mappings fill, by lines that
// were delivered and a file of the right feed.
func TestEveryRowHasItsOrigin(t *testing.T) {
	db, report := synthea(t)
	if err := db.Exec(t.Context(), "CREATE TABLE origin AS "+omop.Origins()); err != nil {
		t.Fatal(err)
	}
	for _, table := range omop.Tables() {
		if slices.Contains([]string{"observation_period", "concept", "vocabulary", "concept_relationship", "concept_ancestor", "drug_strength", "domain", "concept_class", "relationship", "concept_synonym", "source_to_concept_map", "metadata", "cdm_source"}, table) {
			continue
		}
		if _, _, derived := omop.Members(table); derived {
			continue // it is made of rows that have theirs
		}
		id := omop.Fields(table)[0].Name // the primary key; of death, the person
		if table == "fact_relationship" {
			id = "fact_id_1"
		}
		if n := count(t, db, "FROM cdm."+table+" c ANTI JOIN origin o ON o.\"table\" = '"+table+"' AND o.id = c."+id); n != 0 {
			t.Errorf("%d rows of %s have no origin", n, table)
		}
		if n := count(t, db, "FROM origin o ANTI JOIN cdm."+table+" c ON o.id = c."+id+" WHERE o.\"table\" = '"+table+"'"); n != 0 {
			t.Errorf("%d origins are of no row of %s", n, table)
		}
	}
	if n := count(t, db, "FROM (SELECT id FROM origin WHERE \"table\" = 'person' GROUP BY id HAVING count(DISTINCT deposit) = 2)"); n != 27 {
		t.Errorf("%d persons come from both deposits, want 27", n)
	}
	for _, m := range report.Mappings {
		if len(m.SHA256) != 64 {
			t.Errorf("%s has digest %q", m.File, m.SHA256)
		}
	}
	// A condition's line is that of its code in the file itself.
	csv := omoptest.Open(t)
	file, err := os.Open(syntheaDir + "/csv/conditions.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	columns := []engine.Column{}
	for _, name := range []string{"START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"} {
		columns = append(columns, engine.Column{Name: name, Type: "VARCHAR"})
	}
	if err := csv.LoadCSV(t.Context(), "conditions", columns, file); err != nil {
		t.Fatal(err)
	}
	var code, line, source int64
	err = db.Each(t.Context(), `SELECT line, CAST(any_value(condition_source_value) AS BIGINT) FROM origin
		JOIN cdm.condition_occurrence c ON "table" = 'condition_occurrence' AND id = condition_occurrence_id WHERE resource = 'conditions' GROUP BY line ORDER BY line`, nil, func() error {
		if err := csv.Value(t.Context(), &source, "SELECT CAST(code AS BIGINT) FROM conditions WHERE rowid + 2 = ?", line); err != nil {
			return err
		}
		if code != source {
			t.Errorf("line %d of conditions.csv has code %d, the row made of it %d", line, source, code)
		}
		return nil
	}, &line, &code)
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	if err := db.CopyOut(t.Context(), omop.Origins(), engine.Parquet, &sealed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d origins in %d bytes", count(t, db, "FROM origin"), sealed.Len())
}
