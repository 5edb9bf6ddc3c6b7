package portal

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger/register"
)

// projectLine is a project in a list.
type projectLine struct {
	Name        string    `json:"project"`
	Title       string    `json:"title"`
	Purpose     string    `json:"purpose"`
	Status      string    `json:"status"`
	Requested   time.Time `json:"requested"`
	Ends        time.Time `json:"ends"` // the last day
	Researchers []string  `json:"researchers,omitempty"`
	Href        string    `json:"-"`
}

// projectsData is a list of projects.
type projectsData struct {
	Projects []projectLine `json:"projects"`
	Search   search        `json:"-"`
}

// search is what a list is narrowed by.
type search struct {
	Text, Status string
	Statuses     []choice
	All          int // without the search
}

type choice struct {
	Value, Text string
	Chosen      bool
}

// offer fills what a list can be narrowed to.
func (s *search) offer(l *language, statuses []string) {
	s.Statuses = append(s.Statuses, choice{"", l.Text("projects.any"), s.Status == ""})
	for _, status := range statuses {
		s.Statuses = append(s.Statuses, choice{status, l.Text("status." + status), s.Status == status})
	}
}

// lastDay is the last day of an authorisation.
func lastDay(p *governance.Project) time.Time { return p.Spec.Ends.End().Add(-time.Second) }

var statuses = []string{"requested", "approved", "suspended", "ended", "refused", "closed"}

// list lists the projects that pass, narrowed by the request's own words; the
// latest first.
func (q *request) list(base string, pass func(*governance.Project) bool, statuses []string) projectsData {
	query := q.URL.Query()
	data := projectsData{Projects: []projectLine{}, Search: search{Text: query.Get("q"), Status: query.Get("status")}}
	data.Search.offer(q.lang, statuses)
	for name, p := range q.state.Projects.All() {
		if !pass(p) {
			continue
		}
		data.Search.All++
		status := p.At(q.now)
		if data.Search.Status != "" && status != data.Search.Status || !matches(data.Search.Text, name, p.Spec.Title, p.Spec.Purpose, p.Spec.LegalBasis.Reference) {
			continue
		}
		data.Projects = append(data.Projects, q.projectLine(p, base))
	}
	slices.Reverse(data.Projects)
	return data
}

// matches says whether each word of a search is in one of the texts.
func matches(search string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for _, word := range strings.Fields(strings.ToLower(search)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func (p *Portal) projects(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	return &answer{"projects", q.lang.Text("projects.title"), q.list("/projects/", q.sees, statuses)}, nil
}

// projectData is a project's page: one version of its authorisation, beside the
// one before.
type projectData struct {
	projectLine
	Version    versionLine   `json:"version"`
	Versions   []versionLine `json:"versions"`
	Before     int           `json:"before,omitempty"` // the number of the version that it is shown beside; 0: none
	Fields     []field       `json:"authorisation"`
	Changed    int           `json:"changed"` // fields that are otherwise than before
	Text       string        `json:"text"`    // as it was written
	Suspended  *decision     `json:"suspended,omitempty"`
	Extraction *extraction   `json:"extraction,omitempty"`
	Outdated   bool          `json:"outdated"` // its data are not what is granted now
	Runs       int           `json:"runs"`
	Outputs    []outputLine  `json:"outputs"`
	History    []line        `json:"history"`
	MayDecide  bool          `json:"may_decide"`
	MayHold    bool          `json:"may_hold"`
	MayClose   bool          `json:"may_close"`
	MayBreak   bool          `json:"may_break"` // the glass: read its data in an emergency
	MayAsk     bool          `json:"may_ask"`   // its space for counts, in SQL
	SeesRuns   bool          `json:"-"`
	Packages   int           `json:"packages"` // that were asked for or brought along
	Renewals   int           `json:"renewals"` // later releases that were asked for
	MayExtend  bool          `json:"may_extend"`
	MayRenew   bool          `json:"may_renew"`
}

// versionLine is a version of an authorisation in a list.
type versionLine struct {
	Number    int       `json:"number"`
	By        string    `json:"by"`
	Time      time.Time `json:"time"`
	Statement uint64    `json:"statement"`
	Why       string    `json:"why,omitempty"`
	Status    string    `json:"status"`
	Decision  *decision `json:"decision,omitempty"`
	Shown     bool      `json:"-"`
}

type decision struct {
	By        string    `json:"by"`
	Time      time.Time `json:"time"`
	Reason    string    `json:"reason"`
	Statement uint64    `json:"statement"`
}

func decided(made *governance.Made, reason string) *decision {
	if made == nil {
		return nil
	}
	return &decision{made.Actor, made.Time, reason, made.Index}
}

type extraction struct {
	Release string    `json:"release"`
	Persons int64     `json:"persons"`
	Tables  int       `json:"tables"`
	Time    time.Time `json:"time"`
}

func (p *Portal) project(q *request) (*answer, error) {
	project, err := q.projectAsked()
	if err != nil {
		return nil, err
	}
	version, err := q.versionAsked(project)
	if err != nil {
		return nil, err
	}
	data := projectData{
		projectLine: q.projectLine(project, "/projects/"), Version: q.versionLine(version, version), Text: version.Text,
		Suspended: decided(project.Suspended, project.Reason), Outdated: project.Outdated,
		Outputs: q.outputsOf(project.Name), MayDecide: q.party.Role == governance.Officer && version == project.Waits(), MayHold: q.mayHold(project),
		MayClose: q.mayClose(project), MayBreak: q.mayBreak(project), MayAsk: q.mayAsk(project), SeesRuns: q.seesRuns(), Packages: len(project.Brings) + len(project.Wheels),
		Renewals: len(project.Renewals), MayExtend: q.mayExtend(project), MayRenew: q.mayRenew(project),
	}
	data.Fields = q.fields(version.Spec)
	if before := project.Before(version); before != nil {
		data.Before = before.Number
		data.Fields, data.Changed = beside(data.Fields, q.fields(before.Spec))
	}
	for _, v := range slices.Backward(project.Versions) {
		data.Versions = append(data.Versions, q.versionLine(v, version))
	}
	if x := project.Extraction; x != nil {
		data.Extraction = &extraction{x.Release, x.Persons, len(x.Tables), project.Extracted.Time}
	}
	data.Runs = q.made.runs[project.Name]
	data.History, err = q.latest(register.Query{Project: project.Name}, 20)
	return &answer{"project", version.Spec.Title, data}, err
}

// projectAsked is the project of the request's path, if the person sees it.
func (q *request) projectAsked() (*governance.Project, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	project, ok := q.state.Projects.Get(q.PathValue("project"))
	if !ok || !q.sees(project) {
		return nil, errNotFound
	}
	return project, nil
}

// versionAsked is the version that ?version= names, or else the one that waits,
// or else the one in force, or else the last.
func (q *request) versionAsked(p *governance.Project) (*governance.Version, error) {
	if asked := q.URL.Query().Get("version"); asked != "" {
		number, err := strconv.Atoi(asked)
		if err != nil || number < 1 || number > len(p.Versions) {
			return nil, errNotFound
		}
		return p.Versions[number-1], nil
	}
	for _, v := range []*governance.Version{p.Waits(), p.InForce()} {
		if v != nil {
			return v, nil
		}
	}
	return p.Versions[len(p.Versions)-1], nil
}

func (q *request) projectLine(p *governance.Project, base string) projectLine {
	return projectLine{p.Name, p.Spec.Title, strings.TrimSpace(p.Spec.Purpose), p.At(q.now), p.Time, lastDay(p), p.Spec.Researchers, base + url.PathEscape(p.Name)}
}

func (q *request) versionLine(v, shown *governance.Version) versionLine {
	return versionLine{v.Number, v.Actor, v.Time, v.Index, v.Why, string(v.Status), decided(v.Decision, v.Reason), v == shown}
}
