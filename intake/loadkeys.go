package intake

import (
	"encoding/json"
	"slices"
	"strings"
)

// persons checks how rows of a resource find their person, and under what else
// the persons of the identities' resource are known.
func (l *loader) persons(x *resourceExtension, r *Resource) {
	for _, alias := range x.Aliases {
		for _, name := range alias {
			if f := l.named("an alias", name, r); f != nil && f.Role == Health {
				l.wrong("an alias names the field %q, which is health data: give the field the role identity or drop", name)
			}
		}
		if slices.ContainsFunc(r.Aliases, func(o []string) bool { return slices.Equal(o, alias) }) {
			l.wrong("the alias %s is there twice: leave one out", list(alias))
		}
		r.Aliases = append(r.Aliases, alias)
	}
	if len(r.Aliases) > 0 && !r.Identity {
		l.wrong(`aliases belong to the resource with the purpose "identity": others look persons up with "person"`)
	}
	if x.Person != nil {
		l.in(`"person"`, func() { l.lookup(x.Person, r) })
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Role == Alias && (r.PersonBy == nil || !slices.Contains(r.PersonBy.Fields, f.Name)) {
			l.wrong(`the field %q has the role alias, and "person" does not name it: name it there, or give it the role drop`, f.Name)
		}
	}
}

func (l *loader) lookup(raw json.RawMessage, r *Resource) {
	var d personDescriptor
	if !l.check(closed(raw, &d, personProperties)) {
		return
	}
	if len(d.Fields) == 0 || len(d.Fields) != len(d.Alias) {
		l.wrong("it pairs %d fields with %d of the alias: each needs its counterpart", len(d.Fields), len(d.Alias))
		return
	}
	if key := r.PersonKey(); len(key) > 0 {
		l.wrong("the field %q has the role person already: rows find their person by one of the two", key[0])
	}
	if r.Identity {
		l.wrong("the resource with the identities has the persons' keys: give them the role person")
	}
	for _, name := range d.Fields {
		if f := l.named("it", name, r); f != nil && f.Role != Alias {
			l.wrong("the field %q looks the person up, and has the role %s: give it the role alias", name, f.Role)
		}
	}
	r.PersonBy = &Lookup{d.Fields, d.Alias}
}

// key adds a composite key.
func (l *loader) key(raw json.RawMessage, r *Resource) {
	var d keyDescriptor
	if !l.check(closed(raw, &d, keyProperties)) {
		return
	}
	lower := strings.ToLower(d.Name)
	switch {
	case !viewName.MatchString(lower):
		l.wrong("the name %q is no column: use letters, digits and underscores", d.Name)
	case lower == "line" || lower == "person":
		l.wrong("health data has a column %q of its own: give the key another name", lower)
	case slices.ContainsFunc(r.Fields, func(f Field) bool { return strings.ToLower(f.Name) == lower }),
		r.key(d.Name) != nil:
		l.wrong("a field or key %q is there already (letter case aside): give the key another name", d.Name)
	case len(d.Fields) == 0:
		l.wrong("the key %q has no fields: name those that it is made of", d.Name)
	}
	local := false
	for _, name := range d.Fields {
		if f := l.named("the key", name, r); f != nil && f.Role != Person && f.Role != Alias && f.Trait == "" {
			local = true
		}
	}
	if !local && len(d.Fields) > 0 {
		l.wrong("the key %q is made of what names a person, and would be a pseudonym that stays: rows have the matching number", d.Name)
	}
	r.Keys = append(r.Keys, CompositeKey{d.Name, d.Fields, d.Domain})
}

// key returns the composite key of that name, or nil.
func (r *Resource) key(name string) *CompositeKey {
	for i := range r.Keys {
		if strings.EqualFold(r.Keys[i].Name, name) {
			return &r.Keys[i]
		}
	}
	return nil
}

// fieldsOf are the fields that a key in a reference stands for: those of the
// composite key where it names one.
func (r *Resource) fieldsOf(key []string) []string {
	if len(key) == 1 && r.field(key[0]) == nil {
		if k := r.key(key[0]); k != nil {
			return k.Fields
		}
	}
	return key
}

// expand puts the fields of composite keys in the place of their names.
func (l *loader) expand(r *Resource) {
	for i := range r.ForeignKeys {
		key := &r.ForeignKeys[i]
		key.Fields = r.fieldsOf(key.Fields)
		for _, name := range key.Fields {
			l.in(`"foreignKeys"`, func() { l.named("a foreign key", name, r) })
		}
	}
}
