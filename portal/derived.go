package portal

import (
	"sync"

	"rempart.eu/rempart/governance"
)

// derived is what pages look up often of a state, made once for each size of the
// ledger. Whoever reads it holds the state still.
type derived struct {
	state     *governance.State
	size      uint64
	all       []output            // the first first
	undecided []output            // those that a checker can decide on
	of        map[string][]output // by project
	runs      map[string]int      // how many, by project
}

// output is an output and its id.
type output struct {
	id string
	*governance.Output
}

// derivation keeps the last one.
type derivation struct {
	mu   sync.Mutex
	last *derived
}

// of is what is derived of a state.
func (d *derivation) of(s *governance.State) *derived {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil && d.last.state == s && d.last.size == s.Size {
		return d.last
	}
	made := &derived{state: s, size: s.Size, of: map[string][]output{}, runs: map[string]int{}}
	for id, o := range s.Outputs.All() {
		one := output{id, o}
		made.all = append(made.all, one)
		made.of[o.Run.Project] = append(made.of[o.Run.Project], one)
		if o.Decision == nil && !o.Refused {
			made.undecided = append(made.undecided, one)
		}
	}
	for _, r := range s.Runs.All() {
		made.runs[r.Project]++
	}
	d.last = made
	return made
}
