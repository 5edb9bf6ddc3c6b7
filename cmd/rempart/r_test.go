package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

// TestTheRExample runs examples/ages over a space and over its twin: R reads its tables as CSV, and so does one script.
func TestTheRExample(t *testing.T) {
	t.Parallel()
	studies(t)
	if _, err := run.FindR(""); err != nil {
		t.Skip(err)
	}
	home := homeAt(t, extracted)
	study := filepath.Join(t.TempDir(), "study")
	if err := os.CopyFS(study, os.DirFS(filepath.Join("..", "..", "examples", "ages"))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=Alice", "-c", "user.email=alice@example.org", "commit", "-qm", "first"}} {
		git := exec.CommandContext(t.Context(), "git", args...)
		git.Dir = study
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	if out := must(t, home, "run", "--project", "flu", "--as", "alice", "--follow", study); !strings.Contains(out, "ages.csv") {
		t.Errorf("the example says %s", out)
	}
	if out := must(t, home, "run", "--project", "flu", "--as", "alice", study); !strings.Contains(out, "nothing has changed") && !strings.Contains(out, "unchanged") {
		t.Logf("run again, it says %s", out)
	}
	twin := filepath.Join(t.TempDir(), "twin")
	must(t, home, "project", "dummy", "flu", twin, "--as", "alice")
	must(t, home, "run", "--project", "flu", "--dummy", twin, study)
	if text, err := os.ReadFile(filepath.Join(twin, "outputs", "ages", "ages.csv")); err != nil || !strings.HasPrefix(string(text), `"decade","persons"`) {
		t.Errorf("over the twin: %v, %s", err, text)
	}
	script := write(t, "see.R", "d <- list.files('data')\nstopifnot(all(grepl('csv$', d)))\np <- read.csv('data/condition_occurrence.csv')\nstopifnot(is.numeric(p$person_id), !is.na(as.Date(p$condition_start_date[1])))\ncat('tables:', length(d), '\\n')\n")
	must(t, home, "run", "--project", "flu", "--as", "alice", "--tables-as", "csv", script)
	for _, args := range [][]string{{"--tables-as", "csv", write(t, "a.sql", "SELECT count(*) FROM person")}, {"--tables-as", "xlsx", script}, {"--tables-as", "csv", study}} {
		if o := commandAt(t, today, home, append([]string{"run", "--project", "flu", "--as", "alice"}, args...)...); o.code == exitOK {
			t.Errorf("%v is taken: %s", args, o.stdout)
		}
	}
}
