package omop_test

import (
	"fmt"
	"strings"
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

var _ = strings.Join
