package disclosure

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rempart.eu/rempart/engine"
)

// A table that a method has changed is written in the form that it came in. A file is read here as the rules read it, and
// is changed only where it is one table and nothing that the table does not say: what is written again is examined
// again, so a form that is written wrongly lets nothing out.

// written is how a table came, and how it is written again.
type written interface {
	// write writes the kept rows of a table; was are its cells before they were changed.
	write(t *table, was [][]string, kept []int) ([]byte, error)
}

// readForm reads a file that is one table.
func readForm(o Output, rules Rules, kind Kind) (*table, written, error) {
	if int64(len(o.Data)) > rules.MaxBytes {
		return nil, nil, ErrNoTable
	}
	if kind == Parquet {
		return parquetForm(o.Data, rules)
	}
	text, ok := decode(o.Data)
	if !ok {
		return nil, nil, ErrNoTable
	}
	switch kind {
	case CSV, TSV:
		return delimitedForm(text, kind)
	case JSON:
		return jsonForm(text, rules)
	case HTML:
		return htmlForm(text, rules)
	}
	return nil, nil, ErrNoTable
}

// delimited is CSV, by its delimiter.
type delimited rune

func delimitedForm(text string, kind Kind) (t *table, _ written, _ error) {
	candidates := delimiters
	if kind == TSV {
		candidates = []rune{'\t'}
	}
	var by delimited
	for _, d := range candidates {
		if read, err := parseCSV(text, d); err == nil && (t == nil || len(read.header) > len(t.header)) {
			t, by = read, delimited(d)
		}
	}
	return t, by, nil
}

func (d delimited) write(t *table, _ [][]string, kept []int) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = rune(d)
	err := w.Write(t.header)
	for _, i := range kept {
		err = errors.Join(err, w.Write(t.rows[i]))
	}
	w.Flush()
	return b.Bytes(), errors.Join(err, w.Error())
}

// jsonTable is records, one a line where they came so, or columns and data as pandas writes them.
type jsonTable struct {
	split, lines, index bool
	values              [][]string // of each cell, as JSON
}

func jsonForm(text string, rules Rules) (*table, written, error) {
	if brokenJSON(text) > 0 {
		return nil, nil, ErrNoTable
	}
	p := jsonParser{decoder: json.NewDecoder(strings.NewReader(text)), text: text, line: 1}
	p.decoder.UseNumber()
	var roots []node
	for p.decoder.More() {
		n, err := p.value("$", "", 0)
		if err != nil || len(roots) > rules.MaxRows {
			return nil, nil, ErrNoTable
		}
		roots = append(roots, n)
	}
	f := &jsonTable{lines: len(roots) != 1}
	root := node{shape: arrayShape, items: roots, line: 1}
	if !f.lines {
		root = roots[0]
	}
	if len(root.items) > rules.MaxRows {
		return nil, nil, ErrNoTable
	}
	if t := root.split(); t != nil && root.shape == objectShape {
		return t, f, f.readSplit(root)
	}
	t := root.records()
	if t == nil {
		return nil, nil, ErrNoTable
	}
	return t, f, f.readRecords(root, t)
}

// readSplit takes in the values, where there is nothing beside them but a count of the rows.
func (f *jsonTable) readSplit(root node) error {
	f.split = true
	for _, field := range root.fields {
		switch field.key {
		case "columns":
		case "data":
			for _, row := range field.items {
				var values []string
				for _, cell := range row.items {
					values = append(values, cell.json())
				}
				f.values = append(f.values, values)
			}
		case "index":
			f.index = true
			for i, n := range field.items {
				if n.scalar != strconv.Itoa(i) {
					return ErrNoTable
				}
			}
		default:
			return ErrNoTable
		}
	}
	if len(root.fields) > 3 { // one of them twice
		return ErrNoTable
	}
	return nil
}

// readRecords takes in the values, where no record holds more than a row of the table.
func (f *jsonTable) readRecords(root node, t *table) error {
	for _, record := range root.items {
		values := make([]string, len(t.header))
		for _, field := range record.fields {
			at := slices.Index(t.header, field.key)
			if at < 0 || values[at] != "" || field.shape == objectShape || field.shape == arrayShape {
				return ErrNoTable
			}
			values[at] = field.json()
		}
		f.values = append(f.values, values)
	}
	return nil
}

// json is a value that is no object and no array, as JSON.
func (n node) json() string {
	switch n.shape {
	case numberShape:
		return n.scalar
	case stringShape:
		return quoted(n.scalar)
	}
	return n.literal
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(raw)
}

func (f *jsonTable) write(t *table, was [][]string, kept []int) ([]byte, error) {
	cell := func(row, col int) string {
		now := t.rows[row][col]
		switch {
		case now == was[row][col] && f.values[row][col] != "":
			return f.values[row][col]
		case now == "":
			return "null"
		case json.Valid([]byte(now)) && read(now).state == number:
			return now
		}
		return quoted(now)
	}
	var rows []string
	for _, i := range kept {
		var cells []string
		for k, name := range t.header {
			if value := cell(i, k); f.split {
				cells = append(cells, value)
			} else {
				cells = append(cells, quoted(name)+":"+value)
			}
		}
		around := "{%s}"
		if f.split {
			around = "[%s]"
		}
		rows = append(rows, fmt.Sprintf(around, strings.Join(cells, ",")))
	}
	switch {
	case f.split:
		var names, numbers []string
		for _, name := range t.header {
			names = append(names, quoted(name))
		}
		for i := range kept {
			numbers = append(numbers, strconv.Itoa(i))
		}
		index := ""
		if f.index {
			index = `"index":[` + strings.Join(numbers, ",") + "],"
		}
		return []byte(`{"columns":[` + strings.Join(names, ",") + "]," + index + "\"data\":[\n" + strings.Join(rows, ",\n") + "\n]}\n"), nil
	case f.lines:
		return []byte(strings.Join(rows, "\n") + "\n"), nil
	}
	return []byte("[\n" + strings.Join(rows, ",\n") + "\n]\n"), nil
}

// htmlTable is the one table of a page; what stands around it stays.
type htmlTable struct{ root, table *html.Node }

func htmlForm(text string, rules Rules) (*table, written, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, nil, ErrNoTable
	}
	f := &htmlTable{root: root}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "table" {
			if f.table != nil {
				return nil, nil, ErrNoTable
			}
			f.table = n
		}
	}
	if f.table == nil {
		return nil, nil, ErrNoTable
	}
	c := newChecker(rules)
	t := c.htmlTable(f.table)
	if t == nil || c.report.Verdict == Refused {
		return nil, nil, ErrNoTable
	}
	return t, f, nil
}

func (f *htmlTable) write(t *table, _ [][]string, kept []int) ([]byte, error) {
	for child := f.table.FirstChild; child != nil; {
		next := child.NextSibling
		if child.DataAtom != atom.Caption {
			f.table.RemoveChild(child)
		}
		child = next
	}
	add := func(to *html.Node, name atom.Atom) *html.Node {
		n := &html.Node{Type: html.ElementNode, Data: name.String(), DataAtom: name}
		to.AppendChild(n)
		return n
	}
	row := func(to *html.Node, cell atom.Atom, texts []string) {
		tr := add(to, atom.Tr)
		for _, text := range texts {
			add(tr, cell).AppendChild(&html.Node{Type: html.TextNode, Data: text})
		}
	}
	row(add(f.table, atom.Thead), atom.Th, t.header)
	body := add(f.table, atom.Tbody)
	for _, i := range kept {
		row(body, atom.Td, t.rows[i])
	}
	var b bytes.Buffer
	err := html.Render(&b, f.root)
	return b.Bytes(), err
}

// parquetTable is a flat table with the types that its columns had.
type parquetTable []string // DuckDB's names of them

func parquetForm(data []byte, rules Rules) (t *table, f written, err error) {
	c := newChecker(rules)
	if t, err = c.readParquet(data); err != nil || t == nil || len(t.header) < 2 {
		return nil, nil, ErrNoTable
	}
	names := map[string]bool{}
	for _, name := range t.header {
		if names[strings.ToLower(name)] { // one name for the engine
			return nil, nil, ErrNoTable
		}
		names[strings.ToLower(name)] = true
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, nil, ErrNoTable
	}
	var types parquetTable
	for _, field := range file.Schema().Fields() {
		types = append(types, engineType(field.Type()))
	}
	return t, types, nil
}

// engineType is the type of a plain column in DuckDB.
func engineType(of parquet.Type) string {
	switch name := of.String(); {
	case name == "BOOLEAN" || name == "DATE" || name == "DOUBLE" || name == "FLOAT":
		return name
	case name == "INT32" || name == "INT(32,true)":
		return "INTEGER"
	case strings.HasPrefix(name, "INT"):
		return "BIGINT"
	}
	return "VARCHAR"
}

// fits says whether a text is a value of a type of the engine's; "" is none.
func fits(text, of string) bool {
	var err error
	switch {
	case text == "" || of == "VARCHAR":
	case of == "INTEGER":
		_, err = strconv.ParseInt(text, 10, 32)
	case of == "BIGINT":
		_, err = strconv.ParseInt(text, 10, 64)
	case of == "BOOLEAN":
		_, err = strconv.ParseBool(text)
	case of == "DATE":
		_, err = time.Parse(time.DateOnly, text)
	default:
		_, err = strconv.ParseFloat(text, 64)
	}
	return err == nil
}

// write writes Parquet again. A column that holds a label now which its type has no room for is one of texts.
func (f parquetTable) write(t *table, was [][]string, kept []int) (_ []byte, err error) {
	rows, err := delimited(',').write(t, was, kept)
	if err != nil {
		return nil, err
	}
	var columns []engine.Column
	for k, name := range t.header {
		of := f[k]
		for _, i := range kept {
			if !fits(t.rows[i][k], of) {
				of = "VARCHAR"
			}
		}
		columns = append(columns, engine.Column{Name: name, Type: of})
	}
	ctx := context.Background() // a table that a file may hold takes moments
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.LoadCSV(ctx, "changed", columns, bytes.NewReader(rows)); err != nil {
		return nil, fmt.Errorf("write the table as Parquet: %w", err)
	}
	var b bytes.Buffer
	err = db.CopyOut(ctx, "FROM changed", engine.Parquet, &b)
	return b.Bytes(), err
}
