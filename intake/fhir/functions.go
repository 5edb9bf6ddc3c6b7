package fhir

import (
	"bytes"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// function makes the expr of a call, or says what is wrong with it.
type function struct {
	least, most int // arguments
	make        func(of expr, arguments []expr, types []string) (e expr, problem string)
}

// functions are what a path may call: SQL on FHIR's shareable subset, of
// FHIRPath also last, not, count, iif, matches, substring and the boundaries,
// and one of Rempart's own, getReferenceIdentifier.
var functions map[string]function

func init() { // a map literal would refer to itself by way of the compiler
	functions = map[string]function{
		"where":                  {1, 1, func(of expr, a []expr, _ []string) (expr, string) { return &where{of: of, criterion: a[0]}, "" }},
		"exists":                 {0, 1, newExists(true)},
		"empty":                  {0, 0, newExists(false)},
		"first":                  {0, 0, func(of expr, _ []expr, _ []string) (expr, string) { return &index{of: of}, "" }},
		"last":                   {0, 0, of(last)},
		"not":                    {0, 0, of(not)},
		"count":                  {0, 0, of(count)},
		"extension":              {1, 1, newExtension},
		"ofType":                 {1, 1, newOfType},
		"join":                   {0, 1, newJoin},
		"iif":                    {2, 3, newIif},
		"matches":                {1, 1, newMatches},
		"substring":              {1, 2, newSubstring},
		"getResourceKey":         {0, 0, of(resourceKey)},
		"getReferenceKey":        {0, 1, newReference(false)},
		"getReferenceIdentifier": {0, 1, newReference(true)},
	}
}

func functionNames() string { return strings.Join(slices.Sorted(maps.Keys(functions)), ", ") }

// simple is a function without arguments.
type simple struct {
	of  expr
	do  func(e *Evaluator, c, out []item) []item
	out []item
}

func of(do func(e *Evaluator, c, out []item) []item) func(expr, []expr, []string) (expr, string) {
	return func(of expr, _ []expr, _ []string) (expr, string) { return &simple{of: of, do: do}, "" }
}

func (s *simple) eval(e *Evaluator, in []item) []item {
	s.out = s.do(e, s.of.eval(e, in), s.out[:0])
	return s.out
}

func last(_ *Evaluator, c, out []item) []item {
	if len(c) == 0 {
		return out
	}
	return append(out, c[len(c)-1])
}

func not(e *Evaluator, c, out []item) []item {
	switch e.judge(c) {
	case yes:
		return append(out, boolean(false)...)
	case no:
		return append(out, boolean(true)...)
	}
	return out
}

func count(_ *Evaluator, c, out []item) []item {
	return append(out, item{kind: '0', text: strconv.AppendInt(nil, int64(len(c)), 10)})
}

func resourceKey(e *Evaluator, c, out []item) []item {
	for _, it := range c {
		if it.kind != '{' {
			continue
		}
		if id := e.doc.property(it.node, "id"); id != nil {
			out = append(out, item{kind: '"', text: id})
		}
	}
	return out
}

// where keeps the elements for which the criterion is true.
type where struct {
	of, criterion expr
	one           [1]item
	out           []item
}

func (w *where) eval(e *Evaluator, in []item) []item {
	w.out = w.out[:0]
	for _, it := range w.of.eval(e, in) {
		w.one[0] = it
		if e.judge(w.criterion.eval(e, w.one[:])) == yes {
			w.out = append(w.out, it)
		}
	}
	return w.out
}

// exists says whether there is something, or nothing.
type exists struct {
	of   expr
	want bool
}

func newExists(want bool) func(expr, []expr, []string) (expr, string) {
	return func(of expr, a []expr, _ []string) (expr, string) {
		if len(a) == 1 {
			of = &where{of: of, criterion: a[0]}
		}
		return &exists{of, want}, ""
	}
}

func (x *exists) eval(e *Evaluator, in []item) []item {
	return boolean((len(x.of.eval(e, in)) > 0) == x.want)
}

// extensions are the extensions with one url.
type extensions struct {
	of  expr
	url string
	out []item
}

func newExtension(of expr, a []expr, _ []string) (expr, string) {
	url, ok := text(a[0])
	if !ok {
		return nil, "want the extension's url as a text"
	}
	return &extensions{of: &member{of: of, name: "extension"}, url: url}, ""
}

func text(e expr) (string, bool) {
	if l, ok := e.(literal); ok && len(l) == 1 && l[0].kind == '"' {
		return string(l[0].text), true
	}
	return "", false
}

func (x *extensions) eval(e *Evaluator, in []item) []item {
	x.out = x.out[:0]
	for _, it := range x.of.eval(e, in) {
		if it.kind == '{' && string(e.doc.property(it.node, "url")) == x.url {
			x.out = append(x.out, it)
		}
	}
	return x.out
}

// ofType keeps the elements of a type.
type ofType struct {
	of   expr
	name string
	out  []item
}

func newOfType(of expr, _ []expr, types []string) (expr, string) {
	name := types[0]
	first, _ := utf8.DecodeRuneInString(name)
	known := slices.Contains(slices.Collect(maps.Values(choiceTypes)), name)
	if !known && (first < 'A' || first > 'Z') {
		return nil, "there is no type " + name
	}
	if m, ok := of.(*member); ok && known { // value.ofType(Quantity) is the property valueQuantity
		for spelling, t := range choiceTypes {
			if t == name {
				return &member{of: m.of, name: m.name + spelling}, ""
			}
		}
	}
	return &ofType{of: of, name: name}, ""
}

func (o *ofType) eval(e *Evaluator, in []item) []item {
	o.out = o.out[:0]
	for _, it := range o.of.eval(e, in) {
		kind := it.named
		if kind == "" {
			switch it.kind {
			case '{':
				kind = string(e.doc.property(it.node, "resourceType"))
			case 't', 'f':
				kind = "boolean"
			case '"':
				kind = "string"
			case '0':
				if kind = "integer"; bytes.ContainsAny(it.text, ".eE") {
					kind = "decimal"
				}
			}
		}
		if kind == o.name {
			o.out = append(o.out, it)
		}
	}
	return o.out
}

// join makes one text of several.
type join struct {
	of        expr
	separator string
	text      []byte
	out       [1]item
}

func newJoin(of expr, a []expr, _ []string) (expr, string) {
	j := &join{of: of}
	if len(a) == 1 {
		var ok bool
		if j.separator, ok = text(a[0]); !ok {
			return nil, "want the separator as a text"
		}
	}
	return j, ""
}

func (j *join) eval(e *Evaluator, in []item) []item {
	j.text = j.text[:0]
	for i, it := range j.of.eval(e, in) {
		if i > 0 {
			j.text = append(j.text, j.separator...)
		}
		j.text = append(j.text, it.text...)
	}
	j.out[0] = item{kind: '"', text: j.text}
	return j.out[:]
}

// iif is one path or the other.
type iif struct{ of, condition, then, otherwise expr }

func newIif(of expr, a []expr, _ []string) (expr, string) {
	i := &iif{of: of, condition: a[0], then: a[1], otherwise: literal(nil)}
	if len(a) == 3 {
		i.otherwise = a[2]
	}
	return i, ""
}

func (i *iif) eval(e *Evaluator, in []item) []item {
	c := i.of.eval(e, in)
	if e.judge(i.condition.eval(e, c)) == yes {
		return i.then.eval(e, c)
	}
	return i.otherwise.eval(e, c)
}

// matches says whether a text has a form anywhere in it.
type matches struct {
	of   expr
	form *regexp.Regexp
}

func newMatches(of expr, a []expr, _ []string) (expr, string) {
	pattern, ok := text(a[0])
	if !ok {
		return nil, "want the expression as a text"
	}
	form, err := regexp.Compile(pattern)
	if err != nil {
		return nil, "it is no RE2 expression: " + err.Error()
	}
	return &matches{of, form}, ""
}

func (m *matches) eval(e *Evaluator, in []item) []item {
	c := m.of.eval(e, in)
	if len(c) != 1 {
		if len(c) > 1 {
			e.fail("view: matches() stands after several values: name one of them")
		}
		return nil
	}
	return boolean(m.form.Match(c[0].text))
}

// substring is a part of a text, in characters from 0.
type substring struct {
	of         expr
	from, size int
	out        [1]item
}

func newSubstring(of expr, a []expr, _ []string) (expr, string) {
	s := &substring{of: of, size: -1}
	for i, to := range []*int{&s.from, &s.size} {
		if i < len(a) {
			l, ok := a[i].(literal)
			if !ok || len(l) != 1 || l[0].kind != '0' {
				return nil, "want whole numbers"
			}
			n, err := strconv.Atoi(string(l[0].text))
			if err != nil || n < 0 {
				return nil, "want whole numbers"
			}
			*to = n
		}
	}
	return s, ""
}

func (s *substring) eval(e *Evaluator, in []item) []item {
	c := s.of.eval(e, in)
	if len(c) != 1 || c[0].kind != '"' {
		if len(c) > 1 {
			e.fail("view: substring() stands after several values: name one of them")
		}
		return nil
	}
	rest, skipped := c[0].text, 0
	for ; skipped < s.from && len(rest) > 0; skipped++ {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	if len(rest) == 0 {
		return nil
	}
	end := len(rest)
	if s.size >= 0 {
		end = 0
		for n := 0; n < s.size && end < len(rest); n++ {
			_, size := utf8.DecodeRune(rest[end:])
			end += size
		}
	}
	s.out[0] = item{kind: '"', text: rest[:end]}
	return s.out[:]
}

// reference is what a Reference points at: the id of a resource, or, where the
// reference is logical or conditional, its identifier as system|value.
type reference struct {
	of         expr
	kind       string // wanted type; "" for any
	identifier bool
	text       []byte
	out        []item
}

func newReference(identifier bool) func(expr, []expr, []string) (expr, string) {
	return func(of expr, _ []expr, types []string) (expr, string) {
		r := &reference{of: of, identifier: identifier}
		if len(types) == 1 {
			r.kind = types[0]
		}
		return r, ""
	}
}

func (r *reference) eval(e *Evaluator, in []item) []item {
	r.out, r.text = r.out[:0], r.text[:0]
	for _, it := range r.of.eval(e, in) {
		if it.kind != '{' {
			continue
		}
		kind, id, identifier := Reference(e.doc.property(it.node, "reference"))
		if len(kind) == 0 {
			kind = e.doc.property(it.node, "type")
		}
		if r.kind != "" && len(kind) > 0 && string(kind) != r.kind {
			continue
		}
		if r.identifier {
			if identifier == nil {
				identifier = r.logical(e, it.node)
			}
			id = identifier
		}
		if len(id) > 0 {
			r.out = append(r.out, item{kind: '"', text: id})
		}
	}
	return r.out
}

// logical is the identifier of a reference that has nothing else.
func (r *reference) logical(e *Evaluator, at int32) []byte {
	for child := e.doc.nodes[at].child; child != 0; child = e.doc.nodes[child].next {
		if n := &e.doc.nodes[child]; string(n.name) == "identifier" && n.kind == '{' {
			system, value := e.doc.property(child, "system"), e.doc.property(child, "value")
			if len(value) == 0 {
				return nil
			}
			from := len(r.text)
			r.text = append(append(append(r.text, system...), '|'), value...)
			return r.text[from:len(r.text):len(r.text)]
		}
	}
	return nil
}

// Reference splits the text of a Reference: Patient/1, its absolute and
// versioned forms, urn:uuid:…, or the conditional Patient?identifier=system|value.
// A reference to a contained resource (#1) has no id outside of its resource.
// Source: https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/http.html#trules
func Reference(text []byte) (kind, id, identifier []byte) {
	if len(text) == 0 || text[0] == '#' {
		return nil, nil, nil
	}
	for _, scheme := range [...]string{"urn:uuid:", "urn:oid:"} {
		if len(text) > len(scheme) && string(text[:len(scheme)]) == scheme {
			return nil, text[len(scheme):], nil
		}
	}
	if at := bytes.IndexByte(text, '?'); at >= 0 {
		before, query := text[:at], text[at+1:]
		value, ok := bytes.CutPrefix(query, []byte("identifier="))
		if !ok || bytes.IndexByte(value, '&') >= 0 {
			return resourceType(before), nil, nil
		}
		if bytes.IndexByte(value, '%') >= 0 {
			if plain, err := url.PathUnescape(string(value)); err == nil {
				value = []byte(plain)
			}
		}
		return resourceType(before), nil, value
	}
	if at := bytes.Index(text, history); at >= 0 {
		text = text[:at]
	}
	at := bytes.LastIndexByte(text, '/')
	if at < 0 {
		return nil, nil, nil
	}
	return resourceType(text[:at]), text[at+1:], nil
}

var history = []byte("/_history/")

// resourceType is the last part of an address.
func resourceType(address []byte) []byte {
	return address[bytes.LastIndexByte(address, '/')+1:]
}
