package omop

import (
	"embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// Report accounts for a build: every accepted row of every deposit, every code
// without a standard concept, every table.
type Report struct {
	Deposits     []DepositReport    `json:"deposits"`
	Vocabularies []VocabularyReport `json:"vocabularies"`
	Tables       []TableReport      `json:"tables"`
	Persons      PersonReport       `json:"persons"`
	Merged       []MergeReport      `json:"merged,omitempty"`

	Mappings  []MappingFile `json:"-"` // that made rows: see [Origins]
	Basis     Basis         `json:"-"` // what rows were mapped by: see [Base]
	Continued Continuation  `json:"-"` // whose rows are those of a release before
}

// DepositReport accounts for one deposit.
type DepositReport struct {
	Name      string           `json:"name"`
	Feed      string           `json:"feed"`
	Kind      string           `json:"kind"`
	Resources []ResourceReport `json:"resources"`
}

// ResourceReport accounts for the rows of one resource:
// Accepted = Mapped + the sum of Left.
type ResourceReport struct {
	Name     string           `json:"name"`
	Accepted int64            `json:"accepted"` // rows handed to the build
	Mapped   int64            `json:"mapped"`   // rows that stand behind at least one CDM row
	Reached  map[string]int64 `json:"reached"`  // rows that stand behind a row of this CDM table
	Left     map[string]int64 `json:"left"`     // rows that reached no table, by reason
}

// VocabularyReport counts the codes of one source vocabulary in the CDM's rows.
type VocabularyReport struct {
	Name          string     `json:"name"`
	Codes         int64      `json:"codes"`
	CodesUnmapped int64      `json:"codes_unmapped"` // concept 0
	Rows          int64      `json:"rows"`
	RowsUnmapped  int64      `json:"rows_unmapped"` // concept 0
	Unmapped      []CodeRows `json:"unmapped"`      // the unmapped codes, the most frequent first, at most 100,000
}

// CodeRows is an unmapped code and its number of rows.
type CodeRows struct {
	Code string `json:"code"`
	Name string `json:"name,omitempty"` // as its vocabulary has it, where it has the code
	Rows int64  `json:"rows"`
}

// TableReport counts a CDM table.
type TableReport struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// Unresolved counts keys that name no visit, provider, care site or
	// location, by the column left empty.
	Unresolved map[string]int64 `json:"unresolved,omitempty"`
}

// PersonReport says how deposits agree about persons. Those that are one source describe a
// person once, and cannot disagree.
type PersonReport struct {
	Persons            int64 `json:"persons"`
	SeveralDeposits    int64 `json:"several_deposits"`   // described by more than one deposit
	SexDiffers         int64 `json:"sex_differs"`        // of those: deposits disagree on the sex
	BirthYearDiffers   int64 `json:"birth_year_differs"` // of those: deposits disagree on the year of birth
	WithoutObservation int64 `json:"without_observation_period"`
}

// MergeReport counts what is told more than once in one table: persons and stays by
// several deposits, drugs by prescription and by dispensation. Where they are one row,
// the deposits that are believed first say what it holds; where each side's row stays,
// its type says whose it is.
type MergeReport struct {
	Table  string           `json:"table"`
	Rule   string           `json:"rule"`              // "one row", "each side's row stays", or "a prescription and its dispensation, linked"
	Things int64            `json:"things"`            // that are told of more than once
	Sides  map[string]int64 `json:"sides"`             // rows about them, by deposit
	ByRule int64            `json:"by_rule,omitempty"` // of the stays: known by person and days, not by a key that is shared
}

// Reasons why an accepted row reached no table, besides those that a feed gives.
const (
	LeftUnlinked = "not linked to a person"
	LeftEvent    = "its event is not in the CDM"
	LeftAgain    = "delivered again by a later deposit"
	LeftUnmapped = "no mapping selected it"
)

// Accounted says whether every accepted row went somewhere that the report names.
func (r *Report) Accounted() bool {
	for _, d := range r.Deposits {
		for _, s := range d.Resources {
			left := int64(0)
			for _, n := range s.Left {
				left += n
			}
			if s.Accepted != s.Mapped+left {
				return false
			}
		}
	}
	return true
}

// Rows is the number of rows of a CDM table.
func (r *Report) Rows(table string) int64 {
	for _, t := range r.Tables {
		if t.Name == table {
			return t.Rows
		}
	}
	return 0
}

//go:embed report.tmpl
var reportText embed.FS

var reportTemplate = template.Must(template.New("report.tmpl").Funcs(template.FuncMap{"counts": counts}).ParseFS(reportText, "report.tmpl"))

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	if err := reportTemplate.Execute(w, r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// counts writes "name n, name n", sorted by name.
func counts(m map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}
