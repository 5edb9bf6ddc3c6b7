package linkage_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// known is a record with the truth about it.
type known struct {
	deposit string
	person  int64 // matching number
	id      pseudonym.Identity
	truth   string
}

func identity(nir, last, first, birth, sex string) pseudonym.Identity {
	return pseudonym.Identity{NIR: nir, LastName: last, FirstName: first, BirthDate: birth, Sex: sex}
}

func authorityKey(t *testing.T) *pseudonym.AuthorityKey {
	t.Helper()
	key, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{9}, 32))
	must(t, err)
	return key
}

// link runs a whole linkage and returns person_id by record.
func link(t *testing.T, records []known) (map[string]int64, linkage.Summary) {
	t.Helper()
	secret := bytes.Repeat([]byte{7}, 32)
	provider, err := pseudonym.NewProviderKey(secret)
	must(t, err)
	authority := authorityKey(t)
	deposits := map[string]*bytes.Buffer{}
	writers := map[string]*linkage.Writer{}
	for _, r := range records {
		if deposits[r.deposit] == nil {
			deposits[r.deposit] = &bytes.Buffer{}
			writers[r.deposit], err = linkage.NewWriter(deposits[r.deposit], pseudonym.Keyed)
			must(t, err)
		}
		tokens, err := provider.Tokens(r.id)
		must(t, err)
		must(t, writers[r.deposit].Write(linkage.Record{Person: r.person, Tokens: []pseudonym.Tokens{tokens}}))
	}
	db := engineDB(t)
	linker, err := linkage.New(t.Context(), db, authority, pseudonym.Keyed)
	must(t, err)
	for name, buffer := range deposits {
		must(t, writers[name].Flush())
		must(t, linker.Add(t.Context(), name, buffer))
	}
	summary, err := linker.Resolve(t.Context())
	must(t, err)
	persons := map[string]int64{}
	rows, err := db.Query(t.Context(), "SELECT deposit || '/' || person, person_id FROM link")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var record string
		var id int64
		must(t, rows.Scan(&record, &id))
		persons[record] = id
	}
	must(t, rows.Err())
	return persons, summary
}

const (
	nirA = "185057800608491" // a NIR with its key: see package pseudonym
	nirB = "2850578006084"

	waiting = "4850599212003" // a number that will change
)

// Each case says who is one person: records with the same truth, and no others.
func TestWhoIsWho(t *testing.T) {
	validA, err := pseudonym.NormaliseNIR("1850578006084")
	if err != nil {
		t.Fatal(err)
	}
	validB, err := pseudonym.NormaliseNIR(nirB)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]known{
		"the same identifier is the same person, whatever the name": {
			{"h1", 1, identity(validA, "Martin", "Luc", "1985-05-01", "M"), "luc"},
			{"h2", 1, identity(validA, "Marten", "Luc", "1985-05-01", "M"), "luc"},
			{"h2", 2, identity(validB, "Martin", "Luc", "1985-05-01", "M"), "other"},
		},
		"a record without identifier joins by its identity": {
			{"h1", 1, identity(validA, "Lefèvre", "Anne-Marie", "1985-05-01", "F"), "anne"},
			{"h2", 1, identity("", "LEFEVRE", "Anne Marie", "1985-05-01", "F"), "anne"},
		},
		"namesakes join nobody": {
			{"h1", 1, identity(validA, "Martin", "Luc", "1985-05-01", "M"), "one"},
			{"h1", 2, identity(validB, "Martin", "Luc", "1985-05-01", "M"), "two"},
			{"h2", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "nobody knows"},
			{"h3", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "nobody knows either"},
		},
		"two of one deposit without identifier are two": {
			{"h1", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "one"},
			{"h1", 2, identity("", "Martin", "Luc", "1985-05-01", "M"), "two"},
			{"h2", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "three"},
		},
		"nobody has an identifier and two deposits know one each": {
			{"h1", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "luc"},
			{"h2", 1, identity("", "Martin", "Luc", "1985-05-01", "M"), "luc"},
			{"h2", 2, identity("", "Martin", "Luc", "1985-05-02", "M"), "another"},
		},
		"a name as it sounds": {
			{"h1", 1, identity(validA, "Dupont", "Jeanne", "1985-05-01", "F"), "jeanne"},
			{"h2", 1, identity("", "Dupond", "Jeanne", "1985-05-01", "F"), "jeanne"},
		},
		"a waiting number becomes a lasting one": {
			{"h1", 1, identity(waiting, "Diallo", "Awa", "1985-05-03", "F"), "awa"},
			{"h2", 1, identity(waiting, "", "", "", ""), "awa"},
			{"h3", 1, identity(validB, "DIALLO", "Awa", "1985-05-03", "2"), "awa"},
			{"h4", 1, identity("", "Diallo", "Awa", "1985-05-03", "F"), "awa"},
		},
		"waiting numbers of namesakes join nobody": {
			{"h1", 1, identity(waiting, "Diallo", "Awa", "1985-05-03", "F"), "one"},
			{"h2", 1, identity(validB, "Diallo", "Awa", "1985-05-03", "F"), "two"},
			{"h2", 2, identity(validA, "Diallo", "Awa", "1985-05-03", "F"), "three"},
		},
		"two waiting numbers are not settled by one name": {
			{"h1", 1, identity(waiting, "Diallo", "Awa", "1985-05-03", "F"), "one"},
			{"h1", 2, identity("4850599212006", "Diallo", "Awa", "1985-05-03", "F"), "two"},
			{"h2", 1, identity(validB, "Diallo", "Awa", "1985-05-03", "F"), "three"},
		},
		"without any trait everybody is alone": {
			{"h1", 1, pseudonym.Identity{}, "a"},
			{"h1", 2, pseudonym.Identity{}, "b"},
			{"h2", 1, pseudonym.Identity{}, "c"},
		},
	}
	for name, records := range cases {
		t.Run(name, func(t *testing.T) {
			persons, summary := link(t, records)
			if summary.Records != int64(len(records)) || len(persons) != len(records) {
				t.Errorf("%d records in, %d out", len(records), summary.Records)
			}
			for i, x := range records {
				for _, y := range records[:i] {
					same := persons[fmt.Sprint(x.deposit, "/", x.person)] == persons[fmt.Sprint(y.deposit, "/", y.person)]
					if same != (x.truth == y.truth) {
						t.Errorf("%v and %v: one person is %v", x.truth, y.truth, same)
					}
				}
			}
		})
	}
}

func TestAPersonKeepsItsNumberWhenMoreIsLinked(t *testing.T) {
	luc := known{"h1", 1, identity(nirA, "Martin", "Luc", "1985-05-01", "M"), ""}
	before, _ := link(t, []known{luc})
	after, summary := link(t, []known{luc, {"h2", 5, identity(nirA, "", "", "", ""), ""}})
	if before["h1/1"] != after["h1/1"] || after["h2/5"] != after["h1/1"] || summary.Shared != 1 {
		t.Errorf("before %v, after %v, %+v", before, after, summary)
	}
}

func TestABrokenTokenIsRefused(t *testing.T) {
	db, err := engine.Open(t.Context())
	must(t, err)
	defer db.Close()
	authority, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{9}, 32))
	must(t, err)
	linker, err := linkage.New(t.Context(), db, authority, pseudonym.Keyed)
	must(t, err)
	err = linker.Add(t.Context(), "h1", strings.NewReader("person,provisional,keyed_a,keyed_b,keyed_c\n1,false,Martin,,\n"))
	if err == nil || !strings.Contains(err.Error(), "line 2: keyed_a") || strings.Contains(err.Error(), "Martin") {
		t.Errorf("got %v", err)
	}
	err = linker.Add(t.Context(), "h2", strings.NewReader("person,provisional,oblivious_a,oblivious_b,oblivious_c\n1,false,,,\n"))
	if err == nil || !strings.Contains(err.Error(), `no tokens of the mode "keyed"`) {
		t.Errorf("got %v", err)
	}
}

func engineDB(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
