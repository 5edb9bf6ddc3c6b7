package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"rempart.eu/rempart/intake/fhir"
)

// Whatever a line holds, it is parsed or refused with one of the package's own
// errors. What is parsed is what encoding/json accepts as an object, and a view
// of it gives rows or says why not.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"resourceType":"Patient","id":"1","name":[{"family":"A","given":["b",null,"c"]}],"active":true,"n":-1.5e3}`,
		`{"resourceType":"Patient","id":"\u00e9\n\"","x":{"y":[[],{}]}}`, `{"a":1,"a":2}`, `{"id":"\ud800"}`, `{} {}`, `[]`, `{"id":01}`, "{\"id\":\"\xff\"}", `{"id":`,
		strings.Repeat(`{"name":`, 70) + "1" + strings.Repeat("}", 70),
	} {
		f.Add([]byte(s))
	}
	view, err := fhir.ParseView([]byte(`{"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"},
		{"name": "all", "path": "name.given.join(',')"}, {"name": "value", "path": "value.ofType(string)"}, {"name": "ref", "path": "link.other.getReferenceKey(Patient).first()"}]},
		{"forEachOrNull": "name", "column": [{"name": "n", "path": "%rowIndex"}, {"name": "family", "path": "family.first().substring(1, 2)"}]}]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		original := bytes.Clone(line)
		doc, err := fhir.NewParser(view).Parse(line)
		if !bytes.Equal(line, original) {
			t.Fatal("the line was changed")
		}
		if err != nil {
			for _, known := range []error{fhir.ErrJSON, fhir.ErrEncoding, fhir.ErrDuplicate, fhir.ErrDepth, fhir.ErrTrailing} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("%q: an error that may quote the line: %v", line, err)
		}
		var object map[string]any
		if err := json.Unmarshal(line, &object); err != nil || object == nil {
			t.Fatalf("%q: it is no JSON object: %v", line, err)
		}
		if id, ok := object["resourceType"].(string); ok && id != doc.Type() {
			t.Errorf("%q: the type is %q, got %q", line, id, doc.Type())
		}
		e, err := view.Evaluator()
		if err != nil {
			t.Fatal(err)
		}
		err = e.Rows(doc, func(row [][]byte) {
			if id, ok := object["id"].(string); ok && id != string(row[0]) {
				t.Errorf("%q: the id is %q, got %q", line, id, row[0])
			}
			for _, cell := range row {
				if !utf8.Valid(cell) {
					t.Errorf("%q: %q is not UTF-8", line, cell)
				}
			}
		})
		if problem := (*fhir.RowProblem)(nil); err != nil && !errors.As(err, &problem) {
			t.Error(err)
		}
	})
}

// Whatever a path says, it is compiled or refused with its place, and what is
// compiled can be evaluated.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"id", "name.where(use = 'official').family.first()", "value.ofType(Quantity).value", "(a | b).first() and not(c)", "extension('x').value", "1 + 2 * -3 > 4",
		"name[0].given.join(', ')", "iif(a, b, {})", "%rowIndex", "`a`.substring(1, 2).matches('^[a-z]$')", "a.getReferenceKey(Patient) & '|' & @2020-01-01", "((((((((((", "'\\'", "a.\t b",
	} {
		f.Add(s)
	}
	doc, err := fhir.NewParser().Parse([]byte(`{"resourceType":"Patient","id":"1","name":[{"family":"A","given":["b","c"]}],"a":{"reference":"Patient/2"},"valueString":"x","n":2}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		quoted, err := json.Marshal(path)
		if err != nil {
			t.Fatal(err)
		}
		view, err := fhir.ParseView([]byte(`{"resource": "Patient", "select": [{"column": [{"name": "x", "path": ` + string(quoted) + `}]}]}`))
		if err != nil {
			return
		}
		e, err := view.Evaluator()
		if err != nil {
			t.Fatalf("%q was compiled once: %v", path, err)
		}
		for range 2 { // an evaluator's memory is used again
			err = e.Rows(doc, func([][]byte) {})
			if problem := (*fhir.RowProblem)(nil); err != nil && !errors.As(err, &problem) {
				t.Errorf("%q: %v", path, err)
			}
		}
	})
}

// Whatever a Bundle holds, its lines are as many as its entries, and each is
// empty or a resource of the type.
func FuzzBundle(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Bundle","type":"batch","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","link":{"reference":"urn:uuid:1"}}},{}]}`))
	f.Add([]byte(`{"type":"batch","entry":[{"resource":{"id":"x","reference":"reference"}}],"resourceType":"Bundle"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := fhir.OpenBundle(bytes.NewReader(text))
		if err != nil {
			return
		}
		var lines bytes.Buffer
		if err := b.Lines(bytes.NewReader(text), "Patient", &lines); err != nil {
			t.Fatalf("it was read once: %v", err)
		}
		var found int64
		for line := range bytes.Lines(lines.Bytes()) {
			if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 {
				continue
			}
			found++
			doc, err := fhir.NewParser().Parse(line)
			if err != nil || doc.Type() != "Patient" {
				t.Errorf("%q is no Patient: %v", line, err)
			}
		}
		if found != b.Types["Patient"] {
			t.Errorf("%d of %d Patients", found, b.Types["Patient"])
		}
	})
}
