package disclosure

import (
	"encoding/json"
	"fmt"
	"strings"
)

// node is a JSON value with its place. Exactly one of fields, items and scalar
// holds what it is; scalar is the text of a number or a string.
type node struct {
	line    int
	path    string // "$.counts.M", with [] for a place in an array
	key     string // the last name on the path
	fields  []node // of an object, in order, repeated names included
	items   []node // of an array
	scalar  string
	literal string // true, false or null
	shape   shape
}

type shape int

const (
	objectShape shape = iota
	arrayShape
	numberShape
	stringShape
	otherShape // true, false, null
)

// maxNames is how many names the records of one list may have together.
const maxNames = 1_000

// deepest is how far JSON may nest.
const deepest = 64

// checkJSON examines one JSON text, or one a line (NDJSON).
func (c *checker) checkJSON(text string) {
	if line := brokenJSON(text); line > 0 {
		c.refuse(place{line: line}, "broken_json")
		return
	}
	p := jsonParser{decoder: json.NewDecoder(strings.NewReader(text)), text: text, line: 1}
	p.decoder.UseNumber()
	var roots []node
	for p.decoder.More() {
		n, err := p.value("$", "", 0)
		if err != nil {
			c.refuse(place{line: p.line}, "broken_deep", "n", deepest)
			return
		}
		roots = append(roots, n)
	}
	if len(roots) == 1 {
		c.checkNode(roots[0], false)
		return
	}
	c.checkNode(node{shape: arrayShape, items: roots, path: "$", line: 1}, false)
}

// brokenJSON returns the 1-based line of the first fault, or 0.
func brokenJSON(text string) int {
	if json.Valid([]byte(text)) {
		return 0
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.TrimSpace(line) != "" && !json.Valid([]byte(line)) {
			return number
		}
	}
	return 0
}

type jsonParser struct {
	decoder *json.Decoder
	text    string
	at      int // bytes of text whose lines are counted
	line    int
}

func (p *jsonParser) token() (json.Token, error) {
	t, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	offset := int(p.decoder.InputOffset())
	p.line += strings.Count(p.text[p.at:offset], "\n")
	p.at = offset
	return t, nil
}

func (p *jsonParser) value(path, key string, depth int) (node, error) {
	if depth > deepest {
		return node{}, fmt.Errorf("deeper than %d levels", deepest)
	}
	t, err := p.token()
	if err != nil {
		return node{}, err
	}
	n := node{line: p.line, path: path, key: key}
	switch v := t.(type) {
	case json.Delim:
		if v == '[' {
			n.shape = arrayShape
			for p.decoder.More() {
				item, err := p.value(path+"[]", key, depth+1)
				if err != nil {
					return node{}, err
				}
				n.items = append(n.items, item)
			}
		} else {
			for p.decoder.More() {
				name, err := p.token()
				if err != nil {
					return node{}, err
				}
				k, _ := name.(string)
				field, err := p.value(path+"."+k, k, depth+1)
				if err != nil {
					return node{}, err
				}
				n.fields = append(n.fields, field)
			}
		}
		_, err = p.token()
		return n, err
	case json.Number:
		n.shape, n.scalar = numberShape, v.String()
	case string:
		n.shape, n.scalar = stringShape, v
	default:
		n.shape, n.literal = otherShape, "null"
		if v != nil {
			n.literal = fmt.Sprint(v)
		}
	}
	return n, nil
}

func (n node) place() place { return place{line: n.line, field: showable(n.path)} }

// checkNode examines a value; counted says that a name above it is a count's.
func (c *checker) checkNode(n node, counted bool) {
	switch roleOf(n.key) {
	case count:
		counted = true
	case dimension, statistic, share, extreme:
		counted = false
	}
	switch n.shape {
	case objectShape:
		if t := n.split(); t != nil {
			c.checkTable(t)
			return
		}
		if len(n.fields) > c.rules.MaxRows {
			c.refuse(n.place(), "rows_names", "n", c.rules.MaxRows)
			n.fields = n.fields[:c.rules.MaxRows]
		}
		for _, f := range n.fields {
			c.checkWords(place{line: f.line}, f.key)
			if roleOf(f.key) == identifier {
				c.refuse(f.place(), "identifier-column_field")
			}
			c.checkNode(f, counted)
		}
	case arrayShape:
		if len(n.items) > c.rules.MaxRows {
			c.refuse(n.place(), "rows_values", "n", c.rules.MaxRows)
			n.items = n.items[:c.rules.MaxRows]
		}
		if t := n.records(); t != nil {
			c.checkTable(t)
			for _, item := range n.items {
				c.checkNested(item, counted)
			}
			return
		}
		for _, item := range n.items {
			c.checkNode(item, counted)
		}
	default:
		c.checkScalar(n, counted)
	}
}

// checkNested examines what a record holds beside the cells of its table.
func (c *checker) checkNested(record node, counted bool) {
	for _, f := range record.fields {
		if f.shape == objectShape || f.shape == arrayShape {
			c.checkNode(f, counted)
		}
	}
}

func (c *checker) checkScalar(n node, counted bool) {
	at := n.place()
	if n.shape == otherShape {
		return
	}
	c.checkWords(at, n.scalar)
	r := read(n.scalar)
	switch {
	case counted && n.shape == numberShape, counted && r.state == under, counted && r.state == number:
		c.checkCount(at, r)
	case n.shape == numberShape && roleOf(n.key) == unknown && r.whole() && r.small(c.rules.MinimumCell):
		c.review(at, "small-number_value", "minimum", c.rules.MinimumCell)
	case n.shape == stringShape:
		c.checkSentence(at, n.scalar)
	}
}

// records reads an array of objects as a table with a column per name, or
// returns nil where it is none.
func (n node) records() *table {
	if len(n.items) < 2 {
		return nil
	}
	t := &table{records: true, headerLine: n.line}
	index := map[string]int{}
	for _, item := range n.items {
		if item.shape != objectShape {
			return nil
		}
		for _, f := range item.fields {
			if _, known := index[f.key]; !known && f.shape != objectShape && f.shape != arrayShape {
				index[f.key] = len(t.header)
				t.header = append(t.header, f.key)
			}
		}
	}
	if len(t.header) == 0 || len(t.header) > maxNames {
		return nil
	}
	for _, item := range n.items {
		row := make([]string, len(t.header))
		for _, f := range item.fields {
			if i, ok := index[f.key]; ok {
				row[i] = f.scalar
			}
		}
		t.rows = append(t.rows, row)
		t.lines = append(t.lines, item.line)
	}
	return t
}

// split reads {"columns": […], "data": [[…], …]}, as pandas writes it, or
// returns nil where it is none.
func (n node) split() *table {
	var header, data *node
	for i := range n.fields {
		switch n.fields[i].key {
		case "columns":
			header = &n.fields[i]
		case "data":
			data = &n.fields[i]
		}
	}
	if header == nil || data == nil {
		return nil
	}
	t := &table{records: true, headerLine: header.line}
	for _, h := range header.items {
		t.header = append(t.header, h.scalar)
	}
	for _, item := range data.items {
		if len(item.items) != len(t.header) {
			return nil
		}
		row := make([]string, len(t.header))
		for i, cell := range item.items {
			if row[i] = cell.scalar; cell.shape == objectShape || cell.shape == arrayShape {
				return nil
			}
		}
		t.rows = append(t.rows, row)
		t.lines = append(t.lines, item.line)
	}
	if len(t.header) == 0 || len(t.rows) == 0 {
		return nil
	}
	return t
}
