package omop

import (
	"context"
	"fmt"

	"rempart.eu/rempart/engine"
)

// createViews makes the views that a feed's mapping reads, under the names that
// follow "view." in their files' names. Views may read each other: they are made
// in rounds, each of those whose sources are there.
func (b *builder) createViews(ctx context.Context, views []mapping) error {
	for len(views) > 0 {
		var waiting []mapping
		var first error
		for _, v := range views {
			if v.what == "" {
				return fmt.Errorf("%s: a view has no name: call the file view.<name>.sql", v.file)
			}
			err := b.db.Exec(ctx, fmt.Sprintf("CREATE VIEW source.%s AS %s", engine.Quote(v.what), v.query))
			if err == nil {
				continue
			}
			if waiting = append(waiting, v); first == nil {
				first = fmt.Errorf("%s: %w", v.file, err)
			}
		}
		if len(waiting) == len(views) {
			return first
		}
		views = waiting
	}
	return nil
}

// split parts mappings by a condition, in their order.
func split(all []mapping, of func(mapping) bool) (those, others []mapping) {
	for _, m := range all {
		if of(m) {
			those = append(those, m)
		} else {
			others = append(others, m)
		}
	}
	return those, others
}
