package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheQueueLosesNothing kills workers of a queue of several projects, again and
// again: each run ends once, with its output, whoever was killed when, and the
// projects take turns.
func TestTheQueueLosesNothing(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, published)
	const perProject = 3
	projects := []string{"one", "two", "three"}
	for _, p := range projects {
		must(t, home, "project", "request", write(t, p+".yaml", request(p, nil)), "--as", "alice")
		must(t, home, "project", "approve", p, "--reason", "lawful")
		must(t, home, "project", "extract", p)
	}
	for _, p := range projects { // all of a project before the next: whoever comes first does not have all turns
		for range perProject {
			must(t, home, "run", "--queue", "--project", p, write(t, "sexes.sql", study), "--as", "alice")
		}
	}
	for range 4 {
		worker := spawn(t, "", home, "runs", "work", "--jobs", "2")
		time.Sleep(time.Duration(500+rand.Int64N(2500)) * time.Millisecond)
		_ = worker.kill()
		worker.end()
	}
	must(t, home, "runs", "work", "--drain")
	state := ledgerOf(t, home)
	ended := map[string]int{}
	for id, r := range state.Runs.All() {
		if r.Finished == nil || r.Finished.Outcome != "done" {
			t.Errorf("run %s of project %s: %+v", id, r.Project, r.Finished)
			continue
		}
		ended[r.Project]++
	}
	for _, p := range projects {
		if ended[p] != perProject {
			t.Errorf("%d runs of project %s have ended, of %d", ended[p], p, perProject)
		}
	}
	if left := must(t, home, "runs", "list"); strings.Contains(left, "one") {
		t.Errorf("the queue still has %s", left)
	}
	afterCrash(t, home)
}

// TestTheQueueIsFair: of projects that have queued several runs each, every one has had a
// turn before one has its second.
func TestTheQueueIsFair(t *testing.T) {
	t.Parallel()
	studies(t)
	home := homeAt(t, published)
	projects := []string{"one", "two", "three"}
	for _, p := range projects {
		must(t, home, "project", "request", write(t, p+".yaml", request(p, nil)), "--as", "alice")
		must(t, home, "project", "approve", p, "--reason", "lawful")
		must(t, home, "project", "extract", p)
	}
	for _, p := range projects {
		for range 2 {
			must(t, home, "run", "--queue", "--project", p, write(t, "sexes.sql", study), "--as", "alice")
		}
	}
	out := must(t, home, "runs", "work", "--drain")
	var turns []string
	for line := range strings.Lines(out) {
		if _, rest, ok := strings.Cut(line, "of project "); ok {
			p, _, _ := strings.Cut(rest, ":")
			turns = append(turns, p)
		}
	}
	if want := []string{"one", "two", "three", "one", "two", "three"}; !slices.Equal(turns, want) {
		t.Errorf("the turns were %v, want %v", turns, want)
	}
}
