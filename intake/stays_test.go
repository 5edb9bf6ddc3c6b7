package intake_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
)

// plainKeys are pseudonyms that show what they stand for.
type plainKeys struct{}

func (plainKeys) Person(local string) int64       { return int64(len(local)) }
func (plainKeys) Key(domain, value string) string { return domain + "/" + value }

// What the hospital's files tell of stays: of persons, of stays, and main diagnoses
// alone.
func TestWhatRowsTellOfStays(t *testing.T) {
	folder, err := fs.Sub(feeds.FS(), "hospital")
	if err != nil {
		t.Fatal(err)
	}
	feed, err := intake.LoadFeed(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"patients.csv":     "patient_id,nir,birth_name,last_name,first_name,birth_date,sex,postcode,city,department,phone,death_date\np1,,,MARTIN,Luc,1985-05-17,M,69003,Lyon,69,,\n",
		"stays.csv":        "stay_id,patient_id,finess,hospital,ward,practitioner_id,specialty,kind,entry,exit,exit_mode\ns1,p1,690000001,H,W,,,inpatient,2023-03-04T10:00:00,2023-03-09T12:00:00,home\n",
		"diagnoses.csv":    "stay_id,patient_id,code,rank,date\ns1,p1,E11.9,associated,2023-03-04\ns1,p1,S72.0,principal,2023-03-04\n",
		"procedures.csv":   "stay_id,patient_id,code,practitioner_id,performed_at\n",
		"drugs.csv":        "stay_id,patient_id,atc,label,start_date,end_date,quantity,route\n",
		"observations.csv": "stay_id,patient_id,loinc,value,unit,text,observed_at\n",
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	delivery, err := feed.Deliver(names)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	checker := intake.NewChecker(delivery, plainKeys{}, intake.Options{})
	for _, s := range delivery.Sources {
		_, err := checker.Check(t.Context(), s, s.Name, strings.NewReader(files[s.Name]), intake.Sinks{
			Health: []intake.HealthSink{intaketest.Discard{}},
			Stay: func(f intake.StayFact) error {
				s := f.Traits
				told = append(told, fmt.Sprintf("%d %s: %s %s %s %s %s %s %s", f.Person, f.Stay, s.FINESS, s.Entry, s.Exit, s.Diagnosis, s.Commune, s.Sex, s.BirthDate))
				return nil
			},
			Refused: func(e intake.RowError) error { return &e },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"2 :     69003 M 1985-05-17",
		"2 stay of /s1: 690000001 2023-03-04 10:00:00 2023-03-09 12:00:00    ",
		"2 stay of /s1:    S72.0   ",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the rows tell\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// What a feed says of stays is checked when it is loaded.
func TestFeedsThatSayStaysWrongly(t *testing.T) {
	const feed = `{"name": "f", "rempart": {"kind": "hospital"}, "resources": [{"name": "stays", "path": "stays.csv",%s
		"schema": {"fields": [{"name": "id", "type": "string"}, {"name": "from", "type": "date", "rempart": {"stay": "%s"}}]}}]}`
	for name, c := range map[string]struct{ extension, trait, says string }{
		"of which stay":     {"", "entry", "nothing says of which"},
		"an unknown trait":  {` "rempart": {"stay": {"key": ["id"]}},`, "entree", `did you mean "entry"`},
		"an unknown key":    {` "rempart": {"stay": {"key": ["ids"]}},`, "entry", `names the field "ids"`},
		"no key":            {` "rempart": {"stay": {"domain": "x"}},`, "entry", "needs the key of the stay"},
		"two keys":          {` "rempart": {"stay": {"key": ["id"], "place": ["id"]}},`, "entry", "needs the key of the stay"},
		"only what":         {` "rempart": {"stay": {"key": ["id"], "only": [{"field": "id", "values": []}]}},`, "entry", "needs the values"},
		"another property":  {` "rempart": {"stay": {"keys": ["id"]}},`, "entry", `unknown property "keys"`},
		"only of no column": {` "rempart": {"stay": {"key": ["id"], "only": [{"field": "x", "values": ["1"]}]}},`, "entry", `names the field "x"`},
	} {
		_, err := intake.LoadFeed(fstest.MapFS{"datapackage.json": {Data: fmt.Appendf(nil, feed, c.extension, c.trait)}})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
