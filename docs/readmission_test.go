package docs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/environment"
)

// TestTheReadmissionExample trains a model in the sandbox over a synthetic population, has it tested for what it
// remembers, lets it out as ONNX, and writes its card.
func TestTheReadmissionExample(t *testing.T) {
	python := os.Getenv("REMPART_TEST_PYTHON")
	if python == "" {
		t.Skip("REMPART_TEST_PYTHON names no Python environment with onnxruntime: run make test")
	}
	card := trained(t, "readmission", python)
	for _, want := range []string{
		"membership test over", "by 16 shadow models (logistic)",
		"# Model card: model.onnx", "released on", "Coming back to hospital within 30 days", "Release r-", "SHA-256", "in the environment `",
		"WHERE visit_concept_id = 9201", "`age`: age", "Split by person", "auc_low", "nobody has agreed to its use in care",
	} {
		if !strings.Contains(card, want) {
			t.Errorf("nothing says %q:\n%s", want, card)
		}
	}
}

// TestTheNetworkExample does the same with a neural network in PyTorch, which streams its training table.
func TestTheNetworkExample(t *testing.T) {
	d, err := environment.Read("torch")
	if err != nil {
		t.Fatal(err)
	}
	built, err := d.Find(environment.Root())
	if errors.Is(err, environment.ErrNotBuilt) {
		t.Skip("the environment torch is not built: rempart environment build torch")
	}
	if err != nil {
		t.Skip(err)
	}
	card := trained(t, "network", built.Dir)
	for _, want := range []string{"by 16 shadow models (network)", "# Model card: model.onnx", "released on", "by a neural network"} {
		if !strings.Contains(card, want) {
			t.Errorf("nothing says %q:\n%s", want, card)
		}
	}
}

// trained runs the study of an example and lets its model out. It tells what the airlock said of the
// model, and the model's card.
func trained(t *testing.T, name, python string) string {
	t.Helper()
	if err := run.Available(); err != nil {
		t.Skip("studies cannot run here: ", err)
	}
	example, err := filepath.Abs(filepath.Join(root, "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, t.TempDir(), "env", "EXAMPLE="+example, "NAME="+name, "PYTHON="+python, "bash", "-eu", "-o", "pipefail", "-c", `
		rempart synth --persons 4000 --seed 1 --out population
		export REMPART_HOME=$PWD/home GIT_CONFIG_GLOBAL=$PWD/gitconfig
		printf '[user]\nname = Alice\nemail = alice@example.org\n' > gitconfig
		rempart init --python "$PYTHON"
		for i in 1 2 3 4; do rempart party add hospital-$i --role provider; done
		rempart party add authority --role linkage-authority
		rempart party add alice --role researcher
		rempart party add bob --role output-checker
		rempart party add diane --role data-protection-officer
		for i in 1 2 3 4; do rempart deposit create --as hospital-$i --feed hospital population/hospital-$i; done
		rempart linkage run
		rempart release publish
		rempart project request "$EXAMPLE/project.yaml" --as alice
		rempart project approve "$NAME" --as diane --reason lawful
		rempart project extract "$NAME"
		cp -r "$EXAMPLE" study
		git -C study init -q && git -C study add . && git -C study commit -qm first
		rempart run --project "$NAME" --as alice study
		rempart airlock list | awk '/csv/ && $NF == "waits" { print $1 }' | while read -r output; do rempart airlock release "$output" --as bob --reason "aggregates"; done
		model=$(rempart airlock list | awk '/model.onnx/ { print $1 }')
		rempart airlock show "$model"
		rempart airlock release "$model" --as bob --reason "it remembers nobody"
		rempart airlock fetch "$model" --as alice --to fetched
		rempart runs card "${model%-*}" --as alice
		[ "$(stat -c %s fetched/model.onnx)" -gt 100 ]
		rempart audit verify`)
}
