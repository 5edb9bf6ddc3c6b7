package portal

import (
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
)

// What a project's leader asks for when it goes on: the data of a later release, and a later end. Both are asked for
// and decided here; a later end is an amendment, which is decided as each is.

// renewalLine is a release that was asked for.
type renewalLine struct {
	Release  string    `json:"release"`
	Status   string    `json:"status"` // waits, approved, done, refused, superseded
	By       string    `json:"by"`
	Time     time.Time `json:"time"`
	Reason   string    `json:"reason"` // it was asked for
	Decision *decision `json:"decision,omitempty"`
	Done     *decision `json:"done,omitempty"` // the extraction that gave it
}

// laterRelease is a release that the project's space could be made anew from.
type laterRelease struct {
	Release string    `json:"release"`
	Time    time.Time `json:"time"`
	Persons int64     `json:"persons"`
	Tables  []growth  `json:"tables"` // those of the authorisation
}

// growth is how many rows a table of a release has, beside that of the project's own release. It counts the whole
// release, nothing of the project.
type growth struct {
	Table  string `json:"table"`
	Before int64  `json:"before"`
	Now    int64  `json:"now"`
}

type renewalsData struct {
	Project   string         `json:"project"`
	Title     string         `json:"title"`
	Release   string         `json:"release,omitempty"` // that the project's data are from
	Later     []laterRelease `json:"later"`
	Renewals  []renewalLine  `json:"renewals"`
	MayAsk    bool           `json:"may_ask"`
	MayDecide bool           `json:"may_decide"`
}

// renewals lists the releases that a project could have, and those that it asked for, the latest first.
func (p *Portal) renewals(q *request) (*answer, error) {
	of, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	data := renewalsData{Project: of.Name, Title: of.Spec.Title, Later: []laterRelease{}, Renewals: []renewalLine{}, MayAsk: q.mayRenew(of), MayDecide: q.mayDecideRenewal(of)}
	if of.Extraction != nil {
		data.Release = of.Extraction.Release
	}
	for _, r := range q.state.Newer(of) {
		data.Later = append(data.Later, laterRelease{r.Release, r.Time, r.Persons, q.grown(of, r)})
	}
	for _, r := range slices.Backward(of.Renewals) {
		data.Renewals = append(data.Renewals, renewalLine{r.Release, r.Status(), r.Actor, r.Time, r.Reason, decided(r.Decision, r.Why), decided(r.Done, "")})
	}
	return &answer{"renewals", q.lang.Text("renewals.title"), data}, nil
}

// grown compares the tables of the authorisation in a release with those in the project's own.
func (q *request) grown(p *governance.Project, later *governance.Release) (tables []growth) {
	before := map[string]int64{}
	if own, ok := q.state.Releases.Get(p.Extraction.Release); ok {
		for _, t := range own.Tables {
			before[t.Table] = t.Rows
		}
	}
	for _, t := range later.Tables {
		if _, granted := p.Spec.Tables[t.Table]; granted {
			tables = append(tables, growth{t.Table, before[t.Table], t.Rows})
		}
	}
	return tables
}

// mayRenew says whether the person can ask for a later release.
func (q *request) mayRenew(p *governance.Project) bool {
	newer := q.state.Newer(p)
	return len(newer) > 0 && q.may(&ledger.RenewalRequested{Project: p.Name, Release: newer[0].Release, Reason: "–"}) == nil
}

// mayDecideRenewal says whether a release that was asked for waits for the person.
func (q *request) mayDecideRenewal(p *governance.Project) bool {
	r := p.Renewing()
	return r != nil && r.Waits() && q.may(&ledger.RenewalRefused{Project: p.Name, Release: r.Release, Reason: "–"}) == nil
}

// renewProject asks for the data of a later release.
func renewProject(q *request) (*form, error) {
	p, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayRenew(p) {
		return nil, errNotFound
	}
	var releases []choice
	for _, r := range q.state.Newer(p) {
		releases = append(releases, choice{Value: r.Release, Text: q.lang.Text("decide.renewal_release", "release", r.Release, "day", q.lang.Day(r.Time), "persons", r.Persons)})
	}
	f := &form{
		decideData{
			About: q.lang.Sentence("decide.about_renewal", "project", tell.Project(p.Name), "title", p.Spec.Title, "release", tell.Release(p.Extraction.Release)), Back: "/projects/" + p.Name + "/renewals",
			Choices: releases,
		},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.RenewalRequested{Project: p.Name, Release: d.verdict(), Reason: d.Reason}, nil
		},
	}
	if r := p.Renewing(); r != nil {
		f.Warning = q.lang.Text("decide.warn_renewal", "release", r.Release)
	}
	return f, nil
}

// decideRenewal lets a project have the release that it asked for, or not.
func decideRenewal(q *request) (*form, error) {
	p, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayDecideRenewal(p) {
		return nil, errNotFound
	}
	r := p.Renewing()
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_renewing", "project", tell.Project(p.Name), "who", r.Actor, "release", tell.Release(r.Release), "own", tell.Release(p.Extraction.Release), "reason", r.Reason),
			Back:  "/projects/" + p.Name + "/renewals", Choices: q.choices("renewal", "approve", "refuse"),
		},
		func(d *decideData) (ledger.Body, error) {
			if d.verdict() == "refuse" {
				return &ledger.RenewalRefused{Project: p.Name, Release: r.Release, Reason: d.Reason}, nil
			}
			return &ledger.RenewalApproved{Project: p.Name, Release: r.Release, Reason: d.Reason}, nil
		},
	}, nil
}

// extendProject asks for a later end of a project, and for nothing else.
func extendProject(q *request) (*form, error) {
	p, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayExtend(p) {
		return nil, errNotFound
	}
	f := &form{
		decideData{
			About: q.lang.Sentence("decide.about_extension", "project", tell.Project(p.Name), "title", p.Spec.Title, "day", q.lang.Day(lastDay(p))), Back: "/projects/" + p.Name,
			Choices: q.choices("project", "extend"), Day: true, Until: lastDay(p).AddDate(1, 0, 0).Format(time.DateOnly),
		},
		func(d *decideData) (ledger.Body, error) {
			if _, err := q.until(d); err != nil {
				return nil, err
			}
			text, err := p.Spec.Until(p.Text, d.Until)
			return &ledger.ProjectAmended{Project: p.Name, Spec: text, Reason: d.Reason}, err
		},
	}
	if p.Waits() != nil {
		f.Warning = q.lang.Text("decide.warn_extension")
	}
	return f, nil
}

// mayExtend says whether the person can ask for a later end.
func (q *request) mayExtend(p *governance.Project) bool {
	return p.Granted != nil && (p.Status == governance.Approved || p.Status == governance.Suspended) && q.may(&ledger.ProjectAmended{Project: p.Name, Spec: p.Text, Reason: "–"}) == nil
}
