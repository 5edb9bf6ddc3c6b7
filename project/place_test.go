package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// The places of a queue, as the workers would take it.
func TestPlacesInTheQueue(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	run := func(id, project string, takes, began int, needs ...string) *turn {
		t := &turn{Run: &governance.Run{RunRequested: ledger.RunRequested{Run: id, Project: project, Needs: needs}}, takes: time.Duration(takes) * time.Minute}
		if began > 0 {
			t.began = now.Add(-time.Duration(began) * time.Minute)
		}
		return t
	}
	for name, c := range map[string]struct {
		queue []*turn
		jobs  int
		want  string
	}{
		"the first starts now":               {[]*turn{run("a1", "a", 10, 0)}, 1, "a1 1/1 +0"},
		"one after the other":                {[]*turn{run("a1", "a", 10, 4), run("a2", "a", 5, 0), run("a3", "a", 5, 0)}, 1, "a2 1/2 +6, a3 2/2 +11"},
		"fair between projects":              {[]*turn{run("a1", "a", 10, 5), run("a2", "a", 10, 0), run("a3", "a", 10, 0), run("b1", "b", 2, 0)}, 1, "a2 2/3 +7, a3 3/3 +17, b1 1/3 +5"},
		"several at a time":                  {[]*turn{run("a1", "a", 10, 5), run("a2", "a", 10, 0), run("b1", "b", 2, 0)}, 2, "a2 2/2 +2, b1 1/2 +0"},
		"a step after the one that it needs": {[]*turn{run("a1", "a", 10, 0), run("a2", "a", 5, 0, "a1"), run("b1", "b", 2, 0)}, 1, "a1 1/3 +0, a2 3/3 +12, b1 2/3 +10"},
		"a step after one that is under way": {[]*turn{run("a1", "a", 10, 1), run("a2", "a", 5, 0, "a1")}, 4, "a2 1/1 +9"},
		"one that takes longer than others":  {[]*turn{run("a1", "a", 10, 60), run("a2", "a", 5, 0)}, 1, "a2 1/1 +0"},
		"nothing tells how long":             {[]*turn{run("a1", "a", 0, 1), run("a2", "a", 5, 0)}, 1, "a2 1/1 ?"},
		"nobody works":                       {[]*turn{run("a1", "a", 10, 0), run("b1", "b", 10, 0)}, 0, "a1 1/2 ?, b1 2/2 ?"},
	} {
		places := forecast(c.queue, map[string]uint64{}, c.jobs, now)
		var got []string
		for _, t := range c.queue {
			if p := places[t.Run.Run]; p != nil {
				starts := "?"
				if p.Starts != nil {
					starts = fmt.Sprintf("%+d", int(p.Starts.Sub(now).Minutes()))
				}
				got = append(got, fmt.Sprintf("%s %d/%d %s", t.Run.Run, p.Number, p.Of, starts))
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, ", "), c.want)
		}
	}
}
