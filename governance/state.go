// Package governance computes, from the ledger alone, what a warehouse holds and
// who may do what in it, and decides whether a new statement may be made.
//
// A [State] is a replay of statements. [State.Admit] is the one gate: it checks
// that a statement is signed by its actor, that the policies (policies/*.cedar,
// Cedar) let that actor say it now, and that it fits what has happened. Every
// statement of an existing ledger passes the same gate when it is replayed, so a
// verifier needs to trust nobody who wrote it.
package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rempart.eu/rempart/ledger"
)

// Role is what a party is.
type Role string

// The roles. What each may say is in policies/.
const (
	Controller       Role = "controller"
	Provider         Role = "provider"
	LinkageAuthority Role = "linkage-authority"
	Researcher       Role = "researcher"
	OutputChecker    Role = "output-checker"
	Officer          Role = "data-protection-officer"
)

// Roles lists the roles that a party can be added with.
func Roles() []Role {
	return []Role{Provider, LinkageAuthority, Researcher, OutputChecker, Officer}
}

// Article is the role after "is".
func (r Role) Article() string {
	switch r {
	case Controller, LinkageAuthority:
		return "the " + string(r)
	case OutputChecker:
		return "an " + string(r)
	}
	return "a " + string(r)
}

// State is a warehouse as its ledger tells it.
type State struct {
	Size         uint64 // how many statements were replayed
	Last         time.Time
	Warehouse    *ledger.WarehouseCreated
	Config       ledger.Digest
	Parties      map[string]Party
	Deposits     Ordered[Deposit]
	Linkages     Ordered[Linkage]
	Vocabularies Ordered[Vocabulary]
	Releases     Ordered[Release]
	Projects     Ordered[Project]
	Runs         Ordered[Run]
	Outputs      Ordered[Output]
	Changes      Ordered[OutputChange] // of outputs
	Mounts       Ordered[Mount]
	Hosts        Ordered[Host]
	Host         string // the one that the warehouse lies with
	Migrations   []Migration
	Journals     map[string]ledger.JournalHead // of pseudonym services, by authority
	Destroyed    map[string]uint64             // keys, and the statement that says so
	Left         *Made                         // when a host was left for the last time
	Created      time.Time
	Reviewed     *Review // of the roles, the last
	Emergencies  Ordered[Emergency]
	OptOuts      Ordered[OptOut]
	Excluded     *Exclusion // who may not be seen now; nil before anybody has opted out
	Accesses     Ordered[Access]
	People       People // what they sign with, and what waits for a second one

	Witnessing []*Witnessing // who vouches for the ledger, each version

	checker  *ledger.Checker                `snapshot:"-"` // nil: signatures are verified at once
	attached func(ledger.Digest, any) error `snapshot:"-"` // nil: attachments are not at hand
}

// Made says when and by whom something was stated.
type Made struct {
	Index uint64
	Actor string
	Time  time.Time
}

// Party takes part.
type Party struct {
	Made
	Name      string
	Role      Role
	Signing   ledger.PublicKey
	Recipient string
	Secret    ledger.Digest // commitment to its pseudonym key, if it has one
	Oblivious string        // public key of its oblivious function, if it has one
	Left      *Made         // from when on its key signs nothing, or nil
	LeftFor   string        // why
}

// Deposit is what a provider handed in.
type Deposit struct {
	Made
	ledger.DepositMade
	Erased *Made // with the host that it was on
}

// Linkage joins the persons of deposits.
type Linkage struct {
	Made
	ledger.PersonsLinked
	Erased  *Made // with the host that it was on
	Waivers []*Waiver
}

// Vocabulary is a loaded bundle of vocabularies.
type Vocabulary struct {
	Made
	ledger.VocabularyLoaded
	Erased *Made // with its key, or the host that it was on
}

// Release is a published release.
type Release struct {
	Made
	ledger.ReleasePublished
	Erased *Made
}

// Run is one execution of a study.
type Run struct {
	Made
	ledger.RunRequested
	Finished  *ledger.RunFinished
	End       *Made
	Cancelled *Made
	Why       string // it was cancelled
}

// Waits says whether the run is in the queue: not ended, and not cancelled.
func (r *Run) Waits() bool { return r.Study != nil && r.Finished == nil && r.Cancelled == nil }

// Output is a file that asks to leave, and what was decided.
type Output struct {
	Made
	*ledger.Output
	Run      *Run
	Decision *Made
	Released bool
	Reason   string

	handled *Handled // nil for most of them: a warehouse has very many
}

// Handled is what was done with an output beside the decision.
type Handled struct {
	// of one that a method made of another; else empty
	From   string
	Method string
	By     string         // who wanted it
	Sealed *ledger.Object // where it lies

	Comments   []Comment
	Checker    string // who takes it, or ""
	Assigned   *Made
	Deliveries []Delivery
	Renewed    map[string]int // how often a party may have it once more
}

// Handled is what was done with the output, as far as anything was.
func (o *Output) Handled() Handled {
	if o.handled == nil {
		return Handled{}
	}
	return *o.handled
}

// handling is what is done with the output, to be changed.
func (o *Output) handling() *Handled {
	if o.handled == nil {
		o.handled = &Handled{}
	}
	return o.handled
}

// Mount is data that is, or was, open for reading outside a run.
type Mount struct {
	Made
	ledger.SpaceMounted
	Unmounted *ledger.SpaceUnmounted
	End       *Made
}

// NewState is the state before the first statement.
func NewState() *State {
	return &State{Parties: map[string]Party{}, Destroyed: map[string]uint64{}, Journals: map[string]ledger.JournalHead{}, People: newPeople()}
}

// Beside says how attachments of the ledger are read, by which statements name what is too
// long for them.
func (s *State) Beside(attached func(digest ledger.Digest, into any) error) { s.attached = attached }

// Admit checks one statement against everything before it, and takes it in. The
// error is a *Refusal where the statement may not be made.
func (s *State) Admit(ctx context.Context, e ledger.Entry) error {
	body, err := e.Statement.Decode()
	if err != nil {
		return err
	}
	if created, ok := body.(*ledger.WarehouseCreated); ok {
		if err := s.create(e, created); err != nil {
			return err
		}
	}
	if s.Warehouse == nil {
		return errors.New("the first statement does not create a warehouse")
	}
	signed, err := s.signature(ctx, e, body)
	if err != nil {
		return err
	}
	now, err := s.clock(e.Statement, signed)
	if err != nil {
		return err
	}
	said := body
	if p, ok := body.(*ledger.Proposed); ok {
		if said, err = p.Decode(); err != nil {
			return err
		}
	}
	if err := s.authorise(e.Statement.Actor, now, said, signed.passkey != nil); err != nil {
		return err
	}
	made := Made{e.Index, s.Parties[e.Statement.Actor].Name, now} // one text for all of an actor's statements
	if err := s.effect(made, e, body, said); err != nil {
		return &Misfit{err}
	}
	s.fulfil(made, body)
	s.count(signed)
	s.People.spoke[made.Actor] = true
	s.Size, s.Last = e.Index+1, now
	return nil
}

// Misfit says that a statement may be made by its actor, but does not fit what
// has happened. It may wrap a *Refusal. A state that has refused a statement so
// may have taken a part of it in, and is of no use any more.
type Misfit struct{ Reason error }

func (m *Misfit) Error() string { return m.Reason.Error() }

// Unwrap returns the reason.
func (m *Misfit) Unwrap() error { return m.Reason }

// create makes the controller known, whose own key then verifies the statement.
func (s *State) create(e ledger.Entry, b *ledger.WarehouseCreated) error {
	if s.Warehouse != nil || e.Index != 0 {
		return refuse("", "the warehouse was created already")
	}
	key, err := ledger.ParsePublicKey(b.Signing)
	if err != nil {
		return err
	}
	s.Warehouse, s.Host, s.Created = b, b.Host, e.Statement.Time
	name := e.Statement.Actor
	s.Parties[name] = Party{
		Made: Made{e.Index, name, e.Statement.Time},
		Name: name, Role: Controller, Signing: key, Recipient: b.Recipient,
	}
	return nil
}

// apply takes a statement in, or says why it does not fit.
func (s *State) apply(made Made, body ledger.Body) error {
	switch b := body.(type) {
	case *ledger.WarehouseCreated, *ledger.OutputViewed, *ledger.KeysRotated:
		return nil
	case *ledger.ConfigRecorded:
		s.Config = b.SHA256
		return nil
	case *ledger.PartyAdded:
		return s.addParty(made, b)
	case *ledger.PartyLeft:
		return s.partyLeaves(made, b)
	case *ledger.RolesReviewed:
		return s.reviewRoles(made, b)
	case *ledger.EmergencyOpened:
		return s.openEmergency(made, b)
	case *ledger.EmergencyReviewed:
		return s.reviewEmergency(made, b)
	case *ledger.DepositMade:
		return s.deposit(made, b)
	case *ledger.PersonsLinked:
		return s.link(made, b)
	case *ledger.VocabularyLoaded:
		return s.loadVocabulary(made, b)
	case *ledger.ReleasePublished:
		return s.publish(made, b)
	case *ledger.ReleaseErased:
		return s.erase(made, b)
	case *ledger.QualityWaived:
		return s.waive(made, b)
	case *ledger.KeyDestroyed:
		s.destroy(made, b.Key)
		return nil
	case *ledger.HostRegistered:
		return s.registerHost(made, b)
	case *ledger.DerogationGranted:
		return s.derogate(made, b)
	case *ledger.HostMigrated:
		return s.migrate(made, b)
	case *ledger.MigrationStopped:
		return s.stays(b)
	case *ledger.HostErased:
		return s.eraseHost(made, b)
	case *ledger.HostLeft:
		return s.leave(made, b)
	case *ledger.PseudonymsIssued:
		return s.issue(made, b)
	case *ledger.WitnessesSet:
		return s.setWitnesses(made, b)
	case *ledger.ProjectRequested:
		return s.request(made, b)
	case *ledger.ProjectAmended:
		return s.amend(made, b)
	case *ledger.ProjectApproved:
		return s.approve(made, b)
	case *ledger.ProjectRefused:
		return s.deny(made, b)
	case *ledger.ProjectSuspended:
		return s.suspend(made, b)
	case *ledger.ProjectResumed:
		return s.resume(made, b)
	case *ledger.ProjectExtracted:
		return s.extract(made, b)
	case *ledger.ProjectClosed:
		return s.close(made, b)
	case *ledger.OptOutStated:
		return s.stateOptOut(made, b)
	case *ledger.OptOutRevoked:
		return s.revokeOptOut(made, b)
	case *ledger.OptOutsResolved:
		return s.resolve(made, b)
	case *ledger.AccessRequested:
		return s.requestAccess(made, b)
	case *ledger.AccessForwarded:
		return s.forwardAccess(made, b)
	case *ledger.AccessAnswered:
		return s.answerAccess(made, b)
	case *ledger.RunRequested:
		return s.run(made, b)
	case *ledger.RunFinished:
		return s.finish(made, b)
	case *ledger.RunCancelled:
		return s.cancel(made, b)
	case *ledger.WheelApproved:
		return s.approveWheel(made, b)
	case *ledger.WheelRequested:
		return s.requestWheel(made, b)
	case *ledger.WheelRefused:
		return s.refuseWheel(made, b)
	case *ledger.WheelWithdrawn:
		return s.withdrawWheel(made, b)
	case *ledger.RenewalRequested:
		return s.requestRenewal(made, b)
	case *ledger.RenewalApproved:
		return s.approveRenewal(made, b)
	case *ledger.RenewalRefused:
		return s.refuseRenewal(made, b)
	case *ledger.QuestionsAnswered:
		return s.answer(b)
	case *ledger.SpaceMounted:
		return s.mount(made, b)
	case *ledger.SpaceUnmounted:
		return s.unmount(made, b)
	case *ledger.OutputChangeRequested:
		return s.requestChange(made, b)
	case *ledger.OutputChanged:
		return s.change(made, b)
	case *ledger.OutputCommented:
		return s.comment(made, b)
	case *ledger.OutputAssigned:
		return s.assign(made, b)
	case *ledger.OutputDelivered:
		return s.deliver(made, b)
	case *ledger.DeliveryRenewed:
		return s.renew(b)
	case *ledger.OutputReleased:
		return s.settle(made, b.Output, true, b.Reason, b.SHA256)
	case *ledger.OutputRefused:
		return s.settle(made, b.Output, false, b.Reason, "")
	}
	if known, err := s.applyPeople(made, body); known {
		return err
	}
	return fmt.Errorf("a statement %s has no effect that this rempart knows", body.Kind())
}

// Holders lists the parties of a role that take part, sorted by name.
func (s *State) Holders(role Role) (names []string) {
	for name, party := range s.Parties {
		if party.Role == role && party.Left == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ControllerName is the party that runs the warehouse.
func (s *State) ControllerName() string { return s.Holders(Controller)[0] }
