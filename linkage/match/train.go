package match

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// How much a model is learnt from.
const (
	randomPairs   = 200_000
	trainingPairs = 1_000_000 // of all rules
	iterations    = 200
	settled       = 1e-4 // the largest change of m and u that counts as none
)

// sample is pairs of one kind, counted by pattern.
type sample struct {
	patterns   []int64
	counts     []float64
	agreed     []bool  // comparisons whose columns the pairs agree on by choice: they teach nothing here
	share      float64 // of pairs of one person
	random     bool
	asideCount float64
	others     [][]float64 // counts by comparison and level of pairs that cannot be of one person
}

// train learns the model, or takes the one that was given.
func (l *linkage) train(ctx context.Context) error {
	pairs := l.possible()
	if l.options.Model != nil {
		if err := l.options.Model.fits(l.plan.spec); err != nil {
			return err
		}
		l.model = *l.options.Model
		l.model.highestPrior = math.Min(0.5, l.model.Prior*4)
		return nil
	}
	buckets := int64(math.Max(1, pairs/randomPairs))
	random, err := l.sample(ctx, render("random", map[string]any{"Right": l.plan.right(), "Buckets": buckets, "Two": l.plan.two}))
	if err != nil {
		return err
	}
	random.random, random.agreed, random.share = true, make([]bool, len(l.plan.comparisons)), 1e-4
	samples := []sample{random}
	rules := l.plan.spec.Training
	counts := make([]float64, len(rules))
	for i, rule := range rules {
		n, _, err := l.count(ctx, l.plan.training[i])
		if err != nil {
			return err
		}
		counts[i] = n
		parts := int64(n*float64(len(rules))/trainingPairs) + 1
		s, err := l.sample(ctx, l.plan.block(l.plan.training[i], parts))
		if err != nil {
			return err
		}
		columns := l.plan.spec.ruleColumns(rule)
		for _, c := range l.plan.spec.Comparisons {
			s.agreed = append(s.agreed, slices.Contains(columns, c.Column))
		}
		s.share = 0.2
		samples = append(samples, s)
	}
	l.model = l.expectMaximise(samples)
	matches := 0.0
	for i, s := range samples[1:] {
		l.model.Training.Rules = append(l.model.Training.Rules, TrainedRule{Rule: rules[i], Pairs: int64(s.total()), Share: s.share})
		matches += s.share * counts[i]
	}
	l.model.Training.Random = int64(samples[0].total())
	l.model.highestPrior = math.Min(0.5, math.Max(matches, 1)/pairs)
	return nil
}

// possible is how many pairs there are.
func (l *linkage) possible() float64 {
	if l.plan.two {
		return math.Max(1, float64(l.result.Left)*float64(l.result.Right))
	}
	return math.Max(1, float64(l.result.Left)*float64(l.result.Left-1)/2)
}

func (l *linkage) sample(ctx context.Context, from string) (s sample, err error) {
	rows, err := l.db.Query(ctx, "SELECT pattern::BIGINT, count(*) FROM ("+l.plan.pairs(from, "0")+") GROUP BY pattern ORDER BY pattern")
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var pattern, count int64
		if err := rows.Scan(&pattern, &count); err != nil {
			return s, err
		}
		s.patterns, s.counts = append(s.patterns, pattern), append(s.counts, float64(count))
	}
	return s, rows.Err()
}

func (s *sample) total() float64 {
	sum := s.asideCount
	for _, c := range s.counts {
		sum += c
	}
	return sum
}

// expectMaximise learns m and u of all comparisons from all samples together.
// Each sample is a mixture of pairs of one person and of others in a share of its
// own. Random pairs teach u, less those of one person among them; pairs of a rule
// teach m, except of the columns that they agree on by the rule.
func (l *linkage) expectMaximise(samples []sample) Model {
	lay := l.plan.layout
	n := len(l.plan.comparisons)
	m, u := make([][]float64, n), make([][]float64, n)
	for k, size := range lay.sizes {
		m[k], u[k] = make([]float64, size), make([]float64, size)
		for code := 1; code < size; code++ {
			m[k][code] = 0.1 / float64(size-1)
			u[k][code] = 0
		}
		m[k][size-1] += 0.9
	}
	// u starts as the random pairs are.
	for i, p := range samples[0].patterns {
		for k := range n {
			u[k][lay.code(p, k)] += samples[0].counts[i]
		}
	}
	for k := range n {
		normalise(u[k])
	}
	samples[0].setAside(lay, m, u)
	var model Model
	taught := make([]bool, n)
	for model.Training.Iterations < iterations && !model.Training.Converged {
		model.Training.Iterations++
		nm, nu := emptyLike(m), emptyLike(u)
		for i := range samples {
			s := &samples[i]
			matched, total := 0.0, s.asideCount
			for k := range s.others {
				for code, count := range s.others[k] {
					nu[k][code] += count
				}
			}
			for j, p := range s.patterns {
				odds := s.share / (1 - s.share)
				for k := range n {
					if code := lay.code(p, k); code > 0 && !s.agreed[k] {
						odds *= m[k][code] / u[k][code]
					}
				}
				belief := 1 - 1/(1+odds)
				count := s.counts[j]
				matched += belief * count
				total += count
				for k := range n {
					code := lay.code(p, k)
					if code == 0 || s.agreed[k] {
						continue
					}
					if s.random {
						nu[k][code] += (1 - belief) * count
					} else {
						taught[k] = true
					}
					nm[k][code] += belief * count
				}
			}
			if total > 0 {
				s.share = math.Min(0.999999, math.Max(1e-12, matched/total))
			}
		}
		change := 0.0
		for k := range n {
			normalise(nm[k])
			normalise(nu[k])
			for code := range nm[k] {
				change = math.Max(change, math.Max(math.Abs(nm[k][code]-m[k][code]), math.Abs(nu[k][code]-u[k][code])))
			}
		}
		m, u = nm, nu
		model.Training.Converged = change < settled
	}
	for k, c := range l.plan.spec.Comparisons {
		mc := ModelComparison{Column: c.Column, TermFrequency: c.TermFrequency}
		for i := range len(c.Levels) + 1 {
			name := "else"
			if i < len(c.Levels) {
				name = c.Levels[i].String()
			}
			code := len(c.Levels) + 1 - i
			mc.Levels = append(mc.Levels, ModelLevel{name, m[k][code], u[k][code], math.Log2(m[k][code] / u[k][code])})
		}
		model.Comparisons = append(model.Comparisons, mc)
		if !taught[k] {
			l.warn("every training rule agrees on %s: how often it agrees in pairs of one person is a guess; add a rule without it", c.Column)
		}
	}
	if !model.Training.Converged {
		l.warn("training did not settle in %d iterations", iterations)
	}
	return model
}

// hopeless is a belief that is taken for none.
const hopeless = 1e-7

// setAside puts the patterns of random pairs that are hopeless, which are nearly all of
// them, into counts by level: no round of training has to go through them again.
func (s *sample) setAside(lay layout, m, u [][]float64) {
	s.others = emptyLike(u)
	kept := 0
	for j, p := range s.patterns {
		odds := s.share
		for k := range m {
			if code := lay.code(p, k); code > 0 {
				odds *= m[k][code] / u[k][code]
			}
		}
		if odds >= hopeless {
			s.patterns[kept], s.counts[kept] = p, s.counts[j]
			kept++
			continue
		}
		for k := range m {
			if code := lay.code(p, k); code > 0 {
				s.others[k][code] += s.counts[j]
			}
		}
		s.asideCount += s.counts[j]
	}
	s.patterns, s.counts = s.patterns[:kept], s.counts[:kept]
}

func (l *linkage) warn(format string, args ...any) {
	l.result.Warnings = append(l.result.Warnings, fmt.Sprintf(format, args...))
}

// normalise makes shares of counts, but for the first, which stands for missing
// values. No level is impossible: each counts a little more than it was seen.
func normalise(counts []float64) {
	const more = 0.5
	sum := 0.0
	for code := 1; code < len(counts); code++ {
		counts[code] += more / float64(len(counts)-1)
		sum += counts[code]
	}
	for code := 1; code < len(counts); code++ {
		counts[code] /= sum
	}
	counts[0] = 0
}

func emptyLike(a [][]float64) [][]float64 {
	b := make([][]float64, len(a))
	for i := range a {
		b[i] = make([]float64, len(a[i]))
	}
	return b
}
