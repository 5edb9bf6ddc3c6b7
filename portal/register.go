package portal

import (
	"time"

	"rempart.eu/rempart/governance"
)

// entryData is what the public is told of a project: what the data is for, on
// what ground, until when. Not who the researchers are, nor what exactly is read.
type entryData struct {
	projectLine
	Use        string    `json:"use,omitempty"`
	Controller string    `json:"controller"`
	LegalBasis string    `json:"legal_basis"`
	Reference  string    `json:"reference"`
	From       time.Time `json:"from"` // of the data
	To         time.Time `json:"to"`
	Approved   time.Time `json:"approved"`
	Persons    int64     `json:"persons,omitempty"` // whose data it was given
	Tables     int       `json:"tables"`
	Outputs    int       `json:"released_outputs"`
}

// public says whether a project is in the public register: once it was granted.
func (q *request) public(p *governance.Project) bool {
	return p.Granted != nil
}

var publicStatuses = []string{"approved", "suspended", "ended", "closed"}

// register lists the projects for everybody.
func (p *Portal) register(q *request) (*answer, error) {
	data := q.list("/register/", q.public, publicStatuses)
	for i := range data.Projects {
		data.Projects[i].Researchers = nil
	}
	return &answer{"register", q.lang.Text("register.title"), data}, nil
}

func (p *Portal) registerEntry(q *request) (*answer, error) {
	project, ok := q.state.Projects.Get(q.PathValue("project"))
	if !ok || !q.public(project) {
		return nil, errNotFound
	}
	s := project.Spec
	data := entryData{
		projectLine: q.projectLine(project, "/register/"), Use: q.use(s.Use), Controller: s.Controller,
		LegalBasis: s.LegalBasis.Text, Reference: s.LegalBasis.Reference,
		From: s.Period.From.Time, To: s.Period.To.Time, Approved: project.Granted.Time, Tables: len(s.Tables),
	}
	data.Researchers = nil
	if data.Controller == "" {
		data.Controller = q.state.ControllerName()
	}
	if x := project.Extraction; x != nil {
		data.Persons = x.Persons
	}
	for _, o := range q.made.of[project.Name] {
		if o.Released {
			data.Outputs++
		}
	}
	return &answer{"entry", s.Title, data}, nil
}
