package portal

import (
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/project"
)

// Python packages that a project brings along: who asked for which and why, what the scan found, who let it in, and
// what was withdrawn. A researcher asks on the command line, which seals the file; who decides does so here.

// wheelLine is a package that was asked for.
type wheelLine struct {
	Request     string        `json:"request,omitempty"` // of older ones there is none
	Name        string        `json:"name"`
	SHA256      ledger.Digest `json:"sha256"`
	Status      string        `json:"status"` // waits, approved, refused, withdrawn
	By          string        `json:"by"`
	Time        time.Time     `json:"time,omitzero"`
	Reason      string        `json:"reason"` // it was asked for
	Modules     []string      `json:"modules"`
	Native      bool          `json:"native"` // it has code that nobody can read
	Found       []string      `json:"found"`  // what the scan had to say
	Decision    *decision     `json:"decision,omitempty"`
	Withdrawn   *decision     `json:"withdrawn,omitempty"`
	MayDecide   bool          `json:"may_decide"`
	MayWithdraw bool          `json:"may_withdraw"`
}

type wheelsData struct {
	Project string      `json:"project"`
	Title   string      `json:"title"`
	Wheels  []wheelLine `json:"wheels"`
	MayAsk  bool        `json:"may_ask"`
}

// wheels lists the packages of a project, the latest first.
func (p *Portal) wheels(q *request) (*answer, error) {
	of, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	data := wheelsData{Project: of.Name, Title: of.Spec.Title, Wheels: []wheelLine{}, MayAsk: q.mayAsk(of)}
	for _, b := range slices.Backward(of.Brings) {
		l := wheelLine{
			Request: b.Request, Name: b.Name, SHA256: b.SHA256, Status: b.Status(), By: b.Actor, Time: b.Time, Reason: b.Reason, Modules: b.Modules, Native: b.Native, Found: b.Found,
			Withdrawn: decided(b.Withdrawn, b.WhyNot), MayDecide: b.Waits() && q.mayDecideWheel(b), MayWithdraw: b.Status() == "approved" && q.mayWithdraw(of.Name),
		}
		if b.Decision != nil && b.Decision.Actor != "" {
			l.Decision = decided(b.Decision, b.Why)
		}
		data.Wheels = append(data.Wheels, l)
	}
	for _, w := range slices.Backward(of.Wheels) {
		if w.Request == "" {
			data.Wheels = append(data.Wheels, wheelLine{Name: w.Name, SHA256: w.SHA256, Status: "approved", Reason: w.Reason, Found: w.Found, MayWithdraw: q.mayWithdraw(of.Name)})
		}
	}
	return &answer{"wheels", q.lang.Text("wheels.title"), data}, nil
}

func (q *request) mayDecideWheel(b *governance.Brought) bool {
	return b.Actor != q.party.Name && q.may(&ledger.WheelRefused{Project: b.Project, Request: b.Request, Reason: "–"}) == nil
}

func (q *request) mayWithdraw(project string) bool {
	return q.may(&ledger.WheelWithdrawn{Project: project, Reason: "–"}) == nil
}

// decideWheel lets a package in that was asked for, or keeps it out.
func decideWheel(q *request) (*form, error) {
	of, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	b, err := of.Package(q.PathValue("request"))
	if err != nil || !b.Waits() || !q.mayDecideWheel(b) {
		return nil, errNotFound
	}
	f := &form{
		decideData{
			About: q.lang.Sentence("decide.about_wheel", "name", b.Name, "who", b.Actor, "project", tell.Project(of.Name), "reason", b.Reason), Back: "/projects/" + of.Name + "/wheels",
			Choices: q.choices("wheel", "approve", "refuse"), Found: b.Found,
		},
		func(d *decideData) (ledger.Body, error) {
			if d.verdict() == "refuse" {
				return &ledger.WheelRefused{Project: of.Name, Request: b.Request, Reason: d.Reason}, nil
			}
			body := project.Approval(b, d.Reason)
			return &body, nil
		},
	}
	if b.Native {
		f.Warning = q.lang.Text("decide.warn_native")
	}
	return f, nil
}

// withdrawWheel takes a package from a project's studies.
func withdrawWheel(q *request) (*form, error) {
	of, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(of.Wheels, func(w ledger.WheelApproved) bool { return string(w.SHA256) == q.PathValue("package") })
	if at < 0 || !q.mayWithdraw(of.Name) {
		return nil, errNotFound
	}
	w := of.Wheels[at]
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_withdrawal", "name", w.Name, "project", tell.Project(of.Name)), Back: "/projects/" + of.Name + "/wheels",
			Choices: q.choices("wheel", "withdraw"), Warning: q.lang.Text("decide.warn_withdraw"),
		},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.WheelWithdrawn{Project: of.Name, Name: w.Name, SHA256: w.SHA256, Reason: d.Reason}, nil
		},
	}, nil
}
