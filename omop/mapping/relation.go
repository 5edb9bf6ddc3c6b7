package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/intake"
)

// relation is what a query reads or makes: columns, and the fields that each comes from.
type relation struct {
	name    string // as the document calls it: a resource, a view, a list; "" for a query's own
	columns []column
}

// column is a column of a relation.
type column struct {
	name   string
	fields []string // resource.FIELD, sorted as found
	said   string   // the column's rule in words; "" where it is what its name says
	show   string   // how other rules call it
	or     []string // what several queries make of it
	terms  []string // what names of the query's own mean that the rule uses
	of     string   // the resource, where it is a field as it came
}

func (c column) rule() string {
	if c.said != "" {
		return c.said
	}
	return c.show
}

// full is the rule with the meaning of its terms.
func (c column) full() string {
	return strings.Join(append([]string{c.rule()}, c.terms...), "<br>")
}

func (r *relation) column(name string) (column, bool) {
	for _, c := range r.columns {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return column{}, false
}

// scope is what the names of an expression mean.
type scope struct {
	queries map[string]*relation // WITH
	from    []named
}

type named struct {
	alias string
	*relation
}

// vocabulary are the tables of codes that every mapping sees.
var vocabulary = map[string][]string{
	"concepts":        {"vocabulary_id", "concept_code", "source_concept_id", "concept_id", "domain_id"},
	"source_concepts": {"vocabulary_id", "concept_code", "source_concept_id"},
	"single_concept":  {"vocabulary_id", "concept_code", "concept_id"},
}

// table is a relation that a query finds by name.
func (r *reader) table(name string, s scope) (*relation, error) {
	if q, ok := s.queries[name]; ok {
		return q, nil
	}
	if made, ok := r.made[name]; ok {
		return made, nil
	}
	made, err := r.outer(name)
	if err != nil {
		return nil, err
	}
	r.made[name] = made
	return made, nil
}

func (r *reader) outer(name string) (*relation, error) {
	if file, ok := r.views[name]; ok {
		view, err := r.relation(*r.queries[file].node, scope{})
		if err != nil {
			return nil, fmt.Errorf("view %s: %w", name, err)
		}
		shown := &relation{name: name}
		for _, c := range view.columns {
			shown.columns = append(shown.columns, column{name: c.name, fields: c.fields, show: code(name + "." + c.name)})
		}
		return shown, nil
	}
	if of := r.feed.Resource(name); of != nil {
		return resource(of), nil
	}
	made := &relation{name: name}
	columns, list := r.lists[name]
	if !list {
		columns = vocabulary[name]
	}
	if columns == nil {
		return nil, fmt.Errorf("there is no %q to read: no resource, view, list or table of the vocabulary has that name", name)
	}
	for _, c := range columns {
		made.columns = append(made.columns, column{name: c, show: code(name + "." + c)})
	}
	return made, nil
}

// resource is a delivered file as a mapping sees it.
func resource(of *intake.Resource) *relation {
	made := &relation{name: of.Name}
	fields := map[string]string{}
	for i := range of.Fields {
		fields[strings.ToLower(of.Fields[i].Name)] = of.Fields[i].Name
	}
	for _, c := range of.HealthColumns() {
		switch field, plain := fields[c.Name]; {
		case c.Name == "person":
			made.columns = append(made.columns, column{name: "person_id", show: "the person that linkage found"})
		case c.Name == "line":
			made.columns = append(made.columns, column{name: "line", show: "the line in the file"})
		case plain:
			made.columns = append(made.columns, column{name: c.Name, fields: []string{of.Name + "." + field}, show: code(field), of: of.Name})
		default:
			keyed := column{name: c.Name, show: code(c.Name)}
			for _, k := range of.Keys {
				if strings.EqualFold(k.Name, c.Name) {
					for _, f := range k.Fields {
						keyed.fields = append(keyed.fields, of.Name+"."+f)
					}
				}
			}
			made.columns = append(made.columns, keyed)
		}
	}
	return made
}

// within is what names mean in a query: queries of its own, those around it, and what it reads.
func (r *reader) within(n node, around scope) (scope, error) {
	s := scope{queries: map[string]*relation{}}
	maps.Copy(s.queries, around.queries)
	names, queries := n.with()
	for i, q := range queries {
		made, err := r.relation(q, s)
		if err != nil {
			return s, fmt.Errorf("%s: %w", names[i], err)
		}
		s.queries[names[i]] = made
	}
	if from := n.child("from_table"); from != nil {
		if err := r.from(from, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// relation is what a query makes.
func (r *reader) relation(n node, around scope) (*relation, error) {
	s, err := r.within(n, around)
	if err != nil {
		return nil, err
	}
	if n.text("type") == "SET_OPERATION_NODE" {
		return r.union(n, s)
	}
	for _, key := range []string{"where_clause", "qualify", "having", "group_expressions"} { // what decides is read too
		for _, e := range append(n.list(key), n.child(key)) {
			if e != nil {
				r.note(s.fields(e))
			}
		}
	}
	made := &relation{}
	for _, item := range n.list("select_list") {
		if item.text("class") == "STAR" {
			made.columns = append(made.columns, s.star(item)...)
			continue
		}
		made.columns = append(made.columns, s.made(item))
	}
	for _, c := range made.columns {
		r.note(c.fields)
	}
	return made, nil
}

func (r *reader) note(fields []string) {
	for _, f := range fields {
		r.used[f] = true
	}
}

// union puts the columns of two queries together: each comes from the fields of both.
func (r *reader) union(n node, s scope) (*relation, error) {
	left, err := r.relation(n.child("left"), s)
	if err != nil {
		return nil, err
	}
	right, err := r.relation(n.child("right"), s)
	if err != nil {
		return nil, err
	}
	made := &relation{}
	byName := n.text("setop_type") == "UNION_BY_NAME"
	for i, c := range left.columns {
		other, found := right.column(c.name)
		if !byName {
			if found = i < len(right.columns); found {
				other = right.columns[i]
			}
		}
		if found {
			c = alternatives(c, other)
		}
		made.columns = append(made.columns, c)
	}
	for _, c := range right.columns {
		if _, there := left.column(c.name); byName && !there {
			made.columns = append(made.columns, c)
		}
	}
	return made, nil
}

// alternatives is a column that two queries make.
func alternatives(a, b column) column {
	both := column{name: a.name, fields: merged(slices.Clone(a.fields), b.fields), show: code(a.name), terms: merged(slices.Clone(a.terms), b.terms)}
	for _, c := range []column{a, b} {
		if c.or == nil {
			c.or = []string{c.rule()}
		}
		both.or = merged(both.or, c.or)
	}
	if both.said = strings.Join(both.or, " or "); len(both.said) <= 60 {
		both.show = both.said
		return both
	}
	both.said = strings.Join(both.or, "; or ")
	return both
}

func merged(fields, more []string) []string {
	for _, f := range more {
		if !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	return fields
}

func (r *reader) from(n node, s *scope) error {
	switch n.text("type") {
	case "BASE_TABLE":
		made, err := r.table(n.text("table_name"), *s)
		if err != nil {
			return err
		}
		s.from = append(s.from, named{aliasOf(n), made})
	case "JOIN":
		if err := r.from(n.child("left"), s); err != nil {
			return err
		}
		if err := r.from(n.child("right"), s); err != nil {
			return err
		}
		if on := n.child("condition"); on != nil {
			r.note(s.fields(on))
		}
		for _, column := range n.texts("using_columns") {
			for _, f := range s.from {
				if c, ok := f.column(column); ok {
					r.note(c.fields)
				}
			}
		}
	case "SUBQUERY":
		made, err := r.relation(n.child("subquery").child("node"), *s)
		if err != nil {
			return err
		}
		s.from = append(s.from, named{n.text("alias"), made})
	case "TABLE_FUNCTION", "EXPRESSION_LIST", "COLUMN_DATA", "EMPTY":
		return nil
	default:
		return fmt.Errorf("a FROM of type %s is not told", n.text("type"))
	}
	return nil
}

func aliasOf(n node) string {
	if alias := n.text("alias"); alias != "" {
		return alias
	}
	return n.text("table_name")
}

// find is the column that a reference names.
func (s scope) find(ref node) (column, bool) {
	names := ref.texts("column_names")
	if len(names) == 0 {
		return column{}, false
	}
	last := names[len(names)-1]
	for _, f := range s.from {
		if len(names) > 1 && !strings.EqualFold(f.alias, names[len(names)-2]) {
			continue
		}
		if c, ok := f.column(last); ok {
			if c.of != "" && s.ambiguous(c) {
				c.show = code(c.fields[0])
			}
			return c, true
		}
	}
	return column{}, false
}

// ambiguous says whether another file of the same query has a field of that name.
func (s scope) ambiguous(c column) bool {
	return slices.ContainsFunc(s.from, func(f named) bool {
		other, ok := f.column(c.name)
		return ok && f.name != "" && f.name != c.of && other.of != c.of
	})
}

// fields are the fields of the source that an expression reads.
func (s scope) fields(e node) (all []string) {
	e.walk(func(x node) bool {
		if x.text("class") == "COLUMN_REF" {
			if c, ok := s.find(x); ok {
				all = merged(all, c.fields)
			}
		}
		return true
	})
	return all
}

// made is the column that an expression makes. What the expression calls by a name of
// the query's own is told behind it.
func (s scope) made(e node) column {
	c := column{name: e.alias(), fields: s.fields(e)}
	if of, plain := s.find(e); plain && e.text("class") == "COLUMN_REF" {
		c.said, c.show, c.or, c.terms = of.said, of.show, of.or, of.terms
		return c
	}
	said := s.say(e, strings.Contains(c.name, "concept_id"))
	c.show, c.said = said, said
	if len(said) > 60 || strings.Contains(said, "; ") {
		c.show = code(c.name)
	}
	e.walk(func(x node) bool {
		of, ok := s.find(x)
		if ok && of.said != "" && of.said != of.show {
			c.terms = merged(c.terms, []string{"– " + of.show + ": " + of.said})
		}
		if ok {
			c.terms = merged(c.terms, of.terms)
		}
		return true
	})
	return c
}

// star is SELECT *, but for what it leaves out or replaces.
func (s scope) star(item node) (columns []column) {
	var left []string
	excluded, _ := item["exclude_list"].([]any)
	for _, x := range excluded {
		if text, ok := x.(string); ok {
			left = append(left, text)
		}
	}
	for _, x := range item.list("qualified_exclude_list") {
		left = append(left, x.text("column"))
	}
	replaced := map[string]node{}
	for _, x := range item.list("replace_list") {
		replaced[x.text("key")] = x.child("value")
	}
	for _, f := range s.from {
		if of := item.text("relation_name"); of != "" && of != f.alias {
			continue
		}
		for _, c := range f.columns {
			if slices.Contains(left, c.name) {
				continue
			}
			if by, ok := replaced[c.name]; ok {
				by["alias"] = c.name
				c = s.made(by)
			}
			columns = append(columns, c)
		}
	}
	return columns
}
