package portal

import (
	"time"

	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
)

// sentence is a text in which some words lead somewhere.
type sentence = words.Sentence

// tell tells a statement: what its actor did, after the actor's name.
func (q *request) tell(s ledger.Statement) sentence { return tell.Statement(q.lang.Language, s) }

// days is how many days there are until a time; begun ones count.
func days(now, until time.Time) int {
	left := until.Sub(now)
	if left <= 0 {
		return 0
	}
	return int((left + 24*time.Hour - 1) / (24 * time.Hour))
}
