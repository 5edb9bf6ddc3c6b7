package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"rempart.eu/rempart/intake/fhir"
	"rempart.eu/rempart/pseudonym"
)

// ViewSinks take what CheckViews makes of a file, as [Sinks] do.
type ViewSinks struct {
	Health   []io.Writer // of each view of the group, in its order
	Identity func(person int64, who pseudonym.Identity) error
	Refused  func(RowError) error
}

// CheckViews checks one file of FHIR resources, a line each
// (https://hl7.org/fhir/R4/nd-json.html), named file in errors, through all
// views of its type at once: group is one of [Feed.Groups]. A line that breaks
// a rule in one view is refused in all of them; a line from which no view makes
// a row counts as excluded. Several files of a group are checked one after the
// other. Rows are counted in lines.
func (c *Checker) CheckViews(ctx context.Context, group []Resource, file string, in io.Reader, sinks ViewSinks) (Counts, error) {
	p, err := c.viewsPlan(group, file)
	if err != nil {
		return Counts{}, err
	}
	keep := &lineKeeper{viewsPlan: p, sinks: sinks}
	for i, view := range p.views {
		if view.ordinal > 0 {
			continue
		}
		if err := writeHeader(sinks.Health[i], view.resource, file); err != nil {
			return Counts{}, err
		}
	}
	reader := &lineReader{in: in, size: c.blockSize}
	read := func(b *lineBlock) (err error) {
		*b, err = reader.next(*b)
		if err != nil && !errors.Is(err, io.EOF) {
			err = readError(file, reader.line, err)
		}
		return err
	}
	if err := pipeline(ctx, c.options.Workers, read, p.worker, keep.block); err != nil {
		if refused := (*FileError)(nil); errors.As(err, &refused) {
			return keep.counts, err
		}
		return keep.counts, fmt.Errorf("check %s: %w", file, err)
	}
	return keep.counts, c.judge(file, keep.counts, keep.first)
}

// viewsPlan is how the lines of one file are checked. All workers read it.
type viewsPlan struct {
	kind  string // of resource
	file  string
	views []*plan
	keys  [][]*keys // of each view
	texts *keys     // of accepted lines, whole
}

func (c *Checker) viewsPlan(group []Resource, file string) (*viewsPlan, error) {
	out := &viewsPlan{file: file, texts: c.texts}
	for i := range group {
		r := c.feed.Resource(group[i].Name)
		if r == nil || r.view == nil {
			return nil, fmt.Errorf("check %s: resource %q is no view of this feed: give one of Feed.Groups", file, group[i].Name)
		}
		out.kind = r.Type()
		p, err := c.plan(r, file, r.view.Columns)
		if err != nil {
			return nil, err
		}
		if c.seen[r.Name] == nil {
			for range r.watched {
				c.seen[r.Name] = append(c.seen[r.Name], &keys{})
			}
			if c.seen[r.Name] == nil {
				c.seen[r.Name] = []*keys{}
			}
		}
		p.ordinal = c.files[r.Name]
		c.files[r.Name]++
		out.views, out.keys = append(out.views, p), append(out.keys, c.seen[r.Name])
	}
	return out, nil
}

// checkedLines is a block of lines after the work.
type checkedLines struct {
	lines []lineVerdict
	views []checked // accepted rows alone
	rows  []int     // of each line and view, how many
}

// lineVerdict is what became of one line.
type lineVerdict struct {
	line    int
	text    uint64 // its hash
	refused *RowError
}

// viewWorker checks lines. Each goroutine has its own.
type viewWorker struct {
	*viewsPlan
	parser     *fhir.Parser
	evaluators []*fhir.Evaluator
	workers    []*worker
	marks      []mark
	out        *checkedLines
}

// mark is where a view's output stands.
type mark struct{ rows, health, hashes int }

func (p *viewsPlan) worker() func(lineBlock, *checkedLines) {
	w := &viewWorker{viewsPlan: p, marks: make([]mark, len(p.views))}
	var views []*fhir.View
	for _, plan := range p.views {
		e, err := plan.resource.view.Evaluator()
		if err != nil { // LoadFeed compiled it before
			panic(err)
		}
		views = append(views, plan.resource.view)
		w.evaluators = append(w.evaluators, e)
		w.workers = append(w.workers, plan.worker())
	}
	w.parser = fhir.NewParser(views...)
	return w.block
}

func (w *viewWorker) block(b lineBlock, out *checkedLines) {
	w.out = out
	out.lines, out.rows = out.lines[:0], out.rows[:0]
	if out.views == nil {
		out.views = make([]checked, len(w.views))
	}
	for i := range w.workers {
		v := &out.views[i]
		*v = checked{rows: v.rows[:0], health: v.health[:0], hashes: v.hashes[:0]}
		w.workers[i].out = v
	}
	if b.tooLong {
		w.refuse(b.line, &RowError{Rule: errLineLength.Error()})
		return
	}
	line := b.line
	for rest := b.text; len(rest) > 0; line++ {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte("\n"))
		if text = chop(text); len(text) > 0 {
			w.line(line, text)
		}
	}
}

// line checks one resource through every view.
func (w *viewWorker) line(line int, text []byte) {
	doc, err := w.parser.Parse(text)
	if err != nil {
		w.refuse(line, &RowError{Rule: err.Error()})
		return
	}
	if kind := doc.Type(); kind != w.kind {
		e := &RowError{Field: "resourceType", Rule: "resource: want " + w.kind}
		if typeName.MatchString(kind) {
			e.Value = kind
		}
		w.refuse(line, e)
		return
	}
	for i, worker := range w.workers {
		w.marks[i] = mark{len(worker.out.rows), len(worker.out.health), len(worker.out.hashes)}
	}
	var refused *RowError
	rows := 0
	for i, worker := range w.workers {
		err := w.evaluators[i].Rows(doc, func(row [][]byte) {
			if refused != nil {
				return
			}
			rows++
			worker.scan.fields = row
			worker.row(line, true)
			refused = worker.out.rows[len(worker.out.rows)-1].refused
		})
		if problem := (*fhir.RowProblem)(nil); refused == nil && errors.As(err, &problem) {
			refused = &RowError{Field: problem.Column, Rule: problem.Rule}
		}
		if refused != nil {
			break
		}
	}
	if rows == 0 && refused == nil {
		refused = &RowError{Rule: "excluded by the feed: no view takes it up", excluded: true}
	}
	if refused != nil {
		w.refuse(line, refused)
		for i, worker := range w.workers { // what was made of the line before
			m := w.marks[i]
			worker.out.rows, worker.out.health, worker.out.hashes = worker.out.rows[:m.rows], worker.out.health[:m.health], worker.out.hashes[:m.hashes]
		}
		return
	}
	w.out.lines = append(w.out.lines, lineVerdict{line: line, text: hashKey(text)})
	for i, worker := range w.workers {
		w.out.rows = append(w.out.rows, len(worker.out.rows)-w.marks[i].rows)
	}
}

// typeName is what the name of a type looks like; other texts are not quoted.
var typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{2,40}$`)

func (w *viewWorker) refuse(line int, why *RowError) {
	why.File, why.Line = w.file, line
	w.out.lines = append(w.out.lines, lineVerdict{line: line, refused: why})
	for range w.workers {
		w.out.rows = append(w.out.rows, 0)
	}
}

// lineKeeper hands verdicts on lines to the sinks, in order, and remembers keys.
type lineKeeper struct {
	*viewsPlan
	sinks  ViewSinks
	counts Counts
	first  *RowError // that was refused, and not by the feed's own rule
}

func (k *lineKeeper) block(c *checkedLines) error {
	at := make([]int, len(k.views))   // the next row of each view
	from := make([]int, len(k.views)) // of its health data not written yet
	for i := range c.lines {
		line, rows := &c.lines[i], c.rows[i*len(k.views):(i+1)*len(k.views)]
		refused := line.refused
		if refused == nil {
			refused = k.unique(c, at, rows, line)
		}
		k.counts.Rows++
		if refused != nil {
			if err := k.refuse(refused); err != nil {
				return err
			}
			if err := k.leaveOut(c, at, rows, from); err != nil {
				return err
			}
		} else if err := k.accept(c, at, rows); err != nil {
			return err
		} else {
			k.texts.add(line.text)
		}
		for v := range at {
			at[v] += rows[v]
		}
	}
	for v := range k.views {
		if err := k.write(v, c.views[v].health[from[v]:]); err != nil {
			return err
		}
	}
	return nil
}

// unique says whether the keys of a line's rows are new. A line that says again
// what an earlier one said is no fault: Bundles repeat who took part.
func (k *lineKeeper) unique(c *checkedLines, at, rows []int, line *lineVerdict) *RowError {
	for v, plan := range k.views {
		for j, set := range plan.resource.watched {
			if !set.unique {
				continue
			}
			for n := at[v]; n < at[v]+rows[v]; n++ {
				h := c.views[v].hash(n, j)
				again := h != 0 && k.keys[v][j].has(h)
				for before := at[v]; before < n && h != 0; before++ {
					again = again || c.views[v].hash(before, j) == h
				}
				if again && k.texts.has(line.text) {
					return &RowError{File: k.file, Line: line.line, Rule: "repeated: an earlier line says the same", excluded: true}
				}
				if again {
					return &RowError{File: k.file, Line: line.line, Field: set.fields[0], Rule: "unique: an earlier line has the same " + list(set.fields)}
				}
			}
		}
	}
	return nil
}

// hash is the hash of key set j of row n.
func (c *checked) hash(n, j int) uint64 { return c.hashes[c.rows[n].hashes+j] }

func (k *lineKeeper) accept(c *checkedLines, at, rows []int) error {
	k.counts.Accepted++
	for v, plan := range k.views {
		for n := at[v]; n < at[v]+rows[v]; n++ {
			row := &c.views[v].rows[n]
			for j := range plan.resource.watched {
				if h := c.views[v].hash(n, j); h != 0 {
					k.keys[v][j].add(h)
				}
			}
			if row.who == nil || k.sinks.Identity == nil {
				continue
			}
			if err := k.sinks.Identity(row.person, *row.who); err != nil {
				return fmt.Errorf("hand on an identity: %w", err)
			}
		}
	}
	return nil
}

// leaveOut writes what stands before a line that turned out to be refused.
func (k *lineKeeper) leaveOut(c *checkedLines, at, rows, from []int) error {
	for v := range k.views {
		if rows[v] == 0 {
			continue
		}
		start := 0
		if at[v] > 0 {
			start = c.views[v].rows[at[v]-1].end
		}
		if err := k.write(v, c.views[v].health[from[v]:start]); err != nil {
			return err
		}
		from[v] = c.views[v].rows[at[v]+rows[v]-1].end
	}
	return nil
}

func (k *lineKeeper) refuse(e *RowError) error {
	k.counts.Refused++
	if e.excluded {
		k.counts.Excluded++
	} else if k.first == nil {
		k.first = e
	}
	if err := k.sinks.Refused(*e); err != nil {
		return fmt.Errorf("quarantine a line: %w", err)
	}
	return nil
}

func (k *lineKeeper) write(view int, health []byte) error {
	if len(health) == 0 {
		return nil
	}
	if _, err := k.sinks.Health[view].Write(health); err != nil {
		return fmt.Errorf("write health data: %w", err)
	}
	return nil
}

// writeHeader writes the names of a resource's health columns.
func writeHeader(w io.Writer, r *Resource, file string) error {
	var names []string
	for _, column := range r.HealthColumns() {
		names = append(names, string(appendText(nil, []byte(column.Name))))
	}
	if _, err := io.WriteString(w, strings.Join(names, ",")+"\n"); err != nil {
		return fmt.Errorf("write the health data of %s: %w", file, err)
	}
	return nil
}
