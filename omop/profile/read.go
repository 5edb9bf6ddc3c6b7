package profile

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rempart.eu/rempart/engine"
)

// Profile is what was counted in a release, to be read. It lives in a database, which
// it does not close.
type Profile struct {
	Release string
	Against string // the release that it is held against; "" is none
	db      *engine.DB
}

// Files are SQL table expressions by the names of [Tables]. "concept" may be among them,
// so that a page can name concepts.
type Files map[string]string

// Open makes what was counted in a release ready to be read in db. before is the release
// that it is held against, and may be nil.
func Open(ctx context.Context, db *engine.DB, release string, now Files, against string, before Files) (*Profile, error) {
	p := &Profile{Release: release, db: db}
	if now["concept"] == "" {
		now = maps.Clone(now)
		now["concept"] = "(SELECT NULL::INTEGER AS concept_id, NULL::VARCHAR AS concept_name WHERE false)"
	}
	if err := p.view(ctx, "now", now); err != nil {
		return nil, err
	}
	if before != nil {
		p.Against = against
		if err := p.view(ctx, "before", before); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Profile) view(ctx context.Context, prefix string, files Files) error {
	for _, table := range slices.Sorted(maps.Keys(files)) {
		if err := p.db.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS FROM %s", engine.Quote(prefix+"_"+table), files[table])); err != nil {
			return fmt.Errorf("profile: %s: %w", table, err)
		}
	}
	// The proportion of 2004 follows from its count.
	return p.db.Exec(ctx, fmt.Sprintf(`CREATE TEMP VIEW %[1]s_strata AS
		SELECT analysis_id, CASE WHEN analysis_id = 2004 THEN stratum_1 ELSE concat_ws(', ', stratum_1, stratum_2, stratum_3, stratum_4) END AS stratum, count_value
		FROM %[1]s_achilles_results`, prefix))
}

// Analysis is an analysis, and what it made.
type Analysis struct {
	ID       int     `json:"analysis_id"`
	Name     string  `json:"analysis_name"`
	Stratum1 *string `json:"stratum_1_name"`
	Stratum2 *string `json:"stratum_2_name"`
	Stratum3 *string `json:"stratum_3_name"`
	Stratum4 *string `json:"stratum_4_name"`
	Stratum5 *string `json:"stratum_5_name"`
	Default  int     `json:"is_default"`
	Category string  `json:"category"`
	Results  int64   `json:"-"` // rows that it has in the results
}

// Result is a row of achilles_results.
type Result struct {
	Analysis int     `json:"analysis_id"`
	Stratum1 *string `json:"stratum_1"`
	Stratum2 *string `json:"stratum_2"`
	Stratum3 *string `json:"stratum_3"`
	Stratum4 *string `json:"stratum_4"`
	Stratum5 *string `json:"stratum_5"`
	Count    int64   `json:"count_value"`
}

// Distribution is a row of achilles_results_dist.
type Distribution struct {
	Result
	Min       float64 `json:"min_value"`
	Max       float64 `json:"max_value"`
	Average   float64 `json:"avg_value"`
	Deviation float64 `json:"stdev_value"`
	Median    float64 `json:"median_value"`
	P10       float64 `json:"p10_value"`
	P25       float64 `json:"p25_value"`
	P75       float64 `json:"p75_value"`
	P90       float64 `json:"p90_value"`
}

// Results are all that was counted, by Achilles' own tables and columns, and what
// changed.
type Results struct {
	Release       string         `json:"release"`
	Achilles      string         `json:"achilles_version"`
	Source        string         `json:"analyses_from"`
	Analyses      []Analysis     `json:"achilles_analysis"`
	Counts        []Result       `json:"achilles_results"`
	Distributions []Distribution `json:"achilles_results_dist"`
	Against       string         `json:"against,omitempty"` // the release of the drift
	Drift         []Change       `json:"drift"`
}

// All reads everything.
func (p *Profile) All(ctx context.Context) (*Results, error) {
	r := &Results{Release: p.Release, Achilles: AchillesVersion, Source: AchillesSource, Counts: []Result{}, Distributions: []Distribution{}, Against: p.Against}
	var err error
	if r.Analyses, err = p.Analyses(ctx); err != nil {
		return nil, err
	}
	var c Result
	err = p.db.Each(ctx, "SELECT * FROM now_achilles_results", nil, func() error { r.Counts = append(r.Counts, c); return nil },
		&c.Analysis, &c.Stratum1, &c.Stratum2, &c.Stratum3, &c.Stratum4, &c.Stratum5, &c.Count)
	if err != nil {
		return nil, err
	}
	if r.Distributions, err = p.distributions(ctx, "true"); err != nil {
		return nil, err
	}
	r.Drift, err = p.Drift(ctx)
	return r, err
}

func (p *Profile) distributions(ctx context.Context, where string) (all []Distribution, err error) {
	all = []Distribution{}
	var d Distribution
	err = p.db.Each(ctx, "SELECT * FROM now_achilles_results_dist WHERE "+where+" ORDER BY count_value DESC, analysis_id, stratum_1, stratum_2, stratum_3", nil, func() error { all = append(all, d); return nil },
		&d.Analysis, &d.Stratum1, &d.Stratum2, &d.Stratum3, &d.Stratum4, &d.Stratum5, &d.Count, &d.Min, &d.Max, &d.Average, &d.Deviation, &d.Median, &d.P10, &d.P25, &d.P75, &d.P90)
	return all, err
}

// Analyses lists those that Achilles publishes, each with what it made.
func (p *Profile) Analyses(ctx context.Context) (all []Analysis, err error) {
	var a Analysis
	err = p.db.Each(ctx, `SELECT a.*, coalesce(r.n, 0) FROM now_achilles_analysis a LEFT JOIN (
			SELECT analysis_id, count(*) AS n FROM (SELECT analysis_id FROM now_achilles_results UNION ALL SELECT analysis_id FROM now_achilles_results_dist) GROUP BY analysis_id
		) r USING (analysis_id) ORDER BY a.analysis_id`, nil, func() error { all = append(all, a); return nil },
		&a.ID, &a.Name, &a.Stratum1, &a.Stratum2, &a.Stratum3, &a.Stratum4, &a.Stratum5, &a.Default, &a.Category, &a.Results)
	return all, err
}

// Summary sums up a profile.
type Summary struct {
	Persons  int64 `json:"persons"`
	Analyses int   `json:"analyses"` // that are made by default
	Made     int   `json:"made"`     // of those: that had something to count
}

// Summary sums up the profile.
func (p *Profile) Summary(ctx context.Context) (s Summary, err error) {
	analyses, err := p.Analyses(ctx)
	if err != nil {
		return s, err
	}
	for _, a := range analyses {
		if a.Default == 1 {
			s.Analyses++
			if a.Results > 0 {
				s.Made++
			}
		}
	}
	s.Persons, err = p.persons(ctx, "now")
	return s, err
}

func (p *Profile) persons(ctx context.Context, prefix string) (n int64, err error) {
	err = p.db.Value(ctx, &n, "SELECT coalesce(sum(count_value), 0)::BIGINT FROM "+prefix+"_achilles_results WHERE analysis_id = 1")
	return n, err
}
