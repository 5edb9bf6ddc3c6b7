package governance

import (
	"fmt"
	"strings"
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
	facts, err := s.facts(name, now, body, passkey)
	if err != nil {
		return err
	}
	decision, err := facts.Decide()
	if err != nil {
		return err
	}
	if !decision.Allowed {
		return decision.Refusal
	}
	return nil
}

// Decide asks the policies. The error says that a policy could not be evaluated.
func (f *Facts) Decide() (Decision, error) {
	set := rules()
	request, entities := f.Cedar()
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

// Cedar puts the facts in Cedar's terms: the two entities that the policies
// look at, and the context.
func (f *Facts) Cedar() (cedar.Request, types.EntityMap) {
	principal, resource := partyUID(f.Actor), warehouseUID
	entities := types.EntityMap{principal: types.Entity{UID: principal, Attributes: types.NewRecord(types.RecordMap{
		"role": types.String(f.Role),
		"left": types.Boolean(!f.Left.IsZero()),
	})}}
	about := types.Entity{UID: resource}
	if p := f.Project; p != nil {
		resource = types.NewEntityUID("Project", types.String(p.Name))
		about = types.Entity{UID: resource, Attributes: types.NewRecord(types.RecordMap{
			"researchers":     parties(p.Researchers),
			"status":          types.String(p.Status),
			"starts":          datetime(p.Starts),
			"ends":            datetime(p.Ends),
			"outdated":        types.Boolean(p.Outdated),
			"host_derogation": types.String(p.HostDerogation),
		})}
	}
	entities[resource] = about
	return cedar.Request{
		Principal: principal,
		Action:    types.NewEntityUID("Action", types.String(f.Action)),
		Resource:  resource,
		Context: types.NewRecord(types.RecordMap{
			"now":              datetime(f.Now),
			"use":              types.String(f.Use),
			"asked_starts":     datetime(f.AskedStarts),
			"asked_ends":       datetime(f.AskedEnds),
			"amendment":        types.Boolean(f.Amendment),
			"disclosive":       types.Boolean(f.Disclosive),
			"requester":        partyUID(f.Requester),
			"host_registered":  types.Boolean(f.HostRegistered),
			"host_reach":       texts(f.HostReach),
			"derogation_ends":  datetime(f.DerogationEnds),
			"party":            partyUID(f.Party),
			"party_role":       types.String(f.PartyRole),
			"emergency":        types.Boolean(f.Emergency),
			"emergency_until":  datetime(f.EmergencyUntil),
			"unreviewed":       types.Boolean(f.Unreviewed),
			"opt_outs_wait":    types.Boolean(f.OptOutsWait),
			"passkey":          types.Boolean(f.Passkey),
			"passkey_held":     types.Boolean(f.PasskeyHeld),
			"passkey_required": types.Boolean(f.PasskeyRequired),
			"overdue":          types.Boolean(f.Overdue),
			"ordered":          types.Boolean(f.Ordered),
			"subject":          partyUID(f.Subject),
			"first":            partyUID(f.First),
			"second_roles":     texts(f.SecondRoles),
			"askers":           parties(f.Askers),
			"withdrawn":        types.Boolean(f.Withdrawn),
		}),
	}, entities
}

var warehouseUID = types.NewEntityUID("Warehouse", "warehouse")

func partyUID(name string) types.EntityUID { return types.NewEntityUID("Party", types.String(name)) }

func parties(names []string) types.Set {
	values := make([]types.Value, len(names))
	for i, name := range names {
		values[i] = partyUID(name)
	}
	return types.NewSet(values...)
}

func texts(all []string) types.Set {
	values := make([]types.Value, len(all))
	for i, text := range all {
		values[i] = types.String(text)
	}
	return types.NewSet(values...)
}

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
		"{requester}", f.Requester, "{party}", f.Party,
		"{host}", f.Host, "{reach}", strings.Join(f.HostReach, ", "), "{derogated}", derogated,
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
