package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deliveryFeed = `{"name": "claims", "rempart": {"kind": "insurer"}, "resources": [
	{"name": "stays", "rempart": {"files": "T_MCO(?P<year>\\d\\d)B\\.csv", "optional": true}, "schema": {"fields": [{"name": "x", "rempart": {"from": "year"}}, {"name": "y"}]}},
	{"name": "care", "path": "ER_PRS_F.csv", "rempart": {"files": "ER_PRS_F(_\\d{6})?\\.csv"}, "schema": {"fields": [{"name": "p", "rempart": {"role": "person"}}]}},
	{"name": "persons", "path": "IR_BEN_R.csv", "rempart": {"purpose": "identity"}, "schema": {"fields": [{"name": "p", "rempart": {"role": "person"}}]}},
	{"name": "old_care", "rempart": {"files": "ER_PRS_F_2009\\d\\d\\.csv", "optional": true}, "schema": {"fields": [{"name": "z"}]}}]}`

func TestDeliver(t *testing.T) {
	for _, c := range []struct {
		name  string
		files string
		want  string // the sources as name=resource:ordinal, then what is ignored, or the error
	}{
		{"the identities first, then by the feed's order and by name", "t_mco20b.csv ER_PRS_F_201902.csv ER_PRS_F_201901.csv.gz IR_BEN_R.csv T_MCO19B.CSV.ZST",
			"IR_BEN_R.csv=persons:0 T_MCO19B.CSV.ZST=stays:0 t_mco20b.csv=stays:1 ER_PRS_F_201901.csv.gz=care:0 ER_PRS_F_201902.csv=care:1"},
		{"what is not of the feed", "README.txt IR_BEN_R.csv ER_PRS_F.csv XT_MCO19B.csv T_MCO19B.csv.bak .csv .gz",
			"IR_BEN_R.csv=persons:0 ER_PRS_F.csv=care:0 ignored .csv .gz README.txt T_MCO19B.csv.bak XT_MCO19B.csv"},
		{"missing", "T_MCO19B.csv", "IR_BEN_R.csv is missing: feed claims needs it\nER_PRS_F(_\\d{6})?\\.csv is missing: feed claims needs it"},
		{"one file twice", "IR_BEN_R.csv ir_ben_r.csv.gz ER_PRS_F.csv", "IR_BEN_R.csv and ir_ben_r.csv.gz are both there, and persons takes one of them: remove the other"},
		{"one of several files twice", "IR_BEN_R.csv ER_PRS_F_201901.csv ER_PRS_F_201902.csv ER_PRS_F_201901.csv.zst",
			"ER_PRS_F_201901.csv and ER_PRS_F_201901.csv.zst are both there, and care takes one of them: remove the other"},
		{"two resources", "IR_BEN_R.csv ER_PRS_F_200901.csv", "ER_PRS_F_200901.csv is claimed by the resources care and old_care: make the feed's file names differ"},
	} {
		t.Run(c.name, func(t *testing.T) {
			delivery, err := load(t, deliveryFeed).Deliver(strings.Fields(c.files))
			var got []string
			for _, s := range delivery.Sources {
				for _, part := range s.Feeds {
					got = append(got, fmt.Sprintf("%s=%s:%d", s.Name, part.Resource.Name, part.Ordinal))
				}
			}
			if len(delivery.Ignored) > 0 {
				got = append(append(got, "ignored"), delivery.Ignored...)
			}
			if err != nil {
				got = []string{err.Error()}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}
