package governance

import (
	"slices"

	"rempart.eu/rempart/ledger"
)

// Brought is a Python package that a project's researcher asked to bring along, and what came of it.
type Brought struct {
	Made
	ledger.WheelRequested
	Decision  *Made
	Approved  bool
	Why       string // it was decided so
	Withdrawn *Made
	WhyNot    string // it was withdrawn
}

// Waits says whether nobody has decided on it.
func (b *Brought) Waits() bool { return b.Decision == nil }

// Status says in a word what came of it: waits, approved, refused or withdrawn.
func (b *Brought) Status() string {
	switch {
	case b.Waits():
		return "waits"
	case b.Withdrawn != nil:
		return "withdrawn"
	case b.Approved:
		return "approved"
	}
	return "refused"
}

// Last is the last that was said of it.
func (b *Brought) Last() string {
	switch b.Status() {
	case "waits":
		return b.Reason
	case "withdrawn":
		return b.WhyNot
	}
	return b.Why
}

// Package is what was asked for in a request, or why there is none.
func (p *Project) Package(request string) (*Brought, error) {
	at := slices.IndexFunc(p.Brings, func(b *Brought) bool { return b.Request == request })
	if at < 0 {
		return nil, refuse("See what was asked for: rempart environment wheel list "+p.Name, "project %s has asked for no package in a request %q", p.Name, request)
	}
	return p.Brings[at], nil
}

func (s *State) requestWheel(made Made, b *ledger.WheelRequested) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	for _, other := range project.Brings {
		switch {
		case other.Request == b.Request:
			return refuse("", "request %s is there already", b.Request)
		case other.SHA256 == b.SHA256 && other.Waits():
			return refuse("Wait for the decision: rempart environment wheel list "+b.Project, "this very package waits in request %s already", other.Request)
		}
	}
	if slices.ContainsFunc(project.Wheels, func(w ledger.WheelApproved) bool { return w.SHA256 == b.SHA256 || w.Name == b.Name }) {
		return refuse("", "project %s has a package %s already", b.Project, b.Name)
	}
	project.Brings = append(project.Brings, &Brought{Made: made, WheelRequested: *b})
	return nil
}

// undecided is a request that somebody else than who asked decides on.
func (p *Project) undecided(request, by string) (*Brought, error) {
	asked, err := p.Package(request)
	if err != nil {
		return nil, err
	}
	if !asked.Waits() {
		return nil, refuse("", "request %s was decided on already, by %s", request, asked.Decision.Actor)
	}
	if asked.Actor == by {
		return nil, refuse("Have somebody else look at it", "%s asked for the package of request %s, and does not decide on it", by, request)
	}
	return asked, nil
}

func (s *State) approveWheel(made Made, b *ledger.WheelApproved) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(project.Wheels, func(w ledger.WheelApproved) bool { return w.SHA256 == b.SHA256 }) {
		return refuse("", "project %s has this very package already", b.Project)
	}
	if b.Request != "" {
		asked, err := project.undecided(b.Request, made.Actor)
		if err != nil {
			return err
		}
		if asked.SHA256 != b.SHA256 || asked.Name != b.Name || asked.Object != b.Object {
			return refuse("", "request %s is for another package than %s", b.Request, b.Name)
		}
		asked.Decision, asked.Approved, asked.Why = &made, true, b.Reason
	}
	project.Wheels = append(slices.Clip(project.Wheels), *b)
	return nil
}

func (s *State) refuseWheel(made Made, b *ledger.WheelRefused) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	asked, err := project.undecided(b.Request, made.Actor)
	if err != nil {
		return err
	}
	asked.Decision, asked.Why = &made, b.Reason
	return nil
}

func (s *State) withdrawWheel(made Made, b *ledger.WheelWithdrawn) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(project.Wheels, func(w ledger.WheelApproved) bool { return w.SHA256 == b.SHA256 && w.Name == b.Name })
	if at < 0 {
		return refuse("See which it has: rempart environment wheel list "+b.Project, "project %s has no package %s", b.Project, b.Name)
	}
	gone := project.Wheels[at]
	project.Wheels = slices.Concat(project.Wheels[:at], project.Wheels[at+1:])
	for _, asked := range project.Brings {
		if gone.Request != "" && asked.Request == gone.Request {
			asked.Withdrawn, asked.WhyNot = &made, b.Reason
			return nil
		}
	}
	// It came in by an older statement, without a request.
	asked := ledger.WheelRequested{Project: gone.Project, Name: gone.Name, SHA256: gone.SHA256, Object: gone.Object, Found: gone.Found, Reason: gone.Reason}
	project.Brings = append(project.Brings, &Brought{WheelRequested: asked, Decision: &Made{}, Approved: true, Withdrawn: &made, WhyNot: b.Reason})
	return nil
}
