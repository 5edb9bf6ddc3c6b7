package intake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rempart.eu/rempart/internal/nearest"
)

// plan compares a file's header with its resource.
func (c *Checker) plan(r *Resource, file string, header []string) (*plan, error) {
	p := &plan{resource: r, file: file, columns: len(header), pseudonyms: c.pseudonyms, person: -1, traits: r.Traits()}
	if len(header) == 0 {
		return nil, &FileError{File: file, Problem: "the file is empty", Remedy: "deliver it with its header line at least"}
	}
	if err := c.header(r, file, header); err != nil {
		return nil, err
	}
	for i, f := range r.Fields {
		p.at = append(p.at, slices.Index(header, f.Name))
		if f.Role == Person {
			p.person = i
		}
	}
	for _, x := range r.Exclude {
		values := map[string]bool{}
		for _, v := range x.Values {
			values[v] = true
		}
		p.exclude = append(p.exclude, exclude{r.place(x.Field), values, "excluded by the feed: " + x.Reason})
	}
	for _, w := range r.watched {
		p.watched = append(p.watched, r.places(w.fields))
	}
	return p, c.relate(p)
}

// header refuses a header with columns that the feed does not know or without
// those that it needs.
func (c *Checker) header(r *Resource, file string, header []string) error {
	known := r.fieldNames()
	for i, name := range header {
		switch {
		case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
			return notUTF8(file, 1)
		case !slices.Contains(known, name):
			remedy := "where it is a new column, add it to the feed's package, with the role drop if it must not go further"
			if near := nearest.Name(name, known); near != "" && !slices.Contains(header, near) {
				remedy = fmt.Sprintf("the feed has %q; %s", near, remedy)
			}
			return &FileError{File: file, Line: 1, Problem: fmt.Sprintf("the feed does not know the column %q, which may identify persons", name), Remedy: remedy}
		case slices.Contains(header[:i], name):
			return &FileError{File: file, Line: 1, Problem: fmt.Sprintf("two columns have the name %q", name), Remedy: "deliver each column once"}
		}
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		excludes := slices.ContainsFunc(r.Exclude, func(x Exclusion) bool { return x.Field == f.Name })
		if (f.Required || excludes) && !slices.Contains(header, f.Name) {
			return &FileError{File: file, Line: 1, Problem: fmt.Sprintf("the header lacks the column %q", f.Name),
				Remedy: "deliver the file with all columns of the feed: " + list(known)}
		}
	}
	return nil
}

// relate finds the keys of other files that rows refer to.
func (c *Checker) relate(p *plan) error {
	r := p.resource
	if id := c.feed.identities(); id != nil && id.Name != r.Name && p.person >= 0 && !sameLine(id, r) {
		to, ok := c.watchedKeys(id, []string{id.person()})
		if !ok {
			return fmt.Errorf("check %s: the identities in %s must be checked before: keep to Feed.Order", p.file, id.Path)
		}
		p.persons = &reference{[]int{p.person}, to, "person: no such person in " + id.Path}
	}
	for _, key := range r.ForeignKeys {
		to := c.feed.Resource(key.Resource)
		found, ok := c.watchedKeys(to, key.To)
		if !ok { // the deposit lacks the file
			continue
		}
		p.references = append(p.references, reference{r.places(key.Fields), found, "foreign key: no such row in " + to.Path})
	}
	return nil
}

// sameLine says that two views read the same line, which names one person.
func sameLine(a, b *Resource) bool { return a.Type() != "" && a.Type() == b.Type() }

func (c *Checker) watchedKeys(r *Resource, fields []string) (*keys, bool) {
	seen := c.seen[r.Name]
	i := slices.IndexFunc(r.watched, func(w keySet) bool { return slices.Equal(w.fields, fields) })
	if i < 0 || seen == nil {
		return nil, false
	}
	return seen[i], true
}

func (r *Resource) place(field string) int { return slices.Index(r.fieldNames(), field) }

func (r *Resource) places(fields []string) []int {
	var places []int
	for _, name := range fields {
		places = append(places, r.place(name))
	}
	return places
}

// readError says why a file could not be read.
func readError(file string, line int, err error) error {
	if errors.Is(err, errRowTooLong) {
		return &FileError{File: file, Line: line, Problem: err.Error(), Remedy: "deliver a CSV file with line ends"}
	}
	return &FileError{File: file, Line: line, Problem: "the file cannot be read", Err: err}
}

func notUTF8(file string, line int) error {
	return &FileError{File: file, Line: line, Problem: "the text is not UTF-8", Remedy: "convert it first: iconv -f ISO-8859-15 -t UTF-8"}
}
