package intake

import (
	"regexp"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/fhir"
	"rempart.eu/rempart/pseudonym/scan"
)

// Feed describes what a provider deposits: a Frictionless Tabular Data Package
// with Rempart's own properties (roles, traits, exclusions). Feeds come from
// [LoadFeed], which checks them.
type Feed struct {
	Name, Title, Version string
	Kind                 string   // "hospital" or "insurer"
	Vocabularies         []string // OMOP vocabulary_ids of the source codes
	Vocabulary           string   // folder of the vocabulary's CSV files, relative to the feed's
	Together             bool     // mappings see the deposits of a provider as one
	Threshold            float64  // share of a file's rows, from 0 to 1, that may be refused
	Resources            []Resource
}

// Resource describes one kind of file of a feed, or one table that is taken
// from such files.
type Resource struct {
	Name        string // the view that mappings see
	Path        string // the file's name as delivered; "" where Files says which
	Files       string // RE2: the names of the files, where there may be several
	Format      Format
	Encoding    Encoding // of the text, where nothing else is said
	Title       string
	Threshold   float64 // as the feed's, for this resource
	Optional    bool    // a deposit may lack the file
	Identity    bool    // the file holds identities: a field without a role goes nowhere
	Unmapped    string  // why no row of it reaches the CDM, where that is so
	Fields      []Field
	Keys        []CompositeKey
	Aliases     [][]string // of an identity's resource: other keys that persons are known under
	Stays       *Stays     // which hospital stay its rows tell of, for linkage
	PersonBy    *Lookup    // how its rows find their person, where not by the person's key
	PrimaryKey  []string
	ForeignKeys []ForeignKey
	Exclude     []Exclusion

	files     *regexp.Regexp
	view      *fhir.View // what makes its rows of FHIR resources; nil where it comes as a table
	delimiter byte
	watched   []keySet // what its rows are remembered by, for uniqueness and for others' references
}

// Format is how a file is written.
type Format string

// The formats of delivered files.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet" // in the place of CSV, with the same columns
	NDJSON  Format = "ndjson"
)

// CompositeKey is a local record's key of several fields: one keyed hash in
// health data, in a column of its own.
type CompositeKey struct {
	Name   string
	Fields []string
	Domain string // key space
}

// Lookup finds the person of a row by an alias of the identities' resource:
// the values of Fields are those of its fields Alias.
type Lookup struct{ Fields, Alias []string }

// ForeignKey says that values of Fields occur in the fields To of another
// resource. Where the package names composite keys, their fields stand here.
type ForeignKey struct {
	Fields   []string
	Resource string
	To       []string
}

// Exclusion quarantines rows by a field's value.
type Exclusion struct {
	Field  string
	Values []string
	Reason string

	Optional bool // a file may lack the field
}

// Role says where a field goes.
type Role string

// The roles of a field.
const (
	Person   Role = "person"   // (part of) the provider's own person key: a matching number in health data
	Key      Role = "key"      // a local record's key: a keyed hash in health data
	Identity Role = "identity" // to linkage where it has a trait, or nowhere
	Alias    Role = "alias"    // looks up the person; goes nowhere
	Drop     Role = "drop"     // nowhere
	Health   Role = "health"   // to health data as it is, or coarser
)

// Field describes one column.
type Field struct {
	Name         string
	Type         string // of Frictionless Table Schema: string, integer, number, boolean, date, datetime, year
	Role         Role
	Trait        string // nir, ins_oid, ssn, foin, last_name, birth_name, first_name, birth_date, sex, postcode; or empty
	Stay         string // trait of a hospital stay that linkage compares: finess, entry, exit, diagnosis, commune, sex, birth_date, birth_year, birth_month; or empty
	Domain       string // key space of a key
	Generalise   string // "year", "month" or empty: a date's precision in health data
	Required     bool
	From         string // named group of the file's name that gives the value, in the place of a column
	Text         bool   // free text, written by people: every rule of the identifier scan is for it
	Shift        bool   // a date in a person's health data that projects see shifted
	Unit         string // of a number
	Nomenclature string // the name of the list that codes are from

	missing [][]byte
	parse   parser
	want    string // what parse accepts, in words
	checks  []check
	fixed   bool        // to the values of an enum
	without []scan.Kind // of identifier, which its constraints do not let in
}

// keySet names fields whose values are remembered while a deposit is checked.
type keySet struct {
	fields []string
	unique bool
}

// HealthColumns are the columns of the resource's health data, in order: line,
// person (where the resource is about persons), then the fields that go there,
// then the composite keys, their names in lower case.
func (r Resource) HealthColumns() []engine.Column {
	columns := []engine.Column{{Name: "line", Type: "BIGINT", Required: true}}
	if r.AboutPersons() {
		columns = append(columns, engine.Column{Name: "person", Type: "BIGINT", Required: true})
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Role == Key || f.Role == Health {
			columns = append(columns, engine.Column{Name: strings.ToLower(f.Name), Type: f.healthType(), Required: f.Required})
		}
	}
	for _, k := range r.Keys {
		columns = append(columns, engine.Column{Name: strings.ToLower(k.Name), Type: "VARCHAR"})
	}
	return columns
}

// Type is the FHIR type that a resource is a view of, such as Encounter; empty
// where it comes as a table.
func (r Resource) Type() string {
	if r.view == nil {
		return ""
	}
	return r.view.Resource
}

// AboutPersons says whether each row of the resource is about a person.
func (r Resource) AboutPersons() bool { return r.PersonBy != nil || len(r.PersonKey()) > 0 }

// PersonKey names the fields with the role person, in order.
func (r Resource) PersonKey() (fields []string) {
	for i := range r.Fields {
		if r.Fields[i].Role == Person {
			fields = append(fields, r.Fields[i].Name)
		}
	}
	return fields
}

// Traits says whether rows of the resource carry identity traits for linkage.
func (r Resource) Traits() bool {
	return slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Trait != "" })
}

// File names the resource's file or files, for people.
func (r Resource) File() string {
	if r.Files != "" {
		return r.Files
	}
	return r.Path
}

// what names the resource's one file, or the resource where there are several.
func (r *Resource) what() string {
	if r.view != nil {
		return "the " + r.Type() + " resources"
	}
	if r.Files != "" {
		return r.Name
	}
	return r.Path
}

// Resource returns the resource of that name, or nil.
func (f *Feed) Resource(name string) *Resource {
	for i := range f.Resources {
		if f.Resources[i].Name == name {
			return &f.Resources[i]
		}
	}
	return nil
}

// Order returns the resources such that each comes after those that its rows
// refer to: the identities first, whose names no later file may hold, and
// otherwise in the feed's own order. Resources that are fed by the same files
// stand together.
func (f *Feed) Order() []Resource {
	var order []Resource
	seen := map[string]bool{}
	var visit func(r *Resource)
	visit = func(r *Resource) {
		if r == nil || seen[r.Name] {
			return
		}
		together := f.together(r)
		for _, o := range together {
			seen[o.Name] = true // LoadFeed found that there is no cycle
		}
		for _, name := range f.before(r) {
			visit(f.Resource(name))
		}
		for _, o := range together {
			order = append(order, *o)
		}
	}
	visit(f.identities())
	for i := range f.Resources {
		visit(&f.Resources[i])
	}
	return order
}

// together are the resources that are fed by the same files as r, itself among them.
func (f *Feed) together(r *Resource) (all []*Resource) {
	for i := range f.Resources {
		if o := &f.Resources[i]; o == r || formats[r.Format].several && o.Format == r.Format && o.Path == r.Path && o.Files == r.Files {
			all = append(all, o)
		}
	}
	return all
}

// before names the resources whose files are to be checked before those of r.
func (f *Feed) before(r *Resource) []string {
	var names []string
	together := f.together(r)
	for _, o := range together {
		if id := f.identities(); id != nil && !slices.Contains(together, id) && o.AboutPersons() {
			names = append(names, id.Name)
		}
		for _, key := range o.ForeignKeys {
			names = append(names, key.Resource)
		}
	}
	return names
}

// identities is the resource that holds the persons' identities, or nil.
func (f *Feed) identities() *Resource {
	for i := range f.Resources {
		if f.Resources[i].Identity {
			return &f.Resources[i]
		}
	}
	return nil
}

func (r *Resource) field(name string) *Field {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return &r.Fields[i]
		}
	}
	return nil
}

// watch has the values of a key remembered, as unique where one caller asks for that.
func (r *Resource) watch(fields []string, unique bool) {
	for i, w := range r.watched {
		if slices.Equal(w.fields, fields) {
			r.watched[i].unique = w.unique || unique
			return
		}
	}
	r.watched = append(r.watched, keySet{fields, unique})
}

// private says that the field's values may identify a person, so that errors
// must not quote them.
func (f *Field) private() bool { return f.Role != Health || f.Trait != "" }

func (f *Field) healthType() string {
	switch {
	case f.Role == Key:
		return "VARCHAR"
	case f.Generalise == "year":
		return "INTEGER"
	case f.Generalise == "month":
		return "DATE"
	}
	return healthTypes[f.Type]
}

var healthTypes = map[string]string{
	"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN",
	"date": "DATE", "datetime": "TIMESTAMP", "year": "INTEGER",
}
