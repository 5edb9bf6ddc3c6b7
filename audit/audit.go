// Package audit answers those who look at a warehouse from outside: what
// happened, who signed it under which rule, what proves it, and what of a period
// an officer has to report.
//
// It reads the ledger and what is computed from it, opens no data and needs no
// secret. [Find] lists statements, [Explain] tells one whole, [Prove] makes a file
// that proves one to somebody else, and [NewReport] sums up a period.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/ledger/tell"
	"rempart.eu/rempart/warehouse"
)

// Line is a statement in a list.
type Line struct {
	Index   uint64          `json:"index"`
	Kind    string          `json:"kind"`
	Actor   string          `json:"actor"`
	Time    time.Time       `json:"time"`
	Project string          `json:"project,omitempty"`
	Tells   words.Sentence  `json:"tells"` // after the actor's name
	Body    json.RawMessage `json:"body"`
}

func line(l *words.Language, row register.Row, s ledger.Statement) Line {
	return Line{row.Index, s.Kind, s.Actor, s.Time, row.Project, tell.Statement(l, s), s.Body}
}

// Found is a page of a list: the latest statements are on its first page, and on
// each page the oldest come first.
type Found struct {
	Lines []Line
	Total int // that were looked for, on all pages
	Pages int
}

// Find lists a page (from 1) of so many of the statements that are looked for; a
// size of 0 lists all of them.
func Find(ctx context.Context, w *warehouse.Warehouse, l *words.Language, q register.Query, page, size int) (found Found, err error) {
	var rows []register.Row
	err = w.Read(ctx, func(m *warehouse.Model) error {
		for index := range m.Register.Backward(q) {
			if size == 0 || found.Total >= (page-1)*size && found.Total < page*size {
				rows = append(rows, m.Register.Row(index))
			}
			found.Total++
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	found.Pages = 1
	if size > 0 {
		found.Pages = max(1, (found.Total+size-1)/size)
	}
	slices.Reverse(rows)
	found.Lines = make([]Line, 0, len(rows))
	return found, each(ctx, w.Log, rows, func(row register.Row, e ledger.Entry) error {
		found.Lines = append(found.Lines, line(l, row, e.Statement))
		return nil
	})
}

var errDone = errors.New("done")

// each reads the statements of rows, which are in the ledger's order. Those that
// lie close together are read in one go.
func each(ctx context.Context, log *ledger.Log, rows []register.Row, yield func(register.Row, ledger.Entry) error) error {
	const close = 2048 // some eight bundles: their reading costs less than that of one of them eight times
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Index-rows[n-1].Index < close {
			n++
		}
		part := rows[:n]
		err := log.EntriesFrom(ctx, part[0].Index, func(e ledger.Entry) error {
			if e.Index != part[0].Index {
				return nil
			}
			if err := yield(part[0], e); err != nil {
				return err
			}
			if part = part[1:]; len(part) == 0 {
				return errDone
			}
			return nil
		})
		if err != nil && !errors.Is(err, errDone) {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
