// Package query answers a question in SQL about a project's space with counts and
// summaries, without a run and without a checker, by rules that show nobody.
//
//	text ─► sandbox: DuckDB parses ─► a plan of ours ─► SQL of ours ─► Found ─► Judge ─► Answer
//	                 (parse.go)       (plan.go, expr.go)  (worker.go)            │
//	                                                       what was told before ─┘─► to remember
//
// Nothing of the text is ever run. DuckDB's parser makes a tree of it (json_serialize_sql),
// in the sandbox; of the tree is taken what the plan knows: tables of the space, joined by
// the person; conditions and groups over one row, of functions that cannot fail; and counts,
// sums, averages, deviations and quantiles. Everything else is refused with its reason. What
// is counted of a person depends on what is recorded of that person and of nobody else, so
// no question can carry a fact about one person on the count of many.
//
// [Judge] then decides, knowing what each person adds to each number:
//   - a number is about at least Rules.Least persons, a quantile has as many on either side,
//     a sum is not dominated by few (n,k and p%);
//   - totals of ROLLUP and CUBE give no hidden cell back (package airlock/disclosure/cells);
//   - no number, with one or two that were told before, or with the sum of an earlier
//     answer's groups, is about fewer persons than that. This is query-set-overlap control
//     (Dobkin, Jones and Lipton, "Secure databases: protection against user influence", ACM TODS
//     4(1), 1979), applied to what each person contributes instead of to who is counted, and to
//     the sums of three by which trackers work (Denning, Denning and Schwartz, "The tracker", ACM
//     TODS 4(1), 1979); see Adam and Wortmann, "Security-control methods for statistical
//     databases", ACM Computing Surveys 21(4), 1989;
//   - counts are rounded to multiples of Rounding and other numbers to four digits, so that a
//     system of more equations than these has no exact solution; and the number of questions
//     and of numbers has an end (BudgetQuestions, BudgetNumbers).
//
// What is not guaranteed: the time that an answer takes is not hidden; releases are not
// compared with each other.
package query

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/run"
)

// Limits are those of the sandbox of one question.
var Limits = run.Limits{Memory: 2 << 30, Processes: 64, Time: 30 * time.Second, OutputBytes: 1 << 30, OutputFiles: 2}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*`)

// Tables names the tables of a space that a question may be about: those whose names stand in
// it.
func Tables(text string, schema Schema) (names []string) {
	words := map[string]bool{}
	for _, w := range word.FindAllString(strings.ToLower(text), -1) {
		words[w] = true
	}
	for _, t := range schema.Tables {
		if words[t.Name] {
			names = append(names, t.Name)
		}
	}
	return names
}

// Ask evaluates a question in the sandbox. tables are those that [Tables] names. The error
// is a *Refused where the question is none that can be answered.
func Ask(ctx context.Context, text string, schema Schema, tables []run.Input) (*Found, error) {
	known := Schema{}
	for _, t := range schema.Tables {
		if slices.ContainsFunc(tables, func(in run.Input) bool { return in.Name == t.Name+".parquet" }) {
			known.Tables = append(known.Tables, t)
		}
	}
	if len(known.Tables) == 0 {
		known = schema // its parse says what is wrong
	}
	script, err := json.Marshal(Asked{text, known})
	if err != nil {
		return nil, err
	}
	var outputs, log bytes.Buffer
	_, err = run.Execute(ctx, run.Job{Name: "question.json", Code: script, Language: Language, Inputs: tables, Limits: Limits}, &outputs, &log)
	var (
		study *run.StudyError
		limit *run.LimitError
	)
	switch {
	case errors.As(err, &limit):
		return nil, refuse("Ask for less, or run a study", "the question went over the limit of %s (%s)", limit.Limit, limit.Bound)
	case errors.As(err, &study):
		return nil, refuse("Ask for less, or run a study", "the question could not be evaluated")
	case err != nil:
		return nil, err
	}
	for r := tar.NewReader(&outputs); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the sandbox says nothing of the question")
		}
		if err != nil {
			return nil, fmt.Errorf("read what the question found: %w", err)
		}
		switch header.Name {
		case answerFile:
			return read(r)
		case refusedFile:
			var refused Refused
			if err := json.NewDecoder(io.LimitReader(r, 1<<16)).Decode(&refused); err != nil {
				return nil, fmt.Errorf("read why the question was refused: %w", err)
			}
			return nil, &refused
		}
	}
}
