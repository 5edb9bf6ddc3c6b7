package intake

import (
	"bytes"
	"fmt"
	"slices"

	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/scan"
)

// verdict is what became of one row.
type verdict struct {
	line    int
	text    uint64 // hash of the line of FHIR that it is from
	at      int    // place among the block's rows of health data, or -1
	refused *RowError
	hashes  int // where its hashes start; see checked
	person  int64
	who     *pseudonym.Identity // nil where the resource has no traits
	stay    *StayFact           // nil where the row tells of no stay
	names   *personNames        // of the row's person, refused or not; nil where the resource tells none
}

// checked is a block after the work.
type checked struct {
	verdicts []verdict
	rows     *parquet.Rows // the health data of rows that no worker refused
	hashes   []uint64      // of each row's key sets, then of its aliases; 0 where a part is missing or nothing needs it
}

// worker checks rows for one resource. Each goroutine has its own.
type worker struct {
	*plan
	zeros   bool     // values may hold zero bytes
	fields  [][]byte // of the row as it stands in the file
	values  [][]byte // normal forms of the row's fields; nil where a value is missing
	number  int64    // of the row's person
	scratch []byte
	parts   [][]byte
	joined  []byte
	numbers *memo[int64]
	hashed  []*memo[string] // per field
	keyed   []*memo[string] // per composite key
	texts   []*textScan     // per field; nil where it is not scanned
	own     *scan.People    // the row's person, where named and a text is scanned
	out     *checked
}

func (p *plan) worker() *worker {
	w := &worker{plan: p, values: make([][]byte, len(p.at)), hashed: make([]*memo[string], len(p.at))}
	w.numbers = newMemo(p.pseudonyms.Person)
	people := p.people
	if p.named {
		people = scan.NewPeople()
	}
	for i := range p.resource.Fields {
		w.texts = append(w.texts, p.resource.Fields[i].scanner(people, !p.named))
		if p.named && w.texts[i] != nil {
			w.own = people
		}
		if f := &p.resource.Fields[i]; f.Role == Key {
			w.hashed[i] = newMemo(func(value string) string { return p.pseudonyms.Key(f.Domain, value) })
		}
	}
	for _, k := range p.resource.Keys {
		w.keyed = append(w.keyed, newMemo(func(value string) string { return p.pseudonyms.Key(k.Domain, value) }))
	}
	return w
}

// begin makes out take the verdicts of a block, and uses its memory again.
func (w *worker) begin(out *checked) {
	if out.rows == nil {
		out.rows, _ = parquet.NewRows(w.plan.columns) // plan has tried it
	}
	out.rows.Reset()
	*out = checked{out.verdicts[:0], out.rows, out.hashes[:0]}
	w.out = out
}

// row checks a row and keeps its verdict. fields are its values as they stand in
// the file, at the places that the plan says; nil is a value that is missing.
func (w *worker) row(line int, fields [][]byte) {
	w.fields = fields
	v := verdict{line: line, at: w.out.rows.Len(), hashes: len(w.out.hashes)}
	refused := w.shape()
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
	w.out.rows.Int(0, w.base+int64(line))
	if w.lookup != nil {
		v.person = w.number
	} else if len(w.person) > 0 {
		v.person = w.numbers.get(w.join(w.person))
	}
	if w.first > 1 {
		w.out.rows.Int(1, v.person)
	}
	if w.traits {
		v.who = w.identity()
	}
	if w.named {
		v.names = w.names()
	}
	if w.own != nil {
		w.own.Clear()
		v.names.addTo(w.own)
	}
	if refused := w.health(); refused != nil {
		w.out.rows.Truncate(v.at)
		w.refuse(line, refused)
		return
	}
	if w.stays != nil {
		v.stay = w.stay(v.person)
	}
	for _, set := range w.watched {
		w.out.hashes = append(w.out.hashes, w.hash(set))
	}
	for _, alias := range w.aliases {
		w.out.hashes = append(w.out.hashes, w.hash(alias))
	}
	w.out.verdicts = append(w.out.verdicts, v)
}

// join is a key of the row as one text, or nil where a part of it is missing.
func (w *worker) join(places []int) []byte {
	if len(places) == 1 {
		return w.values[places[0]]
	}
	w.joined = w.joined[:0]
	for i, at := range places {
		if w.values[at] == nil {
			return nil
		}
		if i > 0 {
			w.joined = append(w.joined, 0) // no value holds it
		}
		w.joined = append(w.joined, w.values[at]...)
	}
	return w.joined
}

func (w *worker) refuse(line int, why *RowError) {
	why.File, why.Line = w.file, line
	v := verdict{line: line, at: -1, refused: why, hashes: len(w.out.hashes)}
	if w.named && (w.width == 0 || len(w.fields) == w.width) {
		v.names = w.names()
	}
	w.out.verdicts = append(w.out.verdicts, v)
}

// shape checks the row as a whole: its number of fields, lengths, zero bytes,
// and whether the feed excludes it.
func (w *worker) shape() *RowError {
	if n := len(w.fields); n != w.width && w.width > 0 {
		return &RowError{Rule: fmt.Sprintf("row: want %d fields as in the header, got %d", w.width, n)}
	}
	for i, at := range w.at {
		if at < 0 {
			continue
		}
		v := w.fields[at]
		if len(v) > maxField {
			return &RowError{Field: w.resource.Fields[i].Name, Rule: "length: want 1 MiB or less"}
		}
		if w.zeros && bytes.IndexByte(v, 0) >= 0 {
			return &RowError{Field: w.resource.Fields[i].Name, Rule: "text: a zero byte stands in it"}
		}
	}
	for _, x := range w.exclude {
		if at := w.at[x.field]; at >= 0 && x.values[string(w.fields[at])] {
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
		if w.values[i] = w.fixed[i]; w.at[i] < 0 {
			continue
		}
		raw := w.fields[w.at[i]]
		if raw == nil || f.isMissing(raw) {
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
		return &RowError{Field: w.resource.Fields[w.person[0]].Name, Rule: w.persons.rule}
	}
	if l := w.lookup; l != nil {
		number, found := l.to.get(w.hash(l.fields))
		switch {
		case !found:
			return &RowError{Field: w.resource.Fields[l.fields[0]].Name, Rule: l.none}
		case number == several:
			return &RowError{Field: w.resource.Fields[l.fields[0]].Name, Rule: l.severals}
		}
		w.number = number
	}
	for i := range w.references {
		ref := &w.references[i]
		if h := w.hash(ref.fields); h != 0 && !ref.to.has(h) {
			return &RowError{Field: w.resource.Fields[ref.fields[0]].Name, Rule: ref.rule}
		}
	}
	return nil
}

// hash is the hash of a key of the row, or 0 where it has no fields or a part of
// it is missing.
func (w *worker) hash(fields []int) uint64 {
	if len(fields) == 0 {
		return 0
	}
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
