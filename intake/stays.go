package intake

import (
	"encoding/json"
	"slices"

	"rempart.eu/rempart/pseudonym"
)

// StayFact is what one row says of a hospital stay, or of the person whose stays
// others tell of: facts of one stay, from several resources, belong together.
type StayFact struct {
	Person int64  // matching number; 0 where the row does not name its person
	Stay   string // keyed hash of the stay's own key; "" for a fact about the person or the place
	Place  string // the same of the establishment where it was, where a reference tells it
	Traits pseudonym.Stay
}

// stayTraits are the traits that a field can give of a stay.
var stayTraits = []string{"finess", "entry", "exit", "diagnosis", "commune", "sex", "birth_date", "birth_year", "birth_month", "place"}

// personsTraits are those that a person's row can give to all of her stays.
var personsTraits = []string{"commune", "sex", "birth_date", "birth_year", "birth_month"}

// Stays says which stay the rows of a resource tell of.
type Stays struct {
	Key    []string // its fields
	Place  []string // in the place of Key: the fields of an establishment's key, of which the rows tell
	Domain string   // key space that resources telling of the same stays share
	Only   []Only   // rows that tell of it: all of these hold
}

// Only picks rows by a field's value.
type Only struct {
	Field  string
	Values []string
}

type staysDescriptor struct {
	Key    names
	Place  names
	Domain string
	Only   []json.RawMessage
}

type onlyDescriptor struct {
	Field  string
	Values []string
}

// HasStays says whether deposits of the feed tell of stays.
func (f *Feed) HasStays() bool {
	return slices.ContainsFunc(f.Resources, func(r Resource) bool { return r.Stays != nil })
}

// stays checks what a resource says of stays, once its fields are known.
func (l *loader) stays(raw json.RawMessage, r *Resource) {
	told := false
	for i := range r.Fields {
		f := &r.Fields[i]
		told = told || f.Stay != ""
		if raw == nil && f.Stay != "" && (!slices.Contains(personsTraits, f.Stay) || len(r.PersonKey()) == 0) {
			l.wrong(`the field %q is a trait of stays, and nothing says of which: add "stay" with the stay's key to the resource's "rempart"`, f.Name)
		}
	}
	if raw == nil {
		return
	}
	var d staysDescriptor
	if !l.check(closed(raw, &d, staysProperties)) {
		return
	}
	s := &Stays{Key: d.Key, Place: d.Place, Domain: d.Domain}
	if (len(d.Key) == 0) == (len(d.Place) == 0) || !told {
		l.wrong(`it needs the key of the stay (or of the place), and a field with a trait of it: see docs/feeds.md`)
	}
	for _, name := range slices.Concat(d.Key, d.Place) {
		l.named("the key", name, r)
	}
	for _, raw := range d.Only {
		var o onlyDescriptor
		if l.check(closed(raw, &o, onlyProperties)) && l.named(`"only"`, o.Field, r) != nil {
			if len(o.Values) == 0 {
				l.wrong(`"only" needs the values of %q that tell of a stay`, o.Field)
			}
			s.Only = append(s.Only, Only(o))
		}
	}
	r.Stays = s
}

// stayPlan is how a worker finds what its rows tell of stays.
type stayPlan struct {
	key    []int // places of the stay's key; empty for facts about the person
	place  []int // places of the establishment's key, where rows tell of that
	domain string
	traits []int // places of fields
	only   []onlyPlan
}

type onlyPlan struct {
	field  int
	values map[string]bool
}

// stayPlan is nil where the rows tell nothing of stays.
func (r *Resource) stayPlan() *stayPlan {
	p := &stayPlan{}
	for i := range r.Fields {
		if r.Fields[i].Stay != "" {
			p.traits = append(p.traits, i)
		}
	}
	if len(p.traits) == 0 {
		return nil
	}
	if r.Stays == nil {
		return p
	}
	p.key, p.place, p.domain = r.places(r.Stays.Key), r.places(r.Stays.Place), "stay of "+r.Stays.Domain
	for _, o := range r.Stays.Only {
		values := map[string]bool{}
		for _, v := range o.Values {
			values[v] = true
		}
		p.only = append(p.only, onlyPlan{r.place(o.Field), values})
	}
	return p
}

// stay is what the row tells of a stay, or nil.
func (w *worker) stay(person int64) *StayFact {
	p := w.stays
	for _, o := range p.only {
		if !o.values[string(w.values[o.field])] {
			return nil
		}
	}
	fact := &StayFact{Person: person}
	if len(p.key) > 0 {
		key := w.join(p.key)
		if key == nil {
			return nil
		}
		fact.Stay = w.pseudonyms.Key(p.domain, string(key))
	}
	if len(p.place) > 0 {
		key := w.join(p.place)
		if key == nil {
			return nil
		}
		fact.Place = w.pseudonyms.Key(placeDomain, string(key))
	}
	for _, i := range p.traits {
		if v := w.values[i]; v != nil && w.resource.Fields[i].Stay == "place" {
			fact.Place = w.pseudonyms.Key(placeDomain, string(v))
		} else if v != nil {
			setStayTrait(&fact.Traits, w.resource.Fields[i].Stay, string(v))
		}
	}
	return fact
}

// placeDomain is the key space of establishments.
const placeDomain = "place of stays"

func setStayTrait(stay *pseudonym.Stay, trait, value string) {
	switch trait {
	case "finess":
		stay.FINESS = value
	case "entry":
		stay.Entry = value
	case "exit":
		stay.Exit = value
	case "diagnosis":
		stay.Diagnosis = value
	case "commune":
		stay.Commune += value // of several fields: department and commune
	case "sex":
		stay.Sex = value
	case "birth_date":
		stay.BirthDate = value
	case "birth_year":
		stay.BirthYear = value
	case "birth_month":
		stay.BirthMonth = value
	}
}
