package run_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/run"
)

func TestAStudyUsesAVirtualEnvironment(t *testing.T) {
	sandboxed(t)
	base := python(t)
	dir := filepath.Join(t.TempDir(), "env")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, base.Interpreter, "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Skipf("this Python makes no virtual environments: %v: %s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(dir, "lib", "python3*", "site-packages"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("site-packages: %q, %v", packages, err)
	}
	if err := os.WriteFile(filepath.Join(packages[0], "installed.py"), []byte("answer = 42\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	env, err := run.FindEnvironment(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := execute(t, run.Job{Language: run.Python, Environment: env, Code: []byte("import installed, json\nopen('outputs/a', 'w').write(str(installed.answer))")})
	if got.err != nil || got.files["a"] != "42" {
		t.Errorf("got %v, %q", got.err, got.files)
	}
}

func TestAnEnvironmentThatIsNoneIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := run.FindEnvironment(dir); err == nil || !strings.Contains(err.Error(), dir+" is not a Python environment") {
		t.Errorf("got %v", err)
	}
	if _, err := run.FindEnvironment(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("an environment that is not there was found")
	}
}
