package governance

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"rempart.eu/rempart/ledger"
)

// Policies is the text of the rules, as it is recorded at a warehouse's creation.
//
//go:embed policies.cedar
var Policies []byte

// Refusal says that a party may not say something.
type Refusal struct {
	Reason string
	Remedy string // what to do next; may be empty
}

func (r *Refusal) Error() string { return "refused: " + r.Reason }

func refuse(remedy, format string, args ...any) *Refusal {
	return &Refusal{Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

var policySet = func() *cedar.PolicySet {
	list, err := cedar.NewPolicyListFromBytes("policies.cedar", Policies)
	if err != nil {
		panic(err) // the embedded text is part of the program
	}
	set := cedar.NewPolicySet()
	for _, policy := range list {
		set.Add(cedar.PolicyID(policy.Annotations()["id"]), policy)
	}
	return set
}()

// Authorise says whether the policies let a statement's actor say it now, given
// what has happened so far, if it is signed as it should be (see [State.Due]).
// The error is a *Refusal.
func (s *State) Authorise(statement ledger.Statement, body ledger.Body) error {
	return s.authorise(statement.Actor, statement.Time, body, true)
}

// authorise asks the policies about a statement that is signed with a passkey or not.
func (s *State) authorise(name string, now time.Time, body ledger.Body, passkey bool) error {
	actor, known := s.Parties[name]
	if !known {
		return refuse("See who is known: rempart party list", "%q is no party of this warehouse", name)
	}
	principal := partyUID(actor.Name)
	resource, entities, err := s.resource(body)
	if err != nil {
		return err
	}
	entities[principal] = types.Entity{UID: principal, Attributes: types.NewRecord(types.RecordMap{
		"role": types.String(actor.Role),
	})}
	request := cedar.Request{
		Principal: principal,
		Action:    types.NewEntityUID("Action", types.String(body.Kind())),
		Resource:  resource,
		Context:   s.context(actor, now, body, passkey),
	}
	decision, why := cedar.Authorize(policySet, entities, request)
	if len(why.Errors) > 0 {
		return fmt.Errorf("policy %s: %s", why.Errors[0].PolicyID, why.Errors[0].Message)
	}
	if decision == cedar.Allow {
		return nil
	}
	for _, reason := range why.Reasons { // the rules that forbid
		notes := policySet.Get(reason.PolicyID).Annotations()
		if text := notes["refusal"]; text != "" {
			return &Refusal{Reason: string(text), Remedy: string(notes["remedy"])}
		}
	}
	return refuse("", "%s is %s, who may not make a statement %s here", actor.Name, actor.Role.Article(), body.Kind())
}

func partyUID(name string) types.EntityUID { return types.NewEntityUID("Party", types.String(name)) }

// resource is what a statement is about: a project where there is one, else the warehouse.
func (s *State) resource(body ledger.Body) (types.EntityUID, types.EntityMap, error) {
	project, err := s.projectOf(body)
	if err != nil {
		return types.EntityUID{}, nil, err
	}
	if project == nil {
		uid := types.NewEntityUID("Warehouse", "warehouse")
		return uid, types.EntityMap{uid: types.Entity{UID: uid}}, nil
	}
	uid := types.NewEntityUID("Project", types.String(project.Name))
	var researchers []types.Value
	for _, name := range project.Spec.Researchers {
		researchers = append(researchers, partyUID(name))
	}
	return uid, types.EntityMap{uid: types.Entity{UID: uid, Attributes: types.NewRecord(types.RecordMap{
		"researchers": types.NewSet(researchers...),
		"ends":        types.NewDatetime(project.Spec.Ends.End()),
		"status":      types.String(project.Status),
	})}}, nil
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
	case *ledger.ProjectApproved:
		return s.Project(b.Project)
	case *ledger.ProjectRefused:
		return s.Project(b.Project)
	case *ledger.ProjectExtracted:
		return s.Project(b.Project)
	case *ledger.ProjectClosed:
		return s.Project(b.Project)
	case *ledger.RunRequested:
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

// context is what the rules know beside principal and resource.
func (s *State) context(actor Party, now time.Time, body ledger.Body, passkey bool) types.Record {
	facts := types.RecordMap{
		"now":        types.NewDatetime(now),
		"disclosive": types.False,
		"requester":  partyUID(""),
	}
	s.hostFacts(body, facts)
	s.peopleFacts(actor, now, body, passkey, facts)
	var id string
	switch b := body.(type) {
	case *ledger.OutputReleased:
		id = b.Output
	case *ledger.OutputRefused:
		id = b.Output
	}
	if output, err := s.Output(id); err == nil {
		facts["disclosive"] = types.Boolean(output.Refused)
		facts["requester"] = partyUID(output.Run.Actor)
	}
	return types.NewRecord(facts)
}
