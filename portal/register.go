package portal

import (
	"net/url"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
)

// registerData is what the public is told: what [governance.State.PublicRegister]
// says, and nothing else.
type registerData struct {
	Projects []governance.Entry `json:"projects"`
	Search   search             `json:"-"`
}

var publicStatuses = []string{"approved", "suspended", "ended", "closed", "refused"}

// register lists the decisions on projects for everybody, the latest first.
func (p *Portal) register(q *request) (*answer, error) {
	query := q.URL.Query()
	data := registerData{Projects: []governance.Entry{}, Search: search{Text: query.Get("q"), Status: query.Get("status")}}
	data.Search.offer(q.lang, publicStatuses)
	for _, e := range q.state.PublicRegister(q.now) {
		data.Search.All++
		if (data.Search.Status == "" || e.Status == data.Search.Status) && matches(data.Search.Text, e.Project, e.Title, e.Purpose, e.Reference, e.Controller) {
			data.Projects = append(data.Projects, e)
		}
	}
	slices.Reverse(data.Projects)
	return &answer{"register", q.lang.Text("register.title"), data}, nil
}

// entryData is what the public is told of one project.
type entryData struct {
	governance.Entry
	UseText string `json:"-"` // in the words of the law
}

func (p *Portal) registerEntry(q *request) (*answer, error) {
	all := q.state.PublicRegister(q.now)
	at := slices.IndexFunc(all, func(e governance.Entry) bool { return e.Project == q.PathValue("project") })
	if at < 0 {
		return nil, errNotFound
	}
	return &answer{"entry", all[at].Title, entryData{all[at], q.use(all[at].Use)}}, nil
}

// entryHref is where an entry of the register is told whole.
func entryHref(e governance.Entry) string { return "/register/" + url.PathEscape(e.Project) }

// lastDayOf is the last day of what ends at a moment.
func lastDayOf(end time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-time.Second)
}
