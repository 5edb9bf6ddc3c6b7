package portal

import (
	"context"
	"math"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Runs: what waits, is under way and has ended. Whoever sees a project sees that it runs, and what it
// uses; what a study prints is for the project's researchers, without rows and identifiers (see
// project.Look). The page of a run under way looks again each two seconds by a script (live.js), whose
// requests do not keep a session alive.

// looker looks at a run with its log: project.Look.
type looker func(ctx context.Context, w *warehouse.Warehouse, as, id string) (*project.Seen, error)

// runLine is a run in a list.
type runLine struct {
	Run        string            `json:"run"`
	Project    string            `json:"project"`
	Researcher string            `json:"researcher"`
	Step       string            `json:"step,omitempty"`
	Study      string            `json:"study"`  // the script
	Status     string            `json:"status"` // waits, runs, done, failed, cancelled, unknown
	Requested  time.Time         `json:"requested"`
	Progress   *project.Progress `json:"progress,omitempty"`
	Place      *project.Place    `json:"place,omitempty"`
	Outcome    string            `json:"outcome,omitempty"`
	Seconds    float64           `json:"seconds,omitempty"` // that it took
	Tells      string            `json:"-"`                 // where it is, in the person's language
}

type runsData struct {
	Runs    []runLine `json:"runs"`
	Project string    `json:"project,omitempty"`
	Status  string    `json:"-"`
	Choices []choice  `json:"-"`
}

// runData is a run's page.
type runData struct {
	runLine
	Title       string          `json:"title"` // of its project
	Language    string          `json:"language"`
	Code        ledger.Digest   `json:"code"`
	Commit      string          `json:"commit,omitempty"`
	Environment ledger.Digest   `json:"environment,omitempty"`
	Cancelled   *decision       `json:"cancelled,omitempty"`
	Same        string          `json:"same,omitempty"` // the run whose outputs it took, since nothing had changed
	Read        *ledger.LogRead `json:"log_read,omitempty"`
	Walls       []string        `json:"walls,omitempty"`
	Calls       []string        `json:"calls,omitempty"`
	Left        []string        `json:"left_behind,omitempty"`
	Log         string          `json:"log,omitempty"` // as far as it was looked through
	MayRead     bool            `json:"may_read"`      // the log
	MayCancel   bool            `json:"may_cancel"`
	Steps       []runLine       `json:"steps"` // of the same study
	Outputs     []outputLine    `json:"outputs"`
	Figures     []fact          `json:"-"`
	Live        bool            `json:"-"`
}

// seesRuns says whether runs are anything to the person.
func (q *request) seesRuns() bool {
	return q.party.Role == governance.Researcher || q.party.Role == governance.Officer || q.party.Role == governance.Controller
}

// maySee is a run that the person may know of, or nil.
func (q *request) maySee(r *governance.Run) bool {
	p, ok := q.state.Projects.Get(r.Project)
	return ok && q.seesRuns() && q.sees(p)
}

// runs lists what waits and is under way, or what has ended.
func (p *Portal) runs(q *request) (later, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	if !q.seesRuns() {
		return nil, errHidden
	}
	data := runsData{Runs: []runLine{}, Status: "now", Project: q.URL.Query().Get("project")}
	if q.URL.Query().Get("status") == "all" {
		data.Status = "all"
	}
	for _, s := range []string{"now", "all"} {
		data.Choices = append(data.Choices, choice{s, q.lang.Text("runs." + s), s == data.Status})
	}
	var ids []string
	for id, r := range q.state.Runs.Backward() {
		if data.Project != "" && r.Project != data.Project || data.Status == "now" && (r.Finished != nil || r.Cancelled != nil) || !q.maySee(r) {
			continue
		}
		if ids = append(ids, id); len(ids) == most {
			break
		}
	}
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		all, err := project.Glances(ctx, p.w, ids...)
		return func(q *request) (*answer, error) {
			data.Runs = append(data.Runs, q.runLines(all)...)
			return &answer{"runs", q.lang.Text("runs.title"), data}, nil
		}, err
	}, nil
}

func (q *request) runLines(all []*project.Seen) (lines []runLine) {
	for _, seen := range all {
		if r, err := q.state.Run(seen.Run); err == nil {
			lines = append(lines, q.runLine(r, seen))
		}
	}
	return lines
}

// runLine tells of a run what was seen of it.
func (q *request) runLine(r *governance.Run, seen *project.Seen) runLine {
	l := runLine{Run: r.Run, Project: r.Project, Researcher: r.Actor, Step: r.Step, Study: r.Name, Requested: r.Time, Progress: seen.Progress, Place: seen.Place, Outcome: seen.Outcome}
	switch seen.Standing {
	case project.Waiting:
		l.Status, l.Tells = "waits", q.placeTold(seen.Place)
	case project.Running:
		l.Status = "runs"
		if seen.Progress != nil {
			l.Tells = q.lang.Text("runs.since", "when", q.lang.Moment(seen.Progress.Started))
		}
	case project.Cancelled:
		l.Status = "cancelled"
	case project.Ended:
		l.Status, l.Tells, l.Seconds = "failed", seen.Outcome, r.Finished.Seconds
		if seen.Outcome == "done" {
			l.Status, l.Tells = "done", q.lang.Text("runs.took", "seconds", q.lang.Decimal(r.Finished.Seconds, 1))
		}
		if r.Finished.Same != "" {
			l.Tells = q.lang.Text("runs.same", "run", r.Finished.Same)
		}
	default:
		l.Status = "unknown"
	}
	return l
}

// placeTold says when a run has its turn.
func (q *request) placeTold(p *project.Place) string {
	switch {
	case p == nil || p.Held == "" && p.Number == 0:
		return ""
	case p.Held != "":
		return q.lang.Text("runs.held")
	}
	text := q.lang.Text("runs.place", "n", p.Number, "of", p.Of, "under", p.Under)
	switch {
	case p.Jobs == 0:
		text += " " + q.lang.Text("runs.nobody")
	case p.Starts != nil:
		text += " " + q.lang.Text("runs.starts", "when", q.lang.Moment(*p.Starts))
	}
	return text
}

// runAsked is the run of the request's path, if the person may know of it.
func (q *request) runAsked() (*governance.Run, *governance.Project, error) {
	if err := q.loggedIn(); err != nil {
		return nil, nil, err
	}
	r, ok := q.state.Runs.Get(q.PathValue("run"))
	if !ok || !q.maySee(r) {
		return nil, nil, errNotFound
	}
	of, err := q.state.Project(r.Project)
	return r, of, err
}

// run shows a run: where it is, what it uses, and to researchers of its project what it prints.
func (p *Portal) run(q *request) (later, error) {
	r, of, err := q.runAsked()
	if err != nil {
		return nil, err
	}
	id, as := r.Run, ""
	if slices.Contains(of.Spec.Researchers, q.party.Name) {
		as = q.party.Name
	}
	steps := q.ofStudy(r)
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		var seen *project.Seen
		var err error
		if as == "" {
			seen, err = project.Glance(ctx, p.w, id)
		} else {
			seen, err = p.looks(ctx, p.w, as, id)
		}
		if err != nil {
			return nil, err
		}
		all, err := project.Glances(ctx, p.w, steps...)
		return func(q *request) (*answer, error) {
			r, of, err := q.runAsked()
			if err != nil {
				return nil, err
			}
			d := q.runSeen(r, of, seen)
			d.Steps, d.MayRead = q.runLines(all), as != ""
			return &answer{"run", q.lang.Text("run.title", "run", id), d}, nil
		}, err
	}, nil
}

// runSeen is the page of a run as it was seen.
func (q *request) runSeen(r *governance.Run, of *governance.Project, seen *project.Seen) runData {
	d := runData{
		runLine: q.runLine(r, seen), Title: of.Spec.Title, Language: r.Language, Code: r.Code, Commit: r.Commit, Environment: r.Environment,
		Log: seen.Log, MayCancel: q.mayCancel(r), Steps: []runLine{}, Outputs: []outputLine{}, Live: seen.Standing == project.Waiting || seen.Standing == project.Running,
	}
	d.Cancelled = decided(r.Cancelled, r.Why)
	if f := r.Finished; f != nil {
		d.Same, d.Read, d.Walls, d.Calls, d.Left = f.Same, f.Log, f.Walls, f.Calls, f.Left
		for _, o := range f.Outputs {
			if known, err := q.state.Output(o.Output); err == nil && q.seesOutput(known) {
				d.Outputs = append(d.Outputs, q.outputLine(o.Output, known))
			}
		}
	}
	add := func(name, value string) {
		d.Figures = append(d.Figures, fact{Value: value, Name: q.lang.Text("run." + name)})
	}
	if p := seen.Progress; p != nil {
		add("for", q.lang.Text("run.seconds", "n", q.lang.Number(int64(p.Seconds))))
		add("lines", q.lang.Number(p.Lines))
		add("cpu", q.lang.Decimal(math.Round(p.CPU*10)/10, 1))
		add("memory", q.lang.Text("run.of", "n", q.lang.Size(p.Memory), "of", q.lang.Size(p.Limit)))
		add("given", q.lang.Size(p.Given))
	}
	return d
}

// ofStudy are the runs of the steps that a run needs, that need it, and so on, in their order; none of
// a run alone.
func (q *request) ofStudy(r *governance.Run) (ids []string) {
	with := map[string]bool{r.Run: true}
	for grown := true; grown; {
		grown = false
		for id, other := range q.state.Runs.Backward() {
			if other.Project != r.Project || other.Step == "" || other.Commit != r.Commit {
				continue
			}
			near := with[id] || slices.ContainsFunc(other.Needs, func(n string) bool { return with[n] })
			if !near {
				continue
			}
			for _, n := range slices.Concat(other.Needs, []string{id}) {
				if !with[n] {
					with[n], grown = true, true
				}
			}
		}
	}
	if len(with) == 1 {
		return nil
	}
	for id := range q.state.Runs.All() {
		if with[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (q *request) mayCancel(r *governance.Run) bool {
	return r.Finished == nil && r.Cancelled == nil && q.may(&ledger.RunCancelled{Run: r.Run, Reason: "–"}) == nil
}

// cancelRun ends a run that waits or is under way.
func cancelRun(q *request) (*form, error) {
	r, _, err := q.runAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayCancel(r) {
		return nil, errNotFound
	}
	return &form{
		decideData{About: q.lang.Sentence("decide.about_run", "run", r.Run, "study", r.Name, "project", tell.Project(r.Project)), Back: "/runs/" + r.Run, Choices: q.choices("run", "cancel")},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.RunCancelled{Run: r.Run, Reason: d.Reason}, nil
		},
	}, nil
}
