package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/catalogue"
)

func (a *app) projectCatalogue() *cobra.Command {
	var as, html string
	var since bool
	c := &cobra.Command{
		Use: "catalogue PROJECT", Short: "Say what a project's space holds, in rounded counts", Args: exactly(1),
		Long: `Tables, columns, how many rows lack a value, and how values are spread. Each value that
is named is that of as many persons as the authorisation's minimum_cell_count, and
counts are rounded, so that nobody can be found in it: a researcher reads it without the
airlock. --since tells what has changed since the extraction before.`,
		Example: "  rempart project catalogue diabetes\n  rempart project catalogue diabetes --html space.html\n  rempart project catalogue diabetes --since",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, args[0]); err != nil {
				return err
			}
			now, before, err := project.Catalogue(c.Context(), w, as, args[0])
			if err != nil {
				return err
			}
			if since {
				if before == nil {
					return &governance.Refusal{Reason: "project " + args[0] + " was extracted once, and there is nothing to compare with", Remedy: "See what is there: rempart project catalogue " + args[0]}
				}
				changes := now.Since(before)
				return a.show(changes, func() error { return a.printChangesOf(changes) })
			}
			if html != "" {
				if err := writeReport(html, cataloguePage(now)); err != nil {
					return err
				}
			}
			return a.show(now, func() error { return a.printCatalogue(now, html) })
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&html, "html", "", "the `page` to write")
	c.Flags().BoolVar(&since, "since", false, "what has changed since the extraction before")
	return c
}

// projectActor is who acts in a project: the one that was named, or its only researcher.
func (a *app) projectActor(state *governance.State, as, name string) (string, error) {
	if as == "" {
		if p, err := state.Project(name); err == nil && len(p.Spec.Researchers) == 1 {
			return p.Spec.Researchers[0], nil
		}
	}
	return a.actor(state, as, governance.Researcher)
}

func (a *app) printCatalogue(c *catalogue.Catalogue, html string) error {
	a.say("Project %s holds %s persons of release %s, %s to %s.", c.Project, count(c.Persons), c.Release, c.From.Format("2006-01-02"), c.To.Format("2006-01-02"))
	a.say("Counts are rounded to %d; no value of fewer than %d persons is told.", c.Rounding, c.Least)
	for _, t := range c.Tables {
		of := ""
		if t.Persons > 0 {
			of = " of " + count(t.Persons) + " persons"
		}
		a.say("")
		a.say("%s: %s rows%s", t.Name, count(t.Rows), of)
		var rows [][]string
		for _, column := range t.Columns {
			rows = append(rows, []string{"  " + column.Name, strings.ToLower(column.Type), missingShare(t, column), most(c, column)})
		}
		if err := a.table([]string{"  column", "type", "missing", "most frequent, or spread"}, rows); err != nil {
			return err
		}
	}
	if html != "" {
		a.say("")
		a.say("The page is %s.", html)
	}
	return nil
}

// missingShare is the share of a table's rows that have no value.
func missingShare(t catalogue.Table, c catalogue.Column) string {
	if t.Rows == 0 || c.Missing == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*min(1, float64(c.Missing)/float64(t.Rows)), 'f', 0, 64) + " %"
}

// most tells in a line how a column is spread.
func most(c *catalogue.Catalogue, column catalogue.Column) string {
	if column.Role == catalogue.Key || column.Role == catalogue.Reference {
		return "number of " + column.References
	}
	if len(column.Quantiles) > 0 {
		what := ""
		if column.Role == catalogue.Date {
			what = " days after the beginning"
		}
		return spread(column.Quantiles) + what
	}
	var told []string
	for _, v := range column.Values[:min(3, len(column.Values))] {
		told = append(told, named(c, column, v.Value)+" ("+count(v.Rows)+")")
	}
	if column.Role == catalogue.Date && len(column.Values) > 0 {
		return column.Values[0].Value + " to " + column.Values[len(column.Values)-1].Value
	}
	if more := len(column.Values) - 3; more > 0 {
		told = append(told, fmt.Sprintf("%d more", more))
	}
	return strings.Join(told, ", ")
}

// named is a value, with what it means where it is a code.
func named(c *catalogue.Catalogue, column catalogue.Column, value string) string {
	if column.Role != catalogue.Code {
		return value
	}
	if name := c.Means(value); name != "" {
		return value + " " + name
	}
	return value
}

// spread tells quantiles in a line.
func spread(quantiles []catalogue.Quantile) string {
	var told []string
	for _, q := range quantiles {
		told = append(told, fmt.Sprintf("%.0f %%: %s", 100*q.Share, strconv.FormatFloat(q.Value, 'f', -1, 64)))
	}
	return strings.Join(told, ", ")
}

func (a *app) printChangesOf(changes []catalogue.Change) error {
	if len(changes) == 0 {
		a.say("Nothing that a catalogue tells has changed.")
		return nil
	}
	var rows [][]string
	for _, c := range changes {
		rows = append(rows, []string{strings.Trim(c.Table+"."+c.Column, "."), c.What, c.Before, c.After})
	}
	return a.table([]string{"where", "what", "before", "now"}, rows)
}

// cataloguePage is a catalogue for people.
func cataloguePage(c *catalogue.Catalogue) page.Page {
	p := page.Page{
		Title: "The space of project " + c.Project,
		Lead:  fmt.Sprintf("What it holds of release %s, from %s to %s. Nobody can be found in these figures: counts are rounded to %d, and no value of fewer than %d persons is told.", c.Release, c.From.Format("2006-01-02"), c.To.Format("2006-01-02"), c.Rounding, c.Least),
		Facts: []page.Fact{{Value: count(c.Persons), Name: "persons"}, {Value: strconv.Itoa(len(c.Tables)), Name: "tables"}},
	}
	var rows int64
	for _, t := range c.Tables {
		rows += t.Rows
		p.Sections = append(p.Sections, tableSection(c, t))
	}
	p.Facts = append(p.Facts, page.Fact{Value: count(rows), Name: "rows"})
	return p
}

// charted is how many charts of values a table has at most, and how many values each.
const charted, chartedValues = 4, 10

func tableSection(c *catalogue.Catalogue, t catalogue.Table) page.Section {
	s := page.Section{Title: t.Name, Lead: count(t.Rows) + " rows"}
	if t.Persons > 0 {
		s.Lead += " of " + count(t.Persons) + " persons"
	}
	columns := page.Table{Caption: "Columns", Header: []string{"column", "type", "missing", "most frequent, or spread"}, Numbers: []int{2}}
	charts := 0
	for _, column := range t.Columns {
		columns.Rows = append(columns.Rows, []string{column.Name, strings.ToLower(column.Type), missingShare(t, column), most(c, column)})
	}
	s.Blocks = append(s.Blocks, columns)
	for _, column := range t.Columns {
		if len(column.Values) < 2 || charts == charted {
			continue
		}
		charts++
		s.Blocks = append(s.Blocks, valuesChart(c, column))
	}
	if len(t.Measures) > 0 {
		measures := page.Table{Caption: "Numbers by concept and unit", Header: []string{"concept", "unit", "rows", "spread"}, Numbers: []int{2}}
		for _, m := range t.Measures {
			measures.Rows = append(measures.Rows, []string{meaning(c, m.Concept), meaning(c, m.Unit), count(m.Rows), spread(m.Quantiles)})
		}
		s.Blocks = append(s.Blocks, measures)
	}
	return s
}

func meaning(c *catalogue.Catalogue, code string) string {
	return strings.TrimSpace(code + " " + c.Means(code))
}

func valuesChart(c *catalogue.Catalogue, column catalogue.Column) page.Chart {
	chart := page.Chart{Title: column.Name, Kind: page.Across, Unit: "rows", Series: []page.Series{{Name: "rows"}}}
	values := slices.Clone(column.Values)
	if column.Role == catalogue.Date || column.Role == catalogue.Number {
		chart.Kind = page.Bars
		slices.SortFunc(values, func(a, b catalogue.Value) int {
			x, _ := strconv.ParseFloat(a.Value, 64)
			y, _ := strconv.ParseFloat(b.Value, 64)
			return int(x - y)
		})
	} else {
		values = values[:min(chartedValues, len(values))]
	}
	for _, v := range values {
		chart.Labels = append(chart.Labels, named(c, column, v.Value))
		chart.Series[0].Values = append(chart.Series[0].Values, float64(v.Rows))
	}
	return chart
}
