// Package match finds out which records of one file, or of two, are the same
// person, where no number says so: probabilistic record linkage after Fellegi and
// Sunter, in SQL on DuckDB.
//
// A [Spec] says, as data, which columns are compared and how, and which pairs are
// worth comparing; [Recipe] makes one of well-known names of columns. [Link]
// does the work:
//
//	records ─► forms ─► keys of rules ─► pairs ─► pattern of levels ─► weight ─► decision
//	                                       └─ random pairs, training pairs ─► EM ─► Model
//
// How a pair agrees is one integer, its pattern: a level for each comparison. The
// [Model] says of each level how likely it is among pairs of one person (m) and
// among others (u); EM learns both from the counts of patterns, without labels. A
// pair's match weight is the sum of log2(m/u) over its levels. Where values are
// equal and the comparison uses term frequencies, the value's own frequency stands
// for u: an agreement on a rare name tells more.
//
// Pairs of a probability of Thresholds.Link are linked, and where the spec wants
// one-to-one the best of a record's pairs alone. Pairs between the thresholds, and
// ties for the best, are clerical: reported, and never guessed. Every record of a
// source takes part; what Link finds is in the tables match.pair and match.link of the
// database.
//
// Sources: Fellegi and Sunter, "A Theory for Record Linkage", JASA 64 (1969);
// Winkler, "Using the EM Algorithm for Weight Computation in the Fellegi-Sunter Model of
// Record Linkage", 1988/2000 (EM with conditional independence; frequency-based
// matching); the documentation of Splink on term-frequency adjustments and on training
// by blocking rule; Chao, "Estimating the Population Size for Capture-Recapture
// Data with Unequal Catchability", Biometrics 43 (1987), for what the rules miss.
package match

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"rempart.eu/rempart/engine"
)

// Files names the tables or views of the database whose records are linked.
// Without Right, Left is linked with itself: its duplicates are found. Their columns
// are read as text. Truth, where it is known, is a table (l, r) of the ids of
// pairs of one person.
type Files struct{ Left, Right, Truth string }

// Options are what may be left out.
type Options struct {
	Model    *Model                  // from an earlier linkage of the same spec: nothing is trained
	MaxPairs float64                 // more candidates than this are refused; 0: DefaultMaxPairs
	Full     bool                    // compare all candidates in full, those that a bound shows to be hopeless too: slower, with the same result
	Progress func(done, total int64) // candidate pairs, called between statements
}

// DefaultMaxPairs bounds the pairs that a linkage compares.
const DefaultMaxPairs = 5e9

// Link links the records of one file or of two. The database's schema match is
// made anew: pair(l, r, pattern, weight, …) has the pairs that are not
// hopeless, by row number, and link(l, r, l_id, r_id, weight, probability,
// decision, pattern) those that were decided on.
func Link(ctx context.Context, db *engine.DB, spec Spec, files Files, o Options) (*Result, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if o.MaxPairs == 0 {
		o.MaxPairs = DefaultMaxPairs
	}
	l := linkage{db: db, plan: newPlan(spec, files.Right != ""), options: o, files: files}
	if len(spec.Training) == 0 {
		l.plan.training = l.plan.blocking
		l.plan.spec.Training = spec.Blocking
	}
	for _, step := range []func(context.Context) error{l.load, l.countPairs, l.train, l.compare, l.decide, l.judge} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &l.result, nil
}

// Forms is a list of expressions that bring a source's columns into their forms,
// each under its name, for a SELECT of the caller's own. It makes the schema match anew.
func Forms(ctx context.Context, db *engine.DB, spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	if err := errors.Join(db.Exec(ctx, "DROP SCHEMA IF EXISTS match CASCADE"), db.Exec(ctx, formsSQL)); err != nil {
		return "", err
	}
	columns := make([]string, len(spec.Columns))
	for i, c := range spec.Columns {
		columns[i] = formOf(c) + " AS " + engine.Quote(c.Name)
	}
	return strings.Join(columns, ", "), nil
}

// linkage is one run.
type linkage struct {
	db      *engine.DB
	plan    plan
	options Options
	files   Files
	result  Result
	model   Model
}

// Result is what a linkage found, without a single value of a record.
type Result struct {
	Spec       Spec        `json:"spec"`
	Left       int64       `json:"left"`            // records
	Right      int64       `json:"right,omitempty"` // records; 0 where one file was linked with itself
	Rules      []RuleCount `json:"rules"`
	Candidates int64       `json:"candidates"` // pairs that a rule brings, each decided on
	Compared   int64       `json:"compared"`   // of them, compared in full: the others are hopeless by what their texts have in common at most
	Patterns   int64       `json:"patterns"`   // different ways in which those that are not hopeless agree
	Model      Model       `json:"model"`
	Decisions  Decisions   `json:"decisions"`
	Estimated  Estimate    `json:"estimated"`
	Measured   *Measured   `json:"measured,omitempty"` // where the truth is known
	Curve      []Point     `json:"curve"`              // by threshold, ascending
	Common     []Pattern   `json:"common"`             // what the linked and the clerical pairs agree on, the most frequent first
	Warnings   []string    `json:"warnings,omitempty"`
}

// RuleCount says what a blocking rule brings.
type RuleCount struct {
	Rule    Rule  `json:"rule"`
	Pairs   int64 `json:"pairs"`   // that agree on it
	Largest int64 `json:"largest"` // of one value of its terms
	Added   int64 `json:"added"`   // that no rule before it has
}

// Decisions count pairs and records.
type Decisions struct {
	Linked     int64 `json:"linked"`      // pairs
	Clerical   int64 `json:"clerical"`    // pairs between the thresholds
	Tied       int64 `json:"tied"`        // pairs of a sufficient weight, but another is as good: clerical too
	Outranked  int64 `json:"outranked"`   // pairs of a sufficient weight whose record has a better one
	LeftAlone  int64 `json:"left_alone"`  // records of Left in no link
	RightAlone int64 `json:"right_alone"` // of Right
	Clusters   int64 `json:"clusters"`    // groups of linked records, one file; with those alone this is the number of persons
}

// load brings the files into their forms.
func (l *linkage) load(ctx context.Context) error {
	if err := l.db.Exec(ctx, "DROP SCHEMA IF EXISTS match CASCADE"); err != nil {
		return err
	}
	if err := l.db.Exec(ctx, formsSQL); err != nil {
		return err
	}
	p := l.plan
	sides := map[string]string{"left": l.files.Left, "right": l.files.Right}
	order := []string{"left", "right"}
	if !p.two {
		order = order[:1]
	}
	id := ""
	if p.spec.ID != "" {
		id = engine.Quote(p.spec.ID)
	}
	for _, side := range order {
		if err := l.hasColumns(ctx, sides[side]); err != nil {
			return err
		}
		if err := l.db.Exec(ctx, render("values", map[string]any{"Side": side, "ID": id, "Columns": p.columns, "Source": engine.Quote(sides[side])})); err != nil {
			return err
		}
		var records, ids int64
		if err := l.db.Value(ctx, &records, "SELECT count(*) FROM match."+side+"_values"); err != nil {
			return err
		}
		if id != "" {
			if err := l.db.Value(ctx, &ids, "SELECT count(DISTINCT id) FROM match."+side+"_values"); err != nil {
				return err
			}
			if ids != records {
				return fmt.Errorf("%s: %d of %d records have no %s of their own: choose another id column, or leave id out of the spec", sides[side], records-ids, records, p.spec.ID)
			}
		}
		if side == "left" {
			l.result.Left = records
		} else {
			l.result.Right = records
		}
	}
	for _, c := range p.columns {
		if c.Distinct != "" {
			if err := l.db.Exec(ctx, render("distinct", map[string]any{"Column": c, "Two": p.two})); err != nil {
				return err
			}
		}
	}
	keys := append([]planKey(nil), p.blocking...)
	if len(p.training) > 0 && p.training[0].Name != p.blocking[0].Name {
		keys = append(keys, p.training...)
	}
	for _, side := range order {
		if err := l.db.Exec(ctx, render("records", map[string]any{"Side": side, "Keys": keys, "Columns": p.columns})); err != nil {
			return err
		}
		err := errors.Join(l.db.Exec(ctx, render("id", map[string]any{"Side": side, "ID": id})), l.db.Exec(ctx, "DROP TABLE match."+side+"_values"))
		if err != nil {
			return err
		}
	}
	return nil
}

// hasColumns says which column of the spec a source lacks.
func (l *linkage) hasColumns(ctx context.Context, source string) error {
	have, err := columnsOf(ctx, l.db, source)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, c := range have {
		known[c] = true
	}
	want := []string{}
	if l.plan.spec.ID != "" {
		want = append(want, l.plan.spec.ID)
	}
	for _, c := range l.plan.spec.Columns {
		want = append(want, c.From...)
	}
	for _, w := range want {
		if !known[w] {
			return fmt.Errorf("%s has no column %q, which the spec compares%s", source, w, didYouMean(w, have))
		}
	}
	return nil
}

// columnsOf lists the columns of a table.
func columnsOf(ctx context.Context, db *engine.DB, table string) (names []string, err error) {
	rows, err := db.Query(ctx, "SELECT * FROM "+engine.Quote(table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	names, err = rows.Columns()
	return names, errors.Join(err, rows.Close())
}

// countPairs counts what the blocking rules bring, before any pair is made.
func (l *linkage) countPairs(ctx context.Context) error {
	total := 0.0
	for i, k := range l.plan.blocking {
		pairs, largest, err := l.count(ctx, k)
		if err != nil {
			return err
		}
		rule := l.plan.spec.Blocking[i]
		l.result.Rules = append(l.result.Rules, RuleCount{Rule: rule, Pairs: int64(pairs), Largest: int64(largest)})
		if total += pairs; total > l.options.MaxPairs {
			return fmt.Errorf("blocking rule %v brings %.0f pairs, more than the %.0f that are allowed in all: add a column to it, or a part of one such as prefix(column, 3)", rule, pairs, l.options.MaxPairs)
		}
	}
	return nil
}

// counted is how many left records a rule's pairs are counted from: all of a small
// file, every so many of a large one.
const counted = 50_000

// count is how many pairs agree on a key, and on its most frequent value. Of a file of
// more records than counted it is an estimate.
func (l *linkage) count(ctx context.Context, k planKey) (pairs, largest float64, err error) {
	of := l.result.Left/counted + 1
	rows, err := l.db.Query(ctx, render("count", map[string]any{"Key": k.Name, "Right": l.plan.right(), "Of": of, "Two": l.plan.two}))
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&pairs, &largest); err != nil {
			return 0, 0, err
		}
	}
	return pairs, largest, rows.Err()
}

// partPairs is about how many pairs are held at a time.
const partPairs = 8 << 20

// compare passes over all candidate pairs, a range of left records at a time, and
// keeps those that are not hopeless. What is hopeless by its bound is not compared in full.
func (l *linkage) compare(ctx context.Context) error {
	kind := l.plan.layout.sqlType()
	err := l.db.Exec(ctx, `CREATE TABLE match.rule (rules INTEGER, pairs BIGINT);
		CREATE TABLE match.pattern (pattern `+kind+`, rules INTEGER, pairs BIGINT);
		CREATE TABLE match.pair (l INTEGER, r INTEGER, pattern `+kind+`, rules INTEGER, weight FLOAT, bits FLOAT)`)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, r := range l.result.Rules {
		total += r.Pairs
	}
	floor := l.floor()
	most := math.Log2(float64(l.result.Left + l.result.Right)) // the bits of a value that one record has
	parts := total/partPairs + 1
	var hopeful bound
	for part := range parts {
		from, to := part*l.result.Left/parts, (part+1)*l.result.Left/parts
		if err := l.db.Exec(ctx, l.plan.candidates(from, to)); err != nil {
			return err
		}
		if part == 0 {
			if hopeful, err = l.hopeful(ctx, l.plan.bound(&l.model, most, floor)); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			render("tally_rules", nil),
			"CREATE OR REPLACE TEMP TABLE part AS " + l.plan.pairs(l.plan.part(from, to, hopeful), "c.rules"),
			render("tally", nil),
			render("weigh", map[string]any{"Weight": l.model.expression(l.plan.layout)}),
			render("keep", map[string]any{"Floor": number(floor)}),
		} {
			if err := l.db.Exec(ctx, statement); err != nil {
				return err
			}
		}
		if l.options.Progress != nil {
			l.options.Progress(total*(part+1)/parts, total)
		}
	}
	return l.db.Exec(ctx, `DROP TABLE IF EXISTS candidate; DROP TABLE IF EXISTS sampled; DROP TABLE IF EXISTS part; DROP TABLE IF EXISTS weighed`)
}

// sampled is about how many candidates a bound is tried on, and worthTrying the
// share of them from which on it is not: looking at every pair then costs more than the
// comparisons that it spares.
const (
	sampled     = 1 << 14
	worthTrying = 0.5
)

// hopeful is the bound that all candidates are held against: the one that is given, or everything
// where that spares few comparisons in the first part.
func (l *linkage) hopeful(ctx context.Context, b bound) (bound, error) {
	if l.options.Full {
		return everything, nil
	}
	var candidates int64
	if err := l.db.Value(ctx, &candidates, "SELECT count(*) FROM candidate"); err != nil {
		return b, err
	}
	if err := l.db.Exec(ctx, render("sampled", map[string]any{"Of": max(1, candidates/sampled)})); err != nil {
		return b, err
	}
	var share float64
	err := l.db.Value(ctx, &share, render("hopeful", map[string]any{"Condition": b.condition, "Missing": b.missing, "Right": l.plan.right()}))
	if share >= worthTrying {
		b = everything
	}
	return b, err
}

// floor is the weight below which a pair is hopeless: it is not kept, and counts for none
// of one person.
func (l *linkage) floor() float64 {
	return logit(l.plan.spec.Thresholds.Clerical) - logit(l.model.highestPrior) - floorMargin
}

// floorMargin is how many bits below the clerical band pairs are kept, for the curve.
const floorMargin = 4

// logit is a probability as bits of evidence, log2 of its odds.
func logit(p float64) float64 { return math.Log2(p / (1 - p)) }

// probability is what logit is the inverse of.
func probability(bits float64) float64 { return 1 / (1 + math.Exp2(-bits)) }
