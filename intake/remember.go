package intake

import "slices"

// What a delivery's rows are remembered by takes memory for each of them. So a
// set of keys is kept only while a source that is not yet checked needs it.

// needs says whether a source from that one on needs a set of keys: its
// resource, where they are unique or are persons to be told of, or others that refer to them.
func (c *Checker) needs(r *Resource, set keySet, from int) bool {
	return c.later(from, func(o *Resource) bool {
		switch {
		case o.Name == r.Name:
			return set.unique || r.tells(set)
		case r.Identity && o.AboutPersons() && o.PersonBy == nil && slices.Equal(set.fields, r.PersonKey()):
			return true
		}
		return slices.ContainsFunc(o.ForeignKeys, func(k ForeignKey) bool {
			return k.Resource == r.Name && slices.Equal(k.To, set.fields)
		})
	})
}

// tells says whether a set of keys is the persons whose traits a resource has:
// each is told of once.
func (r *Resource) tells(set keySet) bool {
	return r.Traits() && slices.Equal(set.fields, r.PersonKey())
}

// needsAlias says the same of the identities' alias i.
func (c *Checker) needsAlias(i, from int) bool {
	alias := c.delivery.Feed.identities().Aliases[i]
	return c.later(from, func(o *Resource) bool { return o.PersonBy != nil && slices.Equal(o.PersonBy.Alias, alias) })
}

func (c *Checker) later(from int, does func(r *Resource) bool) bool {
	for _, s := range c.delivery.Sources[from:] {
		if slices.ContainsFunc(s.Feeds, func(p Part) bool { return does(p.Resource) }) {
			return true
		}
	}
	return false
}

// memory returns where the keys and aliases of a resource are remembered, as
// its watched and its aliases; nil where nothing needs them.
func (c *Checker) memory(p *plan) ([]*keys, []*aliases) {
	seen := c.seen[p.resource.Name]
	if seen == nil {
		seen = make([]*keys, len(p.watched))
		c.seen[p.resource.Name] = seen
	}
	for i, places := range p.watched {
		if seen[i] == nil && places != nil {
			seen[i] = &keys{}
		}
	}
	if !p.resource.Identity {
		return seen, nil
	}
	for i, places := range p.aliases {
		if c.aliases[i] == nil && places != nil {
			c.aliases[i] = &aliases{}
		}
	}
	return seen, c.aliases
}

// done ends a source, and forgets what no later one needs.
func (c *Checker) done() {
	c.next++
	for name, seen := range c.seen {
		r := c.delivery.Feed.Resource(name)
		for i, set := range r.watched {
			if !c.needs(r, set, c.next) {
				seen[i] = nil
			}
		}
	}
	for i := range c.aliases {
		if !c.needsAlias(i, c.next) {
			c.aliases[i] = nil
		}
	}
}
