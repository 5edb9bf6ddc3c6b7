package intake

import (
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/nearest"
)

// relations checks what resources say about each other, and fills what follows
// from it: key spaces, and which keys must be remembered.
func (l *loader) relations() {
	f := l.feed
	identities, traits := 0, map[string]string{}
	for i := range f.Resources {
		r := &f.Resources[i]
		l.in(fmt.Sprintf("resource %q", r.Name), func() {
			if r.Identity {
				if identities++; identities > 1 {
					l.wrong(`another resource has the purpose "identity" already: the persons of a feed are in one file`)
				}
				if len(r.PersonKey()) == 0 {
					l.wrong(`a resource with the purpose "identity" needs a field with the role person: name the person's key`)
				}
				if r.Optional && !l.feed.knowsPersonsWithout(r) {
					l.wrong(`the resource with the purpose "identity" cannot be optional: nobody could be linked without it`)
				}
			}
			if r.Traits() {
				if len(r.PersonKey()) == 0 {
					l.wrong("traits need a field with the role person: name the person's key")
				}
				for _, f := range r.Fields {
					other := traits[f.Trait]
					switch {
					case f.Trait == "" || r.Identity && r.Optional: // an optional file of identities tells in another's place
					case other != "" && other != r.Name:
						l.wrong("%q has the trait %q already: each resource tells a person once, and of what no other does", other, f.Trait)
					default:
						traits[f.Trait] = r.Name
					}
				}
			}
			if key := r.PersonKey(); len(key) > 0 && (r.Identity || r.Traits()) {
				r.watch(key, false)
			}
			l.identified(r)
			for i := range r.ForeignKeys {
				l.reference(r, &r.ForeignKeys[i])
			}
			l.shifts(r)
		})
	}
	l.cycles()
	for i := range f.Resources {
		r := &f.Resources[i]
		for j := range r.Fields {
			if field := &r.Fields[j]; field.Role == Key {
				field.Domain = f.domain(r, field, 0)
			}
		}
		for j := range r.Keys {
			r.Keys[j].Domain = f.compositeDomain(r, &r.Keys[j], 0)
		}
	}
	l.spaces()
}

// identified checks that the persons of r can be found among the identities.
func (l *loader) identified(r *Resource) {
	id := l.feed.identities()
	ours, theirs := r.PersonKey(), []string(nil)
	what := "the person's key"
	switch {
	case r.PersonBy != nil && id == nil:
		l.wrong(`"person" looks up an alias, and no resource has the purpose "identity": give it to the one with the persons`)
		return
	case r.PersonBy != nil:
		ours, theirs, what = r.PersonBy.Fields, r.PersonBy.Alias, "the alias"
		if !slices.ContainsFunc(id.Aliases, func(a []string) bool { return slices.Equal(a, theirs) }) {
			l.wrong(`"person" looks up the alias %s, which %q does not have: list it there under "aliases"`, list(theirs), id.Name)
			return
		}
	case id == nil || len(ours) == 0:
		return
	default:
		theirs = id.PersonKey()
	}
	if len(ours) != len(theirs) && len(theirs) > 0 {
		l.wrong("%s has %d fields here and %d in %q: they must agree", what, len(ours), len(theirs), id.Name)
		return
	}
	for i := range theirs {
		if a, b := r.field(ours[i]), id.field(theirs[i]); a != nil && b != nil && a.Type != b.Type {
			l.wrong("%s has the type %s here and %s in %q: types must agree", what, a.Type, b.Type, id.Name)
		}
	}
}

// shifts leaves dates alone that are nobody's.
func (l *loader) shifts(r *Resource) {
	if r.AboutPersons() {
		return
	}
	for i := range r.Fields {
		r.Fields[i].Shift = false
	}
}

func (l *loader) reference(r *Resource, key *ForeignKey) {
	to := l.feed.Resource(key.Resource)
	if to != nil {
		key.To = to.fieldsOf(key.To)
	}
	switch {
	case key.Resource == "" || to != nil && slices.Contains(l.feed.together(r), to):
		l.wrong("a foreign key into the same file is not checked: leave it out")
	case to == nil:
		var names []string
		for _, o := range l.feed.Resources {
			names = append(names, o.Name)
		}
		l.wrong("a foreign key refers to the unknown resource %q: %s", key.Resource, nearest.Hint(key.Resource, names))
	case len(key.Fields) == 0 || len(key.Fields) != len(key.To):
		l.wrong("a foreign key to %q pairs %d fields with %d: each needs its counterpart", key.Resource, len(key.Fields), len(key.To))
	default:
		for i, name := range key.To {
			theirs := l.named(fmt.Sprintf("a foreign key to %q", to.Name), name, to)
			ours := r.field(key.Fields[i])
			if theirs != nil && ours != nil && theirs.Type != ours.Type {
				l.wrong("the foreign key %q has the type %s and %q of %q the type %s: types must agree", ours.Name, ours.Type, name, to.Name, theirs.Type)
			}
		}
		to.watch(key.To, false)
	}
}

// cycles notes resources that need each other to be checked first.
func (l *loader) cycles() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(r *Resource)
	visit = func(r *Resource) {
		if r == nil || state[r.Name] == done {
			return
		}
		if state[r.Name] == visiting {
			l.wrong("resource %q refers to itself by way of others: leave one of the foreign keys out", r.Name)
			return
		}
		for _, o := range l.feed.together(r) {
			state[o.Name] = visiting
		}
		for _, name := range l.feed.before(r) {
			visit(l.feed.Resource(name))
		}
		for _, o := range l.feed.together(r) {
			state[o.Name] = done
		}
	}
	for i := range l.feed.Resources {
		visit(&l.feed.Resources[i])
	}
}

// domain is the key space of a key: the one that the feed names, else that of
// the key it refers to, else the resource.
func (f *Feed) domain(r *Resource, field *Field, depth int) string {
	if field.Domain != "" {
		return field.Domain
	}
	for _, key := range r.ForeignKeys {
		at := slices.Index(key.Fields, field.Name)
		if to := f.Resource(key.Resource); at >= 0 && to != nil && depth < len(f.Resources) {
			if theirs := to.field(key.To[at]); theirs != nil && theirs.Role == Key {
				return f.domain(to, theirs, depth+1)
			}
		}
	}
	return r.Name
}

// compositeDomain is the key space of a composite key, by the same rule.
func (f *Feed) compositeDomain(r *Resource, key *CompositeKey, depth int) string {
	if key.Domain != "" {
		return key.Domain
	}
	for _, fk := range r.ForeignKeys {
		to := f.Resource(fk.Resource)
		if to == nil || depth >= len(f.Resources) || !slices.Equal(fk.Fields, key.Fields) {
			continue
		}
		for i := range to.Keys {
			if slices.Equal(to.Keys[i].Fields, fk.To) {
				return f.compositeDomain(to, &to.Keys[i], depth+1)
			}
		}
	}
	return r.Name
}

// spaces notes composite keys of one key space that can never be equal.
func (l *loader) spaces() {
	type first struct{ where, types string }
	seen := map[string]first{}
	for i := range l.feed.Resources {
		r := &l.feed.Resources[i]
		for _, key := range r.Keys {
			var types []string
			for _, name := range key.Fields {
				if f := r.field(name); f != nil {
					types = append(types, f.Type)
				}
			}
			is := first{fmt.Sprintf("%q of %q", key.Name, r.Name), strings.Join(types, ", ")}
			if was, ok := seen[key.Domain]; ok && was.types != is.types {
				l.wrong("the keys %s (%s) and %s (%s) share a key space, and their fields' types differ: they must agree", was.where, was.types, is.where, is.types)
			} else if !ok {
				seen[key.Domain] = is
			}
		}
	}
}

func (r *Resource) fieldNames() []string {
	var names []string
	for _, f := range r.Fields {
		names = append(names, f.Name)
	}
	return names
}

// knowsPersonsWithout says whether persons can be linked, each as one alone,
// where a feed's file of identities is not delivered: another file has traits of
// theirs, and no alias is needed to find them.
func (f *Feed) knowsPersonsWithout(id *Resource) bool {
	others := false
	for i := range f.Resources {
		r := &f.Resources[i]
		if r.PersonBy != nil {
			return false
		}
		others = others || r != id && !r.Optional && r.Traits()
	}
	return others
}
