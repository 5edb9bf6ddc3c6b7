package linkage_test

import (
	"fmt"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

// A deposit may know a person by several records. Each case says which records
// of which deposits are one person, by their truth.
func TestSeveralRecordsOfOnePerson(t *testing.T) {
	foin := func(f string) pseudonym.Identity { return pseudonym.Identity{FOIN: f} }
	nir := func(n string) pseudonym.Identity { return pseudonym.Identity{NIR: n} }
	const (
		nirA, nirB = "1850578006084", "2850578006084"
		f1, f2     = "IDT00000000000001", "IDT00000000000002"
	)
	for name, records := range map[string][]known{
		"a register with a row for each number": {
			{"cnam", 1, foin(f1), "anne"}, {"cnam", 1, foin(f1), "anne"}, {"cnam", 2, foin(f2), "luc"},
			{"later", 7, foin(f1), "anne"},
		},
		"a pseudonym and a NIR: the pseudonym alone and the NIR alone meet on them": {
			{"cnam", 1, foin(f1), "anne"}, {"cnam", 1, nir(nirA), "anne"},
			{"later", 1, foin(f1), "anne"}, {"chu", 1, nir(nirA), "anne"}, {"chu", 2, nir(nirB), "luc"},
		},
		"a pseudonym beside names": {
			{"cnam", 1, foin(f1), "anne"}, {"cnam", 1, identity("", "Lefèvre", "Anne", "1985-05-01", "F"), "anne"},
			{"chu", 1, identity("", "LEFEVRE", "Anne", "1985-05-01", "F"), "anne"}, {"later", 1, foin(f1), "anne"},
		},
		"nobody makes two persons one by giving a third both their numbers": {
			{"cnam", 1, foin(f1), "anne"}, {"cnam", 1, nir(nirA), "anne"},
			{"cnam", 2, foin(f2), "luc"}, {"cnam", 2, nir(nirB), "luc"},
			{"liar", 1, nir(nirA), ""}, {"liar", 1, nir(nirB), ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			persons, summary := link(t, records)
			distinct := map[string]bool{}
			for i, x := range records {
				distinct[fmt.Sprint(x.deposit, "/", x.person)] = true
				for _, y := range records[:i] {
					same := persons[fmt.Sprint(x.deposit, "/", x.person)] == persons[fmt.Sprint(y.deposit, "/", y.person)]
					if same != (x.truth == y.truth) && x.truth != "" && y.truth != "" {
						t.Errorf("%v and %v: one person is %v", x.truth, y.truth, same)
					}
				}
			}
			if len(persons) != len(distinct) || summary.Records != int64(len(distinct)) {
				t.Errorf("%d persons of deposits in, %d out, %d counted", len(distinct), len(persons), summary.Records)
			}
		})
	}
}
