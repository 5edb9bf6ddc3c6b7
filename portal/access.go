package portal

import (
	"slices"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger/register"
)

// What each role is shown. The register of projects is everybody's; the rest
// needs a login. What is hidden from somebody is not told from what is not there.

// everything says whether the person sees all that the ledger holds.
func (q *request) everything() bool {
	return q.who != nil && q.who.Projects == nil && (q.party.Role == governance.Officer || q.party.Role == governance.Controller)
}

// loggedIn refuses where nobody is.
func (q *request) loggedIn() error {
	switch {
	case q.lacks != "":
		return errScope
	case q.who == nil:
		return errLogin
	}
	return nil
}

// overseeing refuses who does not see everything.
func (q *request) overseeing() error {
	if err := q.loggedIn(); err != nil {
		return err
	}
	if !q.everything() {
		return errHidden
	}
	return nil
}

// sees says whether the person may read a project's authorisation: whoever sees
// everything; its researchers; and checkers, once something asks to leave it.
func (q *request) sees(p *governance.Project) bool {
	switch {
	case q.who == nil || q.who.Projects != nil && !slices.Contains(q.who.Projects, p.Name):
		return false
	case q.everything() || q.party.Role == governance.Officer || q.party.Role == governance.Controller:
		return true
	case q.party.Role == governance.Researcher:
		return isOf(p, q.party.Name)
	case q.party.Role == governance.OutputChecker:
		return len(q.made.of[p.Name]) > 0
	}
	return false
}

// isOf says whether somebody asked for a project, or is one of its researchers.
func isOf(p *governance.Project, name string) bool {
	return p.Actor == name || slices.Contains(p.Spec.Researchers, name)
}

// seesOutput says whether the person may know of an output: whoever sees
// everything, checkers, and the project's researchers.
func (q *request) seesOutput(o *governance.Output) bool {
	if q.who == nil {
		return false
	}
	if q.who.Projects != nil && !slices.Contains(q.who.Projects, o.Run.Project) {
		return false
	}
	if q.everything() || q.party.Role == governance.OutputChecker {
		return true
	}
	p, ok := q.state.Projects.Get(o.Run.Project)
	return ok && q.sees(p)
}

// hears says whether the person may read a statement: whoever sees everything;
// and each, what was said by themselves and about projects that they see.
func (q *request) hears(row register.Row, visible map[string]bool) bool {
	return q.everything() || row.Actor == q.party.Name && q.who.Projects == nil || row.Project != "" && visible[row.Project]
}

// visible are the projects that the person sees.
func (q *request) visible() map[string]bool {
	seen := map[string]bool{}
	for name, p := range q.state.Projects.All() {
		if q.sees(p) {
			seen[name] = true
		}
	}
	return seen
}
