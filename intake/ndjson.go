package intake

import (
	"bytes"
	"errors"
	"regexp"
	"slices"

	"rempart.eu/rempart/intake/fhir"
)

// ndjson is a file of FHIR resources, a line each, that is read through all
// views of its type at once (https://hl7.org/fhir/R4/nd-json.html).
type ndjson struct {
	opening
	reader *lineReader
}

func openNDJSON(o opening) (rows, error) {
	for _, p := range o.plans {
		columns := p.resource.view.Columns
		for i := range p.resource.Fields {
			p.at[i] = slices.Index(columns, p.resource.Fields[i].Name)
		}
		p.width = len(columns)
	}
	return &ndjson{o, &lineReader{in: o.in, size: o.size, line: 1}}, nil
}

func (f *ndjson) next(old block) (block, error) { return f.reader.next(old) }

func (f *ndjson) line() int { return f.reader.line }

func (f *ndjson) splitter() splitter {
	s := &lineSplitter{marks: make([]mark, len(f.plans))}
	var views []*fhir.View
	for _, p := range f.plans {
		e, err := p.resource.view.Evaluator()
		if err != nil { // LoadFeed has compiled it
			panic(err)
		}
		views = append(views, p.resource.view)
		s.evaluators = append(s.evaluators, e)
	}
	s.kind = views[0].Resource
	s.parser = fhir.NewParser(views...)
	return s
}

// lineSplitter makes the rows of lines. A line that is refused, in whichever
// view, is refused in the first one and has no row in the others.
type lineSplitter struct {
	kind       string // of resource
	parser     *fhir.Parser
	evaluators []*fhir.Evaluator
	marks      []mark
}

// mark is where a view's output stands.
type mark struct{ verdicts, rows, hashes int }

func (s *lineSplitter) split(b block, to []*worker) error {
	if b.tooLong {
		to[0].fields = nil
		to[0].refuse(b.line, &RowError{Rule: "line: want 16 MiB or less"})
		return nil
	}
	line := b.line
	for rest := b.text; len(rest) > 0; line++ {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte("\n"))
		if text = chop(text); len(text) == 0 {
			continue
		}
		for i, w := range to {
			s.marks[i] = mark{len(w.out.verdicts), w.out.rows.Len(), len(w.out.hashes)}
			w.zeros = true
		}
		refused := s.line(line, text, to)
		if refused == nil {
			continue
		}
		var names *personNames // of a refused line, too: other files may name that person
		for i, w := range to { // what was made of the line before
			m := s.marks[i]
			for _, v := range w.out.verdicts[m.verdicts:] {
				if v.names != nil {
					names = v.names
				}
			}
			w.out.verdicts, w.out.hashes = w.out.verdicts[:m.verdicts], w.out.hashes[:m.hashes]
			w.out.rows.Truncate(m.rows)
		}
		to[0].fields = nil // they may be those of an earlier line
		to[0].refuse(line, refused)
		to[0].out.verdicts[len(to[0].out.verdicts)-1].names = names
	}
	return nil
}

// line makes the rows of one resource through every view, or says why not.
func (s *lineSplitter) line(line int, text []byte, to []*worker) *RowError {
	doc, err := s.parser.Parse(text)
	if err != nil {
		return &RowError{Rule: err.Error()}
	}
	if kind := doc.Type(); kind != s.kind {
		e := &RowError{Field: "resourceType", Rule: "resource: want " + s.kind}
		if typeName.MatchString(kind) {
			e.Value = kind
		}
		return e
	}
	var refused *RowError
	count, hash := 0, hashKey(text)
	for i, w := range to {
		err := s.evaluators[i].Rows(doc, func(row [][]byte) {
			if refused != nil {
				return
			}
			count++
			w.row(line, row)
			v := &w.out.verdicts[len(w.out.verdicts)-1]
			v.text, refused = hash, v.refused
		})
		if problem := (*fhir.RowProblem)(nil); refused == nil && errors.As(err, &problem) {
			refused = &RowError{Field: problem.Column, Rule: problem.Rule}
		}
		if refused != nil {
			return refused
		}
	}
	if count == 0 {
		return &RowError{Rule: "excluded by the feed: no view takes it up", excluded: true}
	}
	return nil
}

// typeName is what the name of a type looks like; other texts are not quoted.
var typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{2,40}$`)
