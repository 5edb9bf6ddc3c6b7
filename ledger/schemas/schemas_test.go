package schemas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/schemas"
)

// made makes the schema of a kind from its Go type. The comments are those of the source.
func made(t *testing.T, comments *jsonschema.Reflector, kind string) []byte {
	t.Helper()
	body := comments.ReflectFromType(reflect.TypeOf(ledger.Empty(kind)).Elem())
	definitions := body.Definitions
	body.Definitions, body.Version, body.ID = nil, "", ""
	properties := jsonschema.NewProperties()
	properties.Set("actor", &jsonschema.Schema{Type: "string", Description: "the name of a party"})
	properties.Set("body", body)
	properties.Set("kind", &jsonschema.Schema{Const: kind})
	properties.Set("time", &jsonschema.Schema{Type: "string", Format: "date-time", Pattern: "Z$", Description: "UTC, in whole seconds"})
	properties.Set("version", &jsonschema.Schema{Const: ledger.Version})
	text, err := json.MarshalIndent(&jsonschema.Schema{
		Version: jsonschema.Version, ID: jsonschema.ID("https://rempart.eu/schemas/" + schemas.Name(kind, ledger.Version)), Title: kind, Description: body.Description,
		Type: "object", Properties: properties, Required: []string{"actor", "body", "kind", "time", "version"}, AdditionalProperties: jsonschema.FalseSchema, Definitions: definitions,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// reflector reads the types as the JSON of a statement has them.
func reflector(t *testing.T) *jsonschema.Reflector {
	t.Helper()
	r := &jsonschema.Reflector{DoNotReference: true, Mapper: func(of reflect.Type) *jsonschema.Schema {
		switch of {
		case reflect.TypeFor[ledger.Digest]():
			return &jsonschema.Schema{Type: "string", Description: "SHA-256, in hexadecimal"}
		case reflect.TypeFor[ledger.URLBytes]():
			return &jsonschema.Schema{Type: "string", Pattern: "^[A-Za-z0-9_-]*$", Description: "bytes, in base64url without padding"}
		case reflect.TypeFor[json.RawMessage]():
			return &jsonschema.Schema{}
		}
		return nil
	}}
	if err := r.AddGoComments("rempart.eu/rempart/ledger", "..", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	fixed := map[string]string{}
	for name, text := range r.CommentMap { // the paths that the library makes of ".."
		fixed[strings.Replace(name, "rempart.eu/rempart.", "rempart.eu/rempart/ledger.", 1)] = strings.Join(strings.Fields(text), " ")
	}
	r.CommentMap = fixed
	return r
}

// TestSchemasAreThoseOfTheTypes keeps the files equal to the types. UPDATE=1 writes them anew.
func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	comments := reflector(t)
	for _, kind := range ledger.Kinds() {
		want := nullable(t, made(t, comments, kind))
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(schemas.Name(kind, ledger.Version), want, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := schemas.Schema(kind, ledger.Version)
		if errors.Is(err, fs.ErrNotExist) || string(got) != string(want) {
			t.Errorf("the schema of %s is not that of its Go type: a kind whose statements exist gets a new version; else UPDATE=1 go test ./ledger/schemas", kind)
		}
	}
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) < len(ledger.Kinds()) {
		t.Errorf("%d schemas for %d kinds: %v", len(files), len(ledger.Kinds()), err)
	}
}

// nullable lets lists and maps be null, which is how Go writes those that are nil.
func nullable(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
			if _, fixed := v["properties"]; v["type"] == "array" || v["type"] == "object" && !fixed {
				v["type"] = []any{v["type"], "null"}
			}
		}
	}
	walk(value)
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// example fills a body by the names and types of its fields.
func example(t reflect.Type, name string) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)))
	case t == reflect.TypeFor[ledger.Digest]():
		v.SetString(string(ledger.Sum([]byte(name))))
	case t == reflect.TypeFor[ledger.URLBytes]():
		v.SetBytes([]byte(name))
	case t == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"key":"release-r-1","reason":"kept long enough"}`))
	case t.Kind() == reflect.String:
		v.SetString(word(name))
	case v.CanInt():
		v.SetInt(12)
	case v.CanUint():
		v.SetUint(12)
	case v.CanFloat():
		v.SetFloat(1.5)
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(example(t.Elem(), name))
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		v.Index(0).Set(example(t.Elem(), strings.TrimSuffix(name, "s")))
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(example(t.Key(), strings.TrimSuffix(name, "s")), example(t.Elem(), name))
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			field, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if t.Field(i).IsExported() {
				v.Field(i).Set(example(t.Field(i).Type, field))
			}
		}
	}
	return v
}

// word is a text such as a field of that name holds.
func word(name string) string {
	words := map[string]string{
		"project": "flu", "release": "r-1a2b3c4d", "run": "s-1a2b3c4d", "output": "s-1a2b3c4d-1", "deposit": "d-1a2b3c4d", "linkage": "l-1a2b3c4d", "mount": "m-1a2b3c4d",
		"reason": "opinion 12 of the committee", "language": "sql", "outcome": "done", "host": "cloud-1", "from": "cloud-1", "to": "cloud-2", "jurisdiction": "FR", "country": "FR",
		"role": "researcher", "party": "alice", "authority": "ttp", "pseudonyms": "keyed", "feed": "hospital", "resource": "patient", "table": "person", "severity": "review",
		"signing": "ed25519:" + strings.Repeat("A", 43) + "=", "recipient": "age1pq1…", "url": "https://host.example", "kind": "s3", "spec": "project: flu\n…", "key": "release-r-1a2b3c4d",
		"change": "c-1a2b3c4d", "checker": "bob", "means": "portal", "text": "why is a region missing?", "worker": "age1pq1…", "method": "identity", "step": "host-migrated", "statement": "key-destroyed", "issuer": "https://login.example", "subject": "1234", "rp_id": "portal.example", "origin": "https://portal.example",
	}
	if w, ok := words[name]; ok {
		return w
	}
	return "the " + strings.ReplaceAll(name, "_", " ")
}

// statement is an example of a kind.
func statement(t *testing.T, kind string) ledger.Statement {
	t.Helper()
	body := example(reflect.TypeOf(ledger.Empty(kind)).Elem(), "").Addr().Interface().(ledger.Body)
	actor := "controller"
	for who, kinds := range map[string]string{
		"chu-lyon": "deposit-made opt-out-stated opt-out-revoked access-requested", "ttp": "persons-linked pseudonyms-issued opt-outs-resolved access-forwarded",
		"alice": "project-requested project-amended run-requested space-mounted space-unmounted output-change-requested output-commented", "bob": "output-viewed output-released output-refused output-assigned delivery-renewed",
		"dora": "project-approved project-refused project-resumed derogation-granted quality-waived countersigned",
	} {
		if strings.Contains(" "+kinds+" ", " "+kind+" ") {
			actor = who
		}
	}
	s, err := ledger.New(actor, time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC), body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	docPage  = "../../docs/ledger.md"
	docBegin = "<!-- statements -->\n"
	docEnd   = "<!-- /statements -->"
)

// TestEachKindIsDocumentedWithAnExample keeps the page equal to the schemas, and its
// examples valid. UPDATE=1 writes it anew.
func TestEachKindIsDocumentedWithAnExample(t *testing.T) {
	var doc strings.Builder
	for _, kind := range ledger.Kinds() {
		s := statement(t, kind)
		if err := schemas.Validate(s); err != nil {
			t.Error(err)
		}
		if _, err := s.Decode(); err != nil {
			t.Error(err)
		}
		text, err := s.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := schemas.Schema(kind, ledger.Version)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Description string
			Properties  struct {
				Body struct{ Properties map[string]json.RawMessage }
			}
		}
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		if _, said, ok := strings.Cut(schema.Description, " "); ok { // without the type's name
			schema.Description = strings.ToUpper(said[:1]) + said[1:]
		}
		fmt.Fprintf(&doc, "### %s\n\n%s Schema: [%s](../ledger/schemas/%[3]s).\n\n", kind, schema.Description, schemas.Name(kind, ledger.Version))
		of := reflect.TypeOf(ledger.Empty(kind)).Elem()
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			var field struct{ Description string }
			if json.Unmarshal(schema.Properties.Body.Properties[name], &field) == nil && field.Description != "" {
				fmt.Fprintf(&doc, "- `%s`: %s\n", name, field.Description)
			}
		}
		fmt.Fprintf(&doc, "\n```json\n%s\n```\n\n", text)
	}
	page, err := os.ReadFile(docPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(page), docBegin)
	got, after, ended := strings.Cut(rest, docEnd)
	if !begun || !ended {
		t.Fatalf("%s has no place for the statements", docPage)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(docPage, []byte(before+docBegin+"\n"+doc.String()+docEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != "\n"+doc.String() {
		t.Errorf("%s is not what the schemas say: UPDATE=1 go test ./ledger/schemas", docPage)
	}
}

func TestASchemaRefusesWhatIsNotOfItsKind(t *testing.T) {
	s := statement(t, "output-released")
	for name, body := range map[string]string{
		"an unknown field": `{"output":"1","sha256":"aa","reason":"r","why":""}`, "a field less": `{"output":"1","reason":"r"}`, "another type": `{"output":1,"sha256":"aa","reason":"r"}`,
	} {
		s.Body = json.RawMessage(body)
		if schemas.Validate(s) == nil {
			t.Errorf("%s was not found", name)
		}
	}
}
