package disclosure

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
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
	measured := c.measured()
	persons := 0
	var training *table
	if c.declared != nil {
		persons = c.declared.Observations
	}
	if c.output.Training != nil {
		t, err := parseCSV(string(c.output.Training), ',')
		if err != nil {
			c.refuse(place{}, "training")
		} else {
			training, persons = t, len(t.rows)
		}
	}
	if measured != nil && measured.Persons > 0 {
		persons = measured.Persons // of the training table itself: nobody has to be believed
	}
	switch {
	case persons == 0:
		c.review(place{}, "model-size_unknown")
	case w.parameters > persons:
		c.review(place{}, "model-size_more")
	case w.parameters*c.rules.PerWeight > persons:
		c.review(place{}, "model-size", "n", c.rules.PerWeight)
	}
	if training != nil {
		c.checkRecords(w, training)
	}
	c.checkMembership(measured)
}

// measurement is what the warehouse's own test says of a model (package membership).
type measurement struct {
	Untestable string        `json:"untestable"` // why there are no figures: a code of the catalogue's group
	Values     Values        `json:"values"`     // of that reason
	Persons    int           `json:"persons"`    // of the training table
	Members    int           `json:"members"`    // rows that were tried
	Others     int           `json:"others"`
	Threshold  attackFigures `json:"threshold"`
	Shadow     attackFigures `json:"shadow"`
	Gap        float64       `json:"gap"`
	Remembered float64       `json:"remembered"`
	Records    bool          `json:"records"`
}

type attackFigures struct {
	AUC    figure `json:"auc"`
	Caught figure `json:"caught"`
	Models int    `json:"models"`
	Kind   string `json:"kind"`
}

// figure is one with the interval in which 95 of 100 samples lie.
type figure struct {
	Value, Low, High float64
}

// measured reads what the warehouse's own test wrote; nil where there was none.
func (c *checker) measured() *measurement {
	if c.output.Measured == nil {
		return nil
	}
	m := &measurement{}
	switch err := json.Unmarshal(c.output.Measured, m); {
	case err != nil, m.Untestable != "" && !languages()["en"].Has("untestable."+m.Untestable):
		m.Untestable, m.Values = "unread", nil
	}
	return m
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
			c.refuse(place{}, "model-record")
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
	catches    = 0.05 // of members, where one in a hundred others is caught falsely
	remembers  = 0.1  // of members, of which the model says what no model that has not seen them would
)

// checkMeasured judges the warehouse's own test, and says whether it had figures.
func (c *checker) checkMeasured(m *measurement) bool {
	if m == nil {
		return false
	}
	if m.Untestable != "" {
		pairs := []any{"why", m.Untestable}
		for name, value := range m.Values {
			pairs = append(pairs, name, showable(value)) // a sandbox wrote it
		}
		c.review(place{}, "membership_untestable", pairs...)
		return false
	}
	for _, a := range []attackFigures{m.Threshold, m.Shadow} {
		if a.AUC.Value >= tellsApart && a.AUC.Low > 0.5 {
			c.refuse(place{}, "membership_apart", "auc", two(a.AUC.Value), "low", two(a.AUC.Low), "high", two(a.AUC.High))
		}
		if a.Caught.Low >= catches {
			c.refuse(place{}, "membership_caught", "caught", fmt.Sprintf("%.0f", 100*a.Caught.Value))
		}
	}
	if m.Remembered >= remembers {
		c.refuse(place{}, "membership_remembered", "remembered", fmt.Sprintf("%.0f", 100*m.Remembered))
	}
	if m.Records {
		c.refuse(place{}, "model-record")
	}
	t, sh := m.Threshold.AUC, m.Shadow.AUC
	c.review(place{}, "membership", "members", m.Members, "others", m.Others,
		"auc", two(t.Value), "low", two(t.Low), "high", two(t.High),
		"shadow_auc", two(sh.Value), "shadow_low", two(sh.Low), "shadow_high", two(sh.High), "models", m.Shadow.Models, "shadow", m.Shadow.Kind,
		"caught", one(100*max(m.Threshold.Caught.Value, m.Shadow.Caught.Value)), "gap", one(100*m.Gap), "remembered", one(100*m.Remembered))
	return true
}

func one(v float64) string { return fmt.Sprintf("%.1f", v) }
func two(v float64) string { return fmt.Sprintf("%.2f", v) }

// checkMembership judges the warehouse's own test; where there are no figures of it, it reads what a test of the
// study's own wrote: {"auc": 0.52, "shadows": 8, "persons": 1000}.
func (c *checker) checkMembership(measured *measurement) {
	if c.checkMeasured(measured) {
		return
	}
	if c.output.Attack == nil && measured != nil {
		return // the checker is told why
	}
	if c.output.Attack == nil {
		c.review(place{}, "membership_none")
		return
	}
	var a struct {
		AUC     float64 `json:"auc"`
		Shadows int     `json:"shadows"`
		Persons int     `json:"persons"`
	}
	switch err := json.Unmarshal(c.output.Attack, &a); {
	case err != nil || a.AUC < 0 || a.AUC > 1 || a.Shadows < 0 || a.AUC == 0:
		c.refuse(place{}, "membership_unreadable")
	case max(a.AUC, 1-a.AUC) >= tellsApart:
		c.refuse(place{}, "membership_told")
	case a.Shadows < fewShadows:
		c.review(place{}, "membership_shadows", "n", fewShadows)
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
