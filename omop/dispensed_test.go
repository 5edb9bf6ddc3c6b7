package omop_test

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// drugFeeds are a hospital that prescribes and gives drugs and a fund that hears of those
// that were dispensed. Doliprane holds paracetamol, co-doliprane codeine besides, a patch
// what nobody says; X and Y have no concept.
func drugFeeds() fs.FS {
	vocabulary := map[string]string{
		"CONCEPT.csv": string(nothing["CONCEPT.csv"].Data) + `101,Paracetamol,Drug,RxNorm,Ingredient,S,paracetamol,1970-01-01,2099-12-31,
102,Codeine,Drug,RxNorm,Ingredient,S,codeine,1970-01-01,2099-12-31,
201,Doliprane,Drug,RxNorm,Clinical Drug,S,doliprane,1970-01-01,2099-12-31,
202,Co-doliprane,Drug,RxNorm,Clinical Drug,S,codoliprane,1970-01-01,2099-12-31,
203,Patch,Drug,RxNorm,Clinical Drug,S,patch,1970-01-01,2099-12-31,
`,
		"CONCEPT_RELATIONSHIP.csv": string(nothing["CONCEPT_RELATIONSHIP.csv"].Data),
		"CONCEPT_ANCESTOR.csv":     "ancestor_concept_id,descendant_concept_id,min_levels_of_separation,max_levels_of_separation\n101,201,1,1\n101,202,1,1\n102,202,1,1\n",
	}
	all := map[string]fstest.MapFS{}
	for name, kind := range map[string]string{"ward": "hospital", "fund": "insurer"} {
		feed := fstest.MapFS{
			"datapackage.json": {Data: []byte(`{"name": "` + name + `", "title": "Drugs", "version": "1", "rempart": {"kind": "` + kind + `", "vocabularies": ["RxNorm"]}, "resources": [
				{"name": "drugs", "path": "drugs.csv", "schema": {"fields": [{"name": "id", "type": "string", "rempart": {"role": "person"}}, {"name": "label", "type": "string"},
				{"name": "kind", "type": "integer"}, {"name": "drug", "type": "string"}, {"name": "day", "type": "date"}, {"name": "of", "type": "string"}]}}]}`)},
			"map/person.sql": {Data: []byte("SELECT DISTINCT ON (person_id) person_id, 8507 AS gender_concept_id, 1980 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id, 'drugs' AS source_table, line AS source_line FROM drugs ORDER BY line")},
			"map/event.sql":  {Data: []byte("SELECT person_id, 'Drug' AS domain_id, 'RxNorm' AS vocabulary_id, drug AS concept_code, label AS source_value, label AS key, of AS prescription_key, kind AS type_concept_id, day AS start_date, 'drugs' AS source_table, line AS source_line FROM drugs")},
		}
		for file, text := range vocabulary {
			feed["vocabulary/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
		all[name] = feed
	}
	return feedsOf(all)
}

// drugsOf writes the files of both from lines "label person kind drug day [of]": p is
// prescribed, g given in the hospital, h handed out by its pharmacy, d dispensed in town.
func drugsOf(t *testing.T, lines string) []omoptest.Folder {
	t.Helper()
	files := map[string]string{"ward": "id,label,kind,drug,day,of\n", "fund": "id,label,kind,drug,day,of\n"}
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		f := append(strings.Fields(line), "")
		types := map[string]struct {
			feed string
			kind int
		}{"p": {"ward", 32838}, "g": {"ward", 32818}, "h": {"ward", 32825}, "d": {"fund", 32869}}
		of := types[f[2]]
		files[of.feed] += fmt.Sprintf("%s,%s,%d,%s,2024-%s,%s\n", f[1], f[0], of.kind, f[3], f[4], f[5])
	}
	return []omoptest.Folder{
		deliver(t, "chu", "ward", map[string]string{"drugs": files["ward"]}),
		deliver(t, "cnam", "fund", map[string]string{"drugs": files["fund"]}),
	}
}

func TestPrescriptionsMeetDispensations(t *testing.T) {
	type linked struct{ about, told, want string }
	var cases []linked
	var told []string
	for _, c := range []linked{
		{"on the same day", "a 1 p doliprane 01-01\nb 1 d doliprane 01-01", "a>b"},
		{"90 days later", "a 1 p doliprane 01-01\nb 1 d doliprane 03-31", "a>b"},
		{"91 days later", "a 1 p doliprane 01-01\nb 1 d doliprane 04-01", ""},
		{"before", "a 1 p doliprane 01-02\nb 1 d doliprane 01-01", ""},
		{"another person", "a 1 p doliprane 01-01\nb 2 d doliprane 01-01", ""},
		{"the ingredient and a drug of it", "a 1 p paracetamol 01-01\nb 1 d doliprane 01-01", "a>b"},
		{"another ingredient besides", "a 1 p doliprane 01-01\nb 1 d codoliprane 01-01", ""},
		{"a concept whose ingredients nobody knows", "a 1 p patch 01-01\nb 1 d patch 01-02\nc 1 d doliprane 01-02", "a>b"},
		{"a code without a concept", "a 1 p X 01-01\nb 1 d Y 01-01\nc 1 d X 01-02", "a>c"},
		{"what was given in the hospital is no prescription", "a 1 g doliprane 01-01\nb 1 d doliprane 01-02", ""},
		{"by the hospital's own pharmacy", "a 1 p doliprane 01-01\nb 1 h doliprane 01-02", "a>b"},
		{"one to one", "a 1 p doliprane 01-01\nb 1 d doliprane 01-02\nc 1 d doliprane 02-02", "a>b"},
		{"the nearest first", "a 1 p doliprane 01-01\nb 1 p doliprane 01-05\nc 1 d doliprane 01-06\nd 1 d doliprane 01-20", "a>d b>c"},
		{"the nearest first, the far one too far", "a 1 p doliprane 01-01\nb 1 p doliprane 04-05\nc 1 d doliprane 04-06\nd 1 d doliprane 04-07", "b>c"},
		{"after what nobody prescribed", "a 1 d doliprane 01-01\nb 1 p doliprane 01-05\nc 1 d doliprane 01-06\nd 1 d doliprane 01-07\ne 1 p doliprane 02-01\nf 1 d doliprane 02-03", "b>c e>f"},
		{"two on one day", "a 1 p doliprane 01-01\nb 1 p doliprane 01-01\nc 1 d doliprane 01-01\nd 1 d doliprane 01-01", "a>d b>c"},
		{"by name, each renewal, however late and whatever was handed out", "a 1 p doliprane 01-01\nb 1 h doliprane 01-03 a\nc 1 h codoliprane 06-03 a\nd 1 d doliprane 01-04", "a>b a>c"},
		{"a name that nobody has", "a 1 p doliprane 01-01\nb 1 h doliprane 01-03 z", "a>b"},
		{"a name that another person's prescription has", "a 1 p doliprane 01-01\nb 2 h doliprane 01-03 a", ""},
	} {
		cases = append(cases, c)
		for line := range strings.SplitSeq(c.told, "\n") { // persons and labels of its own
			f := append(strings.Fields(line), "")
			for _, at := range []int{0, 1, 5} {
				if f[at] != "" {
					f[at] = fmt.Sprintf("%s.%d", f[at], len(cases))
				}
			}
			told = append(told, strings.Join(f, " "))
		}
	}
	defer omop.TakeAtOnce(omop.TakeAtOnce(7))
	db, _ := omoptest.Build(t, drugFeeds(), drugsOf(t, strings.Join(told, "\n"))...)
	links := func(concept int, pair string, number int) string {
		return strings.ReplaceAll(strings.Join(rowsOf(t, db, pair, `FROM cdm.fact_relationship f
			JOIN cdm.drug_exposure x ON x.drug_exposure_id = f.fact_id_1 JOIN cdm.drug_exposure y ON y.drug_exposure_id = f.fact_id_2
			WHERE f.domain_concept_id_1 = 1147339 AND f.domain_concept_id_2 = 1147339 AND f.relationship_concept_id = ? AND x.drug_source_value LIKE ? ORDER BY ALL`,
			concept, fmt.Sprintf("%%.%d", number)), " "), fmt.Sprintf(".%d", number), "")
	}
	for i, c := range cases {
		t.Run(c.about, func(t *testing.T) {
			if got := links(45905793, "x.drug_source_value || '>' || y.drug_source_value", i+1); got != c.want {
				t.Errorf("followed by: got %q, want %q", got, c.want)
			}
			if got := links(45905792, "y.drug_source_value || '>' || x.drug_source_value", i+1); got != c.want {
				t.Errorf("follows: got %q, want %q", got, c.want)
			}
		})
	}
	if got := count(t, db, "FROM cdm.drug_exposure"); int(got) != len(told) {
		t.Errorf("%d exposures are there of %d: each side's row stays", got, len(told))
	}
}

// Both sides are counted, in one part or in several; a link is explained by its exposures.
func TestLinkedDrugsAreCounted(t *testing.T) {
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, drugFeeds(), drugsOf(t, "a 1 p doliprane 01-01\nb 1 d doliprane 01-02\nc 2 p X 01-01\nd 2 d X 01-02\ne 3 p patch 01-01\nf 3 h patch 01-02\ng 3 d patch 01-02\nh 4 d patch 01-02")...)
	report, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := omop.MergeReport{Table: "drug_exposure", Rule: "a prescription and its dispensation, linked", Things: 3, Sides: map[string]int64{"chu": 4, "cnam": 2}}
	if at := slices.IndexFunc(report.Merged, func(m omop.MergeReport) bool { return m.Table == want.Table }); at < 0 || !reflect.DeepEqual(report.Merged[at], want) {
		t.Errorf("the report tells %+v, want %+v in it", report.Merged, want)
	}
	wantRows(t, "members", members(t, db, "fact_relationship", 1), `
		drug_exposure 1 2024-01-01
		drug_exposure 1 2024-01-02`)
	omoptest.SameInParts(t, db, in, report, 2)
	omoptest.SameOnBases(t, db, in, report, omoptest.Step{Links: "(FROM links WHERE person_id <> 1)"})
}
