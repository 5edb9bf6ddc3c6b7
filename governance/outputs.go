package governance

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/ledger"
)

// OutputChange is what a researcher had done to a table that waits.
type OutputChange struct {
	Made
	ledger.OutputChangeRequested
	Done   *Made  // nil: it goes on, or was cut off
	Failed string // why nothing came of it
}

// Comment is a word about an output.
type Comment struct {
	Made
	Text string
}

// Delivery is a released output in somebody's hands.
type Delivery struct {
	Made
	Party string
	Means string
}

// MaxComment is how long a comment may be, in characters.
const MaxComment = 500

// methods are those by which an output can be changed: a table, and what a figure carries.
var methods = []string{"suppress", "merge", "round", "strip"}

// Changed is the id of what an output becomes by a method.
func Changed(output, method string) string { return output + "-" + method }

// ReleasedOf is how many outputs of an output's project were released.
func (s *State) ReleasedOf(o *Output) int {
	if project, ok := s.Projects.Get(o.Run.Project); ok {
		return project.Released
	}
	return 0
}

// Bundle is the sealed object that holds an output, or nil where nothing does.
func (o *Output) Bundle() *ledger.Object {
	switch {
	case o.Handled().Sealed != nil:
		return o.Handled().Sealed
	case o.Run.Finished == nil:
		return nil
	}
	return o.Run.Finished.Bundle
}

// Asks says whether an output waits for a checker's decision.
func (o *Output) Asks() bool { return o.Decision == nil && !o.Refused }

// Waited is how long an output has waited, or had waited when it was decided on.
func (o *Output) Waited(now time.Time) time.Duration {
	if o.Decision != nil {
		now = o.Decision.Time
	}
	return now.Sub(o.Time)
}

// Late says whether an output has waited longer than its project was promised.
func (s *State) Late(o *Output, now time.Time) bool {
	p, ok := s.Projects.Get(o.Run.Project)
	return ok && !o.Refused && o.Waited(now) > time.Duration(p.Spec.WithinDays())*24*time.Hour
}

// Deliverable says whether a released output can be handed to a party now: once, and
// once more for each time that a checker has said so.
func (s *State) Deliverable(o *Output, party string) error {
	id := o.Output.Output
	p, err := s.Project(o.Run.Project)
	if err != nil {
		return err
	}
	if !slices.Contains(p.Spec.Researchers, party) {
		return refuse("See who they are: rempart project show "+p.Name, "%s is no researcher of project %s", party, p.Name)
	}
	if !o.Released {
		return refuse("See what became of it: rempart airlock show "+id, "output %s was not released", id)
	}
	times, done := 0, o.Handled()
	for _, d := range done.Deliveries {
		if d.Party == party {
			times++
		}
	}
	if times > done.Renewed[party] {
		last := done.Deliveries[slices.IndexFunc(done.Deliveries, func(d Delivery) bool { return d.Party == party })]
		return refuse("Ask an output checker to let it be handed out once more: rempart airlock renew "+id+" --for "+party,
			"output %s was handed to %s on %s already, and is handed out once", id, party, last.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *State) requestChange(made Made, b *ledger.OutputChangeRequested) error {
	o, err := s.Output(b.Output)
	if err != nil {
		return err
	}
	if !slices.Contains(methods, b.Method) {
		return refuse("", "%q is no method: want one of %s", b.Method, strings.Join(methods, ", "))
	}
	if o.Released {
		return refuse("", "output %s was released: nothing of it changes any more", b.Output)
	}
	if _, taken := s.Outputs.Get(Changed(b.Output, b.Method)); taken {
		return refuse("See it: rempart airlock show "+Changed(b.Output, b.Method), "output %s was changed in that way already", b.Output)
	}
	return fresh(&s.Changes, "change", b.Change, &OutputChange{Made: made, OutputChangeRequested: *b})
}

func (s *State) change(made Made, b *ledger.OutputChanged) error {
	c, err := s.Changes.find("change", b.Change)
	if err != nil {
		return err
	}
	from, err := s.Output(c.Output)
	if err != nil {
		return err
	}
	if c.Done != nil {
		return refuse("", "change %s was made already", b.Change)
	}
	if b.Result == nil && b.Bundle == nil && b.Failed != "" {
		c.Done, c.Failed = &made, b.Failed
		return nil
	}
	if b.Result == nil || b.Bundle == nil || b.Failed != "" || b.Result.Output != Changed(c.Output, c.Method) {
		return refuse("", "what was made is not change %s", b.Change)
	}
	c.Done = &made
	return fresh(&s.Outputs, "output", b.Result.Output, &Output{
		Made: made, Output: b.Result, Run: from.Run, handled: &Handled{From: c.Output, Method: c.Method, By: c.Actor, Sealed: b.Bundle},
	})
}

func (s *State) comment(made Made, b *ledger.OutputCommented) error {
	o, err := s.Output(b.Output)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(b.Text)
	if text == "" || text != b.Text || utf8.RuneCountInString(text) > MaxComment || strings.ContainsFunc(text, unicode.IsControl) {
		return refuse("Shorten it, and keep it to one line", "a comment has 1 to %d characters in one line", MaxComment)
	}
	h := o.handling()
	h.Comments = append(h.Comments, Comment{made, text})
	return nil
}

func (s *State) assign(made Made, b *ledger.OutputAssigned) error {
	o, err := s.Output(b.Output)
	if err != nil {
		return err
	}
	if !o.Asks() {
		return refuse("", "output %s waits for no decision", b.Output)
	}
	checker, known := s.Parties[b.Checker]
	p, err := s.Project(o.Run.Project)
	if err != nil {
		return err
	}
	if !known || checker.Role != OutputChecker || checker.Left != nil || b.Checker == o.Run.Actor || slices.Contains(p.Spec.Researchers, b.Checker) {
		return refuse("See who is known: rempart party list", "%q is no output checker who can take this output", b.Checker)
	}
	o.handling().Checker, o.handling().Assigned = b.Checker, &made
	return nil
}

func (s *State) deliver(made Made, b *ledger.OutputDelivered) error {
	o, err := s.Output(b.Output)
	if err != nil {
		return err
	}
	if err := s.Deliverable(o, b.Party); err != nil {
		return err
	}
	if b.SHA256 != o.SHA256 {
		return refuse("", "what was handed out is not what was released")
	}
	h := o.handling()
	h.Deliveries = append(h.Deliveries, Delivery{made, b.Party, b.Means})
	return nil
}

func (s *State) renew(b *ledger.DeliveryRenewed) error {
	o, err := s.Output(b.Output)
	if err != nil {
		return err
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	if !slices.ContainsFunc(o.Handled().Deliveries, func(d Delivery) bool { return d.Party == b.Party }) || s.Deliverable(o, b.Party) == nil {
		return refuse("", "%s can be handed output %s as it is", b.Party, b.Output)
	}
	if o.Handled().Renewed == nil {
		o.handling().Renewed = map[string]int{}
	}
	o.handled.Renewed[b.Party]++
	return nil
}
