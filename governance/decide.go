package governance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"rempart.eu/rempart/ledger"
)

// Refusal says that a party may not say something.
type Refusal struct {
	Reason string
	Remedy string // what to do next; may be empty
	Rule   string `json:",omitempty"` // the id of the policy that forbids it; "" where none does
	Case   *Facts `json:"-"`          // what the policies were asked; nil where it was not they who refused
}

func (r *Refusal) Error() string { return "refused: " + r.Reason }

func refuse(remedy, format string, args ...any) *Refusal {
	return &Refusal{Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Decision is the policies' answer.
type Decision struct {
	Allowed bool     `json:"allowed"`
	Rules   []string `json:"rules"`             // those that permit, or those that forbid; none where nothing permits
	Refusal *Refusal `json:"refusal,omitempty"` // in words
}

// Authorise says whether the policies let a statement's actor say it now, given
// what has happened so far, if it is signed as it should be (see [State.Due]).
// The error is a *Refusal.
func (s *State) Authorise(statement ledger.Statement, body ledger.Body) error {
	return s.authorise(statement.Actor, statement.Time, body, true)
}

// AuthoriseKey is Authorise for a statement that a machine makes: one signed with
// its actor's key file. Steps ask it before they begin.
func (s *State) AuthoriseKey(actor string, now time.Time, body ledger.Body) error {
	return s.authorise(actor, now, body, false)
}

// authorise asks the policies about a statement that is signed with a passkey or not.
func (s *State) authorise(name string, now time.Time, body ledger.Body, passkey bool) error {
	c := spareCases.Get().(*aCase)
	*c = aCase{}
	if err := s.collect(c, name, now, body, passkey); err != nil {
		return err
	}
	decision, err := c.facts.Decide()
	if err != nil {
		return err
	}
	if !decision.Allowed {
		return decision.Refusal // which tells the case: it is not spare
	}
	spareCases.Put(c)
	return nil
}

// aCase is the facts and those of their project in one piece.
type aCase struct {
	facts   Facts
	project ProjectFacts
}

// spareCases are those that nobody looks at any more: a ledger of a million
// statements has as many.
var spareCases = sync.Pool{New: func() any { return new(aCase) }}

// Decide asks the policies. The error says that a policy could not be evaluated.
func (f *Facts) Decide() (Decision, error) {
	set := rules()
	wants := set.looksAt[f.Action]
	if wants == nil {
		wants = &wanted{} // no policy is about it
	}
	request, entities := f.cedar(wants)
	answer, why := cedar.Authorize(set.byAction[f.Action], entities, request)
	if len(why.Errors) > 0 {
		return Decision{}, fmt.Errorf("policy %s: %s", why.Errors[0].PolicyID, why.Errors[0].Message)
	}
	d := Decision{Allowed: answer == cedar.Allow}
	for _, reason := range why.Reasons {
		d.Rules = append(d.Rules, string(reason.PolicyID))
	}
	switch {
	case d.Allowed:
	case len(d.Rules) > 0:
		d.Refusal = set.rules[why.Reasons[0].PolicyID].refuse(f)
	default:
		d.Refusal = refuse("", "%s is %s, who may not make a statement %s here", f.Actor, f.Role.Article(), f.Action)
	}
	if d.Refusal != nil {
		d.Refusal.Case = f
	}
	return d, nil
}

// Cedar puts the facts in Cedar's terms: the two entities that the policies look
// at, and the whole context.
func (f *Facts) Cedar() (cedar.Request, types.EntityMap) {
	request, of := f.cedar(allFacts)
	entities := types.EntityMap{of.principal.UID: of.principal}
	entities[of.resource.UID] = of.resource
	return request, entities
}

// wanted are the facts that the policies about an action look at.
type wanted struct {
	context, project []fact

	contextBefore *latest  // nil: nothing is kept
	projectBefore sync.Map // by project: *latest
}

var allFacts = &wanted{context: contextFacts, project: projectFacts}

// latest is the last record of a place, which the next is most often equal to.
type latest struct{ atomic.Pointer[collected] }

// collected is a record and the facts in it, in their order.
type collected struct {
	values []types.Value
	record types.Record
}

// pair is the two entities of a case.
type pair struct{ principal, resource types.Entity }

// Get implements [types.EntityGetter].
func (p *pair) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case p.principal.UID:
		return p.principal, true
	case p.resource.UID:
		return p.resource, true
	}
	return types.Entity{}, false
}

// cedar is Cedar with those facts that are wanted.
func (f *Facts) cedar(w *wanted) (cedar.Request, *pair) {
	of := &pair{
		principal: types.Entity{UID: partyUID(f.Actor), Attributes: f.actor()},
		resource:  types.Entity{UID: warehouseUID},
	}
	if f.Project != nil {
		of.resource = types.Entity{UID: types.NewEntityUID("Project", types.String(f.Project.Name)), Attributes: w.projectRecord(f)}
	}
	return cedar.Request{
		Principal: of.principal.UID,
		Action:    types.NewEntityUID("Action", types.String(f.Action)),
		Resource:  of.resource.UID,
		Context:   w.contextBefore.record(f, w.context),
	}, of
}

// projectRecord collects the facts of a project.
func (w *wanted) projectRecord(f *Facts) types.Record {
	if w.contextBefore == nil {
		return (*latest)(nil).record(f, w.project)
	}
	before, known := w.projectBefore.Load(f.Project.Name)
	if !known {
		before, _ = w.projectBefore.LoadOrStore(f.Project.Name, &latest{})
	}
	return before.(*latest).record(f, w.project)
}

// record collects facts, or is the record of before where they are the same.
func (l *latest) record(f *Facts, facts []fact) types.Record {
	if len(facts) == 0 {
		return types.Record{}
	}
	values := make([]types.Value, 0, 40)[:len(facts)]
	for i, fact := range facts {
		values[i] = fact.of(f)
	}
	if l != nil {
		if before := l.Load(); before != nil && slices.EqualFunc(values, before.values, types.Value.Equal) {
			return before.record
		}
	}
	record := make(types.RecordMap, len(facts))
	for i, fact := range facts {
		record[fact.name] = values[i]
	}
	now := collected{slices.Clone(values), types.NewRecord(record)}
	if l != nil {
		l.Store(&now)
	}
	return now.record
}

// actors are the attributes of parties: there are few that differ.
var actors sync.Map // actorKey → types.Record

type actorKey struct {
	role Role
	left bool
}

// actor is the attributes of the one who acts.
func (f *Facts) actor() types.Record {
	key := actorKey{f.Role, !f.Left.IsZero()}
	if known, ok := actors.Load(key); ok {
		return known.(types.Record)
	}
	record := types.NewRecord(types.RecordMap{"role": types.String(key.role), "left": types.Boolean(key.left)})
	actors.Store(key, record)
	return record
}

// fact is one attribute of the context, or of a project.
type fact struct {
	name types.String
	of   func(*Facts) types.Value
}

// contextFacts are all of them, as policies/rempart.cedarschema has them.
var contextFacts = []fact{
	{"now", func(f *Facts) types.Value { return datetime(f.Now) }},
	{"use", func(f *Facts) types.Value { return types.String(f.Use) }},
	{"asked_starts", func(f *Facts) types.Value { return datetime(f.AskedStarts) }},
	{"asked_ends", func(f *Facts) types.Value { return datetime(f.AskedEnds) }},
	{"amendment", func(f *Facts) types.Value { return types.Boolean(f.Amendment) }},
	{"disclosive", func(f *Facts) types.Value { return types.Boolean(f.Disclosive) }},
	{"taken", func(f *Facts) types.Value { return types.Boolean(f.Checker != "" && f.Checker != f.Actor) }},
	{"requester", func(f *Facts) types.Value { return partyUID(f.Requester) }},
	{"host_registered", func(f *Facts) types.Value { return types.Boolean(f.HostRegistered) }},
	{"host_reach", func(f *Facts) types.Value { return texts(f.HostReach) }},
	{"derogation_ends", func(f *Facts) types.Value { return datetime(f.DerogationEnds) }},
	{"party", func(f *Facts) types.Value { return partyUID(f.Party) }},
	{"party_role", func(f *Facts) types.Value { return types.String(f.PartyRole) }},
	{"emergency", func(f *Facts) types.Value { return types.Boolean(f.Emergency) }},
	{"emergency_until", func(f *Facts) types.Value { return datetime(f.EmergencyUntil) }},
	{"unreviewed", func(f *Facts) types.Value { return types.Boolean(f.Unreviewed) }},
	{"opt_outs_unseen", func(f *Facts) types.Value { return types.Boolean(f.OptOutsUnseen) }},
	{"opt_outs_wait", func(f *Facts) types.Value { return types.Boolean(f.OptOutsWait) }},
	{"checks_failed", func(f *Facts) types.Value { return types.Boolean(len(f.ChecksFailed) > 0) }},
	{"passkey", func(f *Facts) types.Value { return types.Boolean(f.Passkey) }},
	{"passkey_held", func(f *Facts) types.Value { return types.Boolean(f.PasskeyHeld) }},
	{"passkey_required", func(f *Facts) types.Value { return types.Boolean(f.PasskeyRequired) }},
	{"overdue", func(f *Facts) types.Value { return types.Boolean(f.Overdue) }},
	{"ordered", func(f *Facts) types.Value { return types.Boolean(f.Ordered) }},
	{"subject", func(f *Facts) types.Value { return partyUID(f.Subject) }},
	{"first", func(f *Facts) types.Value { return partyUID(f.First) }},
	{"second_roles", func(f *Facts) types.Value { return texts(f.SecondRoles) }},
	{"askers", func(f *Facts) types.Value { return parties(f.Askers) }},
	{"withdrawn", func(f *Facts) types.Value { return types.Boolean(f.Withdrawn) }},
}

// projectFacts are the attributes of a project.
var projectFacts = []fact{
	{"researchers", func(f *Facts) types.Value { return parties(f.Project.Researchers) }},
	{"status", func(f *Facts) types.Value { return types.String(f.Project.Status) }},
	{"starts", func(f *Facts) types.Value { return datetime(f.Project.Starts) }},
	{"ends", func(f *Facts) types.Value { return datetime(f.Project.Ends) }},
	{"outdated", func(f *Facts) types.Value { return types.Boolean(f.Project.Outdated) }},
	{"host_derogation", func(f *Facts) types.Value { return types.String(f.Project.HostDerogation) }},
}

var warehouseUID = types.NewEntityUID("Warehouse", "warehouse")

func partyUID(name string) types.EntityUID { return types.NewEntityUID("Party", types.String(name)) }

// sets are those that were asked for before, of which there are few that differ.
type sets struct {
	known sync.Map // what is in one, a line each → aSet
	value func(string) types.Value
}

type aSet struct {
	of  []string
	set types.Set
}

func (s *sets) of(all []string) types.Set {
	key := strings.Join(all, "\n")
	if known, ok := s.known.Load(key); ok && slices.Equal(known.(aSet).of, all) { // not another that reads the same
		return known.(aSet).set
	}
	values := make([]types.Value, len(all))
	for i, one := range all {
		values[i] = s.value(one)
	}
	set := types.NewSet(values...)
	s.known.Store(key, aSet{slices.Clone(all), set})
	return set
}

var (
	partySets = sets{value: func(name string) types.Value { return partyUID(name) }}     // those of projects, and none
	textSets  = sets{value: func(text string) types.Value { return types.String(text) }} // countries of law, and roles
)

func parties(names []string) types.Set { return partySets.of(names) }

func texts(all []string) types.Set { return textSets.of(all) }

// datetime is a time in Cedar's terms; no time is the beginning of its calendar.
func datetime(t time.Time) types.Datetime {
	if t.IsZero() {
		return types.NewDatetimeFromMillis(0)
	}
	return types.NewDatetime(t)
}

// words are the places of a refusal's text, each followed by what fills it.
func (f *Facts) words() []string {
	derogated := ""
	if !f.DerogationEnds.IsZero() {
		derogated = ": the last ended on " + f.DerogationEnds.UTC().Format(time.DateOnly)
	}
	use := Uses[f.Use]
	words := []string{
		"{actor}", f.Actor, "{role}", string(f.Role), "{left}", day(f.Left),
		"{use}", orNone(f.Use), "{use_says}", use.Says, "{use_article}", use.Article,
		"{asked_starts}", day(f.AskedStarts), "{asked_ends}", lastDay(f.AskedEnds),
		"{linkage}", f.Linkage, "{checks}", several(f.ChecksFailed), "{waive}", strings.Join(f.ChecksFailed, " "),
		"{requester}", f.Requester, "{party}", f.Party,
		"{checker}", f.Checker, "{host}", f.Host, "{reach}", strings.Join(f.HostReach, ", "), "{derogated}", derogated,
	}
	if p := f.Project; p != nil {
		words = append(words, "{project}", p.Name, "{status}", string(p.Status), "{starts}", day(p.Starts), "{ended}", lastDay(p.Ends),
			"{decided}", day(p.Decided), "{reason}", p.Reason)
	}
	return words
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// lastDay is the last day before an end; an end within a day is told to the second.
func lastDay(end time.Time) string {
	if end.UTC().Truncate(24 * time.Hour).Equal(end.UTC()) {
		return day(end.Add(-time.Second))
	}
	return end.UTC().Format(time.RFC3339)
}
