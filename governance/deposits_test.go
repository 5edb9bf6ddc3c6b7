package governance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rempart.eu/rempart/ledger"
)

// A deposit of many files names them in a list beside the ledger. What the list says is
// known as if the statement said it, and a list that does not fit the statement is refused.
func TestADepositsListOfFiles(t *testing.T) {
	var list ledger.DepositList
	for i := range 1200 {
		list.Files = append(list.Files, ledger.FileCount{Resource: "patient", Rows: 2, Accepted: 1, Refused: 1})
		list.Objects = append(list.Objects, ledger.Object{Name: fmt.Sprint(i), Key: "party-controller"})
		list.Resources = append(list.Resources, "patient")
	}
	said := ledger.DepositMade{Deposit: "d", Authority: "ttp", Pseudonyms: "keyed", List: "list", Objects: []ledger.Object{}, Resources: []string{},
		Files: []ledger.FileCount{{Resource: "patient", Rows: 2400, Accepted: 1200, Refused: 1200}}}
	cases := map[string]struct {
		change func(*ledger.DepositMade, *ledger.DepositList)
		want   string
	}{
		"whole":                          {func(*ledger.DepositMade, *ledger.DepositList) {}, ""},
		"that nobody has":                {func(d *ledger.DepositMade, _ *ledger.DepositList) { d.List = "lost" }, "without which the ledger cannot be followed: no such attachment"},
		"and objects in the statement":   {func(d *ledger.DepositMade, l *ledger.DepositList) { d.Objects = l.Objects[:1] }, "in its statement and in a list"},
		"and resources in the statement": {func(d *ledger.DepositMade, l *ledger.DepositList) { d.Resources = l.Resources[:1] }, "in its statement and in a list"},
		"with other rows":                {func(d *ledger.DepositMade, _ *ledger.DepositList) { d.Files[0].Rows, d.Files[0].Accepted = 2401, 1201 }, "its list has other rows than its statement"},
		"with a resource too few": {func(d *ledger.DepositMade, _ *ledger.DepositList) {
			d.Files = append(d.Files, ledger.FileCount{Resource: "stay"})
		}, "other rows"},
		"with a file too few":             {func(_ *ledger.DepositMade, l *ledger.DepositList) { l.Files, l.Objects = l.Files[1:], l.Objects[1:] }, "other rows"},
		"with an object too few":          {func(_ *ledger.DepositMade, l *ledger.DepositList) { l.Objects = l.Objects[1:] }, "1200 files for 1199 objects"},
		"with a resource's name too many": {func(_ *ledger.DepositMade, l *ledger.DepositList) { l.Resources = append(l.Resources, "stay") }, "1200 objects for 1201 resources"},
		"whose rows do not add up": {func(d *ledger.DepositMade, l *ledger.DepositList) {
			l.Files[7].Accepted, l.Files[8].Accepted = 2, 0
		}, "2 rows, but 2 were accepted and 1 refused"},
	}
	for name, c := range cases {
		t.Run("a list "+name, func(t *testing.T) {
			w, d, l := newWorld(t), said, list
			d.Files = append([]ledger.FileCount(nil), said.Files...)
			l.Files = append([]ledger.FileCount(nil), list.Files...)
			c.change(&d, &l)
			w.state.Beside(func(digest ledger.Digest, into any) error {
				if digest != "list" {
					return errors.New("no such attachment")
				}
				text, err := json.Marshal(l)
				if err != nil {
					return err
				}
				return json.Unmarshal(text, into)
			})
			err := w.say("chu", "chu", d)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _ := w.state.Deposits.Get("d")
			if len(got.Objects) != 1200 || len(got.Files) != 1200 || len(w.state.Objects()) != 1200 {
				t.Errorf("%d objects, %d files", len(got.Objects), len(got.Files))
			}
		})
	}
	if err := newWorld(t).say("chu", "chu", said); err == nil || !strings.Contains(err.Error(), "not at hand") {
		t.Errorf("without attachments: %v", err)
	}
}
