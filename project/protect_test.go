package project

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop"
)

func TestShiftIsDrawnEvenlyAndNeverZero(t *testing.T) {
	const most, persons = 30, 60_000
	drawn := map[int64]int{}
	for id := range int64(persons) {
		drawn[shiftOf([]byte("secret"), id, most)]++
	}
	if len(drawn) != 2*most || drawn[0] != 0 {
		t.Fatalf("%d different shifts, %d times none", len(drawn), drawn[0])
	}
	for shift, n := range drawn { // 1000 expected, standard deviation 31
		if shift < -most || shift > most || n < 800 || n > 1200 {
			t.Errorf("a shift of %d days: %d times", shift, n)
		}
	}
}

func TestShiftIsKeyed(t *testing.T) {
	same := 0
	for id := range int64(1000) {
		a, b := shiftOf([]byte("winter"), id, 100), shiftOf([]byte("summer"), id, 100)
		if a != shiftOf([]byte("winter"), id, 100) {
			t.Fatal("drawn twice, drawn differently")
		}
		if a == b {
			same++
		}
	}
	if same > 30 { // 5 expected
		t.Errorf("%d of 1000 persons are moved alike in two projects", same)
	}
}

// dated names the columns with dates of persons in what a project was given.
func dated(db *engine.DB, t *testing.T) (columns [][2]string) {
	for _, name := range texts(t, db, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'winter' ORDER BY ALL") {
		if !slices.Contains(fieldNames(name), "person_id") {
			continue
		}
		for _, f := range omop.Fields(name) {
			if (f.Type == "DATE" || f.Type == "TIMESTAMP") && !strings.Contains(f.Name, "period_") {
				columns = append(columns, [2]string{name, f.Name})
			}
		}
	}
	return columns
}

// TestAllDatesOfAPersonMoveAlike compares what was given with the release, for
// several populations: so the time between any two events holds.
func TestAllDatesOfAPersonMoveAlike(t *testing.T) {
	for range 3 {
		seed, most := strconv.Itoa(rand.Int()), 7+rand.IntN(200)
		t.Run(fmt.Sprintf("seed %s, %d days", seed, most), func(t *testing.T) {
			from, g := filled(t, seed, "winter", fmt.Sprintf("dates: {shift: %d}", most))
			db := newEngine(t)
			given(t, from, g, db, "winter")
			emptyRelease(t, db)
			exec(t, db, strings.ReplaceAll(population, "SEED", seed))
			var moves []string
			for _, c := range dated(db, t) {
				key, truth := c[0]+"_id", c[0]
				if c[0] == "death" {
					key, truth = "person_id", "person"
				}
				moves = append(moves, fmt.Sprintf(`SELECT r.person_id, date_diff('second', r.%[2]s::TIMESTAMP, w.%[2]s::TIMESTAMP) AS moved
FROM winter.%[1]s AS w JOIN winter_truth.%[4]s AS n ON n.new = w.%[3]s JOIN release.%[1]s AS r ON r.%[3]s = n.id WHERE r.%[2]s IS NOT NULL`, c[0], c[1], key, truth))
			}
			exec(t, db, "CREATE TABLE moves AS "+strings.Join(moves, " UNION ALL "))
			if n := number(t, db, "SELECT count(*) FROM moves"); n < 2000 {
				t.Fatalf("only %.0f dates: the test shows nothing", n)
			}
			for why, query := range map[string]string{
				"persons whose dates move differently": "SELECT count(*) FROM (FROM moves SELECT person_id GROUP BY ALL HAVING count(DISTINCT coalesce(moved, 0)) > 1)",
				"dates that do not move":               "SELECT count(*) FROM moves WHERE moved = 0 OR moved IS NULL",
				"dates that move too far":              fmt.Sprintf("SELECT count(*) FROM moves WHERE abs(moved) > 86400 * %d", most),
				"dates that move by parts of days":     "SELECT count(*) FROM moves WHERE moved % 86400 != 0",
			} {
				if n := number(t, db, query); n > 0 {
					t.Errorf("%s: %.0f", why, n)
				}
			}
			possible(t, db, most)
		})
	}
}

// possible wants no event before a birth, and nothing out of the window that
// every shift leaves full.
func possible(t *testing.T, db *engine.DB, most int) {
	first, last := fmt.Sprintf("DATE '2019-01-01' + %d", most), fmt.Sprintf("DATE '2024-12-31' - %d", most)
	for _, granted := range []string{"visit_occurrence", "condition_occurrence", "measurement", "death"} {
		start := begins(granted)
		if n := number(t, db, fmt.Sprintf("SELECT count(*) FROM winter.%s WHERE %s NOT BETWEEN %s AND %s", granted, start, first, last)); n > 0 {
			t.Errorf("%s: %.0f events out of the window", granted, n)
		}
		if n := number(t, db, fmt.Sprintf(`SELECT count(*) FROM winter.%s JOIN winter.person USING (person_id)
WHERE %s < make_date(year_of_birth, coalesce(month_of_birth, 1), coalesce(day_of_birth, 1))`, granted, start)); n > 0 {
			t.Errorf("%s: %.0f events before birth", granted, n)
		}
	}
	if n := number(t, db, "SELECT count(*) FROM winter.person WHERE birth_datetime::DATE != make_date(year_of_birth, month_of_birth, day_of_birth)"); n > 0 {
		t.Errorf("%.0f persons have two birthdays", n)
	}
	// Persons 1 and 2 are seen each day: their first and last events must not tell how they were moved.
	if n := number(t, db, fmt.Sprintf(`SELECT count(*) FROM (
SELECT min(condition_start_date) AS a, max(condition_start_date) AS b, count(DISTINCT condition_start_date) AS days
FROM winter.condition_occurrence JOIN winter_truth.person AS p ON p.new = person_id AND p.id <= 2 GROUP BY person_id
HAVING a = %[1]s AND b = %[2]s AND days = (%[2]s) - (%[1]s) + 1)`, first, last)); n != 2 {
		t.Errorf("the edges of the period tell the shift of %.0f of 2 persons", 2-n)
	}
	// All periods of observation end after the last day granted.
	if n := number(t, db, "SELECT count(*) FROM winter.observation_period WHERE observation_period_end_date != "+last); n > 0 {
		t.Errorf("%.0f ends of observation tell something", n)
	}
}

// TestExtractedAgainIsTheSame fills the same grant twice.
func TestExtractedAgainIsTheSame(t *testing.T) {
	db := newEngine(t)
	const rules = "dates: {shift: 30}\nage: {band: 5, top: 90}\ngeography: {keep: county}"
	for schema, project := range map[string]string{"a": "winter", "b": "winter", "c": "summer"} {
		from, g := filled(t, "1", project, rules)
		given(t, from, g, db, schema)
	}
	for _, name := range []string{"person", "condition_occurrence", "death", "cost", "location"} {
		if n := number(t, db, fmt.Sprintf("SELECT count(*) FROM (FROM a.%[1]s EXCEPT FROM b.%[1]s)", name)); n > 0 {
			t.Errorf("%s: %.0f rows are others the second time", name, n)
		}
	}
	if n := number(t, db, "SELECT count(*) FROM (SELECT condition_start_datetime FROM a.condition_occurrence INTERSECT SELECT condition_start_datetime FROM c.condition_occurrence WHERE hour(condition_start_datetime) != 9)"); n > 60 {
		t.Errorf("%.0f conditions stand at the same time in another project", n)
	}
}

// A tiny population, by hand: who is born when, and where.
func TestAgeAndPlaces(t *testing.T) {
	db := newEngine(t)
	emptyRelease(t, db)
	exec(t, db,
		`INSERT INTO release.person BY NAME SELECT * FROM (VALUES
(1, 1920, 5, 6, 1), (2, 1934, 1, 1, 2), (3, 1936, 1, 1, 3), (4, 2001, 12, 31, 4), (5, 2004, NULL, NULL, NULL))
AS p (person_id, year_of_birth, month_of_birth, day_of_birth, location_id)`,
		`INSERT INTO release.location BY NAME SELECT * FROM (VALUES
(1, 'Ambérieu', '01500', '01', '84'), (2, 'Bourg', '01000', '01', '84'), (3, 'Lyon', '69001', '69', '84'), (4, 'Lille', '59000', '59', '32'))
AS l (location_id, city, zip, county, state)`,
		`INSERT INTO release.care_site BY NAME SELECT 7 AS care_site_id, 'CHU de Lyon' AS care_site_name, 3 AS location_id`)
	g := fill(t, db, "tiny", "project: tiny"+everything+"age: {band: 5, top: 90}\ngeography: {keep: state, zip: 2}")
	shown := func(query string) string { return strings.Join(texts(t, db, query), " ") }
	person, location := "("+export(g.spec, table{"person", fieldNames("person")})+")", "("+export(g.spec, table{"location", fieldNames("location")})+")"
	for _, c := range []struct{ query, want string }{
		{"SELECT year_of_birth::VARCHAR FROM " + person + " ORDER BY year_of_birth", "1930 1930 1935 2000 2000"},
		{"SELECT count(month_of_birth) + count(day_of_birth) + count(birth_datetime) || '' FROM " + person, "0"},
		{"SELECT zip || '/' || state FROM " + location + " ORDER BY ALL", "01/84 59/32 69/84"},
		{"SELECT count(city) + count(county) + count(latitude) || '' FROM " + location, "0"},
		// the two communes of the Ain are one place now, in the persons too
		{"SELECT count(DISTINCT location_id) || '' FROM " + person, "3"},
		{"SELECT zip || ':' || count(*) FROM " + person + " JOIN " + location + " USING (location_id) GROUP BY zip ORDER BY zip", "01:2 59:1 69:1"},
	} {
		if got := shown(c.query); got != c.want {
			t.Errorf("%s\n%s, want %s", c.query, got, c.want)
		}
	}
	// places are one, too, where a project sees which persons share one and not the places
	db2 := newEngine(t)
	emptyRelease(t, db2)
	exec(t, db2, "INSERT INTO release.person BY NAME SELECT i AS person_id, 1980 AS year_of_birth, i AS location_id FROM range(1, 5) AS r(i)",
		"INSERT INTO release.location BY NAME SELECT i AS location_id, '69' AS county FROM range(1, 5) AS r(i)")
	request := strings.Replace("project: tiny"+everything+"geography: {keep: county}", "{person: all, ", "{person: [person_id, location_id], ", 1)
	g = fill(t, db2, "tiny", strings.Replace(request, "location: all, ", "", 1))
	if got := number(t, db2, "SELECT count(DISTINCT location_id) FROM ("+export(g.spec, table{"person", []string{"location_id"}})+")"); got != 1 {
		t.Errorf("%.0f places can be told apart, want 1", got)
	}
}
