package omop

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"rempart.eu/rempart/engine"
)

// createViews makes the views that a feed's mapping reads, under the names that
// follow "view." in their files' names, and names the statements that drop them. Views
// may read each other: they are made in rounds, each of those whose sources are there.
// Where rows are kept, a view that several files read is worked out once.
func (b *builder) createViews(ctx context.Context, views, mappings []mapping, keep bool) (drop []string, err error) {
	all := slices.Concat(views, mappings)
	for len(views) > 0 {
		var waiting []mapping
		var first error
		for _, v := range views {
			if v.what == "" {
				return nil, fmt.Errorf("%s: a view has no name: call the file view.<name>.sql", v.file)
			}
			kind := "VIEW"
			if keep && v.readers(all) > 1 {
				kind = "TABLE"
			}
			err := b.db.Exec(ctx, fmt.Sprintf("CREATE %s source.%s AS %s", kind, engine.Quote(v.what), v.query))
			if err == nil {
				drop = append(drop, fmt.Sprintf("DROP %s source.%s", kind, engine.Quote(v.what)))
				continue
			}
			if waiting = append(waiting, v); first == nil {
				first = fmt.Errorf("%s: %w", v.file, err)
			}
		}
		if len(waiting) == len(views) {
			return nil, first
		}
		views = waiting
	}
	return drop, nil
}

// readers counts the files that name a view.
func (m mapping) readers(all []mapping) (files int) {
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(m.what) + `\b`)
	for _, other := range all {
		if other.file != m.file && name.MatchString(other.query) {
			files++
		}
	}
	return files
}

// those are the mappings for which a condition holds, in their order.
func those(all []mapping, of func(mapping) bool) (some []mapping) {
	for _, m := range all {
		if of(m) {
			some = append(some, m)
		}
	}
	return some
}
