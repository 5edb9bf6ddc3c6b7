package governance

import (
	"maps"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// Review is when somebody last looked at who has which role.
type Review struct {
	Made
	ledger.RolesReviewed
}

// Emergency is data that was opened before anybody had agreed.
type Emergency struct {
	Made
	ledger.EmergencyOpened
	Review    *Made // nil: it is to be shown to everybody
	Justified bool
	Finding   string // the officer's
}

// ReviewEvery is after how many days the roles are to be reviewed again
// (SNDS security framework: yearly).
const ReviewEvery = 365

// Taking lists who takes part: everybody's role, but those who have left.
func (s *State) Taking() map[string]string {
	roles := map[string]string{}
	for name, party := range s.Parties {
		if party.Left == nil {
			roles[name] = string(party.Role)
		}
	}
	return roles
}

// ReviewDue says since when the roles wait for a review, and whether they do.
func (s *State) ReviewDue(now time.Time) (since time.Time, due bool) {
	last := s.Created
	if s.Reviewed != nil {
		last = s.Reviewed.Time
	}
	since = last.AddDate(0, 0, ReviewEvery)
	return since, !now.Before(since)
}

func (s *State) partyLeaves(made Made, b *ledger.PartyLeft) error {
	party, known := s.Parties[b.Name]
	if !known {
		return refuse("See who is known: rempart party list", "%q is no party of this warehouse", b.Name)
	}
	if party.Left != nil {
		return refuse("", "%s left on %s already", b.Name, day(party.Left.Time))
	}
	if err := needsReason(b.Reason); err != nil {
		return err
	}
	party.Left, party.LeftFor = &made, b.Reason
	s.Parties[b.Name] = party
	return nil
}

func (s *State) reviewRoles(made Made, b *ledger.RolesReviewed) error {
	if !maps.Equal(b.Parties, s.Taking()) {
		return refuse("Look again: rempart party list", "what was reviewed is not who takes part now")
	}
	s.Reviewed = &Review{made, *b}
	return needsReason(b.Reason)
}

func (s *State) openEmergency(made Made, b *ledger.EmergencyOpened) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if !b.Until.After(made.Time) {
		return refuse("Give a time: --for 4h", "the emergency would have ended already")
	}
	if project.Extraction == nil || project.Status == Closed {
		return refuse("", "project %s has no data that could be opened", b.Project)
	}
	if len(strings.Fields(b.Reason)) < 3 {
		return refuse("Say it in words: --reason", "to break the glass needs a reason that somebody can review")
	}
	return fresh(&s.Emergencies, "emergency", b.Emergency, &Emergency{Made: made, EmergencyOpened: *b})
}

func (s *State) reviewEmergency(made Made, b *ledger.EmergencyReviewed) error {
	emergency, err := s.Emergencies.find("emergency", b.Emergency)
	if err != nil {
		return err
	}
	if emergency.Review != nil {
		return refuse("", "emergency %s was reviewed by %s already", b.Emergency, emergency.Review.Actor)
	}
	emergency.Review, emergency.Justified, emergency.Finding = &made, b.Justified, b.Reason
	return needsReason(b.Reason)
}

// emergency is the one by which a party may read a project's space now, or nil.
func (s *State) emergency(actor, project string, now time.Time) *Emergency {
	for _, e := range s.Emergencies.All() {
		if e.Actor == actor && e.Project == project && now.Before(e.Until) && e.Review == nil {
			return e
		}
	}
	return nil
}

func (s *State) unreviewed(actor string) bool {
	for _, e := range s.Emergencies.All() {
		if e.Actor == actor && e.Review == nil {
			return true
		}
	}
	return false
}

// Unreviewed lists the emergencies that no officer has reviewed: whoever looks at
// the warehouse is told of them first.
func (s *State) Unreviewed() (open []*Emergency) {
	for _, e := range s.Emergencies.All() {
		if e.Review == nil {
			open = append(open, e)
		}
	}
	return open
}
