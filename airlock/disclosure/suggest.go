package disclosure

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/airlock/disclosure/cells"
)

// Method is a way to make a table harmless.
type Method string

// The methods.
const (
	Suppress Method = "suppress" // hide small counts, and what gives them back
	Round    Method = "round"    // to a multiple of a number that is no less than the minimum
	Merge    Method = "merge"    // categories with small counts into one
	Strip    Method = "strip"    // of a figure: what it carries beside what is drawn
)

// Methods lists the methods, the mildest first.
func Methods() []Method { return []Method{Suppress, Merge, Round, Strip} }

// MethodsFor are those that can change a file of this name; nil where none can.
func MethodsFor(name string) []Method {
	switch kindOf(strings.ToLower(path.Ext(name))) {
	case CSV, TSV, JSON, HTML, Parquet:
		return []Method{Suppress, Merge, Round}
	case PNG, SVG:
		return []Method{Strip}
	}
	return nil
}

// Suggestion is a table or a figure as a method would leave it, examined again.
type Suggestion struct {
	Method  Method   `json:"method"`
	Changes []Change `json:"changes"` // in the order of the lines
	Report  Report   `json:"report"`  // of what it would be
	Data    []byte   `json:"-"`       // what it would be: as confidential as the output
}

// Change is one place that a suggestion changes, without any value of it.
type Change struct {
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
	Field  string `json:"field,omitempty"`
	Code   string `json:"code"` // what is done: see messages.toml
	Values Values `json:"values,omitempty"`
	What   string `json:"what"` // the same in English
}

// Merged is the label of categories that were merged.
const Merged = "other (merged)"

// ErrNoTable says that an output is none that the method can change.
var ErrNoTable = errors.New("only a table (one a file, in CSV, TSV, JSON, HTML or Parquet), and what a figure in PNG or SVG carries, can be changed: write this output otherwise in the study")

// Suggest makes a suggestion by one method. Nothing is changed by it: who asked for
// the run applies it, and what comes of it is another output.
func Suggest(o Output, rules Rules, method Method) (*Suggestion, error) {
	if err := rules.check(); err != nil {
		return nil, err
	}
	if !slices.Contains(Methods(), method) {
		return nil, fmt.Errorf("%q is no method: want one of %v", method, Methods())
	}
	if !slices.Contains(MethodsFor(o.Name), method) {
		return nil, ErrNoTable
	}
	s := &Suggestion{Method: method}
	var err error
	if method == Strip {
		s.Data, s.Changes, err = strip(o.Name, o.Data)
	} else {
		s.Data, s.Changes, err = edit(o, rules, method)
	}
	if err != nil {
		return nil, err
	}
	o.Data, o.Size = s.Data, int64(len(s.Data))
	s.Report, err = Examine(o, rules)
	return s, err
}

// strip takes out of a figure what is not drawn.
func strip(name string, data []byte) (clean []byte, changes []Change, err error) {
	if strings.HasPrefix(string(data), pngMagic) {
		return stripPNG(data)
	}
	text, ok := decode(data)
	if !ok || kindOf(strings.ToLower(path.Ext(name))) != SVG {
		return nil, nil, ErrNoTable
	}
	text, changes, err = stripSVG(text)
	return []byte(text), changes, err
}

// changed is a change of a file as a whole.
func changed(code string, pairs ...any) Change {
	c := Change{Code: code, Values: values(pairs...)}
	c.What = SayChange(languages()["en"], c)
	return c
}

// edit changes the cells of a table.
func edit(o Output, rules Rules, method Method) (data []byte, changes []Change, err error) {
	e, err := newEditor(o, rules)
	if err != nil {
		return nil, nil, err
	}
	switch method {
	case Suppress:
		e.suppress()
	case Round:
		e.round()
	case Merge:
		e.merge()
	}
	data, err = e.write()
	return data, e.changes, err
}

// editor changes the cells of one table.
type editor struct {
	rules    Rules
	declared *Declaration
	beside   *contributionTable // nil where nothing that can be read was handed in
	form     written
	was      [][]string // the cells as they came
	table    *table
	columns  []column
	dropped  []bool // rows
	changes  []Change
}

func newEditor(o Output, rules Rules) (*editor, error) {
	e := &editor{rules: rules}
	if o.Declaration != nil {
		e.declared, _ = ParseDeclaration(o.Declaration)
	}
	var err error
	if e.table, e.form, err = readForm(o, rules, kindOf(strings.ToLower(path.Ext(o.Name)))); err != nil {
		return nil, err
	}
	if e.table == nil || len(e.table.rows) == 0 || len(e.table.rows) > rules.MaxRows {
		return nil, ErrNoTable
	}
	for _, row := range e.table.rows {
		e.was = append(e.was, slices.Clone(row))
	}
	e.columns = e.table.columns()
	if o.Contributions != nil && e.declared != nil {
		e.beside, _ = readContributions(o.Contributions, e.table, e.columns, e.declared)
	}
	e.dropped = make([]bool, len(e.table.rows))
	return e, nil
}

func (e *editor) set(row int, col column, to, code string, pairs ...any) {
	if e.table.rows[row][col.index] == to {
		return
	}
	e.table.rows[row][col.index] = to
	e.change(Change{Line: e.table.lines[row], Column: col.index + 1, Field: showable(col.name), Code: code, Values: values(pairs...)})
}

func (e *editor) change(c Change) {
	c.What = SayChange(languages()["en"], c)
	e.changes = append(e.changes, c)
}

// suppress hides what needs protection and what protects it. All that is hidden
// gets the same mark, so that nobody can tell which counts are the small ones.
func (e *editor) suppress() {
	primary := map[int]bool{} // rows
	hidden := map[int]bool{}
	hide := func(row int, col column, code string) {
		hidden[row] = true
		e.set(row, col, "", code)
	}
	for _, m := range e.table.marginsOf(e.columns, e.declared) {
		e.needs(m)
		was := map[int]bool{}
		for i, c := range m.grid.Cells {
			was[i] = c.Low > 0 || c.High > 0
		}
		m.grid.Protect()
		for i, c := range m.grid.Cells {
			switch s := m.spots[i]; {
			case was[i]:
				primary[s.row] = true
				hide(s.row, s.col, "hidden")
			case c.Hidden:
				hide(s.row, s.col, "hidden_total")
			}
		}
	}
	for _, col := range byRole(e.columns, count) { // what adds up to nothing
		for row, r := range col.cells {
			if r.state != unreadable && r.small(e.rules.MinimumCell) {
				primary[row] = true
				hide(row, col, "hidden")
			}
		}
	}
	for _, col := range e.columns {
		for row := range e.table.rows {
			if col.role == share && hidden[row] || (col.role == statistic || col.role == extreme) && primary[row] && !e.isValue(col) {
				e.set(row, col, "", "hidden_derived")
			}
		}
	}
	slices.SortStableFunc(e.changes, func(a, b Change) int { return a.Line - b.Line })
}

func (e *editor) isValue(col column) bool {
	return e.declared != nil && slices.Contains(e.declared.Values, col.name)
}

// needs says of each cell how far it must be protected.
func (e *editor) needs(m *margins) {
	least := float64(e.rules.MinimumCell)
	value := e.isValue(m.columns[0])
	for i := range m.grid.Cells {
		c := &m.grid.Cells[i]
		switch {
		case value && !c.Hidden:
			*c = e.rules.Dominance.Sum(c.Value, e.largest(m, i))
		case value: // hidden already: how far is not known
		case c.Hidden:
			*c = cells.Cell{Value: math.NaN(), Hidden: true, Most: math.Inf(1), Low: least, High: least}
		default:
			*c = cells.Count(c.Value, e.rules.MinimumCell)
		}
	}
}

// largest are the contributions to a sum, by what the run handed in beside.
func (e *editor) largest(m *margins, cell int) []float64 {
	if e.beside == nil {
		return nil
	}
	at := m.spots[cell]
	row, ok := e.beside.rows[e.beside.key(e.table.rows[at.row], 0)]
	if !ok {
		return nil
	}
	return contributions(row, rankedColumns(e.beside.table.header, at.col.name))
}

// base is the number to whose multiples counts are rounded.
func (e *editor) base() int {
	for _, b := range []int{5, 10, 20, 50, 100, 200, 500, 1000} {
		if b >= e.rules.MinimumCell {
			return b
		}
	}
	return e.rules.MinimumCell
}

func (e *editor) round() {
	base := float64(e.base())
	for row := range e.table.rows {
		for _, col := range e.columns {
			switch v, ok := col.cells[row].value(); {
			case col.role == count && ok:
				e.set(row, col, strconv.FormatFloat(math.Round(v/base)*base, 'f', -1, 64), "rounded", "base", base)
			case col.role == share:
				e.set(row, col, "", "hidden_share")
			}
		}
	}
}

// merge joins, within each group of the other labels, the categories of the column
// that divides last whose counts are small; and the smallest other one where these are
// too few still.
func (e *editor) merge() {
	counts := byRole(e.columns, count)
	at := -1
	var others []column
	for _, col := range e.columns {
		if col.role != count && col.divides(e.table.rows) {
			if at >= 0 {
				others = append(others, e.columns[at])
			}
			at = col.index
		}
	}
	if at < 0 || len(counts) == 0 {
		return
	}
	groups, order := map[string][]int{}, []string{}
	for row, r := range e.table.rows {
		if slices.ContainsFunc(r, isTotal) {
			continue
		}
		var key []string
		for _, o := range others {
			key = append(key, normal(r[o.index]))
		}
		k := strings.Join(key, "\x00")
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], row)
	}
	for _, k := range order {
		e.mergeRows(groups[k], e.columns[at], counts)
	}
}

func (e *editor) mergeRows(rows []int, label column, counts []column) {
	size := func(row int) (n float64) {
		for _, c := range counts {
			v, _ := c.cells[row].value()
			n += v
		}
		return n
	}
	least := float64(e.rules.MinimumCell)
	sums := make([]float64, len(counts))
	var joined []int
	join := func(row int) {
		joined = append(joined, row)
		for k, c := range counts {
			v, _ := c.cells[row].value()
			sums[k] += v
		}
	}
	rest := []int{}
	for _, row := range rows {
		if slices.ContainsFunc(counts, func(c column) bool { return c.cells[row].small(e.rules.MinimumCell) || c.cells[row].state != number }) {
			join(row)
		} else {
			rest = append(rest, row)
		}
	}
	if len(joined) == 0 {
		return
	}
	slices.SortStableFunc(rest, func(a, b int) int { return int(math.Copysign(1, size(a)-size(b))) })
	short := func() bool {
		return len(joined) < 2 || slices.ContainsFunc(sums, func(n float64) bool { return n > 0 && n < least })
	}
	for short() && len(rest) > 0 {
		join(rest[0])
		rest = rest[1:]
	}
	if short() {
		return
	}
	slices.Sort(joined)
	to := joined[0]
	for _, row := range joined[1:] {
		e.dropped[row] = true
		e.change(Change{Line: e.table.lines[row], Code: "merged_into", Values: values("line", e.table.lines[to])})
	}
	e.set(to, label, Merged, "merged")
	for _, col := range e.columns {
		k := slices.IndexFunc(counts, func(c column) bool { return c.index == col.index })
		switch {
		case k >= 0:
			e.set(to, col, strconv.FormatFloat(sums[k], 'f', -1, 64), "sum")
		case col.index != label.index && !col.divides(e.table.rows):
			e.set(to, col, "", "hidden_parts")
		}
	}
}

func (e *editor) write() ([]byte, error) {
	var kept []int
	for i, dropped := range e.dropped {
		if !dropped {
			kept = append(kept, i)
		}
	}
	return e.form.write(e.table, e.was, kept)
}
