package main

import (
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
)

// TestGrant reads what a project was given with the escrow's key, and wants
// what was granted and no more.
func TestGrant(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, published)
	for _, name := range []string{"winter", "summer"} {
		must(t, home, "project", "request", "--as", "alice", write(t, name+".yaml", request(name, map[string]string{
			"persons": "SELECT person_id FROM person WHERE gender_concept_id = 8532",
			"tables":  "{person: [person_id, gender_concept_id, year_of_birth, person_source_value, provider_id], condition_occurrence: [condition_occurrence_id, person_id, condition_start_date, visit_occurrence_id], observation_period: all, cost: [cost_id, cost_event_id]}",
			"period":  "{from: 2022-01-01, to: 2023-12-31}",
		})))
		must(t, home, "project", "approve", name, "--reason", "lawful")
		must(t, home, "project", "extract", name)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	space(t, db, home, "winter")
	space(t, db, home, "summer")
	number := func(query string) (n int64) {
		t.Helper()
		if err := db.Value(t.Context(), &n, query); err != nil {
			t.Fatal(err)
		}
		return n
	}
	zero := func(why, query string) {
		t.Helper()
		if n := number(query); n != 0 {
			t.Errorf("%s: %d rows", why, n)
		}
	}
	persons := number("SELECT count(*) FROM winter_person")
	if persons < 50 || number("SELECT count(*) FROM winter_condition_occurrence") < 20 {
		t.Fatalf("only %d persons: the test shows nothing", persons)
	}
	var columns string
	const named = "SELECT string_agg(column_name, ' ' ORDER BY column_index) FROM duckdb_columns() WHERE table_name = 'winter_condition_occurrence'"
	if err := db.Value(t.Context(), &columns, named); err != nil {
		t.Fatal(err)
	}
	if columns != "condition_occurrence_id person_id condition_start_date visit_occurrence_id" {
		t.Errorf("granted four columns, given %s", columns)
	}
	zero("men, who were not granted", "SELECT count(*) FROM winter_person WHERE gender_concept_id IS DISTINCT FROM 8532")
	zero("conditions of persons who were not granted", "SELECT count(*) FROM winter_condition_occurrence ANTI JOIN winter_person USING (person_id)")
	zero("conditions out of the period", "SELECT count(*) FROM winter_condition_occurrence WHERE condition_start_date NOT BETWEEN DATE '2022-01-01' AND DATE '2023-12-31'")
	zero("periods that reach out of the period", "SELECT count(*) FROM winter_observation_period WHERE observation_period_start_date < DATE '2022-01-01' OR observation_period_end_date > DATE '2023-12-31'")
	zero("sources' own names of persons", "SELECT count(person_source_value) FROM winter_person")

	// Two projects of the same persons cannot be joined: their numbers are
	// others, and so is the order of their rows. By chance one in a hundred
	// women has the same number in both.
	if same := number("SELECT count(*) FROM winter_person JOIN summer_person USING (person_id, year_of_birth)"); same > persons/4 {
		t.Errorf("%d of %d persons have the same number in both projects", same, persons)
	}
	if same := number("SELECT count(*) FROM (SELECT row_number() OVER () AS row, * FROM winter_person) JOIN (SELECT row_number() OVER () AS row, * FROM summer_person) USING (row, year_of_birth)"); same > persons/4 {
		t.Errorf("%d of %d persons stand in the same row of both projects", same, persons)
	}
	conditions := number("SELECT count(*) FROM winter_condition_occurrence")
	if same := number("SELECT count(*) FROM winter_condition_occurrence JOIN summer_condition_occurrence USING (condition_occurrence_id, condition_start_date)"); same > conditions/4 {
		t.Errorf("%d of %d conditions have the same number in both projects", same, conditions)
	}
	sound(t, home)
}

// TestSomebodyElsesKey gives each party another's signing key, and lets it do
// what it might with its own: nothing works, and nothing is left of it.
func TestSomebodyElsesKey(t *testing.T) {
	t.Parallel()
	studies(t)
	for _, c := range []struct {
		party, key string
		at         stage
		args       []string
	}{
		{"parties/chu-lyon", "parties/cnam", peopled, stepsOfTheWay(t)[0].args},
		{"parties/linkers", "parties/cnam", deposited, []string{"linkage", "run"}},
		{"controller", "parties/linkers", linked, []string{"release", "publish"}},
		{"controller", "parties/linkers", linked, []string{"party", "add", "eve", "--role", "researcher"}},
		{"parties/alice", "parties/carol", published, []string{"project", "request", "--as", "alice", write(t, "flu.yaml", request("flu", nil))}},
		{"controller", "parties/alice", approved, []string{"project", "extract", "flu"}},
		{"parties/dora", "parties/alice", approved, []string{"project", "close", "flu", "--as", "dora", "--reason", "over"}},
		{"parties/alice", "parties/carol", extracted, []string{"run", "--project", "flu", write(t, "sexes.sql", study)}},
		{"parties/bob", "parties/alice", ran, []string{"airlock", "release", "", "--reason", "mine"}},
	} {
		t.Run(strings.Join(c.args[:2], " ")+" by "+c.party, func(t *testing.T) {
			t.Parallel()
			home := homeAt(t, c.at)
			for i, arg := range c.args {
				if arg == "" {
					c.args[i] = outputOf(t, home)
				}
			}
			file := home + "/" + c.party + "/signing.key"
			own := read(t, file)
			overwrite(t, file, read(t, home+"/"+c.key+"/signing.key"))
			refused(t, exitRefused, "refused: ", home, c.args...)
			overwrite(t, file, own)
			sound(t, home)
		})
	}
}
