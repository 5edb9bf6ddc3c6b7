package fhir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Bundle is a Bundle of the kinds that carry records: transaction, batch,
// collection, searchset, document. Its entries are read as lines: entry n is
// line n. References by an entry's fullUrl become Type/id.
type Bundle struct {
	resolve map[string]string // fullUrl to Type/id
	ids     map[string]string // fullUrl of an entry without an id to the id it gets
	Types   map[string]int64  // how many entries there are of each type
}

// ErrNoBundle says that a JSON file is something else.
var ErrNoBundle = errors.New("it is no Bundle of records")

// OpenBundle reads a Bundle once, for what its entries are called. It holds
// one entry at a time. The error wraps ErrNoBundle, one of the errors of JSON
// texts, or is r's.
func OpenBundle(r io.Reader) (*Bundle, error) {
	b := &Bundle{resolve: map[string]string{}, ids: map[string]string{}, Types: map[string]int64{}}
	parser := NewParser()
	err := entries(r, func(n int, entry []byte) error {
		doc, err := parser.Parse(entry)
		if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		resource := int32(0)
		for at := doc.nodes[0].child; at != 0; at = doc.nodes[at].next {
			if string(doc.nodes[at].name) == "resource" && doc.nodes[at].kind == '{' {
				resource = at
			}
		}
		if resource == 0 {
			return nil
		}
		url := string(doc.property(0, "fullUrl"))
		kind, id := string(doc.property(resource, "resourceType")), string(doc.property(resource, "id"))
		if id == "" { // a transaction's server would give one
			_, uuid, _ := Reference([]byte(url))
			if id = string(uuid); id != "" {
				b.ids[url] = id
			}
		}
		if url != "" && kind != "" && id != "" {
			b.resolve[url] = kind + "/" + id
		}
		b.Types[kind]++
		return nil
	})
	return b, err
}

// Lines writes the entries of one type as NDJSON, and an empty line for every
// other, so that a line's number is its entry's. r reads the same Bundle again.
func (b *Bundle) Lines(r io.Reader, resource string, w io.Writer) error {
	var line bytes.Buffer
	return entries(r, func(_ int, entry []byte) error {
		line.Reset()
		if err := b.entry(entry, resource, &line); err != nil {
			return err
		}
		if line.Len() == 0 { // of another type; the encoder ends each of ours
			line.WriteByte('\n')
		}
		_, err := w.Write(line.Bytes())
		return err
	})
}

// entry writes an entry's resource, where it is of the type.
func (b *Bundle) entry(entry []byte, resource string, line *bytes.Buffer) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(entry))
	var url string
	var body jsontext.Value
	err := members(d, func(name string) error {
		value, err := d.ReadValue()
		switch {
		case err != nil:
			return err
		case name == "fullUrl" && value.Kind() == '"':
			text, err := jsontext.AppendUnquote(nil, value)
			url = string(text)
			return err
		case name == "resource" && value.Kind() == '{':
			body = value.Clone()
		}
		return nil
	})
	if err != nil || body == nil {
		return err
	}
	doc, err := NewParser().Parse(body)
	if err != nil || doc.Type() != resource {
		return err
	}
	return b.rewrite(body, b.ids[url], line)
}

// rewrite copies a resource onto one line, with its references resolved.
func (b *Bundle) rewrite(body []byte, id string, line *bytes.Buffer) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	e := jsontext.NewEncoder(line)
	reference := false // the string that follows is one
	for first := true; ; first = false {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if reference && token.Kind() == '"' {
			if target, ok := b.resolve[token.String()]; ok {
				token = jsontext.String(target)
			}
		}
		_, length := d.StackIndex(d.StackDepth())
		reference = token.Kind() == '"' && d.StackDepth() > 0 && length%2 == 1 && token.String() == "reference"
		if err := e.WriteToken(token); err != nil {
			return err
		}
		if first && id != "" {
			if err := errors.Join(e.WriteToken(jsontext.String("id")), e.WriteToken(jsontext.String(id))); err != nil {
				return err
			}
		}
	}
}

// entries hands on each entry of a Bundle, from 1.
func entries(r io.Reader, do func(n int, entry []byte) error) error {
	d := jsontext.NewDecoder(r)
	kind, resource, n := "", "", 0
	err := members(d, func(name string) error {
		switch name {
		case "resourceType", "type":
			value, err := d.ReadToken()
			if err != nil {
				return err
			}
			if value.Kind() == '"' && name == "type" {
				kind = value.String()
			} else if value.Kind() == '"' {
				resource = value.String()
			}
			return nil
		case "entry":
			if d.PeekKind() != '[' {
				return ErrNoBundle
			}
			if _, err := d.ReadToken(); err != nil {
				return err
			}
			for d.PeekKind() != ']' {
				entry, err := d.ReadValue()
				if err != nil {
					return err
				}
				n++
				if err := do(n, entry); err != nil {
					return err
				}
			}
			_, err := d.ReadToken()
			return err
		}
		return d.SkipValue()
	})
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("%w, after byte %d", ErrJSON, syntax.ByteOffset)
	}
	if err == nil && (resource != "Bundle" || !slices.Contains([]string{"transaction", "batch", "collection", "searchset", "document"}, kind)) {
		return ErrNoBundle
	}
	return err
}

// members hands on the names of an object's properties; do reads the value.
func members(d *jsontext.Decoder, do func(name string) error) error {
	if d.PeekKind() != '{' {
		if _, err := d.ReadToken(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return ErrNoBundle
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := do(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
