package match

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rempart.eu/rempart/engine"
)

// Estimate is how good the links are by the model's own word.
type Estimate struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	Matches   float64 `json:"matches"` // pairs of one person among the candidates
	Missed    float64 `json:"missed"`  // pairs of one person that no blocking rule brings, at least
}

// Measured is how good the links are by the truth.
type Measured struct {
	True      int64   `json:"true"`     // pairs of one person
	Blocked   int64   `json:"blocked"`  // of them, those that are candidates
	Right     int64   `json:"right"`    // of them, those that are linked
	Clerical  int64   `json:"clerical"` // of them, those that a person is to decide
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	// Clustered is the same after all records that links join are one person; one file only.
	Clustered *Score `json:"clustered,omitempty"`
}

// Score is how good pairs are.
type Score struct {
	Pairs     int64   `json:"pairs"`
	Right     int64   `json:"right"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

func score(pairs, right, all int64) Score {
	s := Score{Pairs: pairs, Right: right}
	if pairs > 0 {
		s.Precision = float64(right) / float64(pairs)
	}
	if all > 0 {
		s.Recall = float64(right) / float64(all)
	}
	if s.Precision+s.Recall > 0 {
		s.F1 = 2 * s.Precision * s.Recall / (s.Precision + s.Recall)
	}
	return s
}

// Point is what a threshold would do, after the one-to-one constraint.
type Point struct {
	Weight      float64 `json:"weight"` // bits of evidence, without the prior
	Probability float64 `json:"probability"`
	Pairs       int64   `json:"pairs"`           // of at least this weight
	Expected    float64 `json:"expected"`        // of them that are one person, by the model
	Right       *int64  `json:"right,omitempty"` // by the truth
}

// Pattern is a way in which pairs agree.
type Pattern struct {
	Decision      string         `json:"decision"` // linked, clerical or tied
	Pairs         int64          `json:"pairs"`
	Weight        float64        `json:"weight"` // with terms of average frequency
	Probability   float64        `json:"probability"`
	Contributions []Contribution `json:"contributions"`
}

// judge says how good it is.
func (l *linkage) judge(ctx context.Context) error {
	l.result.Spec = l.plan.spec
	if err := l.readTruth(ctx); err != nil {
		return err
	}
	if err := l.curve(ctx); err != nil {
		return err
	}
	if err := l.estimate(ctx); err != nil {
		return err
	}
	return l.common(ctx)
}

// readTruth brings the truth to row numbers, and measures against it.
func (l *linkage) readTruth(ctx context.Context) error {
	if l.files.Truth == "" {
		return l.db.Exec(ctx, "CREATE TABLE match.truth (l INTEGER, r INTEGER)")
	}
	data := map[string]any{"Truth": engine.Quote(l.files.Truth), "Right": l.plan.right(), "Two": l.plan.two, "Keys": l.plan.blocking}
	if err := l.db.Exec(ctx, render("truth", data)); err != nil {
		return err
	}
	var said, all int64
	if err := l.db.Value(ctx, &said, "SELECT count(*) FROM "+engine.Quote(l.files.Truth)); err != nil {
		return err
	}
	m := Measured{}
	for _, c := range []struct {
		into  *int64
		query string
	}{
		{&all, "SELECT count(*) FROM match.truth"},
		{&m.Blocked, render("blocked", data)},
		{&m.Right, "SELECT count(*) FROM match.truth JOIN match.decided USING (l, r) WHERE decision = 1"},
		{&m.Clerical, "SELECT count(*) FROM match.truth JOIN match.decided USING (l, r) WHERE decision IN (2, 3)"},
	} {
		if err := l.db.Value(ctx, c.into, c.query); err != nil {
			return err
		}
	}
	m.True = all
	if said > 0 && all == 0 {
		return errors.New("no pair of the truth names two records by their ids: give the spec the id column whose values the truth has")
	}
	if all < said {
		l.warn("%d of %d pairs of the truth name records that are not there, or twice the same pair", said-all, said)
	}
	s := score(l.result.Decisions.Linked, m.Right, all)
	m.Precision, m.Recall, m.F1 = s.Precision, s.Recall, s.F1
	if !l.plan.two {
		var pairs, right int64
		err := errors.Join(
			l.db.Value(ctx, &pairs, "SELECT coalesce(sum(c * (c - 1) // 2), 0)::BIGINT FROM (SELECT count(*) AS c FROM match.cluster GROUP BY cluster)"),
			l.db.Value(ctx, &right, "SELECT count(*) FROM match.truth JOIN match.cluster a ON a.n = l JOIN match.cluster b ON b.n = r WHERE a.cluster = b.cluster"))
		if err != nil {
			return err
		}
		clustered := score(pairs, right, all)
		m.Clustered = &clustered
	}
	l.result.Measured = &m
	return nil
}

// curve goes through thresholds in steps of half a bit.
func (l *linkage) curve(ctx context.Context) error {
	rows, err := l.db.Query(ctx, render("curve", map[string]any{"Prior": number(logit(l.model.Prior))}))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p Point
		var right int64
		if err := rows.Scan(&p.Weight, &p.Pairs, &p.Expected, &right); err != nil {
			return err
		}
		p.Probability = probability(p.Weight + logit(l.model.Prior))
		if l.result.Measured != nil {
			p.Right = &right
		}
		l.result.Curve = append(l.result.Curve, p)
	}
	return rows.Err()
}

func (l *linkage) estimate(ctx context.Context) error {
	e := &l.result.Estimated
	prior := number(logit(l.model.Prior))
	var right float64
	const sum = "SELECT coalesce(sum(match.probability(weight + %s)), 0)::DOUBLE FROM match.decided WHERE decision %s"
	err := errors.Join(
		l.db.Value(ctx, &right, fmt.Sprintf(sum, prior, "= 1")),
		l.db.Value(ctx, &e.Matches, fmt.Sprintf(sum, prior, "<> 4")))
	if linked := l.result.Decisions.Linked; linked > 0 {
		e.Precision = right / float64(linked)
	}
	if all := e.Matches + e.Missed; all > 0 {
		e.Recall = right / all
	}
	return err
}

// commonPatterns is how many patterns of each decision a result tells.
const commonPatterns = 8

func (l *linkage) common(ctx context.Context) error {
	rows, err := l.db.Query(ctx, render("common", map[string]any{"Most": commonPatterns}))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var pattern int64
		var p Pattern
		if err := rows.Scan(&p.Decision, &pattern, &p.Pairs); err != nil {
			return err
		}
		p.Weight = l.model.weight(l.plan.layout, pattern)
		p.Probability = probability(p.Weight + logit(l.model.Prior))
		p.Contributions = l.model.contributions(l.plan.layout, pattern)
		l.result.Common = append(l.result.Common, p)
	}
	return rows.Err()
}

// String says a rule as one reads it: "surname and prefix(first_name, 3)".
func (r Rule) String() string { return strings.Join(r, " and ") }
