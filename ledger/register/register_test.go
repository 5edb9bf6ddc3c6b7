package register_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
)

// Whatever is asked, forward and backward find what a plain look at each finds.
func TestTheRegisterFindsWhatALookAtEachStatementFinds(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[chance.IntN(len(from))] }
	var r register.Register
	var said []ledger.Statement
	var about []register.About
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for range 500 {
		now = now.Add(time.Duration(chance.IntN(3)) * time.Hour)
		s := ledger.Statement{Kind: pick("a", "b", "c"), Actor: pick("alice", "bob", "diane"), Time: now}
		a := register.About{Project: pick("", "p", "q"), Names: []string{pick("alice", "eve"), pick("eve", "bob")}[:chance.IntN(3)]}
		r.Add(s, a)
		said, about = append(said, s), append(about, a)
	}
	for range 2000 {
		q := register.Query{Project: pick("", "", "p", "none"), Party: pick("", "", "bob", "nobody"), Person: pick("", "", "alice", "eve", "nobody")}
		if chance.IntN(3) == 0 {
			q.Kinds = []string{pick("a", "b"), pick("c", "none")}
		}
		if chance.IntN(3) == 0 {
			q.From = said[chance.IntN(len(said))].Time
		}
		if chance.IntN(3) == 0 {
			q.Until = said[chance.IntN(len(said))].Time
		}
		var want []uint64
		for i, s := range said {
			if (q.Project == "" || about[i].Project == q.Project) && (q.Party == "" || s.Actor == q.Party) &&
				(q.Person == "" || s.Actor == q.Person || slices.Contains(about[i].Names, q.Person)) &&
				(q.Kinds == nil || slices.Contains(q.Kinds, s.Kind)) &&
				(q.From.IsZero() || !s.Time.Before(q.From)) && (q.Until.IsZero() || s.Time.Before(q.Until)) {
				want = append(want, uint64(i))
			}
		}
		if got := slices.Collect(r.Forward(q)); !slices.Equal(got, want) {
			t.Fatalf("%+v forward: %v, want %v", q, got, want)
		}
		slices.Reverse(want)
		if got := slices.Collect(r.Backward(q)); !slices.Equal(got, want) {
			t.Fatalf("%+v backward: %v, want %v", q, got, want)
		}
	}
	if row := r.Row(7); row.Actor != said[7].Actor || row.Project != about[7].Project || row.Kind != said[7].Kind || !row.Time.Equal(said[7].Time) {
		t.Error(fmt.Sprint(row))
	}
}
