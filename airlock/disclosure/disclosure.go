// Package disclosure examines one output of a run before it may leave, and says
// what in it could disclose something about a person.
//
// [Check] reads a file and returns a [Report]: what kind of file it is, and
// [Finding]s, each with its place and its remedy. A finding either refuses the
// file or asks the output checker to look. Nothing is ever cleared: the best
// verdict is [NeedsReview].
//
//	name, bytes ─► kind (content and name must agree)
//	                ├─ CSV, TSV, JSON, NDJSON ─► tables ─► columns ─► counts, shares, identifiers, …
//	                ├─ text, Markdown, log ────► the same for tables inside, counts in sentences
//	                ├─ PNG, SVG, safetensors, ONNX ► structure: nothing but the picture or the numbers
//	                └─ Parquet, pickles, archives, HTML, anything else ─► refused, with a remedy
//
// The rules that it guarantees, for tables and JSON: a number v with
// 0 < v < Rules.MinimumCell in a column or under a key that is named as a count
// is refused however it is written (3.0, 3e0, ３, "3 (2 %)", 3,000 that may be
// three, behind a byte order mark); so is a cell among counts that cannot be
// read; a NIR, US social security number, IBAN, e-mail address or UUID is refused wherever text
// is (see pseudonym/scan), and what looks like a telephone number or an IPv4
// address is for the checker. The names that are taken for counts, in English
// and French, stand in names.go.
//
// The names of the rules, by what they look for:
//
//	the file     name, size, kind, encoding, empty, broken, header, not-granted
//	counts       small-count, unreadable-count, small-number, no-number, no-count
//	derived      implied-count (shares), recomputable, remainder (totals), group (0 and 100 %),
//	             differencing (with outputs that were released before)
//	sums         dominance, p-percent, contributions
//	statistics   degrees-of-freedom, at-risk, survival-step, percentile, histogram-tail
//	models       model-size, model-record, membership, training
//	declared     declaration (what the run says of the output, see [Declaration])
//	persons      identifier, identifier-column, rows, repeated-row, days, extreme
//	figures      scatter (marks that may be one a person), rows, invisible, metadata
//	hidden parts invisible, precision, long-text, line-break, formula,
//	             metadata, trailing-data, script, external
//	to look at   read (text), look (pictures), model (weights)
//
// What it cannot see: a count in a column with a name that says otherwise,
// differences between outputs that count the same under other names, numbers encoded in other numbers or in the
// pixels of a picture. A person must look, and the rules for that person are in
// the sources below. Messages never quote a value, so that they can be logged.
//
// Sources: Griffiths et al., "Handbook on Statistical Disclosure Control for
// Outputs" (SDAP, 2019; second edition 2024): thresholds, dominance of
// extremes, secondary suppression; OpenSAFELY's rules for permitted outputs:
// small counts, no row-level data, file types; regulation (EU) 2025/327 (EHDS),
// article 73(2): only non-personal data leaves a secure processing environment;
// CNIL, MR-007 and its requirement SEC-EXP: exports are anonymous and checked.
package disclosure

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"rempart.eu/rempart/airlock/disclosure/cells"
	"rempart.eu/rempart/internal/words"
)

// Rules say what a project lets out. All of them must be positive.
type Rules struct {
	MinimumCell int   // the smallest count of persons that may be told; 1 to MinimumCell-1 are refused, 0 is not
	MaxBytes    int64 // of a file
	MaxRows     int   // of a table, or marks of a drawing: more is taken for row-level data
	MaxDigits   int   // significant digits of a number that is not whole: more can carry a message
	MaxCell     int   // characters of one cell or JSON text: more can carry a record

	Dominance cells.Dominance // of sums whose largest contributions are known
	Degrees   int             // the fewest residual degrees of freedom that a regression may have
	PerWeight int             // the fewest persons of a training set for each parameter of a model
}

// Standard returns the rules for a minimum cell count: files up to 4 MiB, tables
// up to 1,000 rows, 6 significant digits, and cells up to 200 characters; the two
// largest contributions at most 90 % of a sum, p = 10 %, 10 degrees of freedom, and
// 10 persons for each parameter of a model.
func Standard(minimumCell int) Rules {
	return Rules{
		MinimumCell: minimumCell, MaxBytes: 4 << 20, MaxRows: 1000, MaxDigits: 6, MaxCell: 200,
		Dominance: cells.Standard, Degrees: 10, PerWeight: 10,
	}
}

func (r Rules) check() error {
	if r.MinimumCell < 1 || r.MaxBytes < 1 || r.MaxRows < 1 || r.MaxDigits < 1 || r.MaxCell < 1 || r.Degrees < 1 || r.PerWeight < 1 {
		return errors.New("disclosure rules: every limit must be positive; start from disclosure.Standard")
	}
	return nil
}

// Severity says who can overrule a finding.
type Severity int

// The severities.
const (
	Review Severity = iota // the output checker decides
	Refuse                 // nobody: the researcher must change the output
)

func (s Severity) String() string { return [...]string{"review", "refuse"}[s] }

// MarshalText gives the severity its word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that was seen in one place.
type Finding struct {
	File     string   `json:"file"`             // the output's name, or what can be shown of it
	Line     int      `json:"line,omitempty"`   // 1-based, as an editor shows it; 0 where there is none
	Column   int      `json:"column,omitempty"` // 1-based field of a table; 0 where there is none
	Field    string   `json:"field,omitempty"`  // the column's name or the JSON path; empty where it could disclose
	Rule     string   `json:"rule"`             // one of the names in the package comment
	Code     string   `json:"code"`             // what it says: the rule, and which of several things; see messages.toml
	Values   Values   `json:"values,omitempty"` // what fills the places of its sentence
	Severity Severity `json:"severity"`         //
	Message  string   `json:"message"`          // the place, what and the remedy, in plain English, without any value
}

// Verdict is the outcome of a check.
type Verdict int

// The verdicts.
const (
	NeedsReview Verdict = iota // an output checker may release it
	Refused                    // nobody may
)

func (v Verdict) String() string { return [...]string{"needs review", "refused"}[v] }

// MarshalText gives the verdict its words in JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Report is what Check says of one file.
type Report struct {
	File     string    `json:"file"`
	Kind     Kind      `json:"kind"`
	Rows     int       `json:"rows"` // data rows of all tables in it
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"` // in the order in which they were found
}

// maxAlike is how many findings of one rule a report lists; the rest is counted.
const maxAlike = 20

// Check examines one output by itself: its name without a folder, its bytes, and
// the size in bytes that was recorded of it. The error is one of reading or of the
// rules; whatever is wrong with the output itself is a finding.
func Check(name string, r io.Reader, size int64, rules Rules) (Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, rules.MaxBytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("read the output to check it: %w", err)
	}
	return Examine(Output{Name: name, Data: data, Size: size}, rules)
}

// Output is a file that asks to leave, with what helps to examine it.
type Output struct {
	Name string // without a folder
	Data []byte
	Size int64 // in bytes, as it was recorded

	Declaration   []byte    // NAME.disclosure.yaml or .json, or nil
	Contributions []byte    // NAME.disclosure.csv, or nil
	Earlier       []Earlier // what the same project was given
	Training      []byte    // what the declaration names as the training table, or nil
	Attack        []byte    // what a membership test of the study's own wrote, or nil
	Measured      []byte    // what the warehouse's own membership test wrote (package membership), or nil
}

// Examine examines one output with what is known beside it.
func Examine(o Output, rules Rules) (Report, error) {
	if err := rules.check(); err != nil {
		return Report{}, err
	}
	c := newChecker(rules)
	c.output = o
	c.report.File = c.checkName(o.Name)
	c.declare()
	switch {
	case int64(len(o.Data)) > rules.MaxBytes || o.Size > rules.MaxBytes:
		c.refuse(place{}, "size", "bytes", rules.MaxBytes)
	case int64(len(o.Data)) != o.Size:
		c.refuse(place{}, "size_recorded")
	default:
		c.checkContent(o.Name, o.Data)
		for _, e := range o.Earlier {
			if len(c.margins) > 0 {
				c.checkDifferences(e)
			}
		}
	}
	c.countTheRest()
	return c.report, nil
}

// declare reads what the researcher says of the output.
func (c *checker) declare() {
	if c.output.Declaration == nil {
		return
	}
	d, err := ParseDeclaration(c.output.Declaration)
	if err != nil {
		c.refuse(place{}, "declaration")
		return
	}
	c.declared = d
}

// checker collects what is seen of one file.
type checker struct {
	rules  Rules
	report Report
	alike  map[string]int  // findings per rule, listed or not
	seen   map[string]bool // places already told of

	output   Output
	declared *Declaration // what the researcher says of it, or nil
	margins  []*margins   // of its tables
	keyed    []*keyed     // the same, once they are compared with others
}

func newChecker(rules Rules) *checker {
	return &checker{rules: rules, alike: map[string]int{}, seen: map[string]bool{}}
}

// place is where a finding is; the zero place is the file as a whole.
type place struct {
	line, column int
	field        string
}

// refuse adds a finding by its code, and what fills the places of its sentence: names and values in turn.
func (c *checker) refuse(at place, code string, pairs ...any) { c.add(at, code, Refuse, pairs) }

func (c *checker) review(at place, code string, pairs ...any) { c.add(at, code, Review, pairs) }

func (c *checker) add(at place, code string, severity Severity, pairs []any) {
	rule, _, _ := strings.Cut(code, "_")
	if severity == Refuse {
		c.report.Verdict = Refused
	}
	where := at.field // once, where a text was read as several tables
	if where == "" {
		where = fmt.Sprint(at.column)
	}
	key := fmt.Sprint(at.line, " ", where, " ", rule, severity)
	if c.seen[key] {
		return
	}
	group := severity.String() + " " + rule
	if c.alike[group]++; c.alike[group] > maxAlike {
		return
	}
	c.seen[key] = true
	c.report.Findings = append(c.report.Findings, told(Finding{
		File: c.report.File, Line: at.line, Column: at.column, Field: at.field,
		Rule: rule, Code: code, Values: values(pairs...), Severity: severity,
	}))
}

// countTheRest ends a report whose findings were too many to list.
func (c *checker) countTheRest() {
	for _, severity := range []Severity{Refuse, Review} {
		for _, f := range c.report.Findings {
			group := severity.String() + " " + f.Rule
			if more := c.alike[group] - maxAlike; f.Severity == severity && more > 0 {
				c.alike[group] = 0
				c.report.Findings = append(c.report.Findings, told(Finding{File: c.report.File, Rule: f.Rule, Code: "more", Values: values("n", more), Severity: severity}))
			}
		}
	}
}

// Say tells a finding with its place, in a language that has the [Catalogue].
func (f Finding) Say(l *words.Language) string {
	return SayPlace(l, f.Line, f.Column, f.Field, Say(l, f.Code, f.Values))
}
