package fhir

import "fmt"

// Evaluator gives the rows of a view. Each goroutine needs its own.
type Evaluator struct {
	view    *View
	doc     *Document
	root    [1]item
	whole   *frame
	where   []expr
	run     step
	row     [][]byte
	yield   func(row [][]byte)
	column  int // being evaluated
	problem *RowProblem
}

// RowProblem says why a resource gives no rows: a path found several values, or
// an object, where a row has room for one value.
type RowProblem struct {
	Column string // "" where a condition is to blame
	Rule   string
}

func (p *RowProblem) Error() string { return p.Column + ": " + p.Rule }

// frame is what a select and its columns look at: the resource, or one element
// of a forEach.
type frame struct {
	in    []item
	index int
}

// step is a part of making a row; the steps that follow are compiled into it.
type step func(e *Evaluator)

// Evaluator compiles the view.
func (v *View) Evaluator() (*Evaluator, error) { return v.compile(nil) }

func (v *View) compile(names map[string]bool) (*Evaluator, error) {
	e := &Evaluator{view: v, whole: &frame{}, row: make([][]byte, len(v.Columns)), column: -1}
	e.root[0] = item{kind: '{'}
	e.whole.in = e.root[:]
	c := &compiler{view: v, names: names, frame: e.whole}
	for _, path := range v.where {
		condition, err := c.compile(path)
		if err != nil {
			return nil, fmt.Errorf("where: %w", err)
		}
		e.where = append(e.where, condition)
	}
	at := 0
	run, err := c.selection(selection{Select: v.selects}, e.whole, &at, func(e *Evaluator) {
		if e.problem == nil {
			e.yield(e.row)
		}
	})
	e.run = run
	return e, err
}

// selection compiles a select whose rows go on to then. at is the place of its
// first column among the view's.
func (c *compiler) selection(s selection, outer *frame, at *int, then step) (step, error) {
	path, orNull := s.ForEach, false
	if s.ForEachOrNull != "" {
		if path != "" {
			return nil, fmt.Errorf("a select has forEach and forEachOrNull: give one of them")
		}
		path, orNull = s.ForEachOrNull, true
	}
	own := outer
	var each expr
	if path != "" {
		c.frame = outer
		var err error
		if each, err = c.compile(path); err != nil {
			return nil, err
		}
		own = &frame{}
	}
	columns, err := c.columns(s.Column, own, at)
	if err != nil {
		return nil, err
	}
	// The places of columns are counted in order; the steps are chained from the last.
	starts := make([]int, len(s.Select))
	for i, inner := range s.Select {
		starts[i] = *at
		names, err := columnsOf(inner)
		if err != nil {
			return nil, err
		}
		*at += len(names)
	}
	next := then
	if len(s.UnionAll) > 0 {
		if next, err = c.union(s.UnionAll, own, at, then); err != nil {
			return nil, err
		}
	}
	for i := len(s.Select) - 1; i >= 0; i-- {
		if next, err = c.selection(s.Select[i], own, &starts[i], next); err != nil {
			return nil, err
		}
	}
	body := withColumns(columns, own, next)
	if each == nil {
		return body, nil
	}
	return forEach(each, outer, own, orNull, body), nil
}

func (c *compiler) union(branches []selection, own *frame, at *int, then step) (step, error) {
	var steps []step
	end := *at
	for _, branch := range branches {
		start := *at
		one, err := c.selection(branch, own, &start, then)
		if err != nil {
			return nil, err
		}
		steps, end = append(steps, one), start
	}
	*at = end
	return func(e *Evaluator) {
		for _, one := range steps {
			one(e)
		}
	}, nil
}

// cell is a compiled column.
type cell struct {
	place int
	path  expr
}

func (c *compiler) columns(columns []column, own *frame, at *int) ([]cell, error) {
	var cells []cell
	for _, column := range columns {
		c.frame = own
		path, err := c.compile(column.Path)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", column.Name, err)
		}
		cells = append(cells, cell{*at, path})
		*at++
	}
	return cells, nil
}

func withColumns(cells []cell, own *frame, next step) step {
	if len(cells) == 0 {
		return next
	}
	return func(e *Evaluator) {
		for i := range cells {
			e.fill(&cells[i], own)
			if e.problem != nil {
				return
			}
		}
		next(e)
	}
}

func forEach(each expr, outer, own *frame, orNull bool, body step) step {
	return func(e *Evaluator) {
		items := each.eval(e, outer.in)
		for i := range items {
			if e.problem != nil {
				return
			}
			own.in, own.index = items[i:i+1], i
			body(e)
		}
		if len(items) == 0 && orNull {
			own.in, own.index = nil, 0
			body(e)
		}
	}
}

// fill evaluates one column.
func (e *Evaluator) fill(c *cell, own *frame) {
	e.column = c.place
	values := c.path.eval(e, own.in)
	switch {
	case len(values) == 0:
		e.row[c.place] = nil
	case len(values) > 1:
		e.fail("view: the path finds several values: add first() or join(), or use forEach")
	case values[0].kind == '{':
		e.fail("view: the path finds an object: name one of its properties")
	default:
		e.row[c.place] = values[0].text
	}
	e.column = -1
}

// fail notes why the resource gives no rows.
func (e *Evaluator) fail(rule string) {
	if e.problem != nil {
		return
	}
	e.problem = &RowProblem{Rule: rule}
	if e.column >= 0 {
		e.problem.Column = e.view.Columns[e.column]
	}
}

// Rows hands each row of a resource to yield, in order: the texts of the view's
// columns, nil where there is none. A row is good until yield returns. The
// resource is one of the view's type; the error is a *RowProblem.
func (e *Evaluator) Rows(doc *Document, yield func(row [][]byte)) error {
	e.doc, e.yield, e.problem = doc, yield, nil
	e.whole.index = 0
	keep := true
	for _, condition := range e.where {
		keep = keep && e.judge(condition.eval(e, e.whole.in)) == yes
	}
	if keep && e.problem == nil {
		e.run(e)
	}
	if e.problem != nil {
		return e.problem
	}
	return nil
}
