package intake

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rempart.eu/rempart/internal/nearest"
)

// delimiters are those that files may have.
const delimiters = ",;|\t"

// csvFile is a CSV file under way.
type csvFile struct {
	opening
	blocks *blocks
}

func openCSV(o opening) (rows, error) {
	p := o.plans[0]
	f := &csvFile{o, &blocks{in: o.in, size: o.size, scan: scanner{text: make([]byte, 0, 1024)}}}
	names := p.resource.columnNames()
	header, err := f.blocks.header(p.resource.delimiter, names)
	if err != nil {
		return nil, readError(o.file, f.blocks.line, err)
	}
	if len(header) == 0 {
		return nil, &FileError{File: o.file, Problem: "the file is empty", Remedy: "deliver it with its header line at least"}
	}
	for i := range p.resource.Fields {
		if name := p.resource.Fields[i].Name; p.resource.Fields[i].From != "" && lookUp(name, header) >= 0 {
			return nil, &FileError{File: o.file, Line: 1, Problem: fmt.Sprintf("the feed takes %q from the file's name, and the file has a column of that name", name), Remedy: "leave the column out, or \"from\" in the feed"}
		}
	}
	if header, err = canonical(o.file, header, names); err != nil {
		return nil, err
	}
	for i := range p.resource.Fields {
		field := &p.resource.Fields[i]
		if p.at[i] = slices.Index(header, field.Name); p.at[i] >= 0 || field.From != "" {
			continue
		}
		excludes := slices.ContainsFunc(p.resource.Exclude, func(x Exclusion) bool { return x.Field == field.Name && !x.Optional })
		if field.Required || excludes {
			return nil, &FileError{File: o.file, Line: 1, Problem: fmt.Sprintf("the header lacks the column %q", field.Name),
				Remedy: "deliver the file with all columns of the feed: " + list(names)}
		}
	}
	f.blocks.scan.columns = len(header)
	p.width = len(header)
	return f, nil
}

// columnNames are the fields that are columns of the file.
func (r *Resource) columnNames() (names []string) {
	for i := range r.Fields {
		if r.Fields[i].From == "" {
			names = append(names, r.Fields[i].Name)
		}
	}
	return names
}

// canonical returns a header with the names as the feed writes them. It refuses
// columns that the feed does not know.
func canonical(file string, header, known []string) ([]string, error) {
	var out []string
	for _, name := range header {
		if strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
			return nil, notUTF8(file, 1)
		}
		if at := lookUp(name, known); at >= 0 {
			name = known[at]
		} else {
			remedy := "where it is a new column, add it to the feed's package, with the role drop if it must not go further"
			if near := nearest.Name(name, known); near != "" && !slices.Contains(header, near) {
				remedy = fmt.Sprintf("the feed has %q; %s", near, remedy)
			}
			return nil, &FileError{File: file, Line: 1, Problem: fmt.Sprintf("the feed does not know the column %q, which may identify persons", name), Remedy: remedy}
		}
		if slices.Contains(out, name) {
			return nil, &FileError{File: file, Line: 1, Problem: fmt.Sprintf("two columns have the name %q", name), Remedy: "deliver each column once"}
		}
		out = append(out, name)
	}
	return out, nil
}

// lookUp finds a name as it is, or else letter case aside.
func lookUp(name string, known []string) int {
	if at := slices.Index(known, name); at >= 0 {
		return at
	}
	return slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
}

func (f *csvFile) next(old block) (block, error) { return f.blocks.next(old) }

func (f *csvFile) line() int { return f.blocks.line }

func (f *csvFile) splitter() splitter {
	return &csvSplitter{f.file, f.foreign, scanner{delimiter: f.blocks.scan.delimiter, columns: f.blocks.scan.columns, text: make([]byte, 0, 1024)}}
}

type csvSplitter struct {
	file    string
	foreign bool
	scan    scanner
}

func (s *csvSplitter) split(b block, to []*worker) error {
	if err := validText(s.file, s.foreign, b); err != nil {
		return err
	}
	w := to[0]
	w.zeros = bytes.IndexByte(b.text, 0) >= 0
	line := b.line
	for rest := b.text; len(rest) > 0; {
		size, is := s.scan.next(rest, true)
		row := rest[:size]
		rest = rest[size:]
		switch is {
		case blank:
		case broken:
			w.refuse(line, &RowError{Rule: s.scan.problem})
		case plain:
			s.scan.split(chop(bytes.TrimSuffix(row, []byte("\n"))))
			fallthrough
		default:
			w.row(line, s.scan.fields)
		}
		if is == quoted {
			line += bytes.Count(row, []byte("\n"))
		} else {
			line++
		}
	}
	return nil
}

// undefined is what a decoder makes of a byte that is no character.
var undefined = []byte("\ufffd")

// validText refuses a file that is not text of its encoding.
func validText(file string, foreign bool, b block) error {
	if foreign {
		if at := bytes.Index(b.text, undefined); at >= 0 {
			return &FileError{File: file, Line: b.line + bytes.Count(b.text[:at], []byte("\n")), Problem: "a byte is no character in the file's encoding",
				Remedy: "say which encoding it is: --encoding utf-8, iso-8859-1, iso-8859-15 or windows-1252"}
		}
		return nil
	}
	if utf8.Valid(b.text) {
		return nil
	}
	line := b.line
	for rest := b.text; ; line++ {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 || !utf8.Valid(rest[:end]) {
			return notUTF8(file, line)
		}
		rest = rest[end+1:]
	}
}

func notUTF8(file string, line int) error {
	return &FileError{File: file, Line: line, Problem: "the text is not UTF-8",
		Remedy: "say which encoding it is, with --encoding iso-8859-15, say; or convert it first: iconv -f ISO-8859-15 -t UTF-8"}
}
