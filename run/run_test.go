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

func TestAFailingStudySaysWhyAndHandsNothingBack(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.Python, Environment: python(t), Name: "train.py", Code: []byte("open('outputs/x', 'w').write('x')\nimport nonsense\n")})
	var failed *run.StudyError
	if !errors.As(got.err, &failed) || failed.Status != 1 || !strings.Contains(failed.Tail, "/study/train.py") || len(got.Outputs) != 0 {
		t.Errorf("got %v, outputs %v", got.err, got.Outputs)
	}
}
