package omop

import (
	"context"
	"slices"

	"rempart.eu/rempart/engine"
)

// continueReport makes of the account of the rows that were taken that of all: what the
// base accounted for, less what it did for these rows, and what is now accounted for them.
func (b *builder) continueReport(ctx context.Context, before *builder) error {
	was, less := b.base.Report, before.report
	for i := range b.report.Deposits {
		d := &b.report.Deposits[i]
		at := slices.Index(b.base.Deposits, d.Name)
		if at < 0 {
			continue
		}
		for j := range d.Resources {
			if r := &d.Resources[j]; !b.deposits[i].shared(*b.deposits[i].feed.Resource(r.Name)) {
				r.add(1, was.resource(at, r.Name))
				r.add(-1, less.resource(at, r.Name))
			}
		}
	}
	for _, table := range personTables() {
		at := slices.Index(tableNames, table)
		t := &b.report.Tables[at]
		if err := b.db.Value(ctx, &t.Rows, "SELECT count(*) FROM cdm."+engine.Quote(table)); err != nil {
			return err
		}
		t.Unresolved = added(t.Unresolved, 1, was.Tables[at].Unresolved)
		if t.Unresolved = added(t.Unresolved, -1, less.Tables[at].Unresolved); len(t.Unresolved) == 0 {
			t.Unresolved = nil
		}
	}
	b.report.Persons.add(1, was.Persons)
	b.report.Persons.add(-1, less.Persons)
	for _, m := range was.Merged {
		if !global(m.Table) { // those are counted from all rows
			b.report.merge(1, m)
		}
	}
	for _, m := range less.Merged {
		b.report.merge(-1, m)
	}
	b.report.Merged = slices.DeleteFunc(b.report.Merged, func(m MergeReport) bool { return m.Things == 0 })
	return nil
}

// resource finds the account of a deposit's resource.
func (r *Report) resource(deposit int, name string) ResourceReport {
	all := r.Deposits[deposit].Resources
	if at := slices.IndexFunc(all, func(r ResourceReport) bool { return r.Name == name }); at >= 0 {
		return all[at]
	}
	return ResourceReport{}
}

func (r *ResourceReport) add(times int64, x ResourceReport) {
	r.Accepted += times * x.Accepted
	r.Mapped += times * x.Mapped
	r.Reached = added(r.Reached, times, x.Reached)
	r.Left = added(r.Left, times, x.Left)
}

func (p *PersonReport) add(times int64, x PersonReport) {
	p.Persons += times * x.Persons
	p.SeveralDeposits += times * x.SeveralDeposits
	p.SexDiffers += times * x.SexDiffers
	p.BirthYearDiffers += times * x.BirthYearDiffers
	p.WithoutObservation += times * x.WithoutObservation
}

func (r *Report) merge(times int64, x MergeReport) {
	at := slices.IndexFunc(r.Merged, func(m MergeReport) bool { return m.Table == x.Table })
	if at < 0 {
		at = len(r.Merged)
		r.Merged = append(r.Merged, MergeReport{Table: x.Table, Rule: x.Rule, Sides: map[string]int64{}})
	}
	m := &r.Merged[at]
	m.Things += times * x.Things
	m.ByRule += times * x.ByRule
	m.Sides = added(m.Sides, times, x.Sides)
}

// added adds counts by name; one that comes to nothing is not there.
func added(to map[string]int64, times int64, from map[string]int64) map[string]int64 {
	for name, n := range from {
		if to == nil {
			to = map[string]int64{}
		}
		if to[name] += times * n; to[name] == 0 {
			delete(to, name)
		}
	}
	return to
}
