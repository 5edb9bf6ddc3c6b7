package disclosure

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkStatistic applies the rules of what the table says that it is, or looks like.
func (c *checker) checkStatistic(t *table, columns []column) {
	kind := Statistic("")
	if c.declared != nil {
		kind = c.declared.Kind
	}
	c.checkDegrees(t, columns, kind == Regression)
	c.checkAtRisk(t, columns, kind == Survival)
	c.checkPercentiles(t, columns)
	if kind == Histogram {
		c.checkTails(t, columns)
	}
}

// isDegrees says whether a name is that of residual degrees of freedom.
func isDegrees(name string) bool {
	switch strings.Join(wordsOf(name), "_") {
	case "df", "dof", "ddl", "df_resid", "df_residual", "dof_resid", "residual_df", "residual_dof", "degrees_of_freedom", "residual_degrees_of_freedom":
		return true
	}
	return false
}

// checkDegrees refuses regressions that are fitted to few persons.
// Source: SDAP handbook; acro, safe_dof_threshold.
func (c *checker) checkDegrees(t *table, columns []column, declared bool) {
	found := false
	for _, col := range columns {
		if !isDegrees(col.name) {
			continue
		}
		for i, r := range col.cells {
			v, ok := r.value()
			if found = found || ok; ok && v < float64(c.rules.Degrees) {
				c.refuseIn(t, t.at(i, col), "degrees-of-freedom", "n", c.rules.Degrees)
			}
		}
	}
	if !declared {
		return
	}
	switch d := c.declared; {
	case d.Observations > 0 && d.Parameters > 0 && d.Observations-d.Parameters < c.rules.Degrees:
		c.refuse(place{}, "degrees-of-freedom", "n", c.rules.Degrees)
	case !found && (d.Observations == 0 || d.Parameters == 0):
		c.refuse(place{}, "degrees-of-freedom_unknown")
	}
}

// checkAtRisk examines survival curves: who is at risk is counted, and a step of the
// curve gives with it how many had the event.
func (c *checker) checkAtRisk(t *table, columns []column, declared bool) {
	risk := slices.IndexFunc(columns, func(col column) bool {
		w := wordsOf(col.name)
		return slices.Contains(w, "risk") && (slices.Contains(w, "at") || slices.Contains(w, "n") || slices.Contains(w, "number")) && col.whole
	})
	curve := slices.IndexFunc(columns, func(col column) bool {
		return slices.ContainsFunc(wordsOf(col.name), func(w string) bool { return w == "survival" || w == "surv" || w == "survie" })
	})
	if risk < 0 {
		if declared {
			c.refuse(place{}, "at-risk_missing")
		}
		return
	}
	for i, r := range columns[risk].cells {
		if r.small(c.rules.MinimumCell) {
			c.refuseIn(t, t.at(i, columns[risk]), "at-risk", "minimum", c.rules.MinimumCell)
		}
	}
	if curve < 0 {
		return
	}
	before := 1.0
	for i, r := range columns[curve].cells {
		now, ok1 := r.value()
		n, ok2 := columns[risk].cells[i].value()
		if !ok1 || !ok2 || now > before {
			before = 1 // another curve begins, or what is not told
			if ok1 && now <= 1 {
				before = now
			}
			continue
		}
		if before > 0 {
			if events := n * (1 - now/before); events > 0.5 && events < float64(c.rules.MinimumCell)-0.5 {
				c.review(t.at(i, columns[curve]), "survival-step", "minimum", c.rules.MinimumCell)
			}
		}
		before = now
	}
}

var percentile = regexp.MustCompile(`^(?:p|q|pct|perc|percentile|quantile|centile)_?([0-9]{1,3})$`)

// checkPercentiles reviews percentiles beyond which few persons lie: they are the
// value of somebody.
func (c *checker) checkPercentiles(t *table, columns []column) {
	counts := byRole(columns, count)
	for _, col := range columns {
		m := percentile.FindStringSubmatch(strings.ToLower(strings.TrimSpace(col.name)))
		if m == nil {
			continue
		}
		p, err := strconv.Atoi(m[1])
		if err != nil || p > 100 || strings.HasPrefix(strings.ToLower(col.name), "q") && p < 5 {
			continue // q1 to q4 are quartiles
		}
		if len(counts) == 0 {
			c.review(t.as(col), "percentile_uncounted")
			continue
		}
		n, _ := denominatorOf(counts)
		for i, r := range col.cells {
			_, told := r.value()
			total, ok := n.cells[i].value()
			if beyond := total * float64(min(p, 100-p)) / 100; told && ok && beyond < float64(c.rules.MinimumCell) {
				c.refuseIn(t, t.at(i, col), "percentile", "minimum", c.rules.MinimumCell)
			}
		}
	}
}

// checkTails reviews the outermost bins of a histogram, whose edges are somebody's values.
func (c *checker) checkTails(t *table, columns []column) {
	edges := 0
	for _, col := range columns {
		if w := wordsOf(col.name); !slices.ContainsFunc(w, func(s string) bool {
			return s == "from" || s == "to" || s == "lower" || s == "upper" || s == "left" || s == "right" || s == "bin"
		}) {
			continue
		}
		edges++
		if len(col.cells) == 0 {
			continue
		}
		if first, last := col.cells[0], col.cells[len(col.cells)-1]; first.state == number && !round(first) || last.state == number && !round(last) {
			c.review(t.as(col), "histogram-tail")
		}
	}
	if edges == 0 {
		c.review(place{}, "histogram-tail_edges")
	}
}

// round says whether a number has at most two significant digits.
func round(r reading) bool {
	v, _ := r.value()
	text := strconv.FormatFloat(v, 'e', -1, 64)
	mantissa, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), "e")
	return len(strings.Replace(mantissa, ".", "", 1)) <= 2
}
