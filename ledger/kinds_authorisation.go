package ledger

import "time"

// The statements that change an authorisation, who takes part, and who got at
// data in an emergency. The first request, its decision and the end of a
// project are in kinds.go.
type (
	// ProjectAmended asks for another text of a project's authorisation, as it was
	// written. What was granted before stays in force until the new text is
	// decided on, by ProjectApproved or ProjectRefused.
	ProjectAmended struct {
		Project string `json:"project"`
		Spec    string `json:"spec"`
		Reason  string `json:"reason"`
	}
	// ProjectSuspended ends every use of a project's data for the time being.
	ProjectSuspended struct {
		Project string `json:"project"`
		Reason  string `json:"reason"`
	}
	// ProjectResumed lets a suspended project go on.
	ProjectResumed struct {
		Project string `json:"project"`
		Reason  string `json:"reason"`
	}
	// PartyLeft says that a party's key signs nothing from now on.
	PartyLeft struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	}
	// RolesReviewed says that somebody looked at who has which role, and found it right.
	RolesReviewed struct {
		Parties map[string]string `json:"parties"` // every party that takes part, and its role
		Reason  string            `json:"reason"`
	}
	// EmergencyOpened gives its actor the space of a project for a short time,
	// before anybody has agreed. It is shown until an officer has reviewed it.
	EmergencyOpened struct {
		Emergency string    `json:"emergency"`
		Project   string    `json:"project"`
		Until     time.Time `json:"until"`
		Reason    string    `json:"reason"`
	}
	// EmergencyReviewed says what an officer found of an emergency.
	EmergencyReviewed struct {
		Emergency string `json:"emergency"`
		Justified bool   `json:"justified"`
		Reason    string `json:"reason"`
	}
)

// Kind implements [Body] for every kind.
func (ProjectAmended) Kind() string    { return "project-amended" }
func (ProjectSuspended) Kind() string  { return "project-suspended" }
func (ProjectResumed) Kind() string    { return "project-resumed" }
func (PartyLeft) Kind() string         { return "party-left" }
func (RolesReviewed) Kind() string     { return "roles-reviewed" }
func (EmergencyOpened) Kind() string   { return "emergency-opened" }
func (EmergencyReviewed) Kind() string { return "emergency-reviewed" }
