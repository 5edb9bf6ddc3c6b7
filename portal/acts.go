package portal

import (
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/warehouse"
)

// Decisions that end something, or begin what cannot wait. What is destroyed cannot be
// had back: each form says so, and what it takes with it.

// closeProject ends a project and destroys its key.
func closeProject(q *request) (*form, error) {
	project, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayClose(project) {
		return nil, errNotFound
	}
	about := q.lang.Sentence("decide.about_hold", "project", tell.Project(project.Name), "title", project.Spec.Title)
	return &form{
		decideData{About: about, Back: "/projects/" + project.Name, Choices: q.choices("project", "close"), Warning: q.lang.Text("decide.warn_close")},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.ProjectClosed{Project: project.Name, Reason: d.Reason}, nil
		},
	}, nil
}

func (q *request) mayClose(p *governance.Project) bool {
	return q.owns() && (p.Status == governance.Approved || p.Status == governance.Suspended)
}

// owns says whether the person answers for the warehouse or watches over it.
func (q *request) owns() bool {
	return q.party.Role == governance.Officer || q.party.Role == governance.Controller
}

// controls says whether the person is the controller, of every project.
func (q *request) controls() bool { return q.everything() && q.party.Role == governance.Controller }

// eraseRelease destroys a release's key.
func eraseRelease(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	r, ok := q.state.Releases.Get(q.PathValue("release"))
	if !ok || !q.controls() || r.Erased != nil {
		return nil, errNotFound
	}
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_release", "release", tell.Release(r.Release), "day", q.lang.Day(r.RetainUntil)), Back: "/releases/" + r.Release,
			Choices: q.choices("release", "erase"), Warning: q.lang.Text("decide.warn_release"),
		},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.ReleaseErased{Release: r.Release, Reason: d.Reason}, nil
		},
	}, nil
}

// keyLine is a key-encryption key, and what it opens.
type keyLine struct {
	Key       string    `json:"key"`
	Opens     sentence  `json:"opens"`
	Destroyed *uint64   `json:"destroyed,omitempty"` // the statement that says so
	Since     time.Time `json:"since"`
}

type keysData struct {
	Keys       []keyLine `json:"keys"`
	MayDestroy bool      `json:"may_destroy"`
}

// keysOf lists the keys that open releases and spaces, the latest first.
func (q *request) keysOf() (keys []keyLine) {
	add := func(key string, made governance.Made, opens sentence) {
		if key == "" || slices.ContainsFunc(keys, func(k keyLine) bool { return k.Key == key }) {
			return
		}
		line := keyLine{Key: key, Opens: opens, Since: made.Time}
		if at, gone := q.state.Destroyed[key]; gone {
			line.Destroyed = &at
		}
		keys = append(keys, line)
	}
	for id, r := range q.state.Releases.All() {
		add(r.Manifest.Key, r.Made, q.lang.Sentence("keys.release", "release", tell.Release(id)))
	}
	for name, p := range q.state.Projects.All() {
		if p.Extracted != nil {
			add(p.Key(), *p.Extracted, q.lang.Sentence("keys.project", "project", tell.Project(name)))
		}
	}
	slices.SortStableFunc(keys, func(a, b keyLine) int { return b.Since.Compare(a.Since) })
	return keys
}

func (p *Portal) keys(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	keys := q.keysOf()
	if keys == nil {
		keys = []keyLine{}
	}
	return &answer{"keys", q.lang.Text("keys.title"), keysData{keys, q.controls()}}, nil
}

// destroyKey erases whatever a key opens.
func destroyKey(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	keys := q.keysOf()
	at := slices.IndexFunc(keys, func(k keyLine) bool { return k.Key == q.PathValue("key") })
	if at < 0 || !q.controls() || keys[at].Destroyed != nil {
		return nil, errNotFound
	}
	key := keys[at]
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_key", "key", key.Key, "opens", key.Opens.String()), Back: "/keys",
			Choices: q.choices("key", "destroy"), Warning: q.lang.Text("decide.warn_key"),
		},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.KeyDestroyed{Key: key.Key, Reason: d.Reason}, nil
		},
	}, nil
}

// orders are the steps of a host that a person can order now: to move to it; or, where
// the warehouse lies with it, to leave it; or else to erase what was left there.
func (q *request) orders(h *governance.Host) []string {
	switch {
	case !q.controls():
		return nil
	case h.Host == q.state.Host:
		return []string{"leave"}
	case h.Erased != nil:
		return []string{"move"}
	}
	return []string{"move", "erase"}
}

var steps = map[string]string{"move": ledger.HostMigrated{}.Kind(), "leave": ledger.HostLeft{}.Kind(), "erase": ledger.HostErased{}.Kind()}

// orderStep orders a step of hours, which a machine takes.
func orderStep(q *request) (*form, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	h, ok := q.state.Hosts.Get(q.PathValue("host"))
	if !ok || len(q.orders(h)) == 0 {
		return nil, errNotFound
	}
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_order", "host", tell.Host(h.Host), "here", q.state.Host), Back: "/hosts/" + h.Host,
			Choices: q.choices("order", q.orders(h)...), Day: true, Until: q.now.AddDate(0, 0, 7).Format(time.DateOnly), Warning: q.lang.Text("decide.warn_order"),
		},
		func(d *decideData) (ledger.Body, error) {
			until, err := q.until(d)
			return &ledger.StepOrdered{Step: steps[d.verdict()], Host: h.Host, Until: until, Reason: d.Reason}, err
		},
	}, nil
}

// until is the end of the day that a form asks for.
func (q *request) until(d *decideData) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, d.Until)
	if err != nil || !day.After(q.now) {
		return day, &wrongError{q.lang.Text("decide.no_day")}
	}
	return day.AddDate(0, 0, 1), nil
}

// reviewRoles says that an officer has looked at who has which role.
func reviewRoles(q *request) (*form, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	if q.party.Role != governance.Officer {
		return nil, errNotFound
	}
	roles := q.state.Taking()
	var told []string
	for name, role := range roles {
		told = append(told, name+" ("+q.lang.Text("role."+role)+")")
	}
	slices.Sort(told)
	return &form{
		decideData{About: q.lang.Sentence("decide.about_roles", "all", strings.Join(told, ", ")), Back: "/parties", Choices: q.choices("roles", "right")},
		func(d *decideData) (ledger.Body, error) {
			return &ledger.RolesReviewed{Parties: roles, Reason: d.Reason}, nil
		},
	}, nil
}

// hours are how long an emergency may last.
var hours = map[string]time.Duration{"4": 4 * time.Hour, "12": 12 * time.Hour, "24": 24 * time.Hour}

// openEmergency gives the person the space of a project before anybody has agreed.
func openEmergency(q *request) (*form, error) {
	project, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayBreak(project) {
		return nil, errNotFound
	}
	return &form{
		decideData{
			About: q.lang.Sentence("decide.about_hold", "project", tell.Project(project.Name), "title", project.Spec.Title), Back: "/projects/" + project.Name,
			Choices: q.choices("hours", "4", "12", "24"), Warning: q.lang.Text("decide.warn_emergency"),
		},
		func(d *decideData) (ledger.Body, error) {
			until := q.now.Add(hours[d.verdict()]).UTC().Truncate(time.Second)
			return &ledger.EmergencyOpened{Emergency: warehouse.NewID("e"), Project: project.Name, Until: until, Reason: d.Reason}, nil
		},
	}, nil
}

// mayBreak says whether the person can break the glass of a project that has data: its
// researchers read it anyway.
func (q *request) mayBreak(p *governance.Project) bool {
	return (q.party.Role == governance.Controller || q.party.Role == governance.Researcher) && !isOf(p, q.party.Name) && p.Status == governance.Approved && p.Extraction != nil
}
