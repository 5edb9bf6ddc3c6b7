package omop_test

import (
	"fmt"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// However the same rows are split into deposits, a release that goes on from one of some of
// them is the same as one of all, row for row and number for number.
func TestAReleaseGoesOnFromAnother(t *testing.T) {
	folders := syntheaFolders(t)
	for seed := range 2 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			db := omoptest.Open(t)
			in := omoptest.Split(t, db, omoptest.Load(t, db, feeds.FS(), folders...), 3, seed, func(_ omop.Deposit, resource string) bool { return resource == "patients" })
			whole, err := omop.Build(t.Context(), db, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			in.PartRows = []int64{0, 2000}[seed]
			how := omoptest.SameOnBases(t, db, in, whole,
				omoptest.Step{Deposits: []string{"insurer.1", "hospital.1"}},
				omoptest.Step{Deposits: []string{"insurer.1", "hospital.1", "hospital.2"}})
			for _, c := range how {
				if c.Anew == 0 || c.Anew >= c.Persons {
					t.Errorf("%d of %d persons were mapped anew", c.Anew, c.Persons)
				}
			}
		})
	}
}

// Persons come, leave, are found to be one or two, by other links of the same deposits: a
// release follows, whatever the one before held them to be.
func TestAReleaseGoesOnFromOtherLinks(t *testing.T) {
	folders := syntheaFolders(t)[1:]
	for about, before := range map[string]string{
		"nothing new":                "FROM links",
		"three have opted out":       "SELECT * FROM all_links",
		"three have come back":       "FROM links WHERE person_id NOT IN (5, 6, 7)",
		"two were one":               "SELECT * REPLACE (CASE person_id WHEN 9 THEN 8 ELSE person_id END AS person_id) FROM links",
		"somebody was somebody else": "SELECT * REPLACE (CASE person_id WHEN 9 THEN 900 ELSE person_id END AS person_id) FROM links",
		"others have come and gone":  "SELECT * FROM all_links WHERE person_id <> 27",
	} {
		t.Run(about, func(t *testing.T) {
			db := omoptest.Open(t)
			in := omoptest.Load(t, db, feeds.FS(), folders...)
			if err := db.Exec(t.Context(), "ALTER TABLE links RENAME TO all_links; CREATE TABLE links AS FROM all_links WHERE person_id NOT IN (1, 2, 12)"); err != nil {
				t.Fatal(err)
			}
			whole, err := omop.Build(t.Context(), db, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			how := omoptest.SameOnBases(t, db, in, whole, omoptest.Step{Links: "(" + before + ")"})
			if about == "nothing new" && how[0].Anew != 0 {
				t.Errorf("%d persons were mapped anew", how[0].Anew)
			}
		})
	}
}

// A release that was mapped otherwise is none to go on from, and the build says why.
func TestABaseIsOfTheSameMapping(t *testing.T) {
	build := func(t *testing.T, in omop.Input, base *omop.Base) *omop.Report {
		t.Helper()
		db := omoptest.Open(t)
		loaded := omoptest.Load(t, db, in.Feeds, omoptest.Folder{Deposit: "d", Feed: "one", Dir: oneDelivery(t), Vocabulary: in.Deposits[0].Vocabulary})
		loaded.Base = base
		report, err := omop.Build(t.Context(), db, loaded, nil)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	in := omop.Input{Feeds: oneFeed(), Deposits: []omop.Deposit{{Vocabulary: nothing}}}
	was := build(t, in, nil)
	for why, change := range map[string]func(*omop.Base){
		"it was made by another version of this program": func(b *omop.Base) { b.Basis.Build = "other" },
		"codes meant something else":                     func(b *omop.Base) { b.Basis.Vocabulary = "other" },
		"the files of feed one have changed":             func(b *omop.Base) { b.Basis.Feeds = map[string]string{"one": "other"} },
		"it has deposit gone, which is no longer built from": func(b *omop.Base) {
			b.Deposits = []string{"d", "gone"}
		},
		"its deposits are believed in another order now": func(b *omop.Base) { b.Deposits = []string{"d", "d"} },
		"a flaw": func(b *omop.Base) { b.Basis.Flaw = "a flaw" },
	} {
		t.Run(why, func(t *testing.T) {
			base := &omop.Base{Release: "r-1", Basis: was.Basis, Report: was, Deposits: []string{"d"}, Mappings: was.Mappings}
			change(base)
			report := build(t, in, base) // which would fail at base.Open
			if c := report.Continued; c.Release != "" || c.Why != "release r-1 is not gone on from: "+why {
				t.Errorf("got %+v", c)
			}
		})
	}
}
