package match

import (
	"fmt"
	"strings"

	"rempart.eu/rempart/internal/page"
)

// Page is the result as a page with charts. It shows no value of any record.
func (r *Result) Page(title string) page.Page {
	p := page.Page{
		Title: title,
		Lead:  "Which records are one person, by probabilistic linkage (Fellegi and Sunter). No person's data is on this page.",
		Facts: []page.Fact{
			{Value: page.Number(float64(r.Decisions.Linked)), Name: "pairs linked"},
			{Value: page.Number(float64(r.Decisions.Clerical + r.Decisions.Tied)), Name: "pairs for a person to decide", Note: fmt.Sprintf("%d of them ties", r.Decisions.Tied)},
			{Value: percent(r.Estimated.Precision), Name: "precision, estimated"},
			{Value: percent(r.Estimated.Recall), Name: "recall, estimated", Note: "at most: what no rule finds is a lower bound"},
		},
		Foot: "Sources: Fellegi and Sunter 1969; Winkler 1988; Chao 1987.",
	}
	if m := r.Measured; m != nil {
		p.Facts = append(p.Facts, page.Fact{Value: percent(m.Precision), Name: "precision, by the truth"}, page.Fact{Value: percent(m.Recall), Name: "recall, by the truth"})
	}
	p.Sections = []page.Section{r.accountSection(), r.weightSection(), r.thresholdSection(), r.patternSection()}
	return p
}

func percent(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }

func (r *Result) accountSection() page.Section {
	rows := [][]string{}
	for _, rule := range r.Rules {
		rows = append(rows, []string{rule.Rule.String(), page.Number(float64(rule.Pairs)), page.Number(float64(rule.Added)), page.Number(float64(rule.Largest))})
	}
	d := r.Decisions
	records := [][]string{{"first file", page.Number(float64(r.Left)), page.Number(float64(d.LeftAlone))}}
	if r.Right > 0 {
		records = append(records, []string{"second file", page.Number(float64(r.Right)), page.Number(float64(d.RightAlone))})
	}
	blocks := []page.Block{
		page.Table{Caption: "Records", Header: []string{"file", "records", "in no link"}, Rows: records, Numbers: []int{1, 2}},
		page.Table{Caption: "Blocking rules: which pairs are compared", Header: []string{"agree on", "pairs", "not by a rule above", "largest block"}, Rows: rows, Numbers: []int{1, 2, 3}},
	}
	for _, w := range r.Warnings {
		blocks = append(blocks, page.Text("Warning: "+w))
	}
	return page.Section{Title: "What was compared", Blocks: blocks}
}

func (r *Result) weightSection() page.Section {
	chart := page.Chart{Title: "Match weights: what each agreement tells", Kind: page.Across, Unit: "bits"}
	series := page.Series{Name: "weight"}
	var rows [][]string
	for _, c := range r.Model.Comparisons {
		for _, l := range c.Levels {
			chart.Labels = append(chart.Labels, c.Column+": "+l.Level)
			series.Values = append(series.Values, l.Weight)
			rows = append(rows, []string{c.Column, l.Level, fmt.Sprintf("%.5f", l.M), fmt.Sprintf("%.7f", l.U), fmt.Sprintf("%+.2f", l.Weight)})
		}
	}
	chart.Series = []page.Series{series}
	return page.Section{Title: "The model", Lead: fmt.Sprintf("Two random records are one person with a probability of %.3g: %+.1f bits, to which each agreement adds its weight.", r.Model.Prior, logit(r.Model.Prior)), Blocks: []page.Block{
		chart,
		page.Table{Caption: "How often pairs of one person (m) and other pairs (u) are at each level", Header: []string{"comparison", "level", "m", "u", "weight"}, Rows: rows, Numbers: []int{2, 3, 4}},
	}}
}

func (r *Result) thresholdSection() page.Section {
	chart := page.Chart{Title: "Linked pairs by threshold", Kind: page.Lines, Unit: "per cent"}
	names := []string{"precision, estimated", "recall, estimated"}
	if r.Measured != nil {
		names = append(names, "precision, by the truth", "recall, by the truth")
	}
	for _, n := range names {
		chart.Series = append(chart.Series, page.Series{Name: n})
	}
	for _, p := range r.Curve {
		if p.Pairs == 0 || len(r.Curve) > 60 && p.Weight != float64(int(p.Weight)) {
			continue
		}
		chart.Labels = append(chart.Labels, fmt.Sprintf("%g", p.Weight))
		values := []float64{p.Expected / float64(p.Pairs), p.Expected / max(p.Expected, r.Estimated.Matches+r.Estimated.Missed)}
		if r.Measured != nil && p.Right != nil {
			values = append(values, float64(*p.Right)/float64(p.Pairs), float64(*p.Right)/max(1, float64(r.Measured.True)))
		}
		for i := range chart.Series {
			chart.Series[i].Values = append(chart.Series[i].Values, 100*values[i])
		}
	}
	blocks := []page.Block{chart}
	if len(chart.Labels) == 0 {
		blocks = []page.Block{page.Text("No pair comes near a threshold.")}
	}
	t := r.Spec.Thresholds
	return page.Section{Title: "Thresholds", Lead: fmt.Sprintf("Pairs of a probability of %g are linked, %.1f bits here; those from %g on are for a person to decide.", t.Link, logit(t.Link)-logit(r.Model.Prior), t.Clerical), Blocks: blocks}
}

// waterfalls is how many patterns a page draws.
const waterfalls = 3

func (r *Result) patternSection() page.Section {
	s := page.Section{Title: "How pairs agree", Lead: "The most frequent ways, and what each comparison adds. Where terms count, rare values add more than shown, and frequent ones less."}
	var rows [][]string
	drawn := map[string]int{}
	for _, p := range r.Common {
		var levels []string
		for _, c := range p.Contributions {
			levels = append(levels, c.Column+" "+c.Level)
		}
		rows = append(rows, []string{p.Decision, page.Number(float64(p.Pairs)), fmt.Sprintf("%+.1f", p.Weight), fmt.Sprintf("%.4f", p.Probability), strings.Join(levels, ", ")})
		if drawn[p.Decision]++; drawn[p.Decision] > waterfalls {
			continue
		}
		chart := page.Chart{Title: fmt.Sprintf("%s, %d pairs: %+.1f bits, probability %.4f", p.Decision, p.Pairs, p.Weight+logit(r.Model.Prior), p.Probability), Kind: page.Across, Unit: "bits"}
		chart.Labels, chart.Series = []string{"before"}, []page.Series{{Name: "adds", Values: []float64{logit(r.Model.Prior)}}}
		for _, c := range p.Contributions {
			chart.Labels = append(chart.Labels, c.Column+": "+c.Level)
			chart.Series[0].Values = append(chart.Series[0].Values, c.Weight)
		}
		s.Blocks = append(s.Blocks, chart)
	}
	if len(rows) == 0 {
		s.Blocks = append(s.Blocks, page.Text("No pair is linked or to be decided."))
		return s
	}
	s.Blocks = append(s.Blocks, page.Table{Caption: "Patterns", Header: []string{"decision", "pairs", "weight", "probability", "levels"}, Rows: rows, Numbers: []int{1, 2, 3}})
	return s
}
