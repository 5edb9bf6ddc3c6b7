package run_test

import (
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

func TestPackagesAreForPythonAlone(t *testing.T) {
	for what, job := range map[string]run.Job{
		"for SQL":       {Language: run.SQL, Packages: []run.File{{Name: "a.whl"}}},
		"another place": {Language: run.Python, Environment: run.Environment{Interpreter: "/usr/bin/python3"}, Packages: []run.File{{Name: "../a.whl"}}},
		"a folder":      {Language: run.Python, Environment: run.Environment{Interpreter: "/usr/bin/python3"}, Packages: []run.File{{Name: "a/b.whl"}}},
		"twice":         {Language: run.Python, Environment: run.Environment{Interpreter: "/usr/bin/python3"}, Packages: []run.File{{Name: "a.whl"}, {Name: "a.whl"}}},
	} {
		if got := execute(t, job); got.err == nil || !strings.Contains(got.err.Error(), "package") {
			t.Errorf("%s: %v", what, got.err)
		}
	}
}

// A package that was let in and is no archive stops the run before the study.
func TestAPackageThatCannotBeUnpackedStopsTheRun(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.Python, Environment: python(t), Code: []byte("print('ran')"), Packages: []run.File{{Name: "a.whl", Content: []byte("no")}}})
	if got.err == nil || !strings.Contains(got.err.Error(), "the package a.whl") || strings.Contains(got.log, "ran") {
		t.Errorf("got %v, %q", got.err, got.log)
	}
}
