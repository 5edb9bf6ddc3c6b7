// Package dataset makes training tables: a row for each person and day of a cohort, with
// features from before that day and an outcome after it.
//
//	specification ─► [Parse] ─► sandbox: cohort.sql, events.sql, outcome.sql ─► train, valid, test.parquet
//
// A specification is YAML ([Spec]); docs/datasets.md tells each word of it. What is guaranteed:
// no feature is of an event after the day of its row; all rows of a person are in one split,
// which depends on the split's key and the person alone; the most frequent codes of a feature
// "each" are chosen on the training rows. The same space and specification give the same rows.
//
// The worker is a language of package run: a study's step that runs *.yaml. Rows are written
// in row groups, so that training streams them: module.py, which a Python step that needs the
// table finds as rempart_dataset, reads one at a time.
package dataset

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
)

// Module is the Python module that streams a training table, by its name ModuleName.
//
//go:embed module.py
var Module []byte

// ModuleName is its file, beside the script of a step.
const ModuleName = "rempart_dataset.py"

// Description is the output that says what the others are.
const Description = "dataset.json"

// Splits are the tables, in the order in which shares are given.
var Splits = []string{"train", "valid", "test"}

// Spec is a specification.
type Spec struct {
	Cohort   string    `yaml:"cohort"` // SQL that yields person_id and index_date
	Split    Split     `yaml:"split"`
	Features []Feature `yaml:"features"`
	Outcome  Outcome   `yaml:"outcome"`
}

// Split says how persons are divided.
type Split struct {
	Key   string  `yaml:"key"` // another key divides otherwise
	Train float64 `yaml:"train"`
	Valid float64 `yaml:"valid"`
	Test  float64 `yaml:"test"`
}

// Feature is a column, or for "each" one for each of the most frequent codes.
type Feature struct {
	Name   string `yaml:"name"`
	Kind   string `yaml:"kind"`
	Table  string `yaml:"table"`
	Codes  Codes  `yaml:"codes"`
	Window []int  `yaml:"window"` // days from and to, counted from the index date: [-365, 0]
	Top    int    `yaml:"top"`    // of each: how many codes
}

// Codes are concepts, and all that descend from others by concept_ancestor.
type Codes struct {
	Concepts  []int64 `yaml:"concepts"`
	Ancestors []int64 `yaml:"ancestors"`
}

func (c Codes) any() bool { return len(c.Concepts)+len(c.Ancestors) > 0 }

// Outcome is what is to be foretold: whether an event comes in the time at risk.
type Outcome struct {
	Name   string `yaml:"name"`
	Table  string `yaml:"table"`
	Codes  Codes  `yaml:"codes"`
	Window []int  `yaml:"window"` // days at risk: [1, 30]
	Until  string `yaml:"until"`  // when the data end, where there is no observation_period
}

// kinds are those of features, with whether they are of events.
var kinds = map[string]bool{
	"age": false, "sex": false,
	"any": true, "count": true, "each": true, "since": true,
	"last": true, "mean": true, "min": true, "max": true,
}

// numeric kinds are of values.
var numeric = map[string]bool{"last": true, "mean": true, "min": true, "max": true}

// events says where a table of events has its day, code and value.
type events struct{ day, concept, value string }

var tables = map[string]events{
	"condition_occurrence": {"condition_start_date", "condition_concept_id", ""},
	"device_exposure":      {"device_exposure_start_date", "device_concept_id", ""},
	"drug_exposure":        {"drug_exposure_start_date", "drug_concept_id", ""},
	"measurement":          {"measurement_date", "measurement_concept_id", "value_as_number"},
	"observation":          {"observation_date", "observation_concept_id", "value_as_number"},
	"procedure_occurrence": {"procedure_date", "procedure_concept_id", ""},
	"visit_occurrence":     {"visit_start_date", "visit_concept_id", ""},
}

const (
	maxFeatures = 5000
	maxWindow   = 36525 // days
)

var (
	validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	unknown   = regexp.MustCompile(`unknown field "([^"]+)"`)
	reserved  = []string{"row", "person_id", "index_date", "split", "label", "days", "censored"}
	words     = []string{"cohort", "split", "features", "outcome", "key", "train", "valid", "test", "name", "kind", "table", "codes", "window", "top", "concepts", "ancestors", "until"}
)

// Parse reads a specification, and says all that is wrong with it.
func Parse(text []byte) (*Spec, error) {
	s := &Spec{Split: Split{Key: "1", Train: 0.7, Valid: 0.15, Test: 0.15}}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(s); err != nil && !errors.Is(err, io.EOF) {
		hint := ""
		if m := unknown.FindStringSubmatch(err.Error()); m != nil {
			if near := nearest.Name(m[1], words); near != "" {
				hint = fmt.Sprintf("\nDid you mean %q?", near)
			}
		}
		return nil, fmt.Errorf("the specification cannot be read: %s%s", yaml.FormatError(err, false, true), hint)
	}
	var all faults
	fault := all.when
	fault(strings.TrimSpace(s.Cohort) == "", "cohort: an SQL query that yields person_id and index_date")
	sum := s.Split.Train + s.Split.Valid + s.Split.Test
	fault(s.Split.Train <= 0 || s.Split.Valid < 0 || s.Split.Test < 0 || sum < 0.999 || sum > 1.001, "split: train, valid and test are shares that add up to 1")
	fault(len(s.Features) == 0, "features: name at least one")
	names := map[string]bool{}
	for _, f := range s.Features {
		for _, err := range f.check() {
			fault(true, "feature %q: %w", f.Name, err)
		}
		fault(names[f.Name], "feature %q: another has this name", f.Name)
		names[f.Name] = true
	}
	for _, err := range s.Outcome.check() {
		fault(true, "outcome: %w", err)
	}
	return s, errors.Join(all...)
}

// faults are all that is wrong with a specification.
type faults []error

// when adds one where something is wrong.
func (f *faults) when(wrong bool, format string, args ...any) {
	if wrong {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

func (f *Feature) check() (all faults) {
	fault := all.when
	of, known := kinds[f.Kind]
	fault(!validName.MatchString(f.Name) || slices.Contains(reserved, f.Name), "name: want lower-case letters, digits and _, and none of %s", strings.Join(reserved, ", "))
	fault(!known, "kind: %q: want one of %s", f.Kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	if !known || !of {
		return all
	}
	at, has := tables[f.Table]
	fault(!has, "table: %q: want one of %s", f.Table, strings.Join(slices.Sorted(maps.Keys(tables)), ", "))
	fault(has && numeric[f.Kind] && at.value == "", "kind: %s is of values, which %s does not have", f.Kind, f.Table)
	fault(numeric[f.Kind] && !f.Codes.any(), "codes: %s wants to know of which values", f.Kind)
	fault(f.Kind == "each" && (f.Top < 1 || f.Top > maxFeatures), "top: how many codes, 1 to %d", maxFeatures)
	fault(f.Kind != "each" && f.Top != 0, "top: is for each alone")
	fault(len(f.Window) != 2 || f.Window[0] > f.Window[1] || f.Window[0] < -maxWindow, "window: two days counted from the index date, such as [-365, 0]")
	fault(len(f.Window) == 2 && f.Window[1] > 0, "window: ends at the index date, 0, at the latest: what comes later is not known on that day")
	return all
}

func (o *Outcome) check() (all faults) {
	fault := all.when
	_, has := tables[o.Table]
	fault(!validName.MatchString(o.Name), "name: want lower-case letters, digits and _")
	fault(!has, "table: %q: want one of %s", o.Table, strings.Join(slices.Sorted(maps.Keys(tables)), ", "))
	fault(len(o.Window) != 2 || o.Window[0] > o.Window[1] || o.Window[0] < 1 || o.Window[1] > maxWindow, "window: the days at risk after the index date, such as [1, 30]")
	if o.Until != "" {
		_, err := time.Parse(time.DateOnly, o.Until)
		fault(err != nil, "until: %q is no day", o.Until)
	}
	return all
}
