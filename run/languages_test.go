package run_test

import (
	"errors"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

func TestAnRStudyRuns(t *testing.T) {
	sandboxed(t)
	if _, err := run.FindR(""); err != nil {
		t.Skip(err)
	}
	got := execute(t, run.Job{Language: run.R, Args: []string{"7"}, Inputs: []run.Input{{Name: "cohort/result.csv", Content: strings.NewReader("age\n40\n50\n")}},
		Code: []byte("d <- read.csv('data/cohort/result.csv')\nn <- as.integer(commandArgs(TRUE)[1])\nwrite.csv(data.frame(mean=mean(d$age), n=n), 'outputs/means.csv', row.names=FALSE)\ncat('done\\n')\n")})
	if got.err != nil || got.files["means.csv"] != "\"mean\",\"n\"\n45,7\n" || got.log != "done\n" {
		t.Errorf("got %v, %q, log %q", got.err, got.files, got.log)
	}
}

func TestAShellStudyRuns(t *testing.T) {
	sandboxed(t)
	got := execute(t, run.Job{Language: run.Shell, Args: []string{"2"}, Inputs: []run.Input{{Name: "cohort/result.csv", Content: strings.NewReader("age\n40\n50\n")}},
		Code: []byte("tail -n +2 data/cohort/result.csv | awk -v k=$1 '{ s += $1 * k } END { print s }' > outputs/sum.txt\n")})
	if got.err != nil || got.files["sum.txt"] != "180\n" {
		t.Errorf("got %v, %q, log %q", got.err, got.files, got.log)
	}
	for _, program := range []string{"mount", "su", "python3", "perl", "/usr/bin/env bash"} {
		if got := execute(t, run.Job{Language: run.Shell, Code: []byte(program + " --version")}); got.err == nil {
			t.Errorf("the shell has %s", program)
		}
	}
}

// Each way to fail says what happened, and where.
func TestEachWayToFailIsClear(t *testing.T) {
	sandboxed(t)
	env := python(t)
	for name, c := range map[string]struct {
		job  run.Job
		want string
	}{
		"Python's syntax":    {run.Job{Language: run.Python, Environment: env, Name: "a.py", Code: []byte("x = 1\nif x\n")}, "in a.py, line 2"},
		"Python's exception": {run.Job{Language: run.Python, Environment: env, Name: "a.py", Code: []byte("x = 1\n\n1 / 0\n")}, "in a.py, line 3"},
		"Python's memory":    {run.Job{Language: run.Python, Environment: env, Code: []byte("b'x' * (8 << 30)")}, "limit of memory (512 MiB)"},
		"SQL's syntax":       {run.Job{Language: run.SQL, Name: "a.sql", Code: []byte("SELECT 1;\nSELEC 2")}, "a.sql:2"},
		"scratch space":      {run.Job{Language: run.Python, Environment: env, Code: []byte("f = open('/tmp/x', 'wb')\nfor _ in range(300): f.write(b'x' * (1 << 20))")}, "limit of scratch space"},
		"the shell's syntax": {run.Job{Language: run.Shell, Name: "a.sh", Code: []byte("true\nif true; then\n")}, "a.sh, line"},
		"a shell's command":  {run.Job{Language: run.Shell, Name: "a.sh", Code: []byte("true\nnothing\n")}, "in a.sh, line 2"},
	} {
		if got := execute(t, c.job); got.err == nil || !strings.Contains(got.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, got.err, c.want)
		}
	}
	if _, err := run.FindR(""); err != nil {
		t.Skip(err)
	}
	for code, want := range map[string]string{"x <- 1\ny <- }\n": "in study.R, line 2", "f <- function() stop('no')\n\nf()\n": "Error in f() : no"} {
		got := execute(t, run.Job{Language: run.R, Code: []byte(code)})
		var failed *run.StudyError
		if !errors.As(got.err, &failed) || !strings.Contains(failed.Error(), want) {
			t.Errorf("got %v, want %s", got.err, want)
		}
	}
}
