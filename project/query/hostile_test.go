package query

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
)

//go:embed testdata/hostile.txt
var hostileText string

type hostile struct{ ask, reason string }

func hostiles(t *testing.T) (all []hostile) {
	t.Helper()
	ask := ""
	for line := range strings.Lines(hostileText) {
		line = strings.TrimRight(line, "\n")
		reason, ends := strings.CutPrefix(line, "=> ")
		switch {
		case strings.HasPrefix(line, "#"), line == "" && ask == "":
		case ends:
			all, ask = append(all, hostile{ask, reason}), ""
		default:
			ask = strings.TrimPrefix(ask+"\n"+line, "\n")
		}
	}
	return all
}

// TestHostileQuestionsAreRefused: each with its reason, which quotes nothing of the data.
func TestHostileQuestionsAreRefused(t *testing.T) {
	all := hostiles(t)
	if len(all) < 60 {
		t.Fatalf("%d statements: at least 60", len(all))
	}
	t.Logf("%d statements", len(all))
	a := newAsker(t)
	for _, h := range all {
		answer, err := a.ask(t.Context(), h.ask)
		var refused *Refused
		switch {
		case err == nil:
			t.Errorf("answered: %s\n%s", h.ask, rowsOf(answer))
		case !errors.As(err, &refused):
			t.Errorf("not refused by a rule: %s\n%v", h.ask, err)
		case !strings.Contains(refused.Reason, h.reason):
			t.Errorf("%s\n  refused: %s\n  want:    %s", h.ask, refused.Reason, h.reason)
		}
	}
}

// tables are those of the space as the sandbox gets them.
func tables(t testing.TB, names ...string) (all []run.Input) {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := db.Exec(t.Context(), spaceSQL); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		var b bytes.Buffer
		if err := db.CopyOut(t.Context(), "FROM "+n, engine.Parquet, &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, run.Input{Name: n + ".parquet", Content: io.Reader(&b)})
	}
	return all
}

// TestTheSandboxAnswersAsTheRulesSay: the same question, with the sandbox around it.
func TestTheSandboxAnswers(t *testing.T) {
	if err := run.Available(); err != nil {
		t.Fatal(err)
	}
	const text = "SELECT year_of_birth // 20 * 20 AS born, count(*), avg(value_as_number) FROM person JOIN measurement USING (person_id) WHERE value_as_number < 100 GROUP BY 1 ORDER BY 1"
	f, err := Ask(t.Context(), text, space, tables(t, Tables(text, space)...))
	if err != nil {
		t.Fatal(err)
	}
	answer, _, err := Judge(f, rules, spacePersons, History{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := newAsker(t).ask(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if rowsOf(answer) != rowsOf(want) || len(answer.Rows) != 3 {
		t.Errorf("got\n%s\nwant\n%s", rowsOf(answer), rowsOf(want))
	}
	for _, text := range []string{"SELECT * FROM person", "COPY person TO '/outputs/answer'", "SELECT count(*) FROM read_csv('/etc/passwd')", "CALL enable_logging(storage = 'file')"} {
		var refused *Refused
		if _, err := Ask(t.Context(), text, space, tables(t, Tables(text, space)...)); !errors.As(err, &refused) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzQuestion: whatever is asked, only counts and summaries are planned, and DuckDB takes
// what was made of it.
func FuzzQuestion(f *testing.F) {
	f.Add("SELECT year_of_birth, count(*) FROM person GROUP BY 1")
	f.Add("SELECT count(*) FROM person WHERE person_id IN (SELECT person_id FROM visit_occurrence WHERE year(visit_start_date) = 2020)")
	f.Add("SELECT CASE WHEN year_of_birth > 1950 THEN 'a' END, median(year_of_birth) FROM person JOIN visit_occurrence USING (person_id) GROUP BY ALL")
	a := newAsker(f)
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := a.ask(t.Context(), text)
		if answer != nil && len(answer.Numbers) == 0 {
			t.Fatalf("%q shows no number", text)
		}
		var refused *Refused
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
