package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/nearest"
)

// Descriptor is the file that describes a feed.
const Descriptor = "datapackage.json"

var (
	kinds  = []string{"hospital", "insurer"}
	mapped = []string{"apart", "together"} // the deposits of a provider
	types  = []string{"string", "integer", "number", "boolean", "date", "datetime", "year"}
	roles  = []string{string(Person), string(Key), string(Identity), string(Alias), string(Drop), string(Health)}
	traits = []string{"nir", "ins_oid", "ssn", "foin", "last_name", "birth_name", "first_name", "birth_date", "sex", "postcode"}

	// A trait of these is an identity by itself and never becomes health data.
	identifyingTraits = []string{"nir", "ssn", "foin", "last_name", "birth_name", "first_name"}

	viewName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// LoadFeed reads and checks the datapackage.json of a feed's folder. The error
// joins everything that is wrong with it, one line each, and says where and
// what to do.
func LoadFeed(folder fs.FS) (*Feed, error) {
	raw, err := fs.ReadFile(folder, Descriptor)
	if err != nil {
		return nil, fmt.Errorf("a feed is a folder with a %s: %w", Descriptor, err)
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(json.Unmarshal(raw, new(any)), &syntax) {
		line := 1 + bytes.Count(raw[:syntax.Offset], []byte("\n"))
		return nil, fmt.Errorf("%s:%d: is no JSON: %w", Descriptor, line, syntax)
	}
	l := &loader{folder: folder, feed: &Feed{Vocabulary: "vocabulary", Threshold: 0.2}}
	l.load(raw)
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	return l.feed, nil
}

// loader builds a feed and notes every problem with where it was found.
type loader struct {
	folder   fs.FS
	feed     *Feed
	where    []string
	problems []error
}

// in names the place of the problems that do finds.
func (l *loader) in(place string, do func()) {
	l.where = append(l.where, place)
	do()
	l.where = l.where[:len(l.where)-1]
}

func (l *loader) wrong(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	l.problems = append(l.problems, fmt.Errorf("%s: %w", strings.Join(append([]string{Descriptor}, l.where...), ", "), err))
}

// check notes err, where there is one, and says whether all is well.
func (l *loader) check(err error) bool {
	if err != nil {
		l.wrong("%w", err)
	}
	return err == nil
}

// oneOf notes a name that is not known.
func (l *loader) oneOf(property, name string, known []string) {
	if !slices.Contains(known, name) {
		l.wrong("unknown %s %q: %s", property, name, nearest.Hint(name, known))
	}
}

func (l *loader) load(raw json.RawMessage) {
	var d packageDescriptor
	if !l.check(open(raw, &d, packageProperties)) {
		return
	}
	var x packageExtension
	l.in(`"rempart"`, func() {
		if l.check(closed(d.Rempart, &x, packageExtensions)) {
			l.oneOf("kind", x.Kind, kinds)
			if x.Deposits != "" {
				l.oneOf("deposits", x.Deposits, mapped)
			}
			l.threshold(x.Threshold, &l.feed.Threshold)
		}
	})
	f := l.feed
	f.Name, f.Title, f.Version, f.Kind, f.Vocabularies = d.Name, d.Title, d.Version, x.Kind, x.Vocabularies
	f.Together = x.Deposits == "together"
	if x.Vocabulary != "" {
		f.Vocabulary = x.Vocabulary
	}
	if f.Name == "" {
		l.wrong("the package has no name: give it the name of its folder")
	}
	if len(d.Resources) == 0 {
		l.wrong("the package has no resources: describe each file that a provider deposits")
	}
	for i, raw := range d.Resources {
		var r resourceDescriptor
		ok := false
		l.in(fmt.Sprintf("resource %d", i+1), func() { ok = l.check(open(raw, &r, resourceProperties)) })
		if ok {
			l.in(fmt.Sprintf("resource %q", r.Name), func() { f.Resources = append(f.Resources, l.resource(&r)) })
		}
	}
	if len(l.problems) == 0 {
		l.relations()
	}
}

func (l *loader) schema(raw json.RawMessage, r *Resource) {
	var d schemaDescriptor
	ok := false
	l.in(`"schema"`, func() { ok = l.check(open(raw, &d, schemaProperties)) })
	if !ok {
		return
	}
	if len(d.Fields) == 0 {
		l.wrong("the schema has no fields: name every column of the file")
	}
	if d.MissingValues == nil {
		d.MissingValues = []string{""}
	}
	for i, raw := range d.Fields {
		var fd fieldDescriptor
		ok := false
		l.in(fmt.Sprintf("field %d", i+1), func() { ok = l.check(open(raw, &fd, fieldProperties)) })
		if ok {
			l.in(fmt.Sprintf("field %q", fd.Name), func() { r.Fields = append(r.Fields, l.field(&fd, r, d.MissingValues)) })
		}
	}
	for i, key := range append([]names{d.PrimaryKey}, d.UniqueKeys...) {
		for _, name := range key {
			if f := l.named("a key", name, r); f != nil && i == 0 {
				f.Required = true
			}
		}
		if len(key) > 0 {
			r.watch(key, true)
		}
	}
	r.PrimaryKey = d.PrimaryKey
	for _, raw := range d.ForeignKeys {
		var fk foreignKeyDescriptor
		l.in(`"foreignKeys"`, func() {
			if !l.check(closed(raw, &fk, foreignKeyProperties)) {
				return
			}
			r.ForeignKeys = append(r.ForeignKeys, ForeignKey{fk.Fields, fk.Reference.Resource, fk.Reference.Fields})
		})
	}
}

// named returns a field of the resource, or notes that there is none.
func (l *loader) named(what, name string, r *Resource) *Field {
	if f := r.field(name); f != nil {
		return f
	}
	l.wrong("%s names the field %q, which the schema lacks: %s", what, name, nearest.Hint(name, r.fieldNames()))
	return nil
}
