package ledger

import "time"

// The statement of a pseudonym service.
type (
	// PseudonymsIssued sums up what a linkage authority's service answered in a
	// period, and anchors its journal, which has every batch.
	PseudonymsIssued struct {
		From    time.Time   `json:"from"`  // of the first batch
		Until   time.Time   `json:"until"` // of the last one
		Issued  []Issued    `json:"issued"`
		Journal JournalHead `json:"journal"`
	}
	// Issued is what one party asked for, in one way.
	Issued struct {
		Party      string `json:"party"`
		Pseudonyms string `json:"pseudonyms"`       // "keyed" or "oblivious"
		Domain     string `json:"domain,omitempty"` // of keyed ones
		Batches    int64  `json:"batches"`
		Count      int64  `json:"count"` // of tokens or evaluations
	}
	// JournalHead says how far a journal goes, and commits to all of it.
	JournalHead struct {
		Size int64  `json:"size"` // bytes
		Head Digest `json:"head"` // the last link of its chain of SHA-256
	}
)

// Kind implements [Body].
func (PseudonymsIssued) Kind() string { return "pseudonyms-issued" }
