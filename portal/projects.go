package portal

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
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

// status is a project's status at this time: "ended" where the clock has ended it.
func (q *request) status(p *governance.Project) string {
	if p.Status == governance.Approved && p.Ended(q.now) {
		return "ended"
	}
	return string(p.Status)
}

// lastDay is the last day of an authorisation.
func lastDay(p *governance.Project) time.Time { return p.Spec.Ends.End().Add(-time.Second) }

var statuses = []string{"requested", "approved", "ended", "refused", "closed"}

// list lists the projects that pass, narrowed by the request's own words; the
// latest first.
func (q *request) list(base string, pass func(*governance.Project) bool, statuses []string) projectsData {
	query := q.URL.Query()
	data := projectsData{Projects: []projectLine{}, Search: search{Text: query.Get("q"), Status: query.Get("status")}}
	data.Search.Statuses = append(data.Search.Statuses, choice{"", q.lang.text("projects.any"), data.Search.Status == ""})
	for _, s := range statuses {
		data.Search.Statuses = append(data.Search.Statuses, choice{s, q.lang.text("status." + s), data.Search.Status == s})
	}
	for name, p := range q.state.Projects.All() {
		if !pass(p) {
			continue
		}
		data.Search.All++
		status := q.status(p)
		if data.Search.Status != "" && status != data.Search.Status || !matches(data.Search.Text, name, p.Spec.Title, p.Spec.Purpose, p.Spec.LegalBasis.Reference) {
			continue
		}
		data.Projects = append(data.Projects, projectLine{name, p.Spec.Title, strings.TrimSpace(p.Spec.Purpose), status, p.Time, lastDay(p), p.Spec.Researchers, base + url.PathEscape(name)})
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
	return &answer{"projects", q.lang.text("projects.title"), q.list("/projects/", q.sees, statuses)}, nil
}

// projectData is a project's page.
type projectData struct {
	projectLine
	By         string       `json:"requested_by"`
	Statement  uint64       `json:"statement"` // that asked
	Fields     []field      `json:"authorisation"`
	Protection []string     `json:"protection,omitempty"`
	Decision   *decision    `json:"decision,omitempty"`
	Extraction *extraction  `json:"extraction,omitempty"`
	Runs       int          `json:"runs"`
	Outputs    []outputLine `json:"outputs"`
	History    []line       `json:"history"`
	Text       string       `json:"text"` // as it was written
	MayDecide  bool         `json:"may_decide"`
}

type decision struct {
	By        string    `json:"by"`
	Time      time.Time `json:"time"`
	Reason    string    `json:"reason"`
	Statement uint64    `json:"statement"`
}

type extraction struct {
	Release string    `json:"release"`
	Persons int64     `json:"persons"`
	Tables  int       `json:"tables"`
	Time    time.Time `json:"time"`
}

// field is a part of an authorisation, and what it was before where that was
// otherwise.
type field struct {
	Name   string   `json:"name"`
	Text   string   `json:"text,omitempty"`
	Code   bool     `json:"-"`
	List   []string `json:"list,omitempty"`
	Before string   `json:"before,omitempty"`
}

func (p *Portal) project(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	project, ok := q.state.Projects.Get(q.PathValue("project"))
	if !ok || !q.sees(project) {
		return nil, errNotFound
	}
	data := projectData{
		projectLine: projectLine{project.Name, project.Spec.Title, strings.TrimSpace(project.Spec.Purpose), q.status(project), project.Time, lastDay(project), project.Spec.Researchers, ""},
		By:          project.Actor, Statement: project.Index,
		Fields: q.fields(project.Spec), Protection: project.Spec.Protection(), Text: project.Text,
		History:   q.about(project.Name, 50),
		MayDecide: q.party.Role == governance.Officer && project.Status == governance.Requested,
		Outputs:   q.outputsOf(project.Name),
	}
	if d := project.Decision; d != nil {
		data.Decision = &decision{d.Actor, d.Time, project.Reason, d.Index}
	}
	if x := project.Extraction; x != nil {
		data.Extraction = &extraction{x.Release, x.Persons, len(x.Tables), project.Extracted.Time}
	}
	for _, r := range q.state.Runs.All() {
		if r.Project == project.Name {
			data.Runs++
		}
	}
	return &answer{"project", project.Spec.Title, data}, nil
}

// fields tells an authorisation, part by part.
func (q *request) fields(s *governance.Spec) (fields []field) {
	add := func(name, text string) { fields = append(fields, field{Name: name, Text: strings.TrimSpace(text)}) }
	add("purpose", s.Purpose)
	add("legal_basis", s.LegalBasis.Text)
	add("reference", s.LegalBasis.Reference)
	fields = append(fields, field{Name: "persons", Text: strings.TrimSpace(s.Persons), Code: true})
	var tables []string
	for _, table := range slices.Sorted(maps.Keys(s.Tables)) {
		columns := q.lang.text("project.all_columns")
		if !s.Tables[table].All {
			columns = strings.Join(s.Tables[table].Columns, ", ")
		}
		tables = append(tables, table+": "+columns)
	}
	fields = append(fields, field{Name: "tables", List: tables, Code: true})
	add("period", q.lang.text("project.from_to", "from", s.Period.From.Time, "to", s.Period.To.Time))
	fields = append(fields, field{Name: "researchers", List: s.Researchers})
	add("ends", q.lang.day(s.Ends.End().Add(-time.Second)))
	add("minimum_cell_count", q.lang.number(s.MinimumCell))
	return fields
}
