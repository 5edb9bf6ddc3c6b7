package intake

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"rempart.eu/rempart/pseudonym"
)

// plan is how the rows of one file are checked. It is read by all workers.
type plan struct {
	resource   *Resource
	file       string
	at         []int // place of each field of the resource in the file; -1 where the file lacks it
	columns    int   // of the file
	pseudonyms Pseudonyms
	exclude    []exclude
	references []reference
	person     int        // place of the person's key among the fields; -1
	persons    *reference // the identities' file, where the rows must have theirs
	watched    [][]int    // fields of each key set
	traits     bool
	ordinal    int // of the file among its resource's
}

type exclude struct {
	field  int
	values map[string]bool
	rule   string
}

type reference struct {
	fields []int
	to     *keys
	rule   string
}

// verdict is what became of one row.
type verdict struct {
	line    int
	end     int // of its health data in the block's
	refused *RowError
	hashes  int // where its hashes start; see checked
	person  int64
	who     *pseudonym.Identity // nil where the resource has no traits
}

// checked is a block after the work.
type checked struct {
	rows   []verdict
	health []byte
	hashes []uint64 // of the key sets that the resource is watched for; 0 where a part is missing
	err    error    // stops the file
}

// worker checks rows. Each goroutine has its own.
type worker struct {
	*plan
	scan    scanner
	values  [][]byte // normal forms of the row's fields; nil where a value is missing
	scratch []byte
	parts   [][]byte
	numbers *memo[int64]
	hashed  []*memo[string] // per field
	out     *checked
}

func (p *plan) worker() *worker {
	w := &worker{plan: p, values: make([][]byte, len(p.at)), hashed: make([]*memo[string], len(p.at))}
	w.scan = scanner{delimiter: p.resource.delimiter, columns: p.columns, text: make([]byte, 0, 1024)}
	w.numbers = newMemo(p.pseudonyms.Person)
	for i := range p.resource.Fields {
		if f := &p.resource.Fields[i]; f.Role == Key {
			w.hashed[i] = newMemo(func(value string) string { return p.pseudonyms.Key(f.Domain, value) })
		}
	}
	return w
}

// block checks every row of a block into out, whose memory it uses again.
func (w *worker) block(b block, out *checked) {
	w.out = out
	*out = checked{out.rows[:0], out.health[:0], out.hashes[:0], w.encoding(b)}
	if out.err != nil {
		return
	}
	zeros := bytes.IndexByte(b.text, 0) >= 0
	line := b.line
	for rest := b.text; len(rest) > 0; {
		size, is := w.scan.next(rest, true)
		row := rest[:size]
		rest = rest[size:]
		switch is {
		case blank:
		case broken:
			w.refuse(line, &RowError{Rule: w.scan.problem})
		case plain:
			w.scan.split(chop(bytes.TrimSuffix(row, []byte("\n"))))
			fallthrough
		default:
			w.row(line, zeros)
		}
		if is == quoted {
			line += bytes.Count(row, []byte("\n"))
		} else {
			line++
		}
	}
}

// row checks the row in w.scan.fields and keeps its verdict.
func (w *worker) row(line int, zeros bool) {
	start := len(w.out.health)
	v := verdict{line: line, hashes: len(w.out.hashes)}
	refused := w.shape(zeros)
	if refused == nil {
		refused = w.normalise()
	}
	if refused == nil {
		refused = w.related()
	}
	if refused != nil {
		w.refuse(line, refused)
		return
	}
	w.out.health = strconv.AppendInt(w.out.health, int64(w.ordinal)<<40|int64(line), 10)
	if w.person >= 0 {
		v.person = w.numbers.get(w.values[w.person])
		w.out.health = strconv.AppendInt(append(w.out.health, ','), v.person, 10)
	}
	if refused := w.health(); refused != nil {
		w.out.health = w.out.health[:start]
		w.refuse(line, refused)
		return
	}
	if w.traits {
		v.who = w.identity()
	}
	for _, fields := range w.watched {
		w.out.hashes = append(w.out.hashes, w.hash(fields))
	}
	v.end = len(w.out.health)
	w.out.rows = append(w.out.rows, v)
}

func (w *worker) refuse(line int, why *RowError) {
	why.File, why.Line = w.file, line
	w.out.rows = append(w.out.rows, verdict{line: line, end: len(w.out.health), refused: why, hashes: len(w.out.hashes)})
}

// shape checks the row as a whole: its number of fields, lengths, zero bytes,
// and whether the feed excludes it.
func (w *worker) shape(zeros bool) *RowError {
	if n := len(w.scan.fields); n != w.columns {
		return &RowError{Rule: fmt.Sprintf("row: want %d fields as in the header, got %d", w.columns, n)}
	}
	for i, at := range w.at {
		if at < 0 {
			continue
		}
		v := w.scan.fields[at]
		if len(v) > maxField {
			return &RowError{Field: w.resource.Fields[i].Name, Rule: "length: want 1 MiB or less"}
		}
		if zeros && bytes.IndexByte(v, 0) >= 0 {
			return &RowError{Field: w.resource.Fields[i].Name, Rule: "text: a zero byte stands in it"}
		}
	}
	for _, x := range w.exclude {
		if v := w.scan.fields[w.at[x.field]]; x.values[string(v)] {
			return &RowError{Field: w.resource.Fields[x.field].Name, Rule: x.rule, excluded: true}
		}
	}
	return nil
}

// normalise brings every value into its type's normal form and checks the constraints.
func (w *worker) normalise() *RowError {
	w.scratch = w.scratch[:0]
	for i := range w.resource.Fields {
		f := &w.resource.Fields[i]
		w.values[i] = nil
		if w.at[i] < 0 {
			continue
		}
		raw := w.scan.fields[w.at[i]]
		if f.isMissing(raw) {
			if f.Required {
				return &RowError{Field: f.Name, Rule: w.resource.requires(f)}
			}
			continue
		}
		value := raw
		if f.parse != nil {
			from, ok := len(w.scratch), false
			if w.scratch, ok = f.parse(w.scratch, raw); !ok {
				return f.breaks(f.want, raw)
			}
			value = w.scratch[from:len(w.scratch):len(w.scratch)]
		}
		for _, broken := range f.checks {
			if rule := broken(value); rule != "" {
				return f.breaks(rule, raw)
			}
		}
		w.values[i] = value
	}
	return nil
}

// requires is the rule of a field that must not be missing.
func (r *Resource) requires(f *Field) string {
	if r.view != nil && f.Role == Person && !r.Identity {
		return "person: want a reference to a Patient by its id (Patient/1, an absolute address or urn:uuid:…), not by an identifier alone nor to another type"
	}
	return "required: want a value"
}

// related checks that what the row refers to is there.
func (w *worker) related() *RowError {
	if w.persons != nil && !w.persons.to.has(w.hash(w.persons.fields)) {
		return &RowError{Field: w.resource.Fields[w.person].Name, Rule: w.persons.rule}
	}
	for i := range w.references {
		ref := &w.references[i]
		if h := w.hash(ref.fields); h != 0 && !ref.to.has(h) {
			return &RowError{Field: w.resource.Fields[ref.fields[0]].Name, Rule: ref.rule}
		}
	}
	return nil
}

// hash is the hash of a key of the row, or 0 where a part of it is missing.
func (w *worker) hash(fields []int) uint64 {
	w.parts = w.parts[:0]
	for _, i := range fields {
		if w.values[i] == nil {
			return 0
		}
		w.parts = append(w.parts, w.values[i])
	}
	return hashKey(w.parts...)
}

// isMissing says whether a value stands for none.
func (f *Field) isMissing(raw []byte) bool {
	return slices.ContainsFunc(f.missing, func(m []byte) bool { return bytes.Equal(m, raw) })
}

// breaks reports a broken rule, with the value where it may be told.
func (f *Field) breaks(rule string, raw []byte) *RowError {
	e := &RowError{Field: f.Name, Rule: rule}
	if !f.private() {
		e.Value = string(raw)
		if len(raw) > 80 {
			e.Value = string(bytes.ToValidUTF8(raw[:80], nil)) + "…"
		}
	}
	return e
}
