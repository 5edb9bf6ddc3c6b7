package main

import (
	"fmt"
	"testing"
)

// Processes that commit to one home at once take turns: what each has said is in the
// ledger once, and the ledger is sound.
func TestProcessesTakeTurns(t *testing.T) {
	t.Parallel()
	home := homeAt(t, peopled)
	before := ledgerOf(t, home).Size
	const many = 12
	var all []*process
	for i := range many {
		all = append(all, spawn(t, "", home, "token", "issue", fmt.Sprint("job-", i), "--as", "alice", "--scope", "read"))
	}
	for _, p := range all {
		if o := p.end(); o.code != exitOK {
			t.Error(o)
		}
	}
	state := ledgerOf(t, home)
	names := map[string]int{}
	for _, token := range state.People.Tokens {
		names[token.Name]++
	}
	if state.Size != before+many || len(names) != many {
		t.Errorf("%d statements more, of %d tokens; want %d of each", state.Size-before, len(names), many)
	}
	sound(t, home)
}
