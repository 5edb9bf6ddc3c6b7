package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rempart.eu/rempart/internal/nearest"
)

// View is a ViewDefinition: the rows and columns that a resource gives.
type View struct {
	Resource string   // the type of resource it reads
	Columns  []string // in order

	where      []string
	selects    []selection
	constants  map[string]item
	properties map[string]bool // every name in its paths
}

// selection is one select of a view.
type selection struct {
	Column        []column    `json:"column"`
	Select        []selection `json:"select"`
	UnionAll      []selection `json:"unionAll"`
	ForEach       string      `json:"forEach"`
	ForEachOrNull string      `json:"forEachOrNull"`
}

type column struct {
	Name, Path string
	Collection bool
}

type definition struct {
	Resource string
	Constant []map[string]json.RawMessage
	Select   []selection
	Where    []struct{ Path string }
}

// The properties that are read, by where they stand. A view's own metadata (url,
// name, status and so on) may be there too.
var (
	selectProperties = []string{"column", "select", "unionAll", "forEach", "forEachOrNull"}
	columnProperties = []string{"name", "path", "collection", "description", "type", "tag"}
	whereProperties  = []string{"path", "description"}
	metadata         = []string{"resourceType", "id", "meta", "url", "identifier", "name", "title", "version", "status", "experimental",
		"date", "publisher", "contact", "description", "useContext", "copyright", "fhirVersion", "profile", "extension", "text"}
)

// ParseView reads a ViewDefinition and compiles it once, to find what is wrong.
// Lists as columns (collection) and repeat are not read: rows hold single values.
func ParseView(raw []byte) (*View, error) {
	if err := strict(raw); err != nil {
		return nil, err
	}
	var d definition
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("it is no ViewDefinition: %w", err)
	}
	if d.Resource == "" {
		return nil, errors.New(`it names no resource: give the type that it reads, such as "resource": "Patient"`)
	}
	v := &View{Resource: d.Resource, selects: d.Select, constants: map[string]item{}, properties: map[string]bool{}}
	for _, w := range d.Where {
		v.where = append(v.where, w.Path)
	}
	for _, c := range d.Constant {
		if err := v.constant(c); err != nil {
			return nil, err
		}
	}
	var err error
	if v.Columns, err = columnsOf(selection{Select: d.Select}); err != nil {
		return nil, err
	}
	if len(v.Columns) == 0 {
		return nil, errors.New("it has no column: give a select with a column")
	}
	_, err = v.compile(v.properties)
	return v, err
}

// strict refuses properties that are not read.
func strict(raw []byte) error {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(raw, &top); err != nil {
		return fmt.Errorf("it is no JSON object: %w", err)
	}
	read := []string{"resource", "constant", "select", "where"}
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if !slices.Contains(read, name) && !slices.Contains(metadata, name) {
			return fmt.Errorf("unknown property %q: %s", name, nearest.Hint(name, append(read, metadata...)))
		}
	}
	if err := each(top["where"], whereProperties, nil); err != nil {
		return err
	}
	return each(top["select"], selectProperties, strictSelect)
}

func strictSelect(s map[string]json.RawMessage) error {
	if err := each(s["column"], columnProperties, nil); err != nil {
		return err
	}
	return errors.Join(each(s["select"], selectProperties, strictSelect), each(s["unionAll"], selectProperties, strictSelect))
}

func each(raw json.RawMessage, known []string, then func(map[string]json.RawMessage) error) error {
	var list []map[string]json.RawMessage
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("want a list of objects: %w", err)
	}
	for _, object := range list {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !slices.Contains(known, name) {
				return fmt.Errorf("unknown property %q: %s", name, nearest.Hint(name, known))
			}
		}
		if then != nil {
			if err := then(object); err != nil {
				return err
			}
		}
	}
	return nil
}

// constant keeps one constant: {"name": "x", "valueString": "y"}.
func (v *View) constant(c map[string]json.RawMessage) error {
	var name string
	if err := json.Unmarshal(c["name"], &name); err != nil || name == "" {
		return errors.New("a constant has no name")
	}
	for key, raw := range c {
		if !strings.HasPrefix(key, "value") {
			continue
		}
		value := item{kind: raw[0], text: bytes.Clone(raw)}
		switch {
		case raw[0] == '"':
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("constant %q: %w", name, err)
			}
			value.text = []byte(text)
		case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
			value.kind = '0'
		case raw[0] != 't' && raw[0] != 'f':
			return fmt.Errorf("constant %q: want a text, a number, true or false", name)
		}
		v.constants[name] = value
		return nil
	}
	return fmt.Errorf("constant %q has no value: give it one, such as valueString", name)
}

// columnsOf names the columns of a select and all in it, in order.
func columnsOf(s selection) (names []string, err error) {
	add := func(more ...string) {
		for _, name := range more {
			if slices.Contains(names, name) && err == nil {
				err = fmt.Errorf("two columns have the name %q: names must differ", name)
			}
			names = append(names, name)
		}
	}
	for _, c := range s.Column {
		if c.Name == "" || c.Path == "" {
			return nil, fmt.Errorf("column %q has no name or no path: give both", c.Name+c.Path)
		}
		if c.Collection {
			return nil, fmt.Errorf("column %q is a collection, which a table has no room for: use join(), first() or forEach", c.Name)
		}
		add(c.Name)
	}
	for _, inner := range s.Select {
		more, err := columnsOf(inner)
		if err != nil {
			return nil, err
		}
		add(more...)
	}
	for i, inner := range s.UnionAll {
		more, err := columnsOf(inner)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			add(more...)
		} else if first := names[len(names)-len(more):]; len(more) > len(names) || !slices.Equal(first, more) {
			return nil, fmt.Errorf("the columns of a unionAll differ: want %s in each, in the same order", strings.Join(first, ", "))
		}
	}
	return names, err
}

// wants says whether a path may look at a property of the resource itself: by
// its name, or as a choice of types.
func (v *View) wants(property string) bool {
	if property == "resourceType" || property == "id" || property == "extension" || v.properties[property] {
		return true
	}
	for at, r := range property {
		if at > 0 && unicode.IsUpper(r) && v.properties[property[:at]] && utf8.ValidString(property) {
			return true
		}
	}
	return false
}
