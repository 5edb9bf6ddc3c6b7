package omop_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// A rule that stands once, in views that read each other in any order, and the
// rows that it leaves out under a reason in words. A reason does not count where
// something was made of the row.
func TestViewsAndReasons(t *testing.T) {
	feed := tinyFeed("hospital")
	feed["map/view.a_sure.sql"] = &fstest.MapFile{Data: []byte(`SELECT * FROM judged WHERE doubt IS NULL`)}
	feed["map/view.judged.sql"] = &fstest.MapFile{Data: []byte(`SELECT *, CASE WHEN sure <> 'yes' THEN 'hearsay' END AS doubt FROM diagnoses`)}
	feed["map/event.sql"].Data = []byte(strings.Replace(string(feed["map/event.sql"].Data), "FROM diagnoses WHERE sure = 'yes'", "FROM a_sure", 1))
	feed["map/unmapped.diagnoses.sql"] = &fstest.MapFile{Data: []byte(`
		SELECT 'diagnoses' AS source_table, line AS source_line, doubt AS reason FROM judged WHERE doubt IS NOT NULL
		UNION ALL
		SELECT 'diagnoses', line, 'mapped all the same' FROM a_sure`)}
	_, report := omoptest.Build(t, feedsOf(map[string]fstest.MapFS{"ward": feed}), deliver(t, "chu", "ward", tinyHospital))
	if got, want := left(report.Deposits[0].Resources, "diagnoses"), (map[string]int64{"hearsay": 1}); !maps.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if report.Rows("condition_occurrence") != 3 || !report.Accounted() {
		t.Errorf("%d conditions, accounted for: %v", report.Rows("condition_occurrence"), report.Accounted())
	}
}

func TestABadViewOrReasonIsNamed(t *testing.T) {
	for _, c := range []struct{ name, file, sql, want string }{
		{"a view without a name", "view.sql", "SELECT 1", "ward/map/view.sql: a view has no name"},
		{"a view of nothing", "view.x.sql", "SELECT * FROM nowhere", "ward/map/view.x.sql: "},
		{"a view of itself", "view.x.sql", "SELECT * FROM x", "ward/map/view.x.sql: "},
		{"no reason", "unmapped.sql", "SELECT 'persons' AS source_table, line AS source_line FROM persons", "column reason is missing"},
		{"no origin", "unmapped.sql", "SELECT 'persons' AS source_table, NULL AS source_line, 'x' AS reason FROM persons", "2 rows have no origin"},
		{"a table's column", "unmapped.sql", "SELECT 'persons' AS source_table, line AS source_line, 'x' AS reason, 1 AS person_id FROM persons", `cannot give column "person_id"`},
		{"an invented line", "unmapped.sql", "SELECT 'persons' AS source_table, line + 100 AS source_line, 'x' AS reason FROM persons", "lines that were not delivered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			feed := tinyFeed("hospital")
			feed["map/"+c.file] = &fstest.MapFile{Data: []byte(c.sql)}
			all := feedsOf(map[string]fstest.MapFS{"ward": feed})
			db := omoptest.Open(t)
			_, err := omop.Build(t.Context(), db, omoptest.Load(t, db, all, deliver(t, "chu", "ward", tinyHospital)), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
