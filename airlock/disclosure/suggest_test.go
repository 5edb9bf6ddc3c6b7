package disclosure_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
)

const refusedTable = `department,women,men,total
Ain,40,3,43
Aisne,30,50,80
Allier,20,60,80
Total,90,113,203
`

func TestSuggestions(t *testing.T) {
	for method, want := range map[disclosure.Method]string{
		disclosure.Suppress: "department,women,men,total\nAin,,,43\nAisne,,,80\nAllier,20,60,80\nTotal,90,113,203\n",
		disclosure.Round:    "department,women,men,total\nAin,40,0,40\nAisne,40,60,80\nAllier,20,60,80\nTotal,100,120,200\n",
		disclosure.Merge:    "department,women,men,total\nother (merged),70,53,123\nAllier,20,60,80\nTotal,90,113,203\n",
	} {
		s, err := disclosure.Suggest(disclosure.Output{Name: "a.csv", Data: []byte(refusedTable), Size: int64(len(refusedTable))}, disclosure.Standard(11), method)
		if err != nil {
			t.Fatal(err)
		}
		if string(s.Data) != want || s.Report.Verdict == disclosure.Refused || len(s.Changes) == 0 {
			t.Errorf("%s:\n%s\n%+v\n%s", method, s.Data, s.Changes, describe(s.Report, true))
		}
	}
}

// TestWhatIsSuggestedPasses builds tables with small counts and totals: what hiding
// leaves is never refused, and all that is told is what was told.
func TestWhatIsSuggestedPasses(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 5))
		rows, columns := 2+random.IntN(6), 2+random.IntN(4)
		sums := make([]int, columns+1)
		var b strings.Builder
		b.WriteString("diagnosis")
		for k := range columns {
			fmt.Fprintf(&b, ",n_%d", 2020+k)
		}
		b.WriteString(",total\n")
		for i := range rows {
			fmt.Fprintf(&b, "d%c", 'a'+i)
			sum := 0
			for k := range columns {
				n := []int{random.IntN(20), random.IntN(500)}[random.IntN(2)]
				sums[k], sum = sums[k]+n, sum+n
				fmt.Fprintf(&b, ",%d", n)
			}
			sums[columns] += sum
			fmt.Fprintf(&b, ",%d\n", sum)
		}
		b.WriteString("Total")
		for _, n := range sums {
			fmt.Fprintf(&b, ",%d", n)
		}
		o := disclosure.Output{Name: "a.csv", Data: []byte(b.String() + "\n"), Size: int64(b.Len() + 1)}
		s, err := disclosure.Suggest(o, disclosure.Standard(11), disclosure.Suppress)
		if err != nil {
			t.Fatal(err)
		}
		if s.Report.Verdict == disclosure.Refused {
			t.Fatalf("seed %d:\n%s\n%s\n%s", seed, o.Data, s.Data, describe(s.Report, true))
		}
	}
}

func TestOnlyTablesAreChanged(t *testing.T) {
	for _, name := range []string{"a.json", "a.png", "a.txt"} {
		if _, err := disclosure.Suggest(disclosure.Output{Name: name, Data: []byte("a,n\nx,3\n"), Size: 8}, disclosure.Standard(11), disclosure.Suppress); err == nil {
			t.Errorf("%s is changed", name)
		}
	}
}
