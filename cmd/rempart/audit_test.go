package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLogIsNarrowedAndPaged(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	lines := func(args ...string) (numbers []string) {
		t.Helper()
		for _, l := range strings.Split(must(t, home, append([]string{"audit", "log"}, args...)...), "\n")[1:] {
			if l == "" {
				break
			}
			numbers = append(numbers, strings.Fields(l)[0])
		}
		return numbers
	}
	all := lines()
	if last := lines("--lines", "3"); strings.Join(last, " ") != strings.Join(all[len(all)-3:], " ") {
		t.Errorf("the last page is %v of %v", last, all)
	}
	if before := lines("--lines", "3", "--page", "2"); strings.Join(before, " ") != strings.Join(all[len(all)-6:len(all)-3], " ") {
		t.Errorf("the page before is %v of %v", before, all)
	}
	out := must(t, home, "audit", "log", "--lines", "3")
	if !strings.Contains(out, "--page 2") {
		t.Errorf("nothing leads to earlier statements:\n%s", out)
	}
	var said []struct {
		Index                       uint64
		Kind, Actor, Project, Tells string
	}
	if err := json.Unmarshal([]byte(must(t, home, "audit", "log", "--json")), &said); err != nil || len(said) != len(all) {
		t.Fatalf("%d of %d statements in JSON: %v", len(said), len(all), err)
	}
	for _, c := range []struct {
		args []string
		want func(kind, actor, project, tells string) bool
	}{
		{[]string{"--party", "dora"}, func(_, actor, _, _ string) bool { return actor == "dora" }},
		{[]string{"--person", "dora"}, func(_, actor, _, tells string) bool { return actor == "dora" || strings.Contains(tells, "dora") }},
		{[]string{"--project", "flu"}, func(_, _, project, _ string) bool { return project == "flu" }},
		{[]string{"--kind", "run-requested", "--kind", "run-finished"}, func(kind, _, _, _ string) bool { return kind == "run-requested" || kind == "run-finished" }},
		{[]string{"--project", "flu", "--kind", "output-released", "--period", "2000..2100"}, func(kind, _, project, _ string) bool { return kind == "output-released" }},
		{[]string{"--period", "2001"}, func(_, _, _, _ string) bool { return false }},
	} {
		var want []string
		for i, s := range said {
			if c.want(s.Kind, s.Actor, s.Project, s.Tells) {
				want = append(want, all[i])
			}
		}
		if got := lines(c.args...); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v: %v, want %v", c.args, got, want)
		}
	}
	if out := must(t, home, "audit", "log", "--lang", "fr"); !strings.Contains(out, "a créé l’entrepôt") {
		t.Errorf("in French:\n%s", out)
	}
	refused(t, exitUsage, "is no period", home, "audit", "log", "--period", "2026Q5")
	refused(t, exitUsage, "no kind of statement \"run-request\"", home, "audit", "log", "--kind", "run-request")
	refused(t, exitUsage, "there are 1 pages", home, "audit", "log", "--page", "2")
	refused(t, exitUsage, "no language", home, "audit", "log", "--lang", "de")
}

func TestAStatementIsToldWhole(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	for kind, wants := range map[string][]string{
		"warehouse-created": {"created the warehouse", "key file ed25519:", "known from statement 0"},
		"project-approved":  {"dora approved project flu", "data protection officer", "allowed by"},
		"output-released":   {"bob let output", "output checker", "rempart audit proof"},
	} {
		var found []struct{ Index uint64 }
		if err := json.Unmarshal([]byte(must(t, home, "audit", "log", "--kind", kind, "--json")), &found); err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", kind, err)
		}
		number := strings.TrimSpace(must(t, home, "audit", "log", "--kind", kind, "--lines", "1"))
		number = strings.Fields(strings.Split(number, "\n")[1])[0]
		out := must(t, home, "audit", "show", number)
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s is shown without %q:\n%s", kind, want, out)
			}
		}
		var raw struct{ Kind string }
		if err := json.Unmarshal([]byte(must(t, home, "audit", "show", number, "--raw")), &raw); err != nil || raw.Kind != kind {
			t.Errorf("the statement itself: %+v, %v", raw, err)
		}
	}
	refused(t, exitUsage, "has no statement", home, "audit", "show", "999")
	refused(t, exitUsage, "has no statement", home, "audit", "show", "3x")
	refused(t, exitUsage, "has no statement", home, "audit", "proof", "999")
}

// A reason is what its author wants others to read: it colours, hides and moves
// nothing on their terminals.
func TestAReasonObeysNoTerminal(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	must(t, home, "project", "close", "flu", "--as", "dora", "--reason", "done\x1b[2K\x1b[1A\u202eyllaer\u009b31m\r0  carole approved\n1  it")
	for _, args := range [][]string{{"audit", "log"}, {"audit", "log", "--lang", "fr"}, {"audit", "show", "LAST"}, {"audit", "show", "LAST", "--raw"}} {
		last := strings.Fields(strings.TrimSpace(strings.Split(must(t, home, "audit", "log", "--kind", "project-closed"), "\n")[1]))[0]
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "LAST", last)
		}
		out := must(t, home, args...)
		if strings.ContainsAny(out, "\x1b\u202e\u009b\r") || strings.Contains(out, "\n1  it") {
			t.Errorf("%v prints %q", args, out)
		}
	}
}

func TestAProofIsWritten(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	dir := filepath.Join(t.TempDir(), "evidence")
	out := must(t, home, "audit", "proof", "3", "--out", dir, "--envelope")
	if !strings.Contains(out, "docs/verify.py") {
		t.Errorf("nobody is told how to verify it:\n%s", out)
	}
	for _, name := range []string{"statement-3.tlog-proof", "statement-3.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAPeriodIsReported(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	must(t, home, "project", "suspend", "flu", "--as", "dora", "--reason", "a complaint\x1b[2J <b>&")
	var r struct {
		Authorisations []struct {
			Project, Status string
			Versions        []struct {
				Decision struct{ Actor, Verdict string }
			}
		}
		Extractions []struct{ Persons int64 }
		Runs        []struct {
			Actor, Outcome string
			Tables, Bytes  int64
		}
		Outputs []struct {
			Decision struct{ Verdict, Actor, Reason string }
		}
		Access []struct {
			Person string
			Runs   int
		}
		Incidents []struct{ Kind, Tells string }
		Months    []struct{ Runs int }
	}
	period := today[:4]
	if err := json.Unmarshal([]byte(must(t, home, "audit", "report", "--project", "flu", "--period", period, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Authorisations) != 1 || r.Authorisations[0].Status != "suspended" || r.Authorisations[0].Versions[0].Decision.Actor != "dora" {
		t.Errorf("authorisations: %+v", r.Authorisations)
	}
	if len(r.Extractions) == 0 || len(r.Runs) == 0 || r.Runs[0].Outcome != "done" || r.Runs[0].Tables != 2 || r.Runs[0].Bytes == 0 || len(r.Outputs) == 0 || r.Outputs[0].Decision.Verdict != "released" || r.Outputs[0].Decision.Actor != "bob" {
		t.Errorf("use: %+v", r)
	}
	if len(r.Access) == 0 || r.Access[0].Runs == 0 || len(r.Months) != 12 || len(r.Incidents) != 1 || r.Incidents[0].Kind != "project-suspended" {
		t.Errorf("access, months, incidents: %+v", r)
	}
	dir := t.TempDir()
	for lang, title := range map[string]string{"en": "Report on the warehouse", "fr": "Rapport sur l’entrepôt"} {
		path := filepath.Join(dir, lang+".html")
		out := must(t, home, "audit", "report", "--period", period, "--lang", lang, "--html", path)
		page := string(read(t, path))
		if !strings.Contains(page, title) || !strings.Contains(page, `lang="`+lang+`"`) || strings.Contains(page, "⟨") {
			t.Errorf("the page in %s", lang)
		}
		for _, text := range []string{out, page} {
			if strings.Contains(text, "\x1b") || strings.Contains(text, "⟨") {
				t.Errorf("%s obeys a terminal, or lacks a text: %.300q", lang, text)
			}
		}
		if strings.Contains(page, "<b>&") {
			t.Error("a reason is taken for HTML")
		}
	}
	if err := json.Unmarshal([]byte(must(t, home, "audit", "report", "--period", "2001", "--json")), &r); err != nil {
		t.Error(err)
	}
	refused(t, exitRefused, "no project", home, "audit", "report", "--project", "none")
	refused(t, exitUsage, "is no period", home, "audit", "report", "--period", "soon")
}
