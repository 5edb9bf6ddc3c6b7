package disclosure_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
)

//go:embed testdata/acro.py
var acroScript string

// acroCell is a cell of a table: a count, or what persons contributed to a sum.
type acroCell struct {
	row, column string
	count       int
	parts       []float64
}

// acroTable is a table, what acro says of it, what we say, and why these differ.
type acroTable struct {
	name    string
	cells   []acroCell
	acro    string // pass, review or fail
	refused bool   // by us
	why     string // they differ; "" where they agree
}

func counts(ax, ay, bx, by int) []acroCell {
	return []acroCell{{"a", "x", ax, nil}, {"a", "y", ay, nil}, {"b", "x", bx, nil}, {"b", "y", by, nil}}
}

// parts are the contributions of n persons: the first ones, and then one each.
func parts(n int, largest ...float64) []float64 {
	for len(largest) < n {
		largest = append(largest, 1)
	}
	return largest
}

// acroTables are compared at acro's own threshold, 10; docs/airlock.md explains each difference.
var acroTables = []acroTable{
	{"all large", counts(20, 30, 40, 50), "pass", false, ""},
	{"at the threshold", counts(10, 30, 40, 50), "pass", false, ""},
	{"under the threshold", counts(9, 30, 40, 50), "fail", true, ""},
	{"one person", counts(1, 30, 40, 50), "fail", true, ""},
	{"a zero", counts(0, 30, 40, 50), "fail", false, "acro takes a zero for a count under the threshold; here it tells of nobody, and a checker is shown the group"},
	{"an even sum", []acroCell{{"a", "x", 0, parts(20)}, {"b", "x", 0, parts(20)}}, "pass", false, ""},
	{"a dominated sum", []acroCell{{"a", "x", 0, parts(20, 1000)}, {"b", "x", 0, parts(20)}}, "fail", true, ""},
	{"a sum of two", []acroCell{{"a", "x", 0, parts(20, 100, 90)}, {"b", "x", 0, parts(20)}}, "fail", true, ""},
	{"a sum of few", []acroCell{{"a", "x", 0, parts(4)}, {"b", "x", 0, parts(20)}}, "fail", true, ""},
}

// ours is the table as an output, with what stands beside it.
func (a acroTable) ours() disclosure.Output {
	var table, beside strings.Builder
	sums := slices.ContainsFunc(a.cells, func(c acroCell) bool { return c.parts != nil })
	o := disclosure.Output{Name: "a.csv"}
	if sums {
		table.WriteString("r,c,persons,cost\n")
		beside.WriteString("r,c,cost_1,cost_2\n")
		o.Declaration = []byte("values: [cost]\n")
	} else {
		table.WriteString("r,c,persons\n")
	}
	for _, c := range a.cells {
		if !sums {
			fmt.Fprintf(&table, "%s,%s,%d\n", c.row, c.column, c.count)
			continue
		}
		total := 0.0
		for _, v := range c.parts {
			total += v
		}
		fmt.Fprintf(&table, "%s,%s,%d,%g\n", c.row, c.column, len(c.parts), total)
		fmt.Fprintf(&beside, "%s,%s,%g,%g\n", c.row, c.column, c.parts[0], c.parts[1])
	}
	o.Data = []byte(table.String())
	o.Size = int64(len(o.Data))
	if sums {
		o.Contributions = []byte(beside.String())
	}
	return o
}

// TestAcro compares with acro (PyPI, of the British data services) on the same tables.
func TestAcro(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("acro is not compared with: there is no python3")
	}
	made, err := exec.CommandContext(t.Context(), "../../scripts/acro-env").Output()
	if err != nil {
		t.Skipf("acro is not compared with: scripts/acro-env cannot install it here: %v", err)
	}
	given := map[string][][]any{}
	for _, a := range acroTables {
		for _, c := range a.cells {
			var what any = c.count
			if c.parts != nil {
				what = c.parts
			}
			given[a.name] = append(given[a.name], []any{c.row, c.column, what})
		}
	}
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(made))+"/bin/python", "-c", acroScript)
	cmd.Dir, cmd.Stdin = t.TempDir(), bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("acro: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var said map[string]string
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, a := range acroTables {
		report, err := disclosure.Examine(a.ours(), disclosure.Standard(10))
		if err != nil {
			t.Fatal(err)
		}
		refused := report.Verdict == disclosure.Refused
		if said[a.name] != a.acro || refused != a.refused {
			t.Errorf("%s: acro says %s, we %s", a.name, said[a.name], describe(report, true))
		}
		if differ := (said[a.name] == "fail") != refused; differ != (a.why != "") {
			t.Errorf("%s: they differ: %v, and the reason is %q", a.name, differ, a.why)
		}
	}
}
