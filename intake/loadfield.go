package intake

import (
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/nearest"
)

func (l *loader) field(d *fieldDescriptor, r *Resource, missing []string) Field {
	if d.Type == "" {
		d.Type = "string"
	}
	f := Field{Name: d.Name, Type: d.Type}
	l.oneOf("type", f.Type, types)
	l.fieldName(&f, r)
	if d.MissingValues != nil {
		missing = d.MissingValues
	}
	for _, m := range missing {
		f.missing = append(f.missing, []byte(m))
	}
	var x fieldExtension
	l.in(`"rempart"`, func() {
		if l.check(closed(d.Rempart, &x, fieldExtensions)) {
			l.destination(&f, &x, r)
		}
	})
	if slices.Contains(types, f.Type) {
		var err error
		if f.parse, f.want, err = fieldParser(d); !l.check(err) {
			return f
		}
	}
	l.in(`"constraints"`, func() { l.constraints(d, &f, r) })
	return f
}

func (l *loader) fieldName(f *Field, r *Resource) {
	lower := strings.ToLower(f.Name)
	switch {
	case f.Name == "":
		l.wrong("a field has no name: give it the column's name in the file's header")
	case slices.ContainsFunc(r.Fields, func(o Field) bool { return strings.ToLower(o.Name) == lower }):
		l.wrong("two fields have this name (letter case aside): names must differ, as views have them in lower case")
	}
}

// destination sets where the field goes: role, trait, key space and precision.
func (l *loader) destination(f *Field, x *fieldExtension, r *Resource) {
	f.Role, f.Trait, f.Domain, f.Generalise = Role(x.Role), x.Trait, x.Domain, x.Generalise
	f.Text, f.Nomenclature = x.Text, x.Nomenclature
	if f.Role == "" {
		f.Role = Health
		if r.Identity {
			f.Role = Identity
		}
	}
	l.oneOf("role", string(f.Role), roles)
	if f.Trait != "" {
		l.oneOf("trait", f.Trait, traits)
	}
	if f.Generalise != "" {
		l.oneOf("generalise", f.Generalise, []string{"year", "month"})
	}
	switch lower := strings.ToLower(f.Name); {
	case f.Role == Person && r.person() != "":
		l.wrong("%q is already the person's key: only one field has the role person", r.person())
	case f.Trait != "" && f.Role != Health && f.Role != Identity:
		l.wrong("a trait cannot stand on a field with the role %q: make it identity or health", f.Role)
	case f.Role == Health && slices.Contains(identifyingTraits, f.Trait):
		l.wrong("the trait %q must not become health data: give the field the role identity", f.Trait)
	case f.Trait != "" && slices.ContainsFunc(r.Fields, func(o Field) bool { return o.Trait == f.Trait }):
		l.wrong("another field has the trait %q already: a person has one of each", f.Trait)
	case f.Trait == "birth_date" && f.Type != "date":
		l.wrong("a birth date is of the type date, not %s: the linkage compares calendar days", f.Type)
	case f.Generalise != "" && (f.Role != Health || f.Type != "date" && f.Type != "datetime"):
		l.wrong("generalise needs a date or datetime with the role health: leave it out")
	case f.Text && (f.Role != Health || f.Type != "string"):
		l.wrong("text is for a string with the role health: leave it out")
	case f.Text && f.Nomenclature != "":
		l.wrong("a field is free text or a code of the nomenclature %q, not both: leave one of them out", f.Nomenclature)
	case f.Domain != "" && f.Role != Key:
		l.wrong("a domain needs the role key: leave it out")
	case (f.Role == Health || f.Role == Key) && (lower == "line" || lower == "person"):
		l.wrong("health data has a column %q of its own: give the field the role drop, or have the provider rename it", lower)
	}
}

func (l *loader) constraints(d *fieldDescriptor, f *Field, r *Resource) {
	var c constraints
	if !l.check(closed(d.Constraints, &c, constraintProperties)) {
		return
	}
	if (c.MinLength != nil || c.MaxLength != nil || c.Pattern != "") && f.Type != "string" {
		l.wrong("pattern, minLength and maxLength are for the type string, not %s: leave them out", f.Type)
	}
	f.Required = c.Required || f.Role == Person
	if c.Unique {
		r.watch([]string{f.Name}, true)
	}
	var err error
	f.checks, err = constraintChecks(f, &c)
	l.check(err)
	f.fixed = c.Enum != nil
	length := 0
	if c.MaxLength != nil {
		length = *c.MaxLength
	}
	f.without = without(c.Pattern, length)
}

// relations checks what resources say about each other, and fills what follows
// from it: key spaces, and which keys must be remembered.
func (l *loader) relations() {
	f := l.feed
	identities := 0
	for i := range f.Resources {
		r := &f.Resources[i]
		l.in(fmt.Sprintf("resource %q", r.Name), func() {
			if r.Identity {
				if identities++; identities > 1 {
					l.wrong(`another resource has the purpose "identity" already: the persons of a feed are in one file`)
				}
				if r.person() == "" {
					l.wrong(`a resource with the purpose "identity" needs a field with the role person: name the person's key`)
				} else {
					r.watch([]string{r.person()}, false)
				}
			}
			if r.Traits() && r.person() == "" {
				l.wrong("traits need a field with the role person: name the person's key")
			}
			if id := f.identities(); id != nil && r.person() != "" && id.person() != "" && r.field(r.person()).Type != id.field(id.person()).Type {
				l.wrong("the person's key has the type %s here and %s in %q: types must agree", r.field(r.person()).Type, id.field(id.person()).Type, id.Name)
			}
			for _, key := range r.ForeignKeys {
				l.reference(r, key)
			}
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
	}
}

func (l *loader) reference(r *Resource, key ForeignKey) {
	to := l.feed.Resource(key.Resource)
	switch {
	case key.Resource == "" || to == r:
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
		state[r.Name] = visiting
		for _, name := range l.feed.before(r) {
			visit(l.feed.Resource(name))
		}
		state[r.Name] = done
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

func (r *Resource) fieldNames() []string {
	var names []string
	for _, f := range r.Fields {
		names = append(names, f.Name)
	}
	return names
}
