package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/warehouse"
)

func (a *app) queryCommand() *cobra.Command {
	var as, dummy string
	var history bool
	c := &cobra.Command{
		Use: "query PROJECT SQL…|-", Short: "Ask a project's space for counts and summaries, without a run",
		Long: `One SELECT of counts, sums, averages, deviations and quantiles, by groups. It is answered
at once, without a checker, by the rules of the authorisation: no number is about fewer
persons than minimum_cell_count, nor is one that could be computed with what was answered
before; counts are rounded to 5. Rows, minima and maxima are for a study. docs/queries.md
says what may be asked, and by which method few are protected.

Each question is in the project's history, which its researchers and the officer read with
--history; the ledger has a summary of each session. - reads a question from the
standard input. With --dummy a twin is asked, which remembers nothing.`,
		Example: `  rempart query diabetes "SELECT year_of_birth // 10 * 10 AS born, count(*) FROM person GROUP BY 1 ORDER BY 1"
  rempart query diabetes "SELECT count(DISTINCT person_id) FROM visit_occurrence WHERE year(visit_start_date) = 2025" --json
  rempart query diabetes --history`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 && !history || history && len(args) != 1 {
				return usage("call it as: %s", c.UseLine())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) (err error) {
			name, texts := args[0], args[1:]
			for i, text := range texts {
				if text == "-" {
					read, err := io.ReadAll(io.LimitReader(os.Stdin, query.MaxText+1))
					if err != nil {
						return err
					}
					texts[i] = string(read)
				}
			}
			if twin := dummyFolder(dummy); twin != "" && !history {
				folder, err := project.OpenTwin(twin, name)
				if err != nil {
					return err
				}
				return a.answerAll(texts, func(text string) (*project.Answered, error) { return folder.Ask(c.Context(), text) })
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, name); err != nil {
				return err
			}
			if history {
				asked, err := project.Questions(c.Context(), w, as, name)
				if err != nil {
					return err
				}
				return a.show(asked, func() error { return a.printQuestions(asked) })
			}
			q := project.Question{Project: name, Researcher: as, Session: warehouse.NewID("q")}
			err = a.answerAll(texts, func(text string) (*project.Answered, error) {
				q.Text = text
				return project.Ask(c.Context(), w, q)
			})
			return errors.Join(err, project.SumUp(c.Context(), w, name))
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().BoolVar(&history, "history", false, "list what was asked before")
	c.Flags().StringVar(&dummy, "dummy", "", "ask the twin in this `folder` (or REMPART_DUMMY)")
	return c
}

// answerAll asks one question after the other, to the first that is refused.
func (a *app) answerAll(texts []string, ask func(string) (*project.Answered, error)) error {
	answers := []*project.Answered{}
	var refused error
	for n, text := range texts {
		answer, err := ask(text)
		if err != nil {
			refused = err
			break
		}
		answers = append(answers, answer)
		if a.json {
			continue
		}
		if n > 0 {
			a.say("")
		}
		if err := a.printAnswer(answer); err != nil {
			return err
		}
	}
	if len(answers) == 0 {
		return refused
	}
	if a.json {
		var all any = answers
		if len(texts) == 1 {
			all = answers[0]
		}
		return errors.Join(refused, a.show(all, nil))
	}
	return refused
}

func (a *app) printAnswer(answer *project.Answered) error {
	var rows [][]string
	for _, row := range answer.Rows {
		var cells []string
		for _, v := range row {
			if v.Number != nil {
				cells = append(cells, figure(*v.Number))
				continue
			}
			cells = append(cells, v.String())
		}
		rows = append(rows, cells)
	}
	if err := a.table(answer.Columns, rows); err != nil {
		return err
	}
	notes := []string{fmt.Sprintf("Counts are rounded to %d.", query.Rounding)}
	if answer.Left {
		notes = append(notes, "Groups of few are left out, and what would tell of them.")
	}
	if answer.Hidden {
		notes = append(notes, "– is a number of few, or one that would tell of few.")
	}
	if answer.Cut {
		notes = append(notes, "LIMIT has cut the answer.")
	}
	if answer.Number > 0 {
		notes = append(notes, fmt.Sprintf("Question %d; %d more, and %d numbers, can be asked of this release.", answer.Number, answer.QuestionsLeft, answer.NumbersLeft))
	}
	a.say("%s", strings.Join(notes, " "))
	return nil
}

// figure writes whole numbers with their thousands apart.
func figure(x float64) string {
	if x == float64(int64(x)) {
		return count(int64(x))
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (a *app) printQuestions(asked []project.Asked) error {
	var rows [][]string
	for _, q := range asked {
		came := fmt.Sprintf("%d numbers", q.Numbers)
		if q.Refused != "" {
			came = "refused: " + q.Refused
		}
		rows = append(rows, []string{strconv.Itoa(q.Number), moment(q.Time), q.Researcher, came, strings.Join(strings.Fields(q.Text), " ")})
	}
	return a.table([]string{"question", "when", "who", "what came", "text"}, rows)
}
