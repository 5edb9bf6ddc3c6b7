package governance

import (
	"time"

	"rempart.eu/rempart/ledger"
)

// Facts are all that the policies look at when they decide about one statement.
// policies/rempart.cedarschema says what each means.
type Facts struct {
	Actor  string    `json:"actor" yaml:"actor"`
	Role   Role      `json:"role" yaml:"role"`
	Left   time.Time `json:"left,omitzero" yaml:"left"` // zero for who takes part
	Action string    `json:"action" yaml:"action"`      // the kind of the statement
	Now    time.Time `json:"now" yaml:"now"`

	Project *ProjectFacts `json:"project,omitempty" yaml:"project"` // nil: it is about the warehouse

	// of the text that is asked for, or decided on
	Use         string    `json:"use,omitempty" yaml:"use"`
	AskedStarts time.Time `json:"asked_starts,omitzero" yaml:"asked_starts"`
	AskedEnds   time.Time `json:"asked_ends,omitzero" yaml:"asked_ends"`
	Amendment   bool      `json:"amendment,omitempty" yaml:"amendment"`

	// of an output, or of what is decided on
	Output     string `json:"output,omitempty" yaml:"output"`
	Disclosive bool   `json:"disclosive,omitempty" yaml:"disclosive"`
	Requester  string `json:"requester,omitempty" yaml:"requester"`
	Checker    string `json:"checker,omitempty" yaml:"checker"` // who takes the output

	// of the host that new data would be put with
	Host           string    `json:"host,omitempty" yaml:"host"`
	HostRegistered bool      `json:"host_registered,omitempty" yaml:"host_registered"`
	HostReach      []string  `json:"host_reach,omitempty" yaml:"host_reach"`
	DerogationEnds time.Time `json:"derogation_ends,omitzero" yaml:"derogation_ends"`

	// of the party that joins or leaves
	Party     string `json:"party,omitempty" yaml:"party"`
	PartyRole Role   `json:"party_role,omitempty" yaml:"party_role"`

	// of emergencies
	Emergency      bool      `json:"emergency,omitempty" yaml:"emergency"`
	EmergencyUntil time.Time `json:"emergency_until,omitzero" yaml:"emergency_until"`
	Unreviewed     bool      `json:"unreviewed,omitempty" yaml:"unreviewed"`

	// of persons' rights
	OptOutsWait   bool `json:"opt_outs_wait,omitempty" yaml:"opt_outs_wait"`
	OptOutsUnseen bool `json:"opt_outs_unseen,omitempty" yaml:"opt_outs_unseen"`

	// of a release: mandatory checks that it fails and no waiver covers
	Linkage      string   `json:"linkage,omitempty" yaml:"linkage"`
	ChecksFailed []string `json:"checks_failed,omitempty" yaml:"checks_failed"`

	// of how it is signed
	Passkey         bool   `json:"passkey,omitempty" yaml:"passkey"`
	PasskeyHeld     bool   `json:"passkey_held,omitempty" yaml:"passkey_held"`
	PasskeyRequired bool   `json:"passkey_required,omitempty" yaml:"passkey_required"`
	Overdue         bool   `json:"overdue,omitempty" yaml:"overdue"`
	Ordered         bool   `json:"ordered,omitempty" yaml:"ordered"`
	Subject         string `json:"subject,omitempty" yaml:"subject"`

	// of a statement that is countersigned
	First       string   `json:"first,omitempty" yaml:"first"`
	SecondRoles []string `json:"second_roles,omitempty" yaml:"second_roles"`
	Askers      []string `json:"askers,omitempty" yaml:"askers"`
	Withdrawn   bool     `json:"withdrawn,omitempty" yaml:"withdrawn"`
}

// ProjectFacts are those of a project.
type ProjectFacts struct {
	Name           string    `json:"project" yaml:"name"`
	Researchers    []string  `json:"researchers" yaml:"researchers"`
	Status         Status    `json:"status" yaml:"status"`
	Starts         time.Time `json:"starts,omitzero" yaml:"starts"`
	Ends           time.Time `json:"ends" yaml:"ends"` // the first moment after it
	Outdated       bool      `json:"outdated,omitempty" yaml:"outdated"`
	HostDerogation string    `json:"host_derogation,omitempty" yaml:"host_derogation"`

	Decided time.Time `json:"decided,omitzero" yaml:"decided"` // when it came to this status, for the words of a refusal
	Reason  string    `json:"reason,omitempty" yaml:"reason"`
}

// Facts collects what the policies look at for a statement that is signed as it
// should be (see [State.Due]). The error is a *Refusal where it is about what
// there is not.
func (s *State) Facts(statement ledger.Statement, body ledger.Body) (*Facts, error) {
	c := &aCase{}
	err := s.collect(c, statement.Actor, statement.Time, body, true)
	return &c.facts, err
}

// collect collects the facts of a statement that is signed with a passkey or not.
func (s *State) collect(c *aCase, name string, now time.Time, body ledger.Body, passkey bool) error {
	actor, known := s.Parties[name]
	if !known {
		return refuse("See who is known: rempart party list", "%q is no party of this warehouse", name)
	}
	f := &c.facts
	*f = Facts{Actor: actor.Name, Role: actor.Role, Action: body.Kind(), Now: now}
	if actor.Left != nil {
		f.Left = actor.Left.Time
	}
	project, err := s.projectOf(body)
	if err != nil {
		return err
	}
	if project != nil {
		c.project = project.facts()
		f.Project = &c.project
		f.Emergency = s.emergency(actor.Name, project.Name, now) != nil
	}
	s.hostFacts(body, f)
	s.peopleFacts(f, body, passkey)
	return s.bodyFacts(f, project, body)
}

// bodyFacts adds what a statement itself says.
func (s *State) bodyFacts(f *Facts, project *Project, body ledger.Body) error {
	switch b := body.(type) {
	case *ledger.ProjectRequested:
		f.asks(project.Spec, f.Now)
	case *ledger.ProjectAmended:
		spec, err := ParseSpec([]byte(b.Spec))
		if err != nil {
			return err
		}
		f.asksFor(project, spec)
	case *ledger.ProjectApproved:
		f.asksToDecide(project)
	case *ledger.ProjectRefused:
		f.asksToDecide(project)
	case *ledger.RenewalApproved:
		f.renewal(project)
	case *ledger.RenewalRefused:
		f.renewal(project)
	case *ledger.OutputReleased:
		s.outputFacts(f, b.Output)
	case *ledger.OutputRefused:
		s.outputFacts(f, b.Output)
	case *ledger.OutputViewed:
		s.outputFacts(f, b.Output)
	case *ledger.OutputAssigned:
		s.outputFacts(f, b.Output)
	case *ledger.DeliveryRenewed:
		s.outputFacts(f, b.Output)
	case *ledger.OutputCommented:
		s.outputFacts(f, b.Output)
	case *ledger.OptOutRevoked:
		if o, ok := s.OptOuts.Get(b.OptOut); ok {
			f.Requester = o.Actor
		}
	case *ledger.ProjectExtracted:
		f.OptOutsWait = s.optOutsWait()
	case *ledger.SpaceMounted:
		f.OptOutsUnseen = len(s.WaitingOptOuts()) > 0
	case *ledger.ReleasePublished:
		f.OptOutsWait = s.optOutsWait()
		f.Linkage, f.ChecksFailed = b.Linkage, s.notWaived(b)
	case *ledger.PartyLeft:
		f.Party, f.PartyRole = b.Name, s.Parties[b.Name].Role
	case *ledger.EmergencyOpened:
		f.EmergencyUntil = b.Until
		f.Unreviewed = s.unreviewed(f.Actor)
	case *ledger.EmergencyReviewed:
		if e, ok := s.Emergencies.Get(b.Emergency); ok {
			f.Requester = e.Actor
		}
	}
	return nil
}

func (s *State) outputFacts(f *Facts, id string) {
	f.Output = id
	if output, ok := s.Outputs.Get(id); ok {
		f.Disclosive, f.Requester = output.Refused, output.Run.Actor
		f.Checker = output.Handled().Checker
	}
}

// asks notes the text that is asked for, from when on it would hold.
func (f *Facts) asks(spec *Spec, from time.Time) {
	if from = maxTime(from, spec.Starts.Time); f.AskedStarts.IsZero() {
		f.AskedStarts = from
	}
	f.Use, f.AskedEnds = spec.Use, spec.Ends.End()
}

// asksFor notes a text that is to follow what a project has.
func (f *Facts) asksFor(project *Project, spec *Spec) {
	if project.Granted != nil {
		f.Amendment, f.AskedStarts = true, maxTime(project.Granted.Time, project.Versions[0].Spec.Starts.Time)
	}
	f.asks(spec, f.Now)
}

func (f *Facts) asksToDecide(project *Project) {
	if v := project.Waits(); v != nil {
		f.Requester = v.Actor
		f.asksFor(project, v.Spec)
		return
	}
	f.asksFor(project, project.Spec)
}

// renewal notes who asked for another release.
func (f *Facts) renewal(project *Project) {
	if r := project.Renewing(); r != nil {
		f.Requester = r.Actor
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (p *Project) facts() ProjectFacts {
	f := ProjectFacts{
		Name: p.Name, Researchers: p.Spec.Researchers, Status: p.Status,
		Starts: p.Spec.Starts.Time, Ends: p.Spec.Ends.End(), Outdated: p.Outdated, HostDerogation: p.Spec.HostDerogation, Reason: p.Reason,
	}
	if f.HostDerogation == "" {
		f.HostDerogation = DerogationAccepted
	}
	switch {
	case p.Suspended != nil:
		f.Decided = p.Suspended.Time
	case p.Decision != nil:
		f.Decided = p.Decision.Time
	}
	return f
}

// projectOf finds the project that a statement is about, if any.
func (s *State) projectOf(body ledger.Body) (*Project, error) {
	switch b := body.(type) {
	case *ledger.ProjectRequested:
		spec, err := ParseSpec([]byte(b.Spec))
		if err != nil {
			return nil, err
		}
		return &Project{Name: b.Project, Spec: spec, Status: Requested}, nil
	case *ledger.ProjectAmended:
		return s.Project(b.Project)
	case *ledger.ProjectApproved:
		return s.Project(b.Project)
	case *ledger.ProjectRefused:
		return s.Project(b.Project)
	case *ledger.ProjectSuspended:
		return s.Project(b.Project)
	case *ledger.ProjectResumed:
		return s.Project(b.Project)
	case *ledger.ProjectExtracted:
		return s.Project(b.Project)
	case *ledger.ProjectClosed:
		return s.Project(b.Project)
	case *ledger.RunRequested:
		return s.Project(b.Project)
	case *ledger.WheelApproved:
		return s.Project(b.Project)
	case *ledger.WheelRequested:
		return s.Project(b.Project)
	case *ledger.WheelRefused:
		return s.Project(b.Project)
	case *ledger.WheelWithdrawn:
		return s.Project(b.Project)
	case *ledger.RenewalRequested:
		return s.Project(b.Project)
	case *ledger.RenewalApproved:
		return s.Project(b.Project)
	case *ledger.RenewalRefused:
		return s.Project(b.Project)
	case *ledger.RunCancelled:
		run, err := s.Run(b.Run)
		if err != nil {
			return nil, err
		}
		return s.Project(run.Project)
	case *ledger.EmergencyOpened:
		return s.Project(b.Project)
	case *ledger.SpaceMounted:
		if b.Project != "" {
			return s.Project(b.Project)
		}
	case *ledger.SpaceUnmounted:
		if mount, ok := s.Mounts.Get(b.Mount); ok && mount.Project != "" {
			return s.Project(mount.Project)
		}
	case *ledger.OutputReleased:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputRefused:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputViewed:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputChangeRequested:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputChanged:
		if c, ok := s.Changes.Get(b.Change); ok {
			return s.projectOfOutput(c.Output)
		}
		return nil, refuse("", "there is no change %q", b.Change)
	case *ledger.OutputCommented:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputAssigned:
		return s.projectOfOutput(b.Output)
	case *ledger.OutputDelivered:
		return s.projectOfOutput(b.Output)
	case *ledger.DeliveryRenewed:
		return s.projectOfOutput(b.Output)
	case *ledger.Countersigned:
		if waiting, ok := s.People.Waiting[b.Entry]; ok {
			return s.projectOf(waiting.Body)
		}
	}
	return nil, nil
}

func (s *State) projectOfOutput(id string) (*Project, error) {
	output, err := s.Output(id)
	if err != nil {
		return nil, err
	}
	return s.Project(output.Run.Project)
}
