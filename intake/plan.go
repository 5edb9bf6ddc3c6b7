package intake

import (
	"errors"
	"fmt"
	"slices"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/parquet"
	"rempart.eu/rempart/pseudonym/scan"
)

// plan is how the rows of one file are checked for one resource. It is read by
// all workers.
type plan struct {
	resource   *Resource
	file       string
	base       int64    // what is added to lines in health data
	at         []int    // place of each field of the resource in a row; -1 where rows lack it
	fixed      [][]byte // normal forms of what the file's name says, per field; nil elsewhere
	width      int      // of a row in values; 0: any number
	pseudonyms Pseudonyms
	exclude    []exclude
	references []reference
	person     []int      // places of the person's key among the fields
	persons    *reference // the identities' file, where the rows must have theirs
	lookup     *lookup    // finds the person by an alias
	watched    [][]int    // fields of each key set; nil where nothing needs it
	aliases    [][]int    // fields of each alias; nil where nothing needs it
	keys       [][]int    // fields of each composite key
	traits     bool
	stays      *stayPlan       // nil where rows tell nothing of stays
	columns    []engine.Column // of health data
	first      int             // place of the first field among them
	named      bool            // the rows tell persons' names
	people     *scan.People    // of the deposit; they grow where named
	known      int             // of watched: the persons whose traits were handed on
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

type lookup struct {
	fields         []int
	to             *aliases
	none, severals string // the rules
}

// plans says how the rows of a source are checked for each resource that it feeds.
func (c *Checker) plans(s Source, file string) ([]*plan, error) {
	var plans []*plan
	for _, part := range s.Feeds {
		p, err := c.plan(part, file)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	if slices.ContainsFunc(plans, func(p *plan) bool { return p.named }) {
		for _, p := range plans {
			if !p.named { // whose people grow while its rows are checked
				p.people = scan.NewPeople()
			}
		}
	}
	return plans, nil
}

func (c *Checker) plan(part Part, file string) (*plan, error) {
	r := part.Resource
	p := &plan{
		resource: r, file: file, base: int64(part.Ordinal) << 40, pseudonyms: c.pseudonyms,
		person: r.places(r.PersonKey()), traits: r.Traits() && !c.delivery.replaced(r), named: r.named(), people: c.people, stays: r.stayPlan(), fixed: make([][]byte, len(r.Fields)),
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.From == "" {
			p.at = append(p.at, i)
			continue
		}
		p.at = append(p.at, -1)
		if err := p.fix(i, part.values[f.From]); err != nil {
			return nil, err
		}
	}
	for _, x := range r.Exclude {
		values := map[string]bool{}
		for _, v := range x.Values {
			values[v] = true
		}
		p.exclude = append(p.exclude, exclude{r.place(x.Field), values, "excluded by the feed: " + x.Reason})
	}
	for _, k := range r.Keys {
		p.keys = append(p.keys, r.places(k.Fields))
	}
	for _, set := range r.watched {
		var places []int
		if c.needs(r, set, c.next) {
			places = r.places(set.fields)
		}
		p.watched = append(p.watched, places)
	}
	p.known = slices.IndexFunc(r.watched, func(set keySet) bool { return r.tells(set) })
	for i, alias := range r.Aliases {
		var places []int
		if c.needsAlias(i, c.next) {
			places = r.places(alias)
		}
		p.aliases = append(p.aliases, places)
	}
	p.columns, p.first = r.HealthColumns(), 1
	if r.AboutPersons() {
		p.first = 2
	}
	if _, err := parquet.NewRows(p.columns); err != nil {
		return nil, fmt.Errorf("check %s: %w", file, err)
	}
	return p, c.relate(p)
}

// fix gives a field the value that the file's name says.
func (p *plan) fix(i int, text string) error {
	f := &p.resource.Fields[i]
	one := &worker{plan: &plan{resource: &Resource{Fields: []Field{*f}}, at: []int{0}, fixed: make([][]byte, 1)}, fields: [][]byte{[]byte(text)}, values: make([][]byte, 1)}
	if wrong := one.normalise(); wrong != nil {
		return &FileError{File: p.file, Problem: fmt.Sprintf("its name gives the field %q its value: %s", f.Name, wrong.Rule), Remedy: "name it as the feed says: " + p.resource.Files}
	}
	p.fixed[i] = one.values[0]
	return nil
}

// relate finds the keys of other files that rows refer to.
func (c *Checker) relate(p *plan) error {
	r := p.resource
	feed := c.delivery.Feed
	id := feed.identities()
	if c.delivery.identified() && r.AboutPersons() && !slices.Contains(feed.together(r), id) {
		missing := fmt.Errorf("check %s: the identities in %s must be checked before: keep to the delivery's order", p.file, id.what())
		if r.PersonBy != nil {
			i := slices.IndexFunc(id.Aliases, func(a []string) bool { return slices.Equal(a, r.PersonBy.Alias) })
			if c.aliases[i] == nil {
				return missing
			}
			p.lookup = &lookup{r.places(r.PersonBy.Fields), c.aliases[i],
				"person: no such person in " + id.what(), "person: the alias names several persons in " + id.what()}
		} else {
			to := c.watchedKeys(id, id.PersonKey())
			if to == nil {
				return missing
			}
			p.persons = &reference{p.person, to, "person: no such person in " + id.what()}
		}
	}
	for _, key := range r.ForeignKeys {
		to := feed.Resource(key.Resource)
		if found := c.watchedKeys(to, key.To); found != nil { // the deposit may lack the file
			p.references = append(p.references, reference{r.places(key.Fields), found, "foreign key: no such row in " + to.what()})
		}
	}
	return nil
}

func (c *Checker) watchedKeys(r *Resource, fields []string) *keys {
	i := slices.IndexFunc(r.watched, func(w keySet) bool { return slices.Equal(w.fields, fields) })
	if i < 0 || c.seen[r.Name] == nil {
		return nil
	}
	return c.seen[r.Name][i]
}

func (r *Resource) place(field string) int {
	return slices.IndexFunc(r.Fields, func(f Field) bool { return f.Name == field })
}

func (r *Resource) places(fields []string) []int {
	var places []int
	for _, name := range fields {
		places = append(places, r.place(name))
	}
	return places
}

// readError says why a file could not be read.
func readError(file string, line int, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, errRowTooLong):
		return &FileError{File: file, Line: line, Problem: err.Error(), Remedy: "deliver a CSV file with line ends"}
	case errors.Is(err, errCorrupt):
		remedy = "compress it again, or deliver it as it is"
	}
	return &FileError{File: file, Line: line, Problem: "the file cannot be read", Err: err, Remedy: remedy}
}
