package membership

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/run"
)

func TestMain(m *testing.M) {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// A model that remembers its training set is caught, one that does not passes, and what cannot be tested says why.
func TestModelsAreTestedInTheSandbox(t *testing.T) {
	python := os.Getenv("REMPART_TEST_PYTHON")
	if python == "" {
		t.Skip("not tested: REMPART_TEST_PYTHON names no environment with onnxruntime (rempart environment build core makes it)")
	}
	if err := run.Available(); err != nil {
		t.Fatal(err)
	}
	env, err := run.FindEnvironment(python)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(python, "bin", "python"), "testdata/models.py", dir).CombinedOutput(); err != nil { //nolint:gosec // the environment of tests
		t.Fatalf("%v: %s", err, out)
	}
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // just made
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	for name, want := range map[string]struct{ refused, reviewed, kind string }{
		"overfit.onnx":            {refused: "tells persons of the training set from others"},
		"regularised.onnx":        {reviewed: "membership test over 300 of the training set and 300 others"},
		"regularised.safetensors": {reviewed: "by 16 shadow models (forest)", kind: "forest"},
		"REGULARISED.SAFETENSORS": {reviewed: "by 16 shadow models (logistic)"},
		"records.onnx":            {refused: "parameters of the model are the numbers of a record"},
		"narrow.onnx":             {reviewed: "does not answer with one chance, or two, a row"},
		"wide.onnx":               {reviewed: "it takes 9 numbers a row, and the training table has 8 features"},
		"two.safetensors":         {reviewed: "weights alone cannot be run"},
		"broken.onnx":             {reviewed: `"untestable": "runtime"`},
	} {
		t.Run(name, func(t *testing.T) {
			model := []byte("no")
			if name != "broken.onnx" {
				model = read(strings.ToLower(name))
			}
			report, err := Measure(t.Context(), Test{Name: name, Model: model, Description: read("dataset.json"), Members: read("train.parquet"), Others: read("test.parquet"), Kind: want.kind, Environment: env})
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(report) {
				t.Fatalf("got %s", report)
			}
			examined, err := disclosure.Examine(disclosure.Output{Name: name, Data: model, Size: int64(len(model)), Measured: report}, disclosure.Standard(11))
			if err != nil {
				t.Fatal(err)
			}
			refused, reviewed := "", ""
			for _, f := range examined.Findings {
				if f.Rule != "membership" && f.Rule != "model-record" {
					continue
				}
				if f.Severity == disclosure.Refuse {
					refused += f.Message + "\n"
				} else {
					reviewed += f.Message + "\n"
				}
			}
			if name == "broken.onnx" {
				reviewed = string(report)
			}
			if !strings.Contains(refused, want.refused) || (want.refused == "") != (refused == "") || !strings.Contains(reviewed, want.reviewed) {
				t.Errorf("refused %q, reviewed %q, want %+v; measured %s", refused, reviewed, want, report)
			}
		})
	}
}

func TestAKindThatThereIsNotIsSaid(t *testing.T) {
	report, err := Measure(t.Context(), Test{Kind: "oracle"})
	if err != nil || !strings.Contains(string(report), `"untestable":"shadow"`) {
		t.Errorf("got %s, %v", report, err)
	}
}
