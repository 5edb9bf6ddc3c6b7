package quality

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"rempart.eu/rempart/internal/nearest"
)

// Settings are a warehouse's own word on the checks.
type Settings struct {
	// Exclude are tables that are not checked.
	Exclude []string `toml:"exclude"`

	// Mandatory are the checks that a release may not fail: CHECK, or CHECK:TABLE of
	// one table. TABLE is the table that is checked; of isForeignKey, that which keys
	// point at.
	Mandatory []string `toml:"mandatory"`

	// Thresholds are put in the place of the published ones.
	Thresholds []Threshold `toml:"threshold"`
}

// Threshold is up to which percentage of rows a check may be violated.
type Threshold struct {
	Check   string  `toml:"check"`
	Table   string  `toml:"table"`
	Field   string  `toml:"field,omitempty"`   // of a check of fields or concepts
	Concept string  `toml:"concept,omitempty"` // of a check of concepts, as the dashboard lists it
	Percent float64 `toml:"percent"`
	Note    string  `toml:"note"` // why
}

//go:embed settings.toml
var defaultSettings string

// DefaultSettings are what holds in a warehouse that says nothing: settings.toml.
func DefaultSettings() *Settings {
	s, err := ReadSettings(defaultSettings)
	if err != nil {
		panic("omop/quality/settings.toml: " + err.Error())
	}
	return s
}

// ReadSettings reads settings from TOML. What they leave out is as in
// [DefaultSettings]; what they name must exist.
func ReadSettings(text string) (*Settings, error) {
	s := &Settings{}
	meta, err := toml.Decode(text, s)
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return nil, fmt.Errorf("unknown key %q: %s", key.String(), nearest.Hint(key[len(key)-1], []string{"exclude", "mandatory", "threshold", "check", "table", "field", "concept", "percent", "note"}))
	}
	if text != defaultSettings {
		d := DefaultSettings()
		if !meta.IsDefined("exclude") {
			s.Exclude = d.Exclude
		}
		if !meta.IsDefined("mandatory") {
			s.Mandatory = d.Mandatory
		}
	}
	return s, s.check()
}

// check finds names that are not there, with the nearest that is.
func (s *Settings) check() error {
	names := published().names
	tables := make([]string, 0, len(published().tables))
	for _, t := range published().tables {
		tables = append(tables, strings.ToLower(t["cdmTableName"]))
	}
	for _, name := range s.Mandatory {
		name, table, one := strings.Cut(name, ":")
		if one && !slices.Contains(tables, table) {
			return fmt.Errorf("mandatory: there is no table %q: %s", table, nearest.Hint(table, tables))
		}
		if !slices.Contains(names, name) {
			return fmt.Errorf("mandatory: there is no check %q: %s", name, nearest.Hint(name, names))
		}
	}
	for _, table := range s.Exclude {
		if !slices.Contains(tables, table) {
			return fmt.Errorf("exclude: there is no table %q: %s", table, nearest.Hint(table, tables))
		}
	}
	for i, t := range s.Thresholds {
		switch {
		case !slices.Contains(names, t.Check):
			return fmt.Errorf("threshold %d: there is no check %q: %s", i+1, t.Check, nearest.Hint(t.Check, names))
		case t.Percent < 0 || t.Percent > 100:
			return fmt.Errorf("threshold %d: %v percent: want 0 to 100", i+1, t.Percent)
		case t.Note == "":
			return fmt.Errorf("threshold %d: say why in note", i+1)
		case !slices.ContainsFunc(published().checks, t.means):
			return fmt.Errorf("threshold %d: %s is not made of table %q, field %q, concept %q", i+1, t.Check, t.Table, t.Field, t.Concept)
		}
	}
	return nil
}

func (t Threshold) means(c check) bool {
	return t.Check == c.name() && t.Table == c.table() && t.Field == c.field() && squeeze(t.Concept) == squeeze(c.rule["conceptId"])
}

// mandatory says whether a release may not fail a check.
func (s *Settings) mandatory(c check) bool {
	about := c.table()
	if c.name() == "isForeignKey" {
		about = strings.ToLower(c.rule["fkTableName"])
	}
	return slices.Contains(s.Mandatory, c.name()) || slices.Contains(s.Mandatory, c.name()+":"+about)
}

// threshold is the percentage that holds for a check, and why; nil where none is
// published, which means zero.
func (s *Settings) threshold(c check) (percent *float64, note string) {
	for _, t := range s.Thresholds {
		if t.means(c) {
			return &t.Percent, t.Note
		}
	}
	if value, err := strconv.ParseFloat(c.rule[c.name()+"Threshold"], 64); err == nil {
		return &value, c.rule[c.name()+"Notes"]
	}
	return nil, c.rule[c.name()+"Notes"]
}

// DefaultRules is the text of the default settings.
func DefaultRules() string { return defaultSettings }
