package portal

import (
	"math"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// outputLine is an output in a list.
type outputLine struct {
	Output     string    `json:"output"`
	Name       string    `json:"name"`
	Project    string    `json:"project"`
	Researcher string    `json:"researcher"`
	Size       int64     `json:"size"`
	Status     string    `json:"status"` // waits, blocked (by the disclosure check), released, refused
	Findings   int       `json:"findings"`
	Since      time.Time `json:"since"`
	Checker    string    `json:"checker,omitempty"` // who takes it
	Hours      float64   `json:"hours"`             // that it has waited, or had when it was decided on
	Late       bool      `json:"late"`              // that is longer than its project was promised
}

type outputsData struct {
	Outputs []outputLine `json:"outputs"`
	Status  string       `json:"-"`
	Choices []choice     `json:"-"`
}

func (q *request) outputLine(id string, o *governance.Output) outputLine {
	l := outputLine{id, o.Name, o.Run.Project, o.Run.Actor, o.Size, "waits", len(o.Findings), o.Time, o.Handled().Checker, math.Round(10*o.Waited(q.now).Hours()) / 10, q.state.Late(o, q.now)}
	switch {
	case o.Released:
		l.Status = "released"
	case o.Decision != nil:
		l.Status = "refused"
	case o.Refused:
		l.Status = "blocked"
	}
	return l
}

// most is how many lines a page lists.
const most = 200

// outputs lists what asks to leave; what waits longest stands first.
func (p *Portal) outputs(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	data := outputsData{Outputs: []outputLine{}, Status: q.URL.Query().Get("status")}
	if data.Status == "" {
		data.Status = "waits"
	}
	for _, s := range []string{"waits", "blocked", "released", "refused", "all"} {
		data.Choices = append(data.Choices, choice{s, q.lang.Text("output." + s), s == data.Status})
	}
	list := slices.All(q.made.undecided) // what waits longest stands first
	if data.Status != "waits" {
		list = slices.Backward(q.made.all)
	}
	for _, o := range list {
		if line := q.outputLine(o.id, o.Output); (line.Status == data.Status || data.Status == "all") && q.seesOutput(o.Output) {
			if data.Outputs = append(data.Outputs, line); len(data.Outputs) == most {
				break
			}
		}
	}
	return &answer{"outputs", q.lang.Text("outputs.title"), data}, nil
}

// outputsOf are the outputs of a project that the person may know of, the latest first.
func (q *request) outputsOf(project string) []outputLine {
	lines := []outputLine{}
	for _, o := range slices.Backward(q.made.of[project]) {
		if len(lines) < 20 && q.seesOutput(o.Output) {
			lines = append(lines, q.outputLine(o.id, o.Output))
		}
	}
	return lines
}

// outputData is an output's page.
type outputData struct {
	outputLine
	SHA256      ledger.Digest    `json:"sha256"`
	Run         string           `json:"run"`
	Study       string           `json:"study"`
	Language    string           `json:"language"`
	Code        ledger.Digest    `json:"code"`
	OfProject   string           `json:"title"` // of the project
	Purpose     string           `json:"purpose"`
	MinimumCell int              `json:"minimum_cell_count"`
	Found       []ledger.Finding `json:"found"`
	Decision    *decision        `json:"decision,omitempty"`
	MayDecide   bool             `json:"may_decide"`
	MayLook     bool             `json:"may_look"`
	Own         bool             `json:"own"` // of the person's own project
	Commit      string           `json:"commit,omitempty"`
	Within      int              `json:"within_days"`      // that its project was promised
	From        string           `json:"from,omitempty"`   // the output of which a method made it
	Method      string           `json:"method,omitempty"` //
	By          string           `json:"by,omitempty"`     // who wanted it
	Comments    []remark         `json:"comments"`
	Deliveries  []remark         `json:"deliveries"`
	MayComment  bool             `json:"may_comment"`
	MayTake     bool             `json:"may_take"`
	MaySuggest  bool             `json:"may_suggest"`
	MayChange   bool             `json:"may_change"`
	MayFetch    bool             `json:"may_fetch"`
}

func (p *Portal) output(q *request) (*answer, error) {
	o, err := q.outputAsked()
	if err != nil {
		return nil, err
	}
	project, _ := q.state.Projects.Get(o.Run.Project)
	data := outputData{
		outputLine: q.outputLine(o.Output.Output, o), SHA256: o.SHA256, Run: o.Run.Run, Study: o.Run.Name, Language: o.Run.Language, Code: o.Run.Code,
		OfProject: project.Spec.Title, Purpose: project.Spec.Purpose, MinimumCell: project.Spec.MinimumCell, Found: o.Findings,
		MayDecide: o.Decision == nil && q.mayCheck(o), MayLook: q.mayLook(o), Own: slices.Contains(project.Spec.Researchers, q.party.Name),
	}
	if d := o.Decision; d != nil {
		data.Decision = &decision{d.Actor, d.Time, o.Reason, d.Index}
	}
	q.queueOf(o, &data)
	return &answer{"output", o.Name, data}, nil
}
