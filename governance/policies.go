package governance

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// policyFiles are the rules and the schema that they keep to.
//
//go:embed policies/*.cedar policies/rempart.cedarschema
var policyFiles embed.FS

// Policies is the text of the rules, all files one after the other in the order
// of their names. Its digest is recorded at a warehouse's creation.
var Policies = func() []byte {
	names, err := fs.Glob(policyFiles, "policies/*.cedar")
	if err != nil {
		panic(err) // the pattern is part of the program
	}
	var all bytes.Buffer
	for _, name := range names {
		text, err := policyFiles.ReadFile(name)
		if err != nil {
			panic(err) // the file is part of the program
		}
		all.Write(text)
	}
	return all.Bytes()
}()

// Rule is one policy as people read it.
type Rule struct {
	ID      string   `json:"id"`
	Effect  string   `json:"effect"` // permit or forbid
	Says    string   `json:"says"`
	Actions []string `json:"actions"` // the kinds of statements that it is about
	Text    string   `json:"text"`    // in Cedar
	refusal string   // with {places} for facts
	remedy  string
}

// ruleSet is the policies, ready to decide.
type ruleSet struct {
	rules    map[cedar.PolicyID]*Rule
	order    []*Rule
	byAction map[string]policyList // those whose scope takes the action in
	looksAt  map[string]*wanted    // what of the context and of a project those look at: nothing else is collected for them
}

type policy struct {
	id    cedar.PolicyID
	names []string // of facts, as context.role
	*cedar.Policy
}

// policyList is policies in an order that does not change.
type policyList []policy

// All implements [cedar.PolicyIterator].
func (l policyList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range l {
			if !yield(p.id, p.Policy) {
				return
			}
		}
	}
}

// rules are read when the first question is asked. A text that cannot be read is a fault of
// the program, whose tests ask too, and hold it against the schema ([TestPolicies]).
var rules = sync.OnceValue(func() *ruleSet {
	shape, err := readSchema()
	if err != nil {
		panic(err)
	}
	set, err := newRuleSet(Policies, shape)
	if err != nil {
		panic(err)
	}
	return set
})

func readSchema() (*resolved.Schema, error) {
	const name = "policies/rempart.cedarschema"
	text, err := policyFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var s schema.Schema
	s.SetFilename(name)
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s.Resolve()
}

// keepToSchema says which policy does not keep to the schema.
func keepToSchema(text []byte, shape *resolved.Schema) error {
	list, err := cedar.NewPolicyListFromBytes("policies", text)
	if err != nil {
		return fmt.Errorf("the policies cannot be read: %w", err)
	}
	validator := validate.New(shape)
	for _, p := range list {
		id := p.Annotations()["id"]
		if err := validator.Policy(string(id), (*ast.Policy)(p.AST())); err != nil {
			return fmt.Errorf("policy %s: %w", id, err)
		}
	}
	return nil
}

// newRuleSet reads policies, each for the actions of the schema that its scope takes in.
func newRuleSet(text []byte, shape *resolved.Schema) (*ruleSet, error) {
	list, err := cedar.NewPolicyListFromBytes("policies", text)
	if err != nil {
		return nil, fmt.Errorf("the policies cannot be read: %w", err)
	}
	set := &ruleSet{rules: map[cedar.PolicyID]*Rule{}, byAction: map[string]policyList{}, looksAt: map[string]*wanted{}}
	for _, p := range list {
		notes := p.Annotations()
		id := cedar.PolicyID(notes["id"])
		if _, taken := set.rules[id]; id == "" || taken {
			return nil, fmt.Errorf("a policy at line %d has no @id of its own: %q", p.Position().Line, id)
		}
		tree := (*ast.Policy)(p.AST())
		rule := &Rule{ID: string(id), Effect: "permit", Says: string(notes["says"]), Text: string(p.MarshalCedar()),
			refusal: string(notes["refusal"]), remedy: string(notes["remedy"])}
		if p.Effect() == cedar.Forbid {
			rule.Effect = "forbid"
		}
		settled := *tree // what remains to be asked once the action is known
		settled.Action = ast.ScopeTypeAll{}
		forAny := policy{id, attribute.FindAllString(rule.Text, -1), cedar.NewPolicyFromAST((*cedarast.Policy)(&settled))}
		for uid := range shape.Actions {
			if covers(tree.Action, uid) {
				action := string(uid.ID)
				rule.Actions = append(rule.Actions, action)
				set.byAction[action] = append(set.byAction[action], forAny)
			}
		}
		slices.Sort(rule.Actions)
		set.rules[id] = rule
		set.order = append(set.order, rule)
	}
	for action, list := range set.byAction {
		set.looksAt[action] = looksAt(list)
	}
	return set, nil
}

var attribute = regexp.MustCompile(`(?:context|resource)\.[a-z_]+`)

// looksAt lists the facts that policies name.
func looksAt(list policyList) *wanted {
	named := map[string]bool{}
	for _, p := range list {
		for _, name := range p.names {
			named[name] = true
		}
	}
	only := func(of string, facts []fact) (some []fact) {
		for _, f := range facts {
			if named[of+"."+string(f.name)] {
				some = append(some, f)
			}
		}
		return some
	}
	return &wanted{context: only("context", contextFacts), project: only("resource", projectFacts), contextBefore: &latest{}}
}

// covers says whether a policy's scope takes an action in.
func covers(scope ast.IsActionScopeNode, action types.EntityUID) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return s.Entity == action
	case ast.ScopeTypeIn:
		return s.Entity == action
	case ast.ScopeTypeInSet:
		return slices.Contains(s.Entities, action)
	}
	return true
}

// Rules lists the policies in the order of their text.
func Rules() []Rule {
	var all []Rule
	for _, r := range rules().order {
		all = append(all, *r)
	}
	return all
}

// RuleByID finds a policy.
func RuleByID(id string) (Rule, error) {
	byID := Ordered[Rule]{}
	for _, r := range rules().order {
		byID.add(r.ID, r)
	}
	r, err := byID.find("policy", id)
	if err != nil {
		return Rule{}, err
	}
	return *r, nil
}

// Actions lists what the policies are asked about: the kinds of statements.
func Actions() []string {
	var names []string
	for action := range rules().byAction {
		names = append(names, action)
	}
	slices.Sort(names)
	return names
}

// refuse words a rule's refusal with the facts of the case.
func (r *Rule) refuse(f *Facts) *Refusal {
	fill := strings.NewReplacer(f.words()...)
	return &Refusal{Reason: fill.Replace(r.refusal), Remedy: fill.Replace(r.remedy), Rule: r.ID}
}
