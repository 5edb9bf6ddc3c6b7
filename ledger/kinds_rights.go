package ledger

// The statements about persons' rights. None says who the person is: what a
// provider knows of her is sealed to the linkage authority, what the authority
// finds to the controller, and what the controller answers to the person.
type (
	// OptOutStated says that a person, whom the provider knows, wants her data
	// not to be used from now on.
	OptOutStated struct {
		OptOut     string `json:"opt_out"`
		Authority  string `json:"authority"`           // the linkage authority that it is sent to
		Pseudonyms string `json:"pseudonyms"`          // how the tokens were made: "keyed", "oblivious" or "both"
		Evaluator  string `json:"evaluator,omitempty"` // whose key made the oblivious ones
		Sealed     Digest `json:"sealed"`              // her tokens, sealed to the authority
	}
	// OptOutRevoked says that she has thought better of it.
	OptOutRevoked struct {
		OptOut string `json:"opt_out"`
	}
	// OptOutsResolved says which persons of a linkage have opted out. It replaces
	// what was said before.
	OptOutsResolved struct {
		Linkage string   `json:"linkage"`
		Found   []string `json:"found"`             // opt-outs of persons whom their provider has deposited
		Unknown []string `json:"unknown,omitempty"` // the others: they exclude nobody
		Persons int64    `json:"persons"`
		Object  Object   `json:"object"` // their person_id, sealed to the controller
	}
	// AccessRequested says that a person wants to know what was done with her data.
	AccessRequested struct {
		Access     string `json:"access"`
		Authority  string `json:"authority"`
		Pseudonyms string `json:"pseudonyms"`
		Evaluator  string `json:"evaluator,omitempty"`
		Recipient  string `json:"recipient"` // an age recipient of the person's
		Sealed     Digest `json:"sealed"`    // her tokens, sealed to the authority
	}
	// AccessForwarded says that the authority has told the controller which person
	// it is, or that it is none.
	AccessForwarded struct {
		Access string `json:"access"`
		Sealed Digest `json:"sealed"` // sealed to the controller
	}
	// AccessAnswered says that the answer is with the provider, sealed to the person.
	AccessAnswered struct {
		Access string `json:"access"`
		Sealed Digest `json:"sealed"`
	}
)

// Kind implements [Body] for every kind.
func (OptOutStated) Kind() string    { return "opt-out-stated" }
func (OptOutRevoked) Kind() string   { return "opt-out-revoked" }
func (OptOutsResolved) Kind() string { return "opt-outs-resolved" }
func (AccessRequested) Kind() string { return "access-requested" }
func (AccessForwarded) Kind() string { return "access-forwarded" }
func (AccessAnswered) Kind() string  { return "access-answered" }
