package omop_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// tinyFeed has persons, stays, diagnoses and bills, and a vocabulary of five codes.
func tinyFeed(kind string) fstest.MapFS {
	const field = `{"name":"%n","type":"%t","rempart":{%r}}`
	fields := func(list ...string) string { // name:type:handling
		var out []string
		for _, f := range list {
			p := strings.SplitN(f, ":", 3)
			out = append(out, strings.NewReplacer("%n", p[0], "%t", p[1], "%r", p[2]).Replace(field))
		}
		return strings.Join(out, ",")
	}
	person := `id:string:"role":"person"`
	key := func(name, domain string) string { return name + `:string:"role":"key","domain":"` + domain + `"` }
	resource := func(name, more string, f ...string) string {
		return `{"name":"` + name + `","path":"` + name + `.csv","schema":{"fields":[` + fields(f...) + `]}` + more + `}`
	}
	return fstest.MapFS{
		"datapackage.json": {Data: []byte(`{"name":"tiny","title":"Tiny","version":"1.0.0","licenses":[{"name":"EUPL-1.2"}],"rempart":{"kind":"` + kind + `"},"resources":[` +
			strings.Join([]string{
				resource("persons", `,"rempart":{"purpose":"identity"}`, person, `sex:string:"role":"health"`, `born:integer:"role":"health"`, `month:integer:"role":"health"`),
				resource("stays", `,"rempart":{"optional":true}`, person, key("stay", "stays"), key("ward", "wards"), `day:date:"role":"health"`),
				resource("diagnoses", `,"rempart":{"optional":true,"unmapped":"a rumour"}`, person, key("stay", "stays"), `code:string:"role":"health"`, `day:date:"role":"health"`, `sure:string:"role":"health"`),
				resource("coverage", `,"rempart":{"optional":true}`, person, `since:date:"role":"health"`, `until:date:"role":"health"`),
				resource("deaths", `,"rempart":{"optional":true}`, person, `day:date:"role":"health"`),
				resource("bills", `,"rempart":{"optional":true}`, person, key("stay", "stays"), `amount:number:"role":"health"`),
			}, ",") + `]}`)},
		"map/person.sql": {Data: []byte(`SELECT person_id, CASE sex WHEN 'F' THEN 8532 WHEN 'M' THEN 8507 ELSE 0 END AS gender_concept_id,
			born AS year_of_birth, month AS month_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id,
			'persons' AS source_table, line AS source_line FROM persons`)},
		"map/visit_occurrence.sql": {Data: []byte(`SELECT person_id, stay AS key, 9201 AS visit_concept_id, day AS visit_start_date, day AS visit_end_date,
			32817 AS visit_type_concept_id, ward AS care_site_key, 'stays' AS source_table, line AS source_line FROM stays`)},
		"map/event.sql": {Data: []byte(`SELECT person_id, 'Condition' AS domain_id, 'ICD10' AS vocabulary_id, code AS concept_code, 32817 AS type_concept_id,
			day AS start_date, stay AS visit_key, 'diagnoses' AS source_table, line AS source_line FROM diagnoses WHERE sure = 'yes'`)},
		"map/cost.sql": {Data: []byte(`SELECT stay AS cost_event_key, 32817 AS cost_type_concept_id, amount AS total_charge, 'bills' AS source_table, line AS source_line FROM bills;`)},
		"map/payer_plan_period.sql": {Data: []byte(`SELECT person_id, since AS payer_plan_period_start_date, until AS payer_plan_period_end_date,
			'coverage' AS source_table, line AS source_line FROM coverage`)},
		"map/death.sql": {Data: []byte(`SELECT person_id, day AS death_date, 'deaths' AS source_table, line AS source_line FROM deaths`)},
		"vocabulary/CONCEPT.csv": {Data: []byte(`concept_id,concept_name,domain_id,vocabulary_id,concept_class_id,standard_concept,concept_code,valid_start_date,valid_end_date,invalid_reason
1,Flu,Condition,SNOMED,Finding,S,s1,19700101,20991231,
2,Smoker,Observation,SNOMED,Finding,S,s2,1970-01-01,2099-12-31,
11,Influenza,Condition,ICD10,Code,,J11,1970-01-01,2099-12-31,
12,Tobacco use,Condition,ICD10,Code,,Z72,1970-01-01,2099-12-31,
13,Both,Condition,ICD10,Code,,B00,1970-01-01,2099-12-31,
`)},
		"vocabulary/CONCEPT_RELATIONSHIP.csv": {Data: []byte(`concept_id_1,concept_id_2,relationship_id,valid_start_date,valid_end_date,invalid_reason
11,1,Maps to,1970-01-01,2099-12-31,
12,2,Maps to,1970-01-01,2099-12-31,
13,1,Maps to,1970-01-01,2099-12-31,
13,2,Maps to,1970-01-01,2099-12-31,
`)},
	}
}

// feedsOf puts feeds into one folder of feeds.
func feedsOf(named map[string]fstest.MapFS) fs.FS {
	all := fstest.MapFS{}
	for name, feed := range named {
		for file, content := range feed {
			all[name+"/"+file] = content
		}
	}
	return all
}

// deliver writes a provider's made-up files.
func deliver(t testing.TB, deposit, feed string, files map[string]string) omoptest.Folder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return omoptest.Folder{Deposit: deposit, Feed: feed, Dir: dir}
}

var tinyHospital = map[string]string{
	"persons":   "id,sex,born,month\na,F,1980,\nb,,1990,5\n",
	"stays":     "id,stay,ward,day\na,s1,w1,2020-01-02\nb,s2,w1,2020-02-03\n",
	"diagnoses": "id,stay,code,day,sure\na,s1,J11,2020-01-02,yes\na,s1,Z72,2020-01-02,yes\nb,s2,B00,2020-02-03,yes\nb,s2,X99,2020-02-03,yes\nb,s9,J11,2020-02-04,no\n",
	"bills":     "id,stay,amount\na,s1,10\nb,s9,20\n",
}

var tinyInsurer = map[string]string{
	"persons": "id,sex,born,month\nb,M,1991,6\nc,M,1970,1\n",
	"stays":   "id,stay,ward,day\nb,s2,w1,2020-02-05\nc,s2,w1,2020-03-01\n",
}

func TestDepositsMeet(t *testing.T) {
	all := feedsOf(map[string]fstest.MapFS{"ward": tinyFeed("hospital"), "fund": tinyFeed("insurer")})
	db, report := omoptest.Build(t, all, deliver(t, "fund", "fund", tinyInsurer), deliver(t, "chu", "ward", tinyHospital))
	for query, want := range map[string]string{
		// b: the hospital's birth date whole, the sex that only the insurer knows
		"SELECT string_agg(concat_ws(':', person_id, gender_concept_id, year_of_birth, month_of_birth), ' ' ORDER BY person_id) FROM cdm.person": "1:8532:1980 2:8507:1990:5 3:8507:1970:1",
		// stay s2 is b's in both deposits, and c's own: three visits, the hospital's date for b
		"SELECT string_agg(concat_ws(':', visit_occurrence_id, person_id, visit_start_date), ' ' ORDER BY visit_occurrence_id) FROM cdm.visit_occurrence": "1:1:2020-01-02 2:2:2020-02-03 3:3:2020-03-01",
		// a code with two standard concepts goes to two tables; an unknown one keeps its domain as concept 0
		"SELECT string_agg(concat_ws(':', person_id, condition_source_value, condition_concept_id), ' ' ORDER BY person_id, condition_source_value) FROM cdm.condition_occurrence":             "1:J11:1 2:B00:1 2:X99:0",
		"SELECT string_agg(concat_ws(':', person_id, observation_source_value, observation_concept_id, observation_source_concept_id), ' ' ORDER BY person_id) FROM cdm.observation":           "1:Z72:2:12 2:B00:2:13",
		"SELECT string_agg(concat_ws(':', cost_event_id, cost_domain_id, total_charge), ' ') FROM cdm.cost":                                                                                    "1:Visit:10.0",
		"SELECT string_agg(concat_ws(':', person_id, observation_period_start_date, observation_period_end_date, period_type_concept_id), ' ' ORDER BY person_id) FROM cdm.observation_period": "1:2020-01-02:2020-01-02:32880 2:2020-02-03:2020-02-03:32880 3:2020-03-01:2020-03-01:32880",
		"SELECT string_agg(concept_id, ' ' ORDER BY concept_id) FROM cdm.concept":                                                                                                              "0 1 2 7 8 11 12 13 19 27 58 8507 8532 9201 32817 32880 756265",
	} {
		var got string
		if err := db.Value(t.Context(), &got, query); err != nil {
			t.Error(err)
		} else if got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	}
	if report.Deposits[0].Name != "chu" || !report.Accounted() {
		t.Errorf("deposits %+v: want the hospital first and every row accounted for", report.Deposits)
	}
	chu := report.Deposits[0].Resources
	if got := left(chu, "diagnoses")["a rumour"]; got != 1 {
		t.Errorf("diagnoses left %v, want 1 for the feed's reason", left(chu, "diagnoses"))
	}
	if got := left(chu, "bills")[omop.LeftEvent]; got != 1 {
		t.Errorf("bills left %v, want 1 without its event", left(chu, "bills"))
	}
	if p := report.Persons; p != (omop.PersonReport{Persons: 3, SeveralDeposits: 1, BirthYearDiffers: 1}) {
		t.Errorf("persons %+v", p)
	}
}

// left is what a resource's rows were left for.
func left(resources []omop.ResourceReport, name string) map[string]int64 {
	for _, r := range resources {
		if r.Name == name {
			return r.Left
		}
	}
	return nil
}

// Periods of insurance that overlap or touch are one, a gap parts them, and
// death ends them; the first death that is believed counts.
func TestObservationPeriods(t *testing.T) {
	all := feedsOf(map[string]fstest.MapFS{"ward": tinyFeed("hospital"), "fund": tinyFeed("insurer")})
	db, report := omoptest.Build(t, all,
		deliver(t, "fund", "fund", map[string]string{
			"persons":  "id,sex,born,month\na,F,1980,1\nb,F,1980,1\nc,F,1980,1\n",
			"coverage": "id,since,until\na,2020-01-01,2020-12-31\na,2021-01-01,2021-06-30\na,2020-03-01,2020-04-01\na,2021-07-02,2021-12-31\nb,2020-01-01,2020-12-31\nb,2022-01-01,2022-12-31\n",
			"deaths":   "id,day\nb,2020-07-01\n",
		}),
		deliver(t, "chu", "ward", map[string]string{
			"persons": "id,sex,born,month\nb,F,1980,1\n",
			"deaths":  "id,day\nb,2020-06-15\n",
		}))
	var got string
	const query = "SELECT string_agg(concat_ws(' ', person_id, observation_period_start_date, observation_period_end_date, period_type_concept_id), ', ' ORDER BY observation_period_id) FROM cdm.observation_period"
	if err := db.Value(t.Context(), &got, query); err != nil {
		t.Fatal(err)
	}
	if want := "1 2020-01-01 2021-06-30 32813, 1 2021-07-02 2021-12-31 32813, 2 2020-01-01 2020-06-15 32813"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if report.Rows("death") != 1 || report.Persons.WithoutObservation != 1 {
		t.Errorf("%d deaths, %+v; want one death, and one person who was never observed", report.Rows("death"), report.Persons)
	}
}

func TestUnlinkedRowsAreCounted(t *testing.T) {
	all := feedsOf(map[string]fstest.MapFS{"ward": tinyFeed("hospital")})
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, all, deliver(t, "chu", "ward", tinyHospital))
	in.Links = "(FROM links WHERE person_id = 1)"
	report, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]int64{}
	for _, r := range report.Deposits[0].Resources {
		left[r.Name] = r.Left[omop.LeftUnlinked]
	}
	if want := map[string]int64{"persons": 1, "stays": 1, "diagnoses": 3, "bills": 1}; !maps.Equal(left, want) || !report.Accounted() {
		t.Errorf("unlinked %v, want %v", left, want)
	}
}

func TestABadMappingIsNamed(t *testing.T) {
	const lineage = ", 'persons' AS source_table, line AS source_line"
	const person = "SELECT person_id, 8532 AS gender_concept_id, 1980 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id"
	for _, c := range []struct{ name, file, sql, want string }{
		{"unknown column", "person.sql", person + ", 1 AS gender_consept_id" + lineage + " FROM persons", `ward/map/person.sql: a mapping to person cannot give column "gender_consept_id": did you mean "gender_concept_id"?`},
		{"own numbers", "visit_occurrence.sql", "SELECT 1 AS visit_occurrence_id" + lineage + " FROM persons", `cannot give column "visit_occurrence_id"`},
		{"unknown table", "persn.sql", "SELECT 1" + lineage + " FROM persons", `ward/map/persn.sql: there is no table "persn" to map to: did you mean "person"?`},
		{"no lineage", "person.sql", person + " FROM persons", "column source_table is missing"},
		{"no origin", "person.sql", person + ", NULL AS source_table, line AS source_line FROM persons", "2 rows have no origin"},
		{"unknown origin", "person.sql", person + ", 'person' AS source_table, line AS source_line FROM persons", `source_table "person" is no resource of feed ward: did you mean "persons"?`},
		{"invented line", "person.sql", person + ", 'persons' AS source_table, line + 100 AS source_line FROM persons", "lines that were not delivered"},
		{"no value", "person.sql", "SELECT person_id, 8532 AS gender_concept_id" + lineage + " FROM persons", "person.year_of_birth: the CDM requires a value (2 rows of the table, first from chu, persons line 2)"},
		{"long text", "person.sql", person + ", repeat('x', 51) AS gender_source_value" + lineage + " FROM persons", "person.gender_source_value: the text is longer than the CDM allows"},
		{"a stranger", "person.sql", person + lineage + " FROM persons WHERE line = 2", "observation_period: 1 persons have no row in person"},
		{"no SQL", "person.sql", "SELEC 1", "ward/map/person.sql: "},
		{"empty key", "visit_occurrence.sql", "SELECT person_id, CASE WHEN line = 3 THEN 's1' END AS key, 9201 AS visit_concept_id, DATE '2020-01-01' AS visit_start_date, DATE '2020-01-01' AS visit_end_date, 32817 AS visit_type_concept_id" + lineage + " FROM persons", "1 rows have no key"},
		{"no key", "care_site.sql", "SELECT 'x' AS care_site_name" + lineage + " FROM persons", "column key is missing"},
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

// Where the deposits of a provider are mapped together, no row has the name of the one that is mapped.
func TestDepositsTogetherHaveNoOneName(t *testing.T) {
	feed := tinyFeed(`insurer","deposits":"together`)
	feed["map/care_site.sql"] = &fstest.MapFile{Data: []byte("SELECT deposit() AS key, 'persons' AS source_table, line AS source_line FROM persons")}
	all := feedsOf(map[string]fstest.MapFS{"fund": feed})
	db := omoptest.Open(t)
	in := omop.Input{Feeds: all, Links: "(SELECT 'a' AS deposit, 1 AS person, 1 AS person_id)", Deposits: []omop.Deposit{{Name: "a", Feed: "fund"}}}
	const want = `fund/map/care_site.sql: it asks for deposit(), and the feed's deposits are mapped together`
	if _, err := omop.Build(t.Context(), db, in, nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestABadInputIsNamed(t *testing.T) {
	all := feedsOf(map[string]fstest.MapFS{"ward": tinyFeed("hospital")})
	for _, c := range []struct {
		name, want string
		spoil      func(*omop.Input)
	}{
		{"no deposit", "no deposit", func(in *omop.Input) { in.Deposits = nil }},
		{"two of a name", "two deposits are called", func(in *omop.Input) { in.Deposits = append(in.Deposits, in.Deposits[0]) }},
		{"no such feed", `there is no feed "word"`, func(in *omop.Input) { in.Deposits[0].Feed = "word" }},
		{"no such resource", `has no resource "stay": did you mean "stays"?`, func(in *omop.Input) { in.Deposits[0].Tables["stay"] = "x" }},
		{"two links", "2 matching numbers are linked to several persons", func(in *omop.Input) {
			in.Links = "(FROM links UNION ALL SELECT deposit, person, person_id + 7 FROM links)"
		}},
		{"no vocabulary", "CONCEPT.csv", func(in *omop.Input) { in.Deposits[0].Vocabulary = fstest.MapFS{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := omoptest.Open(t)
			in := omoptest.Load(t, db, all, deliver(t, "chu", "ward", tinyHospital))
			c.spoil(&in)
			if _, err := omop.Build(t.Context(), db, in, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The specification holds what its source says of a few columns.
func TestFields(t *testing.T) {
	byName := map[string]omop.Field{}
	for _, table := range omop.Tables() {
		for _, f := range omop.Fields(table) {
			byName[table+"."+f.Name] = f
		}
	}
	for name, want := range map[string]omop.Field{
		"person.person_id":                     {Name: "person_id", Required: true, Type: "BIGINT", PrimaryKey: true},
		"person.year_of_birth":                 {Name: "year_of_birth", Required: true, Type: "INTEGER"},
		"measurement.measurement_concept_id":   {Name: "measurement_concept_id", Required: true, Type: "INTEGER", References: "concept"},
		"drug_exposure.visit_occurrence_id":    {Name: "visit_occurrence_id", Type: "BIGINT", References: "visit_occurrence"},
		"drug_exposure.drug_exposure_end_date": {Name: "drug_exposure_end_date", Required: true, Type: "DATE"},
		"location.zip":                         {Name: "zip", Type: "VARCHAR", MaxLength: 9},
		"drug_exposure.sig":                    {Name: "sig", Type: "VARCHAR"},
	} {
		if byName[name] != want {
			t.Errorf("%s is %+v, want %+v", name, byName[name], want)
		}
	}
}

// What the build itself writes has its concept: each long number in its SQL is one.
func TestTheBuildsOwnConceptsAreKnown(t *testing.T) {
	files, err := filepath.Glob("sql/ready/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	known, number := omop.OwnConcepts(), regexp.MustCompile(`\b[0-9]{5,}\b`)
	for _, file := range append(files, "tell.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range number.FindAllString(string(text), -1) {
			if known[id] == "" {
				t.Errorf("%s writes concept %s, which cdm/concept.csv lacks", file, id)
			}
		}
	}
}

// A stay that the hospital and the insurer tell of under keys that do not meet is one
// where person, first and last day say so and each side tells of one alone: a's, whose
// bill and diagnosis come from the insurer. Of b the insurer tells of two that could
// be the hospital's, and of c nobody at the hospital knows: those stay apart. The
// report counts both sides.
func TestStaysMeetByPersonAndDays(t *testing.T) {
	all := feedsOf(map[string]fstest.MapFS{"ward": tinyFeed("hospital"), "fund": tinyFeed("insurer")})
	db, report := omoptest.Build(t, all,
		deliver(t, "fund", "fund", map[string]string{
			"persons":   "id,sex,born,month\na,F,1980,\nb,F,1981,\nc,F,1982,\n",
			"stays":     "id,stay,ward,day\na,bill1,w1,2020-01-02\nb,bill2,w1,2020-02-03\nb,bill3,w1,2020-02-03\nc,bill4,w1,2020-03-01\n",
			"diagnoses": "id,stay,code,day,sure\na,bill1,J11,2020-01-02,yes\n",
			"bills":     "id,stay,amount\na,bill1,10\n",
		}),
		deliver(t, "chu", "ward", map[string]string{
			"persons":   "id,sex,born,month\na,F,1980,\nb,F,1981,\n",
			"stays":     "id,stay,ward,day\na,s1,w1,2020-01-02\nb,s2,w1,2020-02-03\n",
			"diagnoses": "id,stay,code,day,sure\na,s1,J11,2020-01-02,yes\n",
		}))
	wantRows(t, "visits", rowsOf(t, db, "person_id, visit_start_date, n", "FROM (SELECT person_id, visit_start_date, count(*) AS n FROM cdm.visit_occurrence GROUP BY ALL) ORDER BY ALL"), `
		1 2020-01-02 1
		2 2020-02-03 3
		3 2020-03-01 1`)
	wantRows(t, "what belongs to a's stay", rowsOf(t, db, "person_id, (SELECT count(*) FROM cdm.condition_occurrence c WHERE c.visit_occurrence_id = v.visit_occurrence_id), (SELECT count(*) FROM cdm.cost WHERE cost_event_id = v.visit_occurrence_id)",
		"FROM cdm.visit_occurrence v WHERE person_id = 1"), `
		1 2 1`)
	if !report.Accounted() {
		t.Error("some rows are not accounted for")
	}
	for _, want := range []omop.MergeReport{
		{Table: "visit_occurrence", Rule: "one row", Things: 1, Sides: map[string]int64{"chu": 1, "fund": 1}, ByRule: 1},
		{Table: "person", Rule: "one row", Things: 2, Sides: map[string]int64{"chu": 2, "fund": 2}},
		{Table: "condition_occurrence", Rule: "each side's row stays", Things: 1, Sides: map[string]int64{"chu": 1, "fund": 1}},
	} {
		if at := slices.IndexFunc(report.Merged, func(m omop.MergeReport) bool { return m.Table == want.Table }); at < 0 || !reflect.DeepEqual(report.Merged[at], want) {
			t.Errorf("the report tells %+v, want %+v in it", report.Merged, want)
		}
	}
}

// A relation that two deposits tell of is one row; that of two facts in other domains,
// under the same numbers, is another.
func TestARelationIsToldOnce(t *testing.T) {
	feed := tinyFeed("hospital")
	feed["map/fact_relationship.sql"] = &fstest.MapFile{Data: []byte(`SELECT unnest([1147314, 1147301]) AS domain_concept_id_1, person_id AS fact_id_1, domain_concept_id_1 AS domain_concept_id_2, person_id AS fact_id_2,
		4248584 AS relationship_concept_id, 'persons' AS source_table, line AS source_line FROM persons`)}
	all := feedsOf(map[string]fstest.MapFS{"ward": feed})
	db, report := omoptest.Build(t, all, deliver(t, "one", "ward", map[string]string{"persons": "id,sex,born,month\na,F,1980,\n"}), deliver(t, "two", "ward", map[string]string{"persons": "id,sex,born,month\na,F,1980,\nb,F,1980,\n"}))
	wantRows(t, "relations", rowsOf(t, db, "domain_concept_id_1, fact_id_1, domain_concept_id_2, fact_id_2, relationship_concept_id", "FROM cdm.fact_relationship ORDER BY ALL"), `
		1147301 1 1147301 1 4248584
		1147301 2 1147301 2 4248584
		1147314 1 1147314 1 4248584
		1147314 2 1147314 2 4248584`)
	want := omop.MergeReport{Table: "fact_relationship", Rule: "one row", Things: 2, Sides: map[string]int64{"one": 2, "two": 2}}
	if at := slices.IndexFunc(report.Merged, func(m omop.MergeReport) bool { return m.Table == want.Table }); at < 0 || !reflect.DeepEqual(report.Merged[at], want) {
		t.Errorf("the report tells %+v, want %+v in it", report.Merged, want)
	}
}
