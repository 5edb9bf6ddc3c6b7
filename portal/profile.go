package portal

import (
	"context"

	"rempart.eu/rempart/omop/profile"
	"rempart.eu/rempart/warehouse"
)

// What is in a release's tables is sealed with it. What changed since the release before
// is for those who see everything, and without counts of few.

// profileReader opens what is in a release.
type profileReader func(ctx context.Context, w *warehouse.Warehouse, release string) (*profileData, error)

// profileData is what is in a release, and what changed.
type profileData struct {
	Release string           `json:"release"`
	Made    int              `json:"made"`     // analyses that had something to count
	Of      int              `json:"analyses"` // that are made by default
	Against string           `json:"against"`  // the release before; "" is none
	Drift   []profile.Change `json:"drift"`
	Lines   []driftLine      `json:"-"`
}

// driftLine tells a change in the person's language.
type driftLine struct {
	Name, What, Strata string
	Analysis           int
}

func profileOf(ctx context.Context, w *warehouse.Warehouse, name string) (d *profileData, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	release, err := state.Release(name)
	if err != nil {
		return nil, err
	}
	err = w.Profile(ctx, state, release, nil, func(p *profile.Profile) error {
		s, err := p.Summary(ctx)
		if err != nil {
			return err
		}
		d = &profileData{Release: name, Made: s.Made, Of: s.Analyses, Against: p.Against}
		d.Drift, err = p.Drift(ctx)
		return err
	})
	return d, err
}

// profile shows what changed in a release.
func (p *Portal) profile(q *request) (later, error) {
	release, err := q.overseenRelease()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		found, err := p.profiles(ctx, p.w, release)
		return func(q *request) (*answer, error) {
			for _, c := range found.Drift {
				found.Lines = append(found.Lines, driftLine{Name: c.Name, What: q.changed(c), Strata: c.Strata, Analysis: c.Analysis})
			}
			return &answer{"profile", q.lang.Text("profile.title", "release", release), *found}, nil
		}, err
	}, nil
}

// changed says in words how an analysis changed.
func (q *request) changed(c profile.Change) string {
	switch c.Measure {
	case "total", "shape":
		return q.lang.Text("profile."+c.Measure, "percent", q.lang.Decimal(100**c.Change, 0))
	case "mean":
		return q.lang.Text("profile.mean", "before", q.lang.Decimal(*c.Before, 2), "now", q.lang.Decimal(*c.Now, 2))
	}
	return q.lang.Text("profile." + c.Measure)
}
