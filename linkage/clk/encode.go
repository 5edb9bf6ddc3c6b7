package clk

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rempart.eu/rempart/pseudonym"
)

// Columns say where a file of persons has what CLKs are made of.
type Columns struct {
	ID     string
	Traits map[string][]string // columns of each of Traits, and of birth_name: one or, of a date, year, month and day
}

// Finding is what is wrong with a row. No value of the row is in it.
type Finding struct {
	Line    int    `json:"line"` // as an editor shows it
	Field   string `json:"field"`
	Refused bool   `json:"refused"` // the row has no filter; otherwise the field is left out of it
	Reason  string `json:"reason"`
	Remedy  string `json:"remedy"`
}

// Encoded counts what Encode was given: Rows = Written + Refused.
type Encoded struct {
	Key     string   `json:"key"`    // check value
	Traits  []string `json:"traits"` // of which filters were made
	Rows    int64    `json:"rows"`
	Written int64    `json:"written"` // filters
	Refused int64    `json:"refused"`
	LeftOut int64    `json:"left_out"` // malformed traits of rows that have a filter
}

// Who are the traits of which a row needs two: with fewer a filter would be like many.
var Who = []string{"last_name", "first_name", "birth_date"}

// maxRow bounds a row of persons, in bytes.
const maxRow = 1 << 20

// encodeBatch is how many rows are made into filters at a time.
const encodeBatch = 8192

// Encode reads persons, CSV with a header, and writes for each the record's name and its
// filter, as a Writer does. columns picks from the header. report hears what is wrong with
// which row, in order; an error of it, or of the file as a whole, ends the encoding,
// and what was written must be thrown away. Memory does not grow with the rows but
// for their names, of which none may stand twice.
func Encode(ctx context.Context, in io.Reader, out io.Writer, key *Key, columns func(header []string) (Columns, error), report func(Finding) error) (Encoded, error) {
	bounded := &bounded{from: in, most: maxRow}
	rows := csv.NewReader(bounded)
	rows.TrimLeadingSpace, rows.ReuseRecord, rows.FieldsPerRecord = true, true, -1
	bounded.next()
	head, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return Encoded{}, errors.New("line 1: the file is empty: want a header with the names of columns")
	}
	if err != nil {
		return Encoded{}, inLine(1, err)
	}
	e := &encoder{key: key, report: report, seen: map[string]int{}}
	if err := e.find(head, columns); err != nil {
		return Encoded{}, err
	}
	if e.out, err = NewWriter(out, key, e.Traits); err != nil {
		return e.Encoded, err
	}
	line := 1
	for {
		bounded.next()
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return e.Encoded, errors.Join(e.flush(), e.out.Close())
		}
		if err != nil {
			return e.Encoded, inLine(line+1, err)
		}
		line, _ = rows.FieldPos(0)
		if err := e.row(line, row); err != nil {
			return e.Encoded, err
		}
		if len(e.batch) == encodeBatch {
			if err := errors.Join(ctx.Err(), e.flush()); err != nil {
				return e.Encoded, err
			}
		}
	}
}

// inLine names the line of an error.
func inLine(line int, err error) error {
	var at *csv.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("line %d: field at column %d: %w", at.Line, at.Column, at.Err)
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// encoder is an encoding under way.
type encoder struct {
	Encoded
	key    *Key
	out    *Writer
	report func(Finding) error
	id     int
	idName string
	places map[string][]int // of each trait, and birth_name
	names  map[string]string
	width  int
	seen   map[string]int // line of a record
	batch  []Record
	ids    []string
}

// find finds the columns in the header.
func (e *encoder) find(head []string, columns func([]string) (Columns, error)) error {
	names := make([]string, len(head))
	for i, h := range head {
		names[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
		if slices.Contains(names[:i], names[i]) {
			return fmt.Errorf("line 1: the column %q stands twice: rename one of them", names[i])
		}
	}
	chosen, err := columns(names)
	if err != nil {
		return err
	}
	e.Key, e.width, e.idName = e.key.Check(), len(names), chosen.ID
	if e.id = slices.Index(names, chosen.ID); e.id < 0 {
		return fmt.Errorf("line 1: there is no column %q, of %s", chosen.ID, strings.Join(names, ", "))
	}
	e.places, e.names = map[string][]int{}, map[string]string{}
	for trait, from := range chosen.Traits {
		for _, name := range from {
			at := slices.Index(names, name)
			if at < 0 {
				return fmt.Errorf("line 1: there is no column %q, of %s", name, strings.Join(names, ", "))
			}
			e.places[trait] = append(e.places[trait], at)
		}
		e.names[trait] = strings.Join(from, ", ")
	}
	for _, t := range Traits {
		if e.places[t] != nil || t == "last_name" && e.places["birth_name"] != nil {
			e.Traits = append(e.Traits, t)
		}
	}
	return nil
}

// row takes one row: it goes into the batch, or is refused.
func (e *encoder) row(line int, row []string) error {
	e.Rows++
	refuse := func(field, reason, remedy string) error {
		e.Refused++
		return e.report(Finding{line, field, true, reason, remedy})
	}
	if len(row) != e.width {
		return refuse(e.idName, fmt.Sprintf("the row has %d fields, the header %d", len(row), e.width), "Complete the row, or quote the commas in it")
	}
	id := strings.TrimSpace(row[e.id])
	if id == "" {
		return refuse(e.idName, "the row has no name", "Give it a number")
	}
	if before, twice := e.seen[id]; twice {
		return refuse(e.idName, fmt.Sprintf("the same as in line %d", before), "Give each row a number of its own")
	}
	id = strings.Clone(id)
	e.seen[id] = line
	r, malformed := e.record(line, row)
	has := 0
	for i, ok := range [...]bool{r.LastName+r.BirthName != "", r.FirstName != "", r.BirthDate != ""} {
		if ok && slices.Contains(e.Traits, Who[i]) {
			has++
		}
	}
	if has < 2 {
		return refuse(strings.Join(Who, ", "), "too little to tell a person apart", "Give two of last name, first name and date of birth")
	}
	for _, f := range malformed {
		e.LeftOut++
		if err := e.report(f); err != nil {
			return err
		}
	}
	e.batch, e.ids = append(e.batch, r), append(e.ids, id)
	return nil
}

// record reads the traits of a row. One that is malformed is left out and told.
func (e *encoder) record(line int, row []string) (r Record, malformed []Finding) {
	get := func(trait string) string {
		var parts []string
		for _, at := range e.places[trait] {
			if v := strings.TrimSpace(row[at]); v != "" {
				parts = append(parts, v)
			}
		}
		if trait == "birth_date" && len(e.places[trait]) == 3 {
			return dateOf(parts)
		}
		return strings.Clone(strings.Join(parts, " "))
	}
	check := func(trait string, form func(string) (string, error), remedy string) string {
		v := get(trait)
		if v == "" {
			return ""
		}
		n, err := form(v)
		if err != nil {
			malformed = append(malformed, Finding{line, e.names[trait], false, err.Error(), remedy})
		}
		return n
	}
	r.LastName, r.BirthName, r.FirstName = get("last_name"), get("birth_name"), get("first_name")
	if pseudonym.NormaliseSurname(r.BirthName) == "" {
		r.BirthName = ""
	}
	if pseudonym.NormaliseSurname(r.LastName) == "" {
		r.LastName = ""
	}
	if pseudonym.NormaliseFirstName(r.FirstName) == "" {
		r.FirstName = ""
	}
	r.BirthDate = check("birth_date", pseudonym.NormaliseDate, "Write YYYY-MM-DD")
	r.Sex = check("sex", pseudonym.NormaliseSex, "Write M or F")
	r.Postcode = check("postcode", pseudonym.NormalisePostcode, "Write the postcode alone")
	r.City, r.Street = get("city"), get("street")
	return r, malformed
}

// dateOf puts year, month and day together. With fewer than three nothing is known but by the year.
func dateOf(parts []string) string {
	if len(parts) != 3 {
		if len(parts) > 0 && len(parts[0]) == 4 {
			return parts[0]
		}
		return ""
	}
	for i, p := range parts[1:] {
		if len(p) == 1 {
			parts[1+i] = "0" + p
		}
	}
	return strings.Join(parts, "-")
}

// flush makes the filters of the batch and writes them.
func (e *encoder) flush() error {
	for i, c := range e.key.MakeAll(e.batch) {
		if err := e.out.Write(e.ids[i], c); err != nil {
			return err
		}
		e.Written++
	}
	e.batch, e.ids = e.batch[:0], e.ids[:0]
	return nil
}
