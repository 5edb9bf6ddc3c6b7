package fhir

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A path is compiled by recursive descent over FHIRPath's grammar
// (https://hl7.org/fhirpath/grammar.html), lowest precedence first.

// compiler compiles one path of a view.
type compiler struct {
	view  *View
	names map[string]bool // collects the properties that paths name; nil: nobody asks
	frame *frame          // whose %rowIndex the path sees
	text  string
	rest  string
	token token
	depth int
}

type token struct {
	kind byte   // i identifier, s string, n number, d date, % constant, o operator, $ end of the text
	text string // without quotes
	at   int    // bytes into the text
}

// PathError says where a path cannot be read.
type PathError struct {
	Path    string
	At      int // bytes into the path
	Problem string
}

func (e *PathError) Error() string {
	return fmt.Sprintf("path %q, character %d: %s", e.Path, utf8.RuneCountInString(e.Path[:e.At])+1, e.Problem)
}

// maxNesting of parentheses and functions keeps a path from using up the stack.
const maxNesting = 50

func (c *compiler) compile(path string) (e expr, err error) {
	defer func() {
		if p, ok := recover().(*PathError); ok {
			err = p
		} else if r := recover(); r != nil {
			panic(r)
		}
	}()
	c.text, c.rest, c.depth = path, path, 0
	c.next()
	e = c.expression(0)
	if c.token.kind != '$' {
		c.wrong("%q does not fit here", c.token.text)
	}
	return e, nil
}

func (c *compiler) wrong(format string, args ...any) {
	panic(&PathError{Path: c.text, At: c.token.at, Problem: fmt.Sprintf(format, args...)})
}

var lexical = []struct {
	kind byte
	form *regexp.Regexp
}{
	{'i', regexp.MustCompile("^(?:[A-Za-z_][A-Za-z0-9_]*|`[^`\\\\]+`)")},
	{'s', regexp.MustCompile(`^'(?:[^'\\]|\\.)*'`)},
	{'n', regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)?`)},
	{'d', regexp.MustCompile(`^@[0-9][0-9T:+.Z-]*`)},
	{'%', regexp.MustCompile("^%(?:[A-Za-z_][A-Za-z0-9_-]*|`[^`\\\\]+`)")},
	{'o', regexp.MustCompile(`^(?:<=|>=|!=|\$this|[.,()\[\]=<>+\-*/&|{}])`)},
}

// next reads one token.
func (c *compiler) next() {
	c.rest = strings.TrimLeft(c.rest, " \t\r\n")
	c.token = token{kind: '$', at: len(c.text) - len(c.rest)}
	if c.rest == "" {
		return
	}
	for _, l := range lexical {
		if found := l.form.FindString(c.rest); found != "" {
			c.rest = c.rest[len(found):]
			c.token.kind, c.token.text = l.kind, strings.Trim(found, "`")
			switch l.kind {
			case 's':
				c.token.text = unescape(found[1 : len(found)-1])
			case 'd':
				c.token.text = found[1:]
			case '%':
				c.token.text = strings.Trim(found[1:], "`")
			}
			return
		}
	}
	c.wrong("%.1q begins nothing that is read here", c.rest)
}

var escapes = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, "\\`", "`", `\/`, `/`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\f`, "\f")

func unescape(s string) string { return escapes.Replace(s) }

func (c *compiler) is(operator string) bool {
	return (c.token.kind == 'o' || c.token.kind == 'i') && c.token.text == operator
}

func (c *compiler) take(operator string) bool {
	if !c.is(operator) {
		return false
	}
	c.next()
	return true
}

func (c *compiler) expect(operator string) {
	if !c.take(operator) {
		c.wrong("want %q", operator)
	}
}

// levels are the binary operators, loosest first.
var levels = [][]string{{"or", "xor"}, {"and"}, {"=", "!="}, {"<", ">", "<=", ">="}, {"|"}, {"+", "-", "&"}, {"*", "/"}}

func (c *compiler) expression(level int) expr {
	if c.depth++; c.depth > maxNesting*(len(levels)+1) {
		c.wrong("nested too deeply")
	}
	defer func() { c.depth-- }()
	if level == len(levels) {
		return c.unary()
	}
	left := c.expression(level + 1)
	for {
		at := slices.IndexFunc(levels[level], c.is)
		if at < 0 {
			return left
		}
		c.next()
		left = &binary{operator: levels[level][at], left: left, right: c.expression(level + 1)}
	}
}

func (c *compiler) unary() expr {
	if c.take("-") {
		if c.token.kind != 'n' {
			c.wrong("a sign stands before a number")
		}
		c.token.text = "-" + c.token.text
	}
	e := c.term()
	for {
		switch {
		case c.take("."):
			e = c.step(e, false)
		case c.take("["):
			e = c.index(e)
		default:
			return e
		}
	}
}

func (c *compiler) term() expr {
	t := c.token
	switch {
	case c.take("("):
		e := c.expression(0)
		c.expect(")")
		return e
	case c.take("{"):
		c.expect("}")
		return literal(nil)
	case c.take("$this"):
		return this{}
	case t.kind == 's' || t.kind == 'd':
		c.next()
		return literal{{kind: '"', text: []byte(t.text)}}
	case t.kind == 'n':
		c.next()
		return literal{{kind: '0', text: []byte(t.text)}}
	case t.kind == '%':
		e := c.constant(t.text)
		c.next()
		return e
	case t.kind == 'i' && (t.text == "true" || t.text == "false"):
		c.next()
		return boolean(t.text == "true")
	case t.kind == 'i':
		return c.step(this{}, true)
	}
	c.wrong("want a path, a function or a literal")
	return nil
}

func (c *compiler) constant(name string) expr {
	if name == "rowIndex" {
		return &rowIndex{frame: c.frame}
	}
	if name == "context" || name == "resource" || name == "rootResource" {
		return root{}
	}
	value, ok := c.view.constants[name]
	if !ok {
		c.wrong("the view has no constant %q", name)
	}
	return literal{value}
}

func (c *compiler) index(of expr) expr {
	n := -1
	if l, ok := c.expression(0).(literal); ok && len(l) == 1 && l[0].kind == '0' {
		if _, err := fmt.Sscanf(string(l[0].text), "%d", &n); err != nil || n < 0 {
			n = -1
		}
	}
	if n < 0 {
		c.wrong("an index is a whole number from 0")
	}
	c.expect("]")
	return &index{of: of, n: n}
}

// step is a property or a function of what stands before it.
func (c *compiler) step(of expr, leading bool) expr {
	if c.token.kind != 'i' {
		c.wrong("want a name")
	}
	name := c.token
	c.next()
	if !c.take("(") {
		if leading && name.text == c.view.Resource {
			return this{}
		}
		return c.member(of, name.text)
	}
	var arguments []expr
	var types []string // the argument as the name of a type
	for !c.is(")") {
		if len(arguments) > 0 {
			c.expect(",")
		}
		if name.text == "getReferenceKey" || name.text == "getReferenceIdentifier" || name.text == "ofType" {
			if c.token.kind != 'i' {
				c.wrong("want the name of a type")
			}
			types = append(types, c.token.text)
		}
		arguments = append(arguments, c.expression(0))
	}
	build, known := functions[name.text]
	if !known {
		c.token = name
		c.wrong("there is no function %s: known are %s", name.text, functionNames())
	}
	if n := len(arguments); n < build.least || n > build.most {
		c.token = name
		c.wrong("%s takes %d to %d arguments", name.text, build.least, build.most)
	}
	c.next()
	e, problem := build.make(of, arguments, types)
	if problem != "" {
		c.token = name
		c.wrong("%s: %s", name.text, problem)
	}
	return e
}

func (c *compiler) member(of expr, name string) expr {
	if c.names != nil {
		c.names[name] = true
	}
	return &member{of: of, name: name}
}
