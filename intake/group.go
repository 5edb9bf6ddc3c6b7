package intake

import (
	"cmp"
	"slices"
)

// Type is the FHIR type that a resource is a view of, such as Encounter; empty
// for a resource that comes as a table.
func (r *Resource) Type() string {
	if r.view == nil {
		return ""
	}
	return r.view.Resource
}

// Groups returns the resources in the order in which they are checked, those
// that are read from the same files together: all views of a FHIR type are one
// group, every other resource is one by itself.
func (f *Feed) Groups() [][]Resource {
	var groups [][]Resource
	at := map[string]int{}
	for _, r := range f.Order() {
		kind := r.Type()
		if i, known := at[kind]; known && kind != "" {
			groups[i] = append(groups[i], r)
			continue
		}
		at[kind] = len(groups)
		groups = append(groups, []Resource{r})
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b Resource) int { // identities know the row's person first
			return cmp.Compare(btoi(b.Identity), btoi(a.Identity))
		})
	}
	return groups
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
