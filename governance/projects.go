package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"rempart.eu/rempart/ledger"
)

// Status is how far a project, or one version of its authorisation, has come.
type Status string

// The life of a project.
const (
	Requested  Status = "requested"
	Approved   Status = "approved"
	Suspended  Status = "suspended"
	Refused    Status = "refused"
	Superseded Status = "superseded" // of a version: another was asked for before it was decided on
	Closed     Status = "closed"
)

// Project is what was asked for and what came of it.
type Project struct {
	Made
	Name       string
	Spec       *Spec  // in force; before anything is granted, what was asked for
	Text       string // of Spec, as it was written
	Status     Status
	Granted    *Made // the first approval
	Decision   *Made // the last, or the end
	Reason     string
	Suspended  *Made      // since when it is, or nil
	Versions   []*Version // every text that was asked for, the first first
	Extraction *ledger.ProjectExtracted
	Extracted  *Made
	Outdated   bool                   // what was extracted is not what is granted now
	Given      []*Given               // every extraction, the first first
	Released   int                    // how many outputs were
	Wheels     []ledger.WheelApproved // what its studies may import beside the environments
	Brings     []*Brought             // every package that was asked for, the first first
	Renewals   []*Renewal             // every other release that was asked for, the first first
	Questions  Questions
}

// Version is one text of an authorisation.
type Version struct {
	Made         // by whom it was asked for, and when
	Number   int // from 1
	Spec     *Spec
	Text     string
	Why      string // an amendment is asked for
	Status   Status
	Decision *Made
	Reason   string // of the decision
}

// Ended says whether the authorisation is over at a time.
func (p *Project) Ended(now time.Time) bool { return !now.Before(p.Spec.Ends.End()) }

// Key is the id of the key-encryption key of the project's data, "" before it has any.
func (p *Project) Key() string {
	if p.Extraction == nil {
		return ""
	}
	return p.Extraction.Objects[0].Key
}

// Waits is the version that waits for a decision, or nil.
func (p *Project) Waits() *Version {
	if len(p.Versions) == 0 || p.Status == Closed {
		return nil
	}
	if last := p.Versions[len(p.Versions)-1]; last.Status == Requested {
		return last
	}
	return nil
}

// InForce is the version that was approved last, or nil.
func (p *Project) InForce() *Version { return p.before(len(p.Versions) + 1) }

// Before is the version that was in force, or was asked for, when a version was
// asked for: what its changes are shown against. The first has none.
func (p *Project) Before(v *Version) *Version {
	if approved := p.before(v.Number); approved != nil {
		return approved
	}
	if v.Number > 1 {
		return p.Versions[v.Number-2]
	}
	return nil
}

func (p *Project) before(number int) *Version {
	for _, v := range slices.Backward(p.Versions[:min(number-1, len(p.Versions))]) {
		if v.Status == Approved {
			return v
		}
	}
	return nil
}

// At tells the status at a time: "ended" where the clock has ended it.
func (p *Project) At(now time.Time) string {
	if (p.Status == Approved || p.Status == Suspended) && p.Ended(now) {
		return "ended"
	}
	return string(p.Status)
}

// Until is the text of an authorisation with another end, a day or a point in
// time; the rest of the text stays as it was written.
func (s *Spec) Until(text, end string) (string, error) {
	file, err := parser.ParseBytes([]byte(text), parser.ParseComments)
	if err != nil {
		return "", fmt.Errorf("the request cannot be read: %w", err)
	}
	path, err := yaml.PathString("$.ends")
	if err != nil {
		return "", err
	}
	if err := path.ReplaceWithReader(file, strings.NewReader(end)); err != nil {
		return "", fmt.Errorf("the end of the request: %w", err)
	}
	changed := file.String()
	to, err := ParseSpec([]byte(changed))
	if err != nil {
		return "", err
	}
	if !Extension(s, to) {
		return "", refuse("Give a later day: --until", "%s is not later than %s", to.Ends, s.Ends)
	}
	return changed, nil
}

// readRequest reads a text that is asked for and checks it against who there is.
func (s *State) readRequest(made Made, name, text string) (*Spec, error) {
	spec, err := ParseSpec([]byte(text))
	if err != nil {
		return nil, err
	}
	if spec.Project != name {
		return nil, refuse("", "the request is of project %q, not %q", spec.Project, name)
	}
	for _, name := range spec.Researchers {
		if party := s.Parties[name]; party.Role != Researcher || party.Left != nil {
			return nil, refuse("Add the person first: rempart party add "+name+" --role researcher", "%q is no researcher of this warehouse", name)
		}
	}
	if !spec.Ends.End().After(made.Time) {
		return nil, refuse("Ask for a later end", "the project would have ended on %s already", spec.Ends)
	}
	return spec, nil
}

func (s *State) request(made Made, b *ledger.ProjectRequested) error {
	spec, err := s.readRequest(made, b.Project, b.Spec)
	if err != nil {
		return err
	}
	first := &Version{Made: made, Number: 1, Spec: spec, Text: b.Spec, Status: Requested}
	return fresh(&s.Projects, "project", b.Project, &Project{Made: made, Name: b.Project, Spec: spec, Text: b.Spec, Status: Requested, Versions: []*Version{first}})
}

// amend takes in another text. It replaces one that still waits.
func (s *State) amend(made Made, b *ledger.ProjectAmended) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Status == Refused || project.Status == Closed {
		return refuse("Ask for a new one: rempart project request", "project %s is %s, and its authorisation cannot be changed", b.Project, project.Status)
	}
	spec, err := s.readRequest(made, b.Project, b.Spec)
	if err != nil {
		return err
	}
	if err := needsReason(b.Reason); err != nil {
		return err
	}
	waits := project.Waits()
	if b.Spec == project.Text || waits != nil && b.Spec == waits.Text {
		return refuse("Change the text", "the text is what project %s has already", b.Project)
	}
	if waits != nil {
		waits.Status, waits.Decision = Superseded, &made
	}
	project.Versions = append(project.Versions, &Version{Made: made, Number: len(project.Versions) + 1, Spec: spec, Text: b.Spec, Why: b.Reason, Status: Requested})
	if project.Granted == nil {
		project.Spec, project.Text = spec, b.Spec
	}
	return nil
}

func (s *State) approve(made Made, b *ledger.ProjectApproved) error {
	project, version, err := s.undecided(b.Project, b.Reason)
	if err != nil {
		return err
	}
	if b.Spec != ledger.Sum([]byte(version.Text)) {
		return refuse("Read it: rempart project show "+b.Project, "what was approved is not what was requested")
	}
	version.Status, version.Decision, version.Reason = Approved, &made, b.Reason
	if project.Extraction != nil && !sameData(project.Spec, version.Spec) {
		project.Outdated = true
	}
	project.Spec, project.Text, project.Decision = version.Spec, version.Text, &made
	if project.Granted == nil {
		project.Granted = &made
	}
	if project.Suspended == nil {
		project.Status, project.Reason = Approved, b.Reason
	}
	return nil
}

// deny refuses what waits; what was granted before stays in force.
func (s *State) deny(made Made, b *ledger.ProjectRefused) error {
	project, version, err := s.undecided(b.Project, b.Reason)
	if err != nil {
		return err
	}
	version.Status, version.Decision, version.Reason = Refused, &made, b.Reason
	if project.Granted == nil {
		project.Status, project.Decision, project.Reason = Refused, &made, b.Reason
	}
	return nil
}

func (s *State) undecided(name, reason string) (*Project, *Version, error) {
	project, err := s.Project(name)
	if err != nil {
		return nil, nil, err
	}
	version := project.Waits()
	if version == nil {
		return nil, nil, refuse("", "project %s is %s already, and nothing of it waits for a decision", name, project.Status)
	}
	return project, version, needsReason(reason)
}

func needsReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	return nil
}

func (s *State) suspend(made Made, b *ledger.ProjectSuspended) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Status != Approved {
		return refuse("", "project %s is %s, and cannot be suspended", b.Project, project.Status)
	}
	project.Status, project.Suspended, project.Reason = Suspended, &made, b.Reason
	return needsReason(b.Reason)
}

func (s *State) resume(_ Made, b *ledger.ProjectResumed) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Status != Suspended {
		return refuse("", "project %s is %s, and not suspended", b.Project, project.Status)
	}
	project.Status, project.Suspended, project.Reason = Approved, nil, b.Reason
	return needsReason(b.Reason)
}

// extract takes in what a project was given. It is given its data once, and
// again where what it has is not what it may have.
func (s *State) extract(made Made, b *ledger.ProjectExtracted) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if !s.mayExtract(project) {
		return refuse("", "project %s has its data already, from release %s", b.Project, project.Extraction.Release)
	}
	release, err := s.Releases.find("release", b.Release)
	if err != nil {
		return err
	}
	if release.Erased != nil {
		return refuse("", "release %s was erased", b.Release)
	}
	if len(b.Objects) != len(b.Tables) || len(b.Tables) == 0 {
		return refuse("", "project %s: %d objects for %d tables", b.Project, len(b.Objects), len(b.Tables))
	}
	if key := project.Key(); key != "" && key != b.Objects[0].Key { // the outputs that wait are sealed to it
		return refuse("", "project %s would have another key than its outputs", b.Project)
	}
	if err := s.renewed(&made, project, b.Release); err != nil {
		return err
	}
	if n := len(project.Given); n > 0 {
		project.Given[n-1].Until = &made
	}
	given := &Given{Made: made, Release: b.Release}
	if b.Members != nil {
		given.Members = *b.Members
	}
	if b.Catalogue != nil {
		given.Catalogue = *b.Catalogue
	}
	project.Given = append(project.Given, given)
	project.Extraction, project.Extracted, project.Outdated = b, &made, false
	return nil
}

func (s *State) close(made Made, b *ledger.ProjectClosed) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Status == Closed {
		return refuse("", "project %s is closed already", b.Project)
	}
	project.Status, project.Reason, project.Suspended, project.Decision = Closed, b.Reason, nil, &made
	if key := project.Key(); key != "" {
		s.Destroyed[key] = made.Index
	}
	return nil
}

// Unstaffed lists the projects that go on though every researcher of theirs has left.
func (s *State) Unstaffed(now time.Time) (projects []*Project) {
	for _, p := range s.Projects.All() {
		if p.Status != Approved && p.Status != Suspended || p.Ended(now) {
			continue
		}
		left := func(name string) bool { return s.Parties[name].Left == nil }
		if !slices.ContainsFunc(p.Spec.Researchers, left) {
			projects = append(projects, p)
		}
	}
	return projects
}

// Approves is the text of the authorisation whose digest a statement names, while it
// waits for a decision, or "".
func (s *State) Approves(body ledger.Body) string {
	approved, ok := body.(*ledger.ProjectApproved)
	if !ok {
		return ""
	}
	p, known := s.Projects.Get(approved.Project)
	if !known || p.Waits() == nil || ledger.Sum([]byte(p.Waits().Text)) != approved.Spec {
		return ""
	}
	return p.Waits().Text
}
