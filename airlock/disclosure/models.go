package disclosure

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
)

// weights are what the checks of models read of a file: how many parameters it
// has, and those that are numbers with a point.
type weights struct {
	parameters int
	values     []float32
}

// checkModel sets the size of a model against the persons that it was fitted to, looks
// for records among its parameters, and reads what a membership test said.
func (c *checker) checkModel(w weights) {
	persons := 0
	var training *table
	if c.declared != nil {
		persons = c.declared.Observations
	}
	if c.output.Training != nil {
		t, err := parseCSV(string(c.output.Training), ',')
		if err != nil {
			c.refuse(place{}, "training", "the training table beside cannot be read: write it as CSV with commas and a header")
		} else {
			training, persons = t, len(t.rows)
		}
	}
	switch {
	case persons == 0:
		c.review(place{}, "model-size", "nothing says how many persons the model was fitted to: declare observations or training beside")
	case w.parameters > persons:
		c.review(place{}, "model-size", "the model has more parameters than persons that it was fitted to, and can remember each of them: fit a smaller one, or show with a membership test that it does not")
	case w.parameters*c.rules.PerWeight > persons:
		c.review(place{}, "model-size", "the model has fewer than %d persons for each parameter: fit a smaller one, or show with a membership test that it remembers nobody", c.rules.PerWeight)
	}
	if training != nil {
		c.checkRecords(w, training)
	}
	c.checkMembership()
}

// window is how many numbers in a row that equal those of a record are taken for the record.
const window = 3

// checkRecords refuses parameters that are the numbers of a record, as support vectors,
// nearest neighbours and prototypes are.
func (c *checker) checkRecords(w weights, t *table) {
	records := map[[window]float32]bool{}
	for _, row := range t.rows {
		var run []float32
		for _, cell := range row {
			v, ok := read(cell).value()
			if !ok {
				run = nil
				continue
			}
			if run = append(run, float32(v)); len(run) < window {
				continue
			}
			if key := [window]float32(run[len(run)-window:]); telling(key) {
				records[key] = true
			}
		}
	}
	for i := 0; i+window <= len(w.values); i++ {
		if records[[window]float32(w.values[i:i+window])] {
			c.refuse(place{}, "model-record", "parameters of the model are the numbers of a record that it was fitted to: use a kind of model that keeps no records (no support vectors, neighbours or prototypes)")
			return
		}
	}
}

// telling leaves out what parameters are by chance: zeros, ones, the same again.
func telling(key [window]float32) bool {
	seen := map[float32]bool{}
	for _, v := range key {
		if v != 0 && v != 1 && v != -1 {
			seen[v] = true
		}
	}
	return len(seen) == window
}

// The membership test's figures from which a model is refused, and shown: 0.5 is
// guessing. Source: Shokri et al., "Membership Inference Attacks Against Machine
// Learning Models", 2017.
const (
	tellsApart = 0.6
	fewShadows = 4
)

// checkMembership reads what a membership test wrote: {"auc": 0.52, "shadows": 8, "persons": 1000}.
func (c *checker) checkMembership() {
	if c.output.Attack == nil {
		c.review(place{}, "membership", "no membership test was handed in: ask for one, unless few parameters stand against many persons")
		return
	}
	var a struct {
		AUC     float64 `json:"auc"`
		Shadows int     `json:"shadows"`
		Persons int     `json:"persons"`
	}
	switch err := json.Unmarshal(c.output.Attack, &a); {
	case err != nil || a.AUC < 0 || a.AUC > 1 || a.Shadows < 0 || a.AUC == 0:
		c.refuse(place{}, "membership", `the membership test cannot be read: write {"auc": …, "shadows": …, "persons": …} as JSON`)
	case max(a.AUC, 1-a.AUC) >= tellsApart:
		c.refuse(place{}, "membership", "the membership test tells persons of the training set from others: regularise the model, stop earlier, or fit a smaller one")
	case a.Shadows < fewShadows:
		c.review(place{}, "membership", "the membership test has fewer than %d shadow models, which say little", fewShadows)
	}
}

// floats reads little-endian numbers of a type of safetensors; nil for others.
func floats(kind string, data []byte) (values []float32) {
	switch strings.ToUpper(kind) {
	case "F32":
		for ; len(data) >= 4; data = data[4:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data)))
		}
	case "F64":
		for ; len(data) >= 8; data = data[8:] {
			values = append(values, float32(math.Float64frombits(binary.LittleEndian.Uint64(data))))
		}
	}
	return values
}

// widths are the bytes of one number of each type of safetensors.
var widths = map[string]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}
