package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
)

// A decision is taken in two steps: a form says what is decided and why; then the
// very text of the statement is shown, and a passkey signs it (see sign.go). Until
// then nothing is recorded, and nothing is kept at the server.

// decideData is the form of a decision.
type decideData struct {
	About   sentence `json:"about"`
	Back    string   `json:"-"`
	Choices []choice `json:"choices"`
	Until   string   `json:"-"` // the day, where one is asked for
	Day     bool     `json:"-"` // it asks for one
	Asks    bool     `json:"-"` // for conditions
	Lines   string   `json:"-"` // the conditions, one a line
	Reason  string   `json:"-"`
	Warning string   `json:"warning,omitempty"` // of what cannot be undone
	Found   []string `json:"found,omitempty"`   // of a package, what the scan had to say
	Wrong   string   `json:"wrong,omitempty"`   // what is to be mended
}

// choose marks what the form chose, and takes in its texts.
func (d *decideData) fill(form url.Values) {
	d.Reason, d.Lines = strings.TrimSpace(form.Get("reason")), form.Get("conditions")
	if until := form.Get("until"); until != "" {
		d.Until = until
	}
	for i := range d.Choices {
		d.Choices[i].Chosen = d.Choices[i].Value == form.Get("verdict")
	}
}

// verdict is what was chosen, or "".
func (d *decideData) verdict() string {
	for _, c := range d.Choices {
		if c.Chosen {
			return c.Value
		}
	}
	return ""
}

// choices lists verdicts with their texts.
func (q *request) choices(of string, verdicts ...string) (all []choice) {
	for _, v := range verdicts {
		all = append(all, choice{Value: v, Text: q.lang.Text("decide." + of + "_" + v)})
	}
	return all
}

// decision is a form that may be there for whoever asks, and the statement that
// its verdict makes.
type form struct {
	decideData
	body func(d *decideData) (ledger.Body, error)
}

// errWrong says what a person has to mend in a form.
type wrongError struct{ text string }

func (e *wrongError) Error() string { return e.text }

// decides makes the handlers of a decision: its form, and what comes of it.
func (p *Portal) decides(path string, find func(*request) (*form, error)) {
	p.states(path, deciding, find)
}

// requests makes the handlers of what somebody asks for in a form.
func (p *Portal) requests(path string, find func(*request) (*form, error)) {
	p.states(path, requesting, find)
}

// states makes the handlers of a form by which somebody makes a statement. Programs need a token of the scope.
func (p *Portal) states(path, scope string, find func(*request) (*form, error)) {
	title := "decide.title"
	if scope == requesting {
		title = "decide.ask_title"
	}
	show := func(q *request, f *form) *answer {
		return &answer{"decide", q.lang.Text(title), f.decideData}
	}
	p.page("GET "+path, func(q *request) (*answer, error) {
		f, err := find(q)
		if err != nil {
			return nil, err
		}
		return show(q, f), nil
	})
	p.form("POST "+path, func(q *request) (*answer, error) {
		f, err := find(q)
		if err != nil {
			return nil, err
		}
		f.fill(q.PostForm)
		body, err := q.stated(f)
		var wrong *wrongError
		var refusal *governance.Refusal
		switch {
		case errors.As(err, &wrong):
			f.Wrong = wrong.text
			return show(q, f), nil
		case errors.As(err, &refusal):
			p.refused(q, err)
			f.Wrong = refusal.Reason
			return show(q, f), nil
		case err != nil:
			return nil, err
		}
		return q.toSign(body, f.Back, f.Warning)
	})
	p.prepare("POST /api/v1"+path, scope, func(q *request) (ledger.Body, error) {
		var v verdict
		f, err := find(q)
		if err == nil {
			err = q.take(&v)
		}
		if err != nil {
			return nil, err
		}
		f.fill(v.form())
		return q.stated(f)
	})
}

// stated is the statement that a filled form makes, if the policies let the person
// make it.
func (q *request) stated(f *form) (ledger.Body, error) {
	switch {
	case f.verdict() == "":
		return nil, &wrongError{q.lang.Text("decide.no_verdict")}
	case f.Reason == "":
		return nil, &wrongError{q.lang.Text("decide.no_reason")}
	case len(f.Reason)+len(f.Lines) > 8000:
		return nil, &wrongError{q.lang.Text("decide.too_long")}
	}
	body, err := f.body(&f.decideData)
	if err == nil {
		err = q.may(body)
	}
	return body, err
}

// may refuses what the policies do not let the person state, and what the person's
// token is not for.
func (q *request) may(body ledger.Body) error {
	if q.who.Projects != nil && !slices.Contains(q.who.Projects, q.about(body)) {
		return errHidden
	}
	return q.state.Authorise(ledger.Statement{Actor: q.party.Name, Kind: body.Kind(), Time: q.now}, body)
}

// about is the project that a statement is about, or "".
func (q *request) about(body ledger.Body) string {
	if b, ok := body.(*ledger.Countersigned); ok {
		if w, waits := q.state.People.Waiting[b.Entry]; waits {
			body = w.Body
		}
	}
	return q.state.About(body).Project
}

// decisions is what can be decided in the portal.
func (p *Portal) decisions() {
	p.decides("/projects/{project}/decide", decideProject)
	p.decides("/projects/{project}/hold", holdProject)
	p.decides("/projects/{project}/close", closeProject)
	p.decides("/projects/{project}/emergency", openEmergency)
	p.decides("/runs/{run}/cancel", cancelRun)
	p.decides("/projects/{project}/wheels/{request}/decide", decideWheel)
	p.decides("/projects/{project}/packages/{package}/withdraw", withdrawWheel)
	p.requests("/projects/{project}/renewals/ask", renewProject)
	p.decides("/projects/{project}/renewals/decide", decideRenewal)
	p.requests("/projects/{project}/extend", extendProject)
	p.decides("/outputs/{output}/decide", decideOutput)
	p.decides("/hosts/{host}/derogate", derogate)
	p.decides("/hosts/{host}/order", orderStep)
	p.decides("/releases/{release}/erase", eraseRelease)
	p.decides("/keys/{key}/destroy", destroyKey)
	p.decides("/parties/review", reviewRoles)
	p.decides("/emergencies/{emergency}/review", reviewEmergency)
	p.decides("/ledger/{index}/countersign", countersign)
	p.form("POST /outputs/{output}/view", func(q *request) (*answer, error) {
		body, err := q.view()
		if err != nil {
			return nil, err
		}
		return q.toSign(body, "/outputs/"+q.PathValue("output"), "")
	})
	p.prepare("POST /api/v1/outputs/{output}/view", deciding, func(q *request) (ledger.Body, error) { return q.view() })
	p.HandleFunc("GET /outputs/{output}/content", p.content(false))
	p.HandleFunc("GET /api/v1/outputs/{output}/content", p.content(true))
}

// decideProject approves or refuses the version of a project that waits.
func decideProject(q *request) (*form, error) {
	project, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	version := project.Waits()
	if q.party.Role != governance.Officer || version == nil {
		return nil, errNotFound
	}
	about := q.lang.Sentence("decide.about_project", "project", tell.Project(project.Name), "title", version.Spec.Title, "n", version.Number)
	return &form{
		decideData{About: about, Back: "/projects/" + project.Name, Choices: q.choices("project", "approve", "refuse")},
		func(d *decideData) (ledger.Body, error) {
			if d.verdict() == "refuse" {
				return &ledger.ProjectRefused{Project: project.Name, Reason: d.Reason}, nil
			}
			return &ledger.ProjectApproved{Project: project.Name, Spec: ledger.Sum([]byte(version.Text)), Reason: d.Reason}, nil
		},
	}, nil
}

// holdProject suspends a project, or lets it go on.
func holdProject(q *request) (*form, error) {
	project, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayHold(project) {
		return nil, errNotFound
	}
	f := &form{decideData: decideData{Back: "/projects/" + project.Name, About: q.lang.Sentence("decide.about_hold", "project", tell.Project(project.Name), "title", project.Spec.Title)}}
	f.Choices = q.choices("project", "suspend")
	f.body = func(d *decideData) (ledger.Body, error) {
		return &ledger.ProjectSuspended{Project: project.Name, Reason: d.Reason}, nil
	}
	if project.Status == governance.Suspended {
		f.Choices = q.choices("project", "resume")
		f.body = func(d *decideData) (ledger.Body, error) {
			return &ledger.ProjectResumed{Project: project.Name, Reason: d.Reason}, nil
		}
	}
	return f, nil
}

func (q *request) mayHold(p *governance.Project) bool {
	return q.party.Role == governance.Officer && (p.Status == governance.Approved && !p.Ended(q.now) || p.Status == governance.Suspended)
}

// decideOutput lets an output leave, or keeps it in.
func decideOutput(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	id := q.PathValue("output")
	o, ok := q.state.Outputs.Get(id)
	if !ok || o.Decision != nil || !q.mayCheck(o) {
		return nil, errNotFound
	}
	about := q.lang.Sentence("decide.about_output", "output", tell.Output(id), "name", o.Name, "project", o.Run.Project)
	return &form{
		decideData{About: about, Back: "/outputs/" + id, Choices: q.choices("output", "release", "refuse")},
		func(d *decideData) (ledger.Body, error) {
			if d.verdict() == "refuse" {
				return &ledger.OutputRefused{Output: id, Reason: d.Reason}, nil
			}
			return &ledger.OutputReleased{Output: id, SHA256: o.SHA256, Reason: d.Reason}, nil
		},
	}, nil
}

// derogate lets the warehouse stay for a time with a host that foreign law reaches.
func derogate(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	h, ok := q.state.Hosts.Get(q.PathValue("host"))
	if !ok || q.party.Role != governance.Officer || !h.Foreign() {
		return nil, errNotFound
	}
	about := q.lang.Sentence("decide.about_host", "host", tell.Host(h.Host), "law", strings.Join(h.Reach(), ", "))
	return &form{
		decideData{About: about, Back: "/hosts/" + h.Host, Choices: q.choices("host", "derogate"), Day: true, Asks: true},
		func(d *decideData) (ledger.Body, error) {
			until, err := q.until(d)
			if err != nil {
				return nil, err
			}
			b := &ledger.DerogationGranted{Host: h.Host, Until: until, Reason: d.Reason}
			for line := range strings.Lines(d.Lines) {
				if line = strings.TrimSpace(line); line != "" {
					b.Conditions = append(b.Conditions, line)
				}
			}
			return b, nil
		},
	}, nil
}

// reviewEmergency says what an officer finds of data that was opened before
// anybody had agreed.
func reviewEmergency(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	e, ok := q.state.Emergencies.Get(q.PathValue("emergency"))
	if !ok || q.party.Role != governance.Officer || e.Review != nil {
		return nil, errNotFound
	}
	about := q.lang.Sentence("decide.about_emergency", "who", e.Actor, "project", tell.Project(e.Project), "until", q.lang.Moment(e.Until), "reason", e.Reason)
	return &form{
		decideData{About: about, Back: "/ledger/" + strconv.FormatUint(e.Index, 10), Choices: q.choices("emergency", "justified", "unjustified")},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.EmergencyReviewed{Emergency: e.Emergency, Justified: d.verdict() == "justified", Reason: d.Reason}, nil
		},
	}, nil
}

// countersign is the second person's word on a statement that waits for it.
func countersign(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	waiting := q.secondFor(q.party.Name, q.now)
	at := slices.IndexFunc(waiting, func(w *governance.Waiting) bool { return strconv.FormatUint(w.Index, 10) == q.PathValue("index") })
	if at < 0 {
		return nil, errNotFound
	}
	w := waiting[at]
	about, err := q.proposed(w)
	if err != nil {
		return nil, err
	}
	return &form{
		decideData{About: about, Back: "/ledger/" + strconv.FormatUint(w.Index, 10), Choices: q.choices("second", "agree", "refuse")},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.Countersigned{Entry: w.Index, Envelope: w.Envelope, Refused: d.verdict() == "refuse", Reason: d.Reason}, nil
		},
	}, nil
}

// proposed tells what waits for a second person.
func (q *request) proposed(w *governance.Waiting) (sentence, error) {
	s, err := ledger.New(w.Actor, w.Time, w.Body)
	if err != nil {
		return nil, err
	}
	return append(sentence{{Text: w.Actor + " "}}, q.tell(s)...), nil
}

// form registers what a form is sent to. It is answered to whoever's session the
// form was shown in, and to nobody else.
func (p *Portal) form(pattern string, view func(*request) (*answer, error)) {
	p.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.html(w, r, own(view)) })
}
