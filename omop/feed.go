package omop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// Feed is what the builder reads of a feed's datapackage.json. Whether the
// package is a good one was decided where deposits are checked (package intake).
type Feed struct {
	Name      string
	Kind      string // hospital or insurer
	Resources []Resource

	folder     fs.FS
	vocabulary string // folder of its own vocabulary, relative to the feeds
}

// Resource is one kind of file of a feed.
type Resource struct {
	Name     string  `json:"name"`
	Path     string  `json:"path"`
	Schema   Schema  `json:"schema"`
	Handling *Handle `json:"rempart"`
}

// Schema lists the fields of a resource.
type Schema struct {
	Fields []SourceField `json:"fields"`
}

// Handle is what Rempart does with the rows of a resource.
type Handle struct {
	Optional bool   `json:"optional"`
	Unmapped string `json:"unmapped"` // why rows of it reach no CDM table
	Exclude  []struct {
		Field  string   `json:"field"`
		Values []string `json:"values"`
	} `json:"exclude"`
}

// SourceField is a field of a resource.
type SourceField struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Handling *struct {
		Role       string `json:"role"`
		Generalise string `json:"generalise"`
	} `json:"rempart"`
}

// Role is what may be done with the field: person, key, identity, drop or health.
func (f SourceField) Role() string {
	if f.Handling == nil || f.Handling.Role == "" {
		return "health"
	}
	return f.Handling.Role
}

// Generalise is how far the field is coarsened in health data: year, month or not at all.
func (f SourceField) Generalise() string {
	if f.Handling == nil {
		return ""
	}
	return f.Handling.Generalise
}

// HealthColumns are the columns of the resource's health rows.
func (r Resource) HealthColumns() []engine.Column {
	columns := []engine.Column{{Name: "line", Type: "BIGINT"}}
	for _, f := range r.Schema.Fields {
		switch f.Role() {
		case "person":
			columns = append(columns, engine.Column{Name: "person", Type: "BIGINT"})
		case "key":
			columns = append(columns, engine.Column{Name: strings.ToLower(f.Name), Type: "VARCHAR"})
		case "health":
			columns = append(columns, engine.Column{Name: strings.ToLower(f.Name), Type: f.healthType()})
		}
	}
	return columns
}

func (r Resource) unmapped() string {
	if r.Handling == nil {
		return ""
	}
	return r.Handling.Unmapped
}

func (f SourceField) healthType() string {
	switch f.Generalise() {
	case "year":
		return "INTEGER"
	case "month":
		return "DATE"
	}
	types := map[string]string{
		"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN",
		"date": "DATE", "datetime": "TIMESTAMP", "year": "INTEGER",
	}
	if t, ok := types[f.Type]; ok {
		return t
	}
	return "VARCHAR"
}

// LoadFeed reads feed name of a folder of feeds.
func LoadFeed(feeds fs.FS, name string) (*Feed, error) {
	text, err := fs.ReadFile(feeds, path.Join(name, "datapackage.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no feed %q: a feed is a folder with a datapackage.json", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read feed %s: %w", name, err)
	}
	var described struct {
		Name      string     `json:"name"`
		Resources []Resource `json:"resources"`
		Handling  struct {
			Kind       string `json:"kind"`
			Vocabulary string `json:"vocabulary"`
		} `json:"rempart"`
	}
	if err := json.Unmarshal(text, &described); err != nil {
		return nil, fmt.Errorf("%s/datapackage.json: %w", name, err)
	}
	folder, err := fs.Sub(feeds, name)
	if err != nil {
		return nil, fmt.Errorf("read feed %s: %w", name, err)
	}
	vocabulary := "vocabulary"
	if described.Handling.Vocabulary != "" {
		vocabulary = described.Handling.Vocabulary
	}
	return &Feed{
		Name: name, Kind: described.Handling.Kind, Resources: described.Resources,
		folder: folder, vocabulary: path.Join(name, vocabulary),
	}, nil
}

// mapping is one SELECT of a feed.
type mapping struct {
	file   string // as an error names it: <feed>/map/<target>.<what>.sql
	target string
	query  string
}

// mappings reads the feed's SQL, sorted by name.
func (f *Feed) mappings() ([]mapping, error) {
	files, err := fs.Glob(f.folder, "map/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the mapping of feed %s: %w", f.Name, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("feed %s has no mapping: add map/<table>.sql", f.Name)
	}
	slices.Sort(files)
	all := make([]mapping, 0, len(files))
	for _, file := range files {
		text, err := fs.ReadFile(f.folder, file)
		if err != nil {
			return nil, fmt.Errorf("read mapping %s of feed %s: %w", file, f.Name, err)
		}
		target, _, _ := strings.Cut(path.Base(file), ".")
		all = append(all, mapping{
			file:   path.Join(f.Name, file),
			target: target,
			query:  strings.TrimRight(strings.TrimSpace(string(text)), ";"),
		})
	}
	return all, nil
}

// resource finds a resource by name.
func (f *Feed) resource(name string) (Resource, bool) {
	i := slices.IndexFunc(f.Resources, func(r Resource) bool { return r.Name == name })
	if i < 0 {
		return Resource{}, false
	}
	return f.Resources[i], true
}
