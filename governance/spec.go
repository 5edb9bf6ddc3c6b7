package governance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
)

// Spec is what a project asks for, as a person writes it (YAML). The text that
// is approved is the text that was written, byte for byte.
type Spec struct {
	Project     string            `yaml:"project"` // short name, used on the command line
	Title       string            `yaml:"title"`
	Purpose     string            `yaml:"purpose"`
	Use         string            `yaml:"use"`        // one of Uses
	Controller  string            `yaml:"controller"` // who answers for this use of the data
	LegalBasis  LegalBasis        `yaml:"legal_basis"`
	Persons     string            `yaml:"persons"` // SQL over the release that yields person_id
	Tables      map[string]Fields `yaml:"tables"`
	Period      Period            `yaml:"period"`
	Researchers []string          `yaml:"researchers"`
	Starts      Moment            `yaml:"starts"` // zero: with the approval
	Ends        Moment            `yaml:"ends"`
	MinimumCell int               `yaml:"minimum_cell_count"`
	MaximumRows int               `yaml:"maximum_rows"` // of a table that leaves; 0 is the standard's
	Outputs     []string          `yaml:"outputs"`      // kinds of OutputKinds; nil: all
	Dominance   *Dominance        `yaml:"dominance"`    // of sums of contributions; nil: the standard's
	Checking    *Checking         `yaml:"checking"`     // of what asks to leave; nil: the standard's
	// HostDerogation says whether data may be put with a host that foreign law
	// reaches while a derogation is in force: accepted ("") or refused.
	HostDerogation string `yaml:"host_derogation"`

	// What the project sees less exactly than the release holds it; nil: as it is.
	Dates     *Dates     `yaml:"dates"`
	Age       *Age       `yaml:"age"`
	Geography *Geography `yaml:"geography"`
	// Identifying is the reason why more than one potential identifier is needed.
	Identifying string `yaml:"identifying"`
}

// LegalBasis says on what ground data may be used, and where that is written.
type LegalBasis struct {
	Text      string `yaml:"text"`
	Reference string `yaml:"reference"`
}

// Dominance is what a sum may owe to its largest contributors: at most Percent per
// cent to the Largest of them, and nothing that lets the second tell the first
// within P per cent.
type Dominance struct {
	Largest int     `yaml:"largest"`
	Percent float64 `yaml:"percent"`
	P       float64 `yaml:"p"`
}

// Checking is how outputs are checked: within how many days, and by how many checkers.
type Checking struct {
	Within   int `yaml:"within"`
	Checkers int `yaml:"checkers"`
}

// standardWithin is how many days a checker has where the authorisation does not say.
const standardWithin = 5

// WithinDays is how many days an output may wait for its decision.
func (s *Spec) WithinDays() int {
	if c := s.Checking; c != nil && c.Within > 0 {
		return c.Within
	}
	return standardWithin
}

// Period bounds the dates of the events that a project sees, both ends included.
type Period struct {
	From Moment `yaml:"from"`
	To   Moment `yaml:"to"`
}

// Fields are the columns of a table that a project asks for: all, or these.
type Fields struct {
	All     bool
	Columns []string
}

// OutputKinds are the kinds of results that can be allowed to leave.
var OutputKinds = []string{"tables", "figures", "texts", "models"}

// The answers to the question whether a host by derogation will do.
const (
	DerogationAccepted = "accepted"
	DerogationRefused  = "refused"
)

// UnmarshalYAML reads "all" or a list of at least one column.
func (f *Fields) UnmarshalYAML(decode func(any) error) error {
	var word string
	if err := decode(&word); err == nil && word == "all" {
		f.All = true
		return nil
	}
	if err := decode(&f.Columns); err != nil || len(f.Columns) == 0 {
		return errors.New("the columns of a table are `all` or a list of at least one name")
	}
	return nil
}

// Moment is a day (2027-11-23) or a point in time (2027-11-23T18:00:00Z).
type Moment struct {
	time.Time
	day bool
}

// UnmarshalYAML reads a day or a point in time.
func (m *Moment) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err != nil {
		return err
	}
	var err error
	if m.Time, err = time.Parse(time.DateOnly, text); err == nil {
		m.day = true
		return nil
	}
	if m.Time, err = time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("%q is no date: want 2027-11-23 or 2027-11-23T18:00:00Z", text)
	}
	return nil
}

// End is when what lasts until this moment is over: a day counts to its end (UTC).
func (m Moment) End() time.Time {
	if m.day {
		return m.AddDate(0, 0, 1)
	}
	return m.Time
}

// String writes the moment as it is read; no moment is nothing.
func (m Moment) String() string {
	if m.IsZero() {
		return ""
	}
	if m.day {
		return m.Format(time.DateOnly)
	}
	return m.Format(time.RFC3339)
}

// MarshalJSON writes the moment as it is read.
func (m Moment) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Moment) UnmarshalJSON(text []byte) error {
	return m.UnmarshalYAML(func(v any) error {
		if string(text) == `""` {
			text = []byte(`"0001-01-01T00:00:00Z"`)
		}
		return json.Unmarshal(text, v)
	})
}

// FloorCell is the smallest count that any project may show: French practice
// is 11; below 5 nobody goes (DARWIN EU).
const FloorCell = 5

var (
	validName   = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)
	validColumn = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// ParseSpec reads a request and says everything that is wrong with it.
func ParseSpec(text []byte) (*Spec, error) {
	var s Spec
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %s%s", yaml.FormatError(err, false, true), s.hint(err))
	}
	return &s, errors.Join(s.faults()...)
}

var specFields = []string{"project", "title", "purpose", "legal_basis", "persons", "tables", "period", "researchers", "ends", "minimum_cell_count", "use", "controller", "starts", "maximum_rows", "outputs", "host_derogation", "dominance", "largest", "percent", "p", "checking", "within", "checkers",
	"dates", "age", "geography", "identifying", "text", "reference", "from", "to", "shift", "band", "top", "zip", "keep"}

var unknownField = regexp.MustCompile(`unknown field "([^"]+)"`)

// hint names the field that an unknown one was most likely meant to be.
func (*Spec) hint(err error) string {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		if near := nearest.Name(m[1], specFields); near != "" {
			return fmt.Sprintf("\nDid you mean %q?", near)
		}
	}
	return ""
}

func (s *Spec) faults() (faults []error) {
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!validName.MatchString(s.Project), "project: %q is no short name: want lower-case letters, digits and hyphens, such as flu-2026", s.Project)
	fault(strings.TrimSpace(s.Title) == "", "title: say what the project is called")
	fault(strings.TrimSpace(s.Purpose) == "", "purpose: say what the data is for")
	fault(strings.TrimSpace(s.LegalBasis.Text) == "", "legal_basis.text: say on what legal ground")
	fault(strings.TrimSpace(s.LegalBasis.Reference) == "", "legal_basis.reference: say which decision, and its number")
	fault(strings.TrimSpace(s.Persons) == "", "persons: give an SQL query that yields person_id, such as SELECT person_id FROM person")
	fault(len(s.Tables) == 0, "tables: name the tables and columns that the project needs")
	for table, fields := range s.Tables {
		fault(!validColumn.MatchString(table), "tables: %q is no name of a table", table)
		fault(!fields.All && len(fields.Columns) == 0, "tables.%s: want `all` or a list of columns", table)
		for _, column := range fields.Columns {
			fault(!validColumn.MatchString(column), "tables.%s: %q is no name of a column", table, column)
		}
	}
	fault(s.Period.From.IsZero() || s.Period.To.IsZero(), "period: give from and to")
	fault(s.Period.To.Before(s.Period.From.Time), "period: it ends before it begins")
	fault(len(s.Researchers) == 0, "researchers: name at least one")
	fault(s.Ends.IsZero(), "ends: give the day on which the authorisation ends")
	fault(s.MinimumCell < FloorCell, "minimum_cell_count: at least %d; 11 is the French practice", FloorCell)
	fault(!s.Starts.IsZero() && !s.Starts.Before(s.Ends.End()), "starts: the authorisation would end before it begins")
	fault(s.MaximumRows < 0, "maximum_rows: want a number of rows, got %d", s.MaximumRows)
	if d := s.Dominance; d != nil {
		fault(d.Largest < 1 || d.Percent < 50 || d.Percent > 100 || d.P < 5 || d.P > 100,
			"dominance: want largest from 1 up, percent from 50 to 100, p from 5 to 100, such as {largest: 2, percent: 90, p: 10}")
	}
	if c := s.Checking; c != nil {
		fault(c.Within < 0 || c.Within > 90 || c.Checkers < 0 || c.Checkers > 2,
			"checking: want within, from 1 to 90 days, and checkers, 1 or 2, such as {within: 5, checkers: 2}")
	}
	for _, kind := range s.Outputs {
		fault(!slices.Contains(OutputKinds, kind), "outputs: %q is no kind of output: want some of %v", kind, OutputKinds)
	}
	fault(s.HostDerogation != "" && s.HostDerogation != DerogationAccepted && s.HostDerogation != DerogationRefused, "host_derogation: want %s or %s, got %q", DerogationAccepted, DerogationRefused, s.HostDerogation)
	s.protectionFaults(fault)
	return faults
}

// Missing says what a new request has to name and older ones did not: it is asked
// when a request is made and not at the gate, which would then find fault with
// what ledgers hold already.
func (s *Spec) Missing() error {
	var faults []error
	if s.Use == "" {
		faults = append(faults, fmt.Errorf("use: say which use of the law this is, such as scientific-research: see rempart project uses"))
	}
	if strings.TrimSpace(s.Controller) == "" {
		faults = append(faults, fmt.Errorf("controller: say who answers for this use of the data"))
	}
	return errors.Join(faults...)
}
