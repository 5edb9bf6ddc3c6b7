package profile

import (
	"context"
	"fmt"
	"strings"

	"rempart.eu/rempart/internal/page"
)

// Small is the smallest count of persons or records that a page shows, and that drift
// is told of.
const Small = 11

// By how much a release may differ from the one before without being told.
const (
	TotalMayChange = 0.10 // of records a person, or of persons
	ShapeMayChange = 0.05 // of the counts stand in other strata
	MeanMayChange  = 0.10 // standard deviations
)

// Change is what differs from the release before beyond what it may.
type Change struct {
	Analysis int      `json:"analysis_id"`
	Name     string   `json:"analysis_name"`
	Measure  string   `json:"measure"`          // total, shape, mean, new or gone
	Before   *float64 `json:"before,omitempty"` // total, new, gone: records a person, or persons; mean: of the stratum that changed most
	Now      *float64 `json:"now,omitempty"`
	Change   *float64 `json:"change,omitempty"` // total: of what it was; shape: of the counts; mean: standard deviations
	Strata   string   `json:"strata,omitempty"` // that changed most
}

// Drift is what changed against the release before, analysis by analysis. How that is
// judged is told in sql/drift_counts.sql and sql/drift_values.sql.
func (p *Profile) Drift(ctx context.Context) ([]Change, error) {
	all := []Change{}
	if p.Against == "" {
		return all, nil
	}
	now, err := p.persons(ctx, "now")
	if err != nil {
		return nil, err
	}
	before, err := p.persons(ctx, "before")
	if err != nil || now == 0 || before == 0 {
		return all, err
	}
	for _, file := range []string{"drift_counts.sql", "drift_values.sql"} {
		text, err := statements.ReadFile("sql/" + file)
		if err != nil {
			return nil, err
		}
		query := strings.NewReplacer( // numbers of our own
			"$persons_now", fmt.Sprintf("%d.0", now), "$persons_before", fmt.Sprintf("%d.0", before), "$small", fmt.Sprint(Small),
			"$total", fmt.Sprint(TotalMayChange), "$shape", fmt.Sprint(ShapeMayChange), "$mean", fmt.Sprint(MeanMayChange),
		).Replace(string(text))
		var c Change
		err = p.db.Each(ctx, query, nil, func() error { all = append(all, c); return nil }, &c.Analysis, &c.Name, &c.Measure, &c.Before, &c.Now, &c.Change, &c.Strata)
		if err != nil {
			return nil, fmt.Errorf("omop/profile/sql/%s: %w", file, err)
		}
	}
	return all, nil
}

// What says in words how an analysis changed.
func (c Change) What() string {
	switch c.Measure {
	case "total":
		return fmt.Sprintf("%+.0f %%", 100**c.Change)
	case "shape":
		return fmt.Sprintf("%.0f %% in other strata", 100**c.Change)
	case "mean":
		return fmt.Sprintf("mean %s → %s", page.Number(*c.Before), page.Number(*c.Now))
	}
	return c.Measure
}
