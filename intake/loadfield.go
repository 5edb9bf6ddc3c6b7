package intake

import (
	"slices"
	"strings"
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
		if f.parse, f.want, err = fieldParser(d, x.Formats); !l.check(err) {
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
	f.From, f.Text, f.Unit, f.Nomenclature = x.From, x.Text, x.Unit, x.Nomenclature
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
	if f.Stay = x.Stay; f.Stay != "" {
		l.oneOf("stay", f.Stay, stayTraits)
	}
	if f.Generalise != "" {
		l.oneOf("generalise", f.Generalise, []string{"year", "month"})
	}
	switch lower := strings.ToLower(f.Name); {
	case f.Trait != "" && f.Role != Health && f.Role != Identity && (f.Role != Person || f.Trait != "foin"): // the national pseudonym is the person's key where it is known
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
	l.shift(f, x)
}

// shift says whether projects see the date shifted; whether the resource is
// about persons is known later, see [loader.relations].
func (l *loader) shift(f *Field, x *fieldExtension) {
	dated := f.Role == Health && (f.Type == "date" || f.Type == "datetime")
	if f.Shift = dated; x.Shift == nil {
		return
	}
	if !dated {
		l.wrong("shift is for a date or datetime with the role health: leave it out")
	}
	f.Shift = *x.Shift
}

func (l *loader) constraints(d *fieldDescriptor, f *Field, r *Resource) {
	var c constraints
	if !l.check(closed(d.Constraints, &c, constraintProperties)) {
		return
	}
	if (c.MinLength != nil || c.MaxLength != nil || c.Pattern != "") && f.Type != "string" {
		l.wrong("pattern, minLength and maxLength are for the type string, not %s: leave them out", f.Type)
	}
	f.Required = c.Required || f.Role == Person || f.Role == Alias
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
