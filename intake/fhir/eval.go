package fhir

import (
	"bytes"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// item is one member of a collection: an element of the document or a value.
type item struct {
	text  []byte // of a value
	named string // the type, where the property's name says it: Quantity of valueQuantity
	node  int32
	kind  byte // as a node's; { where it is an object
}

// expr is a compiled path. Its result is good until the same expr is evaluated
// again: each keeps the memory of its own, and none is inside itself.
type expr interface {
	eval(e *Evaluator, in []item) []item
}

// literal is a constant collection.
type literal []item

func (l literal) eval(*Evaluator, []item) []item { return l }

var truth = map[bool]literal{
	true:  {{kind: 't', text: []byte("true")}},
	false: {{kind: 'f', text: []byte("false")}},
}

func boolean(b bool) literal { return truth[b] }

// this is $this, and where every path starts.
type this struct{}

func (this) eval(_ *Evaluator, in []item) []item { return in }

// root is %resource.
type root struct{}

func (root) eval(e *Evaluator, _ []item) []item { return e.root[:] }

// rowIndex is %rowIndex.
type rowIndex struct {
	frame *frame
	out   [1]item
}

func (r *rowIndex) eval(*Evaluator, []item) []item {
	n := 0
	if r.frame != nil {
		n = r.frame.index
	}
	r.out[0] = item{kind: '0', text: strconv.AppendInt(r.out[0].text[:0], int64(n), 10)}
	return r.out[:]
}

// member is a property of each element. One that is a choice of types, such as
// value[x], is found by its name without the type.
type member struct {
	of   expr
	name string
	out  []item
}

func (m *member) eval(e *Evaluator, in []item) []item {
	m.out = m.out[:0]
	for _, it := range m.of.eval(e, in) {
		if it.kind != '{' {
			continue
		}
		nodes := e.doc.nodes
		choice, named := int32(0), ""
		at := nodes[it.node].child
		for ; at != 0; at = nodes[at].next {
			name := nodes[at].name
			if len(name) < len(m.name) || string(name[:len(m.name)]) != m.name {
				continue
			}
			if len(name) == len(m.name) {
				break
			}
			if t, ok := choiceTypes[string(name[len(m.name):])]; ok {
				choice, named = at, t
			}
		}
		if at == 0 {
			at = choice
		} else {
			named = ""
		}
		if at != 0 {
			m.out = e.doc.appendItems(m.out, at, named)
		}
	}
	return m.out
}

// appendItems adds a value, or each value of a list.
func (d *Document) appendItems(out []item, at int32, named string) []item {
	n := &d.nodes[at]
	switch n.kind {
	case 'n':
	case '[':
		for child := n.child; child != 0; child = d.nodes[child].next {
			out = d.appendItems(out, child, named)
		}
	default:
		out = append(out, item{kind: n.kind, text: n.text, node: at, named: named})
	}
	return out
}

// index is one of a collection, from 0.
type index struct {
	of expr
	n  int
}

func (i *index) eval(e *Evaluator, in []item) []item {
	out := i.of.eval(e, in)
	if i.n >= len(out) {
		return nil
	}
	return out[i.n : i.n+1]
}

// verdicts of a condition: FHIRPath's logic has three values.
const (
	no = iota
	yes
	unknown
)

// judge takes a collection as a condition: a single value that is no boolean
// counts as true.
func (e *Evaluator) judge(c []item) int {
	switch {
	case len(c) == 0:
		return unknown
	case len(c) > 1:
		e.fail("view: a condition has several values: name one of them, or use exists()")
		return unknown
	case c[0].kind == 'f':
		return no
	}
	return yes
}

func verdict(v int) []item {
	if v == unknown {
		return nil
	}
	return boolean(v == yes)
}

// binary is an operator between two paths.
type binary struct {
	operator    string
	left, right expr
	out         []item
	text        []byte
}

func (b *binary) eval(e *Evaluator, in []item) []item {
	left := b.left.eval(e, in)
	switch b.operator {
	case "and", "or", "xor":
		x := e.judge(left)
		y := e.judge(b.right.eval(e, in))
		return verdict(logic(b.operator, x, y))
	}
	right := b.right.eval(e, in)
	switch b.operator {
	case "|":
		b.out = b.out[:0]
		for _, side := range [][]item{left, right} {
			for _, it := range side {
				if !e.contains(b.out, it) {
					b.out = append(b.out, it)
				}
			}
		}
		return b.out
	case "=", "!=":
		if len(left) == 0 || len(right) == 0 {
			return nil
		}
		return boolean(e.same(left, right) == (b.operator == "="))
	case "&":
		return b.concatenate(e, left, right)
	}
	if len(left) == 0 || len(right) == 0 {
		return nil
	}
	if len(left) > 1 || len(right) > 1 {
		e.fail("view: " + b.operator + " stands between several values: name one of them")
		return nil
	}
	if b.operator == "+" && left[0].kind == '"' {
		return b.concatenate(e, left, right)
	}
	switch b.operator {
	case "<", ">", "<=", ">=":
		return b.compare(left[0], right[0])
	}
	return b.calculate(left[0], right[0])
}

func logic(operator string, x, y int) int {
	switch operator {
	case "and":
		if x == no || y == no {
			return no
		}
	case "or":
		if x == yes || y == yes {
			return yes
		}
	}
	switch {
	case x == unknown || y == unknown:
		return unknown
	case operator == "and":
		return yes
	case operator == "xor" && x != y:
		return yes
	}
	return no
}

func (b *binary) one(it item) []item {
	b.out = append(b.out[:0], it)
	return b.out
}

// concatenate joins two texts; a missing one is empty.
func (b *binary) concatenate(e *Evaluator, left, right []item) []item {
	if len(left) > 1 || len(right) > 1 {
		e.fail("view: " + b.operator + " stands between several values: name one of them")
		return nil
	}
	b.text = b.text[:0]
	for _, side := range [][]item{left, right} {
		if len(side) == 1 {
			b.text = append(b.text, side[0].text...)
		}
	}
	return b.one(item{kind: '"', text: b.text})
}

func (b *binary) compare(x, y item) []item {
	order := bytes.Compare(x.text, y.text) // dates and times of one precision sort as text
	if x.kind == '0' || y.kind == '0' {
		a, c, ok := numbers(x, y)
		if !ok {
			return nil
		}
		switch {
		case a < c:
			order = -1
		case a > c:
			order = 1
		default:
			order = 0
		}
	}
	return boolean(b.operator == "<" && order < 0 || b.operator == ">" && order > 0 ||
		b.operator == "<=" && order <= 0 || b.operator == ">=" && order >= 0)
}

func (b *binary) calculate(x, y item) []item {
	a, c, ok := numbers(x, y)
	if !ok {
		return nil
	}
	var r float64
	switch b.operator {
	case "+":
		r = a + c
	case "-":
		r = a - c
	case "*":
		r = a * c
	case "/":
		r = a / c
	}
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return nil
	}
	b.text = strconv.AppendFloat(b.text[:0], r, 'f', -1, 64)
	return b.one(item{kind: '0', text: b.text})
}

func numbers(x, y item) (a, b float64, ok bool) {
	if x.kind != '0' || y.kind != '0' {
		return 0, 0, false
	}
	a, err := strconv.ParseFloat(string(x.text), 64)
	b, err2 := strconv.ParseFloat(string(y.text), 64)
	return a, b, err == nil && err2 == nil
}

func (e *Evaluator) contains(c []item, it item) bool {
	for _, o := range c {
		if e.equal(o, it) {
			return true
		}
	}
	return false
}

func (e *Evaluator) same(x, y []item) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !e.equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

// equal compares two values; objects by what they hold.
func (e *Evaluator) equal(x, y item) bool {
	if x.kind != y.kind {
		return false
	}
	switch x.kind {
	case '{':
		return e.doc.deepEqual(x.node, y.node)
	case '0':
		if !bytes.Equal(x.text, y.text) {
			a, b, ok := numbers(x, y)
			return ok && a == b
		}
		return true
	}
	return bytes.Equal(x.text, y.text)
}

func (d *Document) deepEqual(a, b int32) bool {
	x, y := &d.nodes[a], &d.nodes[b]
	if x.kind != y.kind || !bytes.Equal(x.text, y.text) {
		return false
	}
	i, j := x.child, y.child
	for i != 0 && j != 0 {
		if !bytes.Equal(d.nodes[i].name, d.nodes[j].name) || !d.deepEqual(i, j) {
			return false
		}
		i, j = d.nodes[i].next, d.nodes[j].next
	}
	return i == 0 && j == 0
}

// choiceTypes are FHIR R4's data types (https://hl7.org/fhir/R4/datatypes.html),
// by their spelling at the end of a property's name.
var choiceTypes = func() map[string]string {
	types := map[string]string{}
	for _, name := range []string{
		"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "integer64",
		"markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid",
		"Address", "Age", "Annotation", "Attachment", "CodeableConcept", "CodeableReference", "Coding", "ContactPoint", "Count",
		"Distance", "Duration", "HumanName", "Identifier", "Money", "Period", "Quantity", "Range", "Ratio", "Reference",
		"SampledData", "Signature", "Timing", "ContactDetail", "Contributor", "DataRequirement", "Expression",
		"ParameterDefinition", "RelatedArtifact", "TriggerDefinition", "UsageContext", "Dosage", "Meta",
	} {
		first, size := utf8.DecodeRuneInString(name)
		types[string(unicode.ToUpper(first))+name[size:]] = name
	}
	return types
}()
