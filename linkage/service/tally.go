package service

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"rempart.eu/rempart/ledger"
)

// tally counts batches by party, mode and domain.
type tally map[[3]string]*issued

type issued struct {
	ledger.Issued
	from, until time.Time
}

func (t tally) add(b batch) {
	key := [3]string{b.party, string(b.mode), b.domain}
	i := t[key]
	if i == nil {
		i = &issued{Issued: ledger.Issued{Party: b.party, Pseudonyms: string(b.mode), Domain: b.domain}, from: b.time}
		t[key] = i
	}
	i.Batches++
	i.Count += int64(b.count)
	i.until = b.time
}

// statement says what was counted, in a fixed order.
func (t tally) statement(head ledger.JournalHead) *ledger.PseudonymsIssued {
	s := &ledger.PseudonymsIssued{Journal: head}
	keys := slices.SortedFunc(maps.Keys(t), func(a, b [3]string) int { return slices.CompareFunc(a[:], b[:], cmp.Compare) })
	for _, key := range keys {
		i := t[key]
		s.Issued = append(s.Issued, i.Issued)
		if s.From.IsZero() || i.from.Before(s.From) {
			s.From = i.from
		}
		if i.until.After(s.Until) {
			s.Until = i.until
		}
	}
	return s
}

// subtract takes off what a statement says.
func (t tally) subtract(s *ledger.PseudonymsIssued) {
	for _, said := range s.Issued {
		key := [3]string{said.Party, said.Pseudonyms, said.Domain}
		i := t[key]
		if i == nil {
			continue
		}
		i.Batches -= said.Batches
		i.Count -= said.Count
		if i.from = s.Until; i.until.Before(i.from) {
			i.from = i.until
		}
		if i.Batches == 0 {
			delete(t, key)
		}
	}
}
