package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/warehouse"
)

// A researcher asks a project's space for counts and summaries. What may be shown is
// decided in package project/query; here is the page alone.

// asker answers questions: project.Ask.
type asker func(context.Context, *warehouse.Warehouse, project.Question) (*project.Answered, error)

// queryData is the page on which questions are asked.
type queryData struct {
	Project string        `json:"project"`
	Title   string        `json:"title"`
	Least   int           `json:"minimum_cell_count"`
	Release string        `json:"release"`
	Tables  []query.Table `json:"tables"` // what may be asked of
	Text    string        `json:"-"`
	Answer  *answerTable  `json:"-"`
	Refused string        `json:"-"`
	Remedy  string        `json:"-"`
}

// answerTable is an answer as a table in the person's language.
type answerTable struct {
	*project.Answered
	Numeric []bool // column by column
	Lines   [][]answerCell
}

type answerCell struct {
	Text   string
	Number bool
	Hidden bool
}

// mayAsk says whether the person is a researcher of the project, which has data.
func (q *request) mayAsk(p *governance.Project) bool {
	return q.party.Role == governance.Researcher && slices.Contains(p.Spec.Researchers, q.party.Name) && p.Extraction != nil && p.Status == governance.Approved
}

// asked is the page of the project of the path.
func (q *request) asked() (*queryData, error) {
	p, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayAsk(p) {
		return nil, errNotFound
	}
	return &queryData{Project: p.Name, Title: p.Spec.Title, Least: p.Spec.MinimumCell, Release: p.Extraction.Release, Tables: project.Schema(p).Tables}, nil
}

func (q *request) queryPage(d *queryData) *answer {
	return &answer{"query", q.lang.Text("query.title"), *d}
}

// query shows the form.
func (p *Portal) query(q *request) (*answer, error) {
	d, err := q.asked()
	if err != nil {
		return nil, err
	}
	return q.queryPage(d), nil
}

// answerQuery answers what the form asks: it reads from the host, and starts a sandbox.
func (p *Portal) answerQuery(w http.ResponseWriter, r *http.Request) {
	status, body := p.askTwice(r, reading, func(q *request) (later, error) {
		if err := q.ownForm(); err != nil {
			return nil, err
		}
		d, err := q.asked()
		if err != nil {
			return nil, err
		}
		question := q.question(d.Project, q.who.Token, q.PostForm.Get("sql"))
		return func(ctx context.Context) (func(*request) (*answer, error), error) {
			answered, err := p.asks(ctx, p.w, question)
			var refusal *governance.Refusal
			if err != nil && !errors.As(err, &refusal) {
				return nil, err
			}
			return own(func(q *request) (*answer, error) {
				d, err := q.asked()
				if err != nil {
					return nil, err
				}
				d.Text = question.Text
				if refusal != nil {
					d.Refused, d.Remedy = refusal.Reason, refusal.Remedy
				} else {
					d.Answer = q.tabulated(answered)
				}
				return q.queryPage(d), nil
			}), nil
		}, nil
	}, writePage)
	p.sendPage(w, r, status, &body)
}

// question is one of the person's; those of one session are summed up together in the ledger.
func (q *request) question(of, session, text string) project.Question {
	sum := sha256.Sum256([]byte(session))
	return project.Question{Project: of, Researcher: q.party.Name, Session: "q-" + hex.EncodeToString(sum[:4]), Text: strings.TrimSpace(text)}
}

// asksData is what programs send in place of the form.
type asksData struct {
	SQL string `json:"sql"` // one SELECT of counts, sums, averages or quantiles by groups
}

// answerProgram answers a question of a program, by the same rules, in the same history and out of the
// same budget as one of a person. Those of one token are one session.
func (p *Portal) answerProgram(w http.ResponseWriter, r *http.Request) {
	status, body := p.askTwice(r, asking, func(q *request) (later, error) {
		if err := q.program(); err != nil {
			return nil, err
		}
		d, err := q.asked()
		if err != nil {
			return nil, err
		}
		var in asksData
		if err := q.take(&in); err != nil {
			return nil, err
		}
		question := q.question(d.Project, r.Header.Get("Authorization"), in.SQL)
		return func(ctx context.Context) (func(*request) (*answer, error), error) {
			answered, err := p.asks(ctx, p.w, question)
			return func(*request) (*answer, error) { return &answer{data: answered}, nil }, err
		}, nil
	}, writeJSON)
	p.sendJSON(w, status, asking, &body)
}

// questions is the history of a project's questions, without what they told: for its researchers, officers
// and the controller.
func (p *Portal) questions(q *request) (later, error) {
	of, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayAsk(of) && !q.owns() {
		return nil, errNotFound
	}
	name, who := of.Name, q.party.Name
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		all, err := p.history(ctx, p.w, who, name)
		return func(q *request) (*answer, error) {
			return &answer{"questions", q.lang.Text("questions.title"), questionsData{name, all}}, nil
		}, err
	}, nil
}

// questionsData is the history of a project's questions.
type questionsData struct {
	Project   string          `json:"project"`
	Questions []project.Asked `json:"questions"`
}

// historian tells what was asked of a space: project.Questions.
type historian func(ctx context.Context, w *warehouse.Warehouse, as, name string) ([]project.Asked, error)

// tabulated writes an answer in the person's language.
func (q *request) tabulated(a *project.Answered) *answerTable {
	t := &answerTable{Answered: a, Numeric: make([]bool, len(a.Columns))}
	for _, row := range a.Rows {
		var line []answerCell
		for i, v := range row {
			cell := answerCell{Text: v.Label, Number: v.Number != nil || v.Hidden, Hidden: v.Hidden}
			switch {
			case v.Hidden:
				cell.Text = "–"
			case v.Total:
				cell.Text = q.lang.Text("query.all")
			case v.Null:
				cell.Text = q.lang.Text("query.none")
			case v.Number != nil:
				cell.Text = q.figure(*v.Number)
			}
			t.Numeric[i] = t.Numeric[i] || cell.Number
			line = append(line, cell)
		}
		t.Lines = append(t.Lines, line)
	}
	return t
}

func (q *request) figure(x float64) string {
	if x == float64(int64(x)) {
		return q.lang.Number(int64(x))
	}
	return q.lang.Decimal(x, -1)
}
