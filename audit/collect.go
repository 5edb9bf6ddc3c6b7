package audit

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
	"rempart.eu/rempart/warehouse"
)

// NewReport sums up a period of a project, or of the whole warehouse where project
// is "". The error is a *governance.Refusal where there is no such project.
func NewReport(ctx context.Context, w *warehouse.Warehouse, l *words.Language, project string, period register.Period, now time.Time) (*Report, error) {
	r := &Report{Project: project, Period: period, Now: now.UTC().Truncate(time.Second)}
	var given, incidents []register.Row
	err := w.Read(ctx, func(m *warehouse.Model) error {
		if project != "" {
			if _, err := m.State.Project(project); err != nil {
				return err
			}
		}
		r.Warehouse, r.Ledger = m.State.Warehouse.Name, m.Size()
		if r.Period.From.IsZero() {
			r.Period.From = m.State.Created
		}
		if r.Period.Until.IsZero() {
			r.Period.Until = r.Now
		}
		r.read(m.State)
		given, incidents = r.count(m.Register)
		r.serve()
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, w.Log, given, func(row register.Row, e ledger.Entry) error {
		body, err := e.Statement.Decode()
		if b, ok := body.(*ledger.ProjectExtracted); ok {
			x := Extraction{row.Index, row.Time, b.Project, b.Release, b.Persons, len(b.Tables), 0}
			for _, t := range b.Tables {
				x.Rows += t.Rows
			}
			r.Extractions = append(r.Extractions, x)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, each(ctx, w.Log, incidents, func(row register.Row, e ledger.Entry) error {
		body, err := e.Statement.Decode()
		if b, ok := body.(*ledger.Countersigned); ok && !b.Refused {
			return err
		}
		if b, ok := body.(*ledger.RunFinished); ok && b.Outcome == "done" {
			return err
		}
		r.Incidents = append(r.Incidents, line(l, row, e.Statement))
		return err
	})
}

// incidental are the kinds that an officer is to hear of: some of what they say may
// be no incident.
var incidental = []string{
	"project-refused", "project-suspended", "output-refused", "run-finished", "emergency-opened", "emergency-reviewed",
	"migration-stopped", "host-left", "countersigned", "passkey-removed", "token-revoked",
}

// count counts statements by month, and lists those that have to be read.
func (r *Report) count(all *register.Register) (given, incidents []register.Row) {
	for at := r.Period.From; at.Before(r.Period.Until) && len(r.Months) < 120; at = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC) {
		r.Months = append(r.Months, Month{Month: at})
	}
	for index := range all.Forward(register.Query{Project: r.Project, From: r.Period.From, Until: r.Period.Until}) {
		row := all.Row(index)
		r.Statements++
		switch {
		case row.Kind == "project-extracted":
			given = append(given, row)
		case slices.Contains(incidental, row.Kind):
			incidents = append(incidents, row)
		}
		m := r.month(row.Time)
		m.Statements++
		switch row.Kind {
		case "run-requested":
			m.Runs++
		case "space-mounted":
			m.Mounts++
		case "output-released":
			m.Released++
		case "output-refused":
			m.Refused++
		}
	}
	for _, o := range r.Outputs {
		if r.in(o.Time) {
			r.month(o.Time).Asked++
		}
	}
	return given, incidents
}

func (r *Report) month(t time.Time) *Month {
	for i := range slices.Backward(r.Months) {
		if !t.Before(r.Months[i].Month) {
			return &r.Months[i]
		}
	}
	return &Month{}
}

func (r *Report) in(t time.Time) bool {
	return !t.Before(r.Period.From) && t.Before(r.Period.Until)
}

func (r *Report) of(project string) bool { return r.Project == "" || r.Project == project }

// during says whether something that began, and ended at a time or goes on (zero), was in the period.
func (r *Report) during(from, end time.Time) bool {
	return from.Before(r.Period.Until) && (end.IsZero() || end.After(r.Period.From))
}

func decided(verdict string, made *governance.Made, reason string, asked time.Time) *Decision {
	if made == nil {
		return nil
	}
	return &Decision{verdict, made.Actor, made.Time, reason, made.Time.Sub(asked).Hours()}
}

func (r *Report) read(s *governance.State) {
	for name, p := range s.Projects.All() {
		if !r.of(name) || !r.during(p.Time, ended(p)) {
			continue
		}
		r.Authorisations = append(r.Authorisations, r.authorisation(p))
		if p.Granted == nil {
			continue
		}
		for _, person := range p.Spec.Researchers {
			r.Access = append(r.Access, Access{Project: name, Person: person})
		}
	}
	r.readUse(s)
	r.readRights(s)
	for _, e := range s.Emergencies.All() {
		if r.of(e.Project) && r.in(e.Time) {
			verdict := "unjustified"
			if e.Justified {
				verdict = "justified"
			}
			r.Emergencies = append(r.Emergencies, Emergency{e.Emergency, e.Project, e.Actor, e.Time, e.Until, e.Reason, decided(verdict, e.Review, e.Finding, e.Time)})
		}
	}
	for name, h := range s.Hosts.All() {
		if d := h.Derogation; d != nil && r.during(d.Time, d.Until) {
			r.Derogations = append(r.Derogations, Derogation{name, d.Actor, d.Time, d.Until, d.Conditions, d.Reason})
		}
	}
	r.readAhead(s)
}

// serve sums up service times.
func (r *Report) serve() {
	var decisions, outputs []float64
	late := 0
	for _, a := range r.Authorisations {
		for _, v := range a.Versions {
			if v.Decision != nil && r.in(v.Decision.Time) {
				decisions = append(decisions, v.Decision.Hours)
			}
		}
	}
	for _, o := range r.Outputs {
		if o.Decision != nil && r.in(o.Decision.Time) {
			outputs = append(outputs, o.Decision.Hours)
			if o.Late {
				late++
			}
		}
	}
	for _, s := range []struct {
		what  string
		hours []float64
		late  int
	}{{"decision", decisions, 0}, {"output", outputs, late}, {"access", r.Rights.Hours, 0}} {
		x := Service{What: s.what, Count: len(s.hours), Late: s.late}
		if x.Count > 0 {
			slices.Sort(s.hours)
			x.Median = (s.hours[(x.Count-1)/2] + s.hours[x.Count/2]) / 2
			x.Longest = s.hours[x.Count-1]
		}
		r.Service = append(r.Service, x)
	}
}

// ended is when an authorisation ended, zero where it has not.
func ended(p *governance.Project) time.Time {
	if p.Status == governance.Closed || p.Status == governance.Refused {
		if p.Decision != nil {
			return p.Decision.Time
		}
	}
	if p.Granted != nil {
		return p.Spec.Ends.End()
	}
	return time.Time{}
}

func (r *Report) authorisation(p *governance.Project) Authorisation {
	a := Authorisation{
		Project: p.Name, Title: p.Spec.Title, Purpose: p.Spec.Purpose, LegalBasis: p.Spec.LegalBasis.Text, Reference: p.Spec.LegalBasis.Reference,
		Controller: p.Spec.Controller, Researchers: p.Spec.Researchers, Status: p.At(r.Now), Ends: p.Spec.Ends.End(),
	}
	if !p.Spec.Starts.IsZero() {
		a.Starts = &p.Spec.Starts.Time
	}
	for _, v := range p.Versions {
		a.Versions = append(a.Versions, Version{v.Number, v.Actor, v.Time, v.Why, decided(string(v.Status), v.Decision, v.Reason, v.Time)})
	}
	return a
}

// readUse reads runs, mounts and outputs.
func (r *Report) readUse(s *governance.State) {
	for id, run := range s.Runs.All() {
		if !r.of(run.Project) || !r.in(run.Time) {
			continue
		}
		x := Run{Run: id, Project: run.Project, Actor: run.Actor, Name: run.Name, Language: run.Language, Time: run.Time}
		if f := run.Finished; f != nil {
			x.Outcome, x.Seconds, x.Outputs, x.Tables = f.Outcome, f.Seconds, len(f.Outputs), len(f.Read)
			for _, n := range f.Read {
				x.Bytes += n
			}
		}
		r.Runs = append(r.Runs, x)
		a := r.access(run.Project, run.Actor)
		a.Runs, a.Bytes = a.Runs+1, a.Bytes+x.Bytes
	}
	for id, m := range s.Mounts.All() {
		if !r.of(m.Project) || !r.in(m.Time) {
			continue
		}
		x := Mount{Mount: id, What: cmp.Or(m.Project, m.Release), Actor: m.Actor, Time: m.Time, Away: m.Worker != ""}
		if u := m.Unmounted; u != nil {
			x.End, x.Files, x.Bytes = &m.End.Time, len(u.Opens), u.Bytes
		}
		r.Mounts = append(r.Mounts, x)
		if m.Project != "" {
			a := r.access(m.Project, m.Actor)
			a.Mounts, a.Bytes = a.Mounts+1, a.Bytes+x.Bytes
		}
	}
	for id, o := range s.Outputs.All() {
		if !r.of(o.Run.Project) || !r.in(o.Time) && (o.Decision == nil || !r.in(o.Decision.Time)) {
			continue
		}
		verdict := "refused"
		if o.Released {
			verdict = "released"
			r.access(o.Run.Project, o.Run.Actor).Released++
		}
		r.Outputs = append(r.Outputs, Output{id, o.Name, o.Run.Project, o.Run.Actor, o.Time, o.Refused, decided(verdict, o.Decision, o.Reason, o.Time), s.Late(o, r.Now)})
	}
}

// access is the line of a person in a project: who used it without being of it now,
// such as a researcher of an earlier version, has one too.
func (r *Report) access(project, person string) *Access {
	for i := range r.Access {
		if r.Access[i].Project == project && r.Access[i].Person == person {
			return &r.Access[i]
		}
	}
	r.Access = append(r.Access, Access{Project: project, Person: person})
	return &r.Access[len(r.Access)-1]
}

func (r *Report) readRights(s *governance.State) {
	if r.Project != "" {
		return // they are asked for in the warehouse
	}
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	for _, o := range s.OptOuts.All() {
		count(&r.Rights.Stated, r.in(o.Time))
		count(&r.Rights.Revoked, o.Revoked != nil && r.in(o.Revoked.Time))
		count(&r.Rights.InForce, o.Time.Before(r.Period.Until) && (o.Revoked == nil || !o.Revoked.Time.Before(r.Period.Until)))
	}
	r.Rights.Waiting = len(s.WaitingOptOuts())
	for _, a := range s.Accesses.All() {
		count(&r.Rights.Asked, r.in(a.Time))
		if a.Answered != nil && r.in(a.Answered.Time) {
			r.Rights.Answered++
			r.Rights.Hours = append(r.Rights.Hours, a.Answered.Time.Sub(a.Time).Hours())
		}
	}
}

// readAhead lists what ends within a year from now.
func (r *Report) readAhead(s *governance.State) {
	add := func(what, name string, t time.Time) {
		if t.After(r.Now) && t.Before(r.Now.AddDate(1, 0, 0)) {
			r.Ahead = append(r.Ahead, End{what, name, t})
		}
	}
	for name, p := range s.Projects.All() {
		if r.of(name) && (p.Status == governance.Approved || p.Status == governance.Suspended) {
			add("project", name, p.Spec.Ends.End())
		}
	}
	for name, h := range s.Hosts.All() {
		if h.Derogation != nil {
			add("derogation", name, h.Derogation.Until)
		}
	}
	if r.Project == "" {
		for id, release := range s.Releases.All() {
			if release.Erased == nil {
				add("release", id, release.RetainUntil)
			}
		}
		since, _ := s.ReviewDue(r.Now)
		add("roles", "", since)
	}
	slices.SortStableFunc(r.Ahead, func(a, b End) int { return a.Time.Compare(b.Time) })
}
