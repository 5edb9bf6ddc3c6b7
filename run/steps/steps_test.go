package steps

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

// files of a small study.
var files = []run.File{
	{Name: "cohort.sql", Content: []byte("SELECT 1")}, {Name: "train.py", Content: []byte("import lib.a")},
	{Name: "lib/a.py", Content: []byte("A = 1")}, {Name: "lib/b.py", Content: []byte("B = 1")}, {Name: FileName},
}

const study = `steps:
  - name: model
    run: train.py
    args: [--epochs, "3"]
    uses: [lib/a.py]
    needs: [cohort]
    outputs: ["*.csv"]
    memory: 2GiB
    time: 30m
    writes: 512MiB
  - name: cohort
    run: cohort.sql
    tables: [person]
`

func read(t *testing.T, text string) []*Step {
	t.Helper()
	steps, err := parse([]byte(text), files)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// Steps come after what they need, with what they asked for.
func TestStepsAreOrdered(t *testing.T) {
	steps := read(t, study)
	if len(steps) != 2 || steps[0].Name != "cohort" || steps[1].Name != "model" {
		t.Fatalf("%v", steps)
	}
	model := steps[1]
	if l := model.Limits; l.Memory != 2<<30 || l.Time.Minutes() != 30 || l.OutputBytes != 512<<20 {
		t.Errorf("limits %+v", l)
	}
	if len(model.Files) != 1 || model.Files[0].Name != "lib/a.py" || string(model.Code) != "import lib.a" {
		t.Errorf("it has %v and %q", model.Files, model.Code)
	}
	for name, want := range map[string]bool{"metrics.csv": true, "model.bin": false, "deep/metrics.csv": false} {
		if model.Leaves(name) != want {
			t.Errorf("%s leaves: %v", name, !want)
		}
	}
	if steps[0].Leaves("result.csv") {
		t.Error("what a later step needs leaves without being asked to")
	}
}

// What is wrong is told with its step and field.
func TestWrongSteps(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "steps: name at least one",
		"steps: []":                             "steps: name at least one",
		"steps:\n  -":                           "number 1 is empty",
		"step: []":                              `Did you mean "steps"?`,
		"steps: [{name: a, runs: cohort.sql}]":  `Did you mean "run"?`,
		"steps: [{name: A b, run: cohort.sql}]": "lower-case letters",
		"steps: [{name: a, run: none.sql}]":     "there is no file none.sql under git",
		"steps: [{name: a, run: lib}]":          "want a file .sql, .py, .R or .sh",
		"steps: [{name: a, run: cohort.sql, args: [x]}]":                                          "SQL takes none",
		"steps: [{name: a, run: cohort.sql}, {name: a, run: cohort.sql}]":                         "another step has it",
		"steps: [{name: a, run: cohort.sql, needs: [b]}]":                                         `there is no step "b"`,
		"steps: [{name: a, run: cohort.sql, needs: [b]}, {name: b, run: cohort.sql, needs: [a]}]": "in a circle: a → b → a",
		"steps: [{name: a, run: cohort.sql, memory: 1TiB}]":                                       "want 256MiB to 64GiB",
		"steps: [{name: a, run: cohort.sql, memory: 9999999999999999999GiB}]":                     "want 256MiB to 64GiB",
		"steps: [{name: a, run: cohort.sql, time: soon}]":                                         "want 1s to 168h",
		"steps: [{name: a, run: cohort.sql, writes: 3GiB}]":                                       "want at most 2GiB",
		"steps: [{name: a, run: train.py, uses: ['none/*.py']}]":                                  "no file under git fits none/*.py",
		"steps: [{name: a, run: train.py, uses: ['[']}]":                                          "is no pattern",
	} {
		if _, err := parse([]byte(text), files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n\tgot  %v\n\twant %s", text, err, want)
		}
	}
}

// Whatever decides what a step makes is in its digest, and nothing else is.
func TestDigest(t *testing.T) {
	model := func(change func(*Step)) string {
		s := *read(t, study)[1]
		if change != nil {
			change(&s)
		}
		return s.Digest("env", []Input{{"person", "1"}})
	}
	is := model(nil)
	same := map[string]func(*Step){
		"its name":   func(s *Step) { s.Name = "other" },
		"its limits": func(s *Step) { s.Limits.Memory *= 2 },
	}
	other := map[string]func(*Step){
		"its script":  func(s *Step) { s.Code = []byte("other") },
		"a file":      func(s *Step) { s.Files = []run.File{{Name: "lib/a.py", Content: []byte("A = 2")}} },
		"arguments":   func(s *Step) { s.Args = []string{"--epochs", "4"} },
		"its outputs": func(s *Step) { s.Outputs = nil },
		"its place":   func(s *Step) { s.Run = "lib/train.py" },
	}
	for what, change := range same {
		if model(change) != is {
			t.Errorf("%s changes the digest", what)
		}
	}
	for what, change := range other {
		if model(change) == is {
			t.Errorf("%s does not change the digest", what)
		}
	}
	step := read(t, study)[1]
	if step.Digest("env 2", []Input{{"person", "1"}}) == is || step.Digest("env", []Input{{"person", "2"}}) == is {
		t.Error("the environment or an input does not change the digest")
	}
}

// A study is what is committed, without links and what git does not know.
func TestAStudyLiesUnderGit(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.eu"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	fails := func(want string) {
		t.Helper()
		if _, err := Read(t.Context(), dir, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	fails("holds no rempart.yaml")
	write(FileName, "steps: [{name: a, run: a.sql}]\n")
	fails("lies under git, with a commit")
	git("init", "-q")
	write("a.sql", "SELECT 1")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.sql")); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "-qm", "a study")
	write("unknown.sql", "SELECT 2")
	study, err := Read(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(study.Commit) != 40 || string(study.Steps[0].Code) != "SELECT 1" {
		t.Errorf("%+v", study)
	}
	for _, run := range []string{"unknown.sql", "link.sql"} {
		write(FileName, "steps: [{name: a, run: "+run+"}]\n")
		git("commit", "-qam", "another")
		fails("there is no file " + run + " under git")
	}
	write(FileName, "steps: [{name: a, run: a.sql}]\n")
	fails("has changes that are not committed")
	if study, err = Read(t.Context(), dir, true); err != nil || !strings.HasSuffix(study.Commit, "+") {
		t.Errorf("%v, %v", study, err)
	}
}

// FuzzParse: whatever the text is, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(study))
	f.Add([]byte("steps: [{name: a, run: cohort.sql, needs: [a]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		steps, err := parse(text, files)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, s := range steps {
			for _, n := range s.Needs {
				if !seen[n] {
					t.Errorf("%s comes before %s, which it needs", s.Name, n)
				}
			}
			seen[s.Name] = true
		}
	})
}
