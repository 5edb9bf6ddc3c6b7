package ledger

// The statement about witnesses.
type (
	// WitnessesSet says who vouches that the ledger is never rewritten, and what
	// waits for them. The last one counts, for the statements after it: one of the
	// Kinds takes effect when a checkpoint that covers it bears the cosignatures of
	// Threshold of the Witnesses. Without witnesses nothing waits.
	WitnessesSet struct {
		Witnesses []Witness `json:"witnesses"`
		Threshold int       `json:"threshold"`
		Kinds     []string  `json:"kinds"`
		Reason    string    `json:"reason"`
	}
	// Witness is somebody who cosigns checkpoints (C2SP tlog-witness).
	Witness struct {
		URL string `json:"url"` // where it is asked
		Key string `json:"key"` // its verifier key, as signed notes write it; its name is in it
	}
)

// Kind implements [Body].
func (WitnessesSet) Kind() string { return "witnesses-set" }
