package environment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

func TestWhatComesWithRempartIsLocked(t *testing.T) {
	for _, name := range Names() {
		if _, err := Read(name); err != nil {
			t.Error(err)
		}
	}
	d, err := Read("python")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range strings.Fields("pandas polars pyarrow duckdb scikit-learn statsmodels lifelines onnx skl2onnx") {
		if d.Packages[want] == "" {
			t.Errorf("studies in Python have no %s", want)
		}
	}
	if d, err = Read("torch"); err != nil || d.Packages["torch"] == "" {
		t.Errorf("the environment torch has none: %v", err)
	}
}

// Nothing but wheels of one digest comes out of a lock, whoever wrote it.
func TestALockHoldsNothingButPins(t *testing.T) {
	digest := " \\\n    --hash=sha256:" + strings.Repeat("a", 64) + "\n"
	for text, want := range map[string]string{
		"numpy==2.2.6" + digest:                                         "",
		"numpy==2.2.6 ; python_full_version < '3.12'" + digest:          "",
		"numpy==2.2.6\n":                                                "no digest",
		"numpy>=2" + digest:                                             "not NAME==VERSION",
		"numpy" + digest:                                                "not NAME==VERSION",
		"--index-url https://example.org\nnumpy==2.2.6" + digest:        "not NAME==VERSION",
		"numpy @ https://example.org/numpy.whl" + digest:                "not NAME==VERSION",
		"-e ./numpy" + digest:                                           "not NAME==VERSION",
		"-r other.lock" + digest:                                        "not NAME==VERSION",
		"./numpy-2.2.6.whl" + digest:                                    "not NAME==VERSION",
		"numpy==2.2.6 \\\n --hash=md5:" + strings.Repeat("a", 32):       "want nothing but",
		"numpy==2.2.6 \\\n --config-settings=x" + digest:                "want nothing but",
		"numpy==2.2.6; os_name == 'x' --global-option=install" + digest: "not NAME==VERSION",
	} {
		switch _, err := parseLock([]byte(text)); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestADescriptionIsRead(t *testing.T) {
	lock := "numpy==2.2.6 \\\n    --hash=sha256:" + strings.Repeat("a", 64) + "\n"
	for text, want := range map[string]string{
		"language: python\nlock: l.lock\npackages: {numpy: 2.2.6}\n":     "",
		"language: python\nlock: l.lock\npackages: {numpy: 2.2.7}\n":     "lock again",
		"language: python\nlock: ../l.lock\npackages: {numpy: 2.2.6}\n":  "lock: name the file beside it",
		"language: python\npackages: {numpy: 2.2.6}\n":                   "lock: name the file",
		"language: perl\npackages: {numpy: 2.2.6}\n":                     "want python or r",
		"language: python\nlock: l.lock\n":                               "name at least one",
		"language: python\nlock: l.lock\npakages: {numpy: 2.2.6}\n":      "unknown field",
		"language: r\npackages: {r-cran-dplyr: \"\"}\n":                  "",
		"language: r\npackages: {bash: \"\"}\n":                          "none of Debian's packages for R",
		"language: r\npackages: {\"r-cran-dplyr;reboot\": \"\"}\n":       "none of Debian's packages for R",
		"language: r\npackages: {r-cran-dplyr: \"1 -o Dir=/\"}\n":        "is no version",
		"language: r\nlock: l.lock\npackages: {r-cran-dplyr: \"\"}\n":    "lock: is for Python",
		"language: python\nlock: empty.lock\npackages: {numpy: 2.2.6}\n": "lock again",
	} {
		dir := t.TempDir()
		for name, content := range map[string]string{"own.yaml": text, "l.lock": lock, "empty.lock": ""} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		switch _, err := Read(filepath.Join(dir, "own.yaml")); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Read("pyton"); err == nil || !strings.Contains(err.Error(), `did you mean "python"?`) {
		t.Errorf("got %v", err)
	}
}

// empty is an environment without a package, which needs no network to be built.
func empty(t *testing.T, name string) *Description {
	t.Helper()
	if _, err := os.Stat(python); err != nil {
		t.Skip("not tested: there is no " + python)
	}
	return &Description{Name: name, Language: run.Python}
}

func TestAnEnvironmentIsBuiltOnceAndNotWrittenTo(t *testing.T) {
	root := t.TempDir()
	t.Cleanup(func() { _ = chmod(root, 0o755, 0o644) }) // so that it can be removed
	d := empty(t, "none")
	if _, err := d.Find(root); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("before it is built: %v", err)
	}
	built, err := d.Build(t.Context(), Options{Root: root})
	if err != nil {
		t.Skipf("this machine makes no virtual environment: %v", err)
	}
	again, err := d.Build(t.Context(), Options{Root: root})
	if err != nil || again.Dir != built.Dir {
		t.Errorf("built again: %v, %v", again, err)
	}
	if found, err := d.Find(root); err != nil || found.Dir != built.Dir || found.Files != built.Files {
		t.Errorf("found: %v, %v", found, err)
	}
	if all, err := List(root); err != nil || len(all) != 1 {
		t.Errorf("listed: %d, %v", len(all), err)
	}
	if err := built.Verify(); err != nil {
		t.Error(err)
	}
	err = filepath.WalkDir(built.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Type()&os.ModeSymlink != 0 {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode()&0o222 != 0 {
			t.Errorf("%s can be written to", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	env, err := run.FindEnvironment(built.Dir)
	if err != nil {
		t.Fatal(err)
	}
	before, err := env.Digest()
	if err != nil {
		t.Fatal(err)
	}

	// Elsewhere it has the same files, and a run's record the same digest.
	elsewhere, other := filepath.Join(t.TempDir(), "else"), empty(t, "none")
	t.Cleanup(func() { _ = chmod(elsewhere, 0o755, 0o644) })
	there, err := other.Build(t.Context(), Options{Root: elsewhere})
	if err != nil || there.Files != built.Files {
		t.Errorf("elsewhere: %v, %v", there, err)
	}
	if env, err = run.FindEnvironment(there.Dir); err != nil {
		t.Fatal(err)
	}
	if after, err := env.Digest(); err != nil || after != before {
		t.Errorf("digest elsewhere %s, %v; want %s", after, err, before)
	}

	// What was changed is seen.
	if err := chmod(built.Dir, 0o755, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(built.Dir, "lib", "sitecustomize.py"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := built.Verify(); err == nil || !strings.Contains(err.Error(), "is not what was built") {
		t.Errorf("a file was added: %v", err)
	}
}

func TestWhatWasInterruptedIsBuiltAgain(t *testing.T) {
	root, d := t.TempDir(), empty(t, "none")
	t.Cleanup(func() { _ = chmod(root, 0o755, 0o644) })
	p, err := d.plan()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, p.folder(), "half"), 0o555); err != nil {
		t.Fatal(err)
	}
	built, err := d.Build(t.Context(), Options{Root: root})
	if err != nil {
		t.Skipf("this machine makes no virtual environment: %v", err)
	}
	if _, err := os.Stat(filepath.Join(built.Dir, "half")); err == nil {
		t.Error("half of it is still there")
	}
}
