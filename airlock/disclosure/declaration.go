package disclosure

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
)

// A run may hand in files beside an output that help to examine it, and never
// leave: for outputs/costs.csv
//
//	outputs/costs.disclosure.yaml   what the output is (or .json): a Declaration
//	outputs/costs.disclosure.csv    the largest contributions to each of its sums
//	outputs/model.disclosure.…      the same for any other file, by its name without the ending
const (
	declarationMark = ".disclosure"
)

// Statistic is what an output says that it holds.
type Statistic string

// The statistics that have rules of their own.
const (
	Frequencies Statistic = "table"       // counts and sums by category
	Regression  Statistic = "regression"  // coefficients, with their observations and parameters
	Survival    Statistic = "survival"    // steps of a curve, with who is at risk
	Percentiles Statistic = "percentiles" // values at a rank, with how many are summarised
	Histogram   Statistic = "histogram"   // counts of bins, in order
	Model       Statistic = "model"       // weights
)

var statistics = []Statistic{Frequencies, Regression, Survival, Percentiles, Histogram, Model}

// Declaration is what a researcher says of an output, in YAML or JSON.
type Declaration struct {
	Kind       Statistic           `yaml:"kind"`       // empty: judged by the names of columns
	Values     []string            `yaml:"values"`     // columns that are sums of what persons contributed
	Dimensions []string            `yaml:"dimensions"` // columns that divide the table
	Totals     map[string][]string `yaml:"totals"`     // label of a subtotal, and the labels that it sums

	Observations int `yaml:"observations"` // persons that a regression or model was fitted to
	Parameters   int `yaml:"parameters"`   // that a regression estimates

	Training string `yaml:"training"` // of a model: the CSV among the outputs that it was fitted to, which never leaves
	Attack   string `yaml:"attack"`   // of a model: what a membership test of the study's own wrote, a JSON among the outputs

	Dataset string `yaml:"dataset"` // of a model: the step whose training table it was fitted to, where several are needed
	Shadow  string `yaml:"shadow"`  // of a model: the kind of shadow models that the warehouse's membership test fits
}

// ParseDeclaration reads what is declared of an output.
func ParseDeclaration(text []byte) (*Declaration, error) {
	if len(text) > maxDeclaration {
		return nil, fmt.Errorf("the declaration has more than %d bytes", maxDeclaration)
	}
	var d Declaration
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&d); err != nil {
		return nil, fmt.Errorf("the declaration cannot be read: %s", yaml.FormatError(err, false, false))
	}
	if d.Kind != "" && !slices.Contains(statistics, d.Kind) {
		hint := ""
		names := make([]string, len(statistics))
		for i, s := range statistics {
			names[i] = string(s)
		}
		if near := nearest.Name(string(d.Kind), names); near != "" {
			hint = fmt.Sprintf(": did you mean %s?", near)
		}
		return nil, fmt.Errorf("kind: want one of %s%s", strings.Join(names, ", "), hint)
	}
	if d.Observations < 0 || d.Parameters < 0 {
		return nil, fmt.Errorf("observations and parameters are numbers above 0")
	}
	return &d, nil
}

const maxDeclaration = 64 << 10

// IsBeside says whether a file of a run is not an output, but helps to examine
// one, and which: the output's name without its ending.
func IsBeside(name string) (of string, ok bool) {
	for _, ending := range []string{".yaml", ".yml", ".json", ".csv"} {
		if of, ok := strings.CutSuffix(name, declarationMark+ending); ok && of != "" {
			return of, true
		}
	}
	return "", false
}
