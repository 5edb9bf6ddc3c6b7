package match

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
)

// Spec says what is compared, and how. It is data: YAML that a data manager
// writes (docs/linkage.md), or what [Recipe] makes of the names of columns.
type Spec struct {
	ID          string       `yaml:"id,omitempty" json:"id,omitempty"` // source column that names a record; without it, its row number from 1
	Columns     []Column     `yaml:"columns" json:"columns"`
	Comparisons []Comparison `yaml:"comparisons" json:"comparisons"`
	Blocking    []Rule       `yaml:"blocking" json:"blocking"`
	Training    []Rule       `yaml:"training,omitempty" json:"training,omitempty"` // default: Blocking
	Prior       float64      `yaml:"prior,omitempty" json:"prior,omitempty"`       // of two random records; 0: estimated
	Thresholds  Thresholds   `yaml:"thresholds,omitempty" json:"thresholds"`
	OneToOne    bool         `yaml:"one_to_one,omitempty" json:"one_to_one"` // a record has at most one partner
}

// Column is a value of each record in its normal form.
type Column struct {
	Name string   `yaml:"name" json:"name"`
	From []string `yaml:"from,omitempty" json:"from,omitempty"` // source columns, written one after another; default: Name
	As   Form     `yaml:"as,omitempty" json:"as,omitempty"`     // default: text
}

// Form is the normal form of a column. What cannot be read is missing.
type Form string

// The forms.
const (
	Raw    Form = "raw"    // as it is
	Text   Form = "text"   // upper case, no accents, single spaces
	Name   Form = "name"   // letters only, upper case, no accents
	Code   Form = "code"   // letters and digits only, upper case
	Digits Form = "digits" // digits only
	Date   Form = "date"   // YYYYMMDD, from YYYY-MM-DD, YYYYMMDD, DD/MM/YYYY, or year, month and day in three columns
	Number Form = "number" // DOUBLE
	List   Form = "list"   // texts, separated by | ; or ,
	CLK    Form = "clk"    // a cryptographic long-term key in base64 (package clk)
)

var forms = []Form{Raw, Text, Name, Code, Digits, Date, Number, List, CLK}

// Comparison compares one column, or two that may be swapped, in levels from
// the strongest to the weakest. Below them are two more: "else", and "missing"
// where a side has no value, which says nothing.
type Comparison struct {
	Column        string  `yaml:"column" json:"column"`
	SwappedWith   string  `yaml:"swapped_with,omitempty" json:"swapped_with,omitempty"` // what the level "swapped" exchanges with
	Levels        []Level `yaml:"levels" json:"levels"`
	TermFrequency bool    `yaml:"term_frequency,omitempty" json:"term_frequency"` // rare values weigh more where they are equal
}

// Level is a condition on two values: a word, or a word and a number.
type Level struct {
	Kind  Kind
	Value float64
}

// Kind is the kind of a level.
type Kind string

// The kinds. Those that say so have a value.
const (
	Exact       Kind = "exact"
	JaroWinkler Kind = "jaro_winkler" // similarity at least the value, 0 to 1
	Levenshtein Kind = "levenshtein"  // at most so many edits
	Damerau     Kind = "damerau"      // the same, with exchanged neighbours as one edit
	Prefix      Kind = "prefix"       // the first characters, so many, are equal
	Within      Kind = "within"       // numbers that differ by the value at most
	Percent     Kind = "percent"      // numbers that differ by so many per cent of the larger
	Days        Kind = "days"         // dates at most so many days apart
	DayMonth    Kind = "day_month"    // day and month exchanged
	SameYear    Kind = "same_year"    // dates of one year
	Swapped     Kind = "swapped"      // with SwappedWith
	Shared      Kind = "shared"       // lists with so many elements in common
	Dice        Kind = "dice"         // coefficient of two CLKs at least the value, 0 to 1
)

// kinds tells what each kind takes: the forms of column (none: any), and a value in a range.
var kinds = map[Kind]struct {
	forms    []Form
	value    bool
	min, max float64
}{
	Exact:       {},
	JaroWinkler: {texts, true, 0, 1},
	Levenshtein: {texts, true, 1, 100},
	Damerau:     {texts, true, 1, 100},
	Prefix:      {texts, true, 1, 100},
	Within:      {[]Form{Number}, true, 0, 1e18},
	Percent:     {[]Form{Number}, true, 0, 100},
	Days:        {[]Form{Date}, true, 1, 100000},
	DayMonth:    {[]Form{Date}, false, 0, 0},
	SameYear:    {[]Form{Date}, false, 0, 0},
	Swapped:     {},
	Shared:      {[]Form{List}, true, 1, 1000},
	Dice:        {[]Form{CLK}, true, 0, 1},
}

var texts = []Form{Raw, Text, Name, Code, Digits, Date}

// Rule is a blocking rule: only pairs that agree on all of its terms are
// compared. A term is a column, or prefix(column, n), suffix(column, n),
// year(column), month(column), day(column) or sound(column).
type Rule []string

// Thresholds are probabilities. Pairs of at least Link are linked; those below
// it and of at least Clerical are for a person to decide, and are not linked.
type Thresholds struct {
	Link     float64 `yaml:"link" json:"link"`
	Clerical float64 `yaml:"clerical" json:"clerical"`
}

// DefaultThresholds are those of a Spec that has none.
var DefaultThresholds = Thresholds{Link: 0.5, Clerical: 0.05}

// UnmarshalYAML reads a word, or a word and its value: "exact", "jaro_winkler: 0.9".
func (l *Level) UnmarshalYAML(decode func(any) error) error {
	var word string
	if decode(&word) == nil {
		l.Kind = Kind(word)
		return nil
	}
	var pair map[string]float64
	if err := decode(&pair); err != nil || len(pair) != 1 {
		return errors.New(`a level is a word, such as "exact", or a word and its value, such as "jaro_winkler: 0.9"`)
	}
	for k, v := range pair {
		l.Kind, l.Value = Kind(k), v
	}
	return nil
}

// MarshalYAML writes what UnmarshalYAML reads.
func (l Level) MarshalYAML() (any, error) {
	if !kinds[l.Kind].value {
		return string(l.Kind), nil
	}
	return map[string]float64{string(l.Kind): l.Value}, nil
}

// String is how a level is named in models and reports, such as "jaro_winkler 0.9".
func (l Level) String() string {
	if !kinds[l.Kind].value {
		return string(l.Kind)
	}
	return string(l.Kind) + " " + strconv.FormatFloat(l.Value, 'g', -1, 64)
}

// MarshalText implements encoding.TextMarshaler, for models in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	word, value, has := strings.Cut(string(text), " ")
	l.Kind, l.Value = Kind(word), 0
	if !has {
		return nil
	}
	var err error
	l.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// ParseSpec reads a spec in YAML, strictly, and checks it. Errors name the line.
func ParseSpec(text []byte) (Spec, error) {
	var s Spec
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("the linkage spec cannot be read: %s", yaml.FormatError(err, false, true))
	}
	return s, s.check()
}

// Format writes the spec as ParseSpec reads it.
func (s Spec) Format() ([]byte, error) { return yaml.Marshal(s) }

// check says what is wrong with a spec, and fills in what it leaves out.
func (s *Spec) check() error {
	for i := range s.Columns {
		c := &s.Columns[i]
		if c.As == "" {
			c.As = Text
		}
		if len(c.From) == 0 {
			c.From = []string{c.Name}
		}
		switch {
		case c.Name == "":
			return fmt.Errorf("columns: the %s has no name", ordinal(i))
		case !slices.Contains(forms, c.As):
			return fmt.Errorf("column %s: there is no form %q%s", c.Name, c.As, didYouMean(string(c.As), forms))
		case slices.ContainsFunc(s.Columns[:i], func(o Column) bool { return o.Name == c.Name }):
			return fmt.Errorf("column %s stands twice in the spec", c.Name)
		}
	}
	if len(s.Comparisons) == 0 {
		return errors.New("the spec has no comparisons: name at least one column to compare, with its levels")
	}
	for i := range s.Comparisons {
		if err := s.checkComparison(s.Comparisons[i], s.Comparisons[:i]); err != nil {
			return err
		}
	}
	if len(s.Blocking) == 0 {
		return errors.New("the spec has no blocking rules: name at least one list of columns that two records of one person agree on")
	}
	if len(s.Blocking) > maxRules || len(s.Training) > maxRules {
		return fmt.Errorf("the spec has more than %d blocking or training rules", maxRules)
	}
	for _, r := range slices.Concat(s.Blocking, s.Training) {
		if len(r) == 0 {
			return errors.New("a blocking rule names no column")
		}
		for _, t := range r {
			if _, err := s.parseTerm(t); err != nil {
				return err
			}
		}
	}
	if s.Thresholds == (Thresholds{}) {
		s.Thresholds = DefaultThresholds
	}
	if t := s.Thresholds; !(t.Clerical > 0 && t.Clerical <= t.Link && t.Link < 1) {
		return errors.New("thresholds are probabilities: want 0 < clerical ≤ link < 1")
	}
	if !(s.Prior >= 0 && s.Prior < 1) {
		return errors.New("the prior is the probability that two random records match: want 0 < prior < 1, or leave it out")
	}
	if bits := newLayout(s.Comparisons).bits; bits > maxBits {
		return fmt.Errorf("the spec has too many comparisons or levels: a pair's pattern takes %d bits of %d", bits, maxBits)
	}
	return nil
}

// maxRules is what a mask of rules holds, maxBits what a pattern does.
const (
	maxRules = 31
	maxBits  = 62
)

func (s *Spec) checkComparison(c Comparison, before []Comparison) error {
	column, err := s.column(c.Column)
	if err != nil {
		return fmt.Errorf("comparisons: %w", err)
	}
	if slices.ContainsFunc(before, func(o Comparison) bool { return o.Column == c.Column }) {
		return fmt.Errorf("comparison %s stands twice in the spec", c.Column)
	}
	if len(c.Levels) == 0 {
		return fmt.Errorf("comparison %s has no levels", c.Column)
	}
	if c.SwappedWith != "" {
		if _, err := s.column(c.SwappedWith); err != nil {
			return fmt.Errorf("comparison %s, swapped_with: %w", c.Column, err)
		}
	}
	for i, l := range c.Levels {
		k, known := kinds[l.Kind]
		switch {
		case !known:
			return fmt.Errorf("comparison %s: there is no level %q%s", c.Column, l.Kind, didYouMean(string(l.Kind), kindNames))
		case k.forms != nil && !slices.Contains(k.forms, column.As):
			return fmt.Errorf("comparison %s: the level %s needs a column of another form than %s: %v", c.Column, l.Kind, column.As, k.forms)
		case k.value && !(l.Value >= k.min && l.Value <= k.max):
			return fmt.Errorf("comparison %s: the level %s takes a number from %g to %g", c.Column, l.Kind, k.min, k.max)
		case k.value && whole(l.Kind) && l.Value != float64(int(l.Value)):
			return fmt.Errorf("comparison %s: the level %s takes a whole number", c.Column, l.Kind)
		case !k.value && l.Value != 0:
			return fmt.Errorf("comparison %s: the level %s takes no number", c.Column, l.Kind)
		case l.Kind == Swapped && c.SwappedWith == "":
			return fmt.Errorf("comparison %s: the level swapped needs swapped_with, the other column", c.Column)
		case slices.Contains(c.Levels[:i], l):
			return fmt.Errorf("comparison %s has the level %s twice", c.Column, l)
		}
	}
	if c.TermFrequency && c.Levels[0].Kind != Exact {
		return fmt.Errorf("comparison %s: term_frequency needs exact as the first level", c.Column)
	}
	return nil
}

func whole(k Kind) bool {
	return slices.Contains([]Kind{Levenshtein, Damerau, Prefix, Days, Shared}, k)
}

var kindNames = []Kind{Exact, JaroWinkler, Levenshtein, Damerau, Prefix, Within, Percent, Days, DayMonth, SameYear, Swapped, Shared, Dice}

func (s *Spec) column(name string) (Column, error) {
	var names []string
	for _, c := range s.Columns {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Column{}, fmt.Errorf("there is no column %q under columns%s", name, didYouMean(name, names))
}

// term is a parsed term of a rule.
type term struct {
	function, column string
	n                int
}

var termForm = regexp.MustCompile(`^(?:(prefix|suffix|year|month|day|sound)\(\s*([^(),]+?)\s*(?:,\s*(\d{1,3})\s*)?\)|([^(),]+))$`)

func (s *Spec) parseTerm(text string) (term, error) {
	m := termForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return term{}, fmt.Errorf("blocking term %q: want a column, or prefix(column, n), suffix(column, n), year(column), month(column), day(column) or sound(column)", text)
	}
	t := term{function: m[1], column: strings.TrimSpace(m[2] + m[4])}
	c, err := s.column(t.column)
	if err != nil {
		return term{}, fmt.Errorf("blocking term %q: %w", text, err)
	}
	counted := t.function == "prefix" || t.function == "suffix"
	if counted != (m[3] != "") || m[3] == "0" {
		return term{}, fmt.Errorf("blocking term %q: prefix and suffix take a number of characters, nothing else does", text)
	}
	t.n, _ = strconv.Atoi(m[3])
	switch t.function {
	case "year", "month", "day":
		if c.As != Date {
			return term{}, fmt.Errorf("blocking term %q needs a column of form date", text)
		}
	case "prefix", "suffix", "sound":
		if !slices.Contains(texts, c.As) {
			return term{}, fmt.Errorf("blocking term %q needs a column of text", text)
		}
	case "":
		if c.As == CLK || c.As == List {
			return term{}, fmt.Errorf("blocking term %q: records agree on no %s as a whole", text, c.As)
		}
	}
	return t, nil
}

// columns of a rule, each once.
func (s *Spec) ruleColumns(r Rule) []string {
	var names []string
	for _, text := range r {
		if t, err := s.parseTerm(text); err == nil && !slices.Contains(names, t.column) {
			names = append(names, t.column)
		}
	}
	return names
}

func didYouMean[T ~string](name string, known []T) string {
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	return ": " + nearest.Hint(name, words)
}

func ordinal(i int) string { return fmt.Sprintf("column at place %d", i+1) }
