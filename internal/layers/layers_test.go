// Package layers holds the direction of dependencies: the way of the data, from
// top to bottom, as ARCHITECTURE.md shows it. A package imports only those of
// layers above its own in this list.
package layers

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "rempart.eu/rempart/"

// order lists the packages, those that know nothing of the others first.
var order = [][]string{
	{"pseudonym/oblivious"},
	{"engine", "feeds", "pseudonym", "airlock/disclosure/cells", "internal/nearest", "internal/atomicfile", "internal/filelock", "internal/snapshot", "internal/page", "internal/graceful", "internal/golden", "internal/words", "internal/browser", "host/requirements", "run/wheel"},
	{"internal/mutual", "host", "ledger", "keyring", "run", "pseudonym/scan", "intake/fhir", "intake/parquet", "linkage/match", "linkage/clk"},
	{"ledger/register", "ledger/schemas", "ledger/witness", "ledger/tell", "airlock/disclosure", "run/steps", "run/environment", "ledger/passkeytest", "host/hosttest", "host/assess", "keyring/kmiptest", "intake/intaketest", "lake", "lake/scratch", "intake", "linkage", "linkage/service", "synth"},
	{"lake/mount", "omop", "omop/profile", "omop/quality", "omop/vocabulary"},
	{"omop/omoptest", "omop/mapping", "governance"},
	{"warehouse"},
	{"project/catalogue", "project/query", "project/dataset", "project/membership"},
	{"project"},
	{"airlock", "audit", "people"},
	{"portal"},
	{"internal/benchmarks"},
	{"cmd/rempart", "internal/benchmarks/cmd", "internal/layers", "docs"},
}

func TestPackagesImportOnlyWhatComesBefore(t *testing.T) {
	level := map[string]int{}
	for i, packages := range order {
		for _, p := range packages {
			level[p] = i
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		at, known := level[name]
		if !known {
			t.Errorf("package %s has no layer: add it to the list, and to ARCHITECTURE.md", name)
			continue
		}
		for _, imported := range words[1:] {
			other, ours := strings.CutPrefix(imported, module)
			if below, known := level[other]; ours && known && below >= at {
				t.Errorf("%s imports %s, which comes after it on the way of the data", name, other)
			}
		}
	}
}
