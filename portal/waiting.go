package portal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/warehouse"
)

// waiting is one thing that waits for the person.
type waiting struct {
	Kind  string    `json:"kind"` // what to do: decide, check, review, extend, extract
	What  sentence  `json:"what"`
	Href  string    `json:"href"`
	Since time.Time `json:"since"`
	Days  int       `json:"days,omitempty"` // until it is too late; 0 where there is no such day
	Do    string    `json:"-"`              // the name of the act, on its link
}

// homeData is the first page of somebody who is logged in.
type homeData struct {
	Waiting []waiting `json:"waiting"`
	Facts   []fact    `json:"facts"`
	Latest  []line    `json:"latest"`
}

type fact struct {
	Value string `json:"value"`
	Name  string `json:"name"`
	Href  string `json:"href,omitempty"`
}

// home shows what waits for whoever asks; those who are not logged in are led to
// the register.
func (p *Portal) home(q *request) (*answer, error) {
	if q.who == nil {
		return p.register(q)
	}
	latest, err := q.latest(register.Query{}, 8)
	if err != nil {
		return nil, err
	}
	requests, err := p.w.Requests(q.Context())
	if err != nil {
		return nil, err
	}
	return &answer{"home", q.lang.Text("home.title"), homeData{q.waiting(requests), q.facts(), latest}}, nil
}

// longest is how many outputs the first page lists.
const longest = 50

// soon is how long before its end an authorisation is spoken of.
const soon = 90 * 24 * time.Hour

// waiting lists what waits for the person, what is most pressing first.
func (q *request) waiting(requests []warehouse.Request) []waiting {
	all := []waiting{}
	add := func(w waiting) {
		w.Do = q.lang.Text("waiting.do_" + w.Kind)
		all = append(all, w)
	}
	for _, r := range requests { // that a command of the person's own has left
		if r.Actor == q.party.Name && q.who.Projects == nil {
			add(waiting{Kind: "sign", What: append(sentence{{Text: q.party.Name + " "}}, q.tell(r.Statement(q.now))...), Href: "/sign/" + r.ID, Since: r.Asked})
		}
	}
	role := q.party.Role
	for _, p := range q.state.Projects.All() {
		switch {
		case role == governance.Officer && p.Waits() != nil && p.Granted == nil:
			add(waiting{Kind: "decide", What: q.lang.Sentence("waiting.decide", "project", tell.Project(p.Name), "title", p.Spec.Title, "who", p.Actor), Href: "/projects/" + p.Name, Since: p.Waits().Time})
		case role == governance.Officer && p.Waits() != nil:
			add(waiting{Kind: "decide", What: q.lang.Sentence("waiting.amendment", "project", tell.Project(p.Name), "who", p.Waits().Actor, "why", p.Waits().Why), Href: "/projects/" + p.Name, Since: p.Waits().Time})
		case role == governance.Controller && p.Extractable(q.now) && p.Renewed() != "":
			add(waiting{Kind: "extract", What: q.lang.Sentence("waiting.renewed", "project", tell.Project(p.Name), "release", tell.Release(p.Renewed())), Href: "/projects/" + p.Name, Since: p.Renewing().Decision.Time})
		case role == governance.Controller && p.Extractable(q.now):
			add(waiting{Kind: "extract", What: q.lang.Sentence("waiting.extract", "project", tell.Project(p.Name)), Href: "/projects/" + p.Name, Since: p.Decision.Time})
		}
		if q.mayDecideRenewal(p) {
			add(waiting{Kind: "renewal", What: q.lang.Sentence("waiting.renewal", "who", p.Renewing().Actor, "project", tell.Project(p.Name), "release", tell.Release(p.Renewing().Release)), Href: "/projects/" + p.Name + "/renewals", Since: p.Renewing().Time})
		}
		for _, b := range p.Brings {
			if b.Waits() && q.everything() && q.mayDecideWheel(b) {
				add(waiting{Kind: "wheel", What: q.lang.Sentence("waiting.wheel", "name", b.Name, "project", tell.Project(p.Name), "who", b.Actor), Href: "/projects/" + p.Name + "/wheels", Since: b.Time})
			}
		}
		if p.Status == governance.Approved && !p.Ended(q.now) && p.Spec.Ends.End().Sub(q.now) < soon && (role == governance.Researcher && q.sees(p)) {
			left := days(q.now, p.Spec.Ends.End())
			add(waiting{Kind: "extend", What: q.lang.Sentence("waiting.extend", "project", tell.Project(p.Name), "n", left), Href: "/projects/" + p.Name + "/extend", Since: p.Spec.Ends.End().Add(-soon), Days: left})
		}
	}
	if role == governance.OutputChecker {
		proposed := q.outputsProposed()
		for _, o := range q.made.undecided {
			if len(all) == longest {
				break // the others are on the page of outputs
			}
			if q.mayCheck(o.Output) && !proposed[o.id] {
				add(waiting{Kind: "check", What: q.lang.Sentence("waiting.check", "output", tell.Output(o.id), "name", o.Name, "project", o.Run.Project, "who", o.Run.Actor), Href: "/outputs/" + o.id, Since: o.Time})
			}
		}
	}
	for _, w := range q.secondFor(q.party.Name, q.now) {
		if about, err := q.proposed(w); err == nil {
			add(waiting{Kind: "second", What: about, Href: fmt.Sprintf("/ledger/%d/countersign", w.Index), Since: w.Time, Days: days(q.now, w.Until)})
		}
	}
	if role == governance.Officer {
		for _, e := range q.state.Unreviewed() {
			add(waiting{Kind: "review", What: q.lang.Sentence("waiting.emergency", "who", e.Actor, "project", tell.Project(e.Project), "reason", e.Reason), Href: "/emergencies/" + e.Emergency + "/review", Since: e.Time})
		}
	}
	if q.everything() {
		if since, due := q.state.ReviewDue(q.now); due {
			add(waiting{Kind: "roles", What: q.lang.Sentence("waiting.roles", "n", governance.ReviewEvery), Href: "/parties", Since: since})
		}
		for _, p := range q.state.Unstaffed(q.now) {
			add(waiting{Kind: "unstaffed", What: q.lang.Sentence("waiting.unstaffed", "project", tell.Project(p.Name)), Href: "/projects/" + p.Name, Since: p.Time})
		}
		for name, h := range q.state.Hosts.All() {
			if left, _, ok := h.Warning(q.now); ok && name == q.state.Host {
				add(waiting{Kind: "derogation", What: q.lang.Sentence("waiting.derogation", "host", tell.Host(name), "n", left), Href: "/hosts/" + name, Since: h.Derogation.Time, Days: left})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(pressing(a), pressing(b)), a.Since.Compare(b.Since))
	})
	return all
}

// outputsProposed are the outputs whose decision waits for a second person.
func (q *request) outputsProposed() map[string]bool {
	all := map[string]bool{}
	for _, w := range q.state.People.Waiting {
		if !q.now.Before(w.Until) {
			continue // another may be proposed
		}
		switch b := w.Body.(type) {
		case *ledger.OutputReleased:
			all[b.Output] = true
		case *ledger.OutputRefused:
			all[b.Output] = true
		}
	}
	return all
}

// secondFor are the statements that the person may countersign.
func (q *request) secondFor(party string, now time.Time) []*governance.Waiting {
	if q.who.Projects != nil {
		return nil
	}
	return q.state.WaitingFor(party, now)
}

// pressing orders what waits: first emergencies, and what ends within a month.
func pressing(w waiting) int {
	if w.Kind == "review" || w.Days > 0 && w.Days <= 30 {
		return 0
	}
	return 1
}

// mayCheck says whether a checker may decide on an output: nobody does on one's own.
func (q *request) mayCheck(o *governance.Output) bool {
	p, ok := q.state.Projects.Get(o.Run.Project)
	return ok && q.party.Role == governance.OutputChecker && !o.Refused && o.Run.Actor != q.party.Name && !slices.Contains(p.Spec.Researchers, q.party.Name)
}

// facts are the figures of the first page.
func (q *request) facts() (facts []fact) {
	add := func(key, href string, n int) {
		facts = append(facts, fact{q.lang.Number(n), q.lang.Text("facts."+key, "n", n), href})
	}
	running, asked := 0, 0
	for _, p := range q.state.Projects.All() {
		if !q.sees(p) {
			continue
		}
		if p.Status == governance.Approved && !p.Ended(q.now) {
			running++
		}
		if p.Waits() != nil {
			asked++
		}
	}
	undecided := 0
	for _, o := range q.made.undecided {
		if q.seesOutput(o.Output) {
			undecided++
		}
	}
	add("running", "/projects?status=approved", running)
	add("asked", "/projects?status=requested", asked)
	add("outputs", "/outputs", undecided)
	if q.everything() {
		add("statements", "/ledger", int(q.told.Len()))
	}
	return facts
}
