package run_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
)

// TestMain lets the test binary be its own sandbox, as the product's binary is.
func TestMain(m *testing.M) {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	if status, ok := victim(); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// sandboxed ends a test on a machine that can run no study; the test fails
// there, because a product that cannot run studies is not finished.
func sandboxed(t *testing.T) {
	t.Helper()
	if err := run.Available(); err != nil {
		t.Fatal(err)
	}
}

// python is the system's interpreter with nothing but its own library.
func python(t *testing.T) run.Environment {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on this machine")
	}
	env, err := run.FindEnvironment(path)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// small limits for tests: a bomb that is not stopped must not harm the machine.
var small = run.Limits{Memory: 512 << 20, Processes: 64, OutputBytes: 8 << 20, OutputFiles: 100, Time: 2 * time.Minute}

// outcome is everything that a run hands back.
type outcome struct {
	run.Result
	files map[string]string
	log   string
	err   error
}

func execute(t *testing.T, job run.Job) outcome {
	t.Helper()
	var out, log bytes.Buffer
	if job.Limits == (run.Limits{}) {
		job.Limits = small
	}
	result, err := run.Execute(t.Context(), job, &out, &log)
	got := outcome{Result: result, log: log.String(), err: err, files: map[string]string{}}
	if err != nil {
		return got
	}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got.files[h.Name] = string(content)
	}
}

// people is a small Parquet file.
func people(t *testing.T) run.Input {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var file bytes.Buffer
	if err := db.CopyOut(t.Context(), "SELECT i AS person_id, 1950 + i % 50 AS year_of_birth FROM range(1000) t(i)", engine.Parquet, &file); err != nil {
		t.Fatal(err)
	}
	return run.Input{Name: "person.parquet", Content: &file}
}

func TestAnSQLStudyCountsPeople(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.SQL, Inputs: []run.Input{people(t)}, Code: []byte("SELECT count(*) AS n FROM person -- all of them")})
	if got.err != nil || got.files["result.csv"] != "n\n1000\n" || len(got.Outputs) != 1 {
		t.Errorf("got %v, outputs %q, log %q", got.err, got.files, got.log)
	}
}

func TestAPythonStudyReadsDataAndWritesOutputs(t *testing.T) {
	sandboxed(t)
	code := `
import sys, os
open("outputs/copy.txt", "w").write(open("data/in.txt").read() + " " + sys.argv[1])
os.mkdir("outputs/more")
open("outputs/more/n.txt", "w").write("1")
print("done")
`
	got := execute(t, run.Job{Language: run.Python, Environment: python(t), Code: []byte(code), Args: []string{"twice"},
		Inputs: []run.Input{{Name: "in.txt", Content: strings.NewReader("hello")}}})
	if got.err != nil || got.files["copy.txt"] != "hello twice" || got.files["more/n.txt"] != "1" || got.log != "done\n" {
		t.Errorf("got %v, outputs %q, log %q", got.err, got.files, got.log)
	}
}

// A study may lie in folders and bring modules; what other studies wrote lies in
// folders of /data, and SQL has a view for each table of it.
func TestAStudyOfSeveralFiles(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.Python, Environment: python(t), Name: "models/train.py",
		Code:   []byte("import common\nopen('outputs/x.txt', 'w').write(common.NAME + open('data/cohort/n.csv').read() + open('models/notes.txt').read())"),
		Files:  []run.File{{Name: "models/common.py", Content: []byte("NAME = 'a'")}, {Name: "models/notes.txt", Content: []byte("c")}},
		Inputs: []run.Input{{Name: "cohort/n.csv", Content: strings.NewReader("b")}}})
	if got.err != nil || got.files["x.txt"] != "abc" {
		t.Errorf("got %v, outputs %q, log %q", got.err, got.files, got.log)
	}
	got = execute(t, run.Job{Language: run.SQL, Inputs: []run.Input{people(t), {Name: "cohort/result.csv", Content: strings.NewReader("person_id\n1\n2\n")}, {Name: "cohort/ages.csv", Content: strings.NewReader("age\n40\n")}},
		Code: []byte("SELECT count(*) AS n, (SELECT age FROM cohort_ages) AS age FROM person JOIN cohort USING (person_id)")})
	if got.err != nil || got.files["result.csv"] != "n,age\n2,40\n" {
		t.Errorf("got %v, outputs %q, log %q", got.err, got.files, got.log)
	}
}

// No name of a file leads elsewhere in the sandbox.
func TestNamesOfFilesAreRefused(t *testing.T) {
	file := func(name string) run.Job {
		return run.Job{Language: run.SQL, Code: []byte("SELECT 1"), Files: []run.File{{Name: name}}}
	}
	jobs := map[string]run.Job{"an input twice": {Language: run.SQL, Inputs: []run.Input{{Name: "a/b"}, {Name: "a/b"}}}}
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.b", "-rf", "a\nb", "data/x", "outputs/x", "data", "study.sql", strings.Repeat("a/", 20) + "b"} {
		jobs["a file "+name] = file(name)
		if name != "study.sql" && !strings.HasPrefix(name, "data") && !strings.HasPrefix(name, "outputs") {
			jobs["an input "+name] = run.Job{Language: run.SQL, Inputs: []run.Input{{Name: name}}}
			jobs["a script "+name] = run.Job{Language: run.SQL, Name: name}
		}
	}
	delete(jobs, "a script ") // none is study.sql
	many := run.Job{Language: run.SQL}
	for i := range run.MaxFiles + 1 {
		many.Files = append(many.Files, run.File{Name: "f" + strings.Repeat("x", i%200) + "/" + strings.Repeat("y", 1+i/200)})
	}
	jobs["more files than the sandbox is handed"] = many
	for what, job := range jobs {
		if _, err := run.Execute(t.Context(), job, io.Discard, io.Discard); err == nil || (!strings.Contains(err.Error(), "cannot name") && !strings.Contains(err.Error(), "at most")) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAFailingStudySaysWhyAndHandsNothingBack(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.Python, Environment: python(t), Name: "train.py", Code: []byte("open('outputs/x', 'w').write('x')\nimport nonsense\n")})
	var failed *run.StudyError
	if !errors.As(got.err, &failed) || failed.Status != 1 || !strings.Contains(failed.Tail, "/study/train.py") || len(got.Outputs) != 0 {
		t.Errorf("got %v, outputs %v", got.err, got.Outputs)
	}
}
