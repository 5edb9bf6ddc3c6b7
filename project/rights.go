package project

import (
	"context"

	"rempart.eu/rempart/warehouse"
)

// ApplyRights is the controller's step after the linkage authority's: it makes
// anew each space that holds somebody who has opted out, and answers what
// persons have asked.
func ApplyRights(ctx context.Context, w *warehouse.Warehouse, progress warehouse.Progress) (done warehouse.Applied, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return done, err
	}
	if done, err = w.Unheeded(ctx, state); err != nil {
		return done, err
	}
	for _, name := range done.Projects {
		if _, err := Extract(ctx, w, name, "", progress); err != nil {
			return done, err
		}
	}
	done.Answered, err = w.AnswerAccesses(ctx)
	return done, err
}
