package benchmarks

import (
	"context"
	"errors"
)

// linkageBench measures what finds out who is one person.
func linkageBench(ctx context.Context, r *Run) (err error) {
	for _, part := range []func(context.Context, *Run) error{
		linkageSplink,
		linkageSynth,
		linkageStays,
		linkageFilters,
	} {
		err = errors.Join(err, part(ctx, r))
	}
	return err
}
