package intake

import (
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/fhir"
)

// Feed describes what a provider deposits: a Frictionless Tabular Data Package
// with Rempart's own properties (roles, traits, exclusions). Feeds come from
// [LoadFeed], which checks them.
type Feed struct {
	Name, Title, Version string
	Kind                 string   // "hospital" or "insurer"
	Vocabularies         []string // OMOP vocabulary_ids of the source codes
	Vocabulary           string   // folder of the vocabulary's CSV files, relative to the feed's
	Resources            []Resource
}

// Resource describes one file of a feed.
type Resource struct {
	Name        string // the view that mappings see
	Path        string // the file's name as delivered
	Title       string
	Optional    bool   // a deposit may lack the file
	Identity    bool   // the file holds identities: a field without a role goes nowhere
	Unmapped    string // why no row of it reaches the CDM, where that is so
	Fields      []Field
	PrimaryKey  []string
	ForeignKeys []ForeignKey
	Exclude     []Exclusion

	view      *fhir.View // what makes its rows of FHIR resources; nil where it comes as a table
	delimiter byte
	watched   []keySet // what its rows are remembered by, for uniqueness and for others' references
}

// ForeignKey says that values of Fields occur in the fields To of another resource.
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
}

// Role says where a field goes.
type Role string

// The roles of a field.
const (
	Person   Role = "person"   // the provider's own person key: a matching number in health data
	Key      Role = "key"      // a local record's key: a keyed hash in health data
	Identity Role = "identity" // to linkage where it has a trait, or nowhere
	Drop     Role = "drop"     // nowhere
	Health   Role = "health"   // to health data as it is, or coarser
)

// Field describes one column.
type Field struct {
	Name       string
	Type       string // of Frictionless Table Schema: string, integer, number, boolean, date, datetime, year
	Role       Role
	Trait      string // nir, ssn, last_name, birth_name, first_name, birth_date, sex, postcode; or empty
	Domain     string // key space of a key
	Generalise string // "year", "month" or empty: a date's precision in health data
	Required   bool

	missing [][]byte
	parse   parser
	want    string // what parse accepts, in words
	checks  []check
}

// keySet names fields whose values are remembered while a deposit is checked.
type keySet struct {
	fields []string
	unique bool
}

// HealthColumns are the columns of the resource's health data, in order: line,
// person (where the resource is about persons), then the fields that go there,
// their names in lower case.
func (r Resource) HealthColumns() []engine.Column {
	columns := []engine.Column{{Name: "line", Type: "BIGINT"}}
	if r.field(r.person()) != nil {
		columns = append(columns, engine.Column{Name: "person", Type: "BIGINT"})
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Role == Key || f.Role == Health {
			columns = append(columns, engine.Column{Name: strings.ToLower(f.Name), Type: f.healthType()})
		}
	}
	return columns
}

// Traits says whether rows of the resource carry identity traits for linkage.
func (r Resource) Traits() bool {
	for _, f := range r.Fields {
		if f.Trait != "" {
			return true
		}
	}
	return false
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
// refer to: the identities first, and otherwise in the feed's own order.
func (f *Feed) Order() []Resource {
	var order []Resource
	seen := map[string]bool{}
	var visit func(r *Resource)
	visit = func(r *Resource) {
		if r == nil || seen[r.Name] {
			return
		}
		seen[r.Name] = true // LoadFeed found that there is no cycle
		for _, name := range f.before(r) {
			visit(f.Resource(name))
		}
		order = append(order, *r)
	}
	for i := range f.Resources {
		visit(&f.Resources[i])
	}
	return order
}

// before names the resources whose keys the rows of r refer to.
func (f *Feed) before(r *Resource) []string {
	var names []string
	if id := f.identities(); id != nil && id.Name != r.Name && r.person() != "" && !sameLine(id, r) {
		names = append(names, id.Name)
	}
	for _, key := range r.ForeignKeys {
		names = append(names, key.Resource)
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

// person names the field with the role person, or is empty.
func (r *Resource) person() string {
	for _, f := range r.Fields {
		if f.Role == Person {
			return f.Name
		}
	}
	return ""
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
		if strings.Join(w.fields, "\x00") == strings.Join(fields, "\x00") {
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
