package ledger

// What happens to an output between its run and its reader.
type (
	// OutputChangeRequested has a table changed so that it discloses less.
	OutputChangeRequested struct {
		Change string `json:"change"`
		Output string `json:"output"`
		Method string `json:"method"` // "suppress", "merge", "round" or "strip"
	}
	// OutputChanged says what came of it: another output, examined anew, which waits by itself.
	OutputChanged struct {
		Change string  `json:"change"`
		Bundle *Object `json:"bundle,omitempty"` // what was changed, with what stands beside it, as a tar
		Result *Output `json:"result,omitempty"`
		Failed string  `json:"failed,omitempty"` // why nothing came of it
	}
	// OutputCommented is a word of a researcher's or a checker's about an output.
	OutputCommented struct {
		Output string `json:"output"`
		Text   string `json:"text"` // one line of 500 characters at most, and no health data
	}
	// OutputAssigned says which checker takes an output.
	OutputAssigned struct {
		Output  string `json:"output"`
		Checker string `json:"checker"`
	}
	// OutputDelivered says that a released output was handed to a person, once.
	OutputDelivered struct {
		Output string `json:"output"`
		SHA256 Digest `json:"sha256"`
		Party  string `json:"party"`
		Means  string `json:"means"` // "portal" or "command"
	}
	// DeliveryRenewed lets a person have a released output once more.
	DeliveryRenewed struct {
		Output string `json:"output"`
		Party  string `json:"party"`
		Reason string `json:"reason"`
	}
)

// Kind implements [Body].
func (OutputChangeRequested) Kind() string { return "output-change-requested" }
func (OutputChanged) Kind() string         { return "output-changed" }
func (OutputCommented) Kind() string       { return "output-commented" }
func (OutputAssigned) Kind() string        { return "output-assigned" }
func (OutputDelivered) Kind() string       { return "output-delivered" }
func (DeliveryRenewed) Kind() string       { return "delivery-renewed" }
