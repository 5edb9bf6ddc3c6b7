package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/nearest"
)

// The structs of this file are datapackage.json as it is written:
// https://datapackage.org/standard/data-package/ and Rempart's own properties.

type packageDescriptor struct {
	Name, Title, Version string
	Resources            []json.RawMessage
	Rempart              json.RawMessage
}

type packageExtension struct {
	Kind         string
	Vocabularies []string
	Vocabulary   string
	Deposits     string
	Threshold    *float64
}

type resourceDescriptor struct {
	Name, Path, Title, Encoding, Format string
	Schema, Dialect, Rempart            json.RawMessage
}

type resourceExtension struct {
	Optional bool
	Purpose  string
	Exclude  []json.RawMessage
	Unmapped string

	Threshold *float64
	Files     string
	Keys      []json.RawMessage
	Aliases   []names
	Person    json.RawMessage
	Stay      json.RawMessage
}

type keyDescriptor struct {
	Name, Domain string
	Fields       names
}

type personDescriptor struct{ Fields, Alias names }

type dialect struct {
	Delimiter, QuoteChar string
	DoubleQuote, Header  *bool
}

type schemaDescriptor struct {
	Fields        []json.RawMessage
	PrimaryKey    names
	UniqueKeys    []names
	ForeignKeys   []json.RawMessage
	MissingValues []string
}

type foreignKeyDescriptor struct {
	Fields    names
	Reference struct {
		Resource string
		Fields   names
	}
}

type fieldDescriptor struct {
	Name, Type, Format      string
	DecimalChar, GroupChar  string
	BareNumber              *bool
	TrueValues, FalseValues []string
	MissingValues           []string
	Constraints, Rempart    json.RawMessage
}

type fieldExtension struct {
	Role, Trait, Domain, Generalise, Stay string

	From, Unit, Nomenclature string
	Formats                  []string
	Text                     bool
	Shift                    *bool
}

type constraints struct {
	Required, Unique     bool
	Pattern              string
	Enum                 []json.RawMessage
	Minimum, Maximum     json.RawMessage
	MinLength, MaxLength *int
}

type exclusionDescriptor struct {
	Field  string
	Values []string
	Reason string

	Optional bool
}

// The properties that each kind of object may have.
var (
	packageProperties = []string{"name", "title", "version", "description", "resources", "licenses", "rempart", "$schema",
		"profile", "id", "homepage", "keywords", "contributors", "sources", "created", "image"}
	resourceProperties = []string{"name", "path", "title", "description", "schema", "dialect", "encoding", "rempart", "$schema",
		"profile", "type", "format", "mediatype", "bytes", "hash", "licenses", "sources", "homepage"}
	schemaProperties = []string{"fields", "primaryKey", "foreignKeys", "uniqueKeys", "missingValues", "fieldsMatch", "$schema"}
	fieldProperties  = []string{"name", "type", "format", "title", "description", "example", "constraints", "missingValues",
		"decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues", "categories", "categoriesOrdered", "rdfType", "rempart"}
	foreignKeyProperties = []string{"fields", "reference"}
	constraintProperties = []string{"required", "unique", "pattern", "enum", "minimum", "maximum", "minLength", "maxLength"}
	dialectProperties    = []string{"delimiter", "header", "quoteChar", "doubleQuote", "$schema"}
	packageExtensions    = []string{"kind", "vocabularies", "vocabulary", "deposits", "threshold"}
	resourceExtensions   = []string{"optional", "purpose", "exclude", "unmapped", "threshold", "files", "keys", "aliases", "person", "stay"}
	fieldExtensions      = []string{"role", "trait", "domain", "generalise", "stay", "from", "formats", "text", "shift", "unit", "nomenclature"}
	keyProperties        = []string{"name", "fields", "domain"}
	personProperties     = []string{"fields", "alias"}
	staysProperties      = []string{"key", "place", "domain", "only"}
	onlyProperties       = []string{"field", "values"}
	exclusionProperties  = []string{"field", "values", "reason", "optional"}
)

// names is a JSON string or an array of strings.
type names []string

func (n *names) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		*n = make(names, 1)
		return json.Unmarshal(raw, &(*n)[0])
	}
	return json.Unmarshal(raw, (*[]string)(n))
}

// closed decodes an object that may have no property but the known ones.
func closed(raw json.RawMessage, into any, known []string) error {
	return decode(raw, into, known, func(string) bool { return true })
}

// open decodes an object that others may extend: only a property that is
// nearly a known one is taken for a slip.
func open(raw json.RawMessage, into any, known []string) error {
	return decode(raw, into, known, func(name string) bool { return nearest.Name(name, known) != "" })
}

func decode(raw json.RawMessage, into any, known []string, wrong func(name string) bool) error {
	if len(raw) == 0 {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return errors.New("want a JSON object in braces")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, name) && wrong(name) {
			return fmt.Errorf("unknown property %q: %s", name, nearest.Hint(name, known))
		}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			name := strings.ToLower(wrong.Field[:1]) + wrong.Field[1:]
			return fmt.Errorf("property %q: want %s, got a JSON %s", name, wrong.Type, wrong.Value)
		}
		return err
	}
	return nil
}
