package disclosure_test

import (
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
)

func TestIsBeside(t *testing.T) {
	for name, want := range map[string]string{
		"costs.disclosure.yaml": "costs", "a/costs.disclosure.csv": "a/costs", "costs.disclosure.json": "costs",
		"costs.csv": "", "disclosure.yaml": "", ".disclosure.yaml": "", "costs.disclosure.txt": "",
	} {
		if of, ok := disclosure.IsBeside(name); of != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, of, ok)
		}
	}
}

// FuzzExamine looks for a panic in what a run hands in beside an output, and in tables
// that were released before.
func FuzzExamine(f *testing.F) {
	f.Add("sex,age,persons,cost\nF,young,300,10\nTotal,all,300,10\n", "values: [cost]\ntotals: {F: [M], M: [F]}\n", "sex,age,cost_1,cost_2\nF,young,3,2\n", "sex,persons\nF,\nTotal,12\n")
	f.Add("time,at_risk\n0,100\n", `{"kind": "survival"}`, "", "")
	f.Add("a,b\n", "kind: regression\nobservations: 3\nparameters: 9", "a,b_1,b_2\nx,,\n", "a\n")
	f.Fuzz(func(t *testing.T, table, declaration, contributions, earlier string) {
		for _, name := range []string{"a.csv", "a.json", "a.safetensors", "a.onnx"} {
			o := disclosure.Output{
				Name: name, Data: []byte(table), Size: int64(len(table)),
				Declaration: []byte(declaration), Contributions: []byte(contributions), Training: []byte(contributions), Attack: []byte(declaration),
				Earlier: []disclosure.Earlier{{Output: "s-1-1", Name: "b.csv", Data: []byte(earlier)}},
			}
			if _, err := disclosure.Examine(o, disclosure.Standard(11)); err != nil {
				t.Error(err)
			}
		}
	})
}
