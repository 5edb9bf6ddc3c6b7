package project

import (
	"strings"
	"testing"
)

// Of relations between facts, a project has those whose both facts are its own: persons of
// the grant, exposures to drugs that it is given. They keep naming what they named.
func TestRelationsOfTheGrant(t *testing.T) {
	for _, c := range []struct{ about, tables, want string }{
		{"persons and drugs", "{person: all, drug_exposure: all, fact_relationship: all}", "Mother: 1980>2010, Followed by: a>b"},
		{"persons alone", "{person: all, fact_relationship: all}", "Mother: 1980>2010"},
	} {
		t.Run(c.about, func(t *testing.T) {
			db := newEngine(t)
			emptyRelease(t, db)
			exec(t, db, `
				INSERT INTO release.person BY NAME SELECT person_id, 8532 AS gender_concept_id, year_of_birth FROM (VALUES (1, 1980), (2, 2010)) p(person_id, year_of_birth);
				INSERT INTO release.drug_exposure BY NAME SELECT id AS drug_exposure_id, person AS person_id, day AS drug_exposure_start_date, day AS drug_exposure_end_date, label AS drug_source_value
					FROM (VALUES (1, 1, DATE '2020-01-01', 'a'), (2, 1, DATE '2020-01-02', 'b'), (3, 1, DATE '2030-01-01', 'late'), (4, 90000, DATE '2020-01-01', 'x'), (5, 90000, DATE '2020-01-02', 'y')) d(id, person, day, label);
				INSERT INTO release.fact_relationship VALUES
					(1147314, 1, 1147314, 2, 4248584), (1147314, 90000, 1147314, 2, 4248584),   -- one mother is not in the project
					(1147339, 1, 1147339, 2, 45905793), (1147339, 1, 1147339, 3, 45905793), (1147339, 4, 1147339, 5, 45905793), -- nor is what was later, or hers
					(1147333, 1, 1147333, 2, 45905793)                                          -- nor facts of a kind that has no place in a project`)
			request := "project: facts" + strings.ReplaceAll(everything, everything[strings.Index(everything, "tables:"):strings.Index(everything, "period: {")], "tables: "+c.tables+"\n")
			g := fill(t, db, "facts", request)
			of := func(name string) string { return "(" + export(g.spec, table{name, fieldNames(name)}) + ")" }
			query := "SELECT 'Mother: ' || x.year_of_birth || '>' || y.year_of_birth FROM " + of("fact_relationship") + " f JOIN " + of("person") + " x ON x.person_id = fact_id_1 JOIN " + of("person") + " y ON y.person_id = fact_id_2 WHERE domain_concept_id_1 = 1147314"
			if strings.Contains(c.tables, "drug_exposure") {
				query += " UNION ALL SELECT 'Followed by: ' || x.drug_source_value || '>' || y.drug_source_value FROM " + of("fact_relationship") + " f JOIN " + of("drug_exposure") + " x ON x.drug_exposure_id = fact_id_1 JOIN " + of("drug_exposure") + " y ON y.drug_exposure_id = fact_id_2 WHERE domain_concept_id_1 = 1147339"
			}
			if got := strings.Join(texts(t, db, query), ", "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if n, want := number(t, db, "SELECT count(*) FROM "+of("fact_relationship")), float64(strings.Count(c.want, ">")); n != want {
				t.Errorf("the project has %v relations, want %v", n, want)
			}
		})
	}
}
