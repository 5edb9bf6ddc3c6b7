package match

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Model is what a linkage has learnt about how records of one person, and of
// others, agree. It names no value of any record, and can be kept and used again
// on files of the same kind (Options.Model).
type Model struct {
	Prior       float64           `json:"prior"` // the probability that two random records are one person
	Comparisons []ModelComparison `json:"comparisons"`
	Training    Training          `json:"training"`

	highestPrior float64 // what Prior may come to be
}

// ModelComparison is one comparison, its levels from the strongest to "else".
type ModelComparison struct {
	Column        string       `json:"column"`
	TermFrequency bool         `json:"term_frequency,omitempty"`
	Levels        []ModelLevel `json:"levels"`
}

// ModelLevel is how often pairs are at a level where both sides have a value.
type ModelLevel struct {
	Level  string  `json:"level"`
	M      float64 `json:"m"`      // of pairs of one person
	U      float64 `json:"u"`      // of other pairs
	Weight float64 `json:"weight"` // log2(m/u): bits of evidence
}

// Training says what a model was learnt from.
type Training struct {
	Random     int64         `json:"random_pairs"`
	Rules      []TrainedRule `json:"rules"`
	Iterations int           `json:"iterations"`
	Converged  bool          `json:"converged"`
}

// TrainedRule is one training rule: pairs that agree on it say nothing about its own columns.
type TrainedRule struct {
	Rule  Rule    `json:"rule"`
	Pairs int64   `json:"pairs"`
	Share float64 `json:"share"` // of them that are one person
}

// ReadModel reads a model as Write wrote it.
func ReadModel(r io.Reader) (*Model, error) {
	var m Model
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("the linkage model cannot be read: %w", err)
	}
	for _, c := range m.Comparisons {
		for _, l := range c.Levels {
			if !(l.M > 0 && l.M <= 1 && l.U > 0 && l.U <= 1) {
				return nil, fmt.Errorf("the linkage model: comparison %s, level %s: m and u are probabilities above 0", c.Column, l.Level)
			}
		}
	}
	if !(m.Prior > 0 && m.Prior < 1) {
		return nil, errors.New("the linkage model: the prior is a probability above 0 and below 1")
	}
	return &m, nil
}

// Write writes the model as JSON.
func (m *Model) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(m)
}

// fits says whether a model is one of a spec's comparisons.
func (m *Model) fits(s Spec) error {
	if len(m.Comparisons) != len(s.Comparisons) {
		return fmt.Errorf("the linkage model has %d comparisons, the spec %d: train a model of this spec", len(m.Comparisons), len(s.Comparisons))
	}
	for k, c := range s.Comparisons {
		mc := m.Comparisons[k]
		if mc.Column != c.Column || mc.TermFrequency != c.TermFrequency || len(mc.Levels) != len(c.Levels)+1 {
			return fmt.Errorf("the linkage model compares %s otherwise than the spec does %s: train a model of this spec", mc.Column, c.Column)
		}
		for i, l := range c.Levels {
			if mc.Levels[i].Level != l.String() {
				return fmt.Errorf("the linkage model has the level %s of %s where the spec has %s: train a model of this spec", mc.Levels[i].Level, c.Column, l)
			}
		}
	}
	return nil
}

// level is the level of a code; nil where a value is missing.
func (c *ModelComparison) level(code int) *ModelLevel {
	if code == 0 {
		return nil
	}
	return &c.Levels[len(c.Levels)-code]
}

// weight is the match weight of a pattern, with the average frequency of terms.
func (m *Model) weight(l layout, pattern int64) float64 {
	sum := 0.0
	for k := range m.Comparisons {
		if at := m.Comparisons[k].level(l.code(pattern, k)); at != nil {
			sum += at.Weight
		}
	}
	return sum
}

// expression is the weight of a pattern in SQL. Where terms count, a pair's own
// bits stand for -log2(u) of the level exact, so that it is left out.
func (m *Model) expression(l layout) string {
	var b strings.Builder
	for k, c := range m.Comparisons {
		if k > 0 {
			b.WriteString(" + ")
		}
		weights := make([]string, l.sizes[k])
		for code := range weights {
			w := 0.0
			if at := c.level(code); at != nil {
				w = at.Weight
				if c.TermFrequency && code == len(c.Levels) {
					w = math.Log2(at.M)
				}
			}
			weights[code] = number(w)
		}
		fmt.Fprintf(&b, "[%s][((pattern >> %d) & %d) + 1]::DOUBLE", strings.Join(weights, ", "), l.shifts[k], nextPower(l.sizes[k])-1)
	}
	return b.String()
}

// nextPower is the least power of two that is n at least.
func nextPower(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// Contribution is what one comparison adds to the weight of a pair.
type Contribution struct {
	Column string  `json:"column"`
	Level  string  `json:"level"`  // "missing" where a side has no value
	Weight float64 `json:"weight"` // bits, before the terms' own frequency
}

// contributions are those of a pattern, in the order of the comparisons.
func (m *Model) contributions(l layout, pattern int64) []Contribution {
	out := make([]Contribution, len(m.Comparisons))
	for k := range m.Comparisons {
		out[k] = Contribution{Column: m.Comparisons[k].Column, Level: "missing"}
		if at := m.Comparisons[k].level(l.code(pattern, k)); at != nil {
			out[k].Level, out[k].Weight = at.Level, at.Weight
		}
	}
	return out
}
