package fhir

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Document is one JSON object as a tree. It refers to the text that it was
// parsed from and is good until its parser's next Parse.
type Document struct {
	nodes   []node
	unquote []byte // strings that were written with escapes
}

// node is a value. Children are linked in the order of the text.
type node struct {
	name  []byte // of a property; nil in a list
	text  []byte // of a string, without quotes and escapes; of a number, true, false or null as written
	child int32  // first of an object or list; 0 is none, since the root is nobody's child
	next  int32  // sibling
	kind  byte   // jsontext's: n t f " 0 { [
}

// Parser parses resources, one after the other, into the same memory.
type Parser struct {
	decoder *jsontext.Decoder
	in      bytes.Buffer
	line    []byte
	doc     Document
	views   []*View         // whose paths say which properties of the root to keep; none: all
	wanted  map[string]bool // what the views said
}

// NewParser returns a parser that keeps what the views may look at, or
// everything where there is no view. The rest is checked all the same.
func NewParser(views ...*View) *Parser {
	return &Parser{decoder: jsontext.NewDecoder(bytes.NewReader(nil)), views: views, wanted: map[string]bool{}}
}

// keep says whether a property of the root may be looked at.
func (p *Parser) keep(name []byte) bool {
	if len(p.views) == 0 {
		return true
	}
	wanted, known := p.wanted[string(name)]
	if !known {
		for _, v := range p.views {
			wanted = wanted || v.wants(string(name))
		}
		if len(p.wanted) < 1000 { // names that somebody makes up must not fill the memory
			p.wanted[string(name)] = wanted
		}
	}
	return wanted
}

// Parse reads one JSON object. The error is ErrJSON, ErrEncoding, ErrDuplicate,
// ErrDepth or ErrTrailing.
func (p *Parser) Parse(line []byte) (*Document, error) {
	p.line, p.in = line, *bytes.NewBuffer(line)
	p.decoder.Reset(&p.in)
	p.doc.nodes, p.doc.unquote = p.doc.nodes[:0], p.doc.unquote[:0]
	if p.decoder.PeekKind() != '{' {
		return nil, p.explain(ErrJSON)
	}
	if _, err := p.value(nil, 0); err != nil {
		return nil, p.explain(err)
	}
	if _, err := p.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, p.explain(ErrTrailing)
	}
	return &p.doc, nil
}

// explain gives one of the package's own errors, which quote nothing.
func (p *Parser) explain(err error) error {
	switch {
	case !utf8.Valid(p.line):
		return ErrEncoding
	case errors.Is(err, jsontext.ErrDuplicateName):
		return ErrDuplicate
	case errors.Is(err, ErrDepth), errors.Is(err, ErrTrailing):
		return err
	}
	return ErrJSON
}

// value adds the next value and returns its place.
func (p *Parser) value(name []byte, depth int) (int32, error) {
	kind := byte(p.decoder.PeekKind())
	at := int32(len(p.doc.nodes)) //nolint:gosec // a line has fewer bytes than an int32 counts
	switch kind {
	case '{', '[':
		if depth == MaxDepth {
			return 0, ErrDepth
		}
		if _, err := p.decoder.ReadToken(); err != nil {
			return 0, err
		}
		p.doc.nodes = append(p.doc.nodes, node{name: name, kind: kind})
		return at, p.children(at, depth+1)
	}
	raw, err := p.raw()
	if err != nil {
		return 0, err
	}
	if kind == '"' {
		raw = p.text(raw)
	}
	p.doc.nodes = append(p.doc.nodes, node{name: name, kind: kind, text: raw})
	return at, nil
}

func (p *Parser) children(parent int32, depth int) error {
	object := p.doc.nodes[parent].kind == '{'
	last := int32(0)
	for {
		switch p.decoder.PeekKind() {
		case '}', ']':
			_, err := p.decoder.ReadToken()
			return err
		}
		var name []byte
		if object {
			raw, err := p.raw()
			if err != nil {
				return err
			}
			name = p.text(raw)
			if parent == 0 && !p.keep(name) {
				if err := p.skip(depth); err != nil {
					return err
				}
				continue
			}
		}
		at, err := p.value(name, depth)
		if err != nil {
			return err
		}
		if last == 0 {
			p.doc.nodes[parent].child = at
		} else {
			p.doc.nodes[last].next = at
		}
		last = at
	}
}

// skip passes over a value that nobody asks for.
func (p *Parser) skip(depth int) error {
	for {
		token, err := p.decoder.ReadToken()
		if err != nil {
			return err
		}
		switch token.Kind() {
		case '{', '[':
			if p.decoder.StackDepth() > MaxDepth {
				return ErrDepth
			}
		}
		if p.decoder.StackDepth() == depth {
			return nil
		}
	}
}

// raw reads a value that is no object or list, as the line has it.
func (p *Parser) raw() ([]byte, error) {
	value, err := p.decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	end := p.decoder.InputOffset()
	return p.line[end-int64(len(value)) : end], nil
}

// text is what a quoted string says.
func (p *Parser) text(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	from := len(p.doc.unquote)
	p.doc.unquote, _ = jsontext.AppendUnquote(p.doc.unquote, quoted) // the decoder has checked it
	return p.doc.unquote[from:len(p.doc.unquote):len(p.doc.unquote)]
}

// Type is the resource's type, such as Patient, or "" where it has none.
func (d *Document) Type() string { return string(d.property(0, "resourceType")) }

// property is the text of a string property of an object.
func (d *Document) property(object int32, name string) []byte {
	for at := d.nodes[object].child; at != 0; at = d.nodes[at].next {
		if n := &d.nodes[at]; string(n.name) == name {
			if n.kind == '"' {
				return n.text
			}
			return nil
		}
	}
	return nil
}
