// Package schemas holds the JSON Schema (draft 2020-12) of each kind of statement,
// a file for each kind and version. They are made from the Go types of package
// ledger, with the words of their comments; a test keeps them equal, and others
// validate every statement that they make.
//
// A schema is of the whole statement, as it is signed. A kind that changes gets a new
// version and a new file; the old one stays, for the statements that were made by it.
package schemas

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rempart.eu/rempart/ledger"
)

//go:embed *.json
var files embed.FS

// Name is the file of a kind's schema.
func Name(kind string, version int) string { return fmt.Sprintf("%s.v%d.json", kind, version) }

// Schema is the text of a kind's schema.
func Schema(kind string, version int) ([]byte, error) {
	return fs.ReadFile(files, Name(kind, version))
}

var compiled sync.Map // name → *jsonschema.Schema

// Validate says whether a statement is as its kind's schema has it.
func Validate(s ledger.Statement) error {
	text, err := s.Canonical()
	if err != nil {
		return err
	}
	schema, err := compile(Name(s.Kind, s.Version))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("a statement %s is not as its schema has it: %w", s.Kind, err)
	}
	return nil
}

func compile(name string) (*jsonschema.Schema, error) {
	if known, ok := compiled.Load(name); ok {
		return known.(*jsonschema.Schema), nil
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, value); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(name)
	if err == nil {
		compiled.Store(name, schema)
	}
	return schema, err
}
