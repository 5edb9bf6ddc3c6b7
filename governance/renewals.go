package governance

import (
	"slices"

	"rempart.eu/rempart/ledger"
)

// Renewal is a project's wish to have its space made anew from another release, and what came of it.
type Renewal struct {
	Made
	ledger.RenewalRequested
	Decision   *Made
	Approved   bool
	Why        string // it was decided so
	Done       *Made  // the extraction that gave it
	Superseded *Made  // another was asked for before it was decided on or given
}

// Waits says whether nobody has decided on it.
func (r *Renewal) Waits() bool { return r.Decision == nil && r.Superseded == nil }

// Status says in a word what came of it: waits, approved, done, refused or superseded.
func (r *Renewal) Status() string {
	switch {
	case r.Superseded != nil:
		return "superseded"
	case r.Decision == nil:
		return "waits"
	case r.Done != nil:
		return "done"
	case r.Approved:
		return "approved"
	}
	return "refused"
}

// Renewing is the renewal that waits or is not given yet, or nil.
func (p *Project) Renewing() *Renewal {
	if len(p.Renewals) == 0 || p.Status == Closed {
		return nil
	}
	if last := p.Renewals[len(p.Renewals)-1]; last.Status() == "waits" || last.Status() == "approved" {
		return last
	}
	return nil
}

// Renewed is the release that the project's space may be made anew from by a renewal that was granted, or "".
func (p *Project) Renewed() string {
	if r := p.Renewing(); r != nil && r.Approved {
		return r.Release
	}
	return ""
}

// Newer are the releases that a project's space can be made anew from, the latest first: those after its own.
func (s *State) Newer(p *Project) (releases []*Release) {
	if p.Extraction == nil {
		return nil
	}
	after := false
	for id, r := range s.Releases.All() {
		if after && r.Erased == nil {
			releases = append(releases, r)
		}
		after = after || id == p.Extraction.Release
	}
	slices.Reverse(releases)
	return releases
}

func (s *State) requestRenewal(made Made, b *ledger.RenewalRequested) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if err := s.renewable(project, b.Release); err != nil {
		return err
	}
	if err := needsReason(b.Reason); err != nil {
		return err
	}
	if last := project.Renewing(); last != nil {
		if last.Release == b.Release {
			return refuse("Wait for the decision, or for the data", "project %s has asked for release %s already", b.Project, b.Release)
		}
		last.Superseded = &made
	}
	project.Renewals = append(project.Renewals, &Renewal{Made: made, RenewalRequested: *b})
	return nil
}

// renewable refuses a release that a project's space cannot be made anew from.
func (s *State) renewable(p *Project, id string) error {
	if p.Extraction == nil {
		return refuse("Give it its data: rempart project extract "+p.Name, "project %s has no data yet", p.Name)
	}
	release, err := s.Releases.find("release", id)
	if err != nil {
		return err
	}
	if release.Erased != nil {
		return refuse("See which there are: rempart release list", "release %s was erased on %s", id, release.Erased.Time.Format("2006-01-02"))
	}
	if !slices.Contains(s.Newer(p), release) {
		return refuse("See which are later: rempart release list", "project %s has the data of release %s, and %s is not later", p.Name, p.Extraction.Release, id)
	}
	return nil
}

// renewalToDecide is the renewal that waits, if a decision speaks of its release.
func (s *State) renewalToDecide(name, release, reason string) (*Project, *Renewal, error) {
	project, err := s.Project(name)
	if err != nil {
		return nil, nil, err
	}
	r := project.Renewing()
	if r == nil || !r.Waits() {
		return nil, nil, refuse("", "project %s has asked for no other release that waits for a decision", name)
	}
	if r.Release != release {
		return nil, nil, refuse("Decide on that one", "project %s asks for release %s, not %s", name, r.Release, release)
	}
	return project, r, needsReason(reason)
}

func (s *State) approveRenewal(made Made, b *ledger.RenewalApproved) error {
	project, r, err := s.renewalToDecide(b.Project, b.Release, b.Reason)
	if err != nil {
		return err
	}
	if err := s.renewable(project, b.Release); err != nil {
		return err
	}
	r.Decision, r.Approved, r.Why = &made, true, b.Reason
	return nil
}

func (s *State) refuseRenewal(made Made, b *ledger.RenewalRefused) error {
	_, r, err := s.renewalToDecide(b.Project, b.Release, b.Reason)
	if err != nil {
		return err
	}
	r.Decision, r.Why = &made, b.Reason
	return nil
}

// renewed notes that a project was given what it had asked for. Where nothing but a renewal lets it have data anew,
// it is that release's and no other's.
func (s *State) renewed(made *Made, p *Project, release string) error {
	granted := p.Renewed()
	switch {
	case granted == release && granted != "":
		p.Renewing().Done = made
	case granted != "" && !p.stale(s):
		return refuse("Take that one: rempart project extract "+p.Name, "project %s was granted the data of release %s, not of %s", p.Name, granted, release)
	}
	return nil
}
