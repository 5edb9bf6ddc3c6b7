package portal

import (
	"context"

	"rempart.eu/rempart/omop/quality"
	"rempart.eu/rempart/warehouse"
)

// What the checks of a release's quality found is sealed with the release. How many
// failed is in the ledger, for everybody; which, and by how much, is for those who see
// everything, and without counts of few.

// qualityReader opens what the checks of a release found.
type qualityReader func(ctx context.Context, w *warehouse.Warehouse, release string) (*quality.Results, error)

func checksOf(ctx context.Context, w *warehouse.Warehouse, name string) (*quality.Results, error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	release, err := state.Release(name)
	if err != nil {
		return nil, err
	}
	return w.Quality(ctx, state, release)
}

// checkedData is what everybody is told of a release's quality.
type checkedData struct {
	Checks    int  `json:"checks"` // that had something to look at
	Failed    int  `json:"failed"`
	Mandatory int  `json:"mandatory"` // of those that failed
	MayRead   bool `json:"may_read"`  // which they are
}

// qualityData is what the checks of a release found.
type qualityData struct {
	Release       string       `json:"release"`
	Dashboard     string       `json:"dashboard"` // the version whose checks they are
	Passed        int          `json:"passed"`
	Failed        int          `json:"failed"`
	NotApplicable int          `json:"not_applicable"`
	Failing       []failedLine `json:"failing"`
}

// failedLine is a check that failed.
type failedLine struct {
	ID        string   `json:"check"`
	What      string   `json:"what"`
	Violated  *int64   `json:"rows,omitempty"` // absent: fewer than 11, or it would tell of so few
	Of        *int64   `json:"of,omitempty"`
	Percent   *float64 `json:"percent,omitempty"` // absent where a count is
	Allowed   float64  `json:"allowed_percent"`
	Mandatory bool     `json:"mandatory"`
	Texts     []string `json:"-"` // of those four, in the person's language
}

// overseenRelease is the release of the path, for who sees everything.
func (q *request) overseenRelease() (string, error) {
	if err := q.overseeing(); err != nil {
		return "", err
	}
	release := q.PathValue("release")
	if _, known := q.state.Releases.Get(release); !known {
		return "", errNotFound
	}
	return release, nil
}

// quality shows what the checks found.
func (p *Portal) quality(q *request) (later, error) {
	release, err := q.overseenRelease()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		found, err := p.checks(ctx, p.w, release)
		return func(q *request) (*answer, error) {
			return &answer{"quality", q.lang.Text("quality.title", "release", release), q.found(release, found)}, nil
		}, err
	}, nil
}

// found tells what the checks found.
func (q *request) found(release string, r *quality.Results) qualityData {
	o := r.Overview
	d := qualityData{release, r.Metadata[0].DashboardVersion, o.Passed[0], o.Failed[0], o.NotApplicable[0], []failedLine{}}
	for _, c := range r.Failing() {
		line := failedLine{ID: c.ID, What: c.What(), Mandatory: c.Mandatory}
		line.Violated, line.Of = c.Shown()
		share := "–"
		if line.Violated != nil && line.Of != nil {
			percent := c.Percent()
			line.Percent, share = &percent, q.lang.percent(&c.Share)
		}
		if c.Threshold != nil {
			line.Allowed = *c.Threshold
		}
		line.Texts = []string{q.seen(line.Violated), q.seen(line.Of), share, q.figure(line.Allowed) + "\u00a0%"}
		d.Failing = append(d.Failing, line)
	}
	return d
}

// seen writes a count that may be hidden.
func (q *request) seen(n *int64) string {
	if n == nil {
		return "–"
	}
	return q.lang.Number(*n)
}
