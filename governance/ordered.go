package governance

import (
	"iter"
	"slices"

	"rempart.eu/rempart/internal/nearest"
)

// Ordered is a map that remembers the order in which things came.
type Ordered[T any] struct {
	ids  []string
	byID map[string]*T
}

func (o *Ordered[T]) add(id string, thing *T) {
	if o.byID == nil {
		o.byID = map[string]*T{}
	}
	o.ids = append(o.ids, id)
	o.byID[id] = thing
}

// Len counts.
func (o *Ordered[T]) Len() int { return len(o.ids) }

// All yields each thing with its id, the first that came first.
func (o *Ordered[T]) All() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, id := range o.ids {
			if !yield(id, o.byID[id]) {
				return
			}
		}
	}
}

// Backward yields each thing with its id, the last that came first.
func (o *Ordered[T]) Backward() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, id := range slices.Backward(o.ids) {
			if !yield(id, o.byID[id]) {
				return
			}
		}
	}
}

// Get finds a thing.
func (o *Ordered[T]) Get(id string) (*T, bool) {
	thing, ok := o.byID[id]
	return thing, ok
}

// Latest is the id of the thing that came last, or "".
func (o *Ordered[T]) Latest() string {
	if len(o.ids) == 0 {
		return ""
	}
	return o.ids[len(o.ids)-1]
}

// find looks a thing up and, where there is none, names the nearest.
func (o *Ordered[T]) find(what, id string) (*T, error) {
	if thing, ok := o.byID[id]; ok {
		return thing, nil
	}
	if near := nearest.Name(id, o.ids); near != "" {
		return nil, refuse("Did you mean "+near+"?", "there is no %s %q", what, id)
	}
	return nil, refuse("See what there is: rempart "+what+" list", "there is no %s %q", what, id)
}
