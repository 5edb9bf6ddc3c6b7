package quality

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
)

// Options say what to check, and how.
type Options struct {
	Settings *Settings // nil: [DefaultSettings]
	Source   Metadata  // what is checked
	Now      time.Time // the day that dates are held against, and the start in the results
}

// Run makes every check over schema cdm of db.
func Run(ctx context.Context, db *engine.DB, o Options) (*Results, error) {
	if o.Settings == nil {
		o.Settings = DefaultSettings()
	}
	began := time.Now()
	r := &run{db: db, Options: o}
	if err := r.takeStock(ctx); err != nil {
		return nil, fmt.Errorf("quality: list the tables: %w", err)
	}
	for _, c := range published().checks {
		if !slices.Contains(o.Settings.Exclude, c.table()) {
			r.plan = append(r.plan, r.start(c))
		}
	}
	for _, phase := range []func(context.Context) error{r.checkPresence, r.checkFilled, r.checkRest} {
		if err := phase(ctx); err != nil {
			return nil, err
		}
	}
	return r.results(time.Since(began)), nil
}

// run is one run.
type run struct {
	Options
	db     *engine.DB
	fields map[string]map[string]bool // by table
	plan   []*planned
	empty  map[string]bool            // tables without a row
	blank  map[string]bool            // table.field without a value
	known  map[string]map[string]bool // concepts that stand in table.field
}

// planned is a check on its way to its result.
type planned struct {
	check
	template
	CheckResult
	done bool
}

func (r *run) start(c check) *planned {
	p := &planned{check: c, template: c.query(r.Now)}
	p.CheckResult = CheckResult{
		Check: c.name(), Level: c.level(), Table: strings.ToUpper(c.table()), Field: strings.ToUpper(c.field()), Concept: c.concept(), Unit: c.rule["unitConceptId"],
		File: c.name() + ".sql", Category: c.kind["kahnCategory"], Subcategory: c.kind["kahnSubcategory"], Context: c.kind["kahnContext"], Severity: c.kind["severity"],
		ID: c.id(), Query: p.text(), Description: c.description(),
		Mandatory: r.Settings.mandatory(c),
	}
	p.Threshold, p.Note = r.Settings.threshold(c)
	return p
}

var publishedName = regexp.MustCompile(`@\w+`)

// description fills the names of a published description: @cdmTableName.
func (c check) description() string {
	text := publishedName.ReplaceAllStringFunc(c.kind["checkDescription"], func(name string) string { return c.rule[name[1:]] })
	return strings.Join(strings.Fields(text), " ")
}

// takeStock lists the tables and fields that are there.
func (r *run) takeStock(ctx context.Context) error {
	r.fields, r.empty, r.blank, r.known = map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	var table, field string
	return r.db.Each(ctx, "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'cdm'", nil, func() error {
		if r.fields[table] == nil {
			r.fields[table] = map[string]bool{}
		}
		r.fields[table][field] = true
		return nil
	}, &table, &field)
}

// checkPresence decides the checks of tables and fields being there, and takes
// those out that have nothing to look at.
func (r *run) checkPresence(context.Context) error {
	for _, p := range r.plan {
		there := r.fields[p.table()] != nil
		switch {
		case p.name() == "cdmTable":
			p.judge(boolean(!there), 1)
		case !there:
			p.skip("Table %s does not exist.", p.Table)
		case p.name() == "cdmField":
			p.judge(boolean(!r.fields[p.table()][p.field()]), 1)
		case p.rule["fkTableName"] != "" && p.name() == "isForeignKey" && r.fields[strings.ToLower(p.rule["fkTableName"])] == nil:
			p.skip("Table %s does not exist.", p.rule["fkTableName"])
		case p.field() != "" && !r.fields[p.table()][p.field()]:
			p.skip("Field %s.%s does not exist.", p.Table, p.Field)
		}
	}
	return nil
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// checkFilled counts the values of every field, which also tells what is empty.
func (r *run) checkFilled(ctx context.Context) error {
	err := r.execute(ctx, func(p *planned) bool { return p.name() == "measureValueCompleteness" })
	if err != nil {
		return err
	}
	for _, p := range r.plan {
		if p.name() == "measureValueCompleteness" && p.NotApplicable == 0 {
			r.empty[p.table()] = p.Denominator == 0
			r.blank[p.table()+"."+p.field()] = p.Denominator == p.Violated
		}
	}
	for _, p := range r.plan {
		switch {
		case p.name() == "measureConditionEraCompleteness":
			if r.fields["condition_occurrence"] == nil || r.empty["condition_occurrence"] {
				p.skip("Table CONDITION_OCCURRENCE is empty.")
			}
		case p.name() == "measurePersonCompleteness", p.NotApplicable == 1, p.name() == "cdmTable", p.name() == "cdmField":
		case r.empty[p.table()]:
			p.skip("Table %s is empty.", p.Table)
		case p.name() != "measureValueCompleteness" && p.field() != "" && r.blank[p.table()+"."+p.field()]:
			p.skip("Field %s.%s is not populated.", p.Table, p.Field)
		}
	}
	return nil
}

// checkRest makes the checks that are left; those of concepts only where the
// concept stands in the table.
func (r *run) checkRest(ctx context.Context) error {
	for _, p := range r.plan {
		if p.done || p.level() != "CONCEPT" || p.name() == "plausibleGenderUseDescendants" {
			continue
		}
		known, err := r.concepts(ctx, p.table(), p.field())
		if err != nil {
			return fmt.Errorf("quality: list the concepts of %s: %w", p.table(), err)
		}
		if !known[p.concept()] {
			p.skip("%s=%s is missing from the %s table.", p.Field, p.Concept, p.Table)
		}
	}
	if err := r.execute(ctx, func(*planned) bool { return true }); err != nil {
		return err
	}
	for _, p := range r.plan {
		if p.level() == "CONCEPT" && p.NotApplicable == 0 && p.Denominator == 0 {
			p.skip("%s=%s is missing from the %s table.", p.Field, p.Concept, p.Table)
		}
	}
	return nil
}

// concepts are those that stand in a field.
func (r *run) concepts(ctx context.Context, table, field string) (map[string]bool, error) {
	if known := r.known[table+"."+field]; known != nil {
		return known, nil
	}
	known, concept := map[string]bool{}, ""
	err := r.db.Each(ctx, fmt.Sprintf("SELECT DISTINCT CAST(%s AS VARCHAR) FROM cdm.%s WHERE %[1]s IS NOT NULL", engine.Quote(field), engine.Quote(table)), nil,
		func() error { known[concept] = true; return nil }, &concept)
	r.known[table+"."+field] = known
	return known, err
}

// execute makes the checks that are due, those that look at the same rows by one
// query.
func (r *run) execute(ctx context.Context, due func(*planned) bool) error {
	var order []string
	groups := map[string][]*planned{}
	for _, p := range r.plan {
		if p.done || !due(p) {
			continue
		}
		if groups[p.from] == nil {
			order = append(order, p.from)
		}
		groups[p.from] = append(groups[p.from], p)
	}
	for _, from := range order {
		if err := r.scan(ctx, from, groups[from]); err != nil {
			return fmt.Errorf("quality: %s: %w", groups[from][0].What(), err)
		}
	}
	return nil
}

// scan counts for several checks in one pass over their rows.
func (r *run) scan(ctx context.Context, from string, checks []*planned) error {
	began := time.Now()
	var expressions []string
	at := map[string]int{}
	want := func(expression string) {
		if _, asked := at[expression]; !asked {
			at[expression] = len(expressions)
			expressions = append(expressions, "CAST("+expression+" AS BIGINT)")
		}
	}
	for _, p := range checks {
		want(p.violated)
		want(p.denominator)
	}
	counts := make([]int64, len(expressions))
	dst := make([]any, len(counts))
	for i := range counts {
		dst[i] = &counts[i]
	}
	err := r.db.Each(ctx, "SELECT\n    "+strings.Join(expressions, ",\n    ")+"\n"+from, nil, func() error { return nil }, dst...)
	if err != nil {
		return err
	}
	share := time.Since(began) / time.Duration(len(checks))
	for _, p := range checks {
		p.judge(counts[at[p.violated]], counts[at[p.denominator]])
		p.ExecutionTime = fmt.Sprintf("%f secs", share.Seconds())
	}
	return nil
}

// judge holds what was found against the threshold.
func (p *planned) judge(violated, denominator int64) {
	p.done = true
	p.Violated, p.Denominator, p.ExecutionTime = violated, denominator, "0 secs"
	if denominator > 0 {
		p.Share = float64(violated) / float64(denominator)
	}
	failed := violated > 0
	if p.Threshold != nil && *p.Threshold > 0 {
		failed = p.Share*100 > *p.Threshold
	}
	p.Failed, p.Passed = int(boolean(failed)), int(boolean(!failed))
}

// skip says why a check has nothing to look at.
func (p *planned) skip(why string, args ...any) {
	p.done = true
	p.Violated, p.Share, p.Denominator, p.ExecutionTime = 0, 0, 0, "0 secs"
	p.Failed, p.Passed, p.NotApplicable, p.Why = 0, 0, 1, fmt.Sprintf(why, args...)
}

func (r *run) results(took time.Duration) *Results {
	const layout = "2006-01-02 15:04:05"
	source := r.Source
	source.DashboardVersion, source.ChecksFrom = DashboardVersion, DashboardSource
	out := &Results{
		Start: [1]string{r.Now.UTC().Format(layout)}, End: [1]string{r.Now.Add(took).UTC().Format(layout)},
		ExecutionTime: [1]string{fmt.Sprintf("%.0f secs", took.Seconds())}, Metadata: []Metadata{source},
	}
	for _, p := range r.plan {
		out.CheckResults = append(out.CheckResults, p.CheckResult)
	}
	out.Overview = overview(out.CheckResults)
	return out
}
